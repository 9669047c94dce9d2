//! RTP over UDP, with what networks do to it.

use crate::support::checker::check_with_holes;
use crate::support::ffmpeg::plays;
use crate::support::media::VIDEO;
use crate::support::site::{Site, camera, rendition};
use crate::support::socket::{Event, Socket};
use crate::support::{soon, until};

/// Pictures that come one after the other; panics at the first break.
async fn unbroken(site: &Site, pictures: usize) {
    site.until_rendition("cam", 0, "live").await;
    let mut socket = Socket::open(site.address, "/mse/cam").await.expect("it opens");
    socket.text("init").await;
    socket.init().await;
    let (mut seen, mut end) = (0, None);
    while seen < pictures {
        match socket.next().await {
            Event::Chunk(chunk) if chunk.track == VIDEO => {
                assert!(end.is_none_or(|end| end == chunk.start), "a hole before {}", chunk.start);
                end = Some(chunk.end());
                seen += 1;
            }
            Event::Text(text) if text["type"] == "init" => panic!("a break: {text}"),
            Event::Closed(code, reason) => panic!("{code} {reason}"),
            _ => {}
        }
    }
}

#[tokio::test]
async fn packets_that_come_out_of_order_are_put_in_order() {
    let camera = camera().await;
    camera.faults().swap_packets(5);
    let site = Site::start(&rendition("cam", "main", &camera.url("main"), "transport = \"udp\"")).await;
    unbroken(&site, 75).await;
    let rendition = site.camera("cam").await["renditions"][0].clone();
    // Without order each fifth would be; one that is late on a busy machine may be.
    assert!(rendition["packets_lost"].as_u64() < Some(10), "{rendition}");
    soon("the end", site.app.stop()).await;
}

/// What a busy machine may lose by itself.
const OWN_LOSSES: u64 = 10;

#[tokio::test]
async fn packets_that_are_lost_are_counted_and_the_camera_stays_on_air_and_no_player_sees_what_they_damaged()
{
    const LISTS: [&str; 2] = ["/hls/cam/main/video.m3u8", "/hls/cam/main/audio.m3u8"];
    let camera = camera().await;
    let table = rendition("cam", "main", &camera.url("main"), "transport = \"udp\"");
    let site = Site::start(&format!("ingest.drop_until_sync = true\n{table}")).await;
    site.until_segments(LISTS[0], 1).await;
    let before = site.counted("packets_lost", "cam", "main").await;
    let faults = camera.faults();
    let mut lists: [Vec<_>; 2] = Default::default();
    // By chance, and what is left out of order.
    faults.swap_packets(7);
    faults.lose_packets(5);
    until("many losses", async || {
        for (list, path) in lists.iter_mut().zip(LISTS) {
            list.push(site.playlist(path).await);
        }
        (faults.lost() > 40).then_some(())
    })
    .await;
    faults.lose_packets(0);
    faults.swap_packets(0);
    let lost = faults.lost();
    // A key frame comes behind the last of them, and is all there.
    let frames = site.counted("frames", "cam", "main").await;
    let more = until("many frames more", async || {
        (site.counted("frames", "cam", "main").await > frames + 200).then_some(())
    });
    more.await;
    let counted = site.counted("packets_lost", "cam", "main").await - before;
    assert!((lost..=lost + OWN_LOSSES).contains(&counted), "{counted} are told, {lost} were lost");
    assert_eq!(site.camera("cam").await["state"], "live");
    assert_eq!(camera.counters().plays.get(), 1);
    // All goes on behind the next key frame.
    site.until_segments(LISTS[0], lists[0].last().expect("a look").segments.len() + 2).await;
    for (list, path) in lists.iter_mut().zip(LISTS) {
        list.push(site.playlist(path).await);
        // What is left out are two seconds at most: then it is a break.
        let violations = check_with_holes(list, 2_000.0);
        assert!(violations.is_empty(), "{path}: {violations:?}");
    }
    let last = lists.map(|list| list.into_iter().next_back().expect("a look"));
    let [video, audio] = last;
    let text = video.text.clone();
    let said = plays(site.client, &[(LISTS[0].into(), video), (LISTS[1].into(), audio)]).await;
    assert_eq!(said, "", "ffmpeg sees no broken reference in {text}");
    // Where no key frame comes through, the camera is not said to be live.
    faults.lose_packets(50);
    let told = until("pictures that are left out are told", async || {
        let entry = site.camera("cam").await["renditions"][0].clone();
        (entry["state"] == "connecting").then_some(entry["reason"].clone())
    });
    let told = told.await;
    let words = "waits for a key frame, since packets were lost";
    assert!(told.as_str().is_some_and(|told| told.contains(words)), "{told}");
    faults.lose_packets(0);
    assert_eq!(site.until_rendition("cam", 0, "live").await["reason"], "");
    assert_eq!(camera.counters().plays.get(), 1);
    soon("the end", site.app.stop()).await;
}
