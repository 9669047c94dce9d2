//! When packets come and come and no picture is complete: how long to believe that it is only a large one. Pure.
//!
//! How large it may be at most, `depacketize/` knows. What it does not is how long it takes: packets come, time and
//! again, and there is no event. A relay measures the next one.

use std::time::{Duration, Instant};

/// So often packets may come while a picture is not complete. Each time brings one at least: some 6 MB, more than
/// pictures have, and at most what the system holds for us. What is beyond that is left to a relay to measure.
const MOST_WAITS: u32 = 4 << 10;

/// So long they may come one after the other. A key frame takes as long as this on the worst of networks only.
const LONGEST: Duration = Duration::from_secs(3);

/// One after the other are packets with less than this between them.
const PAUSE: Duration = Duration::from_millis(500);

/// Fewer than this are what else a camera sends: answers to keep-alives, packets of streams that are not for us.
const FEWEST: u32 = 32;

/// The picture that is on its way.
#[derive(Debug, Default)]
pub struct Swell {
    /// Waits for its packets.
    waits: u32,
    /// Those of them in a row, since when, and when the last was.
    row: u32,
    since: Option<Instant>,
    last: Option<Instant>,
}

impl Swell {
    /// Takes note that at `now` all packets there were are taken and no event came of them; true once that is
    /// too much for one picture.
    pub fn waits(&mut self, now: Instant) -> bool {
        let paused = self.last.is_none_or(|last| now.saturating_duration_since(last) > PAUSE);
        if paused || self.row == 0 {
            (self.since, self.row) = (Some(now), 0);
        }
        self.last = Some(now);
        self.waits += 1;
        self.row += 1;
        let long = self.since.is_some_and(|since| now.saturating_duration_since(since) > LONGEST);
        self.waits > MOST_WAITS || (long && self.row >= FEWEST)
    }

    /// The last wait was for something that is no picture.
    pub fn other(&mut self) {
        self.waits = self.waits.saturating_sub(1);
        self.row = self.row.saturating_sub(1);
    }

    /// A picture is complete.
    pub fn complete(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When it is too much, in milliseconds, if packets come at `times`, each with true for a picture's.
    fn too_much(times: impl Iterator<Item = (u64, bool)>) -> Option<u64> {
        let (mut swell, start) = (Swell::default(), crate::clock::now().instant);
        for (time, picture) in times {
            if swell.waits(start + Duration::from_millis(time)) {
                return Some(time);
            }
            if !picture {
                swell.other();
            }
        }
        None
    }

    #[test]
    fn packets_without_an_end_are_too_much_by_their_number_or_by_time() {
        assert_eq!(too_much((0..10_000).map(|n| (n / 100, true))), Some(40));
        assert_eq!(too_much((0..1_000).map(|n| (n * 40, true))), Some(3_040));
        // Sound between them changes nothing.
        let beside_sound = (0..10_000).map(|n| (n * 5, n % 4 != 0));
        assert_eq!(too_much(beside_sound), Some(3_010));
    }

    #[test]
    fn slow_pictures_are_no_large_ones_whatever_comes_between_them() {
        assert_eq!(too_much((0..10_000).map(|n| (n * 20, false))), None, "sound alone");
        assert_eq!(too_much((0..60).map(|n| (n * 1_000, true))), None, "an answer each second");
        // Nine seconds of sound, then a picture of a thousand packets within a second.
        let sound = (0..450).map(|n| (n * 20, false));
        assert_eq!(too_much(sound.chain((0..1_000).map(|n| (9_000 + n, true)))), None);
    }

    #[test]
    fn each_picture_is_counted_for_itself() {
        let (mut swell, start) = (Swell::default(), crate::clock::now().instant);
        for n in 0..100_000u32 {
            assert!(!swell.waits(start + Duration::from_millis(10) * n), "packet {n}");
            if n % 200 == 199 {
                swell.complete();
            }
        }
    }
}
