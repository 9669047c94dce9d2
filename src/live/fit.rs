//! Where a picture's duration ends on the decode line, so that parts keep their bounds. Pure.
//!
//! A part is at most its target long, and filled to 85 % of it (RFC 8216bis 4.4.4.9). Pictures of half
//! the target and more rarely add up to that: at 5 pictures a second two are too few for half a second
//! and three too many. But decode times are a line of our own, and the true instants stand in the
//! composition offsets. So the picture that would cross ends where the part does, and the next one
//! makes up for it: the line is late by less than a picture, and parts hold two and three in turn.
//!
//! The line, and what is shown, stand on whole milliseconds, in which playlists date segments. hls.js lines variants up
//! by those dates, and where by them a segment ended half a millisecond behind its media, it took the change to another
//! variant for done, and loaded nothing for as long as the parts of that segment were listed.
//!
//! Pictures longer than the part target fit into no part. They get segments without any, which are
//! listed when they are whole, until pictures come faster again.

use super::cutter::{self, Boundary, Incoming, Limits, Open};
use crate::media::time::TICKS_PER_SECOND;
use crate::media::{Frame, Ticks};

/// A part must be filled to this share of the part target (RFC 8216bis 4.4.4.9).
pub const FULL_PERCENT: i64 = 85;

/// One long picture is made up for. A line that is later than this many part targets is not.
const MOST_LATE: i64 = 2;

/// The line may be ahead of the camera's own pace by this much, where it caught up.
pub const MOST_AHEAD: Ticks = Ticks(4 * TICKS_PER_SECOND as i64);

/// How late the line may be for pictures that are shown in the order in which they come: dates of segments go by
/// the line. Reordered ones may be as late as four pictures last.
const MOST_BEHIND: Ticks = Ticks(TICKS_PER_SECOND as i64 * 3 / 2);

/// The grid of all boundaries (RFC 8216bis 4.4.4.6 asks dates for milliseconds).
const MILLISECOND: i64 = TICKS_PER_SECOND as i64 / 1000;

/// When pictures are shown, on that grid.
#[derive(Debug, Default)]
pub struct Shown {
    /// When the last one was to be shown, and when it is.
    last: Option<(Ticks, Ticks)>,
}

impl Shown {
    /// The millisecond nearest to `at`. Of two pictures that a camera stamps less than one apart, as some do for all in a
    /// row, the second is still the later: those who decode them would take its stamp for broken.
    pub fn place(&mut self, at: Ticks) -> Ticks {
        let nearest = whole(at + Ticks(MILLISECOND / 2));
        let later = self.last.filter(|(before, _)| *before < at).map(|(_, shown)| shown + Ticks(MILLISECOND));
        let shown = later.map_or(nearest, |later| later.max(nearest));
        self.last = Some((at, shown));
        shown
    }
}

/// The last whole millisecond until `at`.
pub fn whole(at: Ticks) -> Ticks {
    Ticks(at.0.div_euclid(MILLISECOND) * MILLISECOND)
}

/// Where a picture should end that starts at `start`, while the camera's own pace starts it at `paced` and shows it
/// at `shown`: where its pace says, but not too late, on a whole millisecond if `start` is.
pub fn due(start: Ticks, paced: Ticks, interval: Ticks, shown: Ticks) -> Ticks {
    let behind = MOST_BEHIND.max(Ticks(4 * interval.0));
    let least = start + Ticks((interval.0 / 4).max(MILLISECOND));
    whole((paced + interval).max(shown + interval - behind).max(least))
}

/// A picture that is about to be muxed.
#[derive(Clone, Copy, Debug)]
pub struct Picture {
    /// Where the decode line has come to.
    pub start: Ticks,
    /// Where the camera's own pace ends the picture; at or after `start`.
    pub due: Ticks,
    /// How long the camera's own pace makes it.
    pub interval: Ticks,
    /// True for a sync sample.
    pub sync: bool,
    /// Its size.
    pub bytes: usize,
}

/// Where it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fitted {
    /// The decode time behind it; never after [`Picture::due`].
    pub end: Ticks,
    /// True when it belongs into a segment without parts.
    pub whole: bool,
    /// What ends before it.
    pub boundary: Boundary,
}

impl Picture {
    fn until(&self, end: Ticks) -> Incoming {
        Incoming { start: self.start, end, sync: self.sync, bytes: self.bytes }
    }

