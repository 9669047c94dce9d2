//! Where a camera's own clock lies on the camera's timeline; shared by all its renditions.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use crate::clock::Now;
use crate::live::Dates;
use crate::media::Ticks;
use crate::media::time::{Anchor, year_2026};

/// The timeline's zero lies at least this long before the clock was made, so that a picture that was
/// taken before it arrived still has a positive time.
const HEAD_START: Duration = Duration::from_secs(60);

/// From 1900, where NTP starts, to 1970, in ticks (RFC 868 gives the number).
const NTP_TO_UNIX: i64 = 2_208_988_800 * 90_000;

/// How fast the camera's clock may be followed: 500 ppm, far more than a quartz is off and far
/// less than a viewer can notice.
const STEER_PPM: i64 = 500;

/// What the renditions of one camera have in common: the timeline's anchor, and the offset
/// between the NTP clock in the camera's sender reports (RFC 3550, 6.4.1) and that timeline.
///
/// The camera's clock may be wrong by years; only differences count. The first rendition whose
/// reports are sane sets the offset so that its own mapping does not change; those that come later
/// adopt it, and so show the same instant at the same time.
#[derive(Debug)]
pub struct CameraClock {
    anchor: Anchor,
    dates: Arc<Dates>,
    tolerance: Ticks,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// Timeline less NTP, in ticks. Meaningless while there is no user.
    offset: i64,
    /// Counts how often the offset was set rather than steered.
    generation: u32,
    users: u32,
    next_id: u64,
    /// The user whose arrival times steer the offset: one only, or two would pull against each other.
    leader: Option<u64>,
    steered: Ticks,
}

impl CameraClock {
    /// A timeline that begins `now`, and goes on where one of an earlier run would be by now: players
    /// that outlive a restart find the same times in the same discontinuity sequence.
    pub fn new(now: Now) -> Self {
        // A clock that stands before 2026 was never set; nothing is lost by any other zero then.
        let since = now.wall.duration_since(year_2026()).unwrap_or_default().max(HEAD_START);
        let anchor = Anchor { ticks: Ticks::from_duration(since), instant: now.instant, wall: now.wall };
        Self { anchor, dates: Arc::default(), tolerance: Ticks(0), inner: Mutex::default() }
    }

    /// Has `dates` follow the camera's clock as long as it is within `tolerance` of ours; then, and else, ours.
    #[must_use]
    pub fn dating(mut self, dates: Arc<Dates>, tolerance: Duration) -> Self {
        (self.dates, self.tolerance) = (dates, Ticks::from_duration(tolerance));
        self
    }

    /// Tells how far the camera's clock is ahead of ours, where it is to be believed.
    fn tell(&self, inner: &Inner) {
        // What its clock shows when the timeline is at the anchor, and what ours shows.
        let theirs = self.anchor.ticks.0 - inner.offset - NTP_TO_UNIX;
        let ours = self.anchor.wall.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let ahead = Ticks(theirs - Ticks::from_duration(ours).0);
        let sane = ahead.0.abs() <= self.tolerance.0;
        self.dates.set(if sane { ahead } else { Ticks(0) });
    }

    /// The anchor of the timeline, for whoever turns its times into wall time.
    pub fn anchor(&self) -> Anchor {
        self.anchor
    }

    /// `instant` on the timeline.
    pub fn ticks_at(&self, instant: Instant) -> Ticks {
        self.anchor.ticks_at(instant)
    }

    /// Joins with a stream that needs `offset` (timeline less NTP) to stay as it is now. The first
    /// to join sets the clock, the others are told how it is set.
    ///
    /// Returns `None` when the clock is in use and differs by more than `tolerance`: then this
    /// stream's reports come from another clock than its sibling's and cannot be used.
    pub fn join(self: &Arc<Self>, offset: Ticks, tolerance: Ticks) -> Option<Lease> {
        let mut inner = self.lock();
        if inner.users == 0 {
            inner.set(offset);
            self.tell(&inner);
        } else if (inner.offset - offset.0).abs() > tolerance.0 {
            return None;
        }
        inner.users += 1;
        inner.next_id += 1;
        Some(Lease { clock: Arc::clone(self), id: inner.next_id })
    }

    /// Changes whenever the offset was set anew: reports heard before then do not go with it.
    pub fn generation(&self) -> u32 {
        self.lock().generation
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Every write under this lock is a plain assignment: a panic cannot leave it half done.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn set(&mut self, offset: Ticks) {
        self.offset = offset.0;
        self.generation = self.generation.wrapping_add(1);
    }
}

/// One stream's share in a [`CameraClock`]. Once all are dropped the next to join sets it anew:
/// a camera that restarted may have another idea of the time.
#[derive(Debug)]
pub struct Lease {
    clock: Arc<CameraClock>,
    id: u64,
}

impl Lease {
    /// Timeline less NTP, and the generation it belongs to.
    pub fn offset(&self) -> (Ticks, u32) {
        let inner = self.clock.lock();
        (Ticks(inner.offset), inner.generation)
    }

