//! The sound of a rendition that is down goes on, where another one of its camera stands in for it.
//!
//! All variants share one list of sound, so that a player that changes the picture keeps what it hears. That list must
//! not end with the rendition that it belongs to: it follows the segments of the one that stands in, with the sound of
//! that one if it is of the same kind, else with silence. In the list of pictures gaps keep the place
//! (RFC 8216bis 6.2.1), and no player is sent there meanwhile. The chunks are listed and no more than that: the ring is
//! for those who want pictures.

use std::sync::Arc;

use super::sound::SOUND_SLACK;
use super::{SOUND_PATIENCE, Window};
use crate::live::cutter::{self, Boundary, Incoming, Limits};
use crate::live::line::Place;
use crate::live::model::{Chunk, Epoch, Segment};
use crate::live::muxer::LONGEST_AUDIO_RUN;
use crate::live::targets::segment_limit;
use crate::media::{AudioTrack, Frame, Framed, Ticks, TrackKind, fmp4, silence};

/// What a ring without pictures needs, to go on with its sound.
#[derive(Clone, Debug)]
pub struct Need {
    epoch: Arc<Epoch>,
    track: Arc<AudioTrack>,
    pictures: Ticks,
    sound: Ticks,
}

/// What another ring gives it.
#[derive(Debug)]
pub struct StandIn {
    spans: Vec<Span>,
    /// Its sound, oldest first, where that is of the same kind.
    sound: Option<Vec<Arc<Chunk>>>,
}

/// A segment of the other ring's pictures.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: Ticks,
    /// Where it ends, or has come to.
    end: Ticks,
    stretch: u64,
    finished: bool,
    /// Where it will end, as far as can be told.
    expected_end: Option<Ticks>,
}

impl Window {
    /// What is needed to go on; `None` while there are pictures, and where there was no sound.
    pub fn need(&self) -> Option<Need> {
        let audio = self.audio.as_ref().filter(|_| self.broken && !self.closed)?;
        let epoch = self.ring.newest()?.epoch.clone();
        let track = epoch.tracks.audio.clone()?;
        self.audio_part_target?;
        let end = |segment: &Arc<Segment>| segment.start + segment.duration;
        let pictures = self.video.newest().map(end)?;
        let sound = audio.open_end().or_else(|| audio.newest().map(end))?;
        Some(Need { epoch, track, pictures, sound })
    }

    /// True where this ring's sound is of the kind of `track`.
    pub fn sounds_like(&self, track: &AudioTrack) -> bool {
        let own = self.ring.newest().and_then(|chunk| chunk.epoch.tracks.audio.as_ref());
        own.is_some_and(|own| **own == *track)
    }

    /// What this ring gives to one with that `need`.
    pub fn standing_in(&self, need: &Need) -> StandIn {
        let finished = self.video.kept().map(|segment| Span {
            start: segment.start,
            end: segment.start + segment.duration,
            stretch: segment.stretch,
            finished: true,
            expected_end: Some(segment.start + segment.duration),
        });
        let limits = self.limits();
        let open = self.video.open().zip(self.video.open_end()).map(|(open, end)| Span {
            start: open.start,
            end,
            stretch: open.stretch,
            finished: false,
            expected_end: cutter::expected_end(open.start, self.last_gop, &limits),
        });
        let spans = finished.chain(open).filter(|span| span.end > need.pictures).collect();
        let sound = self.sounds_like(&need.track).then(|| self.ring.sound_from(need.sound));
        StandIn { spans, sound }
    }

    /// Goes on with what `other` gives.
    pub fn stand_in(&mut self, other: &StandIn) {
        let keep = self.keep();
        for span in &other.spans {
            let Some(need) = self.need() else { break };
            let from = need.sound.max(span.start);
            let newest = match &other.sound {
                Some(sound) => {
                    let own = sound.iter().filter(|chunk| from <= chunk.start && chunk.start < span.end);
                    own.for_each(|chunk| self.hear(chunk.of(&need.epoch), *span));
                    sound.last().map(|chunk| chunk.start)
                }
                None => {
                    let silence = silent(&need, from, *span);
                    silence.into_iter().for_each(|chunk| self.hear(chunk, *span));
                    Some(span.end)
                }
            };
            let reach = other.spans.last().map_or(span.end, |last| last.end);
            let complete =
                newest.is_some_and(|newest| newest >= span.end) || span.end + SOUND_PATIENCE < reach;
            if !(span.finished && complete) {
                break;
            }
            self.keep_place(*span);
        }
        if let Some(audio) = &mut self.audio {
            audio.shorten_list(keep);
        }
        self.evict();
    }