    fn within(&self, most: Ticks) -> Ticks {
        self.due.min(self.start + most)
    }
}

/// Ends `picture` so that the part it falls into can keep its bounds. `open` and `gop` are what the
/// cutter goes by.
pub fn fit(open: Option<Open>, picture: Picture, gop: Ticks, limits: &Limits) -> Fitted {
    let cut = |end| open.map_or(Boundary::None, |open| cutter::video(open, picture.until(end), gop, limits));
    let Some(target) = limits.part else {
        let end = picture.within(limits.segment_most);
        return Fitted { end, whole: false, boundary: cut(end) };
    };
    let Some(open) = open else { return first_of_segment(picture, target, limits) };
    let longest = picture.within(if open.whole { limits.segment_most } else { target });
    if cut(longest) == Boundary::Segment {
        return first_of_segment(picture, target, limits);
    }
    if open.whole {
        return Fitted { end: longest, whole: true, boundary: Boundary::None };
    }
    let crosses = longest - open.part_start > target;
    let end = match crosses && !open.part_may_end(picture.start, target) {
        true => open.part_start + target,
        false => longest,
    };
    if picture.due - end > Ticks(MOST_LATE * target.0) {
        // The line would fall further behind with each picture: they no longer fit into parts.
        let end = picture.within(limits.segment_most);
        return Fitted { end, whole: true, boundary: Boundary::Segment };
    }
    Fitted { end, whole: false, boundary: cut(end) }
}

/// True when a part that is `filled` so far may be closed.
pub fn is_full(filled: Ticks, target: Ticks) -> bool {
    filled.0 * 100 >= target.0 * FULL_PERCENT
}

fn first_of_segment(picture: Picture, target: Ticks, limits: &Limits) -> Fitted {
    let whole = picture.interval > target;
    let most = if whole { limits.segment_most } else { target };
    Fitted { end: picture.within(most), whole, boundary: Boundary::Segment }
}

