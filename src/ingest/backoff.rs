//! How long to wait before the next attempt. Pure: the caller brings the jitter and the time.

use std::time::Duration;

/// The wait after the first failure.
const FIRST: Duration = Duration::from_secs(1);

/// The longest wait: a camera that comes back is on air half a minute later at most.
const LONGEST: Duration = Duration::from_secs(30);

/// A session that delivered for this long was healthy: the next failure starts over at [`FIRST`].
const HEALTHY: Duration = Duration::from_secs(60);

/// Doubling waits of 1 s to 30 s.
#[derive(Clone, Debug)]
pub struct Backoff {
    delay: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { delay: FIRST }
    }
}

impl Backoff {
    /// The next wait. `delivered` is how long the session that just ended delivered frames (zero
    /// when it never did); `jitter` is a random number in 0.0..=1.0 and makes the wait 0.5 to 1.0
    /// of its nominal length, so that forty cameras behind one switch do not knock together.
    pub fn next(&mut self, delivered: Duration, jitter: f64) -> Duration {
        if delivered >= HEALTHY {
            self.delay = FIRST;
        }
        let delay = self.delay;
        self.delay = (delay * 2).min(LONGEST);
        delay.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(delay: Duration) -> f64 {
        delay.as_secs_f64()
    }

    #[test]
    fn waits_double_from_one_second_to_thirty() {
        let mut backoff = Backoff::default();
        let waits: Vec<f64> = (0..8).map(|_| secs(backoff.next(Duration::ZERO, 1.0))).collect();
        assert_eq!(waits, [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]);
    }

    #[test]
    fn jitter_shortens_by_half_at_most_and_nonsense_is_clamped() {
        for (jitter, expected) in [(0.0, 0.5), (0.5, 0.75), (1.0, 1.0), (-3.0, 0.5), (7.0, 1.0)] {
            assert_eq!(secs(Backoff::default().next(Duration::ZERO, jitter)), expected);
        }
    }

    #[test]
    fn a_healthy_minute_starts_over_and_a_short_life_does_not() {
        let mut backoff = Backoff::default();
        backoff.next(Duration::ZERO, 1.0);
        backoff.next(Duration::ZERO, 1.0);
        assert_eq!(secs(backoff.next(Duration::from_secs(59), 1.0)), 4.0);
        assert_eq!(secs(backoff.next(Duration::from_secs(60), 1.0)), 1.0);
        assert_eq!(secs(backoff.next(Duration::ZERO, 1.0)), 2.0);
    }
}
