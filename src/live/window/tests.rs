//! What a ring lists, keeps and lets go of, with cameras of every kind.

use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::live::{Epoch, Segment};
use crate::media::fmp4::Inits;
use crate::media::time::Anchor;
use crate::media::track::testing;

fn origin() -> Origin {
    let anchor = Anchor { ticks: Ticks(0), instant: std::time::Instant::now(), wall: std::time::UNIX_EPOCH };
    Origin::new(std::time::Duration::from_secs(1000), anchor)
}

/// A camera that feeds a ring, frame by frame.
struct Camera {
    window: Window,
    epoch: Arc<Epoch>,
    now: i64,
    frame: i64,
    gop: i64,
    frames: i64,
    size: usize,
    sound: bool,
}

impl Camera {
    fn new(fps: i64, gop: i64, options: Options) -> Self {
        Self::of(&origin(), fps, gop, options)
    }

    /// Another rendition of a camera.
    fn of(origin: &Origin, fps: i64, gop: i64, options: Options) -> Self {
        let tracks = testing::tracks();
        let inits = Inits::new(&tracks).expect("good records");
        let epoch = Arc::new(Epoch { number: 1, tracks, inits });
        let window = Window::new(options, origin);
        Self { window, epoch, now: 0, frame: 90_000 / fps, gop, frames: 0, size: 100, sound: false }
    }

    fn chunk(&self, track: TrackKind, start: i64, length: i64, sync: bool) -> Arc<Chunk> {
        let bytes = Bytes::from(vec![0; self.size]);
        let (start, end) = (Ticks(start), Ticks(start + length));
        let message = bytes.clone();
        Arc::new(Chunk {
            epoch: self.epoch.clone(),
            track,
            start,
            presentation: start,
            end,
            sync,
            bytes,
            message,
        })
    }

    fn one_frame(&mut self) {
        let sync = self.frames % self.gop == 0;
        self.window.push(self.chunk(TrackKind::Video, self.now, self.frame, sync));
        if self.sound {
            self.window.push(self.chunk(TrackKind::Audio, self.now, self.frame, true));
        }
        self.frames += 1;
        self.now += self.frame;
    }

    fn play(&mut self, seconds: i64) -> &mut Self {
        for _ in 0..seconds * 90_000 / self.frame {
            self.one_frame();
            self.window.video.check();
            if let Some(audio) = &self.window.audio {
                audio.check();
            }
            let ring = self.window.ring();
            let chunks = (ring.first()..ring.next()).filter_map(|index| ring.chunk(index));
            let bytes: usize = chunks.map(|chunk| chunk.bytes.len()).sum();
            assert_eq!(bytes, ring.bytes(), "the ring counts its bytes right");
            assert!(bytes <= self.window.options.ring_bytes, "the ring keeps its bound");
        }
        self
    }

    fn durations(&self, track: TrackKind) -> Vec<i64> {
        let line = self.window.line(track).expect("the track");
        line.listed().map(|segment| segment.duration.0).collect()
    }
}

#[test]
fn segments_are_whole_gops_of_two_seconds_at_least_and_parts_fill_their_target() {
    let mut camera = Camera::new(25, 25, Options::default());
    camera.play(20);
    assert!(camera.durations(TrackKind::Video).iter().all(|duration| *duration == 180_000));
    assert!(camera.window.cut_segments() == 0 && camera.window.measured().independent);
    let segment = camera.window.video.segment(1002).expect("the third segment");
    let parts: Vec<_> = segment.parts.iter().map(|part| part.duration.0).collect();
    assert_eq!(parts, [14_400, 43_200, 39_600, 43_200, 39_600]);
    assert!(segment.parts[0].independent);
    assert!(segment.parts[0].chunks[0].sync);
}

#[test]
fn slow_cameras_get_parts_of_a_second() {
    let mut camera = Camera::new(10, 20, Options::default());
    camera.play(10);
    assert_eq!(camera.window.part_target(TrackKind::Video), Some(Ticks(90_000)));
    let parts = &camera.window.video.segment(1001).expect("the second segment").parts;
    assert_eq!(parts.iter().map(|part| part.duration.0).collect::<Vec<_>>(), [18_000, 81_000, 81_000]);
}

