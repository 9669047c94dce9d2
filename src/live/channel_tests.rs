use super::*;
use crate::live::testing::FakeCamera;

#[tokio::test]
async fn any_number_of_readers_is_woken_by_the_part_they_wait_for() {
    let mut camera = FakeCamera::silent(50);
    camera.play(20);
    let waits: Vec<_> = (0..100)
        .map(|_| {
            let channel = camera.channel.clone();
            tokio::spawn(async move { channel.until(|tip| tip.video.open_parts >= 3).await })
        })
        .collect();
    tokio::task::yield_now().await;
    camera.play(10);
    assert!(waits.iter().all(|wait| !wait.is_finished()), "two parts are not three");
    camera.play(10);
    for wait in waits {
        assert_eq!(wait.await.expect("no panic").map(|tip| tip.video.open_parts), Ok(3));
    }
}

#[tokio::test]
async fn waiting_ends_when_the_channel_closes() {
    let mut camera = FakeCamera::silent(50);
    camera.play(20);
    let channel = camera.channel.clone();
    let wait = tokio::spawn(async move { channel.until(|tip| tip.video.open_parts >= 3).await });
    tokio::task::yield_now().await;
    camera.publisher.close();
    assert_eq!(wait.await.expect("no panic"), Err(Closed));
}

#[test]
fn a_source_that_is_no_longer_live_ends_its_last_part_at_once() {
    let mut camera = FakeCamera::silent(50);
    camera.publisher.set_status(Status::plain(State::Live));
    camera.play(20);
    assert_eq!(camera.channel.tip().video.open_parts, 1);
    camera.publisher.set_status(Status::because(State::Stalled, "no frame for 10 s"));
    assert_eq!(camera.channel.segment(TrackKind::Video, 100).map(|segment| segment.parts.len()), Some(2));
}

#[test]
fn frames_out_of_place_are_refused_and_nothing_else_is_lost() {
    let mut camera = FakeCamera::silent(50);
    camera.play(120);
    let frame = Frame {
        track: TrackKind::Video,
        decode_time: 90,
        duration: 3600,
        composition_offset: 0,
        sync: false,
        data: bytes::Bytes::new(),
    };
    let push = |frame| camera.publisher.push(frame);
    assert!(matches!(push(frame.clone()), Err(PushError::Backwards { decode_time: 90, expected: 432_000 })));
    let audio = Frame { track: TrackKind::Audio, ..frame.clone() };
    assert!(matches!(push(audio), Err(PushError::NoTrack)));
    let data = bytes::Bytes::from(vec![0; 17 << 20]);
    assert!(matches!(push(Frame { data, ..frame }), Err(PushError::TooLarge { .. })));
    assert_eq!(camera.channel.tip().next_chunk, 120);
    camera.play(1);
    assert_eq!(camera.channel.tip().next_chunk, 121);
}
