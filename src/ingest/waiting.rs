//! Frames that are held back while it is not known yet what their epoch is made of. Pure.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use super::pace;
use crate::media::{Ticks, TrackKind, VideoTrack};

/// Frames that wait at most. A second of video and audio is about 100.
const QUEUE_FRAMES: usize = 600;

/// Bytes that wait at most.
pub const QUEUE_BYTES: usize = 16 << 20;

/// B-pictures show among this many: fewer tell nothing.
const FEWEST_FOR_LAG: usize = 4;

/// What has come since the sync sample at which an epoch is to open.
pub struct Waiting {
    /// Arrival of that sample.
    pub since: Ticks,
    /// Its parameters.
    pub track: Arc<VideoTrack>,
    /// The interval between pictures, as they tell it.
    pub interval: Option<Ticks>,
    /// All frames since, in the order of their arrival.
    pub queue: VecDeque<Held>,
    bytes: usize,
}

/// A frame that waits.
pub struct Held {
    /// Whose.
    pub kind: TrackKind,
    /// RTP time since the start of the session, after repair.
    pub elapsed: Ticks,
    /// True for sync samples.
    pub sync: bool,
    /// Its bytes.
    pub data: Bytes,
}

impl Waiting {
    /// Begins with a sync sample.
    pub fn new(first: Held, track: Arc<VideoTrack>, interval: Option<Ticks>, since: Ticks) -> Self {
        let mut waiting = Self { since, track, interval, queue: VecDeque::new(), bytes: 0 };
        waiting.hold(first);
        waiting
    }

    /// Adds a frame.
    pub fn hold(&mut self, held: Held) {
        self.bytes += held.data.len();
        self.queue.push_back(held);
    }

    /// True when no more is to be held.
    pub fn full(&self) -> bool {
        self.queue.len() >= QUEUE_FRAMES || self.bytes >= QUEUE_BYTES
    }

    /// How far decoding must run ahead, by the pictures that waited; `None` if too few did to tell.
    pub fn reorder_lag(&self) -> Option<Ticks> {
        let pictures: Vec<Ticks> =
            self.queue.iter().filter(|held| held.kind == TrackKind::Video).map(|held| held.elapsed).collect();
        (pictures.len() >= FEWEST_FOR_LAG).then(|| pace::reorder_lag(&pictures))
    }
}
