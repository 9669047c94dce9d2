//! What does a playlist cost, which is written once a part for all who ask? And does a long window
//! cost more than its text?
//!
//! The lock of the ring is held for `snapshot` alone.
//!
//! Run: `cargo bench --bench playlist`

mod source;

use std::hint::black_box;
use std::io::Write;
use std::time::Duration;

use belvedere::clock;
use belvedere::hls::media::Form;
use belvedere::hls::{List, RenditionReport, Sound, Variant, media, multivariant};
use belvedere::live::Options;
use belvedere::media::TrackKind;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use flate2::Compression;
use flate2::write::GzEncoder;
use source::Frames;

/// The level that playlists are sent with.
const GZIP_LEVEL: u32 = 4;
/// The text does not tell how large the frames were.
const FRAME: usize = 100;

fn media_playlist(criterion: &mut Criterion) {
    let report = RenditionReport { uri: "audio.m3u8".into(), last_msn: 1_795_000_000, last_part: Some(2) };
    let mut group = criterion.benchmark_group("media playlist");
    for seconds in [30, 600] {
        let options = Options { window: Duration::from_secs(seconds), ..Options::default() };
        let mut frames = Frames::new(FRAME, FRAME);
        let (_publisher, camera) = source::live(options, clock::now(), &mut frames);
        let channel = &camera.renditions[0].channel;
        let snapshot = || channel.snapshot(TrackKind::Video).expect("the ring is full");
        let (shown, reports) = (snapshot(), [report.clone()]);
        group.bench_function(BenchmarkId::new("snapshot", format!("{seconds} s")), |bencher| {
            bencher.iter(snapshot)
        });
        for (what, delta) in [("full", false), ("delta", true)] {
            let form = Form { list: List::Dvr, delta };
            let text = media::render(&shown, form, &reports);
            if delta && !text.contains("#EXT-X-SKIP") {
                continue;
            }
            println!("{what}, a window of {seconds} s: {} bytes, {} zipped", text.len(), gzip(&text).len());
            group.throughput(Throughput::Bytes(text.len() as u64));
            let id = |does| BenchmarkId::new(format!("{does} {what}"), format!("{seconds} s"));
            group.bench_function(id("render"), |bencher| {
                bencher.iter(|| media::render(black_box(&shown), form, black_box(&reports)));
            });
            group.bench_function(id("gzip"), |bencher| bencher.iter(|| gzip(black_box(&text))));
        }
    }
    group.finish();
}

fn multivariant_playlist(criterion: &mut Criterion) {
    let mut frames = Frames::new(FRAME, FRAME);
    let (_publisher, camera) = source::live(Options::default(), clock::now(), &mut frames);
    let channel = &camera.renditions[0].channel;
    let mut group = criterion.benchmark_group("multivariant playlist of two renditions");
    // What is asked of each ring for it, under its lock.
    group.bench_function("measure one", |bencher| {
        bencher.iter(|| (channel.bit_rates(), channel.frame_rate()));
    });
    let audio = source::tracks().audio.expect("the camera has sound");
    let variants = ["main", "sub"].map(|name| Variant {
        folder: format!("{name}/"),
        list: List::Live,
        iframes: None,
        video: source::tracks().video,
        peak: 4_400_000,
        average: 4_000_000,
        frame_rate: channel.frame_rate(),
        sound: Some(Sound {
            name: name.into(),
            folder: format!("{name}/"),
            audio: audio.clone(),
            list: List::Live,
        }),
    });
    let text = multivariant::render(&variants, true);
    group.bench_function("render", |bencher| {
        bencher.iter(|| multivariant::render(black_box(&variants), true));
    });
    group.bench_function("gzip", |bencher| bencher.iter(|| gzip(black_box(&text))));
    group.finish();
}

fn gzip(plain: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 4 + 64), Compression::new(GZIP_LEVEL));
    encoder
        .write_all(plain.as_bytes())
        .and_then(|()| encoder.finish())
        .expect("a Vec takes all that is written to it")
}

criterion_group!(benches, media_playlist, multivariant_playlist);
criterion_main!(benches);
