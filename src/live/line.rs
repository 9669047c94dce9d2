//! The segments of one track of a rendition: the finished ones, and the one that grows.

mod date;
mod keep;
mod measure;

use std::collections::VecDeque;
use std::sync::Arc;

use super::cutter::{Boundary, Incoming, Open};
use super::model::{Chunk, Epoch, Part, Segment};
use crate::media::Ticks;

use date::date;
pub use keep::Keep;
pub use measure::{BitRates, bit_rate};

/// Fewest finished segments in a list (Apple's authoring specification, 8.11).
pub const FEWEST_LISTED: usize = 6;

/// The segment that grows.
#[derive(Clone, Debug)]
pub struct OpenSegment {
    /// Media sequence number.
    pub msn: u64,
    /// The epoch of all its chunks.
    pub epoch: Arc<Epoch>,
    /// Number of the unbroken stretch it belongs to.
    pub stretch: u64,
    /// How many EXT-X-DISCONTINUITY stand before it.
    pub discontinuities: u64,
    /// Decode time of its first chunk.
    pub start: Ticks,
    /// Presentation time of its first frame, for EXT-X-PROGRAM-DATE-TIME.
    pub presentation: Ticks,
    /// Its finished parts.
    pub parts: Vec<Arc<Part>>,
    first_chunk: u64,
    /// Chunks of the part that grows.
    pending: Vec<Arc<Chunk>>,
    /// Where that part starts: where the last one ended, with the silence between, if there is any.
    part_start: Ticks,
    end: Ticks,
    bytes: usize,
    gap: bool,
    /// True when it has no parts, since its pictures are longer than the part target: it is listed only
    /// when it is finished.
    pub whole: bool,
}

impl OpenSegment {
    /// Index in the ring of its first chunk.
    pub fn first_chunk(&self) -> u64 {
        self.first_chunk
    }
}

/// Where a chunk stands, beside its times.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// What ends before it.
    pub boundary: Boundary,
    /// The stretch of the segment, if it starts one.
    pub stretch: u64,
    /// Its index in the ring.
    pub index: u64,
    /// True when it belongs into a segment without parts.
    pub whole: bool,
    /// The longest that a part may be, if that is known.
    pub longest_part: Option<Ticks>,
}

/// The segments of one track.
#[derive(Debug)]
pub struct Line {
    segments: VecDeque<Arc<Segment>>,
    open: Option<OpenSegment>,
    next_msn: u64,
    first_listed: u64,
    /// The stretch of the newest finished segment, even if that is gone.
    last_stretch: Option<u64>,
    /// Grows with each change that a playlist shows.
    version: u64,
}

impl Line {
    /// An empty line whose first segment gets the number `msn`.
    pub fn new(msn: u64) -> Self {
        Self {
            segments: VecDeque::new(),
            open: None,
            next_msn: msn,
            first_listed: msn,
            last_stretch: None,
            version: 0,
        }
    }

    /// How far the open segment reaches; `None` where the next chunk starts a segment.
    pub fn reach(&self) -> Option<Open> {
        self.open.as_ref().map(|open| Open {
            segment_start: open.start,
            part_start: open.part_start,
            bytes: open.bytes,
            whole: open.whole,
            independent: open.pending.iter().any(|chunk| chunk.sync),
        })
    }

