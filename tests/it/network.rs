//! A viewer on a link that turns bad and recovers, beside one whose link stays good. Both ends' TCP is the kernel's, in
//! network namespaces of their own; the link between them is `tests/support/bad_link.py`. This needs root, as CI has it.

use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, UNIX_EPOCH};

use belvedere::live::{Camera, Catalog, Options, Origin, Publisher, Rendition, State, Status, channel};
use belvedere::media::time::Anchor;
use belvedere::media::{Frame, Ticks, TrackKind, Tracks, VideoCodec, VideoTrack};
use belvedere::stats::RenditionStats;
use belvedere::{clock, hls, mse, web};
use bytes::Bytes;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::oneshot;

use crate::support::socket::{Event, Socket};
use crate::support::{soon, until};

const NEAR: &str = "10.77.0.1";
const FAR: &str = "10.77.0.2";
/// A viewer that is less behind, in seconds, is live.
const LIVE: f64 = 3.0;
const PICTURE: u64 = 3_600;
/// Pictures a GOP: two seconds of them.
const GOP: u64 = 50;
/// Bytes of a picture, a sync sample having eight times as many: 1.7 Mbit/s and 170 kbit/s.
const SIZES: [(&str, usize); 2] = [("main", 7_500), ("sub", 750)];
/// The `avcC` of a Constrained Baseline stream.
const AVCC: &[u8] = &[
    1, 0x42, 0xc0, 0x0d, 0xff, 0xe1, 0, 21, 0x67, 0x42, 0xc0, 0x0d, 0xd9, 0x01, 0x41, 0x9f, 0x9e, 0x10, 0, 0,
    3, 0, 0x10, 0, 0, 3, 3, 0x20, 0xf1, 1, 0, 5, 0x68, 0xcb, 0x83, 0xcb, 0x20,
];

/// Two namespaces and the link between them; they go with this.
struct Link {
    spaces: [String; 2],
    commands: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    script: Child,
}

