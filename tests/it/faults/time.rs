//! Cameras whose clocks lie.

use std::time::{Duration, Instant, SystemTime};

use belvedere::demo;
use futures_util::future::join_all;
use futures_util::{StreamExt, stream};

use crate::support::checker::check_with_jitter;
use crate::support::client::Client;
use crate::support::ffmpeg::plays;
use crate::support::media::VIDEO;
use crate::support::playlist::Playlist;
use crate::support::site::{Site, camera, rendition};
use crate::support::socket::{Event, Socket};
use crate::support::{soon, until};

/// For how long each camera is watched before and after its fault: longer than it takes to find out about it.
const BEFORE: Duration = Duration::from_secs(2);
const AFTER: Duration = Duration::from_secs(20);

/// The part of the feed at the end that is judged.
const JUDGED: Duration = Duration::from_secs(4);

/// How often playlists are looked at.
const LOOKS: Duration = Duration::from_secs(1);

/// How far a playlist may end before now, in seconds: a segment, and what a busy machine is late by.
const BEHIND: f64 = 8.0;

/// What a camera does wrong, and when it starts to.
struct Fault {
    name: &'static str,
    /// Before its first session.
    first: Switch,
    /// In mid-stream.
    then: Switch,
    /// What it may cost: epochs at most.
    epochs: usize,
    /// How far sound and picture may be apart, in seconds.
    apart: f64,
    /// How far dates may be off, in milliseconds: where sound is put in its place anew between two segments.
    dates: f64,
}

/// Nobody sees lips move wrongly by this.
const LIPS: f64 = 0.040;

/// Brings a fault about.
type Switch = fn(&demo::Faults);

const NONE: Switch = |_| {};

const HOUR: Duration = Duration::from_secs(3600);

/// Three seconds before RTP time goes round.
const ALMOST_ROUND: u32 = u32::MAX - 3 * 90_000;

const fn fault(name: &'static str, first: Switch, then: Switch, epochs: usize) -> Fault {
    Fault { name, first, then, epochs, apart: LIPS, dates: 0.0 }
}

const FAULTS: [Fault; 19] = [
    fault("none", NONE, NONE, 1),
    fault("wrap", |f| f.start_rtp_time_at(ALMOST_ROUND), NONE, 1),
    fault("forward", NONE, |f| f.shift_rtp_time(HOUR), 2),
    fault("back", NONE, |f| f.shift_rtp_time_back(HOUR), 2),
    fault("repeated", NONE, |f| f.repeat_rtp_time(5), 1),
    fault("strays", NONE, |f| f.stray_rtp_time(40), 1),
    Fault { dates: REPLACED, ..fault("frozen", |f| f.repeat_rtp_time(1), NONE, 3) },
    Fault { dates: REPLACED, ..fault("fast", |f| f.hasten_rtp_time(150_000, 150_000), NONE, 6) },
    Fault { dates: REPLACED, ..fault("slow", |f| f.hasten_rtp_time(-150_000, -150_000), NONE, 6) },
    Fault { dates: REPLACED, ..fault("fast-sound", |f| f.hasten_rtp_time(0, 10_000), NONE, 1) },
    Fault { dates: REPLACED, ..fault("slow-sound", |f| f.hasten_rtp_time(0, -10_000), NONE, 1) },
    // What they drift before that is known is not to be known.
    Fault { apart: 0.070, dates: REPLACED, ..fault("fast-sound-alone", |f| alone(f, 10_000), NONE, 1) },
    Fault { apart: 0.070, dates: REPLACED, ..fault("slow-sound-alone", |f| alone(f, -10_000), NONE, 1) },
    fault("no-reports", |f| f.no_sender_reports(true), NONE, 1),
    fault("wrong-reports", |f| f.shift_sound_reports(TWO_SECONDS), NONE, 1),
    fault("stepping-reports", NONE, |f| f.shift_sound_reports(TWO_SECONDS), 1),
    fault("wrong-info", misplaced, NONE, 1),
    // Four seconds, which end between two key frames most often.
    fault("hole", NONE, |f| f.skip_video_frames(101), 2),
    fault("restart", NONE, |f| f.drop_connections(), 2),
];

/// Sound that is off by more is put in its place at once.
const REPLACED: f64 = 200.0;

const TWO_SECONDS: Duration = Duration::from_secs(2);

