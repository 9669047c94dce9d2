//! What is said when settings cannot be used.
//!
//! Nothing here ever quotes the text of a file: the line at fault may be the one with a password in it.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::web::access::{BadPassword, NoKey, Unguarded};

/// Why there are no settings.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file could not be read, or is not UTF-8; the cause is the source.
    #[error("cannot read {}", file.display())]
    Read {
        /// The configuration file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file or the arguments were read and are wrong; shown one problem a line, all that were found.
    #[error("{0}")]
    Invalid(Problems),
    /// Others can reach a listener, and nothing says who may watch.
    #[error(transparent)]
    Unguarded(#[from] Unguarded),
    /// An access link cannot be made.
    #[error(transparent)]
    NoKey(#[from] NoKey),
    /// A password cannot be one.
    #[error(transparent)]
    BadPassword(#[from] BadPassword),
    /// What was to be typed in cannot be read.
    #[error("cannot read the password")]
    NoInput(#[source] io::Error),
    /// A command that works on a configuration file was given none.
    #[error("there is no configuration to look at; name one with --config FILE")]
    NoConfig,
}

impl From<Problem> for LoadError {
    fn from(problem: Problem) -> Self {
        Self::Invalid(Problems(vec![problem]))
    }
}

/// Everything that is wrong, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

/// One thing that is wrong.
///
/// Shown as `belvedere.toml:12:1: cameras.front-door.renditions.main.transprot: unknown key; …` or as
/// `--camera front: …`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where it stands.
    pub place: Place,
    /// The rule that is broken; never the value that breaks it where that could hold a secret.
    pub text: String,
}

/// Where a problem stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a configuration file.
    File {
        /// Name of the file as it was given.
        file: String,
        /// Line, counted from 1.
        line: usize,
        /// Column in characters, counted from 1.
        column: usize,
        /// The key with the tables it is in, joined by dots; empty where the text cannot be read as TOML.
        key: String,
    },
    /// In a command line argument.
    Argument {
        /// The option, and the camera it speaks of as far as that is known.
        name: String,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::File { file, line, column, key } => {
                write!(f, "{file}:{line}:{column}: ")?;
                if !key.is_empty() {
                    write!(f, "{key}: ")?;
                }
            }
            Place::Argument { name } => write!(f, "{name}: ")?,
        }
        f.write_str(&self.text)
    }
}
