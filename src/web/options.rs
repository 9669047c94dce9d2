//! What can be set about the listeners.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use ipnet::IpNet;

use super::access::{Auth, Cors, Unguarded};
use super::limits::ConnectionLimits;

/// Options of the web server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Address of the plain listener (`server.listen`).
    pub listen: SocketAddr,
    /// Path under which everything is served, with a slash at both ends (`server.base_path`).
    pub base_path: String,
    /// The TLS listener, if there is one (`[server.tls]`).
    pub tls: Option<TlsOptions>,
    /// Names under which alone this server is asked for, beside those of this machine; empty is any (`server.hosts`).
    pub hosts: Vec<String>,
    /// Proxies that are believed whom a request is from (`server.trusted_proxies`).
    pub trusted_proxies: Vec<IpNet>,
    /// How many may be connected (`[limits]`).
    pub connections: ConnectionLimits,
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

    /// Files, beside the configuration itself, whose change may change who may watch.
    pub fn files(&self) -> Vec<&Path> {
        match &self.auth {
            Auth::Rules(rules) => rules.jwks.iter().map(|jwks| jwks.file.as_path()).collect(),
            Auth::Unset | Auth::Open => Vec::new(),
        }
    }
}

/// Options of the TLS listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsOptions {
    /// Address of the listener (`server.tls.listen`).
    pub listen: SocketAddr,
    /// What it shows.
    pub identity: Identity,
    /// Whether pages that are asked for without TLS send their reader here (`server.tls.redirect`).
    pub redirect: bool,
}

/// Where certificate and key come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// PEM files.
    Files {
        /// The certificate chain (`server.tls.cert`).
        cert: PathBuf,
        /// The private key (`server.tls.key`).
        key: PathBuf,
    },
    /// They are made by an authority of our own (`server.tls.self_signed`).
    SelfSigned {
        /// Where the authority is kept, with its key.
        file: PathBuf,
    },
}

impl Identity {
    /// The file that errors name.
    pub fn file(&self) -> &Path {
        match self {
            Self::Files { cert, .. } => cert,
            Self::SelfSigned { file } => file,
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            base_path: "/".into(),
            tls: None,
            hosts: Vec::new(),
            trusted_proxies: Vec::new(),
            connections: ConnectionLimits::default(),
            auth: Auth::default(),
            cors: Cors::default(),
        }
    }
}
