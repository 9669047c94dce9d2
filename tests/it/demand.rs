//! Cameras that are connected while somebody watches, and cameras that are switched off.

use std::collections::HashSet;
use std::time::Duration;

use belvedere::demo;
use futures_util::future::join_all;

use crate::support::checker::assert_good;
use crate::support::site::{Site, camera, rendition};
use crate::support::socket::Socket;
use crate::support::{soon, until};

const VIDEO_LIST: &str = "/hls/cam/main/video.m3u8";

async fn on_demand(camera: &demo::Server, more: &str) -> Site {
    let toml = format!("ingest.idle_timeout = \"1s\"\n{more}\n[cameras.cam]\nstart = \"on-demand\"\n");
    Site::start(&(toml + &rendition("cam", "main", &camera.url("main"), ""))).await
}

async fn gone(camera: &demo::Server) {
    let gone = async || (camera.counters().open_sessions() == 0).then_some(());
    until("the camera is left alone", gone).await;
}

#[tokio::test]
async fn a_herd_of_first_viewers_makes_one_connection_and_the_last_one_ends_it() {
    let camera = camera().await;
    let site = on_demand(&camera, "").await;
    site.until_rendition("cam", 0, "idle").await;
    assert_eq!(site.status("/readyz").await, 200, "nobody waits for a camera on demand");
    assert_eq!(camera.counters().describes.get(), 0);

    let sockets = join_all((0..20).map(|_| Socket::open(site.address, "/mse/cam")));
    let lists = join_all((0..20).map(|_| site.found("/hls/cam/index.m3u8")));
    let (sockets, _lists) = tokio::join!(sockets, lists);
    let mut sockets: Vec<_> = sockets.into_iter().map(|socket| socket.expect("it opens")).collect();
    for socket in &mut sockets {
        socket.text("init").await;
        socket.init().await;
        assert!(socket.chunk().await.starts_picture());
    }
    assert_eq!((camera.counters().describes.get(), camera.counters().plays.get()), (1, 1));
    drop(sockets);
    gone(&camera).await;
    site.until_rendition("cam", 0, "idle").await;
    assert_eq!(camera.counters().plays.get(), 1);
    soon("the end", site.app.stop()).await;
}

/// What a cold start may take beyond the camera's first key frame: the median of so many of them. A busy machine is
/// given some more.
const COLD_START: Duration = Duration::from_millis(300);
const COLD_STARTS: usize = 5;
const MOST_COLD_STARTS: usize = 15;

/// The median of the last cold starts.
fn median(took: &[Duration]) -> Duration {
    let mut last = took[took.len().saturating_sub(COLD_STARTS)..].to_vec();
    last.sort_unstable();
    last[last.len() / 2]
}

#[tokio::test]
async fn the_first_picture_comes_soon_after_the_camera_s_first_key_frame_also_where_promised_sound_does_not()
{
    // Whether its sound comes, and whether it is slow.
    for (muted, slow) in [(false, false), (true, false), (false, true)] {
        let camera = camera().await;
        camera.faults().mute_audio(muted);
        camera.faults().one_picture_a_second(slow);
        // Each of these has never been connected: what one has shown before, it does not show again.
        let names: Vec<String> = (0..MOST_COLD_STARTS).map(|n| format!("cam{n}")).collect();
        let table = |name: &String| {
            let start = format!("[cameras.{name}]\nstart = \"on-demand\"\n");
            start + &rendition(name, "main", &camera.url("main"), "")
        };
        let site = Site::start(&names.iter().map(table).collect::<String>()).await;
        let mut took = Vec::new();
        for name in &names {
            let mut socket = Socket::open(site.address, &format!("/mse/{name}")).await.expect("it opens");
            socket.text("init").await;
            socket.init().await;
            assert!(socket.chunk().await.starts_picture());
            took.push(camera.counters().played().expect("it plays").elapsed());
            if took.len() >= COLD_STARTS && median(&took) < COLD_START {
                break;
            }
        }
        assert!(median(&took) < COLD_START, "muted: {muted}, slow: {slow}, {took:?}");
        eprintln!("cold start, muted: {muted}, slow: {slow}: {took:?}");
        soon("the end", site.app.stop()).await;
    }
}

#[tokio::test]
async fn hls_viewers_keep_a_camera_on_air_and_its_playlists_go_on_over_a_rest() {
    let camera = camera().await;
    let site = on_demand(&camera, "").await;
    let mut seen = vec![site.until_segments(VIDEO_LIST, 2).await];
    assert_eq!(camera.counters().plays.get(), 1, "requests less than the idle time apart are one viewer");
    gone(&camera).await;
    site.until_rendition("cam", 0, "idle").await;

    seen.push(site.until_segments(VIDEO_LIST, 2).await);
    assert_eq!(camera.counters().plays.get(), 2);
    let [before, after] = [&seen[0], &seen[1]];
    assert!(after.msn.unwrap() >= before.next_msn(), "numbers go on, and what is long ago is not shown");
    let stretch = |list: &crate::support::playlist::Playlist| {
        list.discontinuity_sequence.unwrap_or(0) + list.segments[0].discontinuities
    };
    assert_eq!(stretch(after), stretch(before) + 1, "{}", after.text);
    let runs: HashSet<_> =
        seen.iter().flat_map(|list| &list.segments).map(|one| one.uri.split('-').next()).collect();
    assert_eq!(runs.len(), 1, "one run: {runs:?}");
    assert_eq!(before.target, after.target);
    assert_good("over a rest", &seen[1..]);
    // What was listed before is gone for good, and its names stand for nothing else.
    let old = crate::support::client::join(VIDEO_LIST, &before.segments[0].uri);
    assert_eq!(site.status(&old).await, 404);
    soon("the end", site.app.stop()).await;
}

#[tokio::test]
async fn a_camera_on_demand_that_does_not_deliver_is_503_and_is_left_alone_again() {
    let camera = camera().await;
    camera.faults().refuse(Some(503));
    let site = on_demand(&camera, "hls.start_timeout = \"1s\"").await;
    let answer = site.get("/hls/cam/index.m3u8").await;
    assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (503, "1"));
    site.until_rendition("cam", 0, "idle").await;
    camera.faults().refuse(None);
    let list = until("a playlist", async || {
        let answer = site.get(VIDEO_LIST).await;
        (answer.status.as_u16() == 200 && answer.text().contains("#EXTINF")).then_some(())
    });
    list.await;
    soon("the end", site.app.stop()).await;
}

#[tokio::test]
async fn a_camera_that_is_disabled_is_known_and_never_connected() {
    let camera = camera().await;
    let toml =
        format!("[cameras.cam]\nenabled = false\n{}", rendition("cam", "main", &camera.url("main"), ""));
    let site = Site::start(&toml).await;
    assert_eq!(site.camera("cam").await["state"], "disabled");
    assert_eq!(site.status("/readyz").await, 200);
    for path in ["/hls/cam/index.m3u8", VIDEO_LIST] {
        let answer = site.get(path).await;
        assert_eq!(answer.status.as_u16(), 503, "{path}");
        assert!(answer.text().contains("disabled"), "{}", answer.text());
    }
    let mut socket = Socket::open(site.address, "/mse/cam").await.expect("it opens");
    assert_eq!(socket.text("status").await["state"], "disabled");
    assert_eq!(camera.counters().describes.get(), 0);
    soon("the end", site.app.stop()).await;
}
