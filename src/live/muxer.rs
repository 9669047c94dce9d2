//! Frames to chunks: the only muxing of a frame, ever.

use std::sync::Arc;

use super::model::{Chunk, Epoch};
use crate::media::fmp4::{self, InitError, Inits};
use crate::media::time::TICKS_PER_SECOND;
use crate::media::{Frame, Framed, Ticks, TrackKind, Tracks};

/// Sound goes out with the next picture, or alone before it gets longer than this: half the messages
/// of one a frame, and no sound waits for a slow camera's next picture. Chunks this short fill
/// parts of half a second to 85 % and more, as RFC 8216bis 4.4.4.9 wants.
pub const LONGEST_AUDIO_RUN: Ticks = Ticks(TICKS_PER_SECOND as i64 * 75 / 1000);

/// Why a frame was not taken.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// No epoch was begun.
    #[error("a frame came before any track was announced")]
    NoEpoch,
    /// The first frame of an epoch must be a sync sample of the video track.
    #[error("a stretch must start with a key frame")]
    NotSync,
    /// The epoch has no such track.
    #[error("a frame came for a track that was not announced")]
    NoTrack,
    /// The frame starts before the one before it ended.
    #[error("decode time {decode_time} lies before {expected}, where the last frame ended")]
    Backwards {
        /// Decode time of the frame, in the track's timescale.
        decode_time: u64,
        /// Earliest decode time that would do.
        expected: u64,
    },
    /// Larger than the ring could ever hold.
    #[error("a frame of {bytes} bytes is more than the {most} that limits.ring_bytes leaves for one")]
    TooLarge {
        /// Size of the frame.
        bytes: usize,
        /// The most there may be.
        most: usize,
    },
}

/// Turns the frames of one rendition into chunks.
#[derive(Debug)]
pub struct Muxer {
    epoch: Option<Arc<Epoch>>,
    epochs: u32,
    sequence: u32,
    started: bool,
    video_end: u64,
    audio_end: u64,
    audio_run: Vec<Frame>,
    most_bytes: usize,
}

impl Muxer {
    /// A muxer that refuses frames of more than `most_bytes`.
    pub fn new(most_bytes: usize) -> Self {
        Self {
            epoch: None,
            epochs: 0,
            sequence: 0,
            started: false,
            video_end: 0,
            audio_end: 0,
            audio_run: Vec::new(),
            most_bytes,
        }
    }

    /// Starts an epoch. Sound that was not given out yet is lost with the old one.
    ///
    /// # Errors
    /// The codec configuration of a track is damaged; the old epoch stays.
    pub fn begin(&mut self, tracks: Tracks) -> Result<(), InitError> {
        let inits = Inits::new(&tracks)?;
        self.epochs += 1;
        self.epoch = Some(Arc::new(Epoch { number: self.epochs, tracks, inits }));
        self.audio_run.clear();
        self.started = false;
        Ok(())
    }

    /// Where the pictures of the epoch have come to; `None` before the first.
    pub fn video_end(&self) -> Option<Ticks> {
        self.started.then(|| Ticks(i64::try_from(self.video_end).unwrap_or(i64::MAX)))
    }

    /// Takes a frame, returns the chunks that are complete, in the order in which they go out.
    ///
    /// # Errors
    /// The frame cannot stand here; it is dropped and nothing else is lost.
    pub fn push(&mut self, frame: Frame) -> Result<Chunks, PushError> {
        let epoch = self.epoch.clone().ok_or(PushError::NoEpoch)?;
        self.admit(&epoch, &frame)?;
        let mut chunks = Chunks::default();
        match frame.track {
            TrackKind::Audio => {
                self.audio_end = frame.decode_time + u64::from(frame.duration);
                let breaks_run = self.audio_run.last().is_some_and(|last| end(last) != frame.decode_time);
                if breaks_run {
                    chunks.audio = self.flush_audio(&epoch);
                }
                self.audio_run.push(frame);
                if !breaks_run && self.audio_run_is_full(&epoch) {
                    chunks.audio = self.flush_audio(&epoch);
                }
            }
            TrackKind::Video => {
                self.started = true;
                self.video_end = end(&frame);
                chunks.audio = self.flush_audio(&epoch);
                chunks.video = Some(self.chunk(&epoch, std::slice::from_ref(&frame)));
            }
        }
        Ok(chunks)
    }

    fn admit(&self, epoch: &Epoch, frame: &Frame) -> Result<(), PushError> {
        if epoch.tracks.timescale(frame.track).is_none() {
            return Err(PushError::NoTrack);
        }
        if frame.data.len() > self.most_bytes {
            return Err(PushError::TooLarge { bytes: frame.data.len(), most: self.most_bytes });
        }
        if !self.started {
            let starts = frame.track == TrackKind::Video && frame.sync;
            return if starts { Ok(()) } else { Err(PushError::NotSync) };
        }
        let expected = match frame.track {
            TrackKind::Video => self.video_end,
            TrackKind::Audio => self.audio_end,
        };
        if frame.decode_time < expected {
            return Err(PushError::Backwards { decode_time: frame.decode_time, expected });
        }
        Ok(())
    }

