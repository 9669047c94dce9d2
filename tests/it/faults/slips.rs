//! Cameras whose packets lie: what cannot be read costs itself, and nothing else.

use belvedere::demo;

use super::lost::Watch;
use crate::codecs::feed;
use crate::support::ffmpeg::decodes;
use crate::support::site::{Site, camera, rendition};
use crate::support::{soon, until};

const VIDEO_LIST: &str = "/hls/cam/main/video.m3u8";

async fn site_of(camera: &demo::Server, more: &str) -> Site {
    Site::start(&format!("{more}\n{}", rendition("cam", "main", &camera.url("main"), ""))).await
}

#[tokio::test]
async fn a_torn_picture_costs_itself_and_sound_without_markers_nothing() {
    let camera = camera().await;
    camera.faults().forget_markers_of_sound(true);
    let site = site_of(&camera, "ingest.drop_until_sync = true").await;
    let mut watch = Watch::start(site.client, "cam").await;
    watch.until_epochs(1).await;
    // So that each picture takes several packets.
    camera.faults().pad_pictures(3_000);
    camera.faults().tear_pictures(60);
    // Each slip is followed by a hole up to a key frame.
    let (mut held, mut before) = (0, watch.last[0].clone().expect("a picture"));
    while held < 3 {
        if !watch.step().await {
            continue;
        }
        let picture = watch.last[0].clone().expect("a picture");
        if picture.presentation() - before.presentation() > 2 * 3_600 {
            held += 1;
            assert!(picture.starts_picture(), "{} is shown after a hole", picture.presentation());
        }
        before = picture;
    }
    assert_eq!(camera.counters().plays.get(), 1, "the session went on");
    assert_eq!(watch.epochs.len(), 1, "{:?}", watch.epochs);
    assert!(watch.last[1].is_some(), "there is sound");
    let entry = site.camera("cam").await["renditions"][0].clone();
    assert_eq!((entry["state"].as_str(), entry["reason"].as_str()), (Some("live"), Some("")));
    camera.faults().tear_pictures(0);
    let (_, bytes) = feed(&site, "cam", 50).await;
    decodes(bytes).await;
    soon("the end", site.app.stop()).await;
}

#[tokio::test]
async fn sound_that_cannot_be_read_is_told_of_and_the_picture_is_as_if_there_were_none() {
    let camera = camera().await;
    camera.faults().garble_sound(true);
    let site = site_of(&camera, "ingest.drop_until_sync = true").await;
    let mut watch = Watch::start(site.client, "cam").await;
    watch.until_epochs(1).await;
    let told = until("what is wrong with the sound", async || {
        let entry = site.camera("cam").await["renditions"][0].clone();
        (entry["reason"] != "").then_some(entry)
    })
    .await;
    assert_eq!(
        (told["state"].as_str(), told["reason"].as_str()),
        (
            Some("live"),
            Some(
                "plays without sound, since its packets cannot be read (a frame that is cut short): choose AAC or G.711 \
                 in the camera"
            )
        )
    );
    // Some seconds of pictures, none left out: neither the ten seconds of damage nor the holds of it.
    let mut before = watch.last[0].clone().expect("a picture").presentation();
    for _ in 0..250 {
        if watch.step().await {
            let now = watch.last[0].as_ref().expect("a picture").presentation();
            assert!(now - before <= 2 * 3_600, "a hole from {before} to {now}");
            before = now;
        }
    }
    assert_eq!(camera.counters().plays.get(), 1, "the session went on");
    // It has its voice back as soon as there is one.
    camera.faults().garble_sound(false);
    until("no complaint", async || (site.camera("cam").await["renditions"][0]["reason"] == "").then_some(()))
        .await;
    soon("the end", site.app.stop()).await;
}

#[tokio::test]
async fn parameter_sets_that_come_in_band_alone_are_enough() {
    let camera = camera().await;
    camera.faults().hide_parameter_sets(true);
    let site = site_of(&camera, "").await;
    let list = site.until_segments(VIDEO_LIST, 1).await;
    assert_eq!(list.segments.iter().map(|segment| segment.discontinuities).max(), Some(0));
    let (init, bytes) = feed(&site, "cam", 60).await;
    assert!(init["mime"].as_str().is_some_and(|mime| mime.contains("avc1.4d40")), "{init}");
    decodes(bytes).await;
    soon("the end", site.app.stop()).await;
}

#[tokio::test]
async fn key_frames_without_parameter_sets_are_told_from_pictures_without_key_frames() {
    let camera = camera().await;
    camera.faults().hide_parameter_sets(true);
    camera.faults().withhold_parameter_sets(true);
    let site = site_of(&camera, "").await;
    until("what is missing", async || {
        let entry = site.camera("cam").await["renditions"][0].clone();
        let reason = entry["reason"].as_str().expect("a reason");
        (entry["state"] == "connecting" && reason.contains("not the parameter sets (SPS, PPS)")).then_some(())
    })
    .await;
    // They may come at any time.
    camera.faults().withhold_parameter_sets(false);
    site.until_rendition("cam", 0, "live").await;
    assert_eq!(camera.counters().plays.get(), 1, "the session went on");
    soon("the end", site.app.stop()).await;
}
