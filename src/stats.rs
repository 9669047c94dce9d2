//! Counters lent to the rooms: `app` makes them, rooms add, `web` prints.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds `n`.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// The sum so far.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// One rendition's counters since start.
#[derive(Debug, Default)]
pub struct RenditionStats {
    /// Frames that reached the ring.
    pub frames: Counter,
    /// Bytes of those frames.
    pub bytes: Counter,
    /// Segments that left the ring before their time, since `limits.ring_bytes` was used up.
    pub segments_evicted_early: Counter,
    /// Segments without parts, since their frames last longer than a part may.
    pub segments_without_parts: Counter,
    /// Segments that begin between two key frames, since those are too far apart.
    pub segments_cut: Counter,
    /// Frames that could not be used: damaged, out of place, or too large.
    pub frames_dropped: Counter,
    /// Of those, frames that are larger than a ring of `limits.ring_bytes` takes.
    pub frames_too_large: Counter,
    /// RTP packets the camera sent that never arrived.
    pub packets_lost: Counter,
    /// RTSP sessions that were opened successfully.
    pub sessions: Counter,
    /// Breaks of the timeline within a session.
    pub breaks: Counter,
    /// Panics of a worker that were contained.
    pub panics: Counter,
    /// Viewers of the MSE feed and of `live.mp4` that came, together with those that changed to this rendition.
    pub viewers_joined: Counter,
    /// Times that a viewer had fallen behind and went on at a newer sync sample.
    pub viewer_skips: Counter,
    /// Chunks that were left out in those skips, all viewers together.
    pub chunks_skipped: Counter,
    /// Viewers that `auto` took from this rendition to a lighter one, since their connection was too slow.
    pub viewers_lowered: Counter,
    /// Viewers that `auto` took from this rendition to a heavier one.
    pub viewers_raised: Counter,
    /// Viewers of the MSE feed that were cut off, since they took nothing or answered nothing for too long.
    pub viewers_stalled: Counter,
}