/// Sound whose clock is off, and no reports that say so.
fn alone(faults: &demo::Faults, ppm: i64) {
    faults.no_sender_reports(true);
    faults.hasten_rtp_time(0, ppm);
}

fn misplaced(faults: &demo::Faults) {
    faults.no_sender_reports(true);
    faults.misplace_sound(Duration::from_millis(600));
}

/// What a viewer saw of one track: when each chunk came, and where it stands in seconds.
#[derive(Default)]
struct Seen(Vec<(Instant, f64)>);

impl Seen {
    /// The least delay of the chunks that came last: arrival less time.
    fn delay(&self, start: Instant) -> f64 {
        let last = self.0.last().expect("chunks came").0;
        let judged = self.0.iter().filter(|(came, _)| last - *came < JUDGED);
        judged.map(|(came, at)| (*came - start).as_secs_f64() - at).fold(f64::INFINITY, f64::min)
    }
}

/// Milliseconds since 1970.
fn now() -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    now.as_millis() as i64
}

/// Looks at a playlist time and again; what is wrong with what it shows, and what it shows in the end.
async fn look(client: Client, path: &str, fault: &Fault) -> (Vec<String>, Playlist) {
    client.until_segments(path, 1).await;
    let (start, mut seen) = (Instant::now(), Vec::new());
    while start.elapsed() < BEFORE + AFTER {
        seen.push(client.playlist(path).await);
        tokio::time::sleep(LOOKS).await;
    }
    let mut wrongs: Vec<_> = check_with_jitter(&seen, fault.dates).iter().map(ToString::to_string).collect();
    let last = seen.pop().expect("it was looked at");
    let breaks: u64 = last.all().map(|segment| segment.discontinuities).sum();
    if breaks as usize >= fault.epochs {
        wrongs.push(format!("{breaks} discontinuities"));
    }
    let end = last.segments.last().and_then(|segment| Some(segment.wall? as f64 + segment.duration * 1e3));
    let behind = end.map_or(f64::INFINITY, |end| (now() as f64 - end) / 1e3);
    if behind > BEHIND {
        wrongs.push(format!("it ends {behind} s before now"));
    }
    if !wrongs.is_empty() {
        wrongs.push(last.text.clone());
    }
    (wrongs.iter().map(|wrong| format!("{path}: {wrong}")).collect(), last)
}

/// Watches one camera in all ways there are; what is wrong with what they show, and its playlists with their paths.
async fn watch(
    client: Client,
    camera: &demo::Server,
    fault: &Fault,
) -> (Vec<String>, [(String, Playlist); 2]) {
    let path = |track: &str| format!("/hls/{}/main/{track}.m3u8", fault.name);
    let paths = [path("video"), path("audio")];
    let [video, audio] = paths.each_ref().map(|path| look(client, path, fault));
    let (mut wrongs, video, audio) = tokio::join!(feed(client, camera, fault), video, audio);
    let promises = [video.1.target, audio.1.target];
    if promises[0] != promises[1] {
        wrongs.push(format!("{}: {promises:?} is promised of pictures and sound", fault.name));
    }
    let [of_video, of_audio] = paths;
    ([wrongs, video.0, audio.0].concat(), [(of_video, video.1), (of_audio, audio.1)])
}

/// What players say of all that the playlists of cameras list, over whatever broke in it.
async fn played(client: Client, cameras: Vec<[(String, Playlist); 2]>) -> Vec<String> {
    let said = stream::iter(cameras).map(async |lists| {
        let said = plays(client, &lists).await;
        (!said.is_empty()).then(|| format!("{}: ffmpeg says: {said}\n{}", lists[0].0, lists[0].1.text))
    });
    said.buffer_unordered(3).filter_map(async |said| said).collect().await
}

