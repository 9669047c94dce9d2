//! The rules for media playlists, held against what one URL gave over time.
//!
//! Each rule bears its number in the checklist of HLS rules (RFC 8216bis and Apple's authoring specification) that the
//! project keeps. A violation is a value, so that a test can show all of them at once, and so that the rules can be
//! tested too.

use std::fmt;

use super::media;
use super::playlist::{Playlist, Segment};

/// What is added up of numbers with five decimals may be off by so little.
const ROUNDING: f64 = 0.000_2;

/// What any run of segments lasts by the list may be off by a tick of 90 kHz and a hundred-thousandth of a second, by
/// which its ends are rounded down: the rule allows a frame.
const MOST_DRIFT: f64 = 0.000_022;

/// A rule that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    pub rule: &'static str,
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule, self.what)
    }
}

/// Dates are in whole milliseconds on both sides.
const DATE_ROUNDING: f64 = 2.0;

/// Everything that is wrong with `playlists`, which came from one URL in this order.
pub fn check(playlists: &[Playlist]) -> Vec<Violation> {
    check_as(playlists, Expected::default())
}

/// The same for a camera whose pictures jitter. Dates are those of presentation, durations those of the decode line,
/// which follows slowly: they meet within `jitter` milliseconds. (The rule for durations, N23, asks for a frame's.)
pub fn check_with_jitter(playlists: &[Playlist], jitter: f64) -> Vec<Violation> {
    check_as(playlists, Expected { date_slack: (jitter, jitter), ..Expected::default() })
}

/// The same for a camera whose pictures stop now and then, for up to `hole` milliseconds. Where one is longer than a part,
/// there are none.
pub fn check_with_holes(playlists: &[Playlist], hole: f64) -> Vec<Violation> {
    let mut found = Found(Vec::new());
    for (index, playlist) in playlists.iter().enumerate() {
        let before = index.checked_sub(1).map(|before| &playlists[before]);
        let expected = Expected { date_slack: (hole, hole), parts: !playlist.hints.is_empty() };
        found.add(check_next(before, playlist, expected));
    }
    found.0
}

fn check_as(playlists: &[Playlist], expected: Expected) -> Vec<Violation> {
    let mut found = Found(Vec::new());
    for (index, playlist) in playlists.iter().enumerate() {
        let before = index.checked_sub(1).map(|before| &playlists[before]);
        found.add(check_next(before, playlist, expected));
    }
    found.0
}

/// What a playlist alone does not tell.
#[derive(Clone, Copy, Debug)]
pub struct Expected {
    /// How much earlier and later a date may be than the segment before lets expect, in milliseconds.
    pub date_slack: (f64, f64),
    /// True if the segment that grows has parts: pictures that are longer than one make segments without any, and
    /// then the list has none at all.
    pub parts: bool,
}

impl Default for Expected {
    fn default() -> Self {
        Self { date_slack: (0.0, 0.0), parts: true }
    }
}

/// What is wrong with `playlist`, which follows `before` at its URL.
pub fn check_next(before: Option<&Playlist>, playlist: &Playlist, expected: Expected) -> Vec<Violation> {
    let mut found = Found(Vec::new());
    judge(playlist, expected, &mut found);
    if let Some(before) = before {
        compare(before, playlist, &mut found);
    }
    found.0
}

fn judge(playlist: &Playlist, expected: Expected, found: &mut Found) {
    header(playlist, found);
    segments(playlist, expected.date_slack, found);
    parts(playlist, found);
    end(playlist, expected.parts && !playlist.iframes, found);
    iframes(playlist, found);
}

fn compare(before: &Playlist, after: &Playlist, found: &mut Found) {
    promises(before, after, found);
    edits(before, after, found);
    hint(before, after, found);
}