    /// Takes in a chunk after closing what its place says.
    pub fn append(&mut self, chunk: Arc<Chunk>, place: Place) {
        match place.boundary {
            Boundary::None => {}
            Boundary::Part => self.close_part(),
            Boundary::Segment => self.close_segment(),
        }
        let open = match &mut self.open {
            Some(open) => open,
            None => {
                let last = self.segments.back();
                let discontinuities = self.last_stretch.map_or(0, |last| place.stretch - last);
                // A playlist shows the new init that is to come, and that no part is.
                let new_init = last.is_some_and(|last| last.epoch.number != chunk.epoch.number);
                self.version += u64::from(new_init || place.whole);
                let presentation = date(last, place.stretch, chunk.start, chunk.presentation);
                self.open.insert(OpenSegment {
                    msn: self.next_msn,
                    epoch: chunk.epoch.clone(),
                    stretch: place.stretch,
                    discontinuities,
                    start: chunk.start,
                    presentation,
                    parts: Vec::new(),
                    first_chunk: place.index,
                    pending: Vec::new(),
                    part_start: chunk.start,
                    end: chunk.start,
                    bytes: 0,
                    gap: false,
                    whole: place.whole,
                })
            }
        };
        let too_long = place.longest_part.is_some_and(|most| chunk.end - open.part_start > most);
        if open.pending.is_empty() && too_long && !open.whole {
            // A silence that no part can hold: what is listed must not say that it is all there.
            open.gap = true;
            open.part_start = chunk.start;
        }
        open.end = chunk.end;
        open.bytes += chunk.bytes.len();
        open.pending.push(chunk);
    }

    /// Makes the open segment one without parts, for one that began with a part that is too long.
    pub fn forgo_parts(&mut self) {
        if let Some(open) = self.open.as_mut().filter(|open| open.parts.is_empty()) {
            open.whole = true;
            self.version += 1;
        }
    }

    /// Closes the open part, if there is one.
    pub fn close_part(&mut self) {
        let Some(open) = &mut self.open else { return };
        let Some(last) = open.pending.last() else { return };
        let end = last.end;
        let part = Part {
            duration: end - open.part_start,
            independent: open.pending.iter().any(|chunk| chunk.sync),
            bytes: open.pending.iter().map(|chunk| chunk.bytes.len()).sum(),
            chunks: std::mem::take(&mut open.pending),
        };
        open.parts.push(Arc::new(part));
        open.part_start = end;
        self.version += 1;
    }

    /// Closes the open segment with its last part, if there is one.
    pub fn close_segment(&mut self) {
        self.close_part();
        let Some(open) = self.open.take() else { return };
        self.push(Segment {
            msn: open.msn,
            epoch: open.epoch,
            stretch: open.stretch,
            discontinuities: open.discontinuities,
            start: open.start,
            presentation: open.presentation,
            duration: open.end - open.start,
            parts: open.parts,
            gap: open.gap,
            whole: open.whole,
            first_chunk: open.first_chunk,
        });
    }

    /// Closes the open segment; if it falls short of `end` by more than `most`, it becomes a gap up to
    /// there: what was heard of it stays loadable, but the list must not say that it is all there.
    fn close_segment_at(&mut self, end: Ticks, most: Ticks) {
        self.close_part();
        let Some(open) = &mut self.open else { return };
        if end - open.end > most {
            open.gap = true;
            open.end = end;
        }
        self.close_segment();
    }

    /// Fills the place of `other`, a segment of the line this one follows, with a gap.
    pub fn push_gap(&mut self, other: &Segment) {
        debug_assert!(self.open.is_none(), "a gap cannot stand inside a segment");
        let discontinuities = self.last_stretch.map_or(0, |last| other.stretch - last);
        self.push(Segment {
            epoch: other.epoch.clone(),
            parts: Vec::new(),
            gap: true,
            whole: false,
            discontinuities,
            presentation: date(self.segments.back(), other.stretch, other.start, other.start),
            ..*other
        });
    }

    /// Ends this line's segment where `video`'s segment of the same number ended, or fills its place
    /// with a gap if nothing was heard, or less than all but `most` of it.
    pub fn follow(&mut self, video: &Self, most: Ticks) {
        let Some(segment) = video.segment(self.open_msn()) else {
            return self.drop_before(video.open_msn());
        };
        match self.open {
            None => self.push_gap(segment),
            Some(_) => self.close_segment_at(segment.start + segment.duration, most),
        }
    }

    fn push(&mut self, segment: Segment) {
        self.next_msn = segment.msn + 1;
        self.last_stretch = Some(segment.stretch);
        self.segments.push_back(Arc::new(segment));
        self.version += 1;
    }

    /// Lets go of the oldest kept segment, listed or not.
    pub fn drop_oldest(&mut self) {
        if let Some(oldest) = self.segments.pop_front()
            && self.first_listed <= oldest.msn
        {
            self.first_listed = oldest.msn + 1;
            self.version += 1;
        }
    }

