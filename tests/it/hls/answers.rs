//! Headers, status codes and encodings.

use std::io::Read;

use flate2::read::GzDecoder;
use hyper::Method;

use crate::support::client::{Answer, join};
use crate::support::site::shared;

const INDEX: &str = "/hls/demo/index.m3u8";
const VIDEO: &str = "/hls/demo/main/video.m3u8";
const AUDIO: &str = "/hls/demo/main/audio.m3u8";

/// One of each kind that there is: name, path.
async fn one_of_each() -> Vec<(&'static str, String)> {
    let playlist = shared().playlist(VIDEO).await;
    let segment = playlist.segments.last().expect("a finished segment");
    vec![
        ("multivariant", INDEX.into()),
        ("playlist", VIDEO.into()),
        ("audio playlist", AUDIO.into()),
        ("init", join(VIDEO, segment.map.as_deref().expect("a MAP"))),
        ("segment", join(VIDEO, &segment.uri)),
        ("part", join(VIDEO, &segment.parts[1].uri)),
        ("unknown camera", "/hls/nobody/index.m3u8".into()),
        ("unknown rendition", "/hls/demo/nobody/video.m3u8".into()),
        ("unknown media", "/hls/demo/main/1/video-1.m4s".into()),
        ("bad request", format!("{VIDEO}?_HLS_part=1")),
        ("api", "/api/v1/cameras".into()),
        ("page", "/".into()),
    ]
}

fn max_age(answer: &Answer) -> Option<u64> {
    answer
        .header("cache-control")
        .split(',')
        .find_map(|word| word.trim().strip_prefix("max-age=")?.parse().ok())
}

#[tokio::test]
async fn every_answer_has_a_length_and_a_cache_rule_and_may_be_read_from_other_origins() {
    for (name, path) in one_of_each().await {
        let answer = shared().get(&path).await;
        assert_eq!(answer.header("content-length"), answer.body.len().to_string(), "{name}");
        assert_eq!(answer.header("transfer-encoding"), "", "{name}");
        assert_eq!(answer.header("access-control-allow-origin"), "*", "{name}");
        assert!(answer.header("access-control-expose-headers").contains("Age"), "{name}");
        assert_ne!(answer.header("cache-control"), "", "{name}");
        assert_ne!(answer.header("date"), "", "{name}: the origin's clock");
        assert_eq!(answer.header("age"), "", "{name}: only caches have an age");
        assert_eq!(answer.header("last-modified"), "", "N44: {name}");
        assert_eq!(answer.header("set-cookie"), "", "{name}: all viewers are alike");
        let varies = name.contains("playlist") || name == "multivariant";
        assert_eq!(answer.header("vary"), if varies { "Accept-Encoding" } else { "" }, "N121: {name}");
        assert!(!answer.status.is_redirection(), "S10: {name}");
    }
}

#[tokio::test]
async fn content_types_are_those_that_players_know() {
    for (name, path) in one_of_each().await {
        let expected = match name {
            "multivariant" | "playlist" | "audio playlist" => "application/vnd.apple.mpegurl",
            "init" => "video/mp4",
            "segment" | "part" => "video/iso.segment",
            "api" => "application/json",
            "page" => "text/html; charset=utf-8",
            _ => "text/plain; charset=utf-8",
        };
        assert_eq!(shared().get(&path).await.header("content-type"), expected, "{name}");
    }
}

#[tokio::test]
async fn playlists_are_more_urgent_than_media_and_no_rendition_comes_before_a_lighter_one() {
    for (name, path) in one_of_each().await {
        let expected = match name {
            "multivariant" | "playlist" | "audio playlist" => "u=1",
            "init" => "u=2",
            "segment" | "part" => "u=3",
            _ => "",
        };
        assert_eq!(shared().get(&path).await.header("priority"), expected, "N97: {name}");
    }
    for (path, expected) in
        [(AUDIO, "u=2"), ("/hls/demo/sub/video.m3u8", "u=3"), ("/hls/demo/sub/audio.m3u8", "u=2")]
    {
        let playlist = shared().playlist(path).await;
        let segment = join(path, &playlist.segments.last().expect("a finished segment").uri);
        assert_eq!(shared().found(&segment).await.header("priority"), expected, "N97: {segment}");
    }
}

