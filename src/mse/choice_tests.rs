//! What `auto` shows where a rendition cannot be decoded, or is not delivered.

use super::*;

fn hevc() -> Tracks {
    let tracks = testing::video_only();
    let video = crate::media::VideoTrack { rfc6381: "hvc1.1.6.L93.B0".into(), ..(*tracks.video).clone() };
    Tracks { video: Arc::new(video), audio: None }
}

#[test]
fn a_client_without_hevc_gets_the_sub_and_is_told_why() {
    let mut stage = Stage::with(hevc(), [50, 50]);
    stage.play(60);
    let mut seat = Seat::new(stage.viewer(None, Some("avc1.42E01E")));
    seat.watch(&stage);
    let reason = "this client cannot decode hvc1.1.6.L93.B0, which the camera sends as main".to_owned();
    assert_eq!(seat.got[..2], [Got::Why("sub".into(), Why::Codec, reason), Got::Init("sub".into())]);
    seat.on(&mut stage, 25 * 20, 2.0, GOOD);
    assert_eq!(seat.inits(), ["sub"], "it is never raised to what it cannot decode");
    let mut named = Seat::new(stage.viewer(Some("main"), Some("avc1.42E01E")));
    assert!(named.read(stage.now, 1).is_err(), "who asks for it by name is sent away");
}

#[test]
fn a_camera_that_turns_to_hevc_takes_auto_to_the_sub() {
    let mut stage = Stage::new();
    stage.play(60);
    let mut seat = Seat::new(stage.viewer(None, Some("avc1.42E01E")));
    seat.watch(&stage);
    stage.main.break_off(0, hevc());
    stage.play(20);
    seat.watch(&stage);
    assert_eq!(seat.inits(), ["main", "sub"]);
    assert!(matches!(&seat.got[11], Got::Why(_, Why::Codec, _)), "{:?}", seat.got);
}

#[test]
fn while_one_is_not_delivered_another_is_and_the_first_one_comes_back() {
    let mut stage = Stage::new();
    stage.play(60);
    let mut seat = Seat::new(stage.viewer(None, None));
    seat.watch(&stage);
    let retrying = State::Retrying(Duration::from_secs(1));
    stage.main.publisher.set_status(Status::because(retrying, "connection refused"));
    seat.session.status_changed(stage.now);
    for _ in 0..100 {
        stage.sub.play(1);
        stage.now += PICTURE;
        seat.watch(&stage);
        seat.session.judge(stage.now, GOOD);
    }
    let why = Got::Why("sub".into(), Why::Offline, "the camera does not deliver main".into());
    assert!(seat.got.contains(&why), "{:?}", seat.got);
    stage.main.break_off(4, testing::video_only());
    stage.main.publisher.set_status(Status::plain(State::Live));
    seat.on(&mut stage, 25 * 20, 3.0, GOOD);
    assert_eq!(seat.inits(), ["main", "sub", "main"]);
}
