//! What the log tells of HLS: one line for each thing that support needs to know.

use crate::support::program::Program;
use crate::support::site::{camera, demo_camera};
use crate::support::until;

const VIDEO: &str = "/hls/cam/main/video.m3u8";
const DVR: &str = "/hls/cam/main/dvr-video.m3u8";

#[tokio::test]
async fn a_viewer_and_a_ring_that_is_too_small_are_each_one_line() {
    let camera = camera().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("belvedere.toml");
    let toml = format!("hls.window = \"10m\"\nlimits.ring_bytes = \"1MiB\"\n{}", demo_camera("cam", &camera));
    std::fs::write(&path, toml).unwrap();
    let program = Program::start(&["serve", "--config", path.to_str().unwrap(), "--log", "info"]);
    let client = program.client;

    let first = client.until_segments(VIDEO, 1).await;
    for ahead in 0..3 {
        client.playlist(&format!("{VIDEO}?_HLS_msn={}", first.next_msn() + ahead)).await;
    }
    // The byte budget wins: a list of ten minutes loses its head after some seconds.
    let said = "less is kept than hls.window asks for, since limits.ring_bytes is used up";
    let main = || program.logged(&format!("cam/main: {said}"));
    until("a word about the ring", async || (!main().is_empty()).then_some(())).await;
    let short = client.playlist(DVR).await;
    let length = short.length();
    until("three more segments", async || {
        let now = client.playlist(DVR).await;
        (now.next_msn() >= short.next_msn() + 3).then_some(())
    })
    .await;
    let now = client.playlist(DVR).await;
    assert!(now.msn > short.msn && now.length() < length + 6.0, "{} s, then {} s", length, now.length());
    assert_eq!(main().len(), 1, "{}", program.log());
    assert_eq!(program.logged("iPhones play HLS at regular latency").len(), 1, "{}", program.log());
    let viewers = program.logged("HLS viewer");
    assert_eq!(viewers.len(), 1, "{}", program.log());
    assert!(viewers[0].contains("camera cam: HLS viewer of no name, HTTP/1.1, no TLS"), "{viewers:?}");
}
