//! Pictures that are left out since the next key frame must come first, and what to say of them. Pure.

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

#[cfg(test)]
mod tests {
    use super::*;

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