/// What is wrong with the durations in `playlist`, where `media` tells from when to when the media of a segment lasts, in
/// seconds, if there is any. What goes on where the segment before it ended makes a run with that.
pub fn check_lengths(playlist: &Playlist, media: impl Fn(&Segment) -> Option<(f64, f64)>) -> Vec<Violation> {
    let mut found = Found(Vec::new());
    let (mut end, mut ahead, mut range) = (None, 0.0, (0.0_f64, 0.0_f64));
    for segment in &playlist.segments {
        let Some((from, to)) = media(segment) else {
            end = None;
            continue;
        };
        if end.is_none_or(|end: f64| (from - end).abs() > MOST_DRIFT) {
            (ahead, range) = (0.0, (0.0, 0.0));
        }
        end = Some(to);
        ahead += segment.duration - (to - from);
        range = (range.0.min(ahead), range.1.max(ahead));
        found.unless(range.1 - range.0 <= MOST_DRIFT, "N23", || {
            format!("a run that ends with segment {} is {} s off its media", segment.msn, range.1 - range.0)
        });
    }
    found.0
}

/// Panics with all violations, if there are any.
#[track_caller]
pub fn assert_good(name: &str, playlists: &[Playlist]) {
    assert!(!playlists.is_empty(), "{name}: nothing to check");
    let violations: Vec<_> = check(playlists).iter().map(ToString::to_string).collect();
    let last = &playlists[playlists.len() - 1].text;
    assert!(violations.is_empty(), "{name}:\n{}\nthe last playlist:\n{last}", violations.join("\n"));
}

struct Found(Vec<Violation>);

impl Found {
    fn unless(&mut self, good: bool, rule: &'static str, what: impl FnOnce() -> String) {
        if !good {
            self.add(vec![Violation { rule, what: what() }]);
        }
    }

    /// What is wrong in one playlist is often wrong in all: it counts once.
    fn add(&mut self, violations: Vec<Violation>) {
        for violation in violations {
            if !self.0.contains(&violation) {
                self.0.push(violation);
            }
        }
    }
}

fn header(playlist: &Playlist, found: &mut Found) {
    let text = &playlist.text;
    let clean = !text.starts_with('\u{feff}') && text.chars().all(|c| c == '\n' || !c.is_control());
    found.unless(clean, "N15", || "a control character or a byte order mark".into());
    found.unless(text.starts_with("#EXTM3U\n"), "N16", || "line 1 is not #EXTM3U".into());
    for once in [
        "VERSION",
        "TARGETDURATION",
        "MEDIA-SEQUENCE",
        "DISCONTINUITY-SEQUENCE",
        "PART-INF",
        "SERVER-CONTROL",
        "ENDLIST",
        "I-FRAMES-ONLY",
    ] {
        let count = playlist.order.iter().filter(|name| **name == once).count();
        found.unless(count <= 1, "N18", || format!("{once} stands {count} times"));
    }
    found.unless(playlist.skipped == 0, "N72", || "segments are skipped for who did not ask for it".into());
    let version = if playlist.iframes { 5 } else { 6 };
    found.unless(playlist.version == Some(version), "N17", || format!("version {:?}", playlist.version));
    found.unless(playlist.target.is_some_and(|target| target >= 1), "N21", || "no TARGETDURATION".into());
    let place = |wanted: &str| playlist.order.iter().position(|name| *name == wanted);
    let media = ["INF", "PART", "DISCONTINUITY", "MAP"];
    let first = playlist.order.iter().position(|name| media.contains(name)).unwrap_or(usize::MAX);
    for sequence in ["MEDIA-SEQUENCE", "DISCONTINUITY-SEQUENCE"] {
        let good = place(sequence).is_some_and(|at| at < first);
        found.unless(good, "N22", || format!("{sequence} is not before the first segment"));
    }
    let (part, hold_back) = (playlist.part_target.unwrap_or(0.0), playlist.part_hold_back.unwrap_or(0.0));
    let has_parts = playlist.all().any(|segment| !segment.parts.is_empty());
    found.unless(part > 0.0 || !has_parts, "N57", || "parts without PART-TARGET".into());
    found.unless(hold_back + ROUNDING >= 3.0 * part, "N58", || {
        format!("PART-HOLD-BACK {hold_back} with PART-TARGET {part}")
    });
    found.unless(playlist.can_block, "N74", || "no CAN-BLOCK-RELOAD".into());
}

