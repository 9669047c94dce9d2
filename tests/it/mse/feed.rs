//! What a viewer gets from its first message on.

use mp4_atom::Codec;

use crate::support::media::{AUDIO, Chunk, VIDEO};
use crate::support::site::shared;
use crate::support::socket::{Event, Socket};
use crate::support::until;

/// Length of a picture of the demo camera in ticks of 1/90 000 s.
const PICTURE: u64 = 3_600;

async fn open(query: &str) -> Socket {
    let path = format!("/mse/demo{query}");
    // Before the first picture there is nothing to see at once.
    until("the first picture", || async { (shared().status("/readyz").await == 200).then_some(()) }).await;
    Socket::open(shared().address, &path).await.expect("the socket opens")
}

/// The next `count` chunks.
async fn chunks(socket: &mut Socket, count: usize) -> Vec<Chunk> {
    let mut chunks = Vec::new();
    while chunks.len() < count {
        chunks.push(socket.chunk().await);
    }
    chunks
}

#[tokio::test]
async fn a_viewer_is_told_what_comes_then_gets_the_init_segment_then_a_sync_sample() {
    let mut socket = open("").await;
    let text = match socket.next().await {
        Event::Text(text) => text,
        other => panic!("a text comes first, not {other:?}"),
    };
    assert_eq!(text["type"], "init");
    assert_eq!(text["rendition"], "main");
    assert_eq!((text["width"].as_u64(), text["height"].as_u64()), (Some(960), Some(540)));
    assert!(text["epoch"].as_u64() >= Some(1));
    let mime = text["mime"].as_str().expect("a MIME type").to_owned();
    let init = socket.init().await;
    assert_eq!(init.tracks, [(VIDEO, 90_000), (AUDIO, 32_000)]);
    let Codec::Avc1(avc1) = &init.codecs[0] else { panic!("H.264: {init:?}") };
    let level = avc1.avcc.avc_level_indication;
    assert!(mime.starts_with("video/mp4; codecs=\"avc1.4d40"), "{mime}");
    assert!(mime.contains(&format!("{level:02x},mp4a.40.2\"")), "{mime} and level {level:02x}");
    assert!(socket.chunk().await.starts_picture());
}

#[tokio::test]
async fn a_viewer_who_joins_within_a_gop_gets_what_is_there_without_waiting_for_the_next_sync_sample() {
    // One viewer watches until a GOP is well under way; then another comes.
    let mut first = open("?rendition=main&codecs=avc1.4d401f").await;
    first.text("init").await;
    first.init().await;
    let mut gop = Vec::new();
    while gop.len() < 15 {
        let chunk = first.chunk().await;
        if chunk.starts_picture() {
            gop.clear();
        }
        gop.push(chunk);
    }
    let mut second = open("?rendition=main&codecs=avc1.4d401f").await;
    second.text("init").await;
    second.init().await;
    let joined = second.chunk().await;
    assert_eq!(joined.start, gop[0].start, "it starts with the GOP that is on");
    // All of the GOP so far is in the ring and comes before any new picture.
    let rest = chunks(&mut second, gop.len() - 1).await;
    assert_eq!(rest, gop[1..], "and goes on with what the other viewer got");
}

