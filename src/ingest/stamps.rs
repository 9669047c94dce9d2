//! Whether what a camera stamps its sound with makes sense beside its pictures. Pure.
//!
//! A clock that jumps once, or runs at a wrong rate, is put right before this. What is left are stamps that mean nothing:
//! they jump time and again, or put sound where it cannot be. Sound of such a camera is placed by its arrival.

use std::collections::VecDeque;

use crate::media::Ticks;

const SECOND: i64 = 90_000;

/// Beyond the newest picture, and beyond now, by more than this nothing can have been taken.
const NOWHERE: i64 = SECOND * 3 / 2;

/// By more than this it is strange: of an honest camera the two tracks are 300 ms apart.
const STRANGE: i64 = SECOND / 2;

/// So far behind the newest picture no network leaves sound alone. The same for stamps that are to be believed again.
const LONG_AGO: i64 = 5 * SECOND;
const AGO: i64 = SECOND;

/// Sound that is left out for so long since it is said to be late.
const LEFT_OUT: i64 = SECOND / 2;
/// And after so much more of it again.
const LEFT_OUT_AGAIN: i64 = 2 * SECOND;

/// What comes within this is one doubt.
const APART: i64 = SECOND / 2;

/// So many doubts in a time are no accident, and it takes as long without any to be believed again.
const DOUBTS: usize = 3;
const MEMORY: i64 = 10 * SECOND;

/// Where a frame belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judged {
    /// Where its stamp says.
    Stamped,
    /// Here, where the pictures are now: stamps mean nothing.
    Arrived(Ticks),
    /// Not where its stamp says, and it is the first to be so.
    Nowhere,
}

/// What is known of the stamps of a session's sound.
#[derive(Debug, Default)]
pub struct Stamps {
    /// The newest picture's presentation, and its arrival.
    picture: Option<(Ticks, Ticks)>,
    /// The last moments of doubt.
    doubts: VecDeque<i64>,
    /// Since when all sound is left out.
    left_out: Option<i64>,
    /// Until when stamps mean nothing.
    until: Option<i64>,
    now: i64,
    bent: bool,
}

impl Stamps {
    /// A picture of `presentation` came at `now`.
    pub fn picture(&mut self, presentation: Ticks, now: Ticks) {
        self.now = now.0;
        if self.picture.is_none_or(|(newest, _)| presentation > newest) {
            self.picture = Some((presentation, now));
        }
    }

    /// Another epoch begins: pictures may be earlier again.
    pub fn begin(&mut self) {
        self.picture = None;
    }

    /// Whether a clock of the camera has proved wrong: what its stamps were before is past then, since they are bent.
    pub fn are_bent(&mut self, bent: bool) {
        if bent && !self.bent {
            (self.doubts, self.left_out, self.until) = Default::default();
        }
        self.bent = bent;
    }

    /// The stamps jumped at `now`.
    pub fn jumped(&mut self, now: Ticks) {
        self.doubt(now.0);
    }

    /// A frame that came at `now` had a place on the line, or none.
    pub fn placed(&mut self, placed: bool, now: Ticks) {
        if placed {
            self.left_out = None;
            return;
        }
        let since = *self.left_out.get_or_insert(now.0);
        if now.0 - since >= LEFT_OUT {
            self.left_out = Some(now.0 + LEFT_OUT_AGAIN - LEFT_OUT);
            self.doubt(now.0);
        }
    }

    /// Judges a frame that came at `now` and is played at `presentation`, if its stamp is right.
    pub fn judge(&mut self, presentation: Ticks, now: Ticks) -> Judged {
        self.now = now.0;
        let Some((picture, came)) = self.picture else { return Judged::Stamped };
        let at = picture + (now - came);
        let newest = picture.0.max(at.0).max(now.0);
        let oldest = picture.0.min(at.0) - if self.are_senseless() { AGO } else { LONG_AGO };
        if presentation.0 > newest + STRANGE || presentation.0 < oldest {
            self.doubt(now.0);
        }
        if self.are_senseless() {
            Judged::Arrived(at)
        } else if presentation.0 > newest + NOWHERE {
            Judged::Nowhere
        } else {
            Judged::Stamped
        }
    }

    /// True while stamps mean nothing.
    pub fn are_senseless(&self) -> bool {
        self.until.is_some_and(|until| self.now < until)
    }

    fn doubt(&mut self, now: i64) {
        if self.doubts.back().is_some_and(|last| now - last < APART) {
            return;
        }
        self.now = now;
        self.doubts.push_back(now);
        if self.doubts.len() > DOUBTS {
            self.doubts.pop_front();
        }
        let many = self.doubts.len() == DOUBTS && now - self.doubts[0] <= MEMORY;
        if many || self.are_senseless() {
            self.until = Some(now + MEMORY);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Judges sound that is `off` from its picture, every 20 ms of `ms`.
    fn judge(stamps: &mut Stamps, ms: std::ops::Range<i64>, off: i64) -> Judged {
        ms.step_by(20).fold(Judged::Stamped, |_, at| {
            let now = Ticks(at * 90);
            stamps.picture(now - Ticks(9_000), now);
            stamps.judge(now - Ticks(9_000) + Ticks(off), now)
        })
    }

    #[test]
    fn sound_a_little_beside_its_picture_is_believed_and_far_beyond_it_never() {
        for off in [-4 * SECOND, -SECOND / 3, 0, SECOND / 3] {
            let mut stamps = Stamps::default();
            assert_eq!(judge(&mut stamps, 0..60_000, off), Judged::Stamped, "{off}");
            assert!(!stamps.are_senseless());
        }
        let mut stamps = Stamps::default();
        assert_eq!(judge(&mut stamps, 0..900, 2 * SECOND), Judged::Nowhere);
        assert_eq!(judge(&mut stamps, 900..1_000, 0), Judged::Stamped, "once is an accident");
        for off in [2 * SECOND, -6 * SECOND, 3_600 * SECOND] {
            let mut stamps = Stamps::default();
            let at = Ticks(2_980 * 90 - 9_000);
            assert_eq!(judge(&mut stamps, 0..3_000, off), Judged::Arrived(at), "{off}");
        }
    }

    #[test]
    fn some_jumps_in_seconds_are_no_accident_and_ten_seconds_without_any_end_it() {
        let mut stamps = Stamps::default();
        for (at, senseless) in [(0, false), (20, false), (31, false), (35, false), (39, true)] {
            stamps.jumped(Ticks(at * SECOND));
            assert_eq!(stamps.are_senseless(), senseless, "at {at} s");
        }
        assert!(matches!(judge(&mut stamps, 39_000..48_900, 0), Judged::Arrived(_)));
        assert_eq!(judge(&mut stamps, 48_900..49_100, 0), Judged::Stamped);
        assert!(!stamps.are_senseless());
    }

    #[test]
    fn sound_that_is_left_out_for_seconds_is_a_doubt_and_a_burst_of_it_is_none() {
        let mut stamps = Stamps::default();
        for burst in 0..10 {
            for n in 0..50 {
                stamps.placed(n == 49, Ticks(burst * SECOND + n * 90));
            }
        }
        assert!(!stamps.are_senseless());
        (500..550).for_each(|n| stamps.placed(false, Ticks(n * SECOND / 10)));
        assert!(stamps.are_senseless());
    }
}
