//! Delta updates: long lists without what the player has.

use std::io::Read;

use flate2::read::GzDecoder;
use hyper::Method;

use crate::support::playlist::{self, Playlist, Segment};
use crate::support::site::{Site, camera};

const DVR: &str = "/hls/cam/sub/dvr-video.m3u8";
const LIVE: &str = "/hls/cam/sub/video.m3u8";

/// Waits by blocking reloads until the list is `seconds` long.
async fn grown(site: &Site, seconds: f64) -> Playlist {
    let mut playlist = site.playlist(DVR).await;
    while playlist.length() < seconds {
        playlist = site.playlist(&format!("{DVR}?_HLS_msn={}", playlist.next_msn() + 1)).await;
    }
    playlist
}

/// The full list, the delta and the zipped delta of one and the same state.
async fn same_state(site: &Site) -> (Playlist, Playlist, Playlist) {
    loop {
        let (msn, part) = site.playlist(DVR).await.next_part();
        let full = format!("{DVR}?_HLS_msn={msn}&_HLS_part={part}");
        let delta = format!("{full}&_HLS_skip=YES");
        let full = site.found(&full).await;
        let plain = site.found(&delta).await;
        let zipped = site.ask(Method::GET, &delta, &[("accept-encoding", "gzip")]).await;
        assert_eq!(zipped.header("content-encoding"), "gzip");
        let tags: std::collections::HashSet<_> =
            [&full, &plain, &zipped].iter().map(|answer| answer.header("etag").to_owned()).collect();
        assert_eq!(tags.len(), 3, "each has a name of its own: {tags:?}");
        let mut text = String::new();
        GzDecoder::new(&*zipped.body).read_to_string(&mut text).expect("gzip can be read");
        let all = [full.text(), plain.text(), &text].map(playlist::parse);
        // On a busy machine a part may come between two of the answers.
        if all.iter().all(|one| one.next_part() == all[0].next_part()) {
            let [full, plain, zipped] = all;
            return (full, plain, zipped);
        }
    }
}

#[tokio::test]
async fn a_delta_and_what_the_player_has_are_the_whole_list() {
    let camera = camera().await;
    let site = Site::with_demo_camera(&camera, "hls.window = \"10m\"").await;
    site.until_rendition("cam", 1, "live").await;
    let had = grown(&site, 27.0).await;
    let boundary = had.can_skip_until.expect("a list of ten minutes can be skipped");
    assert!(boundary >= 6.0 * had.target.unwrap() as f64, "N60: {boundary}");
    assert_eq!(had.skipped, 0, "{}", had.text);
    for other in ["main/dvr-video", "main/dvr-audio", "sub/dvr-audio"] {
        let list = site.playlist(&format!("/hls/cam/{other}.m3u8")).await;
        assert_eq!(list.can_skip_until, had.can_skip_until, "N50: {}", list.text);
    }

    let (full, delta, zipped) = same_state(&site).await;
    for list in [&full, &delta] {
        let reports: Vec<_> = list.reports.iter().map(|report| report.uri.as_str()).collect();
        assert!(reports.len() == 3 && reports.iter().all(|uri| uri.contains("dvr-")), "N70: {reports:?}");
    }
    assert_eq!(full.skipped, 0);
    assert!(delta.skipped >= 1, "{}", delta.text);
    assert_eq!((zipped.skipped, &zipped.segments), (delta.skipped, &delta.segments));
    assert_eq!((full.version, delta.version), (Some(6), Some(9)), "N17");
    let head = |list: &Playlist| {
        let numbers = (list.target, list.msn, list.discontinuity_sequence);
        (numbers, list.part_target, list.part_hold_back, list.can_skip_until, list.can_block)
    };
    assert_eq!(head(&full), head(&delta), "N73");
    // N73: what is left out lies behind the boundary, and nothing else is.
    let skipped = usize::try_from(delta.skipped).unwrap();
    let from_end = |segment: usize| full.segments[segment + 1..].iter().map(|one| one.duration).sum::<f64>();
    assert!(from_end(skipped - 1) >= boundary - 0.001, "{} of {boundary}", from_end(skipped - 1));
    assert!(from_end(skipped) < boundary, "{} of {boundary}", from_end(skipped));
    // What the player had is, without what left at the front, the head of the new list.
    let first = full.msn.unwrap();
    let kept = had.segments.iter().filter(|segment| segment.msn >= first).take(skipped);
    let bare = |segment: &Segment| Segment { parts: Vec::new(), ..segment.clone() };
    let merged: Vec<_> = kept.chain(&delta.segments).map(bare).collect();
    assert_eq!(merged, full.segments.iter().map(bare).collect::<Vec<_>>(), "{}", delta.text);
    assert_eq!((&delta.open, &delta.hints), (&full.open, &full.hints));
    assert!(delta.text.len() < full.text.len());
    nothing_is_skipped_for_others(&site).await;
    site.app.stop().await;
}

async fn nothing_is_skipped_for_others(site: &Site) {
    for path in [
        format!("{LIVE}?_HLS_skip=YES"),
        format!("{DVR}?_HLS_skip=NO"),
        format!("{DVR}?_HLS_skip=v3"),
        DVR.to_owned(),
    ] {
        assert_eq!(site.playlist(&path).await.skipped, 0, "N72: {path}");
    }
    assert!(site.playlist(LIVE).await.can_skip_until.is_none());
    assert!(site.playlist(&format!("{DVR}?_HLS_skip=v2")).await.skipped > 0);
}