#[test]
fn no_part_of_either_track_is_longer_than_its_target_from_the_first_on() {
    for fps in [1, 5, 12, 25, 60] {
        let mut camera = Camera::new(fps, 2 * fps, Options::default());
        camera.sound = true;
        camera.play(20);
        for track in [TrackKind::Video, TrackKind::Audio] {
            let target = camera.window.part_target(track).expect("frames were seen");
            let segments = camera.window.line(track).expect("the track").listed();
            let parts: Vec<_> = segments.flat_map(|segment| &segment.parts).collect();
            assert!(parts.iter().all(|part| part.duration <= target), "{track:?} at {fps} frames a second");
            assert!(parts.len() >= 8);
        }
    }
}

#[test]
fn an_endless_gop_still_makes_segments_within_the_promise() {
    let mut camera = Camera::new(25, 100_000, Options::default());
    camera.play(3);
    let measured = camera.window.measured();
    let targets = Targets::choose(&Options::default(), &[measured]);
    assert_eq!(targets.duration, 4);
    camera.window.promise(targets);
    camera.play(60);
    let limit = segment_limit(4).0;
    assert!(camera.durations(TrackKind::Video).iter().all(|duration| (300_000..=limit).contains(duration)));
    assert!(camera.window.cut_segments() > 10 && !camera.window.measured().independent);
}

#[test]
fn the_list_never_gets_shorter_than_the_window_and_old_segments_stay_a_while() {
    let options = Options { window: Duration::from_secs(14), ..Options::default() };
    let mut camera = Camera::new(25, 50, options);
    camera.play(3);
    let measured = camera.window.measured();
    camera.window.promise(Targets::choose(&options, &[measured]));
    camera.play(60);
    let listed: i64 = camera.durations(TrackKind::Video).iter().sum();
    assert_eq!(listed, 14 * 90_000);
    let oldest = camera.window.video.oldest().expect("a segment");
    assert!(oldest.in_parts() && oldest.parts.len() >= 4, "its parts are kept with it");
    assert_eq!(
        camera.window.video.first_listed() - oldest.msn,
        10,
        "three target durations and some, in segments of two seconds"
    );
}

#[test]
fn the_byte_budget_wins_over_the_window() {
    let options = Options { ring_bytes: 40_000, ..Options::default() };
    let mut camera = Camera::new(25, 25, options);
    camera.play(60);
    assert!(camera.window.video.listed().count() > 0);
    assert!(camera.window.ring().last_sync().is_some());
    assert!(camera.window.evicted_early() > 0);
}

#[test]
fn what_one_rendition_had_to_let_go_of_leaves_the_lists_of_the_others() {
    let origin = origin();
    let options = Options { window: Duration::from_secs(100), ring_bytes: 450_000, ..Options::default() };
    let mut main = Camera::of(&origin, 25, 50, options);
    let mut sub = Camera::of(&origin, 25, 50, options);
    (main.size, sub.size) = (400, 100);
    for _ in 0..80 {
        main.play(1);
        sub.play(1);
    }
    assert!(main.window.evicted_early() > 0 && sub.window.evicted_early() == 0);
    let start = |camera: &Camera| camera.window.video.listed().next().expect("a segment").presentation;
    let apart = start(&main) - start(&sub);
    assert!((0..=4 * 90_000).contains(&apart.0), "{apart:?}");
    let kept = sub.window.video.oldest().expect("a segment").start;
    assert_eq!(kept, Ticks(0), "what was listed can be loaded as long as ever");
    // However little the one has left, the others keep what a list must have.
    origin.list_from(Ticks(1_000 * 90_000));
    sub.play(60);
    let listed: i64 = sub.durations(TrackKind::Video).iter().sum();
    assert_eq!(listed, 3 * i64::from(LONGEST_TARGET_DURATION) * 90_000);
}

#[test]
fn audio_segments_have_the_numbers_and_lengths_of_the_video_s() {
    let mut camera = Camera::new(25, 50, Options::default());
    camera.sound = true;
    camera.play(20);
    let audio = camera.window.line(TrackKind::Audio).expect("sound");
    for segment in audio.listed() {
        let video = camera.window.video.segment(segment.msn).expect("its video");
        assert_eq!((segment.start, segment.duration), (video.start, video.duration));
    }
}