#[tokio::test]
async fn unknown_things_are_404_and_say_so_in_a_sentence() {
    let playlist = shared().playlist(VIDEO).await;
    let (msn, part) = playlist.next_part();
    let hint = join(VIDEO, &playlist.hints[0]);
    let far = hint.replace(&format!("-{msn}.{part}."), &format!("-{}.{part}.", msn + 5));
    let other_run = hint.replace("/video-", "0/video-");
    for path in [
        "/hls/nobody/index.m3u8",
        "/hls/demo/nobody/video.m3u8",
        "/hls/demo/main/other.m3u8",
        "/hls/demo/main/1/video-1.m4s",
        "/hls/demo/main/1/video-init-1.mp4",
        "/nothing",
        &far,
        &other_run,
    ] {
        let answer = shared().get(path).await;
        assert_eq!(answer.status.as_u16(), 404, "{path}");
        assert!(
            answer.text().trim().contains(' ') && answer.text().ends_with('\n'),
            "{path}: {}",
            answer.text()
        );
        assert!(max_age(&answer).is_none_or(|age| age <= 1), "{path}: a name may be known in a moment");
    }
}

#[tokio::test]
async fn caches_keep_each_kind_as_long_as_it_is_good() {
    let target = shared().playlist(VIDEO).await.target.unwrap();
    for (name, path) in one_of_each().await {
        let answer = shared().get(&path).await;
        let rule = answer.header("cache-control").to_owned();
        let immutable = rule.contains("immutable");
        match name {
            "multivariant" | "playlist" | "audio playlist" => {
                assert_eq!(max_age(&answer), Some(target / 2), "{name}: {rule}");
                assert!(!immutable, "{name}: {rule}");
            }
            "init" | "segment" | "part" => {
                assert_eq!(max_age(&answer), Some(target * 6), "{name}: {rule}");
                assert!(immutable, "{name}: {rule}");
            }
            "api" | "bad request" => assert_eq!(rule, "no-store", "{name}"),
            _ => assert!(!immutable, "{name}: {rule}"),
        }
    }
    let old = shared().playlist(VIDEO).await.msn.unwrap();
    let blocking = shared().found(&format!("{VIDEO}?_HLS_msn={old}")).await;
    assert_eq!(max_age(&blocking), Some(target * 6), "a playlist that was waited for names itself");
    let skipping = shared().found(&format!("{VIDEO}?_HLS_skip=YES")).await;
    assert_eq!(max_age(&skipping), Some(target / 2), "what was not waited for names no state");
}

#[tokio::test]
async fn a_header_tells_how_far_a_media_playlist_has_come() {
    for (name, path) in one_of_each().await {
        let answer = shared().get(&path).await;
        let next = answer.header("x-playlist-next");
        if name.ends_with("playlist") {
            let (msn, part) = crate::support::playlist::parse(answer.text()).next_part();
            assert_eq!(next, format!("{msn}.{part}"), "P2: {name}");
        } else {
            assert_eq!(next, "", "{name}");
        }
    }
}

#[tokio::test]
async fn one_text_of_the_multivariant_playlist_is_shared_by_all() {
    shared().until_segments(VIDEO, 1).await;
    let same = crate::support::until("two requests within a segment", async || {
        let first = shared().found(INDEX).await;
        let known = [("if-none-match", first.header("etag"))];
        let second = shared().ask(Method::GET, INDEX, &known).await;
        (second.status.as_u16() == 304).then_some(first)
    })
    .await;
    assert!(same.text().contains("FRAME-RATE"), "{}", same.text());
}

