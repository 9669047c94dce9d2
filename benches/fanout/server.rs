//! The server's process: the camera, the web server, and the counters.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Lines, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, ChildStdout, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use belvedere::live::{Catalog, Channel, Options, PartId, Publisher, Tip};
use belvedere::media::{Frame, TrackKind};
use belvedere::{clock, hls, mse, web};
use bytes::Bytes;
use tokio::runtime::Runtime;
use tokio::time::{Instant, sleep_until};

use super::measure::{self, Cores, Usage, keep_to, open_many_files, quantile};
use super::source::{self, Frames, KEY_FRAME};
use super::{Case, Feed, again};

/// Bytes of all frames but the key frames, for 4 Mbit/s.
const DELTA_FRAME: usize = 18_000;
/// The same for 0.5 Mbit/s, with the key frames of a light rendition.
const SUB_FRAME: usize = 1_950;
const SUB_KEY_FRAME: usize = 30_000;
/// What viewers were sent at the start is through after this time.
const SETTLE: Duration = Duration::from_secs(2);
/// Frames that are under way at the end get there in this time.
const LAST: Duration = Duration::from_millis(500);
/// Those who take nothing are let be for longer than this lasts.
const IDLE: Duration = Duration::from_secs(3600);
/// Begins the stamp at the end of a frame.
pub const MARK: [u8; 8] = *b"\x01fanout\xff";

/// What the camera did, for all that is compared with it later.
#[derive(Debug, Default)]
struct Log {
    /// When each picture was pushed.
    pictures: Vec<u64>,
    /// When each part was finished.
    parts: HashMap<PartId, u64>,
    /// How many requests waited when a part was finished, and when that was.
    blocked: Vec<(u64, usize)>,
}

type SharedLog = Arc<Mutex<Log>>;

fn lock(log: &SharedLog) -> MutexGuard<'_, Log> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Serves one case and prints its row.
pub fn run(case: Case) {
    if case.one_core {
        keep_to(Cores::First);
    }
    open_many_files();
    let runtime = Runtime::new().expect("threads can be started");
    let log = SharedLog::default();
    let (_server, address) = runtime.block_on(start(case.feed, log.clone()));
    // The ring has been renewed in part, and takes what memory it takes.
    std::thread::sleep(SETTLE);
    let empty = Usage::now();
    let (child, mut said) = viewers(case, address);
    assert_eq!(said.next().and_then(Result::ok).as_deref(), Some("ready"), "viewers must get in");
    std::thread::sleep(SETTLE);
    let (before, from) = (Usage::now(), measure::now());
    std::thread::sleep(Duration::from_secs(case.seconds));
    let (after, to) = (Usage::now(), measure::now());
    std::thread::sleep(LAST);
    let samples = samples(child, said);
    let (log, time) = (lock(&log), from..to);
    let known = samples.iter().filter_map(|&(what, seen)| match what {
        Shown::Picture(pushed) => Some((pushed, seen)),
        Shown::Part(id) => Some((*log.parts.get(&id)?, seen)),
    });
    let in_time = known.filter(|(pushed, _)| time.contains(pushed));
    let mut delays: Vec<u64> = in_time.map(|(pushed, seen)| seen.saturating_sub(pushed)).collect();
    delays.sort_unstable();
    let expected = match case.feed {
        Feed::Joins => 0,
        Feed::Mse | Feed::Sub | Feed::Idle => {
            log.pictures.iter().filter(|pushed| time.contains(pushed)).count()
        }
        Feed::Hls | Feed::Lists => log.parts.values().filter(|pushed| time.contains(pushed)).count(),
    } as f64;
    let seconds = (to - from) as f64 / 1e9;
    let (viewers, cpu) = (case.viewers as f64, after.cpu - before.cpu);
    println!(
        "{:>4} {:>7} {:>9.1} {:>11.0} {:>9.0} {:>9.2} {:>9.2} {:>9.2} {:>11.0} {:>7.1} {:>7}",
        case.feed.word(),
        case.viewers,
        cpu / seconds * 100.0,
        cpu / seconds / viewers * 1e6,
        after.kernel_share(&before) * 100.0,
        quantile(&delays, 0.5),
        quantile(&delays, 0.99),
        quantile(&delays, 1.0),
        (after.resident - empty.resident) / viewers / 1024.0,
        match case.feed {
            Feed::Joins => 100.0,
            _ => delays.len() as f64 / (expected * viewers) * 100.0,
        },
        match case.feed {
            Feed::Hls | Feed::Lists => {
                let waited = log.blocked.iter().filter(|(pushed, _)| time.contains(pushed));
                waited.map(|(_, blocked)| *blocked).min().unwrap_or(0)
            }
            _ => 0,
        },
    );
    let used = cpu / seconds * 100.0;
    if case.feed == Feed::Joins {
        let joined = delays.len() as f64 / seconds;
        println!(
            "     {joined:.0} joiners a second, {:.2} ms of the server's CPU each",
            used * 10.0 / joined
        );
    }
    if case.feed == Feed::Idle {
        let grown = (after.resident - empty.resident) / 1024.0;
        println!(
            "     {viewers:.0} stalled viewers: {:.1} KiB each, {:.1} MiB in all",
            grown / viewers,
            grown / 1024.0
        );
    }
    runtime.shutdown_background();
}