#[test]
fn where_the_sound_stops_its_list_goes_on_with_gaps() {
    let mut camera = Camera::new(25, 50, Options::default());
    camera.sound = true;
    camera.play(10);
    camera.sound = false;
    camera.play(20);
    let audio = camera.window.line(TrackKind::Audio).expect("sound");
    let newest = audio.newest().expect("a segment");
    assert!(newest.gap);
    assert!(camera.window.video.open_msn() - newest.msn <= 2);
    let end = |segment: &Segment| segment.start + segment.duration;
    let segments: Vec<_> = audio.listed().collect();
    assert!(segments.windows(2).all(|pair| end(pair[0]) == pair[1].start), "gaps leave no holes");
    camera.sound = true;
    camera.play(10);
    assert!(!camera.window.line(TrackKind::Audio).and_then(Line::newest).expect("a segment").gap);
}

#[test]
fn a_break_makes_one_discontinuity_in_both_lists() {
    let mut camera = Camera::new(25, 50, Options::default());
    camera.sound = true;
    camera.play(5);
    camera.window.interrupt();
    camera.window.interrupt();
    camera.now += 900_000;
    camera.frames = 0;
    camera.play(5);
    for track in [TrackKind::Video, TrackKind::Audio] {
        let line = camera.window.line(track).expect("the track");
        let breaks: Vec<_> =
            line.listed().filter(|segment| segment.discontinuities == 1).map(|s| s.msn).collect();
        assert_eq!(breaks, [1003], "{track:?}");
        assert!(line.listed().is_sorted_by_key(|segment| segment.stretch));
    }
}

#[test]
fn a_break_in_one_rendition_is_one_in_all_and_counts_once() {
    let origin = origin();
    let mut main = Camera::of(&origin, 25, 50, Options::default());
    let mut sub = Camera::of(&origin, 25, 50, Options::default());
    main.play(5);
    sub.play(5);
    main.window.interrupt();
    main.frames = 0;
    main.play(5);
    sub.play(5);
    assert_eq!((main.window.stretch(), sub.window.stretch()), (1, 1));
    // The whole camera restarts.
    for rendition in [&mut main, &mut sub] {
        rendition.window.interrupt();
        rendition.frames = 0;
    }
    main.play(5);
    sub.play(5);
    for rendition in [&main, &sub] {
        let breaks: u64 = rendition.window.video.listed().map(|segment| segment.discontinuities).sum();
        assert_eq!((rendition.window.stretch(), breaks), (2, 2));
    }
}

#[test]
fn no_part_is_longer_than_its_target_even_if_a_frame_is() {
    let mut camera = Camera::new(25, 50, Options::default());
    camera.play(5);
    let long = camera.chunk(TrackKind::Video, camera.now, 60_000, false);
    camera.window.push(long);
    camera.now += 60_000;
    camera.frames = 10;
    let open = camera.window.video.open().expect("a segment");
    assert!(open.whole && open.parts.is_empty());
    camera.play(5);
    let target = camera.window.part_target(TrackKind::Video).expect("frames were seen");
    let (whole, listed): (Vec<_>, Vec<_>) = camera.window.video.listed().partition(|one| one.whole);
    assert_eq!(whole.len(), 1);
    assert!(camera.window.video.part(whole[0].msn, 0).is_none(), "its part has no name");
    assert!(listed.iter().flat_map(|one| &one.parts).all(|part| part.duration <= target));
    assert!(camera.window.video.listed().all(|one| one.discontinuities == 0));
}

#[test]
fn a_cursor_that_fell_off_the_ring_is_told_the_newest_sync_sample() {
    let mut camera = Camera::new(25, 25, Options { ring_bytes: 40_000, ..Options::default() });
    camera.play(60);
    assert!(camera.window.ring().chunk(0).is_none());
    let sync = camera.window.ring().last_sync().expect("a sync sample");
    assert!(camera.window.ring().chunk(sync).expect("it is kept").starts_picture());
}
