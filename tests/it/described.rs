//! Cameras whose streams are coded in ways that few have, or described so.

use belvedere::demo;
use belvedere::ingest::Source;
use mp4_atom::Codec;

use crate::codecs::{feed, sound_of};
use crate::faults::Watch;
use crate::support::client::join;
use crate::support::ffmpeg::decodes;
use crate::support::gst::{Camera, ffmpeg_is_content};
use crate::support::media::{AUDIO, Chunk, VIDEO, init};
use crate::support::scripted::{Act, H264, Scripted, plain};
use crate::support::site::{Site, camera, rendition};
use crate::support::socket::Socket;
use crate::support::soon;
use crate::transport::{connect, source};

const VIDEO_LIST: &str = "/hls/cam/main/video.m3u8";

#[tokio::test]
async fn several_parameter_sets_in_one_stream_are_all_in_the_sample_entry_and_one_epoch() {
    let camera = camera().await;
    camera.faults().more_parameter_sets(true);
    let site = Site::start(&rendition("cam", "main", &camera.url("main"), "")).await;
    let mut watch = Watch::start(site.client, "cam").await;
    watch.until_epochs(1).await;
    // Several key frames, each of which brings all sets again.
    for _ in 0..200 {
        watch.step().await;
    }
    assert_eq!(watch.epochs.len(), 1, "{:?}", watch.epochs);
    let list = site.until_segments(VIDEO_LIST, 2).await;
    let segment = &list.segments[1];
    let map = site.found(&join(VIDEO_LIST, segment.map.as_deref().expect("a MAP"))).await.body;
    let Some(Codec::Avc1(entry)) = init(&map).codecs.into_iter().next() else { panic!("no avc1") };
    assert_eq!(entry.avcc.sequence_parameter_sets.len(), 2);
    assert_eq!(entry.avcc.picture_parameter_sets.len(), 2);
    let media = site.found(&join(VIDEO_LIST, &segment.uri)).await.body;
    decodes([map, media].concat()).await;
    soon("the end", site.app.stop()).await;
}

/// Says of the AAC of 32 kHz that it is the lower half of a sound of 64 kHz.
const HE_AAC: [u8; 4] = [0x2a, 0x89, 0x08, 0x00];

#[tokio::test]
async fn high_efficiency_aac_passes_through_and_is_called_so() {
    let options = demo::Options { audio_config: Some(HE_AAC.to_vec()), ..demo::Options::default() };
    let camera = demo::Server::start(options).await.expect("the demo camera starts");
    let site = Site::start(&rendition("cam", "main", &camera.url("sub"), "")).await;
    let entry = site.until_rendition("cam", 0, "live").await;
    assert_eq!(entry["reason"], "");
    let (announced, bytes) = feed(&site, "cam", 60).await;
    let mime = announced["mime"].as_str().expect("a type");
    assert!(mime.ends_with(",mp4a.40.5\""), "{mime}");
    let mut socket = Socket::open(site.address, "/mse/cam").await.expect("it opens");
    socket.text("init").await;
    let first = socket.init().await;
    let Some(Codec::Mp4a(entry)) = first.codecs.iter().find(|codec| matches!(codec, Codec::Mp4a(_))) else {
        panic!("no mp4a: {first:?}")
    };
    let config = entry.esds.es_desc.dec_config.dec_specific.as_ref().expect("a configuration");
    assert_eq!(config.raw, HE_AAC);
    let (codec, rate, _) = sound_of(bytes).await;
    assert_eq!((codec.as_str(), rate.as_str()), ("aac", "64000"));
    soon("the end", site.app.stop()).await;
}

/// How far the sound of 100 pictures has come, and the pictures, in seconds; the sound has no holes.
async fn lengths(site: &Site) -> [f64; 2] {
    let mut socket = Socket::open(site.address, "/mse/cam").await.expect("it opens");
    socket.text("init").await;
    let scale = f64::from(socket.init().await.timescale(AUDIO));
    let (mut sound, mut pictures) = (Vec::<Chunk>::new(), Vec::new());
    while pictures.len() < 100 {
        let chunk = socket.chunk().await;
        if chunk.track == VIDEO {
            pictures.push(chunk);
        } else {
            assert!(sound.last().is_none_or(|last| last.end() == chunk.start), "a hole at {}", chunk.start);
            sound.push(chunk);
        }
    }
    let length = |chunks: &[Chunk]| (chunks[chunks.len() - 1].end() - chunks[0].start) as f64;
    [length(&sound) / scale, length(&pictures) / 90_000.0]
}

#[tokio::test]
async fn aac_whose_clock_counts_what_the_decoder_makes_of_it_keeps_its_own_time() {
    // Twice as many ticks as samples: as those that make high efficiency known, and those that leave it to be found.
    for (config, name) in [(Some(HE_AAC.to_vec()), "mp4a.40.5"), (None, "mp4a.40.2")] {
        let options = demo::Options { audio_config: config, ..demo::Options::default() };
        let camera = demo::Server::start(options).await.expect("the demo camera starts");
        camera.faults().count_sound_by(64_000);
        let site = Site::start(&rendition("cam", "main", &camera.url("sub"), "")).await;
        let entry = site.until_rendition("cam", 0, "live").await;
        assert_eq!(entry["reason"], "", "{name}");
        let (announced, bytes) = feed(&site, "cam", 60).await;
        let mime = announced["mime"].as_str().expect("a type");
        assert!(mime.ends_with(&format!(",{name}\"")), "{mime}");
        if name == "mp4a.40.2" {
            assert_eq!(sound_of(bytes.clone()).await.1, "32000");
            decodes(bytes).await;
        }
        let [sound, pictures] = lengths(&site).await;
        assert!((sound - pictures).abs() < 0.2, "{sound} s of sound beside {pictures} s of pictures");
        soon("the end", site.app.stop()).await;
    }
}

