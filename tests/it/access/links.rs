//! Access links in the hands of players that know nothing of them.

use std::collections::BTreeSet;

use hyper::Method;

use std::time::{Duration, SystemTime};

use super::{House, SECRET, signed, token, watch};
use crate::support::client::join;

/// All addresses in a playlist.
fn addresses(text: &str) -> Vec<String> {
    let attributes = text.split("URI=\"").skip(1).map(|rest| rest.split('"').next().unwrap());
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    attributes.chain(lines).map(str::to_owned).collect()
}

/// Follows every address from a playlist on; all that were asked for.
async fn follow(house: &House, first: &str) -> BTreeSet<String> {
    let (mut seen, mut left) = (BTreeSet::new(), vec![first.to_owned()]);
    while let Some(path) = left.pop() {
        if !seen.insert(path.clone()) {
            continue;
        }
        let answer = house.get(&path).await;
        // What has left the window meanwhile is gone, but not forbidden.
        assert!([200, 404].contains(&answer.status.as_u16()), "{path}: {:?}", answer.body);
        if answer.status == 200 && path.split('?').next().unwrap().ends_with(".m3u8") {
            let all = addresses(answer.text());
            assert!(!all.is_empty(), "{path}");
            left.extend(all.iter().map(|uri| join(&path, uri)));
        }
    }
    seen
}

#[tokio::test]
async fn every_address_in_a_playlist_keeps_the_token() {
    let house = House::start("").await;
    let token = token(watch("gate"));
    let prefix = format!("/t/{token}/hls/gate/");
    for first in [format!("{prefix}index.m3u8"), format!("{prefix}main/index.m3u8")] {
        let seen = follow(&house, &first).await;
        assert!(seen.len() > 10, "{seen:?}");
        assert!(seen.iter().all(|path| path.starts_with(&prefix)), "{seen:#?}");
    }
    // In a query it would be lost on the way: the addresses are made to hold it.
    for first in ["index.m3u8", "main/index.m3u8", "main/video.m3u8"] {
        let first = format!("/hls/gate/{first}?token={token}");
        let mut seen = follow(&house, &first).await;
        assert!(seen.remove(&first) && seen.len() > 5, "{seen:?}");
        assert!(seen.iter().all(|path| path.starts_with(&prefix)), "{seen:#?}");
    }
    let zipped = house
        .ask(Method::GET, &format!("/hls/gate/index.m3u8?token={token}"), &[("accept-encoding", "gzip")])
        .await;
    assert!(zipped.text().starts_with("#EXTM3U"), "it is not zipped");
}

#[tokio::test]
async fn shared_caches_keep_what_is_the_same_for_all_who_ask_at_that_address() {
    let house = House::start("[auth]\npublic = [\"hall\"]").await;
    let (token, other) = (token(watch("gate")), token(watch("hall")));
    let bearer = format!("Bearer {token}");
    let cookie = format!("belvedere_token={token}");
    let list = "hls/gate/main/video.m3u8";
    for (path, header, public) in [
        (format!("/t/{token}/{list}"), None, true),
        ("/hls/hall/main/video.m3u8".to_owned(), None, true),
        (format!("/t/{other}/hls/hall/main/video.m3u8"), None, true),
        // Whoever may not see it could get it from there.
        (format!("/{list}"), Some(("authorization", bearer.as_str())), false),
        (format!("/{list}"), Some(("cookie", cookie.as_str())), false),
        (format!("/{list}?token={token}"), None, false),
    ] {
        let answer = house.ask(Method::GET, &path, header.as_slice()).await;
        assert_eq!(answer.status, 200, "{path}");
        let cache = answer.header("cache-control");
        assert_eq!(cache.contains("public"), public, "{path}: {cache}");
        assert_eq!(cache.contains("private"), !public, "{path}: {cache}");
    }
    // The bytes are the same under every name.
    let list = "/hls/hall/main/video.m3u8";
    let segment = join(list, &house.playlist(list).await.segments[0].uri);
    let open = house.found(&segment).await;
    assert_eq!(house.found(&format!("/t/{other}{segment}")).await.body, open.body);
    assert_eq!(house.status("/t/nonsense/hls/hall/index.m3u8").await, 200, "public is public");
    assert_eq!(house.status("/hls/gate/index.m3u8").await, 401);
}

#[tokio::test]
async fn no_cache_keeps_anything_longer_than_its_link_is_good() {
    let house = House::start("").await;
    let (life, hour) = (Duration::from_secs(12), token(watch("gate")));
    let list = "/hls/gate/main/video.m3u8";
    let listed = house.playlist(&format!("/t/{hour}{list}")).await;
    let segment = join(list, &listed.segments.last().unwrap().uri);
    let age = |answer: &str| -> u64 {
        answer.split("max-age=").nth(1).unwrap().split(',').next().unwrap().parse().unwrap()
    };
    let long = house.found(&format!("/t/{hour}{segment}")).await;
    assert!(age(long.header("cache-control")) > life.as_secs(), "{}", long.header("cache-control"));
    let short = signed("new", SECRET, watch("gate"), SystemTime::now(), life);
    for path in [format!("/t/{short}{segment}"), format!("{segment}?token={short}")] {
        let answer = house.found(&path).await;
        let cache = answer.header("cache-control");
        assert!(age(cache) <= life.as_secs() && !cache.contains("immutable"), "{cache}");
    }
}
