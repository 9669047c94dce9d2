//! `cli`: the arguments, and what they ask for.
//!
//! Belongs here: the options of each command, and the step from them to an [`Action`]. Does not belong here:
//! how anything works inside, starting anything, printing anything.
//! Read first: [`Args`], then [`resolve`]. `args.rs` also keeps passwords out of what clap says about bad
//! arguments.

mod args;
mod look;
mod summary;
mod token;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests;

use std::path::Path;

use secrecy::{ExposeSecret, SecretString};

pub use args::{Args, Command, LOG_VARIABLE, ProbeArgs, ServeArgs, TokenArgs};
pub use look::Look;

pub use crate::causes::with_causes;

use crate::settings::{CameraArg, LoadError, Place, Problem, Problems, Settings};

/// What the arguments ask for.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "there is one in the life of a process")]
pub enum Action {
    /// Serve until told to stop.
    Serve {
        /// Complete and checked.
        settings: Settings,
        /// Start the built-in camera too: it was asked for, or neither a file nor a camera is given.
        demo: bool,
    },
    /// The configuration is good: print this text, which shows no secrets and ends with a line end, and
    /// exit with 0.
    Check(String),
    /// Watch one camera, then print what [`Look::run`] says.
    Probe(Look),
    /// Print a text for programs on standard output and one for people on standard error, and exit with 0.
    Say {
        /// What was asked for, with a line end.
        text: SecretString,
        /// What to do with it.
        note: SecretString,
    },
}

/// Reads what the arguments name, and starts nothing.
///
/// # Errors
/// [`LoadError`] if the configuration file cannot be read or is wrong, if a camera of an argument is wrong or
/// in the file already, or if there is nothing to check. No error text holds a URL or a password.
pub fn resolve(args: Args) -> Result<Action, LoadError> {
    let Args { config, log: _, command } = args;
    match command.unwrap_or_default() {
        Command::Check => {
            let settings = load(&config.ok_or(LoadError::NoConfig)?)?.guarded()?;
            Ok(Action::Check(summary::of(&settings)))
        }
        Command::Probe(args) => Look::new(args).map(Action::Probe).map_err(LoadError::from),
        Command::Token(args) => token::mint(&load(&config.ok_or(LoadError::NoConfig)?)?, args),
        Command::HashPassword => token::hash_password(),
        Command::Serve(ServeArgs { cameras, listen, auth, demo }) => {
            let nothing_given = config.is_none() && cameras.is_empty();
            let settings = config.as_deref().map(load).transpose()?.unwrap_or_default();
            let mut settings = settings.with_cameras(&parse(&cameras)?)?;
            if let Some(listen) = listen {
                settings = settings.with_listen(listen)?;
            }
            if auth.is_some() {
                settings = settings.with_open_doors();
            }
            let settings = settings.guarded()?;
            Ok(Action::Serve { settings, demo: demo || nothing_given })
        }
    }
}

/// The settings that the arguments ask to serve with, read again.
///
/// # Errors
/// As [`resolve`].
pub fn settings_of(args: Args) -> Result<Settings, LoadError> {
    match resolve(args)? {
        Action::Serve { settings, .. } => Ok(settings),
        _ => Err(LoadError::NoConfig),
    }
}

fn load(path: &Path) -> Result<Settings, LoadError> {
    // A camera's URL in the wrong place would come back, credentials and all, as a file that is not there.
    if path.to_string_lossy().contains("://") {
        let place = Place::Argument { name: "--config".to_owned() };
        return Err(Problem { place, text: "must be a file, not a URL".to_owned() }.into());
    }
    Settings::load(path)
}

/// All cameras, or all that is wrong with them.
fn parse(texts: &[SecretString]) -> Result<Vec<CameraArg>, LoadError> {
    let (mut cameras, mut problems) = (Vec::new(), Vec::new());
    for text in texts {
        match text.expose_secret().parse() {
            Ok(camera) => cameras.push(camera),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() { Ok(cameras) } else { Err(LoadError::Invalid(Problems(problems))) }
}
