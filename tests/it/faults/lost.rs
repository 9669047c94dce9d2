//! Cameras that go away and come back.

use belvedere::demo;

use crate::support::checker::assert_good;
use crate::support::client::{Client, join};
use crate::support::ffmpeg::plays;
use crate::support::media::{Chunk, VIDEO, chunks};
use crate::support::playlist::Playlist;
use crate::support::site::{Site, camera, demo_camera};
use crate::support::socket::{Event, Socket};
use crate::support::{soon, until};

const VIDEO_LIST: &str = "/hls/cam/main/video.m3u8";
const AUDIO_LIST: &str = "/hls/cam/main/audio.m3u8";

/// Watches the feed from its first announcement until the next one, and on to the first chunk behind it.
pub struct Watch {
    pub socket: Socket,
    /// Epochs that were announced.
    pub epochs: Vec<u64>,
    /// The newest chunk of each track.
    pub last: [Option<Chunk>; 2],
    /// Chunks were left out since the last picture.
    skipped: bool,
}

impl Watch {
    pub async fn start(client: Client, camera: &str) -> Self {
        client.until_rendition(camera, 0, "live").await;
        let socket = Socket::open(client.address, &format!("/mse/{camera}?rendition=main")).await;
        Self { socket: socket.expect("it opens"), epochs: Vec::new(), last: [None, None], skipped: false }
    }

    /// Takes the next event; true when it was a chunk of video. Time never goes back, and goes on without a hole
    /// within an epoch.
    pub async fn step(&mut self) -> bool {
        match self.socket.next().await {
            Event::Text(text) if text["type"] == "init" => {
                self.epochs.push(text["epoch"].as_u64().expect("an epoch"));
                self.socket.init().await;
                let first = self.socket.chunk().await;
                assert!(first.starts_picture(), "an epoch starts with a sync sample");
                self.forward(first, false);
                true
            }
            // A camera that comes back with all that it held back at once may leave some of it out.
            Event::Text(text) if text["type"] == "skip" => {
                self.skipped = true;
                false
            }
            Event::Text(text) => {
                assert_eq!(text["type"], "status", "{text}");
                false
            }
            Event::Chunk(chunk) => {
                let video = chunk.track == VIDEO;
                let unbroken = video && !self.skipped;
                self.skipped &= !video;
                self.forward(chunk, unbroken);
                video
            }
            other => panic!("{other:?}"),
        }
    }

    fn forward(&mut self, chunk: Chunk, unbroken: bool) {
        let last = &mut self.last[(chunk.track - 1) as usize];
        if let Some(last) = last {
            let good = if unbroken { chunk.start == last.end() } else { chunk.start >= last.end() };
            assert!(good, "track {}: {} follows {}", chunk.track, chunk.start, last.end());
        }
        *last = Some(chunk);
    }

    /// Takes events until `epochs` were announced and a second of the last one was seen.
    pub async fn until_epochs(&mut self, epochs: usize) {
        let mut pictures = 0;
        while pictures < 25 {
            let picture = self.step().await;
            pictures = if self.epochs.len() < epochs { 0 } else { pictures + usize::from(picture) };
        }
    }
}

/// Polls a playlist until it shows a finished segment behind a discontinuity; all that was seen. The other rendition
/// may come back earlier, and then stands in for this one.
pub async fn until_discontinuity(client: Client, path: &str) -> Vec<Playlist> {
    let mut seen: Vec<Playlist> = Vec::new();
    until(&format!("a discontinuity in {path}"), async || {
        let playlist = client.playlist_or_stand_in(path).await?;
        let found = playlist.segments.iter().any(|segment| segment.discontinuities > 0);
        seen.push(playlist);
        found.then_some(())
    })
    .await;
    seen
}

async fn again(address: std::net::SocketAddr) -> demo::Server {
    let options = demo::Options { listen: address, ..demo::Options::default() };
    demo::Server::start(options).await.expect("the port is free again")
}