    /// Sets the offset after the camera's clock was set: the pictures go on as they were.
    pub fn rebase(&self, offset: Ticks) {
        let mut inner = self.clock.lock();
        inner.set(offset);
        self.clock.tell(&inner);
    }

    /// Lets the timeline follow our own clock: `lag` is how much later frames arrive than the
    /// mapping says (negative: earlier), seen at `now`. Only one lease at a time has a say.
    pub fn steer(&self, lag: Ticks, now: Ticks) {
        let mut inner = self.clock.lock();
        if *inner.leader.get_or_insert(self.id) != self.id {
            return;
        }
        // Reports come every few seconds; a longer silence must not add up to a jump.
        let elapsed = (now - inner.steered).0.clamp(0, 10 * 90_000);
        let most = elapsed * STEER_PPM / 1_000_000;
        inner.offset += lag.0.clamp(-most, most);
        inner.steered = now;
        self.clock.tell(&inner);
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut inner = self.clock.lock();
        inner.users -= 1;
        if inner.leader == Some(self.id) {
            inner.leader = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOLERANCE: Ticks = Ticks(5 * 90_000);

    fn clock() -> Arc<CameraClock> {
        Arc::new(CameraClock::new(crate::clock::now()))
    }

    #[test]
    fn a_clock_that_is_made_later_goes_on_with_the_same_timeline() {
        let now = crate::clock::now();
        let later = Now { wall: now.wall + Duration::from_secs(5), ..now };
        let (before, after) = (CameraClock::new(now), CameraClock::new(later));
        assert_eq!(before.anchor().wall_at(before.ticks_at(now.instant)), now.wall);
        assert_eq!(after.ticks_at(now.instant) - before.ticks_at(now.instant), Ticks(5 * 90_000));
    }

    #[test]
    fn a_clock_that_was_never_set_has_times_above_zero_too() {
        let now = Now { wall: SystemTime::UNIX_EPOCH, ..crate::clock::now() };
        assert_eq!(CameraClock::new(now).ticks_at(now.instant), Ticks(60 * 90_000));
    }

    #[test]
    fn the_first_sets_the_clock_and_the_second_adopts_it() {
        let clock = clock();
        let first = clock.join(Ticks(1_000_000), TOLERANCE).expect("it is free");
        let second = clock.join(Ticks(1_090_000), TOLERANCE).expect("one second off is tolerable");
        assert_eq!((first.offset().0, second.offset().0), (Ticks(1_000_000), Ticks(1_000_000)));
        assert!(clock.join(Ticks(2_000_000), TOLERANCE).is_none(), "that is another clock");
        drop((first, second));
        assert_eq!(clock.join(Ticks(7), TOLERANCE).expect("it is free again").offset().0, Ticks(7));
    }

    #[test]
    fn one_leader_steers_by_500_ppm_at_most_and_the_next_takes_over() {
        let clock = clock();
        let first = clock.join(Ticks(0), TOLERANCE).expect("it is free");
        let second = clock.join(Ticks(0), TOLERANCE).expect("equal");
        first.steer(Ticks(0), Ticks(0));
        first.steer(Ticks(90_000), Ticks(5 * 90_000));
        second.steer(Ticks(-90_000), Ticks(5 * 90_000));
        assert_eq!(second.offset().0, Ticks(225));
        drop(first);
        second.steer(Ticks(-10), Ticks(6 * 90_000));
        assert_eq!(second.offset().0, Ticks(215));
    }

    #[test]
    fn dates_follow_the_camera_s_clock_if_it_is_near_ours() {
        let ntp = |now: Now| {
            let unix = now.wall.duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
            Ticks::from_duration(unix).0 + NTP_TO_UNIX
        };
        for (ahead, dated) in
            [(0, 0), (4 * 90_000, 4 * 90_000), (-90_000, -90_000), (6 * 90_000, 0), (-9_000_000_000, 0)]
        {
            let now = crate::clock::now();
            let dates = Arc::<Dates>::default();
            let clock = Arc::new(CameraClock::new(now).dating(Arc::clone(&dates), Duration::from_secs(5)));
            let offset = clock.ticks_at(now.instant).0 - (ntp(now) + ahead);
            let _lease = clock.join(Ticks(offset), TOLERANCE).expect("it is free");
            assert_eq!(dates.ahead(), Ticks(dated), "{ahead} ticks ahead");
        }
    }
}
