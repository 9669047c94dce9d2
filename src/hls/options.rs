//! What can be set about HLS beyond the ring.

use std::time::Duration;

/// Options of the HLS answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// How long a playlist request waits for a camera's first part (`hls.start_timeout`).
    pub start_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { start_timeout: Duration::from_secs(10) }
    }
}
