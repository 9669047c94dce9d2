//! Many viewers behind a cache are hardly more than one to the server.

use std::collections::BTreeSet;

use crate::support::crowd::{Crowd, Seen};
use crate::support::hop::Hop;
use crate::support::proxy::{Make, Proxy};
use crate::support::site::{Site, camera, shared};
use crate::support::until;

/// Requests at the server for each part and each state of a playlist.
const MOST_REQUESTS: f64 = 1.1;

fn run(path: &str) -> &str {
    path.rsplit('/').nth(1).expect("media lies in the folder of its run")
}

/// What the viewers got is what the server gave, and none of them had a complaint.
fn assert_content(make: Make, seen: &Seen, hop: &Hop) {
    assert!(seen.complaints.is_empty(), "{make:?}:\n{:#?}", seen.complaints);
    let passed = hop.passed();
    for (path, texts) in &seen.playlists {
        assert!(texts.is_subset(&passed[path]), "{make:?}: {path} is not what the server gave");
    }
    for (path, bytes) in &seen.parts {
        assert!(passed[path].iter().eq([bytes]), "{make:?}: {path} is not what the server gave");
    }
}

async fn three_hundred_viewers_are_as_one(make: Make) {
    const PATH: &str = "/hls/demo/sub/video.m3u8";
    const VIEWERS: usize = 300;
    shared().until_segments(PATH, 2).await;
    let hop = Hop::start(shared().address).await;
    let cache = Proxy::start(make, hop.address).await;
    let crowd = Crowd::gather(cache.address, PATH, VIEWERS);
    until("twenty parts", async || (crowd.parts().len() >= 20).then_some(())).await;
    let seen = crowd.leave().await;
    let asked = hop.asked();

    assert_content(make, &seen, &hop);
    let requests = asked.iter().filter(|path| path.contains("_HLS_msn") || path.ends_with(".m4s")).count();
    // A blocked request stands for the one state of the playlist that it waits for.
    let states = seen.playlists.keys().filter(|path| path.contains("_HLS_msn")).count();
    let worth = (states + seen.parts.len()) as f64;
    let fewest = seen.loaded.iter().min().expect("there are viewers");
    let delays = seen.delays();
    let (median, longest) = (delays[delays.len() / 2], delays[delays.len() - 1]);
    let nearly_all = delays[delays.len() * 98 / 100];
    println!("{make:?}: {requests} requests for {states} playlists and {} parts", seen.parts.len());
    println!(
        "{make:?}: parts come {median:?} (half of the viewers), {nearly_all:?} (98 %), {longest:?} (all) after the \
         first viewer's"
    );
    assert!(
        requests as f64 <= MOST_REQUESTS * worth + 2.0,
        "{make:?}: {requests} requests for {worth}: {asked:#?}"
    );
    // Each part is a new state.
    assert!(states.abs_diff(seen.parts.len()) <= 4, "{make:?}: {states} states, {} parts", seen.parts.len());
    // Each viewer may be about to load the next one, and was late for the first.
    assert!(*fewest + 4 >= seen.parts.len(), "{make:?}: a viewer loaded {fewest} of {}", seen.parts.len());
    let log = cache.log();
    assert!(!["[error]", "[crit]", "[alert]", "[emerg]"].iter().any(|word| log.contains(word)), "{log}");
    // Names still stand for the same bytes at the server itself.
    for (path, bytes) in seen.parts.iter().rev().take(6) {
        assert_eq!(shared().found(path).await.body, bytes, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_hundred_viewers_behind_a_cache_are_as_one() {
    // One crowd after the other: two of them would wait for the machine and not for the server.
    three_hundred_viewers_are_as_one(Make::Nginx).await;
    three_hundred_viewers_are_as_one(Make::Varnish).await;
}

/// First the server starts anew, then what is before it: whatever either remembers, nobody gets old bytes under a new
/// name.
pub async fn viewers_outlive_both(make: Make, viewers: usize) {
    const PATH: &str = "/hls/cam/sub/video.m3u8";
    let camera = camera().await;
    let first = Site::with_demo_camera(&camera, "").await;
    // Whoever asks for it while the other one is on air for a second is sent there.
    first.until_rendition("cam", 1, "live").await;
    first.until_segments(PATH, 1).await;
    let hop = Hop::start(first.address).await;
    let mut cache = Proxy::start(make, hop.address).await;
    let crowd = Crowd::gather(cache.address, PATH, viewers);
    until("six parts", async || (crowd.parts().len() >= 6).then_some(())).await;

    crowd.bear_with_outage(true);
    first.app.stop().await;
    hop.lead_to(None);
    let old: BTreeSet<_> = crowd.parts();
    let second = Site::with_demo_camera(&camera, "").await;
    hop.lead_to(Some(second.address));
    let old_run = run(old.first().expect("parts")).to_owned();
    let all_are_back = async || crowd.last().values().all(|path| run(path) != old_run).then_some(());
    until("parts of the new run for everybody", all_are_back).await;

    // The cache too, with whatever of the old it still has.
    cache.restart().await;
    let before = crowd.parts();
    let all_go_on = async || crowd.last().values().all(|path| !before.contains(path)).then_some(());
    until("new parts for everybody", all_go_on).await;
    crowd.bear_with_outage(false);
    let count = crowd.parts().len();
    until("eight parts more", async || (crowd.parts().len() >= count + 8).then_some(())).await;
    let seen = crowd.leave().await;

    assert_content(make, &seen, &hop);
    let runs: BTreeSet<_> = seen.parts.keys().map(|path| run(path)).collect();
    assert_eq!(runs.len(), 2, "{make:?}: {runs:?}");
    for (path, bytes) in seen.parts.iter().filter(|(path, _)| run(path) != old_run).rev().take(6) {
        assert_eq!(second.found(path).await.body, bytes, "{path}");
    }
    let fewest = seen.loaded.iter().min().expect("there are viewers");
    assert!(*fewest >= 14, "{make:?}: a viewer loaded only {fewest} parts");
    second.app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn viewers_behind_a_cache_outlive_the_server_and_the_cache() {
    tokio::join!(viewers_outlive_both(Make::Nginx, 60), viewers_outlive_both(Make::Varnish, 60));
}
