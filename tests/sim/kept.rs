//! Cameras that once broke a rule, kept so that they never do again.

use std::time::Duration;

use belvedere::live::Options;

use crate::plan::{Event, Plan, Scene, Sound, Stream};
use crate::world::run;

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
fn assert_kept(plan: &Plan) {
    if let Err(broken) = run(plan) {
        panic!("{broken}\nfor {plan:?}");
    }
}

#[test]
fn sound_whose_picture_is_late_makes_long_segments() {
    let mut plan = plan(vec![scene(Event::Nothing, 10_501, 2_000, 11_250)], vec![(0, 20_000)]);
    plan.renditions[0].b_pictures = 3;
    assert_kept(&plan);
}

#[test]
fn sound_that_runs_on_is_left_out() {
    let mut plan = plan(vec![scene(Event::Nothing, 12_901, 10_000, 1_000)], vec![(0, 20_000)]);
    plan.renditions[0].b_pictures = 1;
    plan.renditions[0].delay_ms = 89;
    plan.renditions[0].sound.as_mut().unwrap().rate = 44_100;
    plan.noise = 6_241_142_694_313_226_267;
    assert_kept(&plan);
}

#[test]
fn segments_of_slow_pictures_are_let_go_of_too_early() {
    let rates = [25_000, 6_000, 1_000, 25_000];
    let mut plan = plan(rates.map(|rate| scene(Event::Nothing, 10_001, rate, 2_000)).to_vec(), vec![]);
    plan.options.segment_target = Some(Duration::from_millis(2_256));
    assert_kept(&plan);
}

#[test]
fn a_first_segment_of_slow_pictures_cannot_be_had() {
    let mut plan = plan(vec![scene(Event::Nothing, 8_000, 1_427, 2_453)], vec![]);
    plan.renditions[0].b_pictures = 2;
    assert_kept(&plan);
}

#[test]
fn a_date_behind_new_parameters_lies_back() {
    let scenes =
        vec![scene(Event::Nothing, 3_716, 1_208, 4_000), scene(Event::Parameters, 1_000, 25_000, 1_000)];
    let mut plan = plan(scenes, vec![]);
    plan.options.segment_target = Some(Duration::from_millis(2_433));
    plan.renditions[0].delay_ms = 1;
    plan.noise = 9_476_887_234_478_287_906;
    assert_kept(&plan);
}

#[test]
fn the_date_of_a_gap_lies_back() {
    let scenes = vec![scene(Event::Nothing, 1_000, 1_162, 2_152), scene(Event::Nothing, 4_016, 1_162, 2_152)];
    let mut plan = plan(scenes, vec![(0, 1_432), (1_508, 3_600_000)]);
    let stream = &mut plan.renditions[0];
    (stream.stamp_jitter, stream.b_pictures, stream.reports) = (24, 1, true);
    plan.noise = 11_399_967_000_129_990_357;
    assert_kept(&plan);
}

#[test]
fn dates_get_late() {
    let rates: [u32; 5] = [6_000, 12_500, 1_000, 1_000, 5_000];
    let scenes = rates.map(|rate| scene(Event::Nothing, 6_167, rate, 1_000)).to_vec();
    let mut plan = plan(scenes, vec![(0, 3_600_000)]);
    plan.renditions[0].stamp_jitter = 12;
    plan.viewer_ms = 16_191;
    plan.noise = 784_360_673_545_852_885;
    assert_kept(&plan);
}

#[test]
fn sound_is_given_up_at_dawn() {
    let rates: [u32; 4] = [25_000, 6_000, 1_000, 25_000];
    let scenes = rates.map(|rate| scene(Event::Nothing, 5_334, rate, 4_000)).to_vec();
    let mut plan = plan(scenes, vec![(0, 3_600_000)]);
    plan.renditions[0].b_pictures = 3;
    plan.renditions[0].sound.as_mut().unwrap().rate = 64_000;
    assert_kept(&plan);
}

#[test]
fn frames_of_sound_that_are_longer_than_it_may_be_late_are_no_gap() {
    let rates: [u32; 2] = [12_500, 25_000];
    let scenes = rates.map(|rate| scene(Event::Nothing, 3_161, rate, 3_160)).to_vec();
    let mut plan = plan(scenes, vec![(0, 3_600_000)]);
    plan.renditions[0].sound = Some(Sound { rate: 8_000, samples: 2048, heard: vec![(0, 3_600_000)] });
    assert_kept(&plan);
}

#[test]
fn sound_behind_a_hole_at_dusk_is_not_late() {
    let rates: [u32; 4] = [25_000, 6_000, 1_000, 25_000];
    let scenes = rates.map(|rate| scene(Event::Nothing, 3_081, rate, 4_000)).to_vec();
    let mut plan = plan(scenes, vec![(0, 3_600_000)]);
    (plan.renditions[0].b_pictures, plan.renditions[0].stamp_jitter) = (1, 1);
    plan.noise = 8_993_208_311_857_914_527;
    assert_kept(&plan);
}