    /// Ends what stands in: pictures come again, or nothing more will come.
    pub(super) fn end_stand_in(&mut self) {
        let open = self.audio.as_ref().filter(|_| self.broken).and_then(|audio| audio.open());
        let Some((start, stretch)) = open.map(|open| (open.start, open.stretch)) else { return };
        let Some(end) = self.audio.as_ref().and_then(|audio| audio.open_end()) else { return };
        self.keep_place(Span { start, end, stretch, finished: true, expected_end: None });
    }

    fn hear(&mut self, chunk: Arc<Chunk>, span: Span) {
        let limits = Limits { part: self.audio_part_target, ..self.limits() };
        let longest = segment_limit(self.target_duration());
        let index = self.kept_from();
        let Some(audio) = &mut self.audio else { return };
        let start = audio.reach().map_or(chunk.start, |open| open.segment_start);
        let too_long = limits.part.is_some_and(|most| chunk.end - chunk.start > most);
        if too_long || chunk.end - start > longest + SOUND_SLACK {
            return;
        }
        let boundary = audio.reach().map_or(Boundary::None, |open| {
            cutter::audio(open, Incoming::from(&*chunk), span.expected_end, &limits)
        });
        let stretch = audio.last_stretch().unwrap_or(0).max(span.stretch);
        audio.append(chunk, Place { boundary, stretch, index, whole: false, longest_part: limits.part });
    }

    /// Fills the place of a segment with a gap, and ends that of the sound there.
    fn keep_place(&mut self, span: Span) {
        let Some(last) = self.video.newest() else { return };
        let stretch = last.stretch.max(span.stretch);
        let before = last.start + last.duration;
        // What lies between two stretches was nobody's.
        let start = if stretch > last.stretch { before.max(span.start) } else { before };
        let gap = Segment {
            msn: self.video.open_msn(),
            epoch: Arc::clone(&last.epoch),
            stretch,
            discontinuities: 0,
            start,
            presentation: start,
            duration: (span.end - start).max(Ticks(1)),
            parts: Vec::new(),
            gap: true,
            whole: false,
            first_chunk: self.kept_from(),
        };
        self.stretch = stretch;
        self.video.push_gap(&gap);
        if let Some(audio) = &mut self.audio {
            audio.follow(&self.video, self.sound_too_late);
        }
        self.shorten_list();
    }

    /// The newest picture that can be decoded alone stays, and with it the epoch and a still of the camera.
    fn kept_from(&self) -> u64 {
        self.ring.last_sync().unwrap_or(self.ring.next())
    }
}

impl Chunk {
    /// The same media in another epoch, which must be of the same kind.
    fn of(&self, epoch: &Arc<Epoch>) -> Arc<Self> {
        Arc::new(Self {
            epoch: Arc::clone(epoch),
            bytes: self.bytes.clone(),
            message: self.message.clone(),
            ..*self
        })
    }
}

/// Silence from `from` to the end of `span`, in runs as long as those of sound.
fn silent(need: &Need, from: Ticks, span: Span) -> Vec<Arc<Chunk>> {
    let (rate, samples) = (need.track.sample_rate, i64::from(need.track.frame_samples));
    let Some(data) = silence::frame(&need.track).filter(|_| samples > 0) else { return Vec::new() };
    let ticks = |sample: i64| Ticks::from_timescale(sample, rate);
    // Rounded up, so that it is no earlier.
    let mut next = from.to_timescale(rate);
    next += i64::from(ticks(next) < from);
    let most = (LONGEST_AUDIO_RUN.to_timescale(rate) / samples).max(1);
    let mut chunks = Vec::new();
    while ticks(next) < span.end {
        // The frame that begins before the end of its segment belongs to it.
        let left = (span.end.to_timescale(rate) - next).max(1);
        let count = most.min((left + samples - 1) / samples);
        if !span.finished && ticks(next + most * samples) > span.end {
            break;
        }
        let frames: Vec<Frame> = (0..count)
            .map(|index| Frame {
                track: TrackKind::Audio,
                decode_time: (next + index * samples).unsigned_abs(),
                duration: need.track.frame_samples,
                composition_offset: 0,
                sync: true,
                data: data.clone(),
            })
            .collect();
        let Framed { bytes, message } = fmp4::chunk(chunks.len() as u32 + 1, &frames);
        let (start, end) = (ticks(next), ticks(next + count * samples));
        chunks.push(Arc::new(Chunk {
            epoch: Arc::clone(&need.epoch),
            track: TrackKind::Audio,
            start,
            presentation: start,
            end,
            sync: true,
            bytes,
            message,
        }));
        next += count * samples;
    }
    chunks
}
