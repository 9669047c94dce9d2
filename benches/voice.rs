//! What does it cost to make FLAC of a camera's telephone sound? The only sound that is ever encoded.
//!
//! Compare with the time that a block lasts, 32 ms at 8 kHz: the ratio is the share of a core a camera takes.
//!
//! Run: `cargo bench --bench voice`

use std::collections::VecDeque;
use std::hint::black_box;

use belvedere::clock;
use belvedere::ingest::event::Sound;
use belvedere::ingest::voice::Voice;
use belvedere::media::Ticks;
use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};

/// Encoding, rate, channels and bytes a second of the kinds that cameras send.
const KINDS: [(&str, u32, u16, usize); 5] = [
    ("pcma", 8_000, 1, 8_000),
    ("pcmu", 8_000, 1, 8_000),
    ("g722", 8_000, 1, 8_000),
    ("l16", 16_000, 1, 32_000),
    ("l16", 48_000, 2, 192_000),
];

/// Packets a second: one each 20 ms.
const PACKETS: usize = 50;

/// Noise: FLAC can make nothing of it, so nothing costs more.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 1u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..bytes).map(|_| next()).collect()
}

fn voice(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("a second of noise");
    let arrival = clock::now().instant;
    for (encoding, rate, channels, bytes) in KINDS {
        let second = Bytes::from(noise(bytes));
        let mut voice = Voice::new(encoding, rate, channels).expect("it is carried");
        let mut blocks = VecDeque::new();
        let mut elapsed = Ticks(0);
        group.bench_function(format!("{encoding} of {rate} Hz, {channels} ch"), |bencher| {
            bencher.iter(|| {
                blocks.clear();
                for packet in 0..PACKETS {
                    let size = bytes / PACKETS;
                    let data = second.slice(packet * size..(packet + 1) * size);
                    voice.push(&Sound { data, elapsed, arrival, lost: 0 }, &mut blocks);
                    elapsed += Ticks(90_000 / PACKETS as i64);
                }
                black_box(blocks.len())
            });
        });
    }
    group.finish();
}

criterion_group!(benches, voice);
criterion_main!(benches);
