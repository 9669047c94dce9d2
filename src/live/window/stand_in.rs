//! The sound of a rendition that is down goes on, where another one of its camera stands in for it.
//!
//! All variants share one list of sound, so that a player that changes the picture keeps what it hears. That list must
//! not end with the rendition that it belongs to: it follows the segments of the one that stands in, with the sound of
//! that one if it is of the same kind, else with silence. In the list of pictures gaps keep the place
//! (RFC 8216bis 6.2.1), and no player is sent there meanwhile. The chunks are listed and no more than that: the ring is
//! for those who want pictures.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use super::sound::SOUND_SLACK;
use super::{SOUND_LOST_AT_BREAK, SOUND_PATIENCE, Window};
use crate::live::cutter::{self, Boundary, Incoming, Limits};
use crate::live::line::Place;
use crate::live::model::{Chunk, Epoch, Segment};
use crate::live::muxer::LONGEST_AUDIO_RUN;
use crate::live::targets::segment_limit;
use crate::media::time::TICKS_PER_SECOND;
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

/// The bytes of sound that stands in, by the segments that list it: they count towards the ring's budget, since whose
/// they are may have let go of them.
#[derive(Debug, Default)]
pub(super) struct Borrowed {
    segments: VecDeque<(u64, usize)>,
    bytes: usize,
}

impl Borrowed {
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    fn add(&mut self, msn: u64, bytes: usize) {
        self.bytes += bytes;
        match self.segments.back_mut().filter(|(last, _)| *last == msn) {
            Some((_, sum)) => *sum += bytes,
            None => self.segments.push_back((msn, bytes)),
        }
    }

    pub(super) fn drop_before(&mut self, msn: u64) {
        while let Some((_, bytes)) = self.segments.pop_front_if(|(oldest, _)| *oldest < msn) {
            self.bytes -= bytes;
        }
    }
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

