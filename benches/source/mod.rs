//! A camera made of numbers, for the benches: real sizes and times, no picture.
//!
//! 25 pictures a second in GOPs of two seconds, and AAC sound of 48 kHz.

#![allow(dead_code, reason = "every bench has a copy of this, and uses a part of it")]

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use belvedere::clock::Now;
use belvedere::live::{Camera, Options, Origin, Publisher, Rendition, State, Status, channel};
use belvedere::media::time::Anchor;
use belvedere::media::{AudioCodec, AudioTrack, Frame, Ticks, TrackKind, Tracks, VideoCodec, VideoTrack};
use belvedere::stats::RenditionStats;
use bytes::Bytes;

/// Pictures a GOP: two seconds of them.
pub const GOP: u64 = 50;
/// Bytes of a key frame of 1080p.
pub const KEY_FRAME: usize = 120_000;
/// Bytes of a frame of AAC at 128 kbit/s.
const SOUND: usize = 341;
/// Ticks of a picture at 25 a second.
const PICTURE: u32 = 3_600;
const SAMPLE_RATE: u32 = 48_000;
const SAMPLES: u32 = 1_024;

/// The `avcC` of a Constrained Baseline stream.
const AVCC: &[u8] = &[
    1, 0x42, 0xc0, 0x0d, 0xff, 0xe1, 0, 21, 0x67, 0x42, 0xc0, 0x0d, 0xd9, 0x01, 0x41, 0x9f, 0x9e, 0x10, 0, 0,
    3, 0, 0x10, 0, 0, 3, 3, 0x20, 0xf1, 1, 0, 5, 0x68, 0xcb, 0x83, 0xcb, 0x20,
];

/// H.264 and AAC-LC.
pub fn tracks() -> Tracks {
    let video = VideoTrack {
        codec: VideoCodec::H264,
        record: Bytes::from_static(AVCC),
        rfc6381: "avc1.42c00d".into(),
        width: 1920,
        height: 1080,
        pixel_aspect: None,
    };
    let audio = AudioTrack {
        codec: AudioCodec::Aac,
        config: Bytes::from_static(&[0x11, 0x90]),
        rfc6381: "mp4a.40.2".into(),
        sample_rate: SAMPLE_RATE,
        channels: 2,
        frame_samples: SAMPLES,
    };
    Tracks { video: Arc::new(video), audio: Some(Arc::new(audio)) }
}

/// The frames of both tracks in the order of their times; never ends.
#[derive(Debug)]
pub struct Frames {
    pictures: u64,
    sounds: u64,
    key: Bytes,
    delta: Bytes,
    sound: Bytes,
}

impl Frames {
    /// Frames with key frames of `key` bytes and all others of `delta`.
    pub fn new(key: usize, delta: usize) -> Self {
        let bytes = |len| Bytes::from(vec![0; len]);
        Self { pictures: 0, sounds: 0, key: bytes(key), delta: bytes(delta), sound: bytes(SOUND) }
    }

    /// When the next frame is due, from the first one on.
    pub fn due(&self) -> Duration {
        self.picture_time().min(self.sound_time()).to_duration()
    }

    fn picture_time(&self) -> Ticks {
        Ticks((self.pictures * u64::from(PICTURE)) as i64)
    }

    fn sound_time(&self) -> Ticks {
        Ticks::from_timescale((self.sounds * u64::from(SAMPLES)) as i64, SAMPLE_RATE)
    }
}

impl Iterator for Frames {
    type Item = Frame;

    fn next(&mut self) -> Option<Frame> {
        let picture = self.picture_time() <= self.sound_time();
        let (count, track, duration) = match picture {
            true => (&mut self.pictures, TrackKind::Video, PICTURE),
            false => (&mut self.sounds, TrackKind::Audio, SAMPLES),
        };
        let decode_time = *count * u64::from(duration);
        let sync = !picture || count.is_multiple_of(GOP);
        *count += 1;
        let data = match (picture, sync) {
            (false, _) => &self.sound,
            (true, true) => &self.key,
            (true, false) => &self.delta,
        };
        Some(Frame { track, decode_time, duration, composition_offset: 0, sync, data: data.clone() })
    }
}

/// A live camera called `bench` with one rendition `main`, whose ring is as full as it gets.
pub fn live(options: Options, now: Now, frames: &mut Frames) -> (Publisher, Camera) {
    // The list, and what stays behind it.
    let played = options.window + Duration::from_secs(20);
    let since_epoch = now.wall.duration_since(UNIX_EPOCH).unwrap_or_default() - played;
    let anchor = Anchor { ticks: Ticks(0), instant: now.instant, wall: now.wall - played };
    let stats = Arc::new(RenditionStats::default());
    let (publisher, channel) = channel(options, &Origin::new(since_epoch, anchor), stats);
    publisher.begin(tracks()).expect("the parameter sets are good ones");
    publisher.set_status(Status::plain(State::Live));
    let renditions = vec![Rendition { name: "main".into(), channel }];
    let camera = Camera::new("bench".into(), "Bench".into(), 0, renditions, options);
    while frames.due() < played {
        let frame = frames.next().expect("frames never end");
        publisher.push(frame).expect("the frames are in order");
        if frames.due() > Duration::from_secs(4) {
            camera.promise();
        }
    }
    (publisher, camera)
}
