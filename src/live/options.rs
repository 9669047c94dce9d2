//! What can be set about rings.

use std::time::Duration;

/// Bounds and targets of one rendition's ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// How far back a viewer can seek (`hls.window`).
    pub window: Duration,
    /// Most bytes of media the ring of one rendition holds (`limits.ring_bytes`); wins over `window`.
    pub ring_bytes: usize,
    /// Longest part (`hls.part_target`); `None` chooses 500 ms for a steady 15 frames a second and
    /// more, else 1 s.
    pub part_target: Option<Duration>,
    /// Shortest segment (`hls.segment_target`); `None` takes whole GOPs of at least 2 s.
    pub segment_target: Option<Duration>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            window: Duration::from_secs(30),
            ring_bytes: 64 << 20,
            part_target: None,
            segment_target: None,
        }
    }
}