async fn start(feed: Feed, log: SharedLog) -> (web::Server, SocketAddr) {
    let mut frames = match feed {
        Feed::Sub | Feed::Idle => Frames::new(SUB_KEY_FRAME, SUB_FRAME),
        _ => Frames::new(KEY_FRAME, DELTA_FRAME),
    };
    let (publisher, camera) = source::live(Options::default(), clock::now(), &mut frames);
    let channel = camera.renditions[0].channel.clone();
    let catalog = Arc::new(Catalog::default());
    catalog.insert(camera);
    let parts = web::Parts {
        options: web::Options {
            listen: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()],
            ..web::Options::default()
        },
        catalog,
        hls: hls::Options::default(),
        // Those who take nothing stay, so that they can be counted.
        mse: mse::Options { stall_timeout: IDLE, ping_interval: IDLE, ..mse::Options::default() },
    };
    let server = web::Server::start(parts).await.expect("there is a free port");
    let address = server.address();
    tokio::spawn(film(publisher, channel, frames, log));
    (server, address)
}

/// Publishes each frame when it is due, with the time in its last bytes.
async fn film(publisher: Publisher, channel: Arc<Channel>, frames: Frames, log: SharedLog) {
    let mut frames = frames;
    let start = Instant::now() - frames.due();
    loop {
        sleep_until(start + frames.due()).await;
        let Some(frame) = frames.next() else { return };
        let before = channel.tip();
        let picture = frame.track == TrackKind::Video;
        let mut data = frame.data.to_vec();
        let stamp_at = data.len() - 16;
        let (pushed, blocked) = (measure::now(), channel.waiting());
        if picture {
            data[stamp_at..stamp_at + 8].copy_from_slice(&MARK);
            data[stamp_at + 8..].copy_from_slice(&pushed.to_le_bytes());
        }
        publisher.push(Frame { data: Bytes::from(data), ..frame }).expect("the frames are in order");
        let mut log = lock(&log);
        log.pictures.extend(picture.then_some(pushed));
        let finished = newly_finished(&before, &channel.tip());
        log.blocked.extend(finished.map(|_| (pushed, blocked)));
        log.parts.extend(finished.map(|id| (id, pushed)));
    }
}

fn newly_finished(before: &Tip, after: &Tip) -> Option<PartId> {
    let (before, after) = (before.video, after.video);
    let last = |parts: u32| parts.checked_sub(1);
    if after.open_msn != before.open_msn {
        return Some(PartId { msn: before.open_msn, part: last(after.last_parts)? });
    }
    let part = last(after.open_parts).filter(|_| after.open_parts != before.open_parts)?;
    Some(PartId { msn: after.open_msn, part })
}

type Said = Lines<BufReader<ChildStdout>>;

fn viewers(case: Case, address: SocketAddr) -> (Child, Said) {
    let mut child = again("viewers")
        .arg(address.to_string())
        .args(case.args())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("this program can be started again");
    let said = BufReader::new(child.stdout.take().expect("it is a pipe")).lines();
    (child, said)
}

/// What a viewer saw the last byte of.
#[derive(Clone, Copy, Debug)]
enum Shown {
    /// The picture that was pushed at this time.
    Picture(u64),
    /// The playlist with this part.
    Part(PartId),
}

/// Tells the viewers to stop and reads what they saw, and when.
fn samples(mut child: Child, said: Said) -> Vec<(Shown, u64)> {
    let mut stdin = child.stdin.take().expect("it is a pipe");
    writeln!(stdin, "stop").expect("the viewers are still there");
    let samples = said.map_while(Result::ok).filter_map(|line| {
        let numbers: Vec<u64> = line.split(' ').filter_map(|number| number.parse().ok()).collect();
        match *numbers.as_slice() {
            [pushed, seen] => Some((Shown::Picture(pushed), seen)),
            [msn, part, seen] => Some((Shown::Part(PartId { msn, part: u32::try_from(part).ok()? }), seen)),
            _ => None,
        }
    });
    let samples = samples.collect();
    assert!(child.wait().is_ok_and(|status| status.success()), "the viewers must end well");
    samples
}
