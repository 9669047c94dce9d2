//! Does a camera feel its viewers? `publish` is the time that the writer spends with a GOP while
//! readers wait for each chunk, as sockets do, or for each part, as playlist requests do; `and all
//! woken` adds the time until every reader has seen what came.
//!
//! All on one thread, so that the sum of the work is what is measured.
//!
//! Run: `cargo bench --bench ring`

mod source;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use belvedere::clock;
use belvedere::live::{Channel, Options, Publisher};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use source::{Frames, GOP, KEY_FRAME};
use tokio::runtime::{self, Runtime};
use tokio::task::yield_now;

/// Bytes of a P frame of 1080p at about 3 Mbit/s.
const DELTA_FRAME: usize = 12_000;

#[derive(Clone, Copy)]
enum WaitsFor {
    Chunks,
    Parts,
}

impl WaitsFor {
    /// A number that changes when a reader has news.
    fn news(self, channel: &Channel) -> u64 {
        let tip = channel.tip();
        match self {
            Self::Chunks => tip.next_chunk,
            Self::Parts => tip.video.version,
        }
    }
}

/// A full ring, and readers that wait at it.
struct Bench {
    runtime: Runtime,
    publisher: Publisher,
    channel: Arc<Channel>,
    frames: Frames,
    waits_for: WaitsFor,
    readers: usize,
    woken: Arc<AtomicUsize>,
}

/// Time spent with one or more GOPs.
#[derive(Default)]
struct Spent {
    publishing: Duration,
    until_woken: Duration,
}

impl Bench {
    fn new(waits_for: WaitsFor, readers: usize) -> Self {
        let runtime = runtime::Builder::new_current_thread().build().expect("a thread can wait");
        let mut frames = Frames::new(KEY_FRAME, DELTA_FRAME);
        let (publisher, camera) = source::live(Options::default(), clock::now(), &mut frames);
        let channel = camera.renditions[0].channel.clone();
        let woken = Arc::new(AtomicUsize::new(0));
        for _ in 0..readers {
            runtime.spawn(read(channel.clone(), waits_for, woken.clone()));
        }
        // Every reader gets to the place where it waits.
        runtime.block_on(async {
            for _ in 0..readers {
                yield_now().await;
            }
        });
        Self { runtime, publisher, channel, frames, waits_for, readers, woken }
    }

    fn gops(&mut self, count: u64) -> Spent {
        let Self { runtime, publisher, channel, frames, waits_for, readers, woken } = self;
        let mut spent = Spent::default();
        runtime.block_on(async {
            let mut pictures = 0;
            while pictures < count * GOP {
                let frame = frames.next().expect("frames never end");
                pictures += u64::from(frame.track == belvedere::media::TrackKind::Video);
                let before = waits_for.news(channel);
                woken.store(0, Ordering::Relaxed);
                let start = Instant::now();
                publisher.push(frame).expect("the frames are in order");
                spent.publishing += start.elapsed();
                if waits_for.news(channel) != before {
                    while woken.load(Ordering::Relaxed) < *readers {
                        yield_now().await;
                    }
                }
                spent.until_woken += start.elapsed();
            }
        });
        spent
    }
}

async fn read(channel: Arc<Channel>, waits_for: WaitsFor, woken: Arc<AtomicUsize>) {
    let mut tips = channel.chunk_tips();
    let mut seen = waits_for.news(&channel);
    loop {
        match waits_for {
            WaitsFor::Chunks => drop(tips.changed().await),
            WaitsFor::Parts => {
                let tip = channel.until(|tip| tip.video.version > seen).await;
                seen = tip.expect("the ring stays open").video.version;
            }
        }
        woken.fetch_add(1, Ordering::Relaxed);
    }
}

fn ring(criterion: &mut Criterion) {
    for (waits_for, name) in [(WaitsFor::Chunks, "chunks"), (WaitsFor::Parts, "parts")] {
        let mut group = criterion.benchmark_group(format!("a GOP, readers of {name}"));
        group.throughput(Throughput::Elements(GOP));
        for readers in [0, 100, 1000] {
            let mut bench = Bench::new(waits_for, readers);
            group.bench_function(BenchmarkId::new("publish", readers), |bencher| {
                bencher.iter_custom(|count| bench.gops(count).publishing);
            });
            group.bench_function(BenchmarkId::new("and all woken", readers), |bencher| {
                bencher.iter_custom(|count| bench.gops(count).until_woken);
            });
        }
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).warm_up_time(Duration::from_secs(1));
    targets = ring
}
criterion_main!(benches);
