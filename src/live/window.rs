//! The ring of one rendition: its chunks, and the segments of its tracks over the same memory.
//!
//! Bounded by time and by bytes. No clock, lock or waiting: `channel.rs` adds those.

mod keep;
mod measure;
mod rest;
mod sound;
mod stand_in;

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
            self.end_stand_in();
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
        self.end_stand_in();
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
mod tests;
