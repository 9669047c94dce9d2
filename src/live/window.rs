//! The ring of one rendition: its chunks, and the segments of its tracks over the same memory.
//!
//! Bounded by time and by bytes. No clock, lock or waiting: `channel.rs` adds those.

mod keep;
mod measure;
mod rest;
mod sound;

use std::collections::VecDeque;
use std::sync::Arc;

use super::Options;
use super::cutter::{self, Boundary, Incoming, Limits};
use super::fit::{Fitted, Picture, fit};
use super::line::{Line, Place};
use super::model::{Chunk, Origin};
use super::ring::Ring;
use super::targets::{self, LONGEST_TARGET_DURATION, Targets, segment_limit};
use super::tip::{LineTip, Tip};
use crate::media::time::TICKS_PER_SECOND;
use crate::media::{Ticks, TrackKind};

/// Sound that lags or starts this much behind its segment's video makes the segment a gap, if its frames are not longer.
const SOUND_TOO_LATE: Ticks = Ticks(TICKS_PER_SECOND as i64 / 5);

/// How long sound is waited for beyond the end of its segment.
const SOUND_PATIENCE: Ticks = Ticks(TICKS_PER_SECOND as i64 * 3 / 2);

/// Sound that may be missing before a break, where what was under way is lost.
const SOUND_LOST_AT_BREAK: Ticks = Ticks(TICKS_PER_SECOND as i64);

/// The open segment may hold this share of the ring's bytes.
const SEGMENT_SHARE: usize = 4;

/// The ring.
#[derive(Debug)]
pub struct Window {
    options: Options,
    targets: Option<Targets>,
    part_target: Option<Ticks>,
    audio_part_target: Option<Ticks>,
    /// Sound that came before its pictures, with its places in the ring.
    waiting_audio: VecDeque<(Arc<Chunk>, u64)>,
    /// How late sound may be: what it says of itself, or [`SOUND_TOO_LATE`].
    sound_too_late: Ticks,
    ring: Ring,
    video: Line,
    audio: Option<Line>,
    origin: Origin,
    stretch: u64,
    /// True while the playlists wait for a sync sample to start their next stretch with.
    broken: bool,
    /// Where the pictures began that have gone on without a break since.
    begun: Ticks,
    gop_start: Option<Ticks>,
    last_gop: Ticks,
    longest_gop: Ticks,
    evicted_early: u64,
    /// What was decided of the picture that is being muxed, and where it starts.
    fitted: Option<(Ticks, Fitted)>,
    whole_segments: u64,
    cut_segments: u64,
    revision: u64,
    closed: bool,
}

impl Window {
    /// An empty ring of a camera that began at `origin`.
    pub fn new(options: Options, origin: &Origin) -> Self {
        Self {
            options,
            targets: None,
            part_target: None,
            audio_part_target: None,
            waiting_audio: VecDeque::new(),
            sound_too_late: SOUND_TOO_LATE,
            ring: Ring::default(),
            video: Line::new(origin.first_msn),
            audio: None,
            origin: origin.clone(),
            stretch: origin.first_stretch,
            broken: true,
            begun: Ticks(0),
            gop_start: None,
            last_gop: Ticks(0),
            longest_gop: Ticks(0),
            evicted_early: 0,
            fitted: None,
            whole_segments: 0,
            cut_segments: 0,
            revision: 0,
            closed: false,
        }
    }

    /// Ends the next picture on the decode line so that parts keep their bounds.
    pub fn fit(&mut self, picture: Picture) -> Ticks {
        self.learn(picture.start, picture.due, picture.sync);
        let open = if self.broken { None } else { self.video.reach() };
        let fitted = fit(open, picture, self.last_gop, &self.limits());
        self.fitted = Some((picture.start, fitted));
        fitted.end
    }

    /// Takes in a chunk. Chunks of one epoch come in the order of their tracks' decode times.
    pub fn push(&mut self, chunk: Arc<Chunk>) {
        let index = self.ring.push(chunk.clone());
        match chunk.track {
            TrackKind::Video => self.push_video(chunk, index),
            TrackKind::Audio => self.push_audio(chunk, index),
        }
        self.evict();
    }