fn segments(playlist: &Playlist, date_slack: (f64, f64), found: &mut Found) {
    let target = playlist.target.unwrap_or(0) as f64;
    for segment in &playlist.segments {
        found.unless(segment.duration.round() <= target, "N31", || {
            format!("segment {} lasts {} s of {target} s", segment.msn, segment.duration)
        });
        found.unless(segment.duration > 0.0, "N23", || format!("segment {} lasts no time", segment.msn));
        let of_parts: f64 = segment.parts.iter().map(|part| part.duration).sum();
        // Where each begins is rounded, and not how long it lasts.
        let adds_up = segment.parts.is_empty() || (of_parts - segment.duration).abs() < 0.000_001;
        found.unless(adds_up, "N6", || {
            format!("segment {} lasts {} s, its parts {of_parts} s", segment.msn, segment.duration)
        });
        found.unless(!segment.gap || segment.parts.iter().all(|part| part.gap), "N26", || {
            format!("segment {} is a gap with parts to load", segment.msn)
        });
    }
    for segment in playlist.all() {
        found.unless(segment.map.is_some() || segment.gap, "N4", || {
            format!("segment {} is under no EXT-X-MAP", segment.msn)
        });
        found.unless(segment.wall.is_some(), "N25", || {
            format!("segment {} has no PROGRAM-DATE-TIME", segment.msn)
        });
    }
    opening_before_parts(playlist, found);
    dates(playlist, date_slack, found);
    let uris: Vec<_> = playlist.segments.iter().map(|segment| &segment.uri).collect();
    let distinct: std::collections::HashSet<_> = uris.iter().collect();
    found.unless(distinct.len() == uris.len(), "N91", || "two segments have one URI".into());
}

/// DISCONTINUITY, MAP and PROGRAM-DATE-TIME of a segment stand before its first part.
fn opening_before_parts(playlist: &Playlist, found: &mut Found) {
    let mut in_parts = false;
    for name in &playlist.order {
        match *name {
            "PART" => in_parts = true,
            "INF" => in_parts = false,
            "DISCONTINUITY" | "MAP" | "PROGRAM-DATE-TIME" => {
                found.unless(!in_parts, "N24", || format!("{name} stands behind a part of its segment"));
            }
            _ => {}
        }
    }
}

/// Dates and durations tell the same story, but for discontinuities.
fn dates(playlist: &Playlist, slack: (f64, f64), found: &mut Found) {
    let all: Vec<_> = playlist.all().collect();
    for pair in all.windows(2) {
        let (Some(before), Some(after)) = (pair[0].wall, pair[1].wall) else { continue };
        let expected = before as f64 + pair[0].duration * 1000.0;
        let off = after as f64 - expected;
        if pair[1].discontinuities > 0 {
            found.unless(off > -1000.0, "N25", || format!("segment {} lies {off} ms back", pair[1].msn));
        } else {
            // A gap has its picture's dates, which sound meets within a chunk.
            let gap = pair.iter().any(|segment| segment.gap);
            let least = if gap { 100.0 } else { DATE_ROUNDING };
            let allowed = -slack.0.max(least)..=slack.1.max(least);
            found.unless(allowed.contains(&off), "N25", || {
                format!("the date of segment {} is {off} ms off", pair[1].msn)
            });
        }
    }
}

fn parts(playlist: &Playlist, found: &mut Found) {
    let target = playlist.part_target.unwrap_or(0.0);
    for segment in playlist.all() {
        for (index, part) in segment.parts.iter().enumerate() {
            let name = || format!("part {}.{index} lasts {} s of {target} s", segment.msn, part.duration);
            found.unless(part.duration <= target + 1e-9, "N61", name);
            let last = index + 1 == segment.parts.len();
            let before_gap = segment.parts.get(index + 1).is_some_and(|next| next.gap);
            let exempt = part.independent || part.gap || before_gap || last;
            found.unless(exempt || part.duration + ROUNDING >= 0.85 * target, "N62", name);
        }
    }
    let with_parts: Vec<_> = playlist.segments.iter().map(|segment| !segment.parts.is_empty()).collect();
    let open = !playlist.open.parts.is_empty();
    found.unless(
        with_parts.iter().chain([&open]).is_sorted() || !open && with_parts.is_sorted(),
        "N36",
        || "parts are listed that are not at the live edge".into(),
    );
    // Parts are listed within three target durations from the end.
    let mut from_end: f64 = playlist.open.parts.iter().map(|part| part.duration).sum();
    for segment in playlist.segments.iter().rev() {
        let far = from_end > 3.0 * playlist.target.unwrap_or(0) as f64;
        found.unless(!far || segment.parts.is_empty(), "N36", || {
            format!("segment {} still lists parts", segment.msn)
        });
        from_end += segment.duration;
    }
}

