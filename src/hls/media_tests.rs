use super::*;
use crate::live::testing::FakeCamera;
use crate::media::track::testing;

const LIVE: Form = Form { list: List::Live, delta: false };

fn text(camera: &FakeCamera, track: TrackKind) -> String {
    camera.camera.promise();
    render(&camera.channel.snapshot(track).expect("a started playlist"), LIVE, &[])
}

#[test]
fn a_playlist_lists_segments_parts_and_the_part_to_come() {
    let mut camera = FakeCamera::silent(50);
    camera.play(64);
    let report = RenditionReport { uri: "../sub/video.m3u8".into(), last_msn: 101, last_part: Some(0) };
    camera.camera.promise();
    let snapshot = camera.channel.snapshot(TrackKind::Video).expect("a started playlist");
    let expected = "\
#EXTM3U
#EXT-X-VERSION:6
#EXT-X-TARGETDURATION:4
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.50000
#EXT-X-PART-INF:PART-TARGET=0.50000
#EXT-X-MEDIA-SEQUENCE:100
#EXT-X-DISCONTINUITY-SEQUENCE:0
#EXT-X-MAP:URI=\"abc/video-init-1.mp4\"
#EXT-X-PROGRAM-DATE-TIME:2001-09-09T01:46:40.000Z
#EXT-X-PART:DURATION=0.48000,URI=\"abc/video-100.0.m4s\",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.48000,URI=\"abc/video-100.1.m4s\"
#EXT-X-PART:DURATION=0.48000,URI=\"abc/video-100.2.m4s\"
#EXT-X-PART:DURATION=0.48000,URI=\"abc/video-100.3.m4s\"
#EXT-X-PART:DURATION=0.08000,URI=\"abc/video-100.4.m4s\"
#EXTINF:2.00000,
abc/video-100.m4s
#EXT-X-PROGRAM-DATE-TIME:2001-09-09T01:46:42.000Z
#EXT-X-PART:DURATION=0.16000,URI=\"abc/video-101.0.m4s\",INDEPENDENT=YES
#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"abc/video-101.1.m4s\"
#EXT-X-RENDITION-REPORT:URI=\"../sub/video.m3u8\",LAST-MSN=101,LAST-PART=0
";
    assert_eq!(render(&snapshot, LIVE, &[report]), expected);
}

#[test]
fn a_break_is_a_discontinuity_with_its_own_map_in_both_playlists() {
    let mut camera = FakeCamera::new(50, testing::tracks());
    camera.play(60).break_off(10, testing::tracks()).play(60);
    for (track, name) in [(TrackKind::Video, "video"), (TrackKind::Audio, "audio")] {
        let text = text(&camera, track);
        let map = format!(
            "#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"abc/{name}-init-2.mp4\"\n#EXT-X-PROGRAM-DATE-TIME:"
        );
        assert!(text.contains(&map), "{text}");
        assert_eq!(text.matches("#EXT-X-DISCONTINUITY\n").count(), 1, "{text}");
        assert!(text.contains("#EXT-X-DISCONTINUITY-SEQUENCE:0\n"), "{text}");
    }
}

#[test]
fn the_init_of_the_next_part_is_hinted_at_before_that_part_is_there() {
    let mut camera = FakeCamera::new(50, testing::tracks());
    camera.play(60).break_off(10, testing::tracks()).play(1);
    for (track, name) in [(TrackKind::Video, "video"), (TrackKind::Audio, "audio")] {
        let text = text(&camera, track);
        let hints = format!(
            "#EXT-X-PRELOAD-HINT:TYPE=MAP,URI=\"abc/{name}-init-2.mp4\"\n\
             #EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"abc/{name}-102.0.m4s\"\n"
        );
        assert_eq!(text.contains(&hints), track == TrackKind::Video, "{text}");
    }
    camera.play(30);
    assert!(!text(&camera, TrackKind::Video).contains("TYPE=MAP"), "it is listed now");
}

