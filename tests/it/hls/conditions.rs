//! Conditions, ranges, and what errors tell to players on other origins.

use std::time::{Duration, Instant};

use belvedere::demo;
use hyper::Method;
use tokio::time::timeout;

use crate::support::at_once;
use crate::support::client::join;
use crate::support::playlist::{self, Playlist};
use crate::support::site::{Site, camera, shared};

const VIDEO: &str = "/hls/demo/main/video.m3u8";

/// The last byte that players ask for where they do not know how many there are: 2^53 - 1 (N69).
const WHATEVER_COMES: &str = "9007199254740991";

fn blocking(playlist: &Playlist) -> String {
    let (msn, part) = playlist.next_part();
    format!("{VIDEO}?_HLS_msn={msn}&_HLS_part={part}")
}

/// Just after a part came: there is nearly a part's time until the next.
async fn fresh() -> Playlist {
    let before = shared().playlist(VIDEO).await;
    shared().playlist(&blocking(&before)).await
}

#[tokio::test]
async fn a_reload_with_a_condition_waits_as_well_and_then_is_news() {
    let before = fresh().await;
    let known = shared().found(&blocking(&before)).await.header("etag").to_owned();
    let next = playlist::parse(shared().found(VIDEO).await.text());
    let path = blocking(&next);
    let condition = [("if-none-match", known.as_str())];
    let answer = shared().ask(Method::GET, &path, &condition).await;
    assert_eq!(answer.status.as_u16(), 200, "N120: what was waited for is not known");
    assert_ne!(answer.header("etag"), known);
    assert!(playlist::parse(answer.text()).next_part() > next.next_part(), "{}", answer.text());
}

#[tokio::test]
async fn what_did_not_change_is_304_with_the_headers_of_200() {
    let before = fresh().await;
    let (msn, part) = before.next_part();
    let mut unchanged = 0;
    // A part may come between the two requests; then the second one is another list.
    for _ in 0..10 {
        let (msn, part) = if part > 0 { (msn, part - 1) } else { (msn - 1, 0) };
        let path = format!("{VIDEO}?_HLS_msn={msn}&_HLS_part={part}");
        let first = shared().found(&path).await;
        let condition = [("if-none-match", first.header("etag"))];
        let second = shared().ask(Method::GET, &path, &condition).await;
        if second.status == 200 {
            assert_ne!(second.header("etag"), first.header("etag"));
            continue;
        }
        assert_eq!((second.status.as_u16(), second.body.len()), (304, 0));
        for header in ["etag", "cache-control", "vary", "access-control-allow-origin"] {
            assert_eq!(second.header(header), first.header(header), "{header}");
        }
        // The other encoding is another thing.
        let zipped = [condition[0], ("accept-encoding", "gzip")];
        assert_eq!(shared().ask(Method::GET, &path, &zipped).await.status.as_u16(), 200);
        unchanged += 1;
    }
    assert!(unchanged > 0, "never the same list twice");
    let init = join(VIDEO, before.open.map.as_deref().or(before.segments[0].map.as_deref()).expect("a MAP"));
    let first = shared().found(&init).await;
    let again = shared().ask(Method::GET, &init, &[("if-none-match", first.header("etag"))]).await;
    assert_eq!(again.status.as_u16(), 304);
}

#[tokio::test]
async fn media_comes_in_ranges() {
    let playlist = shared().playlist(VIDEO).await;
    let segment = playlist.segments.last().expect("a finished segment");
    for uri in [&segment.uri, &segment.parts[0].uri, segment.map.as_ref().expect("a MAP")] {
        let path = join(VIDEO, uri);
        let whole = shared().found(&path).await;
        assert_eq!(whole.header("accept-ranges"), "bytes", "{path}");
        let length = whole.body.len();
        for (first, last, end) in [
            (0, WHATEVER_COMES, length),
            (7, WHATEVER_COMES, length),
            (length - 1, WHATEVER_COMES, length),
            (7, "", length),
            (7, "99", 100),
        ] {
            let range = format!("bytes={first}-{last}");
            let answer = shared().ask(Method::GET, &path, &[("range", &range)]).await;
            assert_eq!(answer.status.as_u16(), 206, "{path}: {range}");
            assert_eq!(answer.body, whole.body[first..end], "{path}: {range}");
            let said = format!("bytes {first}-{}/{length}", end - 1);
            assert_eq!(answer.header("content-range"), said, "{path}: {range}");
            assert_eq!(answer.header("etag"), whole.header("etag"));
        }
        let beyond = format!("bytes={length}-{WHATEVER_COMES}");
        let answer = shared().ask(Method::GET, &path, &[("range", &beyond)]).await;
        assert_eq!(answer.status.as_u16(), 416, "{path}");
        assert_eq!(answer.header("content-range"), format!("bytes */{length}"));
    }
}

#[tokio::test]
async fn a_range_of_a_hinted_part_is_waited_for() {
    let before = fresh().await;
    let hinted = join(VIDEO, &before.hints[0]);
    let range = format!("bytes=0-{WHATEVER_COMES}");
    let answer = shared().ask(Method::GET, &hinted, &[("range", &range)]).await;
    assert_eq!(answer.status.as_u16(), 206, "N66");
    assert_eq!(answer.body, shared().found(&hinted).await.body);
    let (msn, part) = before.next_part();
    assert!(shared().playlist(VIDEO).await.next_part() > (msn, part), "it was there before its time");
}

