//! Families of cameras: what `proptest` may think up.

use std::ops::RangeInclusive;
use std::time::Duration;

use belvedere::live::Options;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::plan::{Event, Plan, Scene, Sound, Stream};

/// Sample rates of AAC (ISO/IEC 14496-3, table 1.18).
const SAMPLE_RATES: [u32; 12] =
    [48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 64_000, 88_200, 96_000];
/// Samples of its frames: LC, of broadcasters, HE, and those of low delay.
const FRAME_SAMPLES: [u32; 5] = [1024, 960, 2048, 512, 480];
const FOREVER: u32 = 3_600_000;

/// Cameras that do the same all the time.
pub fn steady() -> impl Strategy<Value = Plan> {
    let scene = (rates(), gops(), prop_oneof![15 => 6_000..=16_000_u32, 1 => 60_000..=90_000_u32]);
    let scene = scene.prop_map(|(rate, gop_ms, ms)| {
        // Few of the many pictures that long lives at high rates would take.
        let ms = if rate > 12_000 { ms.min(16_000) } else { ms };
        Scene { first: Event::Nothing, ms, rate, gop_ms }
    });
    plan(options(), stream(vec(scene, 1), always()).prop_map(|stream| vec![stream]))
}

/// "Smart" cameras, whose GOPs grow once nothing moves any more.
pub fn growing_gops() -> impl Strategy<Value = Plan> {
    let scenes = (4_000..=25_000_u32, 500..=4_000_u32, 3_000..=60_000_u32, 10_000..=50_000_u32);
    let scenes = scenes.prop_map(|(rate, short, long, ms)| {
        let rate = if ms > 20_000 { rate / 4 } else { rate };
        let scene = |gop_ms, ms| Scene { first: Event::Nothing, ms, rate, gop_ms };
        vec![scene(short, 8_000), scene(long, ms)]
    });
    plan(options(), stream(scenes, always()).prop_map(|stream| vec![stream]))
}

/// Frame rates that fall at dusk and rise at dawn.
pub fn dusk_and_dawn() -> impl Strategy<Value = Plan> {
    let rates = prop_oneof![
        Just(vec![25_000, 6_000, 1_000, 25_000]),
        vec(select(vec![1_000, 2_000, 5_000, 6_000, 8_000, 12_500, 25_000, 30_000_u32]), 2..=5),
        vec(1_000..=60_000_u32, 2..=4),
    ];
    let scenes = (rates, gops(), 3_000..=8_000_u32).prop_map(|(rates, gop_ms, ms)| {
        rates.into_iter().map(|rate| Scene { first: Event::Nothing, ms, rate, gop_ms }).collect()
    });
    plan(options(), stream(scenes, always()).prop_map(|stream| vec![stream]))
}

/// Cameras that freeze, and networks that hold everything back.
pub fn stalls() -> impl Strategy<Value = Plan> {
    let event = prop_oneof![
        (300..=3_000_u32).prop_map(|ms| Event::Freeze { ms }),
        (300..=30_000_u32).prop_map(|ms| Event::Freeze { ms }),
        (300..=8_000_u32).prop_map(|ms| Event::Clog { ms }),
    ];
    plan(options(), stream(eventful(event), always()).prop_map(|stream| vec![stream]))
}

/// Encoders that start anew, and sessions that are lost.
pub fn new_epochs() -> impl Strategy<Value = Plan> {
    let event = prop_oneof![Just(Event::Parameters), (0..=20_000_u32).prop_map(|ms| Event::Lost { ms })];
    plan(options(), stream(eventful(event), always()).prop_map(|stream| vec![stream]))
}

/// Sound that comes late, stops, and comes back.
pub fn coming_and_going_sound() -> impl Strategy<Value = Plan> {
    let scene = (5_000..=30_000_u32, 500..=5_000_u32, 12_000..=24_000_u32)
        .prop_map(|(rate, gop_ms, ms)| Scene { first: Event::Nothing, ms, rate, gop_ms });
    let heard = vec((0..=7_000_u32, 100..=9_000_u32), 1..=5).prop_map(|spans| {
        let mut now = 0;
        let span = |(silent, heard)| {
            let from = now + silent;
            now = from + heard;
            (from, now)
        };
        spans.into_iter().map(span).collect()
    });
    let sound = sound(heard).prop_map(Some);
    plan(options(), stream(vec(scene, 1), sound).prop_map(|stream| vec![stream]))
}

