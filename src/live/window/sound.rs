//! Sound in the ring: its segments follow those of the pictures.

use std::sync::Arc;

use super::{SOUND_TOO_LATE, Window};
use crate::live::cutter::{self, Boundary, Incoming, Limits};
use crate::live::line::{Line, Place};
use crate::live::model::Chunk;
use crate::live::targets::{self, LONGEST_TARGET_DURATION, segment_limit};
use crate::media::Ticks;
use crate::media::time::TICKS_PER_SECOND;

/// A segment of sound may be this much longer than one of pictures: the longest frame, 2048 samples at 8 kHz.
pub(super) const SOUND_SLACK: Ticks = Ticks(TICKS_PER_SECOND as i64 * 256 / 1000);

/// The timescale of sound is not that of pictures.
const ROUNDING: Ticks = Ticks(TICKS_PER_SECOND as i64 / 100);

/// Chunks of sound that wait for their pictures, at most: some seconds of them.
const MOST_WAITING: usize = 250;

/// How long one frame of the sound lasts that `chunk` belongs to.
fn frame_of(chunk: &Chunk) -> Option<Ticks> {
    let audio = chunk.epoch.tracks.audio.as_ref()?;
    Some(Ticks::from_timescale(audio.frame_samples.into(), audio.sample_rate))
}

impl Window {
    /// Takes in a chunk of sound. It waits for its pictures: only then is known which segment it belongs to,
    /// and without them nobody could play it.
    pub(super) fn push_audio(&mut self, chunk: Arc<Chunk>, index: u64) {
        if !self.broken && self.waiting_audio.len() < MOST_WAITING {
            self.waiting_audio.push_back((chunk, index));
            self.place_audio();
        }
    }

    /// Places the sound whose pictures are there.
    pub(super) fn place_audio(&mut self) {
        while let Some((chunk, _)) = self.waiting_audio.front().cloned()
            && self.video.open_end().is_some_and(|end| chunk.start < end)
        {
            self.choose_audio_part_target(&chunk);
            if self.audio_part_target.is_none() {
                return;
            }
            if let Some((chunk, index)) = self.waiting_audio.pop_front() {
                self.append_audio(chunk, index);
            }
        }
    }

    fn append_audio(&mut self, chunk: Arc<Chunk>, index: u64) {
        let keep = self.keep();
        self.sound_too_late = SOUND_TOO_LATE.max(frame_of(&chunk).map_or(Ticks(0), |frame| frame + ROUNDING));
        let too_late = self.sound_too_late;
        let limits = Limits { part: self.audio_part_target, ..self.limits() };
        if limits.part.is_some_and(|most| chunk.end - chunk.start > most) {
            return;
        }
        let mut segments = self.video.listed();
        let own = segments.find(|segment| chunk.start < segment.start + segment.duration);
        let first_msn = own.map_or(self.video.open_msn(), |segment| segment.msn);
        let audio = self.audio.get_or_insert_with(|| Line::new(first_msn));
        let longest = segment_limit(self.targets.map_or(LONGEST_TARGET_DURATION, |targets| targets.duration));
        let ended = |msn| self.video.segment(msn).map(|segment| segment.start + segment.duration);
        while ended(audio.open_msn()).is_some_and(|end| chunk.start >= end) {
            audio.follow(&self.video, too_late);
        }
        let start = self.video.start_of(audio.open_msn());
        // A run of sound that ends behind its segment's end takes some of this one's.
        let heard = audio.newest().map_or(Ticks(i64::MIN), |last| last.start + last.duration);
        let late = start.is_some_and(|start| chunk.start - start.max(heard) > too_late);
        // One that starts late waits for the next segment: a list of shorter ones would drift from the
        // video's. One that would make its segment longer than promised is left out.
        // One that comes when its segment is a gap already is too late altogether.
        let unheard = match audio.reach() {
            Some(open) => chunk.end - open.segment_start > longest + SOUND_SLACK,
            None => late || chunk.start < heard,
        };
        if !unheard {
            let video_end =
                ended(audio.open_msn()).or_else(|| cutter::expected_end(start?, self.last_gop, &limits));
            let boundary = audio.reach().map_or(Boundary::None, |open| {
                cutter::audio(open, Incoming::from(&*chunk), video_end, &limits)
            });
            let stretch = self.video.stretch_of(audio.open_msn()).unwrap_or(self.stretch);
            let longest_part = limits.part;
            audio.append(chunk, Place { boundary, stretch, index, whole: false, longest_part });
        }
        audio.shorten_list(keep);
    }

    /// Chooses the part target of the sound beside the video's, and holds to it for ever.
    fn choose_audio_part_target(&mut self, chunk: &Chunk) {
        if self.audio_part_target.is_some() {
            return;
        }
        let (Some(video), Some(frame)) = (self.part_target, frame_of(chunk)) else { return };
        let target = targets::audio_part_target(video, frame);
        let promised = self.targets.map_or(target, |targets| targets.longest_part());
        self.audio_part_target = Some(target.min(promised));
    }
}
