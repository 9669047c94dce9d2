//! Cameras that send more than anybody asked for.

use belvedere::media::fmp4::SEGMENT_TYPE;

use crate::support::client::{Client, join};
use crate::support::site::{Site, camera, demo_camera, rendition};
use crate::support::{soon, until};

/// Bytes of this process in memory.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells of this process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a VmRSS");
    line.split_whitespace().next().and_then(|kib| kib.parse().ok()).map(|kib: u64| kib << 10).expect("KiB")
}

async fn reason(client: Client, camera: &str, words: &str) {
    until(words, async || {
        let camera = client.camera(camera).await;
        camera["reason"].as_str().is_some_and(|reason| reason.contains(words)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn frames_that_no_ring_takes_are_left_out_and_told_and_other_cameras_go_on() {
    let (flood, other) = (camera().await, camera().await);
    // 10 MB a picture.
    flood.faults().pad_pictures(10 << 20);
    let toml = format!(
        "limits.ring_bytes = \"8MiB\"\n{}{}",
        rendition("flood", "main", &flood.url("main"), "audio = \"off\""),
        demo_camera("other", &other)
    );
    let site = Site::start(&toml).await;
    reason(site.client, "flood", "lower the bit rate in the camera").await;
    assert_eq!(site.camera("flood").await["state"], "connecting");
    site.until_rendition("other", 0, "live").await;
    // Frames come and go; none stays.
    assert!(resident() < 1 << 30, "{} MiB", resident() >> 20);
    assert_eq!(site.counted("media_bytes", "flood", "main").await, 0, "nothing got into the ring");
    let [left_out, dropped] =
        ["frames_too_large", "frames_dropped"].map(|name| site.counted(name, "flood", "main"));
    let (left_out, dropped) = (left_out.await, dropped.await);
    assert!(left_out > 0 && dropped >= left_out, "{left_out} too large, {dropped} left out");
    // As soon as it behaves it is on air, without anybody's help.
    flood.faults().pad_pictures(0);
    site.until_rendition("flood", 0, "live").await;
    soon("the end", site.app.stop()).await;
}

#[tokio::test]
async fn a_flood_of_small_frames_keeps_within_the_ring() {
    const LIST: &str = "/hls/flood/main/dvr-video.m3u8";
    const RING: usize = 4 << 20;
    let flood = camera().await;
    // 100 Mbit/s.
    flood.faults().pad_pictures(500_000);
    let toml = format!(
        "limits.ring_bytes = {RING}\ningest.stall_timeout = \"1s\"\n{}",
        rendition("flood", "main", &flood.url("main"), "audio = \"off\"")
    );
    let site = Site::start(&toml).await;
    let first = site.until_segments(LIST, 1).await;
    // No segment is more than a quarter of the ring: it has had to let go of many times what it holds.
    until("many segments that are gone", async || {
        let now = site.playlist(LIST).await;
        (now.msn >= first.msn.map(|msn| msn + 40)).then_some(())
    })
    .await;
    assert_eq!(site.camera("flood").await["state"], "live");
    let early = site.counted("segments_evicted_early", "flood", "main").await;
    assert!(early >= 40, "it is told that {early} left before their time");
    // Nothing comes any more, so that what there is can be counted.
    flood.faults().stall(true);
    until("the end of the flood", async || {
        (site.camera("flood").await["renditions"][0]["state"] != "live").then_some(())
    })
    .await;
    let kept = site.playlist(LIST).await;
    let mut bytes = 0;
    for segment in &kept.segments {
        bytes += site.found(&join(LIST, &segment.uri)).await.body.len();
    }
    // Each segment begins with a box that is no part of the ring.
    let most = RING + kept.segments.len() * SEGMENT_TYPE.len();
    assert!((RING / 2..=most).contains(&bytes), "{bytes} bytes in {} segments", kept.segments.len());
    for gone in [&first, &kept] {
        let msn = gone.msn.unwrap() - 1;
        let uri = kept.segments[0].uri.replace(&kept.msn.unwrap().to_string(), &msn.to_string());
        assert_eq!(site.status(&join(LIST, &uri)).await, 404, "{uri}");
    }
    soon("the end", site.app.stop()).await;
}

/// A camera that has been live begins a picture and does not end it, at 100 Mbit/s.
async fn floods_without_an_end(stall_timeout: &str) {
    let flood = camera().await;
    let toml = format!(
        "ingest.stall_timeout = \"{stall_timeout}\"\n{}",
        rendition("flood", "main", &flood.url("main"), "audio = \"off\"")
    );
    let site = Site::start(&toml).await;
    site.until_rendition("flood", 0, "live").await;
    flood.faults().pad_pictures(500_000);
    flood.faults().endless_pictures(true);
    reason(site.client, "flood", "a picture of more than 32 MiB that does not end").await;
    assert!(resident() < 1 << 30, "{} MiB", resident() >> 20);
    flood.faults().endless_pictures(false);
    flood.faults().pad_pictures(0);
    site.until_rendition("flood", 0, "live").await;
    soon("the end", site.app.stop()).await;
}

#[tokio::test]
async fn a_picture_without_an_end_is_bounded_and_told_and_forgiven_however_long_silence_may_last() {
    tokio::join!(floods_without_an_end("1s"), floods_without_an_end("10m"));
}

/// Waits for a reason other than none: the first thing that is told.
async fn first_reason(client: Client, camera: &str) -> String {
    until("a reason", async || {
        let camera = client.camera(camera).await;
        camera["reason"].as_str().filter(|reason| !reason.is_empty()).map(str::to_owned)
    })
    .await
}

#[tokio::test]
async fn a_picture_that_grows_slowly_is_noticed_by_time_and_whoever_did_it_once_is_measured_ever_after() {
    let flood = camera().await;
    let toml =
        format!("ingest.stall_timeout = \"10m\"\n{}", rendition("flood", "main", &flood.url("sub"), ""));
    let site = Site::start(&toml).await;
    site.until_rendition("flood", 0, "live").await;
    // A few packets a picture, beside the sound: thousands of them would take minutes.
    flood.faults().endless_pictures(true);
    let reason = first_reason(site.client, "flood").await;
    assert!(reason.contains("the next one is measured"), "{reason}");
    flood.faults().endless_pictures(false);
    // Not to wait for the first picture of the session that measures.
    flood.faults().drop_connections();
    site.until_rendition("flood", 0, "live").await;
    flood.faults().pad_pictures(500_000);
    flood.faults().endless_pictures(true);
    let reason = first_reason(site.client, "flood").await;
    assert!(reason.contains("more than 32 MiB that does not end"), "it was not measured: {reason}");
    soon("the end", site.app.stop()).await;
}
