//! Rules that are not kept yet, each with a camera that shows it. In the families they are passed over in the named
//! track; here each must still be broken, so that no entry outlives its reason.

use std::time::Duration;

use belvedere::live::Options;

use crate::plan::{Event, Plan, Scene, Sound, Stream};
use crate::world::run_strictly;

/// Rule, track, and what to know of it.
const OPEN: [(&str, &str, &str); 6] = [
    ("N31", "audio", "sound whose picture is late makes segments that are too long"),
    (
        "N39",
        "video",
        "after slow pictures media time runs faster than the clock, and what left the list goes too early",
    ),
    ("N39", "audio", "the same"),
    ("N62", "video", "a segment that ends by its bytes may leave a part too short"),
    ("started", "video", "the first segment of slow pictures may end before the part target is known"),
    ("S18", "audio", "sound that runs on while its picture is late is left out of the next segment"),
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
fn sound_whose_picture_is_late_makes_long_segments() {
    let mut plan = plan(vec![scene(Event::Nothing, 10_501, 2_000, 11_250)], vec![(0, 20_000)]);
    plan.renditions[0].b_pictures = 3;
    assert_open("N31", &plan);
}

#[test]
fn sound_that_runs_on_is_left_out() {
    let mut plan = plan(vec![scene(Event::Nothing, 12_901, 10_000, 1_000)], vec![(0, 20_000)]);
    plan.renditions[0].b_pictures = 1;
    plan.renditions[0].delay_ms = 89;
    plan.renditions[0].sound.as_mut().unwrap().rate = 44_100;
    plan.noise = 6_241_142_694_313_226_267;
    assert_open("S18", &plan);
}

#[test]
fn segments_of_slow_pictures_are_let_go_of_too_early() {
    let rates = [25_000, 6_000, 1_000, 25_000];
    let mut plan = plan(rates.map(|rate| scene(Event::Nothing, 10_001, rate, 2_000)).to_vec(), vec![]);
    plan.options.segment_target = Some(Duration::from_millis(2_256));
    assert_open("N39", &plan);
}

#[test]
fn a_segment_that_ends_by_its_bytes_leaves_a_short_part() {
    let scenes = vec![
        scene(Event::Nothing, 3_944, 24_338, 1_664),
        scene(Event::Nothing, 10_501, 8_000, 4_000),
        scene(Event::Nothing, 2_000, 25_000, 1_000),
    ];
    let mut plan = plan(scenes, vec![]);
    plan.options.ring_bytes = 240_084;
    (plan.renditions[0].bytes, plan.renditions[0].stamp_jitter) = (2_890, 1);
    plan.noise = 16_664_313_521_241_423;
    assert_open("N62", &plan);
}

#[test]
fn a_first_segment_of_slow_pictures_cannot_be_had() {
    let mut plan = plan(vec![scene(Event::Nothing, 8_000, 1_427, 2_453)], vec![]);
    plan.renditions[0].b_pictures = 2;
    assert_open("started", &plan);
}
