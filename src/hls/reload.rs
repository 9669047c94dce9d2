//! Blocking playlist reload (RFC 8216bis 6.2.5.2): what to do with a request, as a pure rule.

use crate::live::LineTip;
use crate::media::Ticks;
use crate::media::time::TICKS_PER_SECOND;

/// What a request for a playlist waits for: `_HLS_msn` and `_HLS_part`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Want {
    /// Media sequence number.
    pub msn: u64,
    /// Part of that segment; `None` asks for the first one, as iPhones expect.
    pub part: Option<u32>,
}

/// What to do with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reload {
    /// Answer now.
    Serve,
    /// Wait for more.
    Wait,
    /// Answer 400: it asks for what is too far away.
    Reject,
}

/// Decides about a request, given how far the playlist has come.
pub fn decide(tip: LineTip, part_target: Ticks, want: Want) -> Reload {
    let (msn, part) = roll_over(tip, want);
    let limit = advance_part_limit(part_target);
    match msn.checked_sub(tip.open_msn) {
        None => Reload::Serve,
        Some(0) if part < tip.open_parts => Reload::Serve,
        Some(0) if part - tip.open_parts < limit => Reload::Wait,
        // The segment after the open one: "two greater than the last segment" is still allowed.
        Some(1) if part < limit => Reload::Wait,
        Some(_) => Reload::Reject,
    }
}

/// The same for a list that shows finished segments alone: which part is wanted is nothing to it.
pub fn decide_finished(tip: LineTip, want: Want) -> Reload {
    match want.msn.checked_sub(tip.open_msn) {
        None => Reload::Serve,
        // The last one listed is before the open one: two more are allowed.
        Some(0 | 1) => Reload::Wait,
        Some(_) => Reload::Reject,
    }
}

/// A part beyond the last one of a finished segment is the first part of the next.
fn roll_over(tip: LineTip, want: Want) -> (u64, u32) {
    let part = want.part.unwrap_or(0);
    let last_finished = want.msn.checked_add(1) == Some(tip.open_msn);
    if last_finished && part >= tip.last_parts && want.part.is_some() {
        (tip.open_msn, 0)
    } else {
        (want.msn, part)
    }
}

/// How many parts ahead of the last one a request may ask for: three seconds' worth, or three.
fn advance_part_limit(part_target: Ticks) -> u32 {
    let second = i64::from(TICKS_PER_SECOND);
    if part_target.0 <= 0 || part_target.0 >= second {
        return 3;
    }
    u32::try_from((3 * second + part_target.0 - 1) / part_target.0).unwrap_or(u32::MAX)
}

/// Delivery directives that make no sense, answered with 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DirectiveError {
    /// Not a number that could be one.
    #[error("{0} must be a whole number")]
    NotANumber(&'static str),
    /// `_HLS_part` alone.
    #[error("_HLS_part needs _HLS_msn")]
    PartAlone,
}

/// Reads the delivery directives of a query string; the first of duplicates counts, others are ignored.
///
/// # Errors
/// A value is no number, or a part is asked for without its segment.
pub fn directives(query: &str) -> Result<Option<Want>, DirectiveError> {
    let value = |name| query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name);
    let number = |name: &'static str| {
        value(name).map(|(_, text)| digits(text).ok_or(DirectiveError::NotANumber(name))).transpose()
    };
    let msn = number("_HLS_msn")?;
    let part = number("_HLS_part")?;
    match (msn, part) {
        (None, None) => Ok(None),
        (None, Some(_)) => Err(DirectiveError::PartAlone),
        (Some(msn), part) => {
            Ok(Some(Want { msn, part: part.map(|part| u32::try_from(part).unwrap_or(u32::MAX)) }))
        }
    }
}

/// True when `_HLS_skip` asks for a delta update (RFC 8216bis 6.2.5.1). Without date ranges in our lists,
/// `v2` means the same as `YES`; other values are ignored.
pub fn wants_delta(query: &str) -> bool {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == "_HLS_skip").is_some_and(|(_, value)| matches!(value, "YES" | "v2"))
}

