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

/// A picture that comes with so much less delay than all before it tells that those were old ones.
const FRESHER: Ticks = Ticks(90 * 40);

/// Old pictures come one after the other; once there was none for so long, they are over.
const QUIET: Ticks = Ticks(90 * 150);

/// So long they may take: as many as key frames are apart, on networks that are hardly fast enough.
const LONGEST_BURST: Ticks = Ticks(90 * 2_000);

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
    /// The delay of the freshest picture, on a scale with any zero, and when it came.
    least: i64,
    fresher: Ticks,
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
        let (queue, least) = (VecDeque::new(), i64::MAX);
        let mut waiting = Self { since, track, interval, queue, bytes: 0, least, fresher: since };
        waiting.hold(first, since);
        waiting
    }

    /// Adds a frame that came at `arrival`.
    pub fn hold(&mut self, held: Held, arrival: Ticks) {
        let delay = arrival.0 - held.elapsed.0;
        if held.kind == TrackKind::Video && delay < self.least.saturating_sub(FRESHER.0) {
            (self.least, self.fresher) = (delay, arrival);
        }
        self.bytes += held.data.len();
        self.queue.push_back(held);
    }

    /// True while a burst of old pictures goes on: a camera begins with those since its last key frame, and a slow
    /// network, or a busy machine, takes its time for them. Only those behind them tell where now is.
    pub fn catches_up(&self, now: Ticks) -> bool {
        now - self.fresher < QUIET && now - self.since < LONGEST_BURST
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
