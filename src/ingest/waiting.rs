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

/// A picture that comes with so much less delay than all before it, and clearly sooner after the last one than it was
/// taken, tells that those were old ones.
const FRESHER: Ticks = Ticks(90 * 40);
const SOONER_PERCENT: i64 = 75;

/// Old pictures come one after the other; once there was none for so long, they are over.
const QUIET: i64 = 90 * 150;

/// A burst that is over may have been of few pictures: where none has come for so long, and nothing else is there to be
/// read, it is.
const LULL: Ticks = Ticks(90 * 250);

/// Of a pause between two pictures so much counts at least, whatever their stamps say of it: those of some cameras
/// stand still.
const LEAST_STEP: i64 = 90 * 25;

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
    /// How many of them are pictures.
    pictures: usize,
    /// The delay of the freshest picture, on a scale with any zero, and how long pictures have come since.
    least: i64,
    quiet: i64,
    /// When the last picture came, and its stamp.
    last: (Ticks, Ticks),
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
        let last = (since, first.elapsed);
        let mut waiting =
            Self { since, track, interval, queue, bytes: 0, pictures: 0, least, quiet: 0, last };
        waiting.hold(first, since);
        waiting
    }

    /// Adds a frame that came at `arrival`.
    pub fn hold(&mut self, held: Held, arrival: Ticks) {
        if held.kind == TrackKind::Video {
            self.see(held.elapsed, arrival);
            self.pictures += 1;
        }
        self.bytes += held.data.len();
        self.queue.push_back(held);
    }

    /// Takes note of a picture. A machine that has stood still gets the rest of a burst at once: that is no quiet
    /// time, which goes on by what pictures are apart when they are taken, and again when they come.
    fn see(&mut self, elapsed: Ticks, arrival: Ticks) {
        let (came, stamp) = std::mem::replace(&mut self.last, (arrival, elapsed));
        let delay = arrival.0 - elapsed.0;
        let fresher = delay < self.least.saturating_sub(FRESHER.0);
        let sooner = (arrival - came).0 * 100 < (elapsed - stamp).0 * SOONER_PERCENT || self.pictures == 0;
        if fresher {
            self.least = delay;
        }
        if fresher && sooner {
            self.quiet = 0;
        } else {
            self.quiet += (arrival - came).0.min((elapsed - stamp).0.max(LEAST_STEP)).max(0);
        }
    }

    /// True while there is one picture, and nothing but sound behind it.
    pub fn is_one_picture(&self) -> bool {
        self.pictures == 1
    }

    /// When a burst is over if no picture comes before.
    pub fn lull(&self) -> Ticks {
        self.last.0 + LULL
    }

    /// Takes note that nothing is there at `now`.
    pub fn nothing_comes(&mut self, now: Ticks) {
        if now >= self.lull() {
            self.quiet = self.quiet.max(QUIET);
        }
    }

    /// True while a burst of old pictures goes on: a camera begins with those since its last key frame, and a slow
    /// network, or a busy machine, takes its time for them. Only those behind them tell where now is.
    pub fn catches_up(&self, now: Ticks) -> bool {
        // After one picture alone there is nothing to catch up with.
        let quiet = if self.is_one_picture() { (now - self.since).0 } else { self.quiet };
        quiet < QUIET && now - self.since < LONGEST_BURST
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