#[test]
fn slow_pictures_are_listed_as_whole_segments_without_parts_or_a_hint() {
    let mut camera = FakeCamera::silent(50);
    camera.play(110);
    // One long picture is made up for by the next; more of them are not.
    let mut slow = text(&camera, TrackKind::Video);
    while slow.contains("PRELOAD-HINT") {
        camera.play_slowly(1, 25);
        slow = text(&camera, TrackKind::Video);
    }
    assert!(!slow.contains("#EXT-X-PART:"), "{slow}");
    assert!(slow.ends_with(".m4s\n"), "all that had parts is listed as a whole: {slow}");
    camera.play_slowly(7, 25);
    let slow = text(&camera, TrackKind::Video);
    assert!(!slow.contains("PRELOAD-HINT"), "no part is to come: {slow}");
    assert!(!slow.contains("#EXT-X-PART:"), "no part is at the live edge: {slow}");
    assert!(slow.contains("#EXT-X-PART-INF:PART-TARGET=0.50000\n"), "{slow}");
    assert!(slow.matches("#EXTINF:2.").count() >= 5, "{slow}");
    assert!(!slow.contains("DISCONTINUITY\n"), "{slow}");
    camera.play(100);
    let fast = text(&camera, TrackKind::Video);
    assert!(fast.contains("PRELOAD-HINT") && fast.ends_with("m4s\"\n"), "{fast}");
    assert!(fast.rsplit_once("#EXTINF").expect("segments").1.contains("#EXT-X-PART:"), "{fast}");
    let (_, since) = fast.split_once("#EXT-X-PART:").expect("parts");
    assert!(since.matches("#EXTINF").count() <= 2, "parts that were taken off never come back: {fast}");
}

#[test]
fn parts_stay_full_when_the_frame_rate_falls() {
    let mut camera = FakeCamera::silent(50);
    // From 25 pictures a second to 5.
    camera.play(110).play_slowly(60, 5);
    let text = text(&camera, TrackKind::Video);
    let lengths = text.lines().filter_map(|line| line.strip_prefix("#EXT-X-PART:DURATION="));
    let lengths: Vec<f64> = lengths
        .map(|rest| rest.split(',').next().and_then(|length| length.parse().ok()).expect("a number"))
        .collect();
    assert!(lengths.len() > 10, "{text}");
    let short = lengths.iter().filter(|length| **length < 0.425).count();
    let may_be_short = text.matches("INDEPENDENT=YES").count() + text.matches("#EXTINF").count();
    assert!(short <= may_be_short, "only at the ends of segments: {text}");
    assert!(lengths.iter().all(|length| *length <= 0.5), "{text}");
}

#[test]
fn sound_that_is_gone_leaves_gaps_and_keeps_the_numbers_in_step() {
    let mut camera = FakeCamera::new(50, testing::tracks());
    camera.play(60).break_off(10, testing::video_only()).play(260);
    let audio = text(&camera, TrackKind::Audio);
    assert!(audio.contains("#EXT-X-GAP\n#EXTINF:2.00000,\nabc/audio-103.m4s\n"), "{audio}");
    assert!(!audio.contains("audio-init-2"), "there is no sound to initialize: {audio}");
    assert!(text(&camera, TrackKind::Video).contains("abc/video-103.m4s\n"));
}

#[test]
fn only_the_last_three_target_durations_list_their_parts() {
    let mut camera = FakeCamera::silent(50);
    camera.play(25 * 30 + 1);
    let text = text(&camera, TrackKind::Video);
    let first = text.find("#EXT-X-PART:").expect("parts");
    let without = text[..first].matches("#EXTINF").count();
    assert_eq!(without, 15 - 6, "{text}");
}

/// Half an hour of a camera that keeps ten minutes.
fn long() -> Snapshot {
    let mut camera = FakeCamera::with_window(50, Duration::from_secs(600));
    camera.play(25 * 1800 + 30);
    camera.camera.promise();
    camera.channel.snapshot(TrackKind::Video).expect("a started playlist")
}

