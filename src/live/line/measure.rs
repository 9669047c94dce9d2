//! What a line tells of its track.

use std::sync::Arc;

use super::Line;
use crate::live::model::{Part, Segment};
use crate::media::Ticks;
use crate::media::time::TICKS_PER_SECOND;

/// Shortest segment whose bit rate counts.
const TELLING: Ticks = Ticks(TICKS_PER_SECOND as i64);

/// Bit rates in bit/s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BitRates {
    /// Of the segment with the highest (RFC 8216bis 4.4.6.2, BANDWIDTH).
    pub peak: u64,
    /// Over all segments (AVERAGE-BANDWIDTH).
    pub average: u64,
}

/// Bits a second of `bytes` that last `length`; 0 for no length.
pub fn bit_rate(bytes: usize, length: Ticks) -> u64 {
    let bits = bytes as u128 * 8 * u128::from(TICKS_PER_SECOND);
    u64::try_from(length.0)
        .ok()
        .filter(|length| *length > 0)
        .map_or(0, |length| (bits / u128::from(length)) as u64)
}

impl Line {
    /// True when every kept segment starts with a sync sample (RFC 8216bis 4.4.2.1).
    pub fn is_independent(&self) -> bool {
        let first = |parts: &[Arc<Part>]| parts.first().and_then(|part| part.chunks.first().cloned());
        let finished =
            self.segments.iter().filter(|segment| !segment.gap).map(|segment| first(&segment.parts));
        let open = self.open.iter().map(|open| first(&open.parts).or_else(|| open.pending.first().cloned()));
        finished.chain(open).flatten().all(|chunk| chunk.sync)
    }

    /// The longest segment, finished or not.
    pub fn longest(&self) -> Ticks {
        let open = self.open.iter().map(|open| open.end - open.start);
        self.segments.iter().map(|segment| segment.duration).chain(open).max().unwrap_or_default()
    }

    /// Bit rates over the finished segments.
    pub fn bit_rates(&self) -> BitRates {
        self.rates(Segment::bytes)
    }

    /// Those of the sync samples alone that they start with.
    pub fn sync_bit_rates(&self) -> BitRates {
        self.rates(|segment| segment.sync_sample().map_or(0, |chunk| chunk.bytes.len()))
    }

    fn rates(&self, bytes: impl Fn(&Segment) -> usize) -> BitRates {
        let rate = |segment: &Arc<Segment>| bit_rate(bytes(segment), segment.duration);
        let length = Ticks(self.segments.iter().map(|segment| segment.duration.0).sum());
        let sum = self.segments.iter().map(|segment| bytes(segment)).sum();
        // A segment of one picture, as before a break, tells nothing of the stream.
        let telling = self.segments.iter().filter(|segment| segment.duration >= TELLING);
        BitRates { peak: telling.map(rate).max().unwrap_or(0), average: bit_rate(sum, length) }
    }
}
