//! What can be set about ingest.

use std::time::Duration;

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

/// Where one rendition comes from.
#[derive(Clone, Debug)]
pub struct Source {
    /// The RTSP URL, without credentials: those are taken out when the settings are read.
    pub url: Url,
    /// How RTP travels.
    pub transport: Transport,
    /// User name for Basic or Digest.
    pub username: Option<String>,
    /// Password for Basic or Digest.
    pub password: Option<SecretString>,
    /// False leaves the sound out (`audio = "off"`).
    pub audio: bool,
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
}

impl Default for Options {
    fn default() -> Self {
        Self {
            stall_timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(10),
            clock_tolerance: Duration::from_secs(5),
            drop_until_sync: false,
        }
    }
}