impl Link {
    async fn new() -> Self {
        let spaces = ["near", "far"].map(|end| format!("belvedere-{end}-{}", std::process::id()));
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/bad_link.py");
        let mut command = Command::new("/usr/bin/python3");
        command.arg(script).args(&spaces).args([NEAR, FAR]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut script = command.spawn().expect("this test needs python3");
        let commands = script.stdin.take().unwrap();
        let mut answers = BufReader::new(script.stdout.take().unwrap()).lines();
        let ready = soon("the link", answers.next_line()).await.unwrap();
        assert_eq!(
            ready.as_deref(),
            Some("ready"),
            "this test needs root, /dev/net/tun, and ip of the package iproute2"
        );
        Self { spaces, commands, answers, script }
    }

    /// Bits a second (0: without limit), seconds each way, share of packets that are lost each way.
    async fn set(&mut self, rate: u32, delay: f64, loss: f64) {
        self.commands.write_all(format!("{rate} {delay} {loss}\n").as_bytes()).await.unwrap();
        soon("the link", self.answers.next_line()).await.unwrap().expect("it goes on");
    }

    async fn remove(mut self) {
        drop(self.commands);
        soon("the end of the link", self.script.wait()).await.unwrap();
    }

    /// Runs `work` on a thread within one of the namespaces, and with it the sockets that it opens.
    fn within<F: Future<Output = ()>>(&self, end: usize, work: impl FnOnce() -> F + Send + 'static) {
        let space = std::fs::File::open(format!("/run/netns/{}", self.spaces[end])).unwrap();
        std::thread::spawn(move || {
            move_into_link_name_space(space.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(work());
        });
    }
}

/// A camera with both renditions on one timeline, and the server before it.
async fn serve(ready: oneshot::Sender<SocketAddr>, stats: [Arc<RenditionStats>; 2]) {
    let now = clock::now();
    let since_epoch = now.wall.duration_since(UNIX_EPOCH).unwrap();
    let anchor = Anchor { ticks: Ticks(0), instant: now.instant, wall: now.wall };
    let origin = Origin::new(since_epoch, anchor);
    let mut publishers = Vec::new();
    let mut renditions = Vec::new();
    for ((name, _), stats) in SIZES.iter().zip(stats) {
        let (publisher, channel) = channel(Options::default(), &origin, stats);
        let video = VideoTrack {
            codec: VideoCodec::H264,
            record: Bytes::from_static(AVCC),
            rfc6381: "avc1.42c00d".into(),
            width: 320,
            height: 180,
            pixel_aspect: None,
        };
        publisher.begin(Tracks { video: Arc::new(video), audio: None }).unwrap();
        publisher.set_status(Status::plain(State::Live));
        publisher.set_skew(Some(Ticks(0)));
        publishers.push(publisher);
        renditions.push(Rendition { name: (*name).into(), channel });
    }
    let catalog = Arc::new(Catalog::default());
    catalog.insert(Camera::new("cam".into(), "Cam".into(), 0, renditions, Options::default()));
    let listen = vec![format!("{NEAR}:0").parse::<SocketAddr>().unwrap().into()];
    let options = web::Options { listen, auth: web::access::Auth::Open, ..web::Options::default() };
    let parts = web::Parts { options, catalog, hls: hls::Options::default(), mse: mse::Options::default() };
    let server = web::Server::start(parts).await.unwrap();
    ready.send(server.address()).unwrap();
    film(&publishers, now.instant).await;
}

/// Sends each picture when it is due, for ever.
async fn film(publishers: &[Publisher], start: Instant) {
    for number in 0.. {
        let due = start + Duration::from_millis(40 * number);
        tokio::time::sleep_until(due.into()).await;
        for (publisher, (_, size)) in publishers.iter().zip(SIZES) {
            let sync = number % GOP == 0;
            let frame = Frame {
                track: TrackKind::Video,
                decode_time: number * PICTURE,
                duration: PICTURE as u32,
                composition_offset: 0,
                sync,
                data: Bytes::from(vec![0; if sync { size * 8 } else { size }]),
            };
            publisher.push(frame).unwrap();
        }
    }
}

/// How far a viewer has come, and what became of it.
#[derive(Default)]
struct Viewer {
    /// End of the newest picture, in ticks.
    reached: AtomicU64,
    /// How often each rendition was begun.
    begun: [AtomicU64; 2],
    skips: AtomicU64,
    holes: AtomicU64,
    backwards: AtomicU64,
}

impl Viewer {
    async fn watch(self: Arc<Self>, address: SocketAddr) {
        let mut socket = Socket::open(address, "/mse/cam").await.expect("it opens");
        let mut begins = false;
        loop {
            match socket.next().await {
                Event::Text(text) if text["type"] == "init" => {
                    let index = usize::from(text["rendition"] == "sub");
                    self.begun[index].fetch_add(1, Ordering::Relaxed);
                    begins = true;
                }
                Event::Text(text) if text["type"] == "skip" => {
                    self.skips.fetch_add(1, Ordering::Relaxed);
                }
                Event::Chunk(chunk) => {
                    assert!(!begins || chunk.starts_picture(), "a rendition begins with a sync sample");
                    begins = false;
                    let before = self.reached.swap(chunk.end(), Ordering::Relaxed);
                    self.holes.fetch_add(u64::from(before != 0 && chunk.start > before), Ordering::Relaxed);
                    self.backwards.fetch_add(u64::from(chunk.start < before), Ordering::Relaxed);
                }
                Event::Text(_) | Event::Init(_) => {}
                closed @ Event::Closed(..) => panic!("{closed:?}"),
            }
        }
    }

    fn get(&self, number: &AtomicU64) -> u64 {
        number.load(Ordering::Relaxed)
    }

    /// How often `main` and `sub` were begun.
    fn begun(&self) -> (u64, u64) {
        (self.get(&self.begun[0]), self.get(&self.begun[1]))
    }
}

/// Seconds that `viewer` is behind `neighbour`.
fn behind(viewer: &Viewer, neighbour: &Viewer) -> f64 {
    neighbour.get(&neighbour.reached).saturating_sub(viewer.get(&viewer.reached)) as f64 / 90_000.0
}

/// How far a viewer was behind its neighbour, in seconds.
#[derive(Clone, Copy, Debug, Default)]
struct Late {
    worst: f64,
    /// Share of the time in which it was too late to be called live.
    share: f64,
}

/// Looks how far `viewer` is behind its neighbour while `time` passes.
async fn lateness(viewer: &Viewer, neighbour: &Viewer, time: Duration) -> Late {
    let (start, mut worst, mut late, mut looks) = (Instant::now(), 0.0f64, 0.0, 0.0);
    while start.elapsed() < time {
        let behind = behind(viewer, neighbour);
        worst = worst.max(behind);
        late += f64::from(u8::from(behind > LIVE));
        looks += 1.0;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Late { worst, share: late / looks }
}

#[tokio::test]
async fn a_viewer_on_a_link_that_turns_bad_gets_the_sub_stays_live_and_returns_and_its_neighbour_notices_nothing()
 {
    let mut link = Link::new().await;
    let stats: [Arc<RenditionStats>; 2] = Default::default();
    let (ready, address) = oneshot::channel();
    let lent = stats.clone();
    link.within(0, || serve(ready, lent));
    let address = soon("the server", address).await.unwrap();
    let (viewer, neighbour) = (Arc::<Viewer>::default(), Arc::<Viewer>::default());
    let (far, near) = (viewer.clone(), neighbour.clone());
    link.set(0, 0.02, 0.0).await;
    link.within(1, move || far.watch(address));
    link.within(0, move || near.watch(address));
    until("pictures on a good link", || async {
        (viewer.get(&viewer.reached) > GOP * PICTURE * 2).then_some(())
    })
    .await;
    assert_eq!(viewer.begun(), (1, 0), "a good link carries main");

    // 400 kbit/s, 200 ms, and one packet in twenty lost, both ways.
    link.set(400_000, 0.2, 0.05).await;
    let turned = Instant::now();
    let watched = tokio::spawn({
        let (viewer, neighbour) = (viewer.clone(), neighbour.clone());
        async move { lateness(&viewer, &neighbour, Duration::from_secs(12)).await }
    });
    until("the sub", || async { (viewer.begun().1 > 0).then_some(()) }).await;
    let lowered = turned.elapsed();
    let bad = watched.await.unwrap();
    // A tenth of it may be lost to a machine that is busy with something else.
    assert!(bad.share < 0.1 && bad.worst < 10.0, "{bad:?} on the bad link; the sub came after {lowered:?}");

    link.set(0, 0.02, 0.0).await;
    let mended = Instant::now();
    let before = viewer.begun().0;
    until("main again", || async {
        let raised =
            viewer.begun().0 > before || stats[1].viewers_raised.get() > stats[0].viewers_lowered.get();
        (raised && behind(&viewer, &neighbour) < 1.0).then_some(())
    })
    .await;
    let raised = mended.elapsed();
    eprintln!("sub after {lowered:?}, {bad:?} on the bad link, main again after {raised:?}");

    assert_eq!(viewer.get(&viewer.backwards), 0, "the picture never goes back");
    assert_eq!(neighbour.begun(), (1, 0), "the neighbour keeps main");
    let untouched =
        [&neighbour.skips, &neighbour.holes, &neighbour.backwards].map(|number| neighbour.get(number));
    assert_eq!(untouched, [0; 3], "the neighbour's pictures are without a hole");
    link.remove().await;
}
