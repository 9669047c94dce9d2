//! Time as the media floor counts it.

use std::time::{Duration, Instant, SystemTime};

/// Ticks a second of [`Ticks`], and the timescale of every video track.
pub const TICKS_PER_SECOND: u32 = 90_000;

/// Media time in 1/90 000 s on a camera's timeline, or a difference of two such times.
///
/// A camera's timeline is common to all its renditions and tracks: the same instant in front of
/// the lens has the same `Ticks` in `main`, in `sub` and in the audio. Zero is the beginning of 2026
/// by the wall clock of the moment at which the camera was added, so that the timeline goes on over a
/// restart; from then on it runs by itself, and is never wall time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticks(pub i64);

impl Ticks {
    /// The whole ticks in `duration`; durations beyond 3 million years are not expected.
    pub fn from_duration(duration: Duration) -> Self {
        Self((duration.as_nanos() * u128::from(TICKS_PER_SECOND) / 1_000_000_000) as i64)
    }

    /// Seconds as a floating point number: for text, never for sums.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / f64::from(TICKS_PER_SECOND)
    }

    /// The length of time, with anything negative taken as nothing.
    pub fn to_duration(self) -> Duration {
        let nanos = self.0.max(0) as u128 * 1_000_000_000 / u128::from(TICKS_PER_SECOND);
        Duration::from_nanos(nanos as u64)
    }

    /// The same length in units of `timescale` a second, rounded down.
    pub fn to_timescale(self, timescale: u32) -> i64 {
        rescale(self.0, TICKS_PER_SECOND, timescale)
    }

    /// `value` units of `timescale` a second as ticks, rounded down.
    pub fn from_timescale(value: i64, timescale: u32) -> Self {
        Self(rescale(value, timescale, TICKS_PER_SECOND))
    }
}

/// Where the zero of a camera's timeline lies on both clocks. Shared by all its renditions.
#[derive(Clone, Copy, Debug)]
pub struct Anchor {
    /// The timeline at the moment of the anchor.
    pub ticks: Ticks,
    /// The monotonic clock at that moment.
    pub instant: Instant,
    /// Wall time at that moment.
    pub wall: SystemTime,
}

/// 1 January 2026, the zero of timelines.
pub fn year_2026() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600)
}

impl Anchor {
    /// `instant` on the timeline.
    pub fn ticks_at(&self, instant: Instant) -> Ticks {
        match instant.checked_duration_since(self.instant) {
            Some(after) => self.ticks + Ticks::from_duration(after),
            None => self.ticks - Ticks::from_duration(self.instant - instant),
        }
    }

    /// When the timeline is at `ticks`; never before the anchor.
    pub fn instant_at(&self, ticks: Ticks) -> Instant {
        self.instant + (ticks - self.ticks).to_duration()
    }

    /// Wall time at `ticks`, for EXT-X-PROGRAM-DATE-TIME.
    pub fn wall_at(&self, ticks: Ticks) -> SystemTime {
        let since = ticks - self.ticks;
        if since.0 >= 0 { self.wall + since.to_duration() } else { self.wall - Ticks(-since.0).to_duration() }
    }
}

/// Converts between timescales without losing range; rounds towards negative infinity.
pub fn rescale(value: i64, from: u32, to: u32) -> i64 {
    if from == to {
        return value;
    }
    (i128::from(value) * i128::from(to)).div_euclid(i128::from(from)) as i64
}

impl std::ops::Add for Ticks {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl std::ops::Sub for Ticks {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl std::ops::AddAssign for Ticks {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_is_ninety_thousand_ticks_and_comes_back() {
        let second = Ticks::from_duration(Duration::from_secs(1));
        assert_eq!(second, Ticks(90_000));
        assert_eq!(second.to_duration(), Duration::from_secs(1));
        assert_eq!(Ticks(-5).to_duration(), Duration::ZERO);
    }

    #[test]
    fn rescaling_rounds_down_on_both_sides_of_zero() {
        assert_eq!(rescale(1, 90_000, 48_000), 0);
        assert_eq!(rescale(-1, 90_000, 48_000), -1);
        assert_eq!(Ticks(90_000 * 86_400 * 365).to_timescale(48_000), 48_000 * 86_400 * 365);
    }
}
