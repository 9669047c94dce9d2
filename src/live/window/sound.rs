//! Sound in the ring: its segments follow those of the pictures.

use std::sync::Arc;

use super::{SOUND_TOO_LATE, Window};
use crate::live::cutter::{self, Boundary, Incoming, Limits};
use crate::live::line::{Line, Place};
use crate::live::model::Chunk;
use crate::live::targets::{self, LONGEST_TARGET_DURATION, segment_limit};
use crate::media::Ticks;
use crate::media::time::TICKS_PER_SECOND;

/// A segment of sound may be this much longer than one of pictures: a frame of the longest kind but one.
const SOUND_SLACK: Ticks = Ticks(TICKS_PER_SECOND as i64 * 13 / 100);

/// Chunks of sound that wait for the part target; it is known after a second of pictures at most.
const MOST_EARLY_AUDIO: usize = 100;

impl Window {
    pub(super) fn push_audio(&mut self, chunk: Arc<Chunk>, index: u64) {
        if self.broken {
            return;
        }
        self.choose_audio_part_target(&chunk);
        if self.audio_part_target.is_none() {
            if self.early_audio.len() < MOST_EARLY_AUDIO {
                self.early_audio.push((chunk, index));
            }
            return;
        }
        for (early, index) in std::mem::take(&mut self.early_audio) {
            self.push_audio(early, index);
        }
        let keep = self.keep();
        let limits = Limits { part: self.audio_part_target, ..self.limits() };
        if limits.part.is_some_and(|most| chunk.end - chunk.start > most) {
            return;
        }
        let first_msn = self.video.open_msn();
        let audio = self.audio.get_or_insert_with(|| Line::new(first_msn));
        let longest = segment_limit(self.targets.map_or(LONGEST_TARGET_DURATION, |targets| targets.duration));
        let ended = |msn| self.video.segment(msn).map(|segment| segment.start + segment.duration);
        while ended(audio.open_msn()).is_some_and(|end| chunk.start >= end) {
            audio.follow(&self.video, SOUND_TOO_LATE);
        }
        let start = self.video.start_of(audio.open_msn());
        // Where pictures come later than their sound, the segment before may have taken some of this one's.
        let heard = audio.newest().map_or(Ticks(i64::MIN), |last| last.start + last.duration);
        let late = start.is_some_and(|start| chunk.start - start.max(heard) > SOUND_TOO_LATE);
        // One that starts late waits for the next segment: a list of shorter ones would drift from the
        // video's. One that runs on is cut off: where its video ends is not known before the promised length.
        let unheard =
            audio.reach().map_or(late, |open| chunk.end - open.segment_start > longest + SOUND_SLACK);
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
        let (Some(video), Some(audio)) = (self.part_target, &chunk.epoch.tracks.audio) else { return };
        let frame = Ticks::from_timescale(audio.frame_samples.into(), audio.sample_rate);
        let target = targets::audio_part_target(video, frame);
        let promised = self.targets.map_or(target, |targets| targets.longest_part());
        self.audio_part_target = Some(target.min(promised));
    }
}