    /// True when another frame like the last would make the run too long.
    fn audio_run_is_full(&self, epoch: &Epoch) -> bool {
        let samples: u64 = self.audio_run.iter().map(|frame| u64::from(frame.duration)).sum();
        let next = self.audio_run.last().map_or(0, |last| u64::from(last.duration));
        let timescale = epoch.tracks.timescale(TrackKind::Audio).unwrap_or(TICKS_PER_SECOND);
        Ticks::from_timescale((samples + next) as i64, timescale) > LONGEST_AUDIO_RUN
    }

    fn flush_audio(&mut self, epoch: &Arc<Epoch>) -> Option<Arc<Chunk>> {
        let run = std::mem::take(&mut self.audio_run);
        let chunk = (!run.is_empty()).then(|| self.chunk(epoch, &run));
        self.audio_run = run;
        self.audio_run.clear();
        chunk
    }

    fn chunk(&mut self, epoch: &Arc<Epoch>, frames: &[Frame]) -> Arc<Chunk> {
        self.sequence = self.sequence.wrapping_add(1);
        let (first, last) = (&frames[0], &frames[frames.len() - 1]);
        let timescale = epoch.tracks.timescale(first.track).unwrap_or(TICKS_PER_SECOND);
        let Framed { bytes, message } = fmp4::chunk(self.sequence, frames);
        Arc::new(Chunk {
            epoch: epoch.clone(),
            track: first.track,
            start: Ticks::from_timescale(first.decode_time as i64, timescale),
            presentation: Ticks::from_timescale(
                first.decode_time as i64 + i64::from(first.composition_offset),
                timescale,
            ),
            end: Ticks::from_timescale(end(last) as i64, timescale),
            sync: first.sync,
            bytes,
            message,
        })
    }
}

/// The chunks that one frame completed; the sound goes first.
#[derive(Debug, Default)]
pub struct Chunks {
    audio: Option<Arc<Chunk>>,
    video: Option<Arc<Chunk>>,
}

impl Chunks {
    /// True when the frame completed none.
    pub fn is_empty(&self) -> bool {
        self.audio.is_none() && self.video.is_none()
    }
}

impl IntoIterator for Chunks {
    type Item = Arc<Chunk>;
    type IntoIter = std::iter::Chain<std::option::IntoIter<Arc<Chunk>>, std::option::IntoIter<Arc<Chunk>>>;

    fn into_iter(self) -> Self::IntoIter {
        self.audio.into_iter().chain(self.video)
    }
}

fn end(frame: &Frame) -> u64 {
    frame.decode_time + u64::from(frame.duration)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::media::track::testing;

    fn frame(track: TrackKind, decode_time: u64, duration: u32) -> Frame {
        let data = Bytes::from_static(b"x");
        Frame { track, decode_time, duration, composition_offset: 0, sync: true, data }
    }

    fn started() -> Muxer {
        let mut muxer = Muxer::new(1000);
        muxer.begin(testing::tracks()).expect("good records");
        muxer.push(frame(TrackKind::Video, 0, 3600)).expect("a first picture");
        muxer
    }

    /// How long the chunk of sound is that this frame completed, in ticks; `None` for no chunk.
    fn sound(muxer: &mut Muxer, frame: Frame) -> Option<i64> {
        let chunks = muxer.push(frame).expect("a frame in its place");
        chunks.audio.map(|chunk| chunk.end.0 - chunk.start.0)
    }

    #[test]
    fn sound_goes_out_with_the_next_picture_and_before_it() {
        let mut muxer = started();
        assert_eq!(sound(&mut muxer, frame(TrackKind::Audio, 0, 1024)), None);
        let chunks = muxer.push(frame(TrackKind::Video, 3600, 3600)).expect("a picture");
        let tracks: Vec<_> = chunks.into_iter().map(|chunk| chunk.track).collect();
        assert_eq!(tracks, [TrackKind::Audio, TrackKind::Video]);
    }

    #[test]
    fn sound_alone_goes_out_before_it_gets_too_long() {
        let mut muxer = started();
        let chunks: Vec<_> =
            (0..9).map(|n| sound(&mut muxer, frame(TrackKind::Audio, n * 1024, 1024))).collect();
        let run = Some(3 * 1920);
        assert_eq!(chunks, [None, None, run, None, None, run, None, None, run]);
        assert!(Ticks(3 * 1920) <= LONGEST_AUDIO_RUN);
    }

    #[test]
    fn a_hole_in_the_sound_ends_its_run() {
        let mut muxer = started();
        assert_eq!(sound(&mut muxer, frame(TrackKind::Audio, 0, 1024)), None);
        assert_eq!(sound(&mut muxer, frame(TrackKind::Audio, 9000, 1024)), Some(1920));
    }

    #[test]
    fn an_epoch_starts_with_a_key_frame_and_nothing_else() {
        let mut muxer = Muxer::new(1000);
        assert!(matches!(muxer.push(frame(TrackKind::Video, 0, 1)), Err(PushError::NoEpoch)));
        muxer.begin(testing::tracks()).expect("good records");
        assert!(matches!(muxer.push(frame(TrackKind::Audio, 0, 1)), Err(PushError::NotSync)));
        let delta = Frame { sync: false, ..frame(TrackKind::Video, 0, 1) };
        assert!(matches!(muxer.push(delta), Err(PushError::NotSync)));
        muxer.push(frame(TrackKind::Video, 0, 1)).expect("a key frame");
    }
}