#[tokio::test]
async fn gzip_is_the_same_text_in_fewer_bytes() {
    for path in [INDEX, VIDEO] {
        let plain = shared().found(path).await;
        let zipped = shared().ask(Method::GET, path, &[("accept-encoding", "gzip, br")]).await;
        assert_eq!(zipped.header("content-encoding"), "gzip", "{path}");
        assert_eq!(zipped.header("content-length"), zipped.body.len().to_string(), "{path}");
        let mut text = String::new();
        GzDecoder::new(&*zipped.body).read_to_string(&mut text).expect("gzip can be read");
        for answer in [&plain, &zipped] {
            assert_eq!(answer.header("vary"), "Accept-Encoding", "{path}");
        }
        assert_eq!(plain.header("content-encoding"), "", "{path}");
        // The list may have grown between the two requests, but not at its head.
        let head = |text: &str| text.lines().take(4).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(head(&text), head(plain.text()), "{path}");
        assert!(
            zipped.body.len() * 2 < text.len() || path == INDEX,
            "{} of {}",
            zipped.body.len(),
            text.len()
        );
    }
}

#[tokio::test]
async fn gzip_of_one_state_of_a_playlist_is_its_plain_text() {
    // The same state twice: between two parts there is time enough for two requests.
    let same = crate::support::until("both encodings of one state", || async {
        let next = shared().playlist(VIDEO).await.next_part();
        let path = format!("{VIDEO}?_HLS_msn={}&_HLS_part={}", next.0, next.1);
        let plain = shared().found(&path).await;
        let zipped = shared().ask(Method::GET, &path, &[("accept-encoding", "gzip")]).await;
        let mut text = String::new();
        GzDecoder::new(&*zipped.body).read_to_string(&mut text).expect("gzip can be read");
        // Reports of other playlists may have moved on without this one.
        let own = |text: &str| text.split("#EXT-X-RENDITION-REPORT").next().unwrap().to_owned();
        (own(&text) == own(plain.text())).then_some(text)
    })
    .await;
    assert!(same.starts_with("#EXTM3U\n"));
}

#[tokio::test]
async fn head_answers_like_get_without_a_body() {
    for (name, path) in one_of_each().await {
        let head = shared().ask(Method::HEAD, &path, &[]).await;
        let get = shared().get(&path).await;
        assert_eq!(head.status, get.status, "{name}");
        assert!(head.body.is_empty(), "{name}");
        for header in ["content-type", "cache-control", "access-control-allow-origin"] {
            assert_eq!(head.header(header), get.header(header), "{name}: {header}");
        }
        if !name.ends_with("playlist") && name != "multivariant" && name != "api" {
            assert_eq!(head.header("content-length"), get.header("content-length"), "{name}");
        }
    }
}

#[tokio::test]
async fn other_methods_are_refused_and_preflights_are_answered() {
    let put = shared().ask(Method::PUT, VIDEO, &[]).await;
    assert_eq!(put.status.as_u16(), 405);
    assert_eq!(put.header("allow"), "GET, HEAD, OPTIONS");
    let asks = [("origin", "https://example.org"), ("access-control-request-method", "GET")];
    let preflight = shared().ask(Method::OPTIONS, VIDEO, &asks).await;
    assert_eq!(preflight.status.as_u16(), 204);
    assert_eq!(preflight.header("access-control-allow-origin"), "*");
    for header in ["Range", "Authorization"] {
        assert!(preflight.header("access-control-allow-headers").contains(header), "{header}");
    }
}

#[tokio::test]
async fn a_range_of_a_playlist_is_the_whole_of_it() {
    let answer = shared().ask(Method::GET, VIDEO, &[("range", "bytes=0-9")]).await;
    assert_eq!(answer.status.as_u16(), 200);
    assert!(answer.body.len() > 200);
}