fn end(playlist: &Playlist, has_parts: bool, found: &mut Found) {
    let hints = (playlist.hints.len(), playlist.map_hints.len());
    if playlist.ended {
        found.unless(hints == (0, 0), "N65", || "a hint in a list that has ended".into());
    } else {
        let lists_parts = playlist.all().any(|segment| !segment.parts.is_empty());
        found.unless(hints.0 == usize::from(has_parts || lists_parts), "N113", || {
            format!("{} hints at parts", hints.0)
        });
        found.unless(hints.1 <= 1, "N65", || format!("{} hints at init segments", hints.1));
    }
    for report in &playlist.reports {
        let relative = !report.uri.starts_with('/') && !report.uri.contains("://");
        found.unless(relative, "N70", || format!("the report's URI {} is not relative", report.uri));
    }
}

/// An I-frame is a range of its segment; a list of them has nothing of parts, and reports of no other (N70).
fn iframes(playlist: &Playlist, found: &mut Found) {
    for segment in &playlist.segments {
        let ranged = segment.range.is_some_and(|(length, _)| length > 0);
        found.unless(ranged == (playlist.iframes && !segment.gap), "N56", || {
            format!("segment {} has the range {:?}", segment.msn, segment.range)
        });
    }
    if playlist.iframes {
        let of_parts = ["PART", "PART-INF", "PRELOAD-HINT"];
        let found_one = playlist.order.iter().find(|name| of_parts.contains(name));
        found.unless(found_one.is_none(), "N56", || format!("{found_one:?} in a list of I-frames"));
        found.unless(playlist.reports.is_empty(), "N70", || "a list of I-frames reports of others".into());
    }
}

/// What is wrong with a list of I-frames beside the list of the segments that they begin.
pub fn check_iframes(iframes: &Playlist, all: &Playlist) -> Vec<Violation> {
    let mut found = Found(Vec::new());
    found.unless(iframes.iframes && !all.iframes, "N56", || "no list of I-frames and its own".into());
    let promises =
        |list: &Playlist| (list.target, list.part_hold_back.map(f64::to_bits), list.can_skip_until);
    found.unless(promises(iframes) == promises(all), "N50", || {
        format!("{:?} is promised of I-frames, {:?} of all", promises(iframes), promises(all))
    });
    let numbers = |list: &Playlist| (list.msn, list.discontinuity_sequence, list.segments.len());
    found.unless(numbers(iframes) == numbers(all), "N46", || {
        format!("{:?} are the numbers of I-frames, {:?} of all", numbers(iframes), numbers(all))
    });
    for (iframe, segment) in iframes.segments.iter().zip(&all.segments) {
        let says = |one: &Segment| {
            (one.uri.clone(), one.duration.to_bits(), one.wall, one.discontinuities, one.map.clone())
        };
        found.unless(says(iframe) == says(segment), "N56", || {
            format!("the I-frame {iframe:?} is not of {segment:?}")
        });
    }
    found.0
}

/// What is wrong with the bytes that a list of I-frames shows of a segment: they are one picture (N56).
pub fn check_iframe(iframe: &Segment, bytes: &[u8]) -> Vec<Violation> {
    let mut found = Found(Vec::new());
    let Some((length, offset)) = iframe.range else { return found.0 };
    let shown = bytes.get(offset..offset + length);
    found.unless(shown.is_some(), "N99", || format!("{:?} of {} bytes", iframe.range, bytes.len()));
    let whole = shown.is_some_and(media::is_whole);
    found.unless(whole, "N56", || format!("the range of I-frame {} cuts a box", iframe.msn));
    if let Some(shown) = shown.filter(|_| whole) {
        let chunks = media::chunks(shown);
        let one = chunks.len() == 1 && chunks[0].samples.len() == 1 && chunks[0].starts_picture();
        found.unless(one, "N56", || format!("{} chunks are I-frame {}", chunks.len(), iframe.msn));
    }
    found.0
}

