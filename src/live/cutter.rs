//! Where parts and segments end. Pure rules; the ring applies them.
//!
//! A part is closed *before* the chunk that would make it longer than its target, never after:
//! players refuse a playlist with one part that is too long.

use super::fit::is_full;
use super::share;
use crate::media::Ticks;

/// What ends before a chunk is taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Boundary {
    /// Nothing: the chunk goes on with the part.
    None,
    /// The part.
    Part,
    /// The part and its segment.
    Segment,
}

/// The bounds that parts and segments are held to.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Longest part; `None` until the frame rate is known.
    pub part: Option<Ticks>,
    /// A segment this long ends at the next sync sample.
    pub segment_enough: Ticks,
    /// No segment is longer than this.
    pub segment_most: Ticks,
    /// No segment grows beyond this many bytes, so that the ring can always let go of old ones.
    pub segment_bytes: usize,
}

/// How far the open segment and its open part reach.
#[derive(Clone, Copy, Debug)]
pub struct Open {
    /// Decode time of the segment's first chunk.
    pub segment_start: Ticks,
    /// Decode time of the part's first chunk.
    pub part_start: Ticks,
    /// Bytes of the segment so far.
    pub bytes: usize,
    /// True for a segment without parts.
    pub whole: bool,
    /// True when the open part has a sample to start with.
    pub independent: bool,
}

impl Open {
    /// True when the open part may end here: it is full, or need not be (RFC 8216bis 4.4.4.9).
    pub fn part_may_end(&self, start: Ticks, target: Ticks) -> bool {
        self.independent || is_full(start - self.part_start, target)
    }
}

/// The chunk that is about to be taken in.
#[derive(Clone, Copy, Debug)]
pub struct Incoming {
    /// Its decode time.
    pub start: Ticks,
    /// The decode time behind it.
    pub end: Ticks,
    /// True for a video sync sample.
    pub sync: bool,
    /// Its size.
    pub bytes: usize,
}

/// Decides for a chunk of video. `gop` is the length of the GOP before it, the best guess for the next.
pub fn video(open: Open, chunk: Incoming, gop: Ticks, limits: &Limits) -> Boundary {
    let length = chunk.start - open.segment_start;
    if chunk.end - open.segment_start > limits.segment_most || too_many_bytes(open, chunk, limits) {
        return Boundary::Segment;
    }
    // A segment that is short, but could not take another whole GOP, ends here too.
    let next_would_not_fit = length + gop > limits.segment_most;
    // What has no parts is seen only when it ends, so it ends as soon as it may.
    if (chunk.sync || open.whole) && length >= limits.segment_enough || chunk.sync && next_would_not_fit {
        return Boundary::Segment;
    }
    part(open, chunk, expected_end(open.segment_start, gop, limits), limits)
}

/// Where a video segment that starts at `start` is expected to end, if its GOPs tell.
pub fn expected_end(start: Ticks, gop: Ticks, limits: &Limits) -> Option<Ticks> {
    if gop.0 <= 0 {
        return None;
    }
    let gops = (limits.segment_enough.0 + gop.0 - 1) / gop.0;
    Some(start + Ticks(gops.max(1) * gop.0).min(limits.segment_most))
}

/// Decides for a chunk of audio before `video_end`, where the video's segment of the same number ends or is
/// expected to: audio segments follow the video's, so that both lists stay in step.
///
/// The frame that begins before that end belongs to the segment, and with it the sound ends. Without it the
/// last part would now and then be that frame alone, and hls.js takes a segment that lacks so little for
/// complete, and plays no further.
pub fn audio(open: Open, chunk: Incoming, video_end: Option<Ticks>, limits: &Limits) -> Boundary {
    let (start, length) = (chunk.start.0, (chunk.end - chunk.start).0.max(1));
    let sound_end =
        video_end.map(|end| Ticks(start + (end.0 - start + length - 1).div_euclid(length) * length));
    part(open, chunk, sound_end, limits)
}

fn part(open: Open, chunk: Incoming, segment_end: Option<Ticks>, limits: &Limits) -> Boundary {
    let Some(target) = limits.part.filter(|_| !open.whole) else { return Boundary::None };
    let first = open.part_start == open.segment_start;
    let (length, reach) = (chunk.end - chunk.start, chunk.end - open.part_start);
    let goal = segment_end
        .and_then(|end| share::goal(end - open.part_start, first && open.independent, length, target));
    // To the nearest chunk.
    let enough = goal.is_some_and(|goal| reach > goal + Ticks(length.0 / 2));
    let may_end = first && open.independent || is_full(chunk.start - open.part_start, target);
    if reach > target || enough && may_end { Boundary::Part } else { Boundary::None }
}