#[tokio::test]
async fn decode_times_are_unbroken_for_five_seconds_and_more() {
    let mut socket = open("").await;
    let text = socket.text("init").await;
    let init = socket.init().await;
    let mut last: [Option<Chunk>; 2] = [None, None];
    let (mut video, mut syncs, mut heard) = (0u64, Vec::new(), 0u64);
    while video < 5 * 90_000 {
        let chunk = socket.chunk().await;
        assert!(chunk.track == VIDEO || chunk.track == AUDIO);
        let place = &mut last[(chunk.track - 1) as usize];
        if let Some(before) = place {
            assert_eq!(chunk.start, before.end(), "track {} goes on where it ended", chunk.track);
        }
        if chunk.track == VIDEO {
            assert_eq!(chunk.samples.len(), 1, "a chunk of video is one picture");
            video += chunk.duration();
            if chunk.starts_picture() {
                syncs.push(chunk.start);
            }
            // The NAL unit's type tells whether the sync flag is true.
            let kind = chunk.samples[0].data[4] & 0x1f;
            assert_eq!(chunk.samples[0].sync, kind == 5, "NAL unit type {kind}");
            let steady = chunk.duration().abs_diff(PICTURE);
            assert!(steady < PICTURE, "a picture lasts {} ticks", chunk.duration());
        } else {
            assert!(chunk.samples.iter().all(|sample| sample.sync && sample.duration == 1024));
            heard += chunk.duration();
        }
        *place = Some(chunk);
    }
    for pair in syncs.windows(2) {
        let gop = pair[1] - pair[0];
        assert!(gop.abs_diff(2 * 90_000) < PICTURE, "a GOP of {gop} ticks");
    }
    assert!(syncs.len() >= 2, "{syncs:?}");
    let sound = heard as f64 / f64::from(init.timescale(AUDIO));
    assert!((4.0..=6.0).contains(&sound), "{sound} s of sound with five of picture");
    assert_eq!(text["rendition"], "main");
    let ends = last.map(|chunk| chunk.expect("both tracks").end() as f64);
    let apart = ends[0] / 90_000.0 - ends[1] / 32_000.0;
    assert!(apart.abs() < 0.5, "picture and sound are {apart} s apart");
}

#[tokio::test]
async fn a_client_that_cannot_play_the_sound_gets_the_picture_alone() {
    let mut socket = open("?codecs=avc1.4d401f").await;
    let text = socket.text("init").await;
    let mime = text["mime"].as_str().expect("a MIME type");
    assert!(mime.contains("avc1.") && !mime.contains("mp4a"), "{mime}");
    assert_eq!(socket.init().await.ids(), [VIDEO]);
    let chunks = chunks(&mut socket, 60).await;
    assert!(chunks.iter().all(|chunk| chunk.track == VIDEO), "no sound without its track");
}

#[tokio::test]
async fn a_client_that_cannot_play_the_picture_is_sent_away_with_4406() {
    let mut socket = open("?codecs=hvc1.1.6.L93.B0,mp4a.40.2").await;
    let (code, reason) = socket.closed().await;
    assert_eq!(code, 4406);
    assert!(reason.contains("avc1."), "the reason says what the camera sends: {reason}");
}

#[tokio::test]
async fn unknown_cameras_and_renditions_are_404_before_the_socket_opens() {
    for path in ["/mse/nobody", "/mse/demo?rendition=nobody"] {
        assert_eq!(Socket::open(shared().address, path).await.err(), Some(404), "{path}");
    }
}

#[tokio::test]
async fn each_rendition_can_be_asked_for_by_name_and_auto_is_the_first() {
    for (query, name, width) in
        [("?rendition=main", "main", 960), ("?rendition=sub", "sub", 320), ("?rendition=auto", "main", 960)]
    {
        let mut socket = open(query).await;
        let text = socket.text("init").await;
        assert_eq!(
            (text["rendition"].as_str(), text["width"].as_u64()),
            (Some(name), Some(width)),
            "{query}"
        );
    }
}

#[tokio::test]
async fn the_subprotocol_is_echoed_where_it_is_offered_and_no_other() {
    let open = |protocol| Socket::open_with(shared().address, "/mse/demo", protocol, None);
    let offered = open(Some("other, belvedere.mse.v1")).await.expect("it opens");
    assert_eq!(offered.protocol.as_deref(), Some("belvedere.mse.v1"));
    assert_eq!(open(None).await.expect("it opens").protocol, None);
}

#[tokio::test]
async fn a_request_that_is_no_handshake_is_told_what_this_is() {
    let answer = shared().get("/mse/demo").await;
    assert_eq!(answer.status.as_u16(), 426);
    assert_eq!(answer.header("upgrade"), "websocket");
    assert!(answer.text().contains("WebSocket"), "{}", answer.text());
}
