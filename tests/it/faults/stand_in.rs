//! One rendition of a camera goes away, and the others go on.

use belvedere::demo;
use futures_util::future::join_all;

use crate::support::checker::assert_good;
use crate::support::client::{STANDS_IN, join};
use crate::support::playlist::Playlist;
use crate::support::site::{Site, camera, demo_camera, rendition};
use crate::support::{soon, until};

const INDEX: &str = "/hls/cam/index.m3u8";
const MAIN: &str = "/hls/cam/main/video.m3u8";
const SUB: &str = "/hls/cam/sub/video.m3u8";

/// The streams of two cameras as renditions of one, so that each can go alone.
async fn of_two(main: &demo::Server, sub: &demo::Server) -> Site {
    let toml =
        rendition("cam", "main", &main.url("main"), "") + &rendition("cam", "sub", &sub.url("sub"), "");
    let site = Site::start(&toml).await;
    until_listed(&site, &["main", "sub"]).await;
    site
}

/// Waits until the multivariant playlist names the pictures of these renditions, the sound of the first, and no others.
async fn until_listed(site: &Site, names: &[&str]) {
    until_listed_in(site, INDEX, names).await;
}

async fn until_listed_in(site: &Site, index: &str, names: &[&str]) {
    until(&format!("{names:?} in one list"), async || {
        let answer = site.found(index).await;
        let lists = answer.text().matches(".m3u8").count() == names.len() + 1;
        let named = |name: &&str| answer.text().contains(&format!("{name}/video.m3u8"));
        let sound = answer.text().contains(&format!("{}/audio.m3u8", names[0]));
        (lists && sound && names.iter().all(named)).then_some(())
    })
    .await;
}

fn is_gone(camera: &demo::Server, gone: bool) {
    camera.faults().refuse(gone.then_some(503));
    camera.faults().drop_connections();
}

/// The discontinuity number of the newest segment.
fn stretch(playlist: &Playlist) -> u64 {
    let breaks: u64 = playlist.all().map(|segment| segment.discontinuities).sum();
    playlist.discontinuity_sequence.unwrap() + breaks
}

#[tokio::test]
async fn lists_of_a_rendition_that_is_down_are_refused_while_another_one_stands_in() {
    let (main, sub) = (camera().await, camera().await);
    let site = of_two(&main, &sub).await;
    let client = site.client;
    let mut seen = vec![client.until_segments(MAIN, 2).await];
    let (msn, part) = seen[0].next_part();
    let known = site.playlist(&format!("{MAIN}?_HLS_msn={msn}&_HLS_part={part}")).await;
    // Waits for what does not come, and is told so long before its time is over.
    let next = known.next_msn() + 1;
    let waiting = tokio::spawn(async move { client.get(&format!("{MAIN}?_HLS_msn={next}")).await });
    // Connections are taken in order: once this one is answered, the other was taken.
    tokio::task::yield_now().await;
    site.found("/livez").await;
    is_gone(&main, true);
    let mut refusals = vec![waiting.await.unwrap()];
    // What it waits for may have come in the last moment.
    refusals.retain(|answer| answer.status != 200);
    for list in ["video", "dvr-video"] {
        for query in ["", "?_HLS_msn=1", "?_HLS_skip=YES"] {
            let path = format!("/hls/cam/main/{list}.m3u8{query}");
            refusals.push(
                until(&format!("a refusal of {path}"), async || {
                    let answer = site.get(&path).await;
                    (answer.status == 503).then_some(answer)
                })
                .await,
            );
        }
    }
    for refusal in refusals {
        assert_eq!(refusal.status.as_u16(), 503);
        assert!(refusal.text().contains(STANDS_IN), "{}", refusal.text());
        assert_eq!((refusal.header("retry-after"), refusal.header("cache-control")), ("1", "no-store"));
        assert_eq!(refusal.header("access-control-allow-origin"), "*");
    }
    let media = join(MAIN, &known.segments.last().expect("a segment").uri);
    site.found(&media).await;

    // New players are not sent there, and those of the other rendition notice nothing.
    until_listed(&site, &["sub"]).await;
    for list in [SUB, "/hls/cam/sub/audio.m3u8"] {
        let before = site.playlist(list).await;
        let (msn, part) = before.next_part();
        let after = site.playlist(&format!("{list}?_HLS_msn={msn}&_HLS_part={part}")).await;
        assert!(after.next_part() > (msn, part) && stretch(&after) == stretch(&before), "{}", after.text);
    }

    is_gone(&main, false);
    let back = until("the rendition that was down", async || client.playlist_or_stand_in(MAIN).await).await;
    assert!(back.next_msn() >= known.next_msn(), "{}", back.text);
    seen.extend([known, back]);
    let broken = until("a break", async || {
        let playlist = site.playlist(MAIN).await;
        seen.push(playlist.clone());
        playlist.segments.iter().any(|segment| segment.discontinuities > 0).then_some(playlist)
    });
    let broken = broken.await;
    assert_good("a rendition that came back", &seen);
    let alike = until("the same number in the other rendition", async || {
        let playlist = site.playlist(SUB).await;
        (stretch(&playlist) == stretch(&broken)).then_some(playlist)
    });
    assert_eq!(alike.await.all().map(|segment| segment.discontinuities).sum::<u64>(), 1);
    until_listed(&site, &["main", "sub"]).await;
    soon("the end", site.app.stop()).await;
}