#[test]
fn a_list_that_has_ended_is_given_whole() {
    let snapshot = Snapshot { closed: true, ..long() };
    let [full, delta] = [false, true].map(|delta| render(&snapshot, Form { list: List::Dvr, delta }, &[]));
    assert_eq!(delta, full, "RFC 8216bis 6.2.5.1");
    assert!(full.ends_with("#EXT-X-ENDLIST\n") && !full.contains("CAN-SKIP-UNTIL"), "{full}");
}

#[test]
fn the_live_list_stays_short_and_the_other_goes_back_as_far_as_the_ring() {
    let snapshot = long();
    let live = render(&snapshot, LIVE, &[]);
    assert_eq!(live.matches("#EXTINF").count(), 15);
    assert!(!live.contains("CAN-SKIP-UNTIL"));
    let dvr = render(&snapshot, Form { list: List::Dvr, delta: false }, &[]);
    assert_eq!(dvr.matches("#EXTINF").count(), 300);
    assert!(dvr.contains(",CAN-SKIP-UNTIL=24.00000\n"));
    let tail = |text: &str| text.find("#EXT-X-PART:").map(|at| text[at..].to_owned());
    assert_eq!(tail(&live), tail(&dvr));
}

#[test]
fn a_delta_leaves_out_what_lies_behind_the_skip_boundary_and_says_how_much() {
    let snapshot = long();
    let full = render(&snapshot, Form { list: List::Dvr, delta: false }, &[]);
    let delta = render(&snapshot, Form { list: List::Dvr, delta: true }, &[]);
    assert!(delta.contains("#EXT-X-VERSION:9\n"), "{delta}");
    assert!(delta.contains("\n#EXT-X-SKIP:SKIPPED-SEGMENTS=288\n#EXT-X-MAP:"), "{delta}");
    assert_eq!(delta.matches("#EXTINF").count(), 12);
    let sequence =
        |text: &str| text.lines().find(|line| line.starts_with("#EXT-X-MEDIA-SEQUENCE")).map(str::to_owned);
    assert_eq!(sequence(&delta), sequence(&full));
    let kept = delta.split_once("#EXT-X-PROGRAM-DATE-TIME").expect("a first segment").1;
    assert!(full.ends_with(kept), "the rest is the same");
}

#[test]
fn a_list_of_i_frames_shows_how_much_of_each_finished_segment_is_one() {
    let mut camera = FakeCamera::silent(50);
    camera.play(64).break_off(10, testing::video_only()).play(51);
    camera.camera.promise();
    let snapshot = camera.channel.snapshot(TrackKind::Video).expect("a started playlist");
    let length = 24 + snapshot.segments[0].sync_sample().expect("a sync sample").bytes.len();
    assert!((1_100..1_200).contains(&length), "a picture of a thousand bytes");
    let form = Form { list: List::IFrames, delta: false };
    let expected = format!(
        "\
#EXTM3U
#EXT-X-VERSION:5
#EXT-X-TARGETDURATION:4
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.50000
#EXT-X-I-FRAMES-ONLY
#EXT-X-MEDIA-SEQUENCE:100
#EXT-X-DISCONTINUITY-SEQUENCE:0
#EXT-X-MAP:URI=\"abc/video-init-1.mp4\"
#EXT-X-PROGRAM-DATE-TIME:2001-09-09T01:46:40.000Z
#EXTINF:2.00000,
#EXT-X-BYTERANGE:{length}@0
abc/video-100.m4s
#EXT-X-PROGRAM-DATE-TIME:2001-09-09T01:46:42.000Z
#EXTINF:0.56000,
#EXT-X-BYTERANGE:{length}@0
abc/video-101.m4s
#EXT-X-DISCONTINUITY
#EXT-X-MAP:URI=\"abc/video-init-2.mp4\"
#EXT-X-PROGRAM-DATE-TIME:2001-09-09T01:46:54.000Z
#EXTINF:2.00000,
#EXT-X-BYTERANGE:{length}@0
abc/video-102.m4s
"
    );
    assert_eq!(render(&snapshot, form, &[]), expected);
    let parsed = m3u8_rs::parse_media_playlist_res(expected.as_bytes()).expect("a media playlist");
    assert!(parsed.i_frames_only);
    camera.publisher.close();
    let snapshot = camera.channel.snapshot(TrackKind::Video).expect("a started playlist");
    assert!(render(&snapshot, form, &[]).ends_with("abc/video-103.m4s\n#EXT-X-ENDLIST\n"));
}