    fn push_video(&mut self, chunk: Arc<Chunk>, index: u64) {
        let fitted = self.fitted.take().filter(|(start, _)| *start == chunk.start).map(|(_, fitted)| fitted);
        if fitted.is_none() {
            self.learn(chunk.start, chunk.end, chunk.sync);
        }
        // No part may be longer than promised, whatever was asked for.
        let too_long = self.part_target.is_some_and(|most| chunk.end - chunk.start > most);
        let whole = too_long || fitted.is_some_and(|fitted| fitted.whole);
        if self.broken {
            if !chunk.sync {
                return;
            }
            (self.broken, self.begun) = (false, chunk.start);
            self.stretch = match self.video.last_stretch() {
                Some(_) => self.origin.stretch_after(self.stretch),
                None => self.origin.stretch(),
            };
        }
        let limits = self.limits();
        let boundary = self.video.reach().map_or(Boundary::None, |open| match fitted {
            _ if open.whole != whole => Boundary::Segment,
            Some(fitted) => fitted.boundary,
            None => cutter::video(open, Incoming::from(&*chunk), self.last_gop, &limits),
        });
        if boundary == Boundary::Segment {
            // A segment this short, as in a ring that is too small, is all there is to go by.
            self.choose_part_target(chunk.start, chunk.end, Ticks(0));
        }
        if boundary == Boundary::Segment && chunk.sync {
            // A break in another rendition is one in this, from the next sync sample on.
            self.stretch = self.origin.stretch();
        }
        let in_parts = !whole && self.video.open().is_some_and(|open| !open.whole);
        self.cut_segments += u64::from(boundary == Boundary::Segment && in_parts && !chunk.sync);
        let longest_part = self.part_target;
        let shown = chunk.presentation + (chunk.end - chunk.start);
        self.video.append(chunk, Place { boundary, stretch: self.stretch, index, whole, longest_part });
        self.place_audio();
        if boundary == Boundary::Segment {
            self.whole_segments += u64::from(self.video.newest().is_some_and(|segment| segment.whole));
            self.after_video_segment(shown);
        }
    }

    /// `shown` is where the newest picture ends on the clock by which sound comes too.
    fn after_video_segment(&mut self, shown: Ticks) {
        let keep = self.shorten_list();
        if let Some(audio) = &mut self.audio {
            // One segment behind is the rule, since audio comes after the video it belongs to. Where pictures come
            // faster again than was predicted, their line is ahead of the sound for a moment: that is no reason
            // to give it up.
            let given_up = self.video.open_end().map_or(shown, |end| end.min(shown)) - SOUND_PATIENCE;
            while audio.open_msn() + 1 < self.video.open_msn()
                && self.video.start_of(audio.open_msn() + 1).is_none_or(|end| end < given_up)
            {
                audio.follow(&self.video, self.sound_too_late);
            }
            audio.shorten_list(keep);
        }
    }

    /// Ends the segments of both tracks at once; the next ones begin behind a discontinuity.
    pub fn interrupt(&mut self) {
        if self.broken {
            return;
        }
        if let Some(end) = self.video.open_end() {
            // What ends so soon is listed too, and needs a part target.
            self.choose_part_target(end, end, Ticks(0));
        }
        self.broken = true;
        self.waiting_audio.clear();
        self.gop_start = None;
        self.video.close_segment();
        let keep = self.shorten_list();
        if let Some(audio) = &mut self.audio {
            while audio.open_msn() < self.video.open_msn() {
                let last = audio.open_msn() + 1 == self.video.open_msn();
                audio.follow(&self.video, if last { SOUND_LOST_AT_BREAK } else { self.sound_too_late });
            }
            audio.shorten_list(keep);
        }
        self.evict();
    }

    /// Nothing will come any more.
    pub fn close(&mut self) {
        self.interrupt();
        self.closed = true;
    }

    /// Learns what a picture that comes next tells of the stream.
    fn learn(&mut self, start: Ticks, end: Ticks, sync: bool) {
        if sync {
            self.measure_gop(start);
        }
        self.choose_part_target(start, end, targets::part_target_evidence(&self.options));
    }

    fn measure_gop(&mut self, sync: Ticks) {
        if let Some(start) = self.gop_start.replace(sync) {
            self.last_gop = sync - start;
            self.longest_gop = self.longest_gop.max(self.last_gop);
        }
    }

