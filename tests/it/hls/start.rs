//! The first moments of a camera.

use crate::support::site::{Site, camera, rendition};

#[tokio::test]
async fn the_first_playlist_has_a_finished_segment_for_players_that_know_no_parts() {
    let camera = camera().await;
    let site = Site::with_demo_camera(&camera, "").await;
    // These wait for the camera: nobody has to ask twice.
    let multivariant = site.found("/hls/cam/index.m3u8").await;
    assert!(multivariant.text().contains("main/video.m3u8"), "{}", multivariant.text());
    for path in ["/hls/cam/main/video.m3u8", "/hls/cam/main/audio.m3u8"] {
        let first = site.playlist(path).await;
        assert!(!first.segments.is_empty(), "{path}:\n{}", first.text);
    }
    site.app.stop().await;
}

#[tokio::test]
async fn a_viewer_who_comes_with_the_first_picture_gets_no_worse_promises_than_later_ones() {
    let camera = camera().await;
    let site = Site::with_demo_camera(&camera, "").await;
    // The promises are made now and kept for ever.
    site.found("/hls/cam/index.m3u8").await;
    let playlist = site.until_segments("/hls/cam/main/video.m3u8", 1).await;
    let (part, hold_back) = (playlist.part_target.unwrap(), playlist.part_hold_back.unwrap());
    assert_eq!((part, hold_back), (0.5, 1.5), "three part targets are enough:\n{}", playlist.text);
    site.app.stop().await;
}

#[tokio::test]
async fn a_camera_that_never_delivers_is_503_after_the_start_timeout() {
    let camera = camera().await;
    camera.faults().refuse(Some(503));
    let site = Site::with_demo_camera(&camera, "hls.start_timeout = \"1s\"").await;
    let paths = ["/hls/cam/index.m3u8", "/hls/cam/main/video.m3u8", "/hls/cam/main/audio.m3u8"];
    let answers = futures_util::future::join_all(paths.iter().map(|path| site.get(path))).await;
    for (path, answer) in paths.iter().zip(answers) {
        assert_eq!(answer.status.as_u16(), 503, "{path}");
        assert_eq!(answer.header("retry-after"), "1", "{path}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert!(answer.text().contains("camera cam is not delivering"), "{path}: {}", answer.text());
    }
    assert_eq!(site.status("/livez").await, 200);
    let ready = site.get("/readyz").await;
    assert_eq!(ready.status.as_u16(), 503);
    assert!(ready.text().contains("cam"), "{}", ready.text());
    site.app.stop().await;
}

#[tokio::test]
async fn a_camera_without_sound_is_served_as_picture_alone() {
    let camera = camera().await;
    let site = Site::start(&rendition("cam", "main", &camera.url("main"), "audio = \"off\"")).await;
    let text = site.found("/hls/cam/index.m3u8").await.text().to_owned();
    assert!(!text.contains("EXT-X-MEDIA") && !text.contains("mp4a") && !text.contains("AUDIO"), "{text}");
    site.until_segments("/hls/cam/main/video.m3u8", 1).await;
    assert_eq!(site.status("/hls/cam/main/audio.m3u8").await, 404);
    site.app.stop().await;
}

#[tokio::test]
async fn everything_moves_under_the_base_path() {
    let camera = camera().await;
    let toml =
        format!("server.base_path = \"/cams/\"\n{}", rendition("cam", "main", &camera.url("main"), ""));
    let site = Site::start(&toml).await;
    assert_eq!(
        site.found("/cams/hls/cam/index.m3u8").await.header("content-type"),
        "application/vnd.apple.mpegurl"
    );
    assert_eq!(site.status("/hls/cam/index.m3u8").await, 404);
    site.app.stop().await;
}
