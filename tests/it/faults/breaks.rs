//! Cameras whose clock jumps, and cameras that leave pictures out.

use std::time::Duration;

use super::lost::{Watch, until_discontinuity};
use crate::support::checker::assert_good;
use crate::support::site::{Site, camera};
use crate::support::soon;

const VIDEO_LIST: &str = "/hls/cam/main/video.m3u8";

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
