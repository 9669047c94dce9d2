//! The one place that reads a clock. Pure rooms take the time as an argument instead.

use std::time::{Instant, SystemTime};

/// One reading of both clocks, taken together.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// Never goes backwards; for distances in time.
    pub instant: Instant,
    /// Wall time; for what people and playlists read.
    pub wall: SystemTime,
}

/// Reads the clocks.
pub fn now() -> Now {
    Now { instant: Instant::now(), wall: SystemTime::now() }
}
