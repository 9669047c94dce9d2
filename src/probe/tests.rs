use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::verdict::Plays;
use super::*;
use crate::clock::Now;
use crate::ingest::event::{Picture, Sound};
use crate::media::{AudioCodec, AudioTrack, Ticks, VideoCodec, VideoTrack};

/// A camera that is made up.
struct Camera {
    fps: f64,
    gop: Vec<usize>,
    b_frames: bool,
    bytes: usize,
    codec: (VideoCodec, &'static str),
    rate: f64,
    lost: u16,
}

impl Default for Camera {
    fn default() -> Self {
        let codec = (VideoCodec::H264, "avc1.4d401f");
        Self { fps: 25.0, gop: vec![50], b_frames: false, bytes: 10_000, codec, rate: 1.0, lost: 0 }
    }
}

fn begin() -> (Now, Instant) {
    let now = clock::now();
    (now, now.instant + Duration::from_millis(200))
}

fn observer(left_out: Option<&str>) -> (Observer, Instant) {
    let (began, playing) = begin();
    let sight =
        Sight { udp: false, tls: false, began, playing, audio: None, left_out: left_out.map(str::to_owned) };
    (Observer::new(sight), playing)
}

impl Camera {
    fn watched(&self, seconds: f64) -> Observer {
        let (mut observer, playing) = observer(None);
        let track = Arc::new(VideoTrack {
            codec: self.codec.0,
            record: Bytes::new(),
            rfc6381: self.codec.1.into(),
            width: 1920,
            height: 1080,
            pixel_aspect: None,
        });
        let mut lengths = self.gop.iter().cycle();
        let (mut left, mut place) = (0, 0);
        for index in 0..(seconds * self.fps) as usize {
            let sync = left == 0;
            if sync {
                left = *lengths.next().unwrap();
            }
            left -= 1;
            place = if sync { 0 } else { place + 1 };
            // Two pictures change places.
            let step = match place % 3 {
                1 if self.b_frames && left > 0 => 1,
                2 if self.b_frames => -1,
                _ => 0,
            };
            let shown = index as i64 + step;
            observer.picture(&Picture {
                data: Bytes::from(vec![0; self.bytes]),
                elapsed: Ticks((shown as f64 / self.fps * 90_000.0 * self.rate) as i64),
                arrival: playing + Duration::from_secs_f64(index as f64 / self.fps),
                sync,
                lost: if index == 30 { self.lost } else { 0 },
                track: Some(track.clone()),
                interval: Some(Ticks(3600)),
            });
        }
        observer
    }

    /// The same, without the key frames from second `from` on.
    fn without_key_frames(&self, seconds: f64, from: f64) -> Observer {
        let mut observer = self.watched(seconds);
        let first = observer.pictures[0].arrival;
        for note in &mut observer.pictures {
            note.sync &= (note.arrival - first).as_secs_f64() < from;
        }
        observer
    }

