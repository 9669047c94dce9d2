//! What can be set about ingest.

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use secrecy::SecretString;
use url::Url;

/// How RTP travels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// Interleaved in the RTSP connection.
    #[default]
    Tcp,
    /// Over UDP; for networks that lose nothing.
    Udp,
}

/// When a camera is connected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// As long as the server runs.
    #[default]
    Always,
    /// While somebody watches, and [`Options::idle_timeout`] longer.
    OnDemand,
}

/// Whom to take for the camera, over TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    /// Who shows a certificate that browsers would take for the host of the URL.
    #[default]
    WebRoots,
    /// Who shows one of these, or one that one of these has signed for the host of the URL (`tls_ca`).
    ///
    /// One of these itself counts as it is: cameras make their own, call them an authority's or nobody's, and let
    /// them run out. If it names hosts (RFC 5280, 4.2.1.6), that of the URL must be among them, though.
    Roots(Arc<[CertificateDer<'static>]>),
    /// Whoever answers (`tls = "insecure"`).
    Insecure,
}

/// Where one rendition comes from.
#[derive(Clone, Debug)]
pub struct Source {
    /// The RTSP URL (`rtsp://` or `rtsps://`), without credentials: those are taken out when the settings are read.
    pub url: Url,
    /// How RTP travels.
    pub transport: Transport,
    /// Who is believed, for `rtsps://`.
    pub trust: Trust,
    /// User name for Basic or Digest.
    pub username: Option<String>,
    /// Password for Basic or Digest.
    pub password: Option<SecretString>,
    /// False leaves the sound out (`audio = "off"`).
    pub audio: bool,
    /// False plays the sound alone, with a still (`video = "off"`): for cameras whose video cannot be carried.
    pub video: bool,
}

/// What holds for all cameras.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// A connected camera that delivers no frame for this long is reconnected (`ingest.stall_timeout`).
    pub stall_timeout: Duration,
    /// Longest wait for each RTSP exchange up to PLAY (`ingest.connect_timeout`).
    pub connect_timeout: Duration,
    /// A camera's clock that is within this of ours dates its playlists (`ingest.clock_tolerance`).
    pub clock_tolerance: Duration,
    /// After damage, no picture until the next sync sample (`ingest.drop_until_sync`).
    pub drop_until_sync: bool,
    /// How long a camera on demand stays connected after its last viewer (`ingest.idle_timeout`).
    pub idle_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            stall_timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(10),
            clock_tolerance: Duration::from_secs(5),
            drop_until_sync: false,
            idle_timeout: Duration::from_secs(30),
        }
    }
}