fn too_many_bytes(open: Open, chunk: Incoming, limits: &Limits) -> bool {
    open.bytes + chunk.bytes > limits.segment_bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        part: Some(Ticks(45_000)),
        segment_enough: Ticks(162_000),
        segment_most: Ticks(400_500),
        segment_bytes: 1000,
    };
    const OPEN: Open =
        Open { segment_start: Ticks(0), part_start: Ticks(0), bytes: 0, whole: false, independent: false };

    fn at(start: i64, sync: bool) -> Incoming {
        Incoming { start: Ticks(start), end: Ticks(start + 3600), sync, bytes: 10 }
    }

    #[test]
    fn a_part_takes_the_chunk_that_fills_it_exactly_and_closes_before_the_next() {
        assert_eq!(video(OPEN, at(41_400, false), Ticks(0), &LIMITS), Boundary::None);
        assert_eq!(video(OPEN, at(41_401, false), Ticks(0), &LIMITS), Boundary::Part);
    }

    #[test]
    fn a_segment_ends_at_a_sync_sample_once_it_is_long_enough() {
        let open = Open { part_start: Ticks(160_000), ..OPEN };
        assert_eq!(video(open, at(90_000, true), Ticks(90_000), &LIMITS), Boundary::None);
        assert_eq!(video(open, at(179_000, true), Ticks(90_000), &LIMITS), Boundary::Segment);
        assert_eq!(video(open, at(179_000, false), Ticks(90_000), &LIMITS), Boundary::None);
    }

    #[test]
    fn a_short_segment_ends_where_the_next_gop_would_not_fit() {
        let open = Open { part_start: Ticks(88_000), ..OPEN };
        assert_eq!(video(open, at(90_000, true), Ticks(360_000), &LIMITS), Boundary::Segment);
    }

    #[test]
    fn an_endless_gop_is_cut_before_the_longest_segment_is_passed() {
        let open = Open { part_start: Ticks(396_000), ..OPEN };
        assert_eq!(video(open, at(396_900, false), Ticks(0), &LIMITS), Boundary::None);
        assert_eq!(video(open, at(396_901, false), Ticks(0), &LIMITS), Boundary::Segment);
    }

    /// The parts of sound beside pictures from 0 to `video_end`, if its frames of `length` begin at `start`.
    fn sound_parts(start: i64, length: i64, video_end: i64) -> Vec<i64> {
        let mut open =
            Open { segment_start: Ticks(start), part_start: Ticks(start), independent: true, ..OPEN };
        let mut parts = Vec::new();
        let mut at = start;
        while at < video_end {
            let chunk = Incoming { start: Ticks(at), end: Ticks(at + length), sync: false, bytes: 10 };
            if audio(open, chunk, Some(Ticks(video_end)), &LIMITS) == Boundary::Part {
                parts.push(at - open.part_start.0);
                open.part_start = Ticks(at);
            }
            at += length;
        }
        parts.push(at - open.part_start.0);
        parts
    }

    #[test]
    fn sound_leaves_no_crumb_at_its_end_wherever_its_frames_lie() {
        for length in [1_920, 2_880, 4_180, 5_760] {
            for start in (0..length).step_by(60) {
                let parts = sound_parts(start, length, 180_000);
                let last = *parts.last().expect("parts");
                assert!(last > 27_000, "{length} from {start}: {parts:?}");
                assert!(
                    parts[1..].iter().all(|part| *part <= 45_000 && part * 100 >= 45_000 * 85),
                    "{parts:?}"
                );
            }
        }
    }

    #[test]
    fn a_flood_of_bytes_is_cut_too() {
        let open = Open { bytes: 991, ..OPEN };
        assert_eq!(video(open, at(3600, false), Ticks(0), &LIMITS), Boundary::Segment);
    }

    #[test]
    fn a_segment_without_parts_ends_with_any_picture_once_it_is_long_enough() {
        let open = Open { whole: true, ..OPEN };
        assert_eq!(video(open, at(158_000, false), Ticks(0), &LIMITS), Boundary::None);
        assert_eq!(video(open, at(162_000, false), Ticks(0), &LIMITS), Boundary::Segment);
    }
}
