//! What readers wait for: the state of a ring in a few numbers.

use super::line::Line;
use crate::media::time::TICKS_PER_SECOND;
use crate::media::{Ticks, TrackKind};

/// A rendition that went on for so long without another one, and without a break, stands in for it: where a whole
/// camera goes, or comes back, its renditions do so one shortly after the other, and no player should run from one to
/// the other meanwhile.
const STANDS_IN_AFTER: Ticks = Ticks(TICKS_PER_SECOND as i64);

/// What readers wait for, in a few numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tip {
    /// The video playlist.
    pub video: LineTip,
    /// The audio playlist; absent until sound was heard.
    pub audio: Option<LineTip>,
    /// Index in the ring of the next chunk to come.
    pub next_chunk: u64,
    /// Index of the newest sync sample of the video.
    pub last_sync: Option<u64>,
    /// Where the newest chunk ends.
    pub end: Ticks,
    /// Where the pictures began that have gone on without a break since.
    pub begun: Ticks,
    /// Grows with each change, so that the newest of two is known.
    pub revision: u64,
    /// True when nothing will come any more: the camera was removed, or the process ends.
    pub closed: bool,
}

impl Tip {
    /// True when anything has changed since.
    pub fn differs(&self, new: &Self) -> bool {
        self.lists_differ(new) || (self.next_chunk, self.last_sync) != (new.next_chunk, new.last_sync)
    }

    /// True when a playlist has changed since.
    pub fn lists_differ(&self, new: &Self) -> bool {
        (self.video, self.audio, self.closed) != (new.video, new.audio, new.closed)
    }

    /// True when this ring has gone on for a while since `other`, of a rendition of the same camera, came to its end.
    pub fn stands_in_for(&self, other: &Self) -> bool {
        self.end - self.begun.max(other.end) >= STANDS_IN_AFTER
    }

    /// The tip of one track's playlist.
    pub fn line(&self, track: TrackKind) -> Option<LineTip> {
        match track {
            TrackKind::Video => Some(self.video),
            TrackKind::Audio => self.audio,
        }
    }
}

/// How far one playlist has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LineTip {
    /// Number of the segment that grows, or of the next one.
    pub open_msn: u64,
    /// Finished parts of that segment.
    pub open_parts: u32,
    /// True when that segment will have no parts.
    pub open_whole: bool,
    /// Parts of the newest finished segment.
    pub last_parts: u32,
    /// How many of those are listed: none of a gap, of a segment without parts, or before such a one.
    pub last_listed_parts: u32,
    /// True once there is anything to list.
    pub started: bool,
    /// True once there is a finished segment to list.
    pub finished: bool,
    /// Grows with each change that the playlist shows.
    pub version: u64,
}

impl LineTip {
    /// How far `line` has come.
    pub fn of(line: &Line) -> Self {
        let count = |parts: &Vec<_>| u32::try_from(parts.len()).unwrap_or(u32::MAX);
        let open_parts = line.open().map_or(0, |open| count(&open.parts));
        let open_whole = line.open().is_some_and(|open| open.whole);
        Self {
            open_msn: line.open_msn(),
            open_parts,
            open_whole,
            last_parts: line.newest().map_or(0, |newest| count(&newest.parts)),
            last_listed_parts: line
                .newest()
                .filter(|newest| newest.in_parts() && !open_whole)
                .map_or(0, |newest| count(&newest.parts)),
            started: open_parts > 0 || line.newest().is_some(),
            finished: line.newest().is_some(),
            version: line.version(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_goes_on_alone_for_a_second_stands_in() {
        let tip = |begun, end| Tip { begun: Ticks(begun), end: Ticks(end), ..Tip::default() };
        let gone = tip(0, 900_000);
        assert!(!tip(0, 900_000 + 89_999).stands_in_for(&gone), "it may be about to go too");
        assert!(tip(0, 900_000 + 90_000).stands_in_for(&gone));
        let back = 1_800_000;
        assert!(!tip(back, back + 45_000).stands_in_for(&gone), "the other may be about to come back too");
        assert!(tip(back, back + 90_000).stands_in_for(&gone));
        assert!(!tip(0, 450_000).stands_in_for(&gone), "it is behind");
    }
}
