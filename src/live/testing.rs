//! A camera without a camera: feeds a real channel with made-up frames, for the tests of higher floors.

use std::sync::Arc;
use std::time::{Duration, Instant, UNIX_EPOCH};

use bytes::Bytes;

use super::{Camera, Channel, Options, Origin, Publisher, Rendition, RunId, State, Status, channel};
use crate::media::time::Anchor;
use crate::media::track::testing;
use crate::media::{Frame, Ticks, TrackKind, Tracks};
use crate::stats::RenditionStats;

/// Ticks of one video frame: 25 a second.
const FRAME: u64 = 3600;
/// Samples of one audio frame.
const SAMPLES: u64 = 1024;
const SAMPLE_RATE: u64 = 48_000;

/// 25 frames a second with AAC at 48 kHz, from decode time 0 on.
pub(crate) struct FakeCamera {
    pub(crate) publisher: Publisher,
    pub(crate) channel: Arc<Channel>,
    pub(crate) camera: Camera,
    tracks: Tracks,
    gop: u64,
    frames: u64,
    samples: u64,
    size: usize,
}

impl FakeCamera {
    /// With a sync sample every `gop` frames; run `abc`, first segment 100, anchored at a billion seconds.
    pub(crate) fn new(gop: u64, tracks: Tracks) -> Self {
        Self::with(gop, tracks, Options::default())
    }

    /// Silent, with a ring that goes back this far.
    pub(crate) fn with_window(gop: u64, window: Duration) -> Self {
        Self::with(gop, testing::video_only(), Options { window, ..Options::default() })
    }

    fn with(gop: u64, tracks: Tracks, options: Options) -> Self {
        Self::of(&Self::origin(), gop, tracks, options)
    }

    /// A camera whose renditions `main` and `sub` show the same at the same time, and live; and each for itself.
    pub(crate) fn pair(gop: u64, main: Tracks, sub: Tracks) -> (Self, Self, Camera) {
        let (origin, options) = (Self::origin(), Options::default());
        let [main, sub] = [main, sub].map(|tracks| Self::of(&origin, gop, tracks, options));
        let renditions = [("main", &main), ("sub", &sub)].map(|(name, one)| {
            one.publisher.set_status(Status::plain(State::Live));
            one.publisher.set_skew(Some(Ticks(0)));
            Rendition { name: name.into(), channel: one.channel.clone() }
        });
        let camera = Camera::new("door".into(), "Door".into(), 0, renditions.to_vec(), options);
        (main, sub, camera)
    }

    fn origin() -> Origin {
        let anchor = Anchor {
            ticks: Ticks(0),
            instant: Instant::now(),
            wall: UNIX_EPOCH + Duration::from_secs(1_000_000_000),
        };
        Origin { run: RunId(0xabc), first_msn: 100, ..Origin::new(Duration::ZERO, anchor) }
    }

    fn of(origin: &Origin, gop: u64, tracks: Tracks, options: Options) -> Self {
        let stats = Arc::new(RenditionStats::default());
        let (publisher, channel) = channel(options, origin, stats);
        publisher.begin(tracks.clone()).expect("good records");
        let rendition = Rendition { name: "main".into(), channel: channel.clone() };
        let camera = Camera::new("door".into(), "Door".into(), 0, vec![rendition], options);
        Self { publisher, channel, camera, tracks, gop, frames: 0, samples: 0, size: 1000 }
    }

    /// Silent, with frames of this many bytes and all else as given.
    pub(crate) fn sized(gop: u64, tracks: Tracks, size: usize) -> Self {
        Self { size, ..Self::new(gop, tracks) }
    }

    /// The same, silent.
    pub(crate) fn silent(gop: u64) -> Self {
        Self::new(gop, testing::video_only())
    }

    /// Sends this many pictures, and the sound that goes with them.
    pub(crate) fn play(&mut self, frames: u64) -> &mut Self {
        for _ in 0..frames {
            let sync = self.frames.is_multiple_of(self.gop);
            self.push(TrackKind::Video, self.frames * FRAME, FRAME as u32, sync);
            self.frames += 1;
            while self.tracks.audio.is_some() && self.samples * 25 < self.frames * SAMPLE_RATE {
                self.push(TrackKind::Audio, self.samples, SAMPLES as u32, true);
                self.samples += SAMPLES;
            }
        }
        self
    }

    /// Has all frames of sound lie so many samples later.
    pub(crate) fn shift_sound(&mut self, samples: u64) -> &mut Self {
        self.samples += samples;
        self
    }

    /// Sends this many pictures, whose sound does not come.
    pub(crate) fn play_mute(&mut self, frames: u64) -> &mut Self {
        for _ in 0..frames {
            self.push(
                TrackKind::Video,
                self.frames * FRAME,
                FRAME as u32,
                self.frames.is_multiple_of(self.gop),
            );
            self.frames += 1;
        }
        self
    }

    /// Sends this many pictures, none of them a sync sample, at one for each `every` of the usual ones.
    pub(crate) fn play_slowly(&mut self, frames: u64, every: u64) -> &mut Self {
        for _ in 0..frames {
            self.push(TrackKind::Video, self.frames * FRAME, (every * FRAME) as u32, false);
            self.frames += every;
        }
        self
    }

    /// Starts a new epoch some seconds later.
    pub(crate) fn break_off(&mut self, seconds: u64, tracks: Tracks) -> &mut Self {
        self.frames = (self.frames + seconds * 25).next_multiple_of(self.gop);
        self.samples = self.frames * FRAME * SAMPLE_RATE / 90_000;
        self.tracks = tracks.clone();
        self.publisher.begin(tracks).expect("good records");
        self
    }

    fn push(&self, track: TrackKind, decode_time: u64, duration: u32, sync: bool) {
        let data = Bytes::from(vec![0; self.size]);
        let frame = Frame { track, decode_time, duration, composition_offset: 0, sync, data };
        self.publisher.push(frame).expect("a frame in its place");
    }
}