/// Digits alone: no sign, no blank.
fn digits(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF: Ticks = Ticks(45_000);

    fn tip(open_parts: u32) -> LineTip {
        LineTip {
            open_msn: 100,
            open_parts,
            last_parts: 4,
            started: true,
            finished: true,
            ..LineTip::default()
        }
    }

    #[track_caller]
    fn check(open_parts: u32, msn: u64, part: Option<u32>, expected: Reload) {
        assert_eq!(
            decide(tip(open_parts), HALF, Want { msn, part }),
            expected,
            "{msn} {part:?} with {open_parts}"
        );
    }

    #[test]
    fn what_is_listed_already_is_served_however_old() {
        for msn in [0, 1, 98, 99] {
            check(0, msn, None, Reload::Serve);
            check(0, msn, Some(0), Reload::Serve);
        }
        check(0, 99, Some(3), Reload::Serve);
        check(2, 100, Some(1), Reload::Serve);
        check(2, 100, None, Reload::Serve);
    }

    #[test]
    fn a_segment_alone_waits_for_its_first_part() {
        check(0, 100, None, Reload::Wait);
        check(1, 100, None, Reload::Serve);
        check(1, 101, None, Reload::Wait);
    }

    #[test]
    fn a_part_beyond_the_end_of_a_finished_segment_is_the_next_one_s_first() {
        check(0, 99, Some(4), Reload::Wait);
        check(0, 99, Some(400), Reload::Wait);
        check(1, 99, Some(4), Reload::Serve);
    }

    #[test]
    fn the_bounds_of_400_are_exact() {
        check(0, 101, Some(0), Reload::Wait);
        check(0, 102, None, Reload::Reject);
        check(3, 102, Some(0), Reload::Reject);
        check(0, u64::MAX, Some(u32::MAX), Reload::Reject);
        // Half a second: the limit is six parts past the last one.
        check(2, 100, Some(7), Reload::Wait);
        check(2, 100, Some(8), Reload::Reject);
        check(0, 101, Some(5), Reload::Wait);
        check(0, 101, Some(6), Reload::Reject);
    }

    #[test]
    fn what_is_listed_when_it_is_finished_is_waited_for_until_then() {
        let decide = |msn, part| decide_finished(tip(3), Want { msn, part });
        for part in [None, Some(0), Some(99)] {
            let decided: Vec<_> = [0, 99, 100, 101, 102, u64::MAX].map(|msn| decide(msn, part)).into();
            use Reload::{Reject, Serve, Wait};
            assert_eq!(decided, [Serve, Serve, Wait, Wait, Reject, Reject]);
        }
    }

    #[test]
    fn long_parts_may_be_asked_for_three_ahead() {
        let decide = |part| decide(tip(1), Ticks(90_000), Want { msn: 100, part: Some(part) });
        assert_eq!(decide(3), Reload::Wait);
        assert_eq!(decide(4), Reload::Reject);
    }

    #[test]
    fn directives_are_read_in_any_order_and_the_first_of_two_counts() {
        let want = |msn, part| Ok(Some(Want { msn, part }));
        assert_eq!(directives(""), Ok(None));
        assert_eq!(directives("token=x&_HLS_skip=YES"), Ok(None));
        assert_eq!(directives("_HLS_part=2&_HLS_msn=7"), want(7, Some(2)));
        assert_eq!(directives("_HLS_msn=7&_HLS_msn=8"), want(7, None));
    }

    #[test]
    fn delta_updates_are_asked_for_by_name() {
        assert!(wants_delta("_HLS_msn=7&_HLS_skip=YES"));
        assert!(wants_delta("_HLS_skip=v2"));
        assert!(
            !wants_delta("_HLS_skip=NO") && !wants_delta("_HLS_skip=v3&_HLS_skip=YES") && !wants_delta("")
        );
    }

    #[test]
    fn directives_that_make_no_sense_are_refused() {
        assert_eq!(directives("_HLS_part=2"), Err(DirectiveError::PartAlone));
        for text in ["", "x", "-1", "+1", "1.5", "99999999999999999999"] {
            let error = Err(DirectiveError::NotANumber("_HLS_msn"));
            assert_eq!(directives(&format!("_HLS_msn={text}")), error, "{text:?}");
        }
    }
}
