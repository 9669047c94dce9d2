use super::*;
use crate::live::Read;
use crate::live::testing::FakeCamera;
use crate::media::track::testing;

fn feed(camera: &FakeCamera, codecs: Option<&str>) -> Feed {
    Feed::new("main", camera.channel.clone(), Decodable::new(codecs), Ticks::from_timescale(2, 1))
}

fn read_all(feed: &mut Feed) -> Vec<Message> {
    let mut out = Vec::new();
    while feed.read(Instant::now(), &mut out).expect("a playable camera") {}
    out
}

fn kinds(messages: &[Message]) -> Vec<&'static str> {
    let kind = |message: &Message| match message {
        Message::Text(ServerText::Init { .. }) => "init",
        Message::Text(ServerText::Rendition { .. }) => "rendition",
        Message::Text(ServerText::Skip { .. }) => "skip",
        Message::Text(ServerText::Status { .. }) => "status",
        Message::Binary(message) if message.get(8..12) == Some(b"ftyp") => "ftyp",
        Message::Binary(_) => "chunk",
    };
    messages.iter().map(kind).collect()
}

#[test]
fn a_late_joiner_gets_all_from_the_newest_sync_sample_at_once() {
    let mut camera = FakeCamera::silent(50);
    camera.play(60);
    let messages = read_all(&mut feed(&camera, None));
    let mut expected = vec!["init", "ftyp"];
    expected.extend(["chunk"; 10]);
    assert_eq!(kinds(&messages), expected);
}

#[test]
fn the_messages_are_the_ring_s_own_bytes() {
    let mut camera = FakeCamera::silent(50);
    camera.play(1);
    let messages = read_all(&mut feed(&camera, None));
    let Read::Chunk(chunk) = camera.channel.read(0) else { panic!("the ring has a chunk") };
    let Some(Message::Binary(bytes)) = messages.last() else { panic!("the feed has a chunk") };
    assert_eq!((bytes.as_ptr(), bytes.len()), (chunk.message.as_ptr(), chunk.message.len()));
    assert_eq!(bytes[4..].as_ptr(), chunk.bytes.as_ptr());
}

#[test]
fn a_viewer_who_comes_before_the_camera_starts_with_its_first_picture() {
    let mut camera = FakeCamera::silent(50);
    let mut feed = feed(&camera, None);
    assert_eq!(read_all(&mut feed), []);
    camera.play(2);
    assert_eq!(kinds(&read_all(&mut feed)), ["init", "ftyp", "chunk", "chunk"]);
}

#[test]
fn new_parameters_are_announced_before_their_first_picture() {
    let mut camera = FakeCamera::silent(50);
    camera.play(2);
    let mut feed = feed(&camera, None);
    read_all(&mut feed);
    camera.break_off(5, testing::video_only()).play(1);
    let messages = read_all(&mut feed);
    assert_eq!(kinds(&messages), ["init", "ftyp", "chunk"]);
    assert!(matches!(&messages[0], Message::Text(ServerText::Init { epoch: 2, .. })));
}

#[test]
fn sound_goes_only_to_those_who_can_play_it() {
    let mut camera = FakeCamera::new(50, testing::tracks());
    camera.play(10);
    let chunks = |codecs| {
        let messages = read_all(&mut feed(&camera, codecs));
        let Some(Message::Text(ServerText::Init { mime, .. })) = messages.first() else { panic!("no init") };
        (mime.clone(), kinds(&messages).iter().filter(|kind| **kind == "chunk").count())
    };
    let (mime, silent) = chunks(Some("avc1.42E01E"));
    assert_eq!((mime.as_str(), silent), ("video/mp4; codecs=\"avc1.42c00d\"", 10));
    let (mime, all) = chunks(Some("avc1.42E01E,mp4a.40.2"));
    assert_eq!(mime, "video/mp4; codecs=\"avc1.42c00d,mp4a.40.2\"");
    assert!(all > 15, "{all}");
}

#[test]
fn a_viewer_who_can_play_nothing_is_told_what_the_camera_sends() {
    let mut camera = FakeCamera::silent(50);
    camera.play(1);
    let error = feed(&camera, Some("hvc1.1.6.L93.B0"))
        .read(Instant::now(), &mut Vec::new())
        .expect_err("not playable");
    assert_eq!(error.codecs, "avc1.42c00d");
}

#[test]
fn who_falls_behind_goes_on_at_the_newest_sync_sample_and_is_told_what_was_lost() {
    let mut camera = FakeCamera::silent(50);
    camera.play(1);
    let mut feed = feed(&camera, None);
    read_all(&mut feed);
    camera.play(160);
    let messages = read_all(&mut feed);
    assert_eq!(messages.first(), Some(&Message::Text(ServerText::Skip { chunks: 149 })));
    assert_eq!(kinds(&messages[1..]), ["chunk"; 11]);
}

#[test]
fn a_change_that_becomes_urgent_has_waited_since_it_was_begun() {
    let (mut old, mut new) = (FakeCamera::silent(50), FakeCamera::silent(50));
    old.play(60);
    new.play(55);
    let mut feed = feed(&old, None);
    read_all(&mut feed);
    let target = || Target {
        rendition: Rendition { name: "sub".into(), channel: new.channel.clone() },
        aligned: true,
        preface: None,
    };
    let begun = Instant::now();
    let at = |millis| begun + Duration::from_millis(millis);
    feed.change(target(), Manner::Wanted, at(0));
    feed.change(target(), Manner::Urgent, at(2000));
    feed.change(target(), Manner::Seamless, at(2100));
    let mut read = |millis| feed.read(at(millis), &mut Vec::new()).expect("a playable camera");
    assert!(!read(2400), "both may still meet");
    assert!(read(2600), "it was waited for long enough");
    assert_eq!(feed.rendition(), "sub");
}

#[test]
fn who_is_behind_within_one_gop_loses_nothing() {
    let mut camera = FakeCamera::silent(500);
    camera.play(1);
    let mut feed = feed(&camera, None);
    read_all(&mut feed);
    camera.play(200);
    assert_eq!(kinds(&read_all(&mut feed)), ["chunk"; 200]);
}

#[test]
fn who_falls_off_the_ring_is_told_so_too() {
    let mut camera = FakeCamera::silent(50);
    camera.play(1);
    let mut feed = feed(&camera, None);
    read_all(&mut feed);
    camera.play(25 * 100);
    assert_eq!(kinds(&read_all(&mut feed))[0], "skip");
}
