//! What a cache makes of our answers, one by one.

use std::io::Read;
use std::time::{Duration, Instant};

use bytes::Bytes;
use flate2::read::GzDecoder;
use hyper::Method;

use crate::support::client::{Answer, Client, join};
use crate::support::hop::Hop;
use crate::support::media::VIDEO as VIDEO_TRACK;
use crate::support::playlist::{self, Playlist};
use crate::support::proxy::{Make, Proxy};
use crate::support::site::shared;
use crate::support::socket::Socket;
use crate::support::until;

const VIDEO: &str = "/hls/demo/sub/video.m3u8";

/// A cache before the shared server, with a hop between them that counts.
async fn cache(make: Make) -> (Proxy, Hop) {
    shared().until_segments(VIDEO, 2).await;
    let hop = Hop::start(shared().address).await;
    (Proxy::start(make, hop.address).await, hop)
}

fn blocking(playlist: &Playlist) -> String {
    let (msn, part) = playlist.next_part();
    format!("{VIDEO}?_HLS_msn={msn}&_HLS_part={part}")
}

fn unzipped(answer: &Answer) -> Bytes {
    let mut bytes = Vec::new();
    GzDecoder::new(&*answer.body).read_to_end(&mut bytes).expect("gzip can be read");
    bytes.into()
}

async fn both_encodings_are_told_apart(cache: &Client) {
    let path = blocking(&shared().playlist(VIDEO).await);
    let plain = cache.found(&path).await;
    assert_eq!(plain.header("content-encoding"), "");
    let zipped = cache.ask(Method::GET, &path, &[("accept-encoding", "deflate, gzip;q=0.8")]).await;
    assert_eq!(zipped.header("content-encoding"), "gzip");
    for answer in [&plain, &zipped] {
        assert_eq!(answer.header("vary"), "Accept-Encoding");
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert!(answer.header("access-control-expose-headers").contains("Age"));
    }
    // Not the very same state of the other playlists, but the same of this one.
    let own = |bytes: &[u8]| {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        text.split("#EXT-X-RENDITION-REPORT").next().unwrap().to_owned()
    };
    let (one, other) = (playlist::parse(&own(&plain.body)), playlist::parse(&own(&unzipped(&zipped))));
    assert!(one.msn.is_some() && other.next_part() >= one.next_part());
    let refused = cache.ask(Method::GET, &path, &[("accept-encoding", "gzip;q=0")]).await;
    assert_eq!(refused.header("content-encoding"), "", "who refuses gzip gets none");
    let tag = zipped.header("etag").to_owned();
    assert!(tag.starts_with('"') && tag.ends_with('"'), "a strong name: {tag}");
    let known = [("if-none-match", tag.as_str()), ("accept-encoding", "gzip")];
    let again = cache.ask(Method::GET, &path, &known).await;
    assert_eq!((again.status.as_u16(), again.body.len()), (304, 0), "it is known");
}

async fn the_rest_of_a_query_is_nothing_to_the_cache(cache: &Client, hop: &Hop) {
    let path = blocking(&shared().playlist(VIDEO).await);
    let first = cache.found(&path).await;
    let (asked, query) = (hop.asked().len(), path.split_once('?').unwrap().1);
    let (msn, part) = query.split_once('&').unwrap();
    for other in [format!("{part}&{msn}"), format!("token=x&{query}"), format!("{query}&_HLS_other=1")] {
        let answer = cache.found(&format!("{VIDEO}?{other}")).await;
        assert_eq!(answer.body, first.body, "{other}");
    }
    assert_eq!(hop.asked().len(), asked, "the server was not asked: {:#?}", &hop.asked()[asked..]);
    let (msn, part) = playlist::parse(first.text()).next_part();
    let next = cache.found(&format!("{VIDEO}?_HLS_msn={msn}&_HLS_part={part}")).await;
    assert!(playlist::parse(next.text()).next_part() > (msn, part), "another wait is another answer");
}

async fn media_is_fetched_once_and_comes_in_ranges(cache: &Client, hop: &Hop) {
    let playlist = shared().playlist(VIDEO).await;
    let segment = playlist.segments.last().expect("a finished segment");
    for uri in [&segment.uri, &segment.parts[0].uri, segment.map.as_ref().expect("a MAP")] {
        let path = join(VIDEO, uri);
        let own = shared().found(&path).await;
        let asked = hop.asked().len();
        let head = cache.ask(Method::HEAD, &path, &[]).await;
        assert_eq!(head.header("content-length"), own.body.len().to_string(), "{path}");
        assert!(head.body.is_empty());
        let whole = cache.found(&path).await;
        assert_eq!(whole.body, own.body, "{path}");
        assert_eq!(whole.header("content-encoding"), "", "{path}: media is not zipped");
        for header in ["content-type", "etag", "cache-control"] {
            assert_eq!(whole.header(header), own.header(header), "{path}: {header}");
        }
        let range = cache.ask(Method::GET, &path, &[("range", "bytes=10-9007199254740991")]).await;
        assert_eq!((range.status.as_u16(), &*range.body), (206, &own.body[10..]), "{path}");
        let noise = cache.found(&format!("{path}?token=x")).await;
        assert_eq!(noise.body, own.body, "{path}");
        assert_eq!(hop.asked().len(), asked + 1, "{path}: {:#?}", &hop.asked()[asked..]);
    }
}