#[test]
fn segments_without_a_sync_sample_are_gaps_among_i_frames() {
    let mut camera = FakeCamera::silent(10_000);
    camera.play(60);
    camera.camera.promise();
    camera.play(700);
    let snapshot = camera.channel.snapshot(TrackKind::Video).expect("a started playlist");
    let text = render(&snapshot, Form { list: List::IFrames, delta: false }, &[]);
    let entries: Vec<_> = text.split("#EXT-X-PROGRAM-DATE-TIME").skip(1).collect();
    let shown = entries.iter().filter(|entry| entry.contains("#EXT-X-BYTERANGE:"));
    assert_eq!(shown.count(), 1, "{text}");
    assert_eq!(text.matches("#EXT-X-GAP\n").count(), entries.len() - 1, "{text}");
    assert!(entries.len() > 5, "{text}");
}

#[test]
fn a_long_list_of_i_frames_has_deltas_too() {
    let snapshot = long();
    let [full, delta] =
        [false, true].map(|delta| render(&snapshot, Form { list: List::IFrames, delta }, &[]));
    assert!(full.contains(",CAN-SKIP-UNTIL=24.00000\n") && !full.contains("SKIPPED"), "{full}");
    assert!(delta.contains("#EXT-X-VERSION:9\n"), "{delta}");
    assert!(delta.contains("\n#EXT-X-SKIP:SKIPPED-SEGMENTS=288\n#EXT-X-MAP:"), "{delta}");
    assert_eq!((full.matches("#EXTINF").count(), delta.matches("#EXTINF").count()), (300, 12));
}

#[test]
fn sound_is_dated_down_and_the_picture_up() {
    let wall = SystemTime::UNIX_EPOCH + Duration::from_micros(1_000_400);
    assert_eq!(date_time(wall, TrackKind::Audio), "1970-01-01T00:00:01.000Z");
    assert_eq!(date_time(wall, TrackKind::Video), "1970-01-01T00:00:01.001Z");
}

#[test]
fn short_lists_offer_no_deltas_and_give_none() {
    let mut camera = FakeCamera::silent(50);
    camera.play(25 * 100);
    camera.camera.promise();
    let snapshot = camera.channel.snapshot(TrackKind::Video).expect("a started playlist");
    let delta = Form { list: List::Dvr, delta: true };
    assert_eq!(render(&snapshot, delta, &[]), render(&snapshot, LIVE, &[]));
}

#[test]
fn a_closed_channel_ends_its_list_and_hints_at_nothing() {
    let mut camera = FakeCamera::silent(50);
    camera.play(60);
    camera.camera.promise();
    camera.publisher.close();
    let text = text(&camera, TrackKind::Video);
    assert!(text.ends_with("abc/video-101.m4s\n#EXT-X-ENDLIST\n"), "{text}");
    assert!(!text.contains("PRELOAD-HINT"));
}

#[test]
fn other_readers_of_playlists_understand_it() {
    let mut camera = FakeCamera::silent(50);
    camera.play(25 * 40);
    let text = text(&camera, TrackKind::Video);
    let parsed = m3u8_rs::parse_media_playlist_res(text.as_bytes()).expect("a media playlist");
    assert_eq!(parsed.target_duration, 4);
    assert!(parsed.segments.iter().all(|segment| segment.duration == 2.0));
    assert_eq!(parsed.segments.len(), 15);
    assert_eq!(parsed.media_sequence, 104);
}
