//! Cameras that send more than anybody asked for.

use std::time::Duration;

use crate::support::client::Client;
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
    // As soon as it behaves it is on air, without anybody's help.
    flood.faults().pad_pictures(0);
    site.until_rendition("flood", 0, "live").await;
    soon("the end", site.app.stop()).await;
}

#[tokio::test]
async fn a_flood_of_small_frames_keeps_within_the_ring() {
    let flood = camera().await;
    // 100 Mbit/s.
    flood.faults().pad_pictures(500_000);
    let toml = format!(
        "limits.ring_bytes = \"4MiB\"\n{}",
        rendition("flood", "main", &flood.url("main"), "audio = \"off\"")
    );
    let site = Site::start(&toml).await;
    site.until_rendition("flood", 0, "live").await;
    let before = resident();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(resident() < before + (256 << 20), "{} to {} MiB", before >> 20, resident() >> 20);
    assert_eq!(site.camera("flood").await["state"], "live");
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
