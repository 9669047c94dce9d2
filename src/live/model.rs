//! The words of the ring: run, epoch, chunk, part, segment.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use super::Dates;
use crate::media::fmp4::Inits;
use crate::media::time::{Anchor, year_2026};
use crate::media::{Ticks, TrackKind, Tracks};

/// One life of a channel. Stands in every media URI, so that no cache mixes two of them.
///
/// Made from the wall clock in milliseconds, which no earlier run can have had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(pub u64);

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

impl std::str::FromStr for RunId {
    type Err = std::num::ParseIntError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u64::from_str_radix(text, 16).map(Self)
    }
}

/// Names one part: the media sequence number of its segment, and its place there from 0 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartId {
    /// Media sequence number of the segment.
    pub msn: u64,
    /// Index of the part in its segment.
    pub part: u32,
}

/// How often a camera may break, on average over the life of a process, before discontinuity numbers step back
/// with the next one: four times an hour. More often would make the numbers greater than players like.
const SECONDS_PER_STRETCH: u64 = 900;

/// What all renditions of a camera have in common.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The run of all their channels.
    pub run: RunId,
    /// The unix time in seconds: number of the first segments, so that numbers never step back, not
    /// even over a restart (RFC 8216bis 6.2.2).
    pub first_msn: u64,
    /// Number of the first stretch: quarters of an hour since 2026. So numbers do not step back over a restart
    /// either (RFC 8216bis 6.2.2), but for a camera that breaks more often than that. They grow as slowly as this
    /// since hls.js goes through all numbers from 0 on with each reload: a hundred thousand of them are nothing,
    /// but a clock's seconds would take it minutes.
    pub first_stretch: u64,
    /// Where decode time 0 lies.
    pub anchor: Anchor,
    /// The stretch that the camera has come to: a break in one rendition is one in all, since
    /// discontinuity numbers must match in all playlists (RFC 8216bis 6.2.4).
    pub stretch: Arc<AtomicU64>,
    /// Presentation time before which some rendition's lists have nothing any more, in ticks.
    pub(super) from: Arc<AtomicI64>,
    /// How the camera's own clock dates its stretches.
    pub dates: Arc<Dates>,
}

impl Origin {
    /// The beginning of a camera's life, `since_epoch` after the unix epoch.
    pub fn new(since_epoch: Duration, anchor: Anchor) -> Self {
        let since_2026 =
            (SystemTime::UNIX_EPOCH + since_epoch).duration_since(year_2026()).unwrap_or_default();
        let first_stretch = since_2026.as_secs() / SECONDS_PER_STRETCH;
        Self {
            run: RunId(since_epoch.as_millis() as u64),
            first_msn: since_epoch.as_secs(),
            first_stretch,
            anchor,
            stretch: Arc::new(AtomicU64::new(first_stretch)),
            from: Arc::new(AtomicI64::new(i64::MIN)),
            dates: Arc::default(),
        }
    }

    /// The stretch after `own`: the one that the camera has come to already, or a new one.
    pub fn stretch_after(&self, own: u64) -> u64 {
        match self.stretch.compare_exchange(own, own + 1, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => own + 1,
            Err(reached) => reached,
        }
    }

    /// Takes note that a rendition lists nothing any more that is before `start`.
    pub fn list_from(&self, start: Ticks) {
        self.from.fetch_max(start.0, Ordering::Relaxed);
    }

    /// Presentation time before which some rendition lists nothing any more.
    pub fn listed_from(&self) -> Ticks {
        Ticks(self.from.load(Ordering::Relaxed))
    }

    /// The stretch that the camera has come to.
    pub fn stretch(&self) -> u64 {
        self.stretch.load(Ordering::Relaxed)
    }
}

/// A stretch of a rendition with one set of codec parameters and one unbroken timeline.
#[derive(Debug)]
pub struct Epoch {
    /// Counts from 1 within a run.
    pub number: u32,
    /// What the decoders must know.
    pub tracks: Tracks,
    /// The same, as init segments.
    pub inits: Inits,
}

/// One CMAF chunk: a video frame, or a few audio frames. Muxed once, shared by every output.
#[derive(Debug)]
pub struct Chunk {
    /// The epoch, and with it the init segment, that the chunk belongs to.
    pub epoch: Arc<Epoch>,
    /// The track.
    pub track: TrackKind,
    /// Decode time of the first frame.
    pub start: Ticks,
    /// Presentation time of the first frame.
    pub presentation: Ticks,
    /// Decode time at which the next chunk of the track starts.
    pub end: Ticks,
    /// True for a video sync sample; audio chunks are all true.
    pub sync: bool,
    /// `moof` and `mdat`.
    pub bytes: Bytes,
    /// The same memory with the head of a WebSocket message in front: what viewers of the feed are sent.
    pub message: Bytes,
}

