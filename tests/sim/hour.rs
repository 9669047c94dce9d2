//! An hour in the life of a camera.

use crate::plan::{Event, Plan, Scene, Sound, Stream};
use belvedere::live::Options;
use std::time::Duration;

#[test]
fn dbg() {
    let s = |first, ms, rate, gop_ms| Scene { first, ms, rate, gop_ms };
    let stream = Stream {
        begin_ms: 0,
        scenes: vec![
            s(Event::Nothing, 3505, 2205, 1),
            s(Event::Nothing, 5578, 8000, 4000),
            s(Event::Nothing, 4613, 12500, 4000),
            s(Event::Freeze { ms: 869 }, 6699, 1000, 1000),
        ],
        stamp_jitter: 0,
        delay_ms: 0,
        b_pictures: 0,
        tells_rate: false,
        reports: false,
        bytes: 1070,
        sound: Some(Sound { rate: 48000, samples: 1024, heard: vec![(0, 3600000)] }),
    };
    let plan = Plan {
        options: Options {
            window: Duration::from_secs(6),
            ring_bytes: 89784,
            part_target: None,
            segment_target: None,
        },
        renditions: vec![stream],
        viewer_ms: 7146,
        noise: 0,
    };
    crate::world::run(&plan).unwrap();
}
