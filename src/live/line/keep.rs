//! How much of a track is listed, and how much stays loadable behind that.

use super::{FEWEST_LISTED, Line};
use crate::media::Ticks;

/// How much of a track is listed and how much is kept.
#[derive(Clone, Copy, Debug)]
pub struct Keep {
    /// Media that stays listed.
    pub listed: Ticks,
    /// Media that stays listed although other renditions have none so old; no more than `listed`.
    pub least: Ticks,
    /// Presentation time before which other renditions have nothing any more.
    pub from: Ticks,
    /// Media that stays loadable after it left the list.
    pub unlisted: Ticks,
}

impl Line {
    /// Takes segments off the list, oldest first, while `keep.listed` of media stays on it; and those that other
    /// renditions have no more (RFC 8216bis 6.2.4), while `keep.least` stays. True if there were any.
    pub fn shorten_list(&mut self, keep: Keep) -> bool {
        let before = self.first_listed;
        let listed = self.listed();
        let mut count = listed.clone().count();
        let mut length = Ticks(listed.map(|segment| segment.duration.0).sum());
        while count > FEWEST_LISTED {
            let Some(first) = self.segment(self.first_listed) else { break };
            let rest = length - first.duration;
            let alone = first.presentation + first.duration <= keep.from;
            if rest < if alone { keep.least } else { keep.listed } {
                break;
            }
            length = rest;
            count -= 1;
            self.first_listed += 1;
        }
        let shorter = self.first_listed > before;
        // What other renditions let go of leaves this list at any moment, not only when something is added.
        self.version += u64::from(shorter);
        shorter
    }

    /// Lists again all that is kept: for the moment at which the first list is made.
    pub fn list_all(&mut self) {
        self.first_listed = self.segments.front().map_or(self.next_msn, |segment| segment.msn);
        self.version += 1;
    }

    /// True when the oldest kept segment left the list so long ago that nobody may ask for it any more. One that left
    /// it for another rendition's sake stays as long as if it had not.
    pub fn oldest_is_over(&self, keep: Keep) -> bool {
        let Some(oldest) = self.segments.front().filter(|oldest| oldest.msn < self.first_listed) else {
            return false;
        };
        let (mut listed, mut unlisted) = (Ticks(0), Ticks(0));
        for segment in &self.segments {
            let length = if segment.msn >= self.first_listed { &mut listed } else { &mut unlisted };
            *length += segment.duration;
        }
        let early = (keep.listed - listed).max(Ticks(0));
        unlisted - oldest.duration >= keep.unlisted + early
    }
}
