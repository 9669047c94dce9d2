//! Each way in which cameras write sound, from a camera of another make to players of another make.

use std::process::Stdio;

use futures_util::StreamExt;
use futures_util::future::join_all;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio_tungstenite::tungstenite::Message;

use crate::support::gst::{Camera, ffmpeg_is_content};
use crate::support::media::{self, VIDEO};
use crate::support::site::{Site, rendition};
use crate::support::socket::Socket;
use crate::support::soon;

/// Runs a program of ffmpeg's on `bytes`; what it says. It must have nothing to complain about.
async fn read_by(program: &str, arguments: &[&str], bytes: Vec<u8>) -> String {
    let mut reader = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("this test needs {program}, of the package ffmpeg: {error}"));
    let mut input = reader.stdin.take().expect("stdin is piped");
    let feeding = tokio::spawn(async move { input.write_all(&bytes).await });
    let output = soon(program, reader.wait_with_output()).await.expect("it ends");
    // It may know enough before it has read all.
    let _ = feeding.await.expect("no panic");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{program} complains");
    assert!(output.status.success(), "{program}: {}", output.status);
    String::from_utf8(output.stdout).expect("text")
}

/// The feed's announcement and the bytes behind it, until `pictures` have come.
async fn feed(site: &Site, camera: &str, pictures: usize) -> (serde_json::Value, Vec<u8>) {
    let mut socket = Socket::open(site.address, &format!("/mse/{camera}")).await.expect("it opens");
    let init = socket.text("init").await;
    let (mut bytes, mut seen) = (Vec::new(), 0);
    while seen < pictures {
        let message = soon("a message", socket.stream.next()).await;
        if let Message::Binary(message) = message.expect("the socket stays open").expect("it works") {
            seen += usize::from(!media::is_init(&message) && media::one(&message).track == VIDEO);
            bytes.extend_from_slice(&message);
        }
    }
    (init, bytes)
}

/// What ffprobe finds in the sound of `bytes`: codec, rate, channels.
async fn sound_of(bytes: Vec<u8>) -> (String, String, u64) {
    let entries = "stream=codec_name,sample_rate,channels";
    let arguments = ["-v", "error", "-select_streams", "a", "-show_entries", entries, "-of", "json", "-"];
    let said: serde_json::Value =
        serde_json::from_str(&read_by("ffprobe", &arguments, bytes).await).expect("JSON");
    let stream = &said["streams"][0];
    let word = |name: &str| stream[name].as_str().unwrap_or_else(|| panic!("no {name}: {said}")).to_owned();
    (word("codec_name"), word("sample_rate"), stream["channels"].as_u64().expect("channels"))
}

#[tokio::test]
async fn telephone_sound_and_plain_samples_are_flac_for_every_player() {
    let kinds = [("pcma", "8000", 1), ("pcmu", "8000", 1), ("l16", "16000", 2)];
    let cameras =
        kinds.map(|(kind, _, _)| Camera::start(&["--audio", kind, "--gop", "25", "--size", "320x180"]));
    let tables = kinds
        .iter()
        .zip(&cameras)
        .map(|((kind, _, _), camera)| rendition(kind, "main", &camera.url("main"), ""));
    let site = Site::start(&tables.collect::<String>()).await;
    join_all(kinds.map(|(kind, rate, channels)| {
        let site = &site;
        async move {
            site.until_rendition(kind, 0, "live").await;
            let (init, bytes) = feed(site, kind, 60).await;
            let mime = init["mime"].as_str().expect("a type");
            assert!(mime.ends_with(",fLaC\""), "{kind}: {mime}");
            assert_eq!(sound_of(bytes.clone()).await, ("flac".to_owned(), rate.to_owned(), channels));
            let decode = ["-nostdin", "-v", "error", "-xerror", "-i", "-", "-f", "null", "-"];
            read_by("ffmpeg", &decode, bytes).await;
            for track in ["video", "audio"] {
                site.until_segments(&format!("/hls/{kind}/main/{track}.m3u8"), 1).await;
            }
            let multivariant = site.found(&format!("/hls/{kind}/index.m3u8")).await;
            assert!(multivariant.text().contains(",fLaC\""), "{kind}:\n{}", multivariant.text());
            ffmpeg_is_content(format!("http://{}/hls/{kind}/index.m3u8", site.address), 4).await;
        }
    }))
    .await;
    site.app.stop().await;
}

#[tokio::test]
async fn a_camera_whose_sound_cannot_be_carried_plays_without_it_and_the_api_says_so() {
    let camera = Camera::start(&["--audio", "opus", "--gop", "25", "--size", "320x180"]);
    let off = "audio = \"off\"";
    let site = Site::start(
        &(rendition("opus", "main", &camera.url("main"), "")
            + &rendition("off", "main", &camera.url("main"), off)),
    )
    .await;
    let entry = site.until_rendition("opus", 0, "live").await;
    assert_eq!(
        entry["reason"],
        "plays without sound, since opus cannot be carried: choose AAC or G.711 in the camera"
    );
    assert!(
        entry["codecs"].as_str().is_some_and(|codecs| codecs.starts_with("avc1.") && !codecs.contains(','))
    );
    // Who wants no sound needs no explanation.
    assert_eq!(site.until_rendition("off", 0, "live").await["reason"], "");
    site.app.stop().await;
}