    /// Chooses the part target once frames of more than `evidence` tell the rate, and holds to it for ever.
    fn choose_part_target(&mut self, start: Ticks, end: Ticks, evidence: Ticks) {
        if self.part_target.is_some() || self.broken {
            return;
        }
        let Some(reach) = self.video.reach() else { return };
        let seen = start - reach.part_start;
        if end - reach.part_start <= evidence || seen.0 <= 0 {
            return;
        }
        let frames = self.ring.frames_between(reach.part_start, start);
        let interval = Ticks(seen.0 / frames.max(1) as i64);
        let target = targets::part_target(&self.options, interval);
        let promised = self.targets.map_or(target, |targets| targets.longest_part());
        let target = target.min(promised);
        self.part_target = Some(target);
        if seen > target {
            self.video.forgo_parts();
        }
    }

    fn limits(&self) -> Limits {
        Limits {
            part: self.part_target,
            segment_enough: targets::segment_enough(&self.options),
            segment_most: segment_limit(self.target_duration()),
            segment_bytes: Self::most_chunk_bytes(&self.options),
        }
    }

    fn target_duration(&self) -> u32 {
        self.targets.map_or(LONGEST_TARGET_DURATION, |targets| targets.duration)
    }

    /// What readers wait for.
    pub fn tip(&self) -> Tip {
        Tip {
            video: LineTip::of(&self.video),
            audio: self.audio.as_ref().map(LineTip::of),
            next_chunk: self.ring.next(),
            last_sync: self.ring.last_sync(),
            end: self.ring.newest().map(|chunk| chunk.end).unwrap_or_default(),
            begun: self.begun,
            revision: self.revision,
            closed: self.closed,
        }
    }

    /// The same after a change.
    pub fn next_tip(&mut self) -> Tip {
        self.revision += 1;
        self.tip()
    }

    /// Segments so far that had no parts.
    pub fn whole_segments(&self) -> u64 {
        self.whole_segments
    }

    /// Segments so far that began between two sync samples.
    pub fn cut_segments(&self) -> u64 {
        self.cut_segments
    }

    /// Segments that were let go before their time, because the ring was full.
    pub fn evicted_early(&self) -> u64 {
        self.evicted_early
    }

    /// The chunks of both tracks.
    pub fn ring(&self) -> &Ring {
        &self.ring
    }

    /// The segments of one track.
    pub fn line(&self, track: TrackKind) -> Option<&Line> {
        match track {
            TrackKind::Video => Some(&self.video),
            TrackKind::Audio => self.audio.as_ref(),
        }
    }

    /// The stretch that the newest segment belongs to: its discontinuity sequence number.
    pub fn stretch(&self) -> u64 {
        self.stretch
    }

    /// The part target of a track, once its frame rate is known.
    pub fn part_target(&self, track: TrackKind) -> Option<Ticks> {
        match track {
            TrackKind::Video => self.part_target,
            TrackKind::Audio => self.audio_part_target.or(self.part_target),
        }
    }

    /// Its bounds and targets.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// What the playlists promise, once they were first made.
    pub fn targets(&self) -> Option<Targets> {
        self.targets
    }

    /// Makes the promises that hold from now on.
    pub fn promise(&mut self, targets: Targets) {
        if self.targets.is_some() {
            return;
        }
        self.targets = Some(targets);
        let keep = self.keep();
        for line in [Some(&mut self.video), self.audio.as_mut()].into_iter().flatten() {
            line.list_all();
            line.shorten_list(keep);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;

    use super::*;
    use crate::live::{Epoch, Segment};
    use crate::media::fmp4::Inits;
    use crate::media::time::Anchor;
    use crate::media::track::testing;

    fn origin() -> Origin {
        let anchor =
            Anchor { ticks: Ticks(0), instant: std::time::Instant::now(), wall: std::time::UNIX_EPOCH };
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
                assert!(
                    parts.iter().all(|part| part.duration <= target),
                    "{track:?} at {fps} frames a second"
                );
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
        assert!(
            camera.durations(TrackKind::Video).iter().all(|duration| (300_000..=limit).contains(duration))
        );
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
        let oldest = camera.window.video.oldest().expect("a segment").msn;
        assert_eq!(
            camera.window.video.first_listed() - oldest,
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
}