#[tokio::test]
async fn sound_that_is_switched_off_is_neither_asked_for_nor_served() {
    let described = "
        m=audio 0 RTP/AVP 8
        a=rtpmap:8 PCMA/8000
        a=control:trackID=2";
    let scripted = Scripted::start(move |asked| match asked.method.as_str() {
        "DESCRIBE" => Act::sdp("", &format!("v=0\no=- 1 1 IN IP4 0.0.0.0\ns=cam\nt=0 0{H264}{described}")),
        _ => plain(asked),
    })
    .await;
    for (audio, setups) in [(true, 2), (false, 1)] {
        let before = scripted.of("SETUP").len();
        let session = connect(&Source { audio, ..source(scripted.url("s")) }).await.expect("it plays");
        assert_eq!(session.audio().is_some(), audio);
        assert_eq!(session.left_out(), None);
        assert_eq!(scripted.of("SETUP").len() - before, setups, "audio: {audio}");
    }

    let camera = camera().await;
    let site = Site::start(&rendition("cam", "main", &camera.url("main"), "audio = \"off\"")).await;
    let entry = site.until_rendition("cam", 0, "live").await;
    let codecs = entry["codecs"].as_str().expect("codecs");
    assert!(codecs.starts_with("avc1.") && !codecs.contains(','), "{codecs}");
    assert_eq!(entry["reason"], "", "who wants no sound needs no explanation");
    let multivariant = site.found("/hls/cam/index.m3u8").await;
    assert!(!multivariant.text().contains("EXT-X-MEDIA"), "{}", multivariant.text());
    assert_eq!(site.status("/hls/cam/main/audio.m3u8").await, 404);
    let (announced, _) = feed(&site, "cam", 1).await;
    assert!(announced["mime"].as_str().is_some_and(|mime| !mime.contains(',')), "{announced}");
    soon("the end", site.app.stop()).await;
}

/// The types of the NAL units in a sample that are slices, by `kind`.
fn slices(mut sample: &[u8], kind: fn(&[u8]) -> Option<u8>) -> Vec<u8> {
    let mut slices = Vec::new();
    while let Some((length, rest)) = sample.split_first_chunk::<4>() {
        let (nal, rest) = rest.split_at(u32::from_be_bytes(*length) as usize);
        slices.extend(kind(nal));
        sample = rest;
    }
    slices
}

/// Watches a camera as viewers of both kinds do; the entry of its init segment, and the slices of 30 pictures.
async fn watch_all(site: &Site, camera: &str, kind: fn(&[u8]) -> Option<u8>) -> (Codec, Vec<Vec<u8>>) {
    site.until_rendition(camera, 0, "live").await;
    let mut socket = Socket::open(site.address, &format!("/mse/{camera}")).await.expect("it opens");
    socket.text("init").await;
    let entry = socket.init().await.codecs.remove(0);
    let mut pictures = Vec::new();
    while pictures.len() < 30 {
        pictures.push(slices(&socket.chunk().await.samples[0].data, kind));
    }
    let (_, bytes) = feed(site, camera, 60).await;
    decodes(bytes).await;
    let list = format!("/hls/{camera}/main/video.m3u8");
    site.until_segments(&list, 1).await;
    ffmpeg_is_content(format!("http://{}{list}", site.address), 3).await;
    (entry, pictures)
}

#[tokio::test]
async fn high_profile_in_slices_and_h265_are_whole_for_every_player() {
    let common = ["--gop", "25", "--size", "320x180", "--audio", "off"];
    let [high, hevc] =
        [["--slices", "4"], ["--codec", "h265"]].map(|more| Camera::start(&[&common[..], &more].concat()));
    let site = Site::start(
        &(rendition("high", "main", &high.url("main"), "")
            + &rendition("hevc", "main", &hevc.url("main"), "")),
    )
    .await;
    let avc = |nal: &[u8]| Some(nal[0] & 31).filter(|kind| (1..=5).contains(kind));
    let hevc = |nal: &[u8]| Some(nal[0] >> 1 & 63).filter(|kind| *kind < 32);
    let (high, hevc) = tokio::join!(watch_all(&site, "high", avc), watch_all(&site, "hevc", hevc));
    let (Codec::Avc1(entry), pictures) = high else { panic!("no avc1") };
    assert_eq!(entry.avcc.avc_profile_indication, 100);
    assert_eq!(entry.avcc.ext, Some(mp4_atom::AvccExt::default()), "4:2:0 in 8 bits");
    assert!(pictures.iter().all(|slices| slices.len() >= 4), "{pictures:?}");
    assert_eq!(pictures[0], [5; 4], "it begins with a key frame");
    let (Codec::Hvc1(entry), pictures) = hevc else { panic!("no hvc1") };
    assert_eq!(entry.hvcc.arrays.iter().map(|array| array.nalus.len()).collect::<Vec<_>>(), [1, 1, 1]);
    assert_eq!((entry.visual.width, entry.visual.height), (320, 180));
    assert!((16..24).contains(&pictures[0][0]), "it begins with a key frame: {:?}", pictures[0]);
    soon("the end", site.app.stop()).await;
}
