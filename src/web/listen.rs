//! Where to listen, as it can be set. Pure.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Who may connect to a Unix socket unless it is said otherwise: its owner and its group.
pub const SOCKET_MODE: u32 = 0o660;

/// One listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// Where.
    pub endpoint: Endpoint,
    /// Whether each connection begins with a header of the PROXY protocol. It is believed if it comes from one of
    /// `server.trusted_proxies`; nobody else is served there.
    pub proxy_protocol: bool,
}

/// Where somebody can connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// An address and port.
    Tcp(SocketAddr),
    /// A Unix socket.
    Unix {
        /// Where it lies.
        path: PathBuf,
        /// Who may connect: the permission bits of the file.
        mode: u32,
    },
    /// All sockets that systemd hands over under this name (`FileDescriptorName=`).
    Systemd(String),
}

impl Endpoint {
    /// Whether both cannot be had.
    pub fn clashes(&self, other: &Self) -> bool {
        match (self, other) {
            // The system chooses another port each time.
            (Self::Tcp(one), Self::Tcp(other)) => one == other && one.port() != 0,
            (Self::Unix { path: one, .. }, Self::Unix { path: other, .. }) => one == other,
            (Self::Systemd(one), Self::Systemd(other)) => one == other,
            _ => false,
        }
    }
}

impl From<Endpoint> for Listen {
    fn from(endpoint: Endpoint) -> Self {
        Self { endpoint, proxy_protocol: false }
    }
}

impl From<SocketAddr> for Listen {
    fn from(address: SocketAddr) -> Self {
        Endpoint::Tcp(address).into()
    }
}

/// As it stands in the configuration.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix { path, .. } => write!(f, "unix:{}", path.display()),
            Self::Systemd(name) => write!(f, "systemd:{name}"),
        }
    }
}

/// As an address for people: what comes over TLS, and whether something does, is part of it.
impl Endpoint {
    /// A URL with this path for an address and port, and what stands in the configuration for everything else.
    pub fn url(&self, tls: bool, path: &str) -> String {
        let scheme = if tls { "https" } else { "http" };
        match self {
            Self::Tcp(address) => format!("{scheme}://{address}{path}"),
            Self::Unix { .. } | Self::Systemd(_) => format!("{self} ({scheme}, {path})"),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn the_same_place_cannot_be_had_twice() {
        let tcp = |text: &str| Endpoint::Tcp(text.parse().unwrap());
        let unix = |path: &str, mode| Endpoint::Unix { path: path.into(), mode };
        assert!(tcp("127.0.0.1:1").clashes(&tcp("127.0.0.1:1")));
        assert!(!tcp("127.0.0.1:0").clashes(&tcp("127.0.0.1:0")), "the system chooses");
        assert!(!tcp("127.0.0.1:1").clashes(&tcp("127.0.0.2:1")));
        assert!(unix("/a", 0o600).clashes(&unix("/a", 0o666)));
        assert!(Endpoint::Systemd("a".into()).clashes(&Endpoint::Systemd("a".into())));
        assert!(!Endpoint::Systemd("/a".into()).clashes(&unix("/a", 0o600)));
    }

    #[test]
    fn an_endpoint_reads_as_it_was_written() {
        let socket = Endpoint::Unix { path: "/run/b.sock".into(), mode: SOCKET_MODE };
        assert_eq!(socket.to_string(), "unix:/run/b.sock");
        assert_eq!(socket.url(false, "/cams/"), "unix:/run/b.sock (http, /cams/)");
        assert_eq!(Endpoint::Systemd("http".into()).to_string(), "systemd:http");
        assert_eq!(Endpoint::Tcp("[::1]:80".parse().unwrap()).url(true, "/"), "https://[::1]:80/");
    }
}