#[tokio::test]
async fn a_camera_that_is_restarted_throws_no_viewer_out_and_breaks_the_playlists_alike() {
    let first = camera().await;
    let address = first.addr();
    let site = Site::with_demo_camera(&first, "").await;
    let client = site.client;
    client.until_segments(VIDEO_LIST, 1).await;
    let mut watch = Watch::start(client, "cam").await;
    watch.until_epochs(1).await;
    let before = client.playlist(AUDIO_LIST).await;

    let restart = async {
        first.stop().await;
        let second = again(address).await;
        watch.until_epochs(2).await;
        second
    };
    let (video, audio, second) = tokio::join!(
        until_discontinuity(client, VIDEO_LIST),
        until_discontinuity(client, AUDIO_LIST),
        restart
    );
    assert_eq!(watch.epochs.len(), 2, "{:?}", watch.epochs);
    assert!(watch.epochs[1] > watch.epochs[0], "{:?}", watch.epochs);
    assert_eq!(second.counters().plays.get(), 2, "main and sub are played again");

    let seen = [video, audio];
    let breaks = seen.each_ref().map(|seen| {
        assert_good("a restart", seen);
        let last = seen.last().expect("something was seen");
        let broken: Vec<_> =
            last.all().filter(|segment| segment.discontinuities > 0).map(|segment| segment.msn).collect();
        (broken, last.discontinuity_sequence)
    });
    assert_eq!(breaks[0], breaks[1], "picture and sound break at one segment, with one number");
    assert_eq!(breaks[0].0.len(), 1, "{breaks:?}");
    assert!(breaks[0].0[0] > before.msn.unwrap(), "numbers go on");
    init_changes_with_the_break(client, seen[0].last().unwrap()).await;
    let [video, audio] = seen.map(|seen| seen.into_iter().next_back().unwrap());
    let said = plays(client, &[(VIDEO_LIST.into(), video), (AUDIO_LIST.into(), audio)]).await;
    assert_eq!(said, "", "ffmpeg, over the break");
    soon("the end", site.app.stop()).await;
}

/// Behind a discontinuity, media is under its own init segment and starts with a sync sample.
async fn init_changes_with_the_break(client: Client, playlist: &Playlist) {
    let at =
        playlist.segments.iter().position(|segment| segment.discontinuities > 0).expect("a discontinuity");
    let (before, after) = (&playlist.segments[at - 1], &playlist.segments[at]);
    assert_ne!(before.map, after.map);
    let load = async |uri: &str| client.found(&join(VIDEO_LIST, uri)).await.body;
    for segment in [before, after] {
        load(segment.map.as_deref().expect("a MAP")).await;
    }
    let (old, new) = (chunks(&load(&before.uri).await), chunks(&load(&after.uri).await));
    assert!(new[0].starts_picture());
    assert!(new[0].start >= old[old.len() - 1].end(), "decode times go forward over a break");
}

#[tokio::test]
async fn a_camera_that_falls_silent_is_noticed_and_connected_anew() {
    let silent = camera().await;
    let other = camera().await;
    let toml = format!(
        "ingest.stall_timeout = \"1s\"\n{}{}",
        demo_camera("cam", &silent),
        demo_camera("other", &other)
    );
    let site = Site::start(&toml).await;
    let client = site.client;
    let mut watch = Watch::start(client, "cam").await;
    let mut bystander = Watch::start(client, "other").await;
    tokio::join!(watch.until_epochs(1), bystander.until_epochs(1));

    // The other camera's viewer reads all the while, and sees one epoch without a hole: `step` sees to that.
    let over = std::cell::Cell::new(false);
    let reconnect = async {
        silent.faults().stall(true);
        let status = watch.socket.text("status").await;
        assert_eq!(status["state"], "stalled", "{status}");
        assert!(status["reason"].as_str().is_some_and(|reason| reason.contains("1 s")), "{status}");
        silent.faults().stall(false);
        watch.until_epochs(2).await;
        // The other rendition may come back a moment later.
        let plays = async || (silent.counters().plays.get() >= 4).then_some(());
        until("each rendition was played twice", plays).await;
        client.until_rendition("cam", 0, "live").await;
        over.set(true);
    };
    let bystanding = async {
        while !over.get() {
            bystander.step().await;
        }
    };
    tokio::join!(reconnect, bystanding);
    assert_eq!(bystander.epochs.len(), 1);
    assert_eq!(other.counters().plays.get(), 2);
    soon("the end", site.app.stop()).await;
}

#[tokio::test]
async fn one_camera_s_cut_connections_leave_another_camera_untouched() {
    let (cut, other) = (camera().await, camera().await);
    let site = Site::start(&(demo_camera("cut", &cut) + &demo_camera("other", &other))).await;
    let mut watch = Watch::start(site.client, "cut").await;
    let mut bystander = Watch::start(site.client, "other").await;
    tokio::join!(watch.until_epochs(1), bystander.until_epochs(1));
    cut.faults().drop_connections();
    let bystanding = async {
        for _ in 0..75 {
            bystander.step().await;
        }
    };
    tokio::join!(watch.until_epochs(2), bystanding);
    assert_eq!(bystander.epochs.len(), 1, "one epoch, without a hole");
    assert_eq!(other.counters().plays.get(), 2, "main and sub, once each");
    soon("the end", site.app.stop()).await;
}