impl Chunk {
    /// True where a viewer can start: a sync sample of the video.
    pub fn starts_picture(&self) -> bool {
        self.sync && self.track == TrackKind::Video
    }
}

/// A Partial Segment: consecutive chunks of one track, at most the part target long.
#[derive(Debug)]
pub struct Part {
    /// The chunks, never empty.
    pub chunks: Vec<Arc<Chunk>>,
    /// Decode time at which it starts: where the part before it ended.
    pub start: Ticks,
    /// Sum of the chunks' durations, with the silence between them and before them.
    pub duration: Ticks,
    /// True when it holds a sync sample (RFC 8216bis 4.4.4.9, INDEPENDENT).
    pub independent: bool,
    /// Bytes of all chunks.
    pub bytes: usize,
}

/// A finished Media Segment.
#[derive(Debug)]
pub struct Segment {
    /// Media sequence number.
    pub msn: u64,
    /// The epoch, for EXT-X-MAP.
    pub epoch: Arc<Epoch>,
    /// Number of the unbroken stretch it belongs to: its discontinuity sequence number.
    pub stretch: u64,
    /// How many EXT-X-DISCONTINUITY stand before it.
    pub discontinuities: u64,
    /// Decode time of its first chunk.
    pub start: Ticks,
    /// Presentation time of its first frame, for EXT-X-PROGRAM-DATE-TIME.
    pub presentation: Ticks,
    /// Sum of the parts' durations.
    pub duration: Ticks,
    /// Its parts; one that is never listed if the segment is [`whole`](Self::whole).
    pub parts: Vec<Arc<Part>>,
    /// True where the camera sent nothing for this track, or not enough: there is nothing to load
    /// (RFC 8216bis 4.4.4.7, EXT-X-GAP).
    pub gap: bool,
    /// True when it has no parts to load: its pictures are longer than the part target.
    pub whole: bool,
    /// Index in the ring of its first chunk, or of the chunk that would have followed.
    pub first_chunk: u64,
}

impl Segment {
    /// True when it can be loaded part by part.
    pub fn in_parts(&self) -> bool {
        !self.gap && !self.whole
    }

    /// The sync sample that it starts with, if it does.
    pub fn sync_sample(&self) -> Option<&Arc<Chunk>> {
        let first = self.parts.first().filter(|_| !self.gap)?.chunks.first()?;
        Some(first).filter(|chunk| chunk.starts_picture())
    }

    /// Bytes of all parts.
    pub fn bytes(&self) -> usize {
        self.parts.iter().map(|part| part.bytes).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Instant, UNIX_EPOCH};

    const NOVEMBER_2026: u64 = 1_793_491_200;

    fn begun(seconds: u64) -> Origin {
        let anchor = Anchor { ticks: Ticks(0), instant: Instant::now(), wall: UNIX_EPOCH };
        Origin::new(Duration::from_secs(seconds), anchor)
    }

    #[test]
    fn a_restart_never_steps_back_where_a_camera_breaks_four_times_an_hour() {
        let day = 24 * 3600;
        let before = begun(NOVEMBER_2026);
        let mut reached = before.stretch();
        for _ in 0..4 * 24 {
            reached = before.stretch_after(reached);
        }
        let after = begun(NOVEMBER_2026 + day);
        assert!(after.first_stretch >= reached, "{} after {reached}", after.first_stretch);
        assert_eq!((before.first_msn, after.first_msn), (NOVEMBER_2026, NOVEMBER_2026 + day));
        assert!(after.run > before.run);
    }

    #[test]
    fn numbers_stay_small_enough_for_players_and_for_32_bits() {
        let in_ten_years = begun(NOVEMBER_2026 + 10 * 366 * 24 * 3600);
        assert!(begun(NOVEMBER_2026).first_stretch < 50_000);
        assert!(in_ten_years.first_stretch < 500_000);
        assert!(i32::try_from(in_ten_years.first_msn).is_ok());
    }

    #[test]
    fn a_clock_before_2026_begins_at_zero() {
        assert_eq!(begun(5).first_stretch, 0);
    }
}
