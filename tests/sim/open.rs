//! Rules that are not kept yet, each with a camera that shows it. In the families they are passed over in the named
//! track; here each must still be broken, so that no entry outlives its reason.

use std::time::Duration;

use belvedere::live::Options;

use crate::plan::{Event, Plan, Scene, Sound, Stream};
use crate::world::run_strictly;

/// Rule, track, and what to know of it.
const OPEN: [(&str, &str, &str); 8] = [
    ("N6", "audio", "a hole in the sound between two parts counts for the segment and for no part"),
    ("N25", "video", "where pictures are slow the decode line lags, and dates overlap by more than a second"),
    ("N31", "audio", "sound whose picture is late makes segments that are too long"),
    ("N39", "video", "what left the list is let go of up to a second too early"),
    ("N39", "audio", "the same"),
    ("N45", "audio", "sound that comes back late within a segment begins the next one late"),
    ("N61", "video", "pictures that came before the part target was known may be longer"),
    ("N62", "video", "some pictures that jitter, or that end a segment by bytes, leave a part too short"),
];

/// True if `rule` is known to be broken in `place`.
pub fn is_open(rule: &str, place: &str) -> bool {
    OPEN.iter().any(|(open, track, _)| *open == rule && place.starts_with(track))
}

fn scene(first: Event, ms: u32, rate: u32, gop_ms: u32) -> Scene {
    Scene { first, ms, rate, gop_ms }
}

fn plan(scenes: Vec<Scene>, heard: Vec<(u32, u32)>) -> Plan {
    let options = Options { window: Duration::from_secs(6), ..Options::default() };
    let stream = Stream {
        begin_ms: 0,
        scenes,
        stamp_jitter: 0,
        delay_ms: 0,
        b_pictures: 0,
        tells_rate: false,
        reports: false,
        bytes: 40,
        sound: (!heard.is_empty()).then_some(Sound { rate: 48_000, samples: 1024, heard }),
    };
    Plan { options, renditions: vec![stream], viewer_ms: 0, noise: 0 }
}

#[track_caller]
fn assert_open(rule: &str, plan: &Plan) {
    let found = run_strictly(plan).err().unwrap_or_default();
    assert!(found.contains(&format!("{rule} in ")), "{rule} is kept now: take it off the list. {found}");
}

#[test]
fn a_hole_in_the_sound_counts_for_no_part() {
    assert_open(
        "N6",
        &plan(vec![scene(Event::Nothing, 9_257, 25_000, 1_000)], vec![(0, 4_822), (5_036, 10_000)]),
    );
}

#[test]
fn dates_overlap_at_dawn() {
    let rates = [25_000, 6_000, 1_000, 25_000];
    assert_open("N25", &plan(rates.map(|rate| scene(Event::Nothing, 4_000, rate, 1_000)).to_vec(), vec![]));
}

#[test]
fn sound_whose_picture_is_late_makes_long_segments() {
    let mut plan = plan(vec![scene(Event::Nothing, 10_501, 2_000, 11_250)], vec![(0, 20_000)]);
    plan.renditions[0].b_pictures = 3;
    assert_open("N31", &plan);
}

#[test]
fn long_segments_are_let_go_of_too_early() {
    let scenes = vec![scene(Event::Nothing, 8_000, 5_780, 500), scene(Event::Nothing, 37_023, 5_780, 9_343)];
    assert_open("N39", &plan(scenes, vec![]));
}

#[test]
fn sound_that_comes_back_late_begins_a_segment() {
    let scenes = vec![scene(Event::Nothing, 20_000, 9_356, 2_191)];
    assert_open("N45", &plan(scenes, vec![(470, 3_570), (5_601, 5_701)]));
}

#[test]
fn pictures_longer_than_the_part_target_come_before_it_is_known() {
    let mut plan = plan(vec![scene(Event::Nothing, 8_000, 4_000, 500)], vec![]);
    plan.options.part_target = Some(Duration::from_millis(100));
    plan.renditions[0].tells_rate = true;
    assert_open("N61", &plan);
}

#[test]
fn a_part_is_too_short_when_pictures_jitter() {
    let mut plan = plan(vec![scene(Event::Nothing, 68_486, 1_869, 2_000)], vec![]);
    plan.options.segment_target = Some(Duration::from_millis(2_414));
    plan.renditions[0].tells_rate = true;
    plan.renditions[0].stamp_jitter = 37;
    plan.noise = 11_594_755_402_170_548_486;
    assert_open("N62", &plan);
}
