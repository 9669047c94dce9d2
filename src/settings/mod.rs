//! `settings`: what can be set, read from TOML or from arguments, checked, and complete.
//!
//! Belongs here: the keys of the file, their bounds, every complaint about them, and the difference
//! of two [`Settings`]. Does not belong here: what an option means (the `Options` of each room say that),
//! defaults (theirs too), running tasks, watching files.
//! Read first: `file.rs` and `cameras.rs`, which name every key once; `section.rs` finds unknown ones.
//!
//! Settings are parsed, not validated later: who holds a [`Settings`] need not check it again. Nothing in
//! here shows a password, neither `Debug` nor an error.

mod auth;
mod cameras;
mod change;
mod error;
mod file;
mod name;
mod one;
mod section;
mod source;
mod syntax;
mod value;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests;

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

pub use cameras::CameraArg;
pub use change::needs_restart;
pub use error::{LoadError, Place, Problem, Problems};
pub use name::{BadName, Name};
pub use one::{SourceArg, duration};

use crate::{hls, ingest, live, mse, web};

/// Everything that can be set. The default has no cameras and the default options of each room.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Listeners (`[server]`).
    pub web: web::Options,
    /// Rings (`[hls]` and `[limits]`); they hold for each rendition.
    pub live: live::Options,
    /// HLS beyond the ring (`[hls]`).
    pub hls: hls::Options,
    /// The MSE feed (`[mse]`).
    pub mse: mse::Options,
    /// Time-outs towards cameras (`[ingest]`).
    pub ingest: ingest::Options,
    /// Cameras in the order in which they are first named; no name twice.
    pub cameras: Vec<Camera>,
}

/// A named place one watches (`[cameras.NAME]`).
#[derive(Clone, Debug)]
pub struct Camera {
    /// Its name in URLs.
    pub name: Name,
    /// Its name for people.
    pub title: String,
    /// False keeps it out of service without forgetting it.
    pub enabled: bool,
    /// When it is connected.
    pub start: ingest::Start,
    /// At least one, no name twice; the first is the default.
    pub renditions: Vec<Rendition>,
}

/// One stream of a camera (`[cameras.NAME.renditions.NAME]`).
#[derive(Clone, Debug)]
pub struct Rendition {
    /// Its name in URLs, usually `main` or `sub`.
    pub name: Name,
    /// Where it comes from.
    pub source: ingest::Source,
}

impl Settings {
    /// Reads a file. Relative paths in it begin at its directory.
    ///
    /// # Errors
    /// [`LoadError::Read`] if there is no such file or no right to read it, [`LoadError::Invalid`] with
    /// everything that is wrong in it otherwise.
    pub fn load(path: &Path) -> Result<Self, LoadError> {
        let text =
            fs::read_to_string(path).map_err(|source| LoadError::Read { file: path.to_owned(), source })?;
        let base_dir = path.parent().unwrap_or(Path::new(""));
        Self::parse(&text, &path.display().to_string(), base_dir)
    }

    /// Reads the text of a file. `file_name` is what errors call it; relative paths begin at `base_dir`.
    ///
    /// Reads the password files that the text names, and no other.
    ///
    /// # Errors
    /// [`LoadError::Invalid`] with everything that is wrong, in the order of the text.
    pub fn parse(text: &str, file_name: &str, base_dir: &Path) -> Result<Self, LoadError> {
        file::read(text, file_name, base_dir).map_err(|problems| LoadError::Invalid(Problems(problems)))
    }

    /// Defaults and the cameras of arguments.
    ///
    /// # Errors
    /// [`LoadError::Invalid`] if a rendition is given twice.
    pub fn from_cameras(arguments: &[CameraArg]) -> Result<Self, LoadError> {
        Self::default().with_cameras(arguments)
    }

    /// Adds the cameras of arguments after those that are there. The first argument that names a rendition
    /// of a camera names its default.
    ///
    /// # Errors
    /// [`LoadError::Invalid`] if a camera is there already, or a rendition is given twice.
    pub fn with_cameras(mut self, arguments: &[CameraArg]) -> Result<Self, LoadError> {
        match cameras::add(&mut self.cameras, arguments) {
            Ok(()) => Ok(self),
            Err(problems) => Err(LoadError::Invalid(Problems(problems))),
        }
    }

    /// With another address for the plain listener (`--listen`).
    ///
    /// # Errors
    /// [`LoadError::Invalid`] if the TLS listener has that address; port 0 is never taken.
    pub fn with_listen(mut self, listen: SocketAddr) -> Result<Self, LoadError> {
        if listen.port() != 0 && self.web.tls.as_ref().is_some_and(|tls| tls.listen == listen) {
            let place = Place::Argument { name: "--listen".to_owned() };
            return Err(Problem { place, text: format!("{listen} is server.tls.listen already") }.into());
        }
        self.web.listen = listen;
        Ok(self)
    }

    /// With everything open to everybody (`--auth none`), whatever the file says.
    #[must_use]
    pub fn with_open_doors(mut self) -> Self {
        self.web.auth = web::access::Auth::Open;
        self
    }

    /// Checks that what others can reach is guarded, or left open on purpose.
    ///
    /// # Errors
    /// [`LoadError::Unguarded`] if it is neither.
    pub fn guarded(self) -> Result<Self, LoadError> {
        self.web.guarded()?;
        Ok(self)
    }
}
