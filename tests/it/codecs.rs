//! Each way in which cameras write sound, from a camera of another make to players of another make.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::join_all;
use tokio_tungstenite::tungstenite::Message;

use crate::support::checker::check_with_jitter;
use crate::support::ffmpeg::{decodes, read_by};
use crate::support::gst::{Camera, ffmpeg_is_content};
use crate::support::media::{self, VIDEO};
use crate::support::playlist::Playlist;
use crate::support::recording::reloads;
use crate::support::site::{Site, camera, rendition};
use crate::support::socket::Socket;
use crate::support::soon;

/// The feed's announcement and the bytes behind it, until `pictures` have come.
pub async fn feed(site: &Site, camera: &str, pictures: usize) -> (serde_json::Value, Vec<u8>) {
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
pub async fn sound_of(bytes: Vec<u8>) -> (String, String, u64) {
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
    let kinds = [("pcma", "8000", 1), ("pcmu", "8000", 1), ("l16", "16000", 2), ("g722", "16000", 1)];
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
            decodes(bytes).await;
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
    let [camera, other] =
        ["opus", "g726"].map(|sound| Camera::start(&["--audio", sound, "--gop", "25", "--size", "320x180"]));
    let off = "audio = \"off\"";
    let site = Site::start(
        &(rendition("opus", "main", &camera.url("main"), "")
            + &rendition("off", "main", &camera.url("sub"), off)
            + &rendition("g726", "main", &other.url("main"), "")),
    )
    .await;
    let entry = site.until_rendition("g726", 0, "live").await;
    assert_eq!(
        entry["reason"],
        "plays without sound, since g726-32 cannot be carried: choose AAC or G.711 in the camera"
    );
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

/// Watches the sound of a camera that plays alone, as viewers of all kinds do; `sound` is its codec string.
async fn hear(site: &Site, camera: &str, sound: &str) {
    site.until_rendition(camera, 0, "live").await;
    let (init, bytes) = feed(site, camera, 60).await;
    let codecs = format!("avc1.42c015,{sound}");
    assert_eq!(init["mime"], format!("video/mp4; codecs=\"{codecs}\""), "{camera}");
    decodes(bytes).await;
    let multivariant = site.found(&format!("/hls/{camera}/index.m3u8")).await;
    assert!(multivariant.text().contains(&format!("CODECS=\"{codecs}\"")), "{}", multivariant.text());
    for track in ["video", "audio"] {
        let path = format!("/hls/{camera}/main/{track}.m3u8");
        site.until_segments(&path, 1).await;
        let followed = reloads(site.client, &path, Duration::from_secs(6)).await;
        let playlists: Vec<_> = followed.into_iter().map(|(_, _, playlist)| playlist).collect();
        // A still comes with every second frame of sound, whose packets hold some.
        let violations = check_with_jitter(&playlists, 64.0);
        assert!(violations.is_empty(), "{camera}, {track}: {violations:?}");
        assert!(playlists.iter().all(|playlist| playlist.segments.iter().all(|segment| !segment.gap)));
    }
    ffmpeg_is_content(format!("http://{}/hls/{camera}/index.m3u8", site.address), 4).await;
}

#[tokio::test]
async fn sound_plays_alone_where_that_is_asked_and_what_else_there_is_is_refused() {
    let jpeg = Camera::start(&["--codec", "jpeg", "--audio", "pcma", "--size", "320x180"]);
    let mute = Camera::start(&["--codec", "jpeg", "--audio", "off", "--size", "320x180"]);
    let demo = camera().await;
    let alone = "video = \"off\"";
    let site = Site::start(
        &(rendition("refused", "main", &jpeg.url("main"), "")
            + &rendition("mute", "main", &mute.url("main"), alone)
            + &rendition("flac", "main", &jpeg.url("main"), alone)
            + &rendition("aac", "main", &demo.url("main"), alone)),
    )
    .await;
    let reason = async |name| site.until_rendition(name, 0, "unsupported").await["reason"].clone();
    assert_eq!(
        reason("refused").await,
        "no H.264 or H.265 video: the camera offers jpeg video, pcma audio; set the video encoding of this stream to \
         H.264 in the camera, or have its sound played alone by video = \"off\""
    );
    assert_eq!(
        reason("mute").await,
        "no sound to play alone: the camera offers jpeg video; choose AAC or G.711 in the camera, or leave video = \
         \"off\" out"
    );
    tokio::join!(hear(&site, "flac", "fLaC"), hear(&site, "aac", "mp4a.40.2"));
    site.app.stop().await;
}

/// Pictures a second, pictures a GOP, and for how many seconds its playlist is watched: for long GOPs beyond the end of
/// the first.
const GOPS: [(&str, &str, u64); 4] =
    [("25", "1", 16), ("25", "500", 23), ("25", "1500", 16), ("1", "10", 16)];

/// How many parts with a key frame playlists have listed.
fn key_frames(playlists: &[Playlist]) -> usize {
    let segments = playlists.iter().flat_map(Playlist::all);
    let parts = segments.flat_map(|segment| &segment.parts).filter(|part| part.independent);
    parts.map(|part| &part.uri).collect::<HashSet<_>>().len()
}

#[tokio::test]
async fn key_frames_alone_one_a_minute_and_one_picture_a_second_are_served_alike() {
    let cameras = GOPS.map(|(fps, gop, _)| {
        Camera::start(&["--fps", fps, "--gop", gop, "--audio", "off", "--size", "320x180"])
    });
    let name = |(fps, gop, _): (&str, &str, u64)| format!("fps{fps}-gop{gop}");
    let tables = GOPS.iter().zip(&cameras);
    let tables = tables.map(|(gop, camera)| rendition(&name(*gop), "main", &camera.url("main"), ""));
    let site = Site::start(&tables.collect::<String>()).await;
    let wrongs = join_all(GOPS.map(|gop| {
        let (name, site) = (name(gop), &site);
        async move {
            site.until_rendition(&name, 0, "live").await;
            let path = format!("/hls/{name}/main/video.m3u8");
            let followed = reloads(site.client, &path, Duration::from_secs(gop.2)).await;
            let playlists: Vec<_> = followed.into_iter().map(|(_, _, playlist)| playlist).collect();
            let frame = 1000.0 / gop.0.parse::<f64>().expect("a number");
            let violations = check_with_jitter(&playlists, frame);
            let mut wrongs: Vec<_> = violations.iter().map(|wrong| format!("{name}: {wrong}")).collect();
            if gop.1 == "500" && key_frames(&playlists) < 2 {
                wrongs.push(format!("{name}: {} key frames were seen", key_frames(&playlists)));
            }
            // Whoever comes late has a picture at once: all that there is since the last key frame.
            let mut socket = Socket::open(site.address, &format!("/mse/{name}")).await.expect("it opens");
            socket.text("init").await;
            socket.init().await;
            if !socket.chunk().await.starts_picture() {
                wrongs.push(format!("{name}: the feed does not start with a key frame"));
            }
            wrongs
        }
    }))
    .await
    .concat();
    assert!(wrongs.is_empty(), "{}", wrongs.join("\n"));
    site.app.stop().await;
}
