//! What can be set about the listeners.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use ipnet::IpNet;

use super::access::{self, Auth, Cors};
use super::limits::ConnectionLimits;
use super::listen::{Endpoint, Listen};

/// Options of the web server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Listeners without TLS (`server.listen`).
    pub listen: Vec<Listen>,
    /// Path under which everything is served, with a slash at both ends (`server.base_path`).
    pub base_path: String,
    /// TLS, if there is any (`[server.tls]`).
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

/// Others can reach the server, and nothing is said about who may watch.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unguarded {
    /// They can reach an address.
    #[error(transparent)]
    Address(#[from] access::Unguarded),
    /// They come by a proxy on this machine or elsewhere, so that all of them look like it.
    #[error(
        "there is a proxy in front (server.trusted_proxies), by which others can reach this server, and nothing says who \
         may watch: write an [auth] table, or auth = \"none\" at the head of the configuration if everybody may"
    )]
    Proxied,
    /// They come by a proxy: there is no other reason for a Unix socket.
    #[error(
        "a proxy by which others can reach this server belongs before {0}, and nothing says who may watch: write an \
         [auth] table, or auth = \"none\" at the head of the configuration if everybody may"
    )]
    Socket(Endpoint),
}

impl Options {
    /// Checks that what others can reach is guarded, or left open on purpose. What systemd hands over is not known before
    /// the start.
    ///
    /// # Errors
    /// It is not, and nothing is said about who may watch.
    pub fn guarded(&self) -> Result<(), Unguarded> {
        let endpoints = self.all_listeners().map(|listen| &listen.endpoint);
        guards(&self.auth, endpoints, !self.trusted_proxies.is_empty())
    }

    /// All listeners, first those without TLS.
    pub fn all_listeners(&self) -> impl Iterator<Item = &Listen> {
        self.listen.iter().chain(self.tls.iter().flat_map(|tls| &tls.listen))
    }

    /// Files, beside the configuration itself, whose change may change who may watch.
    pub fn files(&self) -> Vec<&Path> {
        match &self.auth {
            Auth::Rules(rules) => rules.jwks.iter().map(|jwks| jwks.file.as_path()).collect(),
            Auth::Unset | Auth::Open => Vec::new(),
        }
    }
}

/// Checks that what others can reach is guarded, or left open on purpose: some places, and what is behind proxies that are
/// believed (`proxied`).
///
/// # Errors
/// It is not, and nothing is said about who may watch.
pub fn guards<'e>(
    auth: &Auth,
    endpoints: impl IntoIterator<Item = &'e Endpoint>,
    proxied: bool,
) -> Result<(), Unguarded> {
    if *auth == Auth::Unset && proxied {
        return Err(Unguarded::Proxied);
    }
    endpoints.into_iter().try_for_each(|endpoint| match endpoint {
        Endpoint::Tcp(address) => Ok(auth.guards([*address])?),
        Endpoint::Unix { .. } if *auth == Auth::Unset => Err(Unguarded::Socket(endpoint.clone())),
        Endpoint::Unix { .. } | Endpoint::Systemd(_) => Ok(()),
    })
}

/// Options of the TLS listeners.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsOptions {
    /// Listeners with TLS (`server.tls.listen`).
    pub listen: Vec<Listen>,
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
            listen: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)).into()],
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn what_a_proxy_shows_to_others_is_guarded_or_open_on_purpose() {
        let tcp = |text: &str| Listen::from(text.parse::<SocketAddr>().unwrap());
        let socket = Endpoint::Unix { path: "/run/b.sock".into(), mode: 0o660 };
        let network = || vec!["127.0.0.1/32".parse().unwrap()];
        let loopback = Options { listen: vec![tcp("127.0.0.1:1")], ..Options::default() };
        let proxied = Options { trusted_proxies: network(), ..loopback.clone() };
        let by_socket =
            Options { listen: vec![tcp("127.0.0.1:1"), socket.clone().into()], ..Options::default() };
        let both = Options { listen: vec![tcp("127.0.0.1:1"), tcp("0.0.0.0:1")], ..Options::default() };
        let handed = Options { listen: vec![Endpoint::Systemd("http".into()).into()], ..Options::default() };
        assert_eq!(loopback.guarded(), Ok(()));
        assert_eq!(proxied.guarded(), Err(Unguarded::Proxied));
        assert_eq!(by_socket.guarded(), Err(Unguarded::Socket(socket.clone())));
        assert!(matches!(both.guarded(), Err(Unguarded::Address(_))));
        assert_eq!(handed.guarded(), Ok(()), "what it is shows at the start");
        assert_eq!(guards(&Auth::Unset, [&socket], false), Err(Unguarded::Socket(socket)));
        for options in [proxied, by_socket, both] {
            for auth in [Auth::Open, Auth::Rules(Box::default())] {
                assert_eq!(Options { auth, ..options.clone() }.guarded(), Ok(()));
            }
        }
    }
}
