//! How long to wait before the next attempt. Pure: the caller brings the jitter and the time.

use std::time::Duration;

/// The wait after the first failure.
const FIRST: Duration = Duration::from_secs(1);

/// The longest wait: a camera that comes back is on air half a minute later at most.
const LONGEST: Duration = Duration::from_secs(30);

/// A session that delivered for this long was healthy: the next failure starts over at [`FIRST`]. Some cameras end
/// each of their sessions after less than a minute, and are on air for nearly all of the time then.
const HEALTHY: Duration = Duration::from_secs(10);

/// What delivered for this long, and not as long as it takes to be healthy, is off the air for no longer than it was
/// on. Less is no sign of health: knocking costs the camera more than it gives.
const SIGN_OF_LIFE: Duration = Duration::from_secs(2);

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
        let most = if delivered >= SIGN_OF_LIFE { delivered } else { LONGEST };
        let delay = self.delay.min(most);
        self.delay = (self.delay * 2).min(LONGEST);
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
    fn ten_healthy_seconds_start_over_and_a_short_life_does_not() {
        let mut backoff = Backoff::default();
        backoff.next(Duration::ZERO, 1.0);
        backoff.next(Duration::ZERO, 1.0);
        assert_eq!(secs(backoff.next(Duration::from_secs(9), 1.0)), 4.0);
        assert_eq!(secs(backoff.next(Duration::from_secs(10), 1.0)), 1.0);
        assert_eq!(secs(backoff.next(Duration::ZERO, 1.0)), 2.0);
    }

    #[test]
    fn a_camera_whose_sessions_are_cut_again_and_again_is_on_air_for_most_of_the_time() {
        for (lives, share) in [(45, 0.03), (20, 0.05), (10, 0.10), (5, 0.51), (2, 0.51)] {
            let mut backoff = Backoff::default();
            let off: f64 = (0..40).map(|_| secs(backoff.next(Duration::from_secs(lives), 1.0))).sum();
            let all = off + 40.0 * lives as f64;
            assert!(off / all <= share, "cut each {lives} s: off air for {off} of {all} s");
        }
    }

    #[test]
    fn what_lives_for_a_moment_only_is_asked_ever_more_slowly() {
        let mut backoff = Backoff::default();
        let waits: Vec<f64> = (0..7).map(|_| secs(backoff.next(Duration::from_millis(1_900), 1.0))).collect();
        assert_eq!(waits, [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]);
    }
}
