//! Cameras of another make at one end, a player of another make at the other.

use crate::support::gst::{Camera, ffmpeg_is_content};
use crate::support::media::VIDEO;
use crate::support::site::{Site, rendition};
use crate::support::socket::Socket;
use crate::support::tls::Certificate;

/// ffmpeg, for ten seconds, on the camera's multivariant playlist.
async fn plays_in_ffmpeg(site: &Site, camera: &str) {
    site.until_rendition(camera, 0, "live").await;
    // It knows no parts: without a finished segment it finds nothing at all.
    for track in ["video", "audio"] {
        site.until_segments(&format!("/hls/{camera}/main/{track}.m3u8"), 1).await;
    }
    ffmpeg_is_content(format!("http://{}/hls/{camera}/index.m3u8", site.address), 10).await;
}

#[tokio::test]
async fn ffmpeg_plays_a_gstreamer_camera_over_tcp_and_over_udp_without_a_complaint() {
    let camera = Camera::start(&["--fps", "25", "--gop", "50"]);
    let url = camera.url("main");
    let site = Site::start(
        &(rendition("tcp", "main", &url, "") + &rendition("udp", "main", &url, "transport = \"udp\"")),
    )
    .await;
    tokio::join!(plays_in_ffmpeg(&site, "tcp"), plays_in_ffmpeg(&site, "udp"));
    for name in ["tcp", "udp"] {
        let entry = site.camera(name).await["renditions"][0].clone();
        let codecs = entry["codecs"].as_str().expect("codecs");
        assert!(codecs.starts_with("avc1.42") && codecs.ends_with("mp4a.40.2"), "{codecs}");
        assert_eq!((entry["width"].as_u64(), entry["height"].as_u64()), (Some(640), Some(360)));
    }
    site.app.stop().await;
}

#[tokio::test]
async fn ffmpeg_plays_a_camera_with_b_pictures_and_its_decode_times_only_rise() {
    let camera = Camera::start(&["--fps", "25", "--gop", "50", "--bframes", "2"]);
    let site = Site::start(&rendition("cam", "main", &camera.url("main"), "")).await;
    tokio::join!(plays_in_ffmpeg(&site, "cam"), decode_times_rise_and_pictures_are_reordered(&site));
    site.app.stop().await;
}

async fn decode_times_rise_and_pictures_are_reordered(site: &Site) {
    site.until_rendition("cam", 0, "live").await;
    let mut socket = Socket::open(site.address, "/mse/cam").await.expect("it opens");
    socket.text("init").await;
    socket.init().await;
    let (mut last, mut highest, mut reordered) = (None, i64::MIN, 0);
    let mut pictures = 0;
    while pictures < 125 {
        let chunk = socket.chunk().await;
        if chunk.track != VIDEO {
            continue;
        }
        assert!(last.is_none_or(|last| chunk.start > last), "{} after {last:?}", chunk.start);
        last = Some(chunk.start);
        reordered += usize::from(chunk.presentation() < highest);
        highest = highest.max(chunk.presentation());
        pictures += 1;
    }
    assert!(reordered > 30, "{reordered} of {pictures} pictures come before one that was sent earlier");
}

#[tokio::test]
async fn a_camera_that_asks_for_digest_is_watched_with_the_password_of_a_file() {
    let camera = Camera::start(&["--auth", "digest", "--user", "viewer", "--password", "hunter2"]);
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        format!("username = \"viewer\"\npassword_file = \"{}\"", path.display())
    };
    let (right, wrong) = (file("right", "hunter2\n"), file("wrong", "hunter3\n"));
    let url = camera.url("main");
    let in_url = url::Url::parse(&url.as_str().replace("rtsp://", "rtsp://viewer:hunter4@")).unwrap();
    let site = Site::start(
        &[
            rendition("right", "main", &url, &right),
            rendition("wrong", "main", &url, &wrong),
            rendition("in-url", "main", &in_url, ""),
        ]
        .concat(),
    )
    .await;
    site.until_rendition("right", 0, "live").await;
    let mut said = vec![site.found("/hls/right/index.m3u8").await.text().to_owned()];
    for name in ["wrong", "in-url"] {
        let entry = site.until_rendition(name, 0, "unauthorized").await;
        let reason = entry["reason"].as_str().expect("a reason");
        assert!(reason.contains("401") && reason.contains("password"), "{reason}");
        said.push(reason.to_owned());
    }
    said.push(site.found("/api/v1/cameras").await.text().to_owned());
    said.push(site.get("/readyz").await.text().to_owned());
    let all = said.join("\n");
    for secret in ["hunter", "viewer", "rtsp://"] {
        assert!(!all.contains(secret), "{secret} is nobody's business: {all}");
    }
    site.app.stop().await;
}

#[tokio::test]
async fn nothing_is_told_of_the_password_while_viewers_wait_in_vain() {
    let camera = Camera::start(&["--auth", "digest", "--user", "viewer", "--password", "hunter2"]);
    let url =
        url::Url::parse(&camera.url("main").as_str().replace("rtsp://", "rtsp://viewer:hunter5@")).unwrap();
    let site =
        Site::start(&format!("hls.start_timeout = \"1s\"\n{}", rendition("cam", "main", &url, ""))).await;
    site.until_rendition("cam", 0, "unauthorized").await;
    let answer = site.get("/hls/cam/index.m3u8").await;
    assert_eq!(answer.status.as_u16(), 503);
    assert_eq!(answer.header("retry-after"), "1");
    assert!(
        answer.text().contains("not delivering") && !answer.text().contains("hunter"),
        "{}",
        answer.text()
    );
    let mut socket = Socket::open(site.address, "/mse/cam").await.expect("it opens");
    let status = socket.text("status").await;
    assert!(!status.to_string().contains("hunter"), "{status}");
    site.app.stop().await;
}

#[tokio::test]
async fn a_gstreamer_camera_behind_tls_is_watched_with_a_password_over_tcp_and_over_udp() {
    let certificate = Certificate::of("localhost");
    let [cert, key, _] = certificate.files().map(|file| file.display().to_string());
    let camera =
        Camera::start(&["--gop", "25", "--size", "320x180", "--auth", "digest", "--tls", &cert, &key]);
    let mut url = camera.url("main");
    url.set_scheme("rtsps").unwrap();
    url.set_host(Some("localhost")).unwrap();
    let login = format!("username = \"viewer\"\npassword = \"secret\"\ntls_ca = \"{cert}\"\n");
    let site = Site::start(
        &(rendition("tcp", "main", &url, &login)
            + &rendition("udp", "main", &url, &(login.clone() + "transport = \"udp\""))
            + &rendition("stranger", "main", &url, &login.replace("secret", "guess"))),
    )
    .await;
    for name in ["tcp", "udp"] {
        let entry = site.until_rendition(name, 0, "live").await;
        assert_eq!(entry["width"], 320, "{entry}");
    }
    site.until_rendition("stranger", 0, "unauthorized").await;
    site.app.stop().await;
}