#[tokio::test]
async fn a_part_that_nobody_hinted_at_is_404_at_once() {
    let playlist = fresh().await;
    let (msn, part) = playlist.next_part();
    let hinted = join(VIDEO, &playlist.hints[0]);
    let named = |msn: u64, part: usize| {
        let folder = hinted.rsplit_once('/').expect("a path").0;
        format!("{folder}/video-{msn}.{part}.m4s")
    };
    assert_eq!(named(msn, part), hinted);
    for path in [named(msn, part + 1), named(msn + 1, 0), named(msn - 1, 99), named(msn + 100, 0)] {
        let answer = shared().get(&path).await;
        // Had the list moved on before the question was heard, waiting or 200 would be right; had it moved on
        // since, the answer may have been waited for.
        if shared().playlist(VIDEO).await.next_part() == (msn, part) {
            assert_eq!(answer.status.as_u16(), 404, "N67: {path}");
        }
    }
    let far = named(msn + 100, 0);
    assert_eq!(at_once(&far, async || shared().status(&far).await).await, 404, "N67");
}

#[tokio::test]
async fn errors_may_be_read_by_players_on_other_origins() {
    let playlist = shared().playlist(VIDEO).await;
    let part = join(VIDEO, &playlist.segments.last().expect("a finished segment").uri);
    let far = format!("{VIDEO}?_HLS_msn={}", playlist.next_msn() + 9);
    let origin = ("origin", "https://example.org");
    let cases = [
        (Method::GET, "/hls/nobody/index.m3u8", origin, 404),
        (Method::GET, "/nothing", origin, 404),
        (Method::GET, &far, origin, 400),
        (Method::GET, &format!("{VIDEO}?_HLS_part=1"), origin, 400),
        (Method::POST, VIDEO, origin, 405),
        (Method::GET, &part, ("range", "bytes=99999999-"), 416),
        (Method::GET, "/mse/demo", origin, 426),
    ];
    let mut answers = Vec::new();
    for (method, path, header, status) in cases {
        let answer = shared().ask(method, path, &[header]).await;
        assert_eq!(answer.status.as_u16(), status, "{path}");
        answers.push((path.to_owned(), answer));
    }
    let camera = camera().await;
    camera.faults().refuse(Some(503));
    let site = Site::with_demo_camera(&camera, "hls.start_timeout = \"1s\"").await;
    let absent = site.get("/hls/cam/index.m3u8").await;
    assert_eq!(absent.status.as_u16(), 503);
    answers.push(("a camera that is not there".into(), absent));
    for (path, answer) in answers {
        assert_eq!(answer.header("access-control-allow-origin"), "*", "{path}");
        let exposed = answer.header("access-control-expose-headers").to_ascii_lowercase();
        for header in ["age", "date", "content-length"] {
            assert!(exposed.split(", ").any(|one| one == header), "{path}: {header} of {exposed}");
        }
        assert_ne!(answer.header("date"), "", "{path}");
        assert_eq!(answer.header("content-length"), answer.body.len().to_string(), "{path}");
    }
    site.app.stop().await;
}

/// The list of a camera that sends no more, and what was on its way has come.
async fn silenced(site: &Site, camera: &demo::Server, list: &str) -> Playlist {
    let mut playlist = site.until_segments(list, 1).await;
    camera.faults().stall(true);
    loop {
        let (msn, part) = playlist.next_part();
        let next = format!("{list}?_HLS_msn={msn}&_HLS_part={part}");
        match timeout(Duration::from_millis(1500), site.playlist(&next)).await {
            Ok(news) => playlist = news,
            Err(_) => return playlist,
        }
    }
}

#[tokio::test]
async fn what_does_not_come_is_503_after_three_target_durations() {
    const LIST: &str = "/hls/cam/main/video.m3u8";
    let camera = camera().await;
    let site = Site::with_demo_camera(&camera, "ingest.stall_timeout = \"1m\"").await;
    let playlist = silenced(&site, &camera, LIST).await;
    let patience = Duration::from_secs(3 * playlist.target.unwrap());
    let (msn, part) = playlist.next_part();
    let reload = format!("{LIST}?_HLS_msn={msn}&_HLS_part={part}");
    let hinted = join(LIST, &playlist.hints[0]);
    let asked = Instant::now();
    let both = tokio::join!(site.get(&reload), site.get(&hinted));
    let waited = asked.elapsed();
    assert!(waited >= patience && waited < patience + Duration::from_secs(20), "N83: {waited:?}");
    for answer in [both.0, both.1] {
        assert_eq!(answer.status.as_u16(), 503, "N83: {}", answer.text());
        assert_eq!((answer.header("cache-control"), answer.header("retry-after")), ("no-store", "1"));
    }
    assert_eq!(site.status(LIST).await, 200, "what is there is still served");
    site.app.stop().await;
}

#[tokio::test]
async fn whatever_waits_is_answered_when_the_server_stops() {
    const LIST: &str = "/hls/cam/main/video.m3u8";
    let camera = camera().await;
    let site = Site::with_demo_camera(&camera, "").await;
    let playlist = silenced(&site, &camera, LIST).await;
    let (client, next) = (site.client, playlist.next_msn() + 1);
    let paths = [
        format!("{LIST}?_HLS_msn={next}"),
        format!("/hls/cam/main/dvr-video.m3u8?_HLS_msn={next}"),
        join(LIST, &playlist.hints[0]),
    ];
    let waiting: Vec<_> = paths
        .into_iter()
        .map(|path| tokio::spawn(async move { client.try_ask(Method::GET, &path, &[]).await }))
        .collect();
    // Connections are taken in order: once this one is answered, the others were taken.
    tokio::task::yield_now().await;
    client.found("/livez").await;
    let told = Instant::now();
    site.app.stop().await;
    assert!(told.elapsed() < Duration::from_secs(30), "{:?}", told.elapsed());
    for answer in waiting {
        let answer = answer.await.unwrap().expect("it is no broken connection");
        assert_eq!(answer.status.as_u16(), 503, "N118: {}", answer.text());
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("retry-after"), "1");
    }
}
