//! The multivariant playlist.

use m3u8_rs::{AlternativeMediaType, MasterPlaylist};

use crate::support::client::join;
use crate::support::media;
use crate::support::recording::{recording, track};
use crate::support::site::shared;

const PATH: &str = "/hls/demo/index.m3u8";

async fn multivariant() -> MasterPlaylist {
    // Media playlists wait for a finished segment; only then is it known that segments start with sync samples.
    for name in ["main", "sub"] {
        shared().found(&format!("/hls/demo/{name}/video.m3u8")).await;
    }
    let answer = shared().found(PATH).await;
    assert_eq!(answer.header("content-type"), "application/vnd.apple.mpegurl");
    m3u8_rs::parse_master_playlist_res(&answer.body).expect("m3u8-rs reads it")
}

#[tokio::test]
async fn each_rendition_is_a_variant_and_all_share_one_group_of_sound() {
    let playlist = multivariant().await;
    assert!(playlist.independent_segments, "the demo's segments start with sync samples");
    let uris: Vec<_> = playlist.variants.iter().map(|variant| variant.uri.as_str()).collect();
    assert_eq!(uris, ["main/video.m3u8", "sub/video.m3u8"]);
    for (variant, (width, height)) in playlist.variants.iter().zip([(960, 540), (320, 180)]) {
        let resolution = variant.resolution.expect("RESOLUTION");
        assert_eq!((resolution.width, resolution.height), (width, height));
        let codecs = variant.codecs.as_deref().expect("CODECS");
        assert!(codecs.starts_with("avc1.4d40") && codecs.ends_with(",mp4a.40.2"), "{codecs}");
        // The same bits for all (RFC 8216bis 6.2.4): who changes the picture keeps the sound.
        let group = variant.audio.as_deref().expect("AUDIO");
        assert_eq!(group, "main");
        let sound: Vec<_> = playlist.alternatives.iter().filter(|sound| sound.group_id == group).collect();
        let [sound] = sound.as_slice() else { panic!("one rendition of sound in group {group}: {sound:?}") };
        assert_eq!(sound.media_type, AlternativeMediaType::Audio);
        assert_eq!(sound.uri.as_deref(), Some(format!("{group}/audio.m3u8").as_str()));
        assert!(sound.default && sound.autoselect && sound.language.is_some());
        assert_eq!(sound.channels.as_deref(), Some("1"));
    }
    assert_eq!(playlist.alternatives.len(), 1, "{:?}", playlist.alternatives);
}

#[tokio::test]
async fn every_uri_in_it_leads_to_a_playlist() {
    let playlist = multivariant().await;
    let sound = playlist.alternatives.iter().filter_map(|sound| sound.uri.as_deref());
    let all: Vec<_> = playlist.variants.iter().map(|variant| variant.uri.as_str()).chain(sound).collect();
    assert_eq!(all.len(), 3);
    for uri in all {
        assert!(shared().playlist(&join(PATH, uri)).await.target.is_some(), "{uri}");
    }
}

#[tokio::test]
async fn codecs_and_frame_rate_are_those_of_the_media() {
    tokio::task::spawn_blocking(recording).await.unwrap();
    let playlist = multivariant().await;
    for (variant, name) in playlist.variants.iter().zip(["main", "sub"]) {
        let track = track(&format!("/hls/demo/{name}/video.m3u8"));
        let init = media::init(track.bytes(track.last().open.map.as_deref().expect("a MAP")));
        let mp4_atom::Codec::Avc1(avc1) = &init.codecs[0] else { panic!("H.264: {init:?}") };
        let avcc = &avc1.avcc;
        let (profile, compatible, level) =
            (avcc.avc_profile_indication, avcc.profile_compatibility, avcc.avc_level_indication);
        let codecs = variant.codecs.as_deref().unwrap();
        assert!(codecs.starts_with(&format!("avc1.{profile:02x}{compatible:02x}{level:02x},")), "{codecs}");
        let rate = variant.frame_rate.expect("FRAME-RATE");
        assert!((24.0..=26.0).contains(&rate), "{rate} frames a second");
    }
}

#[tokio::test]
async fn the_bandwidth_is_no_less_than_what_is_sent() {
    tokio::task::spawn_blocking(recording).await.unwrap();
    let playlist = multivariant().await;
    for (variant, name) in playlist.variants.iter().zip(["main", "sub"]) {
        let rates = |name: &str, kind: &str| {
            let track = track(&format!("/hls/demo/{name}/{kind}.m3u8"));
            let rate = |segment: &crate::support::playlist::Segment| {
                track.bytes(&segment.uri).len() as f64 * 8.0 / segment.duration
            };
            let rates: Vec<f64> = track.last().segments.iter().map(rate).collect();
            (rates.iter().copied().fold(0.0, f64::max), rates.iter().sum::<f64>() / rates.len() as f64)
        };
        let ((video_peak, video), (audio_peak, audio)) = (rates(name, "video"), rates("main", "audio"));
        let (peak, average) = (video_peak + audio_peak, video + audio);
        let said = variant.bandwidth as f64;
        assert!(said >= peak, "{name}: {said} of {peak} bit/s");
        assert!(said <= 2.0 * peak, "{name}: {said} is far more than {peak} bit/s");
        let said = variant.average_bandwidth.expect("AVERAGE-BANDWIDTH") as f64;
        assert!((0.9..=1.1).contains(&(said / average)), "{name}: {said} of {average} bit/s on average");
    }
}
