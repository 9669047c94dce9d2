//! The camera's clock: pure sums between the wall clock, the monotonic clock and the clip.

use std::time::{Duration, Instant, SystemTime};

use crate::clock::Now;

/// Seconds from 1900, where NTP starts, to 1970 (RFC 868 gives the number).
const NTP_TO_UNIX: u64 = 2_208_988_800;

/// A wall clock that is further off than this has been set, or the machine has slept.
const STEP: Duration = Duration::from_millis(100);

/// An instant in nanoseconds since 1970, as the camera counts it; good until 2262.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct CameraTime(pub(super) i64);

impl CameraTime {
    /// As an NTP timestamp, 32 bits of seconds and 32 of their fraction (RFC 3550, section 4).
    pub(super) fn ntp(self) -> u64 {
        let seconds = self.0.div_euclid(1_000_000_000) as u64;
        let nanoseconds = self.0.rem_euclid(1_000_000_000) as u64;
        (seconds.wrapping_add(NTP_TO_UNIX) << 32) | ((nanoseconds << 32) / 1_000_000_000)
    }

    /// Ticks of a clock of `rate` Hz from `start` to here, rounded to the nearest.
    pub(super) fn ticks_since(self, start: CameraTime, rate: u32) -> i64 {
        let scaled = i128::from(self.0 - start.0) * i128::from(rate);
        (scaled + 500_000_000).div_euclid(1_000_000_000) as i64
    }
}

/// Ties the wall clock to the monotonic clock once, so that all streams agree and none jumps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timebase {
    anchor: Now,
    ahead: i64,
}

impl Timebase {
    /// From one reading of the clocks. `ahead` is how far the clip runs ahead of the wall clock.
    pub(super) fn new(anchor: Now, ahead: Duration) -> Self {
        Self { anchor, ahead: nanoseconds(ahead) }
    }

    /// The camera's time at `instant`.
    pub(super) fn at(&self, instant: Instant) -> CameraTime {
        let past = self.anchor.instant.saturating_duration_since(instant);
        let since = instant.saturating_duration_since(self.anchor.instant);
        CameraTime(unix(self.anchor.wall) + nanoseconds(since) - nanoseconds(past))
    }

    /// When the camera's clock reads `time`; the anchor itself for times that lie before it.
    pub(super) fn instant(&self, time: CameraTime) -> Instant {
        let since = u64::try_from(time.0 - unix(self.anchor.wall)).unwrap_or(0);
        self.anchor.instant + Duration::from_nanos(since)
    }

    /// Nanoseconds on the clip's own clock, whose minutes are the clip's rounds.
    pub(super) fn clip_time(&self, time: CameraTime) -> i64 {
        time.0 + self.ahead
    }

    /// The inverse of [`Self::clip_time`].
    pub(super) fn time_of_clip(&self, clip_time: i64) -> CameraTime {
        CameraTime(clip_time - self.ahead)
    }

    /// False once the wall clock has left the monotonic clock behind, or the other way round.
    pub(super) fn holds(&self, now: Now) -> bool {
        self.at(now.instant).0.abs_diff(unix(now.wall)) < STEP.as_nanos() as u64
    }
}

/// Nanoseconds since 1970; clocks set to an earlier date count as 1970.
fn unix(wall: SystemTime) -> i64 {
    nanoseconds(wall.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default())
}

/// As many as there are in `duration`.
pub(super) fn nanoseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    /// 2026-01-01T00:00:00Z.
    const NEW_YEAR: u64 = 1_767_225_600;

    fn new_year() -> Now {
        Now {
            instant: crate::clock::now().instant,
            wall: SystemTime::UNIX_EPOCH + Duration::from_secs(NEW_YEAR),
        }
    }

    #[test]
    fn camera_time_follows_the_monotonic_clock_from_the_anchor() {
        let now = new_year();
        let base = Timebase::new(now, Duration::ZERO);
        let later = now.instant + Duration::from_millis(1500);
        assert_eq!(base.at(later).0, NEW_YEAR as i64 * 1_000_000_000 + 1_500_000_000);
        assert_eq!(base.instant(base.at(later)), later);
        assert_eq!(base.instant(CameraTime(0)), now.instant, "before the anchor is now");
    }

    #[test]
    fn a_wall_clock_that_was_set_breaks_the_timebase() {
        let now = new_year();
        let base = Timebase::new(now, Duration::ZERO);
        let second = Duration::from_secs(1);
        assert!(base.holds(Now { instant: now.instant + second, wall: now.wall + second }));
        assert!(!base.holds(Now { instant: now.instant, wall: now.wall + second }));
        assert!(!base.holds(Now { instant: now.instant + second, wall: now.wall }));
    }

    #[test]
    fn ntp_time_has_its_seconds_in_the_upper_half() {
        let time = CameraTime(NEW_YEAR as i64 * 1_000_000_000 + 250_000_000);
        assert_eq!(time.ntp() >> 32, NEW_YEAR + 2_208_988_800);
        assert_eq!(time.ntp() as u32, 1 << 30);
    }

    #[test]
    fn frames_are_a_whole_number_of_ticks_apart() {
        let start = CameraTime(NEW_YEAR as i64 * 1_000_000_000);
        assert_eq!(CameraTime(start.0 + 40_000_000).ticks_since(start, 90_000), 3600);
        assert_eq!(CameraTime(start.0 + 32_000_000).ticks_since(start, 32_000), 1024);
        assert_eq!(CameraTime(start.0 - 40_000_000).ticks_since(start, 90_000), -3600);
    }

    #[test]
    fn running_ahead_moves_the_clip_and_not_the_time() {
        let now = new_year();
        let base = Timebase::new(now, Duration::from_secs(7));
        let time = base.at(now.instant);
        assert_eq!(base.clip_time(time) - time.0, 7_000_000_000);
        assert_eq!(base.time_of_clip(base.clip_time(time)), time);
    }
}