#[tokio::test]
async fn sound_of_a_rendition_that_is_down_goes_on_with_that_of_another_one_or_with_silence() {
    let (main, sub) = (camera().await, camera().await);
    let toml = rendition("cam", "main", &main.url("main"), "")
        + &rendition("cam", "sub", &sub.url("sub"), "")
        + &rendition("mute", "main", &main.url("main"), "")
        + &rendition("mute", "sub", &sub.url("sub"), "audio = \"off\"\n");
    let site = Site::start(&toml).await;
    until_listed(&site, &["main", "sub"]).await;
    until_listed_in(&site, "/hls/mute/index.m3u8", &["main", "sub"]).await;
    let lists = ["/hls/cam/main/audio.m3u8", "/hls/mute/main/audio.m3u8"];
    let before = join_all(lists.map(|list| site.until_segments(list, 2))).await;
    is_gone(&main, true);
    site.until_rendition("cam", 0, "retrying").await;
    let follow = async |list: &str, mut seen: Vec<Playlist>, ended: &dyn Fn(&[Playlist]) -> bool| {
        // As players do: each part is asked for as soon as the one before is there.
        while !ended(&seen) {
            let (msn, part) = seen.last().expect("one").next_part();
            seen.push(site.playlist(&format!("{list}?_HLS_msn={msn}&_HLS_part={part}")).await);
        }
        seen
    };
    let go_on = |seen: &[Playlist]| {
        let first = seen[0].segments.last().expect("a segment").msn;
        seen.last().is_some_and(|newest| newest.next_msn() > first + 6)
    };
    let seen = join_all(lists.iter().zip(before).map(|(list, one)| follow(list, vec![one], &go_on))).await;
    for (list, seen) in lists.iter().zip(&seen) {
        assert_good(&format!("{list} without its pictures"), seen);
        let newest = seen.last().expect("some");
        assert_eq!(stretch(newest), stretch(&seen[0]), "{}", newest.text);
        assert!(newest.segments.iter().all(|segment| !segment.gap), "{}", newest.text);
        let last = newest.segments.last().expect("a segment");
        for uri in [&last.uri, last.map.as_ref().expect("an init")] {
            site.found(&join(list, uri)).await;
        }
    }
    is_gone(&main, false);
    let back = |seen: &[Playlist]| {
        let newest = seen.last().expect("one");
        newest.segments.iter().any(|segment| segment.discontinuities > 0)
    };
    for (list, seen) in lists.iter().zip(seen) {
        let seen = follow(list, seen, &back).await;
        assert_good(&format!("{list} with its pictures again"), &seen);
    }
    soon("the end", site.app.stop()).await;
}

#[tokio::test]
async fn a_camera_that_is_away_as_a_whole_keeps_its_lists() {
    let camera = camera().await;
    let toml = demo_camera("cam", &camera) + &rendition("one", "main", &camera.url("main"), "");
    let site = Site::start(&toml).await;
    site.until_rendition("cam", 1, "live").await;
    let lists = [MAIN, SUB, "/hls/one/main/video.m3u8"];
    join_all(lists.map(|list| site.until_segments(list, 1))).await;
    is_gone(&camera, true);
    for (camera, index) in [("cam", 0), ("cam", 1), ("one", 0)] {
        site.until_rendition(camera, index, "retrying").await;
    }
    for list in lists {
        let playlist = site.playlist(list).await;
        assert!(!playlist.segments.is_empty() && !playlist.ended, "{list}: {}", playlist.text);
    }
    // What has no other rendition to turn to is never refused.
    let mut answers = 0;
    is_gone(&camera, false);
    until("pictures again", async || {
        answers += 1;
        let playlist = site.playlist("/hls/one/main/video.m3u8").await;
        playlist.segments.iter().any(|segment| segment.discontinuities > 0).then_some(())
    })
    .await;
    assert!(answers > 1);
    soon("the end", site.app.stop()).await;
}