/// What never changes.
fn promises(before: &Playlist, after: &Playlist, found: &mut Found) {
    found.unless(before.target == after.target, "N21", || {
        format!("{:?} became {:?}", before.target, after.target)
    });
    found.unless(before.part_target == after.part_target, "N57", || {
        format!("PART-TARGET {:?} became {:?}", before.part_target, after.part_target)
    });
    found.unless(before.part_hold_back == after.part_hold_back, "N58", || "PART-HOLD-BACK changed".into());
    // There is nothing to skip in a list that nobody loads again.
    found.unless(after.ended || before.can_skip_until == after.can_skip_until, "N50", || {
        format!("CAN-SKIP-UNTIL {:?} became {:?}", before.can_skip_until, after.can_skip_until)
    });
}

/// A list may only be appended to, and removed from at its front.
fn edits(before: &Playlist, after: &Playlist, found: &mut Found) {
    let (old, new) = (before.msn.unwrap_or(0), after.msn.unwrap_or(0));
    found.unless(new >= old, "N35", || format!("MEDIA-SEQUENCE {old} became {new}"));
    found.unless(after.next_part() >= before.next_part(), "N33", || {
        format!("the end moved from {:?} to {:?}", before.next_part(), after.next_part())
    });
    found.unless(!before.ended || after.ended, "N33", || "ENDLIST was taken back".into());
    let removed: Vec<_> = before.all().filter(|segment| segment.msn < new).collect();
    let breaks: u64 = removed.iter().map(|segment| segment.discontinuities).sum();
    let numbers = (before.discontinuity_sequence, after.discontinuity_sequence);
    // What came and went between two looks may have been discontinuities too.
    let all_seen = removed.len() as u64 == new.saturating_sub(old);
    if let (Some(old), Some(new)) = numbers {
        found.unless(if all_seen { new == old + breaks } else { new >= old + breaks }, "N40", || {
            format!("DISCONTINUITY-SEQUENCE {old} became {new} when {breaks} were removed")
        });
    }
    if !removed.is_empty() {
        let enough = after.length() + ROUNDING >= 3.0 * after.target.unwrap_or(0) as f64;
        found.unless(enough, "N38", || format!("shortened to {} s", after.length()));
        found.unless(after.segments.len() >= 6, "N38", || {
            format!("shortened to {} segments", after.segments.len())
        });
    }
    for segment in before.all().filter(|segment| segment.msn >= new) {
        match after.numbered(segment.msn) {
            Some(other) => same(segment, other, found),
            None => found.unless(false, "N37", || format!("segment {} vanished", segment.msn)),
        }
    }
}

/// A segment is the same in a later playlist, but for new parts, and for parts that are no longer listed.
fn same(before: &Segment, after: &Segment, found: &mut Found) {
    let finished = !before.uri.is_empty();
    let fields = |segment: &Segment| (segment.uri.clone(), segment.duration.to_bits(), segment.gap);
    found.unless(!finished || fields(before) == fields(after), "N91", || {
        format!("segment {} changed from {before:?} to {after:?}", before.msn)
    });
    // There is nothing to initialize for a gap.
    let gap = before.gap || after.gap;
    let map = |segment: &Segment| segment.map.clone().filter(|_| !gap);
    let state = |segment: &Segment| (segment.discontinuities, segment.wall, map(segment));
    found.unless(state(before) == state(after), "N33", || {
        format!("segment {} changed from {before:?} to {after:?}", before.msn)
    });
    let kept = after.parts.starts_with(&before.parts) || (after.parts.is_empty() && !after.uri.is_empty());
    let more = finished && !after.parts.is_empty() && after.parts != before.parts;
    found.unless(kept && !more, "N33", || format!("the parts of segment {} changed", before.msn));
}