/// Rings that are too small for what is asked of them.
pub fn tiny_rings() -> impl Strategy<Value = Plan> {
    let options = (options(), 20_000..=300_000_usize)
        .prop_map(|(options, ring_bytes)| Options { ring_bytes, ..options });
    let event = prop_oneof![
        4 => Just(Event::Nothing),
        1 => (300..=3_000_u32).prop_map(|ms| Event::Freeze { ms }),
        1 => Just(Event::Parameters),
    ];
    let stream = (stream(eventful(event), always()), 50..=1_000_usize)
        .prop_map(|(stream, bytes)| vec![Stream { bytes, ..stream }]);
    plan(options, stream)
}

/// Two renditions of one camera, each with its own mishaps.
pub fn two_renditions() -> impl Strategy<Value = Plan> {
    let one = || stream(eventful(any_event()), always());
    let two = (one(), one(), 0..=3_000_u32, any::<bool>()).prop_map(|(main, sub, begin_ms, reports)| {
        vec![Stream { reports, ..main }, Stream { reports, begin_ms, ..sub }]
    });
    plan(options(), two)
}

/// Two renditions with rings that go back as far as their bytes do, and one of which goes away at times.
pub fn two_budgets() -> impl Strategy<Value = Plan> {
    let event = || {
        prop_oneof![
            3 => Just(Event::Nothing),
            1 => (5_000..=60_000_u32).prop_map(|ms| Event::Lost { ms }),
        ]
    };
    let scenes = || (vec((event(), 10_000..=25_000_u32), 2..=4), 2_000..=5_000_u32, 500..=3_000_u32);
    let scenes = || {
        scenes().prop_map(|(scenes, rate, gop_ms)| {
            let scene = |(first, ms)| Scene { first, ms, rate, gop_ms };
            scenes.into_iter().map(scene).collect::<Vec<_>>()
        })
    };
    let one = |bytes: RangeInclusive<usize>| {
        (stream(scenes(), always()), bytes).prop_map(|(stream, bytes)| Stream { bytes, ..stream })
    };
    let options =
        (options(), 50..=120_u64, 40_000..=150_000_usize).prop_map(|(options, window, ring_bytes)| Options {
            window: Duration::from_secs(window),
            ring_bytes,
            ..options
        });
    plan(options, (one(200..=1_500), one(40..=400)).prop_map(|(main, sub)| vec![main, sub]))
}

/// Anything at once.
pub fn anything() -> impl Strategy<Value = Plan> {
    let heard = prop_oneof![
        Just(vec![(0, FOREVER)]),
        (0..=20_000_u32).prop_map(|from| vec![(from, FOREVER)]),
        (0..=5_000_u32, 1_000..=20_000_u32).prop_map(|(gap, to)| vec![(0, to), (to + gap, FOREVER)]),
    ];
    let sound = option::of(sound(heard.boxed()));
    let options = (options(), prop_oneof![3 => Just(64 << 20), 1 => 20_000..=300_000_usize])
        .prop_map(|(options, ring_bytes)| Options { ring_bytes, ..options });
    plan(options, vec(stream(eventful(any_event()), sound), 1..=2))
}

fn plan(
    options: impl Strategy<Value = Options>,
    renditions: impl Strategy<Value = Vec<Stream>>,
) -> impl Strategy<Value = Plan> {
    let viewer = prop_oneof![Just(0), 0..=20_000_u32];
    (options, renditions, viewer, any::<u64>()).prop_map(|(options, renditions, viewer_ms, noise)| Plan {
        options,
        renditions,
        viewer_ms,
        noise,
    })
}