async fn a_hinted_part_is_waited_for(cache: &Client) {
    let playlist = shared().playlist(VIDEO).await;
    let hinted = join(VIDEO, &playlist.hints[0]);
    let (one, other) = tokio::join!(cache.found(&hinted), cache.found(&hinted));
    assert!(!one.body.is_empty() && one.body == other.body);
    assert_eq!(shared().found(&hinted).await.body, one.body);
}

async fn what_was_asked_for_too_early_is_there_when_its_time_has_come(cache: &Client) {
    let playlist = shared().playlist(VIDEO).await;
    let (msn, _) = playlist.next_part();
    let early = join(VIDEO, &playlist.hints[0]);
    let early = format!("{}/video-{}.0.m4s", early.rsplit_once('/').unwrap().0, msn + 1);
    assert_eq!(cache.status(&early).await, 404);
    let far = format!("{VIDEO}?_HLS_msn={}", msn + 3);
    assert_eq!(cache.status(&far).await, 400);
    until("its part", async || shared().playlist(VIDEO).await.part(msn + 1, 0).map(|_| ())).await;
    // Belvedere lets a 404 be kept for a second.
    let listed = Instant::now();
    until("its part from the cache", async || (cache.status(&early).await == 200).then_some(())).await;
    assert!(listed.elapsed() < Duration::from_secs(10), "{:?}", listed.elapsed());
    until("its playlist", async || (shared().playlist(VIDEO).await.next_msn() > msn + 1).then_some(())).await;
    assert_eq!(cache.status(&far).await, 200, "that is no longer too far");
}

/// A plain playlist may be as old as its max-age, half a target duration; nginx counts in whole seconds,
/// from when the answer has come to it.
async fn a_plain_playlist_is_never_older_than_it_may_be(cache: &Client) {
    let mut own = shared().playlist(VIDEO).await;
    let allowed = Duration::from_secs(own.target.unwrap() / 2 + 1) + Duration::from_millis(1000);
    let mut history: Vec<(Instant, (u64, usize))> = Vec::new();
    // Parts between two requests: busy times, and silence in which everything that is stored gets too old.
    for parts in [1, 1, 1, 8, 1, 1, 8] {
        for _ in 0..parts {
            own = shared().playlist(&blocking(&own)).await;
            history.push((Instant::now(), own.next_part()));
        }
        let asked = Instant::now();
        let cached = cache.playlist(VIDEO).await.next_part();
        let then = history.iter().rev().find(|(at, _)| asked - *at > allowed);
        assert!(then.is_none_or(|(_, then)| cached >= *then), "{cached:?} was overtaken: {history:?}");
    }
}

async fn the_feed_passes(cache: &Client) {
    let mut socket = Socket::open(cache.address, "/mse/demo?rendition=sub").await.expect("it opens");
    assert_eq!(socket.text("init").await["rendition"], "sub");
    socket.init().await;
    let mut pictures = 0;
    while pictures < 50 {
        pictures += usize::from(socket.chunk().await.track == VIDEO_TRACK);
    }
}

async fn answers_are_as_they_should_be(make: Make) {
    let (cache, hop) = cache(make).await;
    both_encodings_are_told_apart(&cache).await;
    the_rest_of_a_query_is_nothing_to_the_cache(&cache, &hop).await;
    media_is_fetched_once_and_comes_in_ranges(&cache, &hop).await;
    assert_eq!(cache.found("/api/v1/cameras/demo").await.header("cache-control"), "no-store");
    // Sockets do not go through the hop, which knows requests alone.
    let straight = Proxy::start(make, shared().address).await;
    tokio::join!(
        a_hinted_part_is_waited_for(&cache),
        what_was_asked_for_too_early_is_there_when_its_time_has_come(&cache),
        a_plain_playlist_is_never_older_than_it_may_be(&cache),
        the_feed_passes(&straight),
    );
}

#[tokio::test]
async fn nginx_makes_the_right_thing_of_every_answer() {
    answers_are_as_they_should_be(Make::Nginx).await;
}

#[tokio::test]
async fn varnish_makes_the_right_thing_of_every_answer() {
    answers_are_as_they_should_be(Make::Varnish).await;
}
