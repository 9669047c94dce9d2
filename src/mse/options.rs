//! What can be set about the MSE feed.

use std::time::Duration;

/// Options of the MSE feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// How much media a viewer may be behind before it skips to the newest sync sample (`mse.max_lag`).
    pub max_lag: Duration,
    /// A viewer whose socket takes nothing for this long is closed (`mse.stall_timeout`).
    pub stall_timeout: Duration,
    /// Sockets are pinged at least this often, so that proxies keep idle ones, and closed when nothing is heard for
    /// as long after it (`mse.ping_interval`).
    pub ping_interval: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_lag: Duration::from_secs(2),
            stall_timeout: Duration::from_secs(20),
            ping_interval: Duration::from_secs(15),
        }
    }
}
