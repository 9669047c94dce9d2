//! The chunks of both tracks in the order in which they go out, with a number each.

use std::collections::VecDeque;
use std::sync::Arc;

use super::line::bit_rate;
use super::model::{Chunk, Epoch};
use crate::media::{Ticks, TrackKind};

/// Frames that the measured frame rate is taken from.
const RATE_FRAMES: usize = 100;

/// Where a reader of another ring can come over to this one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Joint {
    /// The first sync sample that starts at the wanted time or later: its number, and when it starts.
    pub sync: Option<(u64, Ticks)>,
    /// The newest sync sample, whenever it starts.
    pub newest: Option<u64>,
    /// Where the newest picture ends: no sync sample before this is still to come.
    pub end: Option<Ticks>,
}

/// Chunks, oldest first; numbers count from 0 and are never used again.
#[derive(Debug, Default)]
pub struct Ring {
    chunks: VecDeque<Arc<Chunk>>,
    first: u64,
    last_sync: Option<u64>,
    bytes: usize,
}

impl Ring {
    /// Takes in a chunk; its number.
    pub fn push(&mut self, chunk: Arc<Chunk>) -> u64 {
        let index = self.next();
        if chunk.starts_picture() {
            self.last_sync = Some(index);
        }
        self.bytes += chunk.bytes.len();
        self.chunks.push_back(chunk);
        index
    }

    /// Lets go of the oldest chunk.
    pub fn drop_oldest(&mut self) {
        if let Some(chunk) = self.chunks.pop_front() {
            self.bytes -= chunk.bytes.len();
            self.first += 1;
        }
        self.last_sync = self.last_sync.filter(|&sync| sync >= self.first);
    }

    /// Number of the oldest chunk.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// Number of the next chunk to come.
    pub fn next(&self) -> u64 {
        self.first + self.chunks.len() as u64
    }

    /// Number of the newest sync sample of the video.
    pub fn last_sync(&self) -> Option<u64> {
        self.last_sync
    }

    /// The chunk with this number, if it is still here.
    pub fn chunk(&self, index: u64) -> Option<&Arc<Chunk>> {
        self.chunks.get(usize::try_from(index.checked_sub(self.first)?).ok()?)
    }

    /// Bytes of all chunks.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// The newest chunk.
    pub fn newest(&self) -> Option<&Arc<Chunk>> {
        self.chunks.back()
    }

    /// The epoch with this number, while any chunk of it is kept.
    pub fn epoch(&self, number: u32) -> Option<&Arc<Epoch>> {
        let at = self.chunks.partition_point(|chunk| chunk.epoch.number < number);
        self.chunks.get(at).map(|chunk| &chunk.epoch).filter(|epoch| epoch.number == number)
    }

    /// Where a reader that has come to `from` on the camera's timeline can go on here.
    pub fn joint(&self, from: Ticks) -> Joint {
        let mut joint = Joint { newest: self.last_sync, ..Joint::default() };
        let numbered = self.chunks.iter().rev().zip((0..self.next()).rev());
        for (chunk, index) in numbered.filter(|(chunk, _)| chunk.track == TrackKind::Video) {
            joint.end = joint.end.or(Some(chunk.end));
            if chunk.start < from {
                break;
            }
            if chunk.sync {
                joint.sync = Some((index, chunk.start));
            }
        }
        joint
    }

    /// The chunks of sound that start at `from` or later, oldest first.
    pub fn sound_from(&self, from: Ticks) -> Vec<Arc<Chunk>> {
        let sound = self.chunks.iter().rev().filter(|chunk| chunk.track == TrackKind::Audio);
        let mut sound: Vec<_> = sound.take_while(|chunk| chunk.start >= from).cloned().collect();
        sound.reverse();
        sound
    }

    /// How many chunks of the video start at `from` or later, but before `to`; from the newest back.
    pub fn frames_between(&self, from: Ticks, to: Ticks) -> usize {
        let video = self.chunks.iter().rev().filter(|chunk| chunk.track == TrackKind::Video);
        video.take_while(|chunk| chunk.start >= from).filter(|chunk| chunk.start < to).count()
    }

    /// Frames a second over the last seconds; `None` before there is a second of them.
    pub fn frame_rate(&self) -> Option<f64> {
        let video = self.chunks.iter().rev().filter(|chunk| chunk.track == TrackKind::Video);
        let recent: Vec<_> = video.take(RATE_FRAMES).collect();
        let (newest, oldest) = (recent.first()?, recent.last()?);
        let length = newest.end - oldest.start;
        (length >= Ticks::from_timescale(1, 1)).then(|| recent.len() as f64 / length.as_secs_f64())
    }

    /// Bits a second over all chunks; of less than a second as if it were one, since the first picture is
    /// larger than those that follow.
    pub fn bit_rate(&self) -> u64 {
        let (Some(first), Some(last)) = (self.chunks.front(), self.chunks.back()) else { return 0 };
        bit_rate(self.bytes, (last.end - first.start).max(Ticks::from_timescale(1, 1)))
    }
}
