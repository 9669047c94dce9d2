//! What can be set about the listeners.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use super::access::{Auth, Cors, Unguarded};

/// Options of the web server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Address of the plain listener (`server.listen`).
    pub listen: SocketAddr,
    /// Path under which everything is served, with a slash at both ends (`server.base_path`).
    pub base_path: String,
    /// The TLS listener, if there is one (`[server.tls]`).
    pub tls: Option<TlsOptions>,
    /// Who may watch (`auth`).
    pub auth: Auth,
    /// Pages on other origins (`[server.cors]`).
    pub cors: Cors,
}

impl Options {
    /// Checks that listeners which others can reach are guarded, or left open on purpose.
    ///
    /// # Errors
    /// One is not, and nothing is said about who may watch.
    pub fn guarded(&self) -> Result<(), Unguarded> {
        self.auth.guards([self.listen].into_iter().chain(self.tls.as_ref().map(|tls| tls.listen)))
    }
}

/// Options of the TLS listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsOptions {
    /// Address of the listener (`server.tls.listen`).
    pub listen: SocketAddr,
    /// PEM file with the certificate chain (`server.tls.cert`).
    pub cert: PathBuf,
    /// PEM file with the private key (`server.tls.key`).
    pub key: PathBuf,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            base_path: "/".into(),
            tls: None,
            auth: Auth::default(),
            cors: Cors::default(),
        }
    }
}
