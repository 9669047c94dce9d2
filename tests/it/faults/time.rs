//! Cameras whose clocks lie.

use std::time::{Duration, Instant, SystemTime};

use belvedere::demo;
use futures_util::future::join_all;

use crate::support::client::Client;
use crate::support::media::VIDEO;
use crate::support::site::{Site, camera, rendition};
use crate::support::socket::{Event, Socket};
use crate::support::{soon, until};

/// For how long each camera is watched before and after its fault: longer than it takes to find out about it.
const BEFORE: Duration = Duration::from_secs(2);
const AFTER: Duration = Duration::from_secs(20);

/// The part of the feed at the end that is judged.
const JUDGED: Duration = Duration::from_secs(4);

/// What a camera does wrong, and when it starts to.
struct Fault {
    name: &'static str,
    /// Before its first session.
    first: Switch,
    /// In mid-stream.
    then: Switch,
    /// What it may cost: epochs at most.
    epochs: usize,
}

/// Brings a fault about.
type Switch = fn(&demo::Faults);

const NONE: Switch = |_| {};

const HOUR: Duration = Duration::from_secs(3600);

/// Three seconds before RTP time goes round.
const ALMOST_ROUND: u32 = u32::MAX - 3 * 90_000;

const FAULTS: [Fault; 11] = [
    Fault { name: "none", first: NONE, then: NONE, epochs: 1 },
    Fault { name: "wrap", first: |f| f.start_rtp_time_at(ALMOST_ROUND), then: NONE, epochs: 1 },
    Fault { name: "forward", first: NONE, then: |f| f.shift_rtp_time(HOUR), epochs: 2 },
    Fault { name: "back", first: NONE, then: |f| f.shift_rtp_time_back(HOUR), epochs: 2 },
    Fault { name: "repeated", first: NONE, then: |f| f.repeat_rtp_time(5), epochs: 1 },
    Fault { name: "strays", first: NONE, then: |f| f.stray_rtp_time(40), epochs: 1 },
    Fault { name: "frozen", first: |f| f.repeat_rtp_time(1), then: NONE, epochs: 3 },
    Fault { name: "fast", first: |f| f.hasten_rtp_time(150_000, 150_000), then: NONE, epochs: 6 },
    Fault { name: "slow", first: |f| f.hasten_rtp_time(-150_000, -150_000), then: NONE, epochs: 6 },
    Fault { name: "drifting-sound", first: |f| f.hasten_rtp_time(0, 2_000), then: NONE, epochs: 1 },
    Fault { name: "no-reports", first: |f| f.no_sender_reports(true), then: NONE, epochs: 1 },
];

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

/// Watches one camera; what is wrong with what it sees.
async fn watch(client: Client, camera: &demo::Server, fault: &Fault) -> Vec<String> {
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
                let at = if video { chunk.presentation() as f64 } else { chunk.start as f64 } / scale;
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
    if apart.abs() > 0.040 {
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
    let wrongs = join_all(watching).await.concat();
    assert!(wrongs.is_empty(), "{}", wrongs.join("\n"));
    soon("the end", site.app.stop()).await;
}

/// How far the newest date in a playlist is ahead of our clock, in seconds.
async fn ahead(client: Client, path: &str) -> f64 {
    until("a dated segment", async || {
        let playlist = client.playlist(path).await;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_millis();
        let wall = playlist.segments.last()?.wall?;
        Some((wall as f64 - now as f64) / 1e3)
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
