//! An hour in the life of a camera, with all that can happen to it.

use std::time::Duration;

use belvedere::live::Options;
use fastrand::Rng;

use crate::plan::{Event, Plan, Scene, Sound, Stream};
use crate::world::run;

const HOUR_MS: u32 = 3_600_000;

/// Scenes of half a minute, each with its own mishap, until the hour is over.
fn scenes(rng: &mut Rng, day: u32) -> Vec<Scene> {
    let mut scenes = Vec::new();
    let mut now = 0;
    while now < HOUR_MS {
        let first = match rng.u8(..8) {
            0 => Event::Freeze { ms: rng.u32(300..30_000) },
            1 => Event::Clog { ms: rng.u32(300..8_000) },
            2 => Event::Parameters,
            3 => Event::Lost { ms: rng.u32(0..20_000) },
            _ => Event::Nothing,
        };
        let rate = if rng.u8(..5) == 0 { day / rng.u32(2..12) } else { day };
        let gop_ms = if rng.u8(..6) == 0 { rng.u32(4_000..60_000) } else { 2_000 };
        let scene = Scene { first, ms: rng.u32(10_000..50_000), rate, gop_ms };
        now += scene.ms + first.pause_ms();
        scenes.push(scene);
    }
    scenes
}

#[test]
fn an_hour_of_two_renditions_with_faults() {
    let mut rng = Rng::with_seed(3_600);
    let stream = |rng: &mut Rng, day, sample_rate| Stream {
        begin_ms: 0,
        scenes: scenes(rng, day),
        stamp_jitter: 5,
        delay_ms: 60,
        b_pictures: 0,
        tells_rate: true,
        reports: true,
        bytes: 40,
        sound: Some(Sound {
            rate: sample_rate,
            samples: 1024,
            heard: vec![(0, 600_000), (603_000, 1_800_000), (1_860_000, 4_000_000)],
        }),
    };
    let renditions = vec![stream(&mut rng, 15_000, 16_000), stream(&mut rng, 8_000, 8_000)];
    let options = Options { window: Duration::from_secs(150), ..Options::default() };
    let seen =
        run(&Plan { options, renditions, viewer_ms: 3_000, noise: 1 }).unwrap_or_else(|why| panic!("{why}"));
    assert!(seen.left > 10_000 && seen.iframes > 2_000, "{seen:?}");
    assert!(seen.segments > 4_000 && seen.breaks > 50 && seen.gaps > 10 && seen.deltas > 10_000, "{seen:?}");
}
