//! What is made of a session's damage: when it is too much. Pure.

use std::time::{Duration, Instant};

use super::error::Failure;

/// So many damaged frames within [`DAMAGE_WINDOW`] end the session.
const DAMAGE_LIMIT: usize = 50;

/// See [`DAMAGE_LIMIT`].
const DAMAGE_WINDOW: Duration = Duration::from_secs(10);

/// Damaged frames of late.
#[derive(Debug, Default)]
pub struct Damage {
    since: Option<Instant>,
    count: usize,
    last: Option<String>,
}

impl Damage {
    /// Takes note of a frame that could not be read at `now`; an error when it is one too many.
    pub fn add(&mut self, now: Instant, why: String) -> Result<(), Failure> {
        let since = *self.since.get_or_insert(now);
        if now.saturating_duration_since(since) > DAMAGE_WINDOW {
            (self.since, self.count) = (Some(now), 0);
        }
        self.count += 1;
        if self.count >= DAMAGE_LIMIT {
            return Err(Failure::Damaged { count: self.count, within: DAMAGE_WINDOW, why });
        }
        self.last = Some(why);
        Ok(())
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
    fn fifty_damaged_frames_in_ten_seconds_are_too_many_and_in_a_minute_are_not() {
        let now = crate::clock::now().instant;
        for (step_ms, ends) in [(100, Some(50)), (1_000, None)] {
            let mut damage = Damage::default();
            let end = (1..=200u32)
                .find(|n| damage.add(now + Duration::from_millis(step_ms) * *n, "bad".into()).is_err());
            assert_eq!(end, ends, "one each {step_ms} ms");
        }
    }

    #[test]
    fn a_stream_that_ends_after_damage_says_so() {
        let mut damage = Damage::default();
        assert_eq!(damage.ended(), Failure::Closed);
        damage.add(crate::clock::now().instant, "bad NAL".into()).expect("one is not too many");
        assert_eq!(damage.ended(), Failure::Broken { why: "bad NAL".into() });
    }
}
