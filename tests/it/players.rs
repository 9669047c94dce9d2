//! Players of other makes on a camera of another make: on its multivariant playlist, and on its file without an end.
//! (ffmpeg is in `gst`.) And VLC as a camera.

use crate::support::gst::{Camera, ffmpeg_is_content};
use crate::support::players::{VlcCamera, gstreamer_is_content, vlc_is_content, vlc_is_content_with_a_file};
use crate::support::site::{Site, rendition};
use crate::support::until;

/// Main and sub with sound, behind one multivariant playlist. There are as many segments as players like to be behind:
/// VLC, which knows no parts, runs dry at the edge of a list that is shorter.
async fn site(camera: &Camera) -> (Site, String) {
    let toml =
        rendition("cam", "main", &camera.url("main"), "") + &rendition("cam", "sub", &camera.url("sub"), "");
    let site = Site::start(&toml).await;
    for track in ["main/video", "main/audio", "sub/video", "sub/audio"] {
        site.until_segments(&format!("/hls/cam/{track}.m3u8"), 6).await;
    }
    let url = format!("http://{}/hls/cam/index.m3u8", site.address);
    (site, url)
}

#[tokio::test]
async fn gstreamer_and_vlc_play_a_camera_without_a_hole_or_a_complaint() {
    let camera = Camera::start(&["--fps", "25", "--gop", "50"]);
    let (site, url) = site(&camera).await;
    tokio::join!(gstreamer_is_content(&url, 12), vlc_is_content(&url, 300));
    site.app.stop().await;
}

#[tokio::test]
async fn gstreamer_and_vlc_play_a_camera_with_b_pictures() {
    let camera = Camera::start(&["--fps", "25", "--gop", "50", "--bframes", "2"]);
    let (site, url) = site(&camera).await;
    tokio::join!(gstreamer_is_content(&url, 12), vlc_is_content(&url, 300));
    site.app.stop().await;
}

#[tokio::test]
async fn vlc_is_a_camera_over_udp_and_over_tcp_it_is_told_to_be_none() {
    let camera = VlcCamera::start(include_bytes!("../../src/demo/clip/main.mp4"));
    let site = Site::start(
        &(rendition("udp", "main", &camera.url(), "transport = \"udp\"")
            + &rendition("tcp", "main", &camera.url(), "")),
    )
    .await;
    let entry = site.until_rendition("udp", 0, "live").await;
    assert_eq!((entry["width"].as_u64(), entry["height"].as_u64()), (Some(960), Some(540)), "{entry}");
    for track in ["video", "audio"] {
        site.until_segments(&format!("/hls/udp/main/{track}.m3u8"), 1).await;
    }
    ffmpeg_is_content(format!("http://{}/hls/udp/index.m3u8", site.address), 4).await;
    until("the advice", async || {
        let entry = site.camera("tcp").await;
        let reason = entry["reason"].as_str().unwrap_or_default().to_owned();
        reason.contains("does not offer this transport, try the other one").then_some(())
    })
    .await;
    site.app.stop().await;
}

#[tokio::test]
async fn vlc_plays_the_file_without_an_end_with_its_sound() {
    let camera = Camera::start(&["--fps", "25", "--gop", "50"]);
    let site = Site::start(&rendition("cam", "main", &camera.url("main"), "")).await;
    site.until_rendition("cam", 0, "live").await;
    let url = format!("http://{}/mp4/cam/live.mp4", site.address);
    vlc_is_content_with_a_file(&url, 250).await;
    site.app.stop().await;
}
