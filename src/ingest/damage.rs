//! What is made of a session's damage: when it is too much. Pure.

use std::time::{Duration, Instant};

use super::error::Failure;

/// So long a stream may bring nothing but damage. Cameras slip, and networks do: the next frame may be whole, or the
/// next key frame.
const LONGEST: Duration = Duration::from_secs(8);

/// Fewer slips than this in that time are no stream.
const FEWEST: usize = 8;

/// So long packets of another source alone may come. Some strays of a session before are no change.
const CHANGED: Duration = Duration::from_secs(1);

/// Damage since the last frame that was whole.
#[derive(Debug, Default)]
pub struct Damage {
    since: Option<Instant>,
    count: usize,
    last: Option<String>,
    /// Packets of another source since one that was taken: since when, and how many.
    strangers: Option<(Instant, usize)>,
}

impl Damage {
    /// Takes note of something that could not be read at `now`; an error when nothing else has come for too long.
    pub fn add(&mut self, now: Instant, why: String) -> Result<(), Failure> {
        let since = *self.since.get_or_insert(now);
        self.count += 1;
        let within = now.saturating_duration_since(since);
        if within >= LONGEST && self.count >= FEWEST {
            return Err(Failure::Damaged { count: self.count, within, why });
        }
        self.last = Some(why);
        Ok(())
    }

    /// Takes note of a packet that was refused at `now` for its source (SSRC); an error when no other comes any more.
    pub fn stranger(&mut self, now: Instant) -> Result<(), Failure> {
        let (since, count) = self.strangers.get_or_insert((now, 0));
        *count += 1;
        let changed = now.saturating_duration_since(*since) >= CHANGED && *count >= FEWEST;
        if changed { Err(Failure::OtherSource) } else { Ok(()) }
    }

    /// Takes note of a packet that was taken.
    pub fn taken(&mut self) {
        self.strangers = None;
    }

    /// Takes note of a frame that is whole.
    pub fn whole(&mut self) {
        if self.since.is_some() {
            *self = Self::default();
        }
    }

    /// Why the stream ended: by the damage just before, or because the camera closed it.
    pub fn ended(&mut self) -> Failure {
        match self.last.take() {
            Some(why) => Failure::Broken { why },
            None => Failure::Closed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_stream_of_nothing_but_damage_ends_and_does_so_after_some_seconds() {
        let now = crate::clock::now().instant;
        // One slip each so many milliseconds, and a whole frame after each so many slips.
        for (step_ms, whole_after, ends_at) in [
            (10, None, Some(8_010)),
            (10, Some(200), None),
            (1_000, None, Some(9_000)),
            (2_000, None, Some(16_000)),
        ] {
            let mut damage = Damage::default();
            let end = (1..=2_000u32).find(|n| {
                if whole_after.is_some_and(|after| n % after == 0) {
                    damage.whole();
                }
                damage.add(now + Duration::from_millis(step_ms) * *n, "bad".into()).is_err()
            });
            assert_eq!(end.map(|n| u64::from(n) * step_ms), ends_at, "one each {step_ms} ms");
        }
    }

    #[test]
    fn a_source_that_changes_ends_the_session_after_a_second_and_strays_do_not() {
        let now = crate::clock::now().instant;
        for (taken_after, ends_at) in [(None, Some(1_010)), (Some(50), None)] {
            let mut damage = Damage::default();
            let end = (1..=1_000u32).find(|n| {
                if taken_after.is_some_and(|after| n % after == 0) {
                    damage.taken();
                }
                damage.stranger(now + Duration::from_millis(10) * *n).is_err()
            });
            assert_eq!(end.map(|n| n * 10), ends_at);
        }
    }

    #[test]
    fn a_stream_that_ends_after_damage_says_so() {
        let mut damage = Damage::default();
        assert_eq!(damage.ended(), Failure::Closed);
        damage.add(crate::clock::now().instant, "bad NAL".into()).expect("one is not too many");
        assert_eq!(damage.ended(), Failure::Broken { why: "bad NAL".into() });
        damage.add(crate::clock::now().instant, "bad NAL".into()).expect("one is not too many");
        damage.whole();
        assert_eq!(damage.ended(), Failure::Closed, "that was long ago");
    }
}
