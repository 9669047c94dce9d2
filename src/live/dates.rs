//! What wall time the camera's own clock shows, for the dates in its playlists.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::media::Ticks;
use crate::media::time::TICKS_PER_SECOND;

/// Dates before and after a discontinuity may overlap by less than a second (RFC 8216bis 6.2.1).
pub(super) const MOST_OVERLAP: Ticks = Ticks(TICKS_PER_SECOND as i64 * 9 / 10);

/// Stretches that are remembered: more than any playlist lists.
const STRETCHES: usize = 256;

/// How far the camera's clock is ahead of ours, in ticks. One for all renditions of a camera, so that all date the
/// same instant alike.
///
/// What a stretch is dated by is settled when it is listed for the first time, and stays: dates within a stretch
/// go on by durations, and no date that was told is taken back.
#[derive(Debug, Default)]
pub struct Dates {
    ahead: AtomicI64,
    settled: Mutex<VecDeque<(u64, Ticks)>>,
}

impl Dates {
    /// Takes note of how far the camera's clock is ahead of ours; nothing for a clock that is not to be believed.
    pub fn set(&self, ahead: Ticks) {
        self.ahead.store(ahead.0, Ordering::Relaxed);
    }

    /// How far the camera's clock is ahead of ours now.
    pub fn ahead(&self) -> Ticks {
        Ticks(self.ahead.load(Ordering::Relaxed))
    }

    /// Dates `segments`, which follow each other: what is to be added to their presentation times, by stretch.
    pub(super) fn of(&self, segments: impl Iterator<Item = Dated>) -> Vec<(u64, Ticks)> {
        let mut settled = self.settled.lock().unwrap_or_else(PoisonError::into_inner);
        let mut dates: Vec<(u64, Ticks)> = Vec::new();
        let mut end = None;
        for segment in segments {
            let ahead = match dates.last() {
                Some((stretch, ahead)) if *stretch == segment.stretch => *ahead,
                _ => {
                    let ahead = self.settle(&mut settled, &segment, end);
                    dates.push((segment.stretch, ahead));
                    ahead
                }
            };
            end = Some(segment.presentation + segment.duration + ahead);
        }
        dates
    }

    /// The date of a stretch, settled now if it is new; `end` is the date at which the one before ended.
    fn settle(&self, settled: &mut VecDeque<(u64, Ticks)>, segment: &Dated, end: Option<Ticks>) -> Ticks {
        if let Some((_, ahead)) = settled.iter().rfind(|(stretch, _)| *stretch == segment.stretch) {
            return *ahead;
        }
        let wanted = self.ahead().0;
        // A clock that was set back must not take dates back.
        let least = end.map_or(i64::MIN, |end| (end - MOST_OVERLAP - segment.presentation).0);
        let ahead = Ticks(wanted.max(least));
        settled.push_back((segment.stretch, ahead));
        if settled.len() > STRETCHES {
            settled.pop_front();
        }
        ahead
    }
}

/// What is dated: a stretch, and where one of its segments lies.
pub(super) struct Dated {
    pub(super) stretch: u64,
    pub(super) presentation: Ticks,
    pub(super) duration: Ticks,
}

impl From<(u64, Ticks, Ticks)> for Dated {
    fn from((stretch, presentation, duration): (u64, Ticks, Ticks)) -> Self {
        Self { stretch, presentation, duration }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 90_000;

    /// Segments of two seconds: stretch, and where they start in seconds.
    fn dates(dates: &Dates, segments: &[(u64, i64)]) -> Vec<(u64, i64)> {
        let dated = segments.iter().map(|(stretch, start)| Dated {
            stretch: *stretch,
            presentation: Ticks(start * SECOND),
            duration: Ticks(2 * SECOND),
        });
        dates.of(dated).into_iter().map(|(stretch, ahead)| (stretch, ahead.0)).collect()
    }

    #[test]
    fn a_stretch_keeps_its_date_and_the_next_takes_what_the_clock_says_then() {
        let clock = Dates::default();
        clock.set(Ticks(SECOND));
        assert_eq!(dates(&clock, &[(7, 0), (7, 2)]), [(7, SECOND)]);
        clock.set(Ticks(3 * SECOND));
        assert_eq!(dates(&clock, &[(7, 2), (7, 4)]), [(7, SECOND)]);
        assert_eq!(dates(&clock, &[(7, 4), (8, 6)]), [(7, SECOND), (8, 3 * SECOND)]);
        clock.set(Ticks(0));
        assert_eq!(dates(&clock, &[(8, 6)]), [(8, 3 * SECOND)], "in another rendition too");
    }

    #[test]
    fn a_clock_that_is_set_back_takes_no_date_back() {
        let clock = Dates::default();
        clock.set(Ticks(4 * SECOND));
        assert_eq!(dates(&clock, &[(1, 0)]), [(1, 4 * SECOND)]);
        clock.set(Ticks(0));
        // The first ended at the date 6 s; the next begins at 2 s of our time.
        let least = 4 * SECOND - MOST_OVERLAP.0;
        assert_eq!(dates(&clock, &[(1, 0), (2, 2)]), [(1, 4 * SECOND), (2, least)]);
        // After a pause that is long enough it is believed again.
        assert_eq!(dates(&clock, &[(2, 2), (3, 60)]), [(2, least), (3, 0)]);
    }
}