    /// True where this ring's sound can go on for that of `track`: it is of its kind, and no finer than ticks, in which
    /// the two could overlap.
    pub fn sounds_like(&self, track: &AudioTrack) -> bool {
        if track.sample_rate > TICKS_PER_SECOND {
            return false;
        }
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
            let Some(before) = self.need() else { break };
            self.fill_hole(before.pictures, *span);
            let Some(need) = self.need() else { break };
            let from = self.joint(&need, *span);
            let newest = match &other.sound {
                Some(sound) => {
                    let own = sound.iter().filter(|chunk| from <= chunk.start && chunk.start < span.end);
                    let mut joint = from;
                    for chunk in own {
                        for chunk in joined(&need, joint, chunk) {
                            joint = chunk.end;
                            self.hear(chunk, *span);
                        }
                    }
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

    /// Where the sound of `span` begins: where it has come to, though that may be somewhat before.
    fn joint(&self, need: &Need, span: Span) -> Ticks {
        let whole = span.expected_end.unwrap_or(span.end) - need.sound;
        let lost =
            span.start - need.sound <= SOUND_LOST_AT_BREAK && whole <= segment_limit(self.target_duration());
        let unbroken = self.video.last_stretch() == Some(span.stretch);
        if lost && unbroken { need.sound } else { need.sound.max(span.start) }
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
        let bytes = chunk.bytes.len();
        audio.append(chunk, Place { boundary, stretch, index, whole: false, longest_part: limits.part });
        self.stood_in.add(audio.open_msn(), bytes);
    }

    /// What neither has pictures of, though to this one nothing has broken since it ended at `from`, is a gap in both
    /// lists, in segments that keep the target duration. Of a hole longer than the lists its end is enough.
    fn fill_hole(&mut self, from: Ticks, span: Span) {
        let broken = self.video.last_stretch().is_none_or(|last| last < span.stretch);
        let from = from.max(span.start - self.keep().listed);
        let hole = (span.start - from).0;
        let most = i64::from(self.target_duration()) * i64::from(TICKS_PER_SECOND);
        if broken || hole <= 0 {
            return;
        }
        let pieces = (hole + most - 1) / most;
        let end = |piece: i64| from + Ticks(hole * piece / pieces);
        for piece in 0..pieces {
            self.push_gap(end(piece), Span { end: end(piece + 1), ..span });
        }
    }

    /// Fills the place of a segment with a gap, and ends that of the sound there.
    fn keep_place(&mut self, span: Span) {
        let Some(last) = self.video.newest() else { return };
        let before = last.start + last.duration;
        // What lies between two stretches was nobody's.
        let start = if span.stretch > last.stretch { before.max(span.start) } else { before };
        self.push_gap(start, span);
    }

    /// A gap from `start` to the end of `span`.
    fn push_gap(&mut self, start: Ticks, span: Span) {
        let Some(last) = self.video.newest() else { return };
        let stretch = last.stretch.max(span.stretch);
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

/// `chunk` in the epoch of `need`, behind what ended at `joint`. What is missing between the two is silence, to the
/// sample, so that lists have no hole. Nothing where that is less than a frame, which no silence can be: the chunk
/// behind this one is joined then.
fn joined(need: &Need, joint: Ticks, chunk: &Chunk) -> Vec<Arc<Chunk>> {
    let (rate, samples) = (need.track.sample_rate, i64::from(need.track.frame_samples).max(1));
    let (first, end) = (sample_from(joint, rate), sample_from(chunk.start, rate));
    let (epoch, bytes, message) = (need.epoch.clone(), chunk.bytes.clone(), chunk.message.clone());
    let own = Arc::new(Chunk { epoch, bytes, message, ..*chunk });
    let Some(data) = silence::frame(&need.track).filter(|_| first < end && end - first <= fillable(need))
    else {
        return vec![own];
    };
    let count = (end - first) / samples;
    if count == 0 {
        return Vec::new();
    }
    let most = run_of(need);
    let runs = (0..count).step_by(most as usize).map(|done| {
        let frames = most.min(count - done);
        let start = first + done * samples;
        let stop = if done + frames == count { end } else { start + frames * samples };
        run(need, start, stop, &data)
    });
    runs.chain([own]).collect()
}

/// Samples that may be missing where two sounds meet: a run, one more that was passed over, and a frame.
fn fillable(need: &Need) -> i64 {
    (2 * run_of(need) + 1) * i64::from(need.track.frame_samples)
}

/// Frames of a run of sound.
fn run_of(need: &Need) -> i64 {
    let samples = i64::from(need.track.frame_samples).max(1);
    (LONGEST_AUDIO_RUN.to_timescale(need.track.sample_rate) / samples).max(1)
}

/// The first sample that starts at `from` or later; where samples are finer than ticks, the last one of that tick, so
/// that none is before the end of what was rounded to `from`.
fn sample_from(from: Ticks, rate: u32) -> i64 {
    let before_next = (from.0 + 1).saturating_mul(i64::from(rate)) - 1;
    let sample = before_next.div_euclid(i64::from(TICKS_PER_SECOND));
    sample + i64::from(Ticks::from_timescale(sample, rate) < from)
}

/// Silence from `from` to the end of `span`, in runs as long as those of sound.
fn silent(need: &Need, from: Ticks, span: Span) -> Vec<Arc<Chunk>> {
    let (rate, samples) = (need.track.sample_rate, i64::from(need.track.frame_samples));
    let Some(data) = silence::frame(&need.track).filter(|_| samples > 0) else { return Vec::new() };
    let ticks = |sample: i64| Ticks::from_timescale(sample, rate);
    let mut next = sample_from(from, rate);
    let most = run_of(need);
    let mut chunks = Vec::new();
    // The frame that begins before the end of its segment belongs to it; one that grows gets whole runs alone.
    while ticks(next) < span.end && (span.finished || ticks(next + most * samples) <= span.end) {
        let left = (span.end.to_timescale(rate) - next).max(1);
        let count = most.min((left + samples - 1) / samples);
        chunks.push(run(need, next, next + count * samples, &data));
        next += count * samples;
    }
    chunks
}

/// A run of frames of `data` from the sample `first` to `end`. The last of them may last a part of a frame longer.
fn run(need: &Need, first: i64, end: i64, data: &Bytes) -> Arc<Chunk> {
    let samples = i64::from(need.track.frame_samples).max(1);
    let count = ((end - first) / samples).max(1);
    let rest = u32::try_from(end - first - (count - 1) * samples).unwrap_or(need.track.frame_samples);
    let frame = |index: i64| Frame {
        track: TrackKind::Audio,
        decode_time: (first + index * samples).unsigned_abs(),
        duration: if index + 1 == count { rest } else { need.track.frame_samples },
        composition_offset: 0,
        sync: true,
        data: data.clone(),
    };
    let frames: Vec<_> = (0..count).map(frame).collect();
    // The number grows with time, and no player looks at it.
    let Framed { bytes, message } = fmp4::chunk((first / samples.max(1)) as u32, &frames);
    let ticks = |sample| Ticks::from_timescale(sample, need.track.sample_rate);
    let (start, end) = (ticks(first), ticks(end));
    let epoch = Arc::clone(&need.epoch);
    Arc::new(Chunk {
        epoch,
        track: TrackKind::Audio,
        start,
        presentation: start,
        end,
        sync: true,
        bytes,
        message,
    })
}
