//! Cameras whose clock jumps, and cameras that leave pictures out.

use std::time::Duration;

use mp4_atom::Codec;

use super::lost::{Watch, until_discontinuity};
use crate::support::checker::assert_good;
use crate::support::client::join;
use crate::support::ffmpeg::{decodes, plays};
use crate::support::media::init;
use crate::support::playlist::Playlist;
use crate::support::site::{Site, camera, rendition};
use crate::support::{soon, until};

const VIDEO_LIST: &str = "/hls/cam/main/video.m3u8";

/// Panics unless ffmpeg plays all that was listed last, over its breaks, without a word.
async fn played_across(site: &Site, mut seen: Vec<Playlist>) {
    let last = seen.pop().expect("something was seen");
    let text = last.text.clone();
    assert_eq!(plays(site.client, &[(VIDEO_LIST.into(), last)]).await, "", "ffmpeg, of {text}");
}

#[tokio::test]
async fn a_jump_of_the_camera_s_clock_begins_a_new_epoch_and_time_still_goes_forward() {
    let camera = camera().await;
    let site = Site::with_demo_camera(&camera, "").await;
    site.until_segments(VIDEO_LIST, 1).await;
    let mut watch = Watch::start(site.client, "cam").await;
    watch.until_epochs(1).await;
    let before = watch.last[0].as_ref().expect("a picture").end();
    camera.faults().shift_rtp_time(Duration::from_secs(3600));
    let (seen, ()) = tokio::join!(until_discontinuity(site.client, VIDEO_LIST), watch.until_epochs(2));
    let after = watch.last[0].as_ref().expect("a picture").start;
    // An hour on the camera's clock is no hour of ours.
    assert!(after > before && after - before < 20 * 90_000, "from {before} to {after}");
    assert_good("a jump", &seen);
    played_across(&site, seen).await;
    assert_eq!(camera.counters().plays.get(), 2, "the sessions went on");
    soon("the end", site.app.stop()).await;
}

#[tokio::test]
async fn pictures_that_the_encoder_left_out_are_no_break() {
    let camera = camera().await;
    let site = Site::with_demo_camera(&camera, "").await;
    let mut watch = Watch::start(site.client, "cam").await;
    watch.until_epochs(1).await;
    camera.faults().skip_video_frames(5);
    // Decode times have no hole all the same: `step` sees to that.
    for _ in 0..150 {
        watch.step().await;
    }
    assert_eq!(watch.epochs.len(), 1);
    soon("the end", site.app.stop()).await;
}

#[tokio::test]
async fn other_parameters_in_mid_stream_are_a_discontinuity_with_a_map_of_its_own_and_a_new_init() {
    let camera = camera().await;
    let site = Site::with_demo_camera(&camera, "").await;
    site.until_segments(VIDEO_LIST, 1).await;
    let mut watch = Watch::start(site.client, "cam").await;
    watch.until_epochs(1).await;
    camera.faults().swap_pictures(true);
    let (seen, ()) = tokio::join!(until_discontinuity(site.client, VIDEO_LIST), watch.until_epochs(2));
    assert_good("other parameters", &seen);
    let last = seen.last().expect("something was seen");
    let at = last.segments.iter().position(|segment| segment.discontinuities > 0).expect("a discontinuity");
    let maps = last.segments[at - 1..=at].iter().map(|segment| segment.map.clone().expect("a MAP"));
    let maps: Vec<String> = maps.map(|uri| join(VIDEO_LIST, &uri)).collect();
    assert_ne!(maps[0], maps[1]);
    for (map, width) in maps.iter().zip([960, 320]) {
        let init = init(&site.found(map).await.body);
        let Some(Codec::Avc1(entry)) = init.codecs.first() else { panic!("no avc1: {init:?}") };
        assert_eq!(entry.visual.width, width, "{map}");
    }
    assert_eq!(camera.counters().plays.get(), 2, "the sessions went on");
    // The media itself is sound on both sides of the break. (ffmpeg keeps to the first init segment of a playlist.)
    for (segments, map) in [&last.segments[..at], &last.segments[at..]].into_iter().zip(&maps) {
        let mut stretch = site.found(map).await.body.to_vec();
        for segment in segments {
            stretch.extend(site.found(&join(VIDEO_LIST, &segment.uri)).await.body);
        }
        decodes(stretch).await;
    }
    soon("the end", site.app.stop()).await;
}

#[tokio::test]
async fn parameters_that_change_and_change_back_leave_three_stretches_that_play_from_end_to_end() {
    let camera = camera().await;
    let site = Site::start(&rendition("cam", "main", &camera.url("main"), "")).await;
    site.until_segments(VIDEO_LIST, 1).await;
    let mut watch = Watch::start(site.client, "cam").await;
    watch.until_epochs(1).await;
    for (on, epochs) in [(true, 2), (false, 3)] {
        camera.faults().swap_pictures(on);
        watch.until_epochs(epochs).await;
    }
    assert_eq!(watch.epochs.len(), 3, "one at each change: {:?}", watch.epochs);
    let list = until("a segment behind both changes", async || {
        let list = site.playlist(VIDEO_LIST).await;
        let breaks: u64 = list.segments.iter().map(|segment| segment.discontinuities).sum();
        (breaks == 2).then_some(list)
    })
    .await;
    // ffmpeg takes no second MAP in one go.
    let mut stretches: Vec<(String, Vec<u8>)> = Vec::new();
    for segment in &list.segments {
        let map = join(VIDEO_LIST, segment.map.as_deref().expect("a MAP"));
        if stretches.last().is_none_or(|(last, _)| *last != map) {
            let init = site.found(&map).await.body.to_vec();
            stretches.push((map, init));
        }
        let media = site.found(&join(VIDEO_LIST, &segment.uri)).await.body;
        stretches.last_mut().expect("just pushed").1.extend_from_slice(&media);
    }
    let widths = stretches.iter().map(|(_, bytes)| {
        let end = bytes.windows(4).position(|four| four == b"moof" || four == b"styp").expect("media") - 4;
        let Some(Codec::Avc1(entry)) = init(&bytes[..end]).codecs.into_iter().next() else {
            panic!("no avc1")
        };
        entry.visual.width
    });
    assert_eq!(widths.collect::<Vec<_>>(), [960, 320, 960]);
    for (_, bytes) in stretches {
        decodes(bytes).await;
    }
    soon("the end", site.app.stop()).await;
}

#[tokio::test]
async fn after_lost_packets_what_is_shown_begins_with_a_key_frame_if_that_is_wanted() {
    let camera = camera().await;
    let site = Site::with_demo_camera(&camera, "ingest.drop_until_sync = true").await;
    let mut watch = Watch::start(site.client, "cam").await;
    watch.until_epochs(1).await;
    camera.faults().drop_packets(100);
    let mut held = 0;
    // A hole in the presentation is longer than a picture, and a key frame ends it.
    let mut before = watch.last[0].clone().expect("a picture");
    for _ in 0..250 {
        if !watch.step().await {
            continue;
        }
        let picture = watch.last[0].clone().expect("a picture");
        let hole = picture.presentation() - before.presentation() > 2 * 3_600;
        if hole {
            held += 1;
            assert!(picture.starts_picture(), "{} is shown after a hole", picture.presentation());
        }
        before = picture;
    }
    assert!(held > 0, "packets were lost");
    soon("the end", site.app.stop()).await;
}