fn options() -> impl Strategy<Value = Options> {
    let seconds = |range: RangeInclusive<u64>| range.prop_map(Duration::from_secs);
    let millis = |range: RangeInclusive<u64>| range.prop_map(Duration::from_millis);
    let window = prop_oneof![4 => seconds(6..=40), 1 => seconds(121..=600)];
    let part = option::weighted(0.3, millis(100..=2_000));
    let segment = option::weighted(0.3, millis(1_000..=12_000));
    (window, part, segment).prop_map(|(window, part_target, segment_target)| Options {
        window,
        ring_bytes: 64 << 20,
        part_target: part_target.map(|part: Duration| part.min(segment_target.unwrap_or(part))),
        segment_target,
    })
}

fn stream(
    scenes: impl Strategy<Value = Vec<Scene>>,
    sound: impl Strategy<Value = Option<Sound>>,
) -> impl Strategy<Value = Stream> {
    let jitter = prop_oneof![2 => Just(0), 3 => 0..=15_u32, 1 => 0..=45_u32];
    let delay = prop_oneof![1 => Just(0), 3 => 0..=150_u32];
    let b_pictures = prop_oneof![5 => Just(0), 1 => 1..=3_u32];
    (scenes, sound, jitter, delay, b_pictures, any::<bool>(), any::<bool>()).prop_map(
        |(scenes, sound, stamp_jitter, delay_ms, b_pictures, tells_rate, reports)| Stream {
            begin_ms: 0,
            scenes,
            stamp_jitter,
            delay_ms,
            b_pictures,
            tells_rate,
            reports,
            bytes: 40,
            sound,
        },
    )
}

fn eventful(event: impl Strategy<Value = Event>) -> impl Strategy<Value = Vec<Scene>> {
    let scene = (event, 1_000..=7_000_u32, rates(), short_gops());
    let scene = scene.prop_map(|(first, ms, rate, gop_ms)| Scene { first, ms, rate, gop_ms });
    // Most cameras keep their rate and their GOP over what happens to them.
    (vec(scene, 2..=4), prop::bool::weighted(0.7)).prop_map(|(mut scenes, steady): (Vec<Scene>, bool)| {
        let (rate, gop_ms) = (scenes[0].rate, scenes[0].gop_ms);
        scenes[0].first = Event::Nothing;
        if steady {
            scenes.iter_mut().for_each(|scene| (scene.rate, scene.gop_ms) = (rate, gop_ms));
        }
        scenes
    })
}

fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => Just(Event::Nothing),
        2 => (300..=30_000_u32).prop_map(|ms| Event::Freeze { ms }),
        1 => (300..=8_000_u32).prop_map(|ms| Event::Clog { ms }),
        2 => Just(Event::Parameters),
        2 => (0..=20_000_u32).prop_map(|ms| Event::Lost { ms }),
    ]
}

fn rates() -> impl Strategy<Value = u32> {
    prop_oneof![
        select(vec![25_000_u32, 15_000, 12_500, 10_000, 8_000, 6_000, 5_000, 30_000, 29_970]),
        1_000..=60_000_u32,
        1_000..=15_000_u32,
    ]
}

fn gops() -> impl Strategy<Value = u32> {
    prop_oneof![
        3 => select(vec![1_000_u32, 2_000, 4_000]),
        2 => 1..=6_000_u32,
        1 => 1..=60_000_u32,
    ]
}

fn short_gops() -> impl Strategy<Value = u32> {
    prop_oneof![3 => select(vec![1_000_u32, 2_000, 4_000]), 2 => 1..=8_000_u32]
}

fn sound(heard: impl Strategy<Value = Vec<(u32, u32)>>) -> impl Strategy<Value = Sound> {
    // Some more of what most cameras send.
    let rate = prop_oneof![select(&SAMPLE_RATES[..]), select(vec![8_000_u32, 16_000, 48_000])];
    let samples = prop_oneof![3 => Just(1024), 2 => select(&FRAME_SAMPLES[..])];
    (rate, samples, heard).prop_map(|(rate, samples, heard)| Sound { rate, samples, heard })
}

/// Sound from the beginning to the end, or none.
fn always() -> impl Strategy<Value = Option<Sound>> {
    option::of(sound(Just(vec![(0, FOREVER)])))
}
