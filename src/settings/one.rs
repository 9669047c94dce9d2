//! One source, from the arguments of a command that looks at a single camera.

use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::SecretString;

use super::cameras;
use super::error::{Place, Problem};
use super::source::{self, Located};
use super::value;
use crate::ingest::{Source, Transport, Trust};

/// What such a command is told; nothing of it is checked yet.
#[derive(Clone, Debug)]
pub struct SourceArg {
    /// The URL, perhaps with credentials in it.
    pub url: SecretString,
    /// User name.
    pub username: Option<String>,
    /// A file with the password.
    pub password_file: Option<PathBuf>,
    /// RTP over UDP.
    pub udp: bool,
    /// Any certificate will do.
    pub insecure: bool,
    /// A PEM file with the certificates that will do.
    pub tls_ca: Option<PathBuf>,
}

impl SourceArg {
    /// The source.
    ///
    /// # Errors
    /// What is wrong, and where; never with the URL or a password in it.
    pub fn source(&self) -> Result<Source, Problem> {
        use secrecy::ExposeSecret;
        let Located { url, username, password } =
            source::locate(self.url.expose_secret()).map_err(|text| problem("URL", self.with_hint(text)))?;
        if password.is_some() && self.password_file.is_some() {
            return Err(problem("--password-file", "the URL holds a password already; keep one of them"));
        }
        if username.is_some() && self.username.is_some() {
            return Err(problem("--username", "the URL holds a user name already; keep one of them"));
        }
        let from_file = self.password_file.as_deref().map(|path| cameras::read_secret(path, Path::new("")));
        let from_file = from_file.transpose().map_err(|text| problem("--password-file", text))?;
        let (username, password) = (self.username.clone().or(username), from_file.or(password));
        if password.is_some() && username.is_none() {
            return Err(problem("--username", "missing; a password needs a user name"));
        }
        let trust = match &self.tls_ca {
            _ if self.insecure => Trust::Insecure,
            None => Trust::WebRoots,
            Some(path) => {
                Trust::Roots(cameras::certificates(path).map_err(|text| problem("--tls-ca", text))?)
            }
        };
        let transport = if self.udp { Transport::Udp } else { Transport::Tcp };
        Ok(Source { url, transport, trust, username, password, audio: true, video: true })
    }

    /// What is wrong with the URL, and what that comes from nearly always if it holds a password. Quotes nothing.
    fn with_hint(&self, text: String) -> String {
        use secrecy::ExposeSecret;
        if !text.starts_with("not a URL") || !self.url.expose_secret().contains('@') {
            return text;
        }
        text + "; if the password has a '/', '?', '#', '@', ':' or '%', write %2F, %3F, %23, %40, %3A or %25 for it, \
                or use --username and --password-file"
    }
}

/// A duration of an argument, like `10s`, of `least` to `most`.
///
/// # Errors
/// The rule that is broken.
pub fn duration(text: &str, least: Duration, most: Duration) -> Result<Duration, String> {
    value::bounded_duration(text, &(least..=most))
}

fn problem(name: &str, text: impl Into<String>) -> Problem {
    Problem { place: Place::Argument { name: name.to_owned() }, text: text.into() }
}