    /// Lets go of all segments before `msn`; numbers go on there if the line had not come so far.
    pub fn drop_before(&mut self, msn: u64) {
        if self.next_msn < msn {
            self.close_segment();
        }
        while self.segments.front().is_some_and(|oldest| oldest.msn < msn) {
            self.drop_oldest();
        }
        self.next_msn = self.next_msn.max(msn);
        if self.segments.is_empty() {
            self.first_listed = self.first_listed.max(self.next_msn);
        }
    }

    /// The kept segment with this number.
    pub fn segment(&self, msn: u64) -> Option<&Arc<Segment>> {
        let oldest = self.segments.front()?.msn;
        self.segments.get(usize::try_from(msn.checked_sub(oldest)?).ok()?)
    }

    /// The stretch that the segment with this number belongs to, finished or not.
    pub fn stretch_of(&self, msn: u64) -> Option<u64> {
        match &self.open {
            Some(open) if open.msn == msn => Some(open.stretch),
            _ => self.segment(msn).map(|segment| segment.stretch),
        }
    }

    /// Where the segment with this number starts, finished or not.
    pub fn start_of(&self, msn: u64) -> Option<Ticks> {
        match &self.open {
            Some(open) if open.msn == msn => Some(open.start),
            _ => self.segment(msn).map(|segment| segment.start),
        }
    }

    /// The stretch of the newest finished segment, even if that is gone: the discontinuity number of an empty list.
    pub fn last_stretch(&self) -> Option<u64> {
        self.last_stretch
    }

    /// Where the open segment has come to.
    pub fn open_end(&self) -> Option<Ticks> {
        self.open.as_ref().map(|open| open.end)
    }

    /// The finished part with this name.
    pub fn part(&self, msn: u64, part: u32) -> Option<&Arc<Part>> {
        let parts = match &self.open {
            Some(open) if open.msn == msn => &open.parts,
            _ => &self.segment(msn).filter(|segment| !segment.whole)?.parts,
        };
        parts.get(part as usize)
    }

    /// The finished segments that are on the list.
    pub fn listed(&self) -> impl Iterator<Item = &Arc<Segment>> + Clone {
        self.segments.iter().skip_while(|segment| segment.msn < self.first_listed)
    }

    /// All finished segments that are kept, listed or not.
    pub fn kept(&self) -> impl Iterator<Item = &Arc<Segment>> {
        self.segments.iter()
    }

    /// The oldest kept segment.
    pub fn oldest(&self) -> Option<&Arc<Segment>> {
        self.segments.front()
    }

    /// The newest finished segment.
    pub fn newest(&self) -> Option<&Arc<Segment>> {
        self.segments.back()
    }

    /// The segment that grows.
    pub fn open(&self) -> Option<&OpenSegment> {
        self.open.as_ref()
    }

    /// Number of the segment that grows, or of the next one to come.
    pub fn open_msn(&self) -> u64 {
        self.next_msn
    }

    /// Number of the first listed segment.
    pub fn first_listed(&self) -> u64 {
        self.first_listed
    }

    /// Grows with each change that a playlist shows.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Panics if the line lies about itself. For tests.
    #[cfg(test)]
    pub fn check(&self) {
        let numbers: Vec<_> = self.segments.iter().map(|segment| segment.msn).collect();
        assert!(numbers.is_sorted_by(|a, b| a + 1 == *b), "numbers without holes: {numbers:?}");
        assert_eq!(numbers.last().map_or(self.next_msn, |last| last + 1), self.next_msn);
        for segment in &self.segments {
            let parts = Ticks(segment.parts.iter().map(|part| part.duration.0).sum());
            assert!(segment.gap || parts == segment.duration, "parts add up to their segment");
        }
    }
}

impl From<&Chunk> for Incoming {
    fn from(chunk: &Chunk) -> Self {
        Self { start: chunk.start, end: chunk.end, sync: chunk.sync, bytes: chunk.bytes.len() }
    }
}
