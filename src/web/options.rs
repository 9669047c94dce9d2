//! What can be set about the listeners.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use ipnet::IpNet;

use super::access::{Auth, Cors, Unguarded};
use super::acme::Acme;
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

/// Others may come by a proxy, and nothing is said about who may watch.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Oversight {
    /// All of them look like that proxy.
    #[error(
        "there is a proxy in front (server.trusted_proxies), by which others may reach this server, and nothing says who \
         may watch: write an [auth] table, or auth = \"none\" at the head of the configuration if everybody may"
    )]
    Proxied,
    /// There is hardly another reason for a Unix socket.
    #[error(
        "a proxy by which others may reach this server belongs before {0}, and nothing says who may watch: write an \
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
        guards(&self.auth, self.all_listeners().map(|listen| &listen.endpoint))
    }

    /// What may have been forgotten: there seems to be a proxy in front, by which others come, and nothing is said about
    /// who may watch. Whether they may, only who wrote the configuration can tell.
    pub fn oversight(&self) -> Option<Oversight> {
        let is_socket = |listen: &&Listen| matches!(listen.endpoint, Endpoint::Unix { .. });
        let open = || match self.all_listeners().find(is_socket) {
            _ if !self.trusted_proxies.is_empty() => Some(Oversight::Proxied),
            Some(listen) => Some(Oversight::Socket(listen.endpoint.clone())),
            None => None,
        };
        if self.auth == Auth::Unset { open() } else { None }
    }

    /// All listeners, first those without TLS.
    pub fn all_listeners(&self) -> impl Iterator<Item = &Listen> {
        self.listen.iter().chain(self.tls.iter().flat_map(|tls| &tls.listen))
    }

    /// Files, beside the configuration itself, whose change may change who may watch.
    pub fn files(&self) -> Vec<&Path> {
        match &self.auth {
            Auth::Rules(rules) => {
                let jwks = rules.jwks.iter().map(|jwks| &jwks.file);
                let secrets = rules.keys.iter().filter_map(|key| key.file.as_ref());
                jwks.chain(secrets).map(PathBuf::as_path).collect()
            }
            Auth::Unset | Auth::Open => Vec::new(),
        }
    }
}

/// Checks that what others can reach is guarded, or left open on purpose.
///
/// # Errors
/// It is not, and nothing is said about who may watch.
pub fn guards<'e>(auth: &Auth, endpoints: impl IntoIterator<Item = &'e Endpoint>) -> Result<(), Unguarded> {
    auth.guards(endpoints.into_iter().filter_map(|endpoint| match endpoint {
        Endpoint::Tcp(address) => Some(*address),
        // Who may open a Unix socket is for the file system to say.
        Endpoint::Unix { .. } | Endpoint::Systemd(_) => None,
    }))
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
    /// An authority gives them (`server.tls.acme`).
    Acme(Acme),
}

impl Identity {
    /// The file that errors name.
    pub fn file(&self) -> &Path {
        match self {
            Self::Files { cert, .. } => cert,
            Self::SelfSigned { file } => file,
            Self::Acme(acme) => &acme.folder,
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
    fn what_others_can_reach_is_guarded_or_open_on_purpose_and_a_proxy_in_front_is_noticed() {
        let tcp = |text: &str| Listen::from(text.parse::<SocketAddr>().unwrap());
        let socket = Endpoint::Unix { path: "/run/b.sock".into(), mode: 0o660 };
        let loopback = Options { listen: vec![tcp("127.0.0.1:1")], ..Options::default() };
        let proxied = Options { trusted_proxies: vec!["127.0.0.1/32".parse().unwrap()], ..loopback.clone() };
        let by_socket = Options { listen: vec![tcp("127.0.0.1:1"), socket.into()], ..Options::default() };
        let public = Options { listen: vec![tcp("127.0.0.1:1"), tcp("0.0.0.0:1")], ..Options::default() };
        let handed = Options { listen: vec![Endpoint::Systemd("http".into()).into()], ..Options::default() };
        let wide = Endpoint::Tcp("0.0.0.0:1".parse().unwrap());
        assert_eq!(
            guards(&handed.auth, [&wide]),
            public.guarded(),
            "what systemd hands over is looked at then"
        );
        for (options, refused, noticed) in [
            (loopback, false, false),
            (proxied, false, true),
            (by_socket, false, true),
            (public, true, false),
            (handed, false, false),
        ] {
            assert_eq!((options.guarded().is_err(), options.oversight().is_some()), (refused, noticed));
            for auth in [Auth::Open, Auth::Rules(Box::default())] {
                let said = Options { auth, ..options.clone() };
                assert_eq!((said.guarded(), said.oversight()), (Ok(()), None));
            }
        }
    }
}
