//! What does it cost to make a chunk? The only work that grows with the bit rate of a camera.
//!
//! Compare with the time between two frames, 40 ms, and with a plain copy of the same bytes, which
//! is the least that writing a chunk can cost.
//!
//! Run: `cargo bench --bench mux`

mod source;

use std::hint::black_box;

use belvedere::media::{Frame, TrackKind, fmp4};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use source::{Frames, KEY_FRAME};

/// Bytes of a P frame of 1080p at about 3 Mbit/s.
const DELTA_FRAME: usize = 12_000;

fn mux(criterion: &mut Criterion) {
    let frames: Vec<Frame> = Frames::new(KEY_FRAME, DELTA_FRAME).take(20).collect();
    let picture = |sync| {
        let wanted = |frame: &&Frame| frame.track == TrackKind::Video && frame.sync == sync;
        frames.iter().find(wanted).cloned().into_iter().collect()
    };
    let sound = frames.iter().filter(|frame| frame.track == TrackKind::Audio).take(2).cloned();
    let cases: [(&str, Vec<Frame>); 3] =
        [("key frame", picture(true)), ("P frame", picture(false)), ("two of sound", sound.collect())];
    let mut group = criterion.benchmark_group("mux");
    for (name, run) in cases {
        let plain: Vec<u8> = run.iter().flat_map(|frame| frame.data.iter().copied()).collect();
        group.throughput(Throughput::Bytes(plain.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter_batched(|| (), |()| fmp4::chunk(1, black_box(&run)), BatchSize::SmallInput);
        });
        group.bench_function(format!("{name}, the copy alone"), |bencher| {
            bencher.iter_batched(|| (), |()| black_box(&plain).clone(), BatchSize::SmallInput);
        });
    }
    group.finish();
}

criterion_group!(benches, mux);
criterion_main!(benches);
