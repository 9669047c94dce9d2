//! What can be set about the demo camera.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use secrecy::SecretString;

/// How clients must prove who they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scheme {
    /// The password itself, in Base64 (RFC 7617).
    Basic,
    /// A proof of the password by MD5 and a nonce (RFC 2069), as most cameras ask for.
    #[default]
    Digest,
}

/// The one account of the camera.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// User name.
    pub username: String,
    /// Password.
    pub password: SecretString,
    /// How it is asked for.
    pub scheme: Scheme,
}

/// What can be set when the camera starts.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where RTSP listens; port 0 lets the system choose. RTP over UDP leaves from the same address.
    pub listen: SocketAddr,
    /// Who may watch; `None` lets everybody in.
    pub credentials: Option<Credentials>,
    /// How far the picture's clock runs ahead of the wall clock. Zero but in tests, which use it to start near the
    /// seam of the clip; sender reports tell the true wall time all the same.
    pub ahead: Duration,
    /// The AudioSpecificConfig that descriptions tell in the place of the true one.
    pub audio_config: Option<Vec<u8>>,
    /// How long a session without a sign of life from its client is kept; the timeout of RFC 2326, section 12.37.
    pub session_timeout: Duration,
    /// Longest wait for a client that does not read what it asked for; then its connection is cut.
    pub write_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            credentials: None,
            ahead: Duration::ZERO,
            audio_config: None,
            session_timeout: Duration::from_secs(60),
            write_timeout: Duration::from_secs(5),
        }
    }
}