/// What was hinted at is what came.
fn hint(before: &Playlist, after: &Playlist, found: &mut Found) {
    let (msn, part) = before.next_part();
    let Some(segment) = after.numbered(msn) else { return };
    if let Some(hint) = before.map_hints.first() {
        let came = segment.map.as_ref();
        found.unless(came == Some(hint), "N85", || format!("{hint} was hinted at, {came:?} came"));
    }
    let Some(hint) = before.hints.first() else { return };
    if after.next_part() == (msn, part) || segment.gap {
        return;
    }
    let listed = !segment.parts.is_empty();
    let came = after.part(msn, part).map(|part| &part.uri);
    found.unless(!listed || came == Some(hint), "N65", || format!("{hint} was hinted at, {came:?} came"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::playlist::parse;

    const HEAD: &str = "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:4\n\
        #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.50000\n#EXT-X-PART-INF:PART-TARGET=0.50000\n";
    const FIRST: &str = "#EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-DISCONTINUITY-SEQUENCE:7\n#EXT-X-MAP:URI=\"i.mp4\"\n\
        #EXT-X-PROGRAM-DATE-TIME:2026-05-01T10:00:00.000Z\n\
        #EXT-X-PART:DURATION=0.50000,URI=\"7.0\",INDEPENDENT=YES\n#EXT-X-PART:DURATION=0.50000,URI=\"7.1\"\n";
    const DONE: &str = "#EXTINF:1.00000,\n7\n#EXT-X-PROGRAM-DATE-TIME:2026-05-01T10:00:01.000Z\n\
        #EXT-X-PART:DURATION=0.50000,URI=\"8.0\",INDEPENDENT=YES\n";

    fn growing() -> String {
        format!("{HEAD}{FIRST}#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"7.2\"\n")
    }

    fn grown() -> String {
        format!("{HEAD}{FIRST}{DONE}#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"8.1\"\n")
    }

    fn rules(texts: &[String]) -> Vec<&'static str> {
        let playlists: Vec<_> = texts.iter().map(|text| parse(text)).collect();
        check(&playlists).iter().map(|violation| violation.rule).collect()
    }

    #[test]
    fn good_playlists_break_no_rule() {
        let hinted =
            growing().replace("7.2", "7.1").replace("#EXT-X-PART:DURATION=0.50000,URI=\"7.1\"\n", "");
        assert_eq!(rules(&[hinted, grown()]), Vec::<&str>::new());
    }

    #[test]
    fn each_broken_rule_is_named() {
        let cases = [
            ("#EXT-X-TARGETDURATION:4", "#EXT-X-TARGETDURATION:5", "N21"),
            ("#EXTINF:1.00000", "#EXTINF:4.60000", "N31"),
            ("#EXTINF:1.00000", "#EXTINF:1.10000", "N6"),
            ("DURATION=0.50000,URI=\"8.0\"", "DURATION=0.60000,URI=\"8.0\"", "N61"),
            ("DURATION=0.50000,URI=\"7.0\",INDEPENDENT=YES", "DURATION=0.40000,URI=\"7.0\"", "N62"),
            ("PART-HOLD-BACK=1.50000", "PART-HOLD-BACK=1.20000", "N58"),
            ("MEDIA-SEQUENCE:7", "MEDIA-SEQUENCE:6", "N35"),
            ("MEDIA-SEQUENCE:7", "MEDIA-SEQUENCE:8", "N38"),
            ("DISCONTINUITY-SEQUENCE:7", "DISCONTINUITY-SEQUENCE:8", "N40"),
            ("URI=\"7.1\"", "URI=\"7.x\"", "N33"),
            ("URI=\"7.0\"", "URI=\"7.x\"", "N33"),
            ("#EXT-X-MAP:URI=\"i.mp4\"\n", "", "N4"),
            ("10:00:01.000Z", "10:00:01.100Z", "N25"),
            ("#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"8.1\"\n", "", "N113"),
            (
                "#EXT-X-PART:DURATION=0.50000,URI=\"8.0\"",
                "#EXTINF:1.00000,\n8\n#EXT-X-PART:DURATION=0.50000,URI=\"9.0\"",
                "N36",
            ),
            ("#EXT-X-VERSION:6", "#EXT-X-VERSION:9", "N17"),
            ("DURATION=0.50000,URI=\"8.0\"", "DURATION=0.50001,URI=\"8.0\"", "N61"),
            ("PART-TARGET=0.50000", "PART-TARGET=0.49000", "N57"),
            ("PART-HOLD-BACK=1.50000", "PART-HOLD-BACK=1.60000", "N58"),
            ("CAN-BLOCK-RELOAD=YES,", "", "N74"),
            ("URI=\"8.1\"\n", "URI=\"8.1\"\n#EXT-X-ENDLIST\n", "N65"),
            ("PART-HOLD-BACK=1.50000", "PART-HOLD-BACK=1.50000,CAN-SKIP-UNTIL=24.0", "N50"),
        ];
        for (good, bad, rule) in cases {
            let found = rules(&[growing(), grown().replace(good, bad)]);
            assert!(found.contains(&rule), "{good} as {bad} breaks {rule}, found {found:?}");
        }
    }

    #[test]
    fn what_is_no_list_of_i_frames_is_found() {
        let all = parse(&grown());
        let head = HEAD.replace("VERSION:6", "VERSION:5");
        let head = head.replace("#EXT-X-PART-INF:PART-TARGET=0.50000\n", "#EXT-X-I-FRAMES-ONLY\n");
        let first = FIRST.split("#EXT-X-PART").next().expect("a beginning");
        let text = format!("{head}{first}#EXTINF:1.00000,\n#EXT-X-BYTERANGE:99@0\n7\n");
        let broken = |good: &str, bad: &str| {
            let list = parse(&text.replace(good, bad));
            let found = [check(std::slice::from_ref(&list)), check_iframes(&list, &all)].concat();
            found.iter().map(|violation| violation.rule).collect::<Vec<_>>()
        };
        assert_eq!(broken("", ""), Vec::<&str>::new());
        for (good, bad, rule) in [
            ("#EXT-X-BYTERANGE:99@0\n", "", "N56"),
            ("#EXT-X-BYTERANGE:99@0\n", "#EXT-X-GAP\n#EXT-X-BYTERANGE:99@0\n", "N56"),
            ("#EXT-X-I-FRAMES-ONLY\n", "#EXT-X-I-FRAMES-ONLY\n#EXT-X-PART-INF:PART-TARGET=0.5\n", "N56"),
            ("#EXT-X-I-FRAMES-ONLY\n", "", "N56"),
            ("#EXTINF:1.0", "#EXTINF:1.1", "N56"),
            ("VERSION:5", "VERSION:6", "N17"),
            ("TARGETDURATION:4", "TARGETDURATION:5", "N50"),
            ("DISCONTINUITY-SEQUENCE:7", "DISCONTINUITY-SEQUENCE:8", "N46"),
        ] {
            assert!(broken(good, bad).contains(&rule), "{good} as {bad}: {:?}", broken(good, bad));
        }
    }

    #[test]
    fn lengths_that_are_rounded_one_by_one_drift() {
        let list = |lengths: &[&str]| {
            let segments = lengths.iter().zip(7..).map(|(length, msn)| format!("#EXTINF:{length},\n{msn}\n"));
            parse(&format!("{HEAD}#EXT-X-MEDIA-SEQUENCE:7\n{}", segments.collect::<String>()))
        };
        let thirds = |segment: &Segment| Some((segment.msn as f64 / 3.0, (segment.msn + 1) as f64 / 3.0));
        let carried = list(&["0.33333", "0.33333", "0.33334", "0.33333", "0.33333", "0.33334"]);
        assert_eq!(check_lengths(&carried, thirds), []);
        let cut = list(&["0.33333"; 8]);
        assert_eq!(check_lengths(&cut, thirds)[0].rule, "N23");
        let holes = |segment: &Segment| thirds(segment).filter(|_| !segment.msn.is_multiple_of(3));
        assert_eq!(check_lengths(&cut, holes), [], "what does not go on is no run");
    }

    #[test]
    fn a_hint_that_was_not_kept_and_a_segment_that_changes_its_name_are_found() {
        let hinted = growing().replace("#EXT-X-PART:DURATION=0.50000,URI=\"7.1\"\n", "");
        assert_eq!(rules(&[hinted, growing()]), ["N65"]);
        assert_eq!(rules(&[grown(), grown().replace("\n7\n", "\n7x\n")]), ["N91"]);
        assert!(rules(&[grown(), growing()]).contains(&"N33"), "a list that gets shorter at its end");
    }

    #[test]
    fn an_init_segment_that_was_hinted_at_and_did_not_come_is_found() {
        let hinted = |init| {
            let hint = format!("#EXT-X-PRELOAD-HINT:TYPE=MAP,URI=\"{init}\"\n");
            let parts = growing().replace("#EXT-X-PART:DURATION=0.50000,URI=\"7.1\"\n", "");
            parts.replace("7.2", "7.1") + &hint
        };
        assert_eq!(rules(&[hinted("i.mp4"), grown()]), Vec::<&str>::new());
        assert_eq!(rules(&[hinted("j.mp4"), grown()]), ["N85"]);
    }
}
