//! How long the parts of a segment should be, so that the last one is no crumb. Pure.
//!
//! Parts that are all as full as may be leave what remains to the last: of 25 pictures a second and key
//! frames every two seconds 12, 12, 12, 12 and 2. A part that short costs a request for little, and
//! hls.js takes a segment that lacks less than 0.2 s for complete, and waits for its end in vain. So what
//! is left of the segment is shared out evenly. The first part of a GOP need not be full (RFC 8216bis
//! 4.4.4.9 exempts parts that are INDEPENDENT), and takes what the others leave.

use super::fit::FULL_PERCENT;
use crate::media::Ticks;

/// Where no count of chunks fills a part, it aims at this share of its target.
const AIM_PERCENT: i64 = FULL_PERCENT + 2;

/// The length a part should have when `rest` is left of its segment, itself included; `first` is true
/// for a part that need not be full, `chunk` is the length of the chunks. `None` where nothing is left
/// of what was expected.
pub fn goal(rest: Ticks, first: bool, chunk: Ticks, target: Ticks) -> Option<Ticks> {
    if rest.0 <= 0 || target.0 <= 0 || chunk.0 <= 0 {
        return None;
    }
    let aim = aim(chunk.0, target.0);
    if !first {
        let parts = ((rest.0 + aim / 2) / aim).max(1);
        return Some(Ticks(rest.0 / parts));
    }
    let others = rest.0 / aim;
    let left = rest.0 - others * aim;
    let even = others > 0 && left < chunk.0 && rest.0 / others <= target.0;
    Some(Ticks(if even { rest.0 / others } else { left }))
}

/// The middle of what parts of whole chunks can be long, with room for their jitter.
fn aim(chunk: i64, target: i64) -> i64 {
    let fewest = (target * FULL_PERCENT / 100 + chunk - 1) / chunk;
    let most = (target - chunk / 8) / chunk;
    if fewest > most { target * AIM_PERCENT / 100 } else { (fewest + most) * chunk / 2 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGET: i64 = 45_000;

    /// The parts of a segment of `length`, made of chunks of `chunk`, each as near to its goal as chunks are.
    fn parts(length: i64, chunk: i64) -> Vec<i64> {
        let (mut parts, mut start) = (Vec::new(), 0);
        while start < length {
            let first = parts.is_empty();
            let goal = goal(Ticks(length - start), first, Ticks(chunk), Ticks(TARGET));
            let goal = goal.expect("something is left").0;
            let mut end = start + chunk;
            let full = |end: i64| first || (end - start) * 100 >= TARGET * FULL_PERCENT;
            let fits = |end: i64| end + chunk <= length && end + chunk - start <= TARGET;
            while fits(end) && (!full(end) || end + chunk - start <= goal + chunk / 2) {
                end += chunk;
            }
            parts.push(end - start);
            start = end;
        }
        parts
    }

    #[test]
    fn a_segment_of_two_seconds_ends_with_a_full_part() {
        let frames: Vec<_> = parts(180_000, 3_600).iter().map(|length| length / 3_600).collect();
        assert_eq!(frames, [4, 12, 11, 12, 11]);
    }

    #[test]
    fn no_last_part_is_a_crumb() {
        for chunk in [1_500, 1_800, 3_000, 3_600, 4_500, 5_760] {
            for chunks in 162_000 / chunk..=900_000 / chunk {
                let parts = parts(chunk * chunks, chunk);
                let last = parts.last().expect("parts");
                assert!(*last > 27_000, "{chunks} of {chunk}: {parts:?}");
            }
        }
    }

    #[test]
    fn nothing_is_shared_out_past_the_expected_end() {
        assert_eq!(goal(Ticks(0), true, Ticks(3_600), Ticks(TARGET)), None);
        assert_eq!(goal(Ticks(-5), false, Ticks(3_600), Ticks(TARGET)), None);
    }
}