    fn report(&self) -> Report {
        Report::of(&self.watched(10.0), None)
    }
}

fn plays(report: &Report) -> Vec<Plays> {
    report.players.iter().map(|verdict| verdict.plays).collect()
}

#[test]
fn a_good_camera_is_measured_as_it_is() {
    let mut observer = Camera::default().watched(10.0);
    let now = observer.sight.began;
    let unix = now.wall.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
    observer.report(true, ((unix + 2_208_988_800.0 + 0.25) * 4_294_967_296.0) as u64, Ticks(0), now);
    let report = Report::of(&observer, None);
    let video = &report.video;
    assert_eq!((video.codec, video.profile.as_deref()), (Some("H.264"), Some("Main, level 3.1")));
    assert_eq!((video.width, video.height, video.frame_rate), (Some(1920), Some(1080), Some(25.0)));
    assert_eq!(video.bit_rate, Some(2_000_000));
    assert_eq!((video.gop.count, video.gop.pictures, video.gop.regular), (4, Some((50, 50)), Some(true)));
    assert_eq!(video.gop.longest_seconds, Some(2.0));
    assert!(!video.b_frames);
    assert_eq!((report.clock.rate_percent, report.clock.jumps, report.clock.repeated), (Some(0.0), 0, 0));
    assert_eq!(report.clock.sender_reports, 1);
    assert!((report.clock.ahead_seconds.unwrap() - 0.25).abs() < 0.01, "{:?}", report.clock);
    assert_eq!(plays(&report), [Plays::Yes; 4]);
    assert_eq!(report.advice, Vec::<String>::new());
    // Three parts, or three target durations, or two pictures; and what encoder, network and decoder take.
    assert_eq!(latencies(&report), [1.8, 12.3, 0.4, 0.4]);
    assert!(report.to_string().contains("Nothing to set better."), "{report}");
}

fn latencies(report: &Report) -> Vec<f64> {
    report.players.iter().map(|verdict| verdict.latency_seconds.unwrap()).collect()
}

#[test]
fn what_cameras_are_set_to_is_what_players_are_late_by() {
    for (camera, expected) in [
        (Camera { gop: vec![250], ..Camera::default() }, [1.8, 30.3, 0.4, 0.4]),
        (Camera { b_frames: true, ..Camera::default() }, [1.8, 12.3, 0.5, 0.5]),
        (Camera { fps: 8.0, gop: vec![16], ..Camera::default() }, [3.4, 12.3, 0.6, 0.6]),
        (Camera { fps: 1.0, gop: vec![2], ..Camera::default() }, [4.6, 12.3, 2.3, 2.3]),
    ] {
        assert_eq!(latencies(&camera.report()), expected, "{} fps, {:?}", camera.fps, camera.gop);
    }
}

/// All keys of a report, with a dot before those of objects within.
fn keys(value: &serde_json::Value, before: &str, all: &mut std::collections::BTreeSet<String>) {
    match value {
        serde_json::Value::Object(object) => {
            for (key, value) in object {
                let key = format!("{before}{key}");
                keys(value, &format!("{key}."), all);
                all.insert(key);
            }
        }
        serde_json::Value::Array(values) => values.iter().for_each(|value| keys(value, before, all)),
        _ => {}
    }
}

#[test]
fn programs_find_all_that_is_promised_and_nothing_else() {
    let json = serde_json::to_value(Camera::default().report()).unwrap();
    let mut found = std::collections::BTreeSet::new();
    keys(&json, "", &mut found);
    let expected = "advice audio audio.bit_rate audio.channels audio.left_out audio.rfc6381 audio.sample_rate audio.silent \
         clock clock.ahead_seconds clock.audio_sender_reports clock.jitter_ms clock.jumps clock.rate_percent \
         clock.repeated clock.sender_reports connect_seconds ended first_picture_seconds frames_damaged packets_lost \
         players players.by players.latency_seconds players.player players.plays players.why transport video \
         video.b_frames video.bit_rate video.codec video.frame_rate video.gop video.gop.count video.gop.longest_seconds \
         video.gop.open_seconds video.gop.pictures video.gop.regular video.height video.largest_picture \
         video.nominal_frame_rate video.parameter_changes video.peak_bit_rate video.pictures video.profile \
         video.rfc6381 video.width watched_seconds";
    assert_eq!(found.into_iter().collect::<Vec<_>>().join(" "), expected);
}

/// The one piece of advice.
fn only_advice(report: &Report) -> &str {
    let relevant: Vec<_> = report.advice.iter().filter(|advice| !advice.contains("RTCP")).collect();
    match relevant.as_slice() {
        [advice] => advice,
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_fault_is_told_with_what_to_set() {
    let cases: [(Camera, &str); 9] = [
        (Camera { gop: vec![250], ..Camera::default() }, "I-frame interval to 25 to 50"),
        (Camera { gop: vec![20, 60, 35], ..Camera::default() }, "fixed I-frame interval"),
        (Camera { gop: vec![5], ..Camera::default() }, "cost bits and bring nothing"),
        (Camera { b_frames: true, ..Camera::default() }, "Switch off B-frames"),
        (Camera { fps: 8.0, gop: vec![16], ..Camera::default() }, "Raise the frame rate"),
        (Camera { bytes: 60_000, ..Camera::default() }, "12.0 Mbit/s are too much"),
        (
            Camera { codec: (VideoCodec::H265, "hvc1.1.6.L93.B0"), ..Camera::default() },
            "Set the video to H.264",
        ),
        (Camera { codec: (VideoCodec::H264, "avc1.6e0028"), ..Camera::default() }, "profile to Main or High"),
        (Camera { lost: 3, ..Camera::default() }, "lower its bit rate"),
    ];
    for (camera, words) in cases {
        let report = camera.report();
        assert!(only_advice(&report).contains(words), "{words}: {:?}", report.advice);
    }
    let fast = Camera { rate: 1.15, ..Camera::default() }.report();
    assert_eq!(fast.clock.rate_percent, Some(15.0));
    assert!(only_advice(&fast).contains("15.0 % too fast"));
}

#[test]
fn players_are_judged_by_codec_and_profile() {
    use Plays::{Maybe, No, Yes};
    for (codec, profile, expected) in [
        ((VideoCodec::H264, "avc1.42e01e"), "Constrained Baseline, level 3.0", [Yes, Yes, Yes, Yes]),
        ((VideoCodec::H264, "avc1.640033"), "High, level 5.1", [Yes, Yes, Yes, Yes]),
        ((VideoCodec::H264, "avc1.f4000d"), "High 4:4:4, level 1.3", [No, No, Maybe, Maybe]),
        ((VideoCodec::H265, "hvc1.2.4.H153.B0"), "Main 10, High tier, level 5.1", [Yes, Yes, Maybe, Maybe]),
    ] {
        let report = Camera { codec, ..Camera::default() }.report();
        assert_eq!(report.video.profile.as_deref(), Some(profile));
        assert_eq!(plays(&report), expected, "{profile}");
    }
}

#[test]
fn a_long_gop_is_known_before_it_has_ended() {
    let report = Camera { gop: vec![100_000], ..Camera::default() }.report();
    assert_eq!((report.video.gop.count, report.video.gop.regular), (0, None));
    assert!(report.video.gop.longest() > Some(9.0), "{:?}", report.video.gop);
    assert!(only_advice(&report).contains("Smart Codec"));
    assert!(report.to_string().contains("one, and no other in 10.0 s"), "{report}");
}

#[test]
fn without_a_key_frame_nothing_is_promised() {
    let report = Report::of(&Camera::default().without_key_frames(10.0, 0.0), None);
    assert_eq!(plays(&report), [Plays::No; 4]);
    for verdict in &report.players {
        assert!(verdict.why.contains("no key frame came in 10.0 s"), "{verdict:?}");
        assert_eq!(verdict.latency_seconds, None);
    }
    for words in ["I-frame interval to 25 to 50", "intra refresh", "Smart Codec"] {
        assert!(only_advice(&report).contains(words), "{words}: {report}");
    }
    // A short look proves nothing, and a codec that plays nowhere is the better reason.
    let short = Report::of(&Camera::default().without_key_frames(2.0, 0.0), None);
    assert_eq!(plays(&short), [Plays::Maybe; 4]);
    assert!(only_advice(&short).contains("Look longer"), "{short}");
    let rare = Camera { codec: (VideoCodec::H264, "avc1.f4000d"), ..Camera::default() };
    let rare = Report::of(&rare.without_key_frames(10.0, 0.0), None);
    assert_eq!((plays(&rare), rare.advice.len()), (vec![Plays::No; 4], 3));
    assert!(rare.players[0].why.contains("Safari decodes") && rare.advice[0].contains("I-frame"), "{rare}");
}

#[test]
fn key_frames_that_come_no_more_are_told() {
    for (from, row) in [
        (1.0, "one, and no other in 20.0 s"),
        (5.0, "every 50 pictures, 2.00 s at most, none in the last 16.0 s"),
    ] {
        let report = Report::of(&Camera::default().without_key_frames(20.0, from), None);
        assert_eq!(plays(&report), [Plays::Maybe; 4]);
        assert!(report.players[3].why.contains("who comes later waits"), "{report}");
        assert!(only_advice(&report).contains("intra refresh"), "{report}");
        assert!(report.to_string().contains(row), "{report}");
    }
    // Twelve seconds are no more than what has been seen.
    let long = Camera { gop: vec![250], ..Camera::default() }.watched(22.0);
    assert_eq!(plays(&Report::of(&long, None)), [Plays::Yes; 4]);
}

#[test]
fn pictures_that_stop_have_ended() {
    for (camera, seconds, end, expected) in [
        (Camera::default(), 4.0, 20.0, Some("no picture came for the last 16.0 s")),
        (Camera::default(), 10.0, 12.0, None),
        // One in two seconds, for which five seconds are not too long yet.
        (Camera { fps: 0.5, gop: vec![1], ..Camera::default() }, 20.0, 23.0, None),
    ] {
        let mut observer = camera.watched(seconds);
        let first = observer.pictures[0].arrival;
        observer.ends(first + Duration::from_secs_f64(end));
        let report = Report::of(&observer, None);
        assert_eq!((report.ended.as_deref(), report.watched_seconds), (expected, end));
        assert_eq!(report.advice.iter().any(|advice| advice.contains("did not last")), expected.is_some());
        assert_eq!(report.to_string().contains("ended           no picture"), expected.is_some(), "{report}");
        assert_eq!(report.advice.iter().any(|advice| advice.contains("RTCP")), seconds > 6.0, "{report}");
    }
    let hung_up = Report::of(&Camera::default().watched(5.0), Some("the camera hung up".into()));
    assert!(only_advice(&hung_up).contains("did not last: the camera hung up"), "{hung_up}");
}

#[test]
fn b_frames_are_not_laid_to_the_network() {
    let report = Camera { b_frames: true, ..Camera::default() }.report();
    assert_eq!((report.clock.jitter_ms, report.clock.rate_percent), (Some(0.0), Some(0.0)));
    assert!(only_advice(&report).contains("B-frames"), "{report}");
}

#[test]
fn sound_that_is_left_out_or_does_not_come_is_told() {
    let (out, _) = observer(Some("pcma"));
    assert!(Report::of(&out, None).advice.iter().any(|advice| advice.contains("pcma is left out")));
    let (mut silent, playing) = observer(None);
    let track = AudioTrack {
        codec: AudioCodec::Aac,
        config: Bytes::new(),
        rfc6381: "mp4a.40.2".into(),
        sample_rate: 48_000,
        channels: 2,
        frame_samples: 1024,
    };
    silent.sight.audio = Some(Arc::new(track));
    assert!(Report::of(&silent, None).advice.iter().any(|advice| advice.contains("sends none")));
    for index in 0..100 {
        let arrival = playing + Duration::from_millis(index * 20);
        silent.sound(&Sound { data: Bytes::from(vec![0; 160]), elapsed: Ticks(0), arrival, lost: 0 });
    }
    let audio = Report::of(&silent, None).audio;
    assert!(
        !audio.silent && audio.bit_rate.is_some_and(|rate| (60_000..70_000).contains(&rate)),
        "{audio:?}"
    );
}

#[test]
fn nothing_at_all_is_a_report_too() {
    let report = Report::of(&observer(None).0, Some("the camera closed the connection".into()));
    assert_eq!(report.video.pictures, 0);
    assert!(report.to_string().contains("no key frame came"), "{report}");
    let json: serde_json::Value = serde_json::from_str(&serde_json::to_string(&report).unwrap()).unwrap();
    assert_eq!(json["ended"], "the camera closed the connection");
    assert_eq!(json["players"][0]["plays"], "maybe");
}
