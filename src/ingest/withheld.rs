//! Pictures that are left out since the next key frame must come first, and what to say of them. Pure.

use std::time::{Duration, Instant};

use crate::media::Ticks;

/// So long nobody is told: most cameras send a key frame by then.
const PATIENCE: Ticks = Ticks(3 * 90_000);

/// Why pictures cannot be shown before a key frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cause {
    /// The clock of the pictures jumped, or nothing came for long.
    #[default]
    Time,
    /// The parameters changed, and no key frame came with them.
    Parameters,
    /// The key frame itself was too large.
    Refused,
    /// Packets are missing, and what they damaged is not to be seen.
    Damage,
}

impl Cause {
    /// The rest of a sentence.
    pub fn words(self) -> &'static str {
        match self {
            Self::Time => "its clock jumped or its pictures stopped for a while",
            Self::Parameters => "its video parameters changed between two key frames",
            Self::Refused => "its last key frame could not be taken",
            Self::Damage => "packets were lost and ingest.drop_until_sync leaves out what they damaged",
        }
    }
}

/// What is left out now.
#[derive(Debug, Default)]
pub struct Withheld {
    cause: Cause,
    first: Option<Ticks>,
    last: Ticks,
}

impl Withheld {
    /// What is left out from now on is for this cause.
    pub fn because(&mut self, cause: Cause) {
        self.cause = cause;
    }

    /// A picture that came at `arrival` is left out.
    pub fn picture(&mut self, arrival: Ticks) {
        self.first.get_or_insert(arrival);
        self.last = arrival;
    }

    /// A picture is shown.
    pub fn over(&mut self) {
        self.first = None;
    }

    /// Why pictures have been left out for long.
    pub fn cause(&self) -> Option<Cause> {
        self.first.filter(|first| self.last - *first >= PATIENCE).map(|_| self.cause)
    }
}

/// The key frames of a session, and when there are none any more.
#[derive(Debug, Default)]
pub struct KeyFrames {
    last: Option<Instant>,
    /// The longest time between two.
    longest: Duration,
    missing: bool,
}

impl KeyFrames {
    /// Key frames a minute apart are hard on viewers, and may be what an owner wants.
    const MOST_APART: Duration = Duration::from_secs(90);

    /// A picture came at `now`, and was a key frame or not.
    pub fn picture(&mut self, sync: bool, now: Instant) {
        let Some(since) = self.last.map(|last| now.saturating_duration_since(last)) else {
            self.last = sync.then_some(now);
            return;
        };
        if sync {
            (self.last, self.longest) = (Some(now), self.longest.max(since));
        }
        self.missing = !sync && since > Self::MOST_APART.max(3 * self.longest);
    }

    /// True where none has come for far longer than before: viewers that come now have nothing to begin with.
    pub fn are_missing(&self) -> bool {
        self.missing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_frames_are_missed_after_ninety_seconds_and_thrice_the_longest_time_between_two() {
        for (apart, missed) in [(0, 91), (1, 91), (30, 91), (60, 181), (90, 271)] {
            let (mut frames, start) = (KeyFrames::default(), crate::clock::now().instant);
            let mut picture = |second: u64| {
                let sync = second == 0 || second == apart || second == 2 * apart || second == 1_000;
                frames.picture(sync, start + Duration::from_secs(second));
                frames.are_missing()
            };
            let first = (0..1_000).find(|second| picture(*second));
            assert_eq!(first, Some(2 * apart + missed), "{apart} s apart");
            assert!(picture(999) && !picture(1_000), "a key frame ends it");
        }
    }

    #[test]
    fn before_the_first_key_frame_none_is_missed_here() {
        let (mut frames, start) = (KeyFrames::default(), crate::clock::now().instant);
        (0..500).for_each(|second| frames.picture(false, start + Duration::from_secs(second)));
        assert!(!frames.are_missing());
    }

    #[test]
    fn what_lasts_is_told_until_it_is_over() {
        let mut withheld = Withheld::default();
        withheld.because(Cause::Damage);
        for (at, cause) in [(5, None), (7, None), (8, Some(Cause::Damage))] {
            withheld.picture(Ticks(at * 90_000));
            assert_eq!(withheld.cause(), cause, "after {at} s");
        }
        withheld.over();
        assert_eq!(withheld.cause(), None);
    }
}
