//! The list of I-frames, for thumbnails while somebody looks back.

use hyper::Method;

use crate::support::checker::{assert_good, check_iframe, check_iframes};
use crate::support::client::join;
use crate::support::ffmpeg::read_by;
use crate::support::playlist::{Playlist, parse};
use crate::support::site::shared;

const IFRAMES: &str = "/hls/demo/main/iframes.m3u8";
const DVR: &str = "/hls/demo/main/dvr-video.m3u8";

/// Both lists, of one moment.
async fn both() -> (Playlist, Playlist) {
    loop {
        let (iframes, all) = (shared().playlist(IFRAMES).await, shared().playlist(DVR).await);
        if (iframes.msn, iframes.next_msn()) == (all.msn, all.next_msn()) {
            return (iframes, all);
        }
    }
}

#[tokio::test]
async fn each_i_frame_can_be_loaded_and_decoded_alone() {
    shared().until_segments(IFRAMES, 2).await;
    let (iframes, all) = both().await;
    assert_good(IFRAMES, std::slice::from_ref(&iframes));
    assert_eq!(check_iframes(&iframes, &all), []);
    let map = iframes.segments[0].map.as_ref().expect("a MAP");
    let init = shared().found(&join(IFRAMES, map)).await.body;
    for iframe in &iframes.segments {
        let path = join(IFRAMES, &iframe.uri);
        let (length, offset) = iframe.range.expect("a range");
        let range = format!("bytes={offset}-{}", offset + length - 1);
        let answer = shared().ask(Method::GET, &path, &[("range", &range)]).await;
        assert_eq!((answer.status.as_u16(), answer.body.len()), (206, length), "{path}");
        assert_eq!(check_iframe(iframe, &shared().found(&path).await.body), [], "{path}");
        let probe = ["-v", "error", "-count_frames", "-show_entries", "stream=width,height,nb_read_frames"];
        let alone = [&init[..], &answer.body].concat();
        let seen = read_by("ffprobe", &[&probe[..], &["-of", "csv=p=0", "-"]].concat(), alone).await;
        assert_eq!(seen.trim(), "960,540,1", "{path}");
    }
}

#[tokio::test]
async fn the_next_i_frame_is_waited_for_until_its_segment_is_there() {
    let before = shared().until_segments(IFRAMES, 1).await;
    let next = before.next_msn();
    let mut lists = vec![before];
    for msn in next..next + 3 {
        let answer = shared().found(&format!("{IFRAMES}?_HLS_msn={msn}")).await;
        let list = parse(answer.text());
        assert!(list.next_msn() > msn, "{msn} was waited for: {}", list.text);
        assert_eq!(answer.header("x-playlist-next"), list.next_msn().to_string());
        lists.push(list);
    }
    assert_good(IFRAMES, &lists);
    let far = lists[3].next_msn() + 5;
    assert_eq!(shared().status(&format!("{IFRAMES}?_HLS_msn={far}")).await, 400, "N81");
    assert_eq!(shared().status("/hls/demo/main/audio-iframes.m3u8").await, 404);
}

#[tokio::test]
async fn i_frames_are_offered_beside_the_long_lists_and_cost_less() {
    shared().until_segments(IFRAMES, 2).await;
    shared().until_segments("/hls/demo/sub/iframes.m3u8", 2).await;
    let text = shared().found("/hls/demo/dvr.m3u8").await;
    let master = m3u8_rs::parse_master_playlist_res(&text.body).expect("m3u8-rs reads it");
    let (iframes, pictures): (Vec<_>, Vec<_>) = master.variants.iter().partition(|one| one.is_i_frame);
    for (iframe, (picture, name)) in iframes.iter().zip(pictures.iter().zip(["main", "sub"])) {
        assert_eq!(iframe.uri, format!("{name}/iframes.m3u8"));
        assert_eq!(iframe.resolution, picture.resolution);
        let codecs = picture.codecs.as_deref().expect("CODECS").split(',').next();
        assert_eq!(iframe.codecs.as_deref(), codecs, "of pictures alone");
        assert!(iframe.bandwidth < picture.bandwidth / 2, "{} bit/s", iframe.bandwidth);
        let list = shared().playlist(&join("/hls/demo/dvr.m3u8", &iframe.uri)).await;
        let rates = list.segments.iter().map(|one| one.range.expect("a range").0 as f64 * 8.0 / one.duration);
        let peak = rates.fold(0.0, f64::max);
        assert!(iframe.bandwidth as f64 >= peak, "{name}: {} of {peak} bit/s", iframe.bandwidth);
    }
    assert_eq!((iframes.len(), pictures.len()), (2, 2));
    for live in ["/hls/demo/index.m3u8", "/hls/demo/main/index.m3u8"] {
        assert!(!shared().found(live).await.text().contains("I-FRAME"), "{live}");
    }
}