/// `frame` moved to `start..end` on the decode line, in ticks, which are a video track's timescale, and shown at `shown`.
pub fn moved(frame: Frame, start: Ticks, end: Ticks, shown: Ticks) -> Frame {
    let offset = (shown - start).0.clamp(i32::MIN.into(), i32::MAX.into());
    Frame {
        decode_time: start.0.unsigned_abs(),
        duration: u32::try_from((end - start).0.max(1)).unwrap_or(u32::MAX),
        composition_offset: i32::try_from(offset).unwrap_or_default(),
        ..frame
    }
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
    const SYNC_EVERY: i64 = 360_000;

    /// The lengths of a part's pictures, and whether it starts a segment.
    type Part = (Vec<i64>, bool);

    /// Pictures that last `intervals` by the camera's clock, through fit and cutter: the
    /// parts, how late the line is at the end, and which segments have no parts.
    fn parts(intervals: &[i64]) -> (Vec<Part>, i64, Vec<bool>) {
        let (mut parts, mut wholes) = (Vec::new(), vec![]);
        let (mut open, mut line, mut clock, mut next_sync) = (None::<Open>, 0, 0, 0);
        for interval in intervals {
            let sync = clock >= next_sync;
            if sync {
                next_sync = clock + SYNC_EVERY;
            }
            let picture = Picture {
                start: Ticks(line),
                due: Ticks(clock + interval),
                interval: Ticks(*interval),
                sync,
                bytes: 1,
            };
            let Fitted { end, whole, boundary } = fit(open, picture, Ticks(SYNC_EVERY), &LIMITS);
            assert!(end <= picture.due && end > picture.start);
            let starts = Open {
                segment_start: Ticks(line),
                part_start: Ticks(line),
                bytes: 1,
                whole,
                independent: picture.sync,
            };
            match (boundary, &mut open) {
                (Boundary::None, Some(_)) => {}
                (Boundary::Part, Some(open)) => {
                    open.part_start = Ticks(line);
                    open.independent = picture.sync;
                    parts.push((Vec::new(), false));
                }
                _ => {
                    open = Some(starts);
                    parts.push((Vec::new(), true));
                    wholes.push(whole);
                }
            }
            if let Some((part, _)) = parts.last_mut() {
                part.push(end.0 - line);
            }
            (line, clock) = (end.0, clock + interval);
        }
        (parts, clock - line, wholes)
    }

    #[track_caller]
    fn assert_full(interval: i64) {
        let (parts, late, wholes) = parts(&vec![interval; 400]);
        assert!(!wholes.contains(&true), "{interval}: parts all the way");
        assert!((0..interval).contains(&late), "{interval}: late by {late}");
        for (part, _) in &parts {
            assert!(part.iter().sum::<i64>() <= 45_000, "{interval}: {part:?}");
        }
        for segment in parts.chunk_by(|_, next| !next.1) {
            let inner = segment.iter().skip(1).take(segment.len().saturating_sub(2));
            for (part, _) in inner {
                assert!(part.iter().sum::<i64>() * 100 >= 45_000 * FULL_PERCENT, "{interval}: {segment:?}");
            }
        }
    }

    #[test]
    fn parts_are_full_at_any_rate_that_fits_them() {
        for rate in 2..60 {
            assert_full(90_000 / rate);
        }
        assert_full(18_001);
        assert_full(29_999);
        assert_full(44_999);
    }

    #[test]
    fn five_pictures_a_second_make_parts_of_three_and_two() {
        let (parts, _, _) = parts(&[18_000; 10]);
        let (two, three) = (vec![27_000, 18_000], vec![18_000, 18_000, 9_000]);
        let lengths: Vec<_> = parts[1..4].iter().map(|(part, _)| part.clone()).collect();
        assert_eq!(lengths, [three.clone(), two, three]);
    }

    #[test]
    fn steady_pictures_stay_as_they_are() {
        let (parts, late, _) = parts(&[3_600; 100]);
        assert_eq!(late, 0);
        assert!(parts.iter().all(|(part, _)| part.iter().all(|length| *length == 3_600)));
    }

    #[test]
    fn pictures_longer_than_a_part_make_segments_without_parts_and_the_line_keeps_up() {
        let mut intervals = vec![3_600; 50];
        intervals.extend([90_000; 20]);
        intervals.extend([3_600; 150]);
        let (_, late, wholes) = parts(&intervals);
        assert_eq!(late, 0, "the line has caught up");
        assert_eq!(wholes.first(), Some(&false));
        assert_eq!(wholes.last(), Some(&false), "{wholes:?}");
        assert!(wholes.iter().filter(|whole| **whole).count() >= 6, "{wholes:?}");
    }

    #[test]
    fn one_long_picture_does_not_end_the_parts() {
        let mut intervals = vec![3_600; 30];
        intervals.push(60_000);
        intervals.extend([3_600; 100]);
        let (_, late, wholes) = parts(&intervals);
        assert_eq!((late, wholes.contains(&true)), (0, false));
    }

    #[test]
    fn pictures_of_any_rate_end_on_whole_milliseconds_and_the_line_keeps_their_pace() {
        for interval in [3_003, 1_500, 11_111, 750, 91] {
            let (mut start, last) = (Ticks(90), 90 + 1_000 * interval);
            for n in 0..1_000 {
                let paced = Ticks(90 + n * interval);
                let end = due(start, paced, Ticks(interval), paced);
                assert!(end > start && whole(end) == end, "{interval}: {start:?} to {end:?}");
                start = end;
            }
            assert!((0..MILLISECOND).contains(&(last - start.0)), "{interval}: {start:?}");
        }
    }

    #[test]
    fn pictures_are_shown_on_the_nearest_millisecond_and_one_after_the_other() {
        let mut shown = Shown::default();
        // Steady ones, reordered ones, and a camera that stamps three alike, which are a tick apart then.
        let stamps = [3_600, 6_603, 17_999, 11_000, 14_500, 20_000, 20_001, 20_002, 23_600];
        let placed = stamps.map(|at| shown.place(Ticks(at)).0);
        assert_eq!(placed, [3_600, 6_570, 18_000, 10_980, 14_490, 19_980, 20_070, 20_160, 23_580]);
    }

    #[test]
    fn a_moved_picture_lasts_and_is_shown_as_told() {
        let frame = Frame {
            track: crate::media::TrackKind::Video,
            decode_time: 1_000,
            duration: 500,
            composition_offset: -20,
            sync: true,
            data: bytes::Bytes::new(),
        };
        let moved = moved(frame, Ticks(900), Ticks(1_080), Ticks(990));
        assert_eq!((moved.decode_time, moved.duration, moved.composition_offset), (900, 180, 90));
    }
}