/// Watches the feed of one camera; what is wrong with what it sees.
async fn feed(client: Client, camera: &demo::Server, fault: &Fault) -> Vec<String> {
    client.until_rendition(fault.name, 0, "live").await;
    let mut socket = Socket::open(client.address, &format!("/mse/{}", fault.name)).await.expect("it opens");
    let start = Instant::now();
    let (mut seen, mut wrongs) = ([Seen::default(), Seen::default()], Vec::new());
    let (mut ends, mut epochs, mut timescale) = ([0, 0], 0, 1);
    let mut begun = false;
    while start.elapsed() < BEFORE + AFTER {
        if !begun && start.elapsed() > BEFORE {
            begun = true;
            (fault.then)(camera.faults());
        }
        match socket.next().await {
            Event::Init(init) => {
                epochs += 1;
                timescale = init.tracks.iter().find(|(id, _)| *id != VIDEO).map_or(1, |(_, scale)| *scale);
            }
            Event::Chunk(chunk) => {
                let video = chunk.track == VIDEO;
                let index = usize::from(!video);
                if chunk.start < ends[index] || chunk.samples.iter().any(|sample| sample.duration == 0) {
                    wrongs.push(format!(
                        "track {} goes back to {} from {}",
                        chunk.track, chunk.start, ends[index]
                    ));
                }
                ends[index] = chunk.end();
                let scale = f64::from(if video { 90_000 } else { timescale });
                // Sound waits for the next picture: the last frame of a chunk has waited least.
                let last = chunk.samples.last().map_or(0, |sample| u64::from(sample.duration));
                let at =
                    if video { chunk.presentation() as f64 } else { (chunk.end() - last) as f64 } / scale;
                seen[index].0.push((Instant::now(), at));
            }
            Event::Text(_) => {}
            Event::Closed(code, reason) => panic!("{}: closed with {code} {reason}", fault.name),
        }
    }
    if epochs > fault.epochs {
        wrongs.push(format!("{epochs} epochs"));
    }
    let pictures = seen[0].0.iter().filter(|(came, _)| start.elapsed() - (*came - start) < JUDGED).count();
    if pictures < 60 {
        wrongs.push(format!("{pictures} pictures in the end"));
    }
    let apart = seen[0].delay(start) - seen[1].delay(start);
    if apart.abs() > fault.apart {
        wrongs.push(format!("picture and sound are {:.0} ms apart", apart * 1e3));
    }
    wrongs.iter().map(|wrong| format!("{}: {wrong}", fault.name)).collect()
}

#[tokio::test]
async fn whatever_a_camera_s_clock_does_time_goes_forward_and_sound_stays_with_its_picture() {
    let cameras = join_all(FAULTS.iter().map(|fault| async {
        let camera = camera().await;
        (fault.first)(camera.faults());
        camera
    }))
    .await;
    let tables = FAULTS.iter().zip(&cameras);
    let tables = tables.map(|(fault, camera)| rendition(fault.name, "main", &camera.url("sub"), ""));
    let site = Site::start(&tables.collect::<String>()).await;
    let watching = FAULTS.iter().zip(&cameras).map(|(fault, camera)| watch(site.client, camera, fault));
    let (wrongs, lists): (Vec<_>, Vec<_>) = join_all(watching).await.into_iter().unzip();
    let played = played(site.client, lists).await;
    let wrongs = [wrongs.concat(), played].concat();
    assert!(wrongs.is_empty(), "{}", wrongs.join("\n"));
    soon("the end", site.app.stop()).await;
}

/// How far the newest date in a playlist is ahead of our clock, in seconds.
async fn ahead(client: Client, path: &str) -> f64 {
    until("a dated segment", async || {
        let playlist = client.playlist(path).await;
        let wall = playlist.segments.last()?.wall?;
        Some((wall - now()) as f64 / 1e3)
    })
    .await
}

#[tokio::test]
async fn playlists_are_dated_by_a_camera_s_clock_that_is_sane_and_by_ours_else() {
    let faults: [(&str, Switch, bool); 4] = [
        ("right", NONE, false),
        ("near", |f| f.shift_reports(Duration::from_secs(40)), true),
        ("years", |f| f.shift_reports(Duration::from_secs(100_000_000)), false),
        ("silent", |f| f.no_sender_reports(true), false),
    ];
    let cameras = join_all(faults.iter().map(|(_, fault, _)| async {
        let camera = camera().await;
        fault(camera.faults());
        camera
    }))
    .await;
    let tables = faults.iter().zip(&cameras);
    let tables = tables.map(|((name, _, _), camera)| rendition(name, "main", &camera.url("sub"), ""));
    let site = Site::start(&format!("ingest.clock_tolerance = \"1m\"\n{}", tables.collect::<String>())).await;
    for (name, _, by_camera) in faults {
        // A listed segment lies in the past by its own length at least, and a busy machine by some seconds more.
        let ahead = ahead(site.client, &format!("/hls/{name}/main/video.m3u8")).await;
        let bounds = if by_camera { 10.0..40.0 } else { -30.0..0.0 };
        assert!(bounds.contains(&ahead), "{name}: {ahead} s ahead");
    }
    site.app.stop().await;
}
