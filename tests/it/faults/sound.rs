//! Cameras that lose their voice.

use super::lost::Watch;
use crate::support::checker::assert_good;
use crate::support::client::join;
use crate::support::ffmpeg::plays;
use crate::support::playlist::Playlist;
use crate::support::playlist::Segment;
use crate::support::site::{Site, camera};
use crate::support::{soon, until};

const VIDEO_LIST: &str = "/hls/cam/main/video.m3u8";
const AUDIO_LIST: &str = "/hls/cam/main/audio.m3u8";

#[tokio::test]
async fn where_the_sound_starts_late_and_stops_and_comes_back_the_picture_goes_on_and_all_lists_with_it() {
    let camera = camera().await;
    camera.faults().mute_audio(true);
    let site = Site::with_demo_camera(&camera, "").await;
    site.until_rendition("cam", 0, "live").await;
    // Until then it is silence that is heard.
    camera.faults().mute_audio(false);
    let first = site.until_segments(AUDIO_LIST, 1).await;
    assert!(!first.segments[0].gap, "{}", first.text);
    let mut watch = Watch::start(site.client, "cam").await;
    watch.until_epochs(1).await;
    camera.faults().mute_audio(true);
    let mut seen: [Vec<Playlist>; 2] = [Vec::new(), Vec::new()];
    let two_gaps = until("two gaps in the sound's playlist", async || {
        let audio = site.playlist(AUDIO_LIST).await;
        let gaps: Vec<_> = audio.segments.iter().filter(|segment| segment.gap).cloned().collect();
        seen[0].push(site.playlist(VIDEO_LIST).await);
        seen[1].push(audio);
        (gaps.len() >= 2).then_some(gaps)
    });
    // The picture's feed is unbroken meanwhile, but for the new epoch without sound.
    let (gaps, ()) = tokio::join!(two_gaps, watch.until_epochs(2));
    assert!(watch.epochs.len() <= 2, "{:?}", watch.epochs);
    for (name, seen) in ["picture", "sound"].iter().zip(&seen) {
        assert_good(name, seen);
    }
    let video = site.playlist(VIDEO_LIST).await;
    assert!(!video.segments.iter().any(|segment| segment.gap), "{}", video.text);
    for gap in &gaps {
        assert!(gap.parts.is_empty(), "there is nothing to load: {gap:?}");
        assert_eq!(site.status(&join(AUDIO_LIST, &gap.uri)).await, 404);
        let seen =
            video.segments.iter().find(|segment| segment.msn == gap.msn).expect("the picture of that time");
        // Sound starts where its frames do, some milliseconds beside the picture; it ends where the picture does.
        let end = |segment: &Segment| segment.wall.expect("a date") as f64 / 1000.0 + segment.duration;
        assert!((end(seen) - end(gap)).abs() < 0.003, "{seen:?} and {gap:?}");
        assert!((seen.duration - gap.duration).abs() < 0.2, "{seen:?} and {gap:?}");
    }
    let (video, audio) = tokio::join!(site.playlist(VIDEO_LIST), site.playlist(AUDIO_LIST));
    assert!(
        video.next_msn() - audio.next_msn() <= 2,
        "the sound's list keeps up:\n{}\n{}",
        video.text,
        audio.text
    );
    camera.faults().mute_audio(false);
    let lists = until("sound behind the gaps", async || {
        let (video, audio) = (site.playlist(VIDEO_LIST).await, site.playlist(AUDIO_LIST).await);
        let last = audio.segments.last().is_some_and(|last| !last.gap && last.msn > gaps[1].msn);
        seen[0].push(video.clone());
        seen[1].push(audio.clone());
        last.then_some([video, audio])
    });
    let (lists, ()) = tokio::join!(lists, watch.until_epochs(3));
    for (name, seen) in ["picture", "sound"].iter().zip(&seen) {
        assert_good(name, seen);
    }
    assert!(!lists[0].segments.iter().any(|segment| segment.gap), "{}", lists[0].text);
    assert_eq!(camera.counters().plays.get(), 2, "the sessions went on");
    let [video, audio] = lists;
    let said = plays(site.client, &[(VIDEO_LIST.into(), video), (AUDIO_LIST.into(), audio)]).await;
    assert_eq!(said, "", "ffmpeg");
    soon("the end", site.app.stop()).await;
}
