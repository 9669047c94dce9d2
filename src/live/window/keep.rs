//! What the ring lists, what it keeps, and what it lets go of.

use super::{SEGMENT_SHARE, Window};
use crate::live::Options;
use crate::live::line::Keep;
use crate::media::Ticks;
use crate::media::time::TICKS_PER_SECOND;

/// Media that may come faster than its time, where the decode line was late.
const CATCH_UP: Ticks = Ticks(8 * TICKS_PER_SECOND as i64);

impl Window {
    /// Most bytes of one chunk: a quarter of the ring.
    pub fn most_chunk_bytes(options: &Options) -> usize {
        options.ring_bytes / SEGMENT_SHARE
    }

    pub(super) fn keep(&self) -> Keep {
        let target = Ticks::from_timescale(i64::from(self.target_duration()), 1);
        // A list is never shorter than three target durations (RFC 8216bis 6.2.2).
        let least = Ticks(target.0 * 3);
        let listed = Ticks::from_duration(self.options.window).max(least);
        // Three target durations, for parts too (RFC 8216bis 6.2.2), and what a decode line may catch up.
        Keep { listed, least, from: self.origin.listed_from(), unlisted: least + CATCH_UP }
    }

    /// Takes what is too old off the list of pictures, and has the other renditions do likewise.
    pub(super) fn shorten_list(&mut self) -> Keep {
        let keep = self.keep();
        if self.video.shorten_list(keep) {
            self.tell_start();
        }
        keep
    }

    /// What is listed in one rendition alone is a target duration at most (RFC 8216bis 6.2.4): where this one has
    /// let go of something, the others need not list it any more.
    fn tell_start(&self) {
        // A ring that is too small may have none but the one that grows.
        let open = || self.video.open().map(|open| open.presentation);
        if let Some(start) = self.video.listed().next().map(|first| first.presentation).or_else(open) {
            self.origin.list_from(start);
        }
    }

    pub(super) fn evict(&mut self) {
        let keep = self.keep();
        let first_listed = self.video.first_listed();
        while let Some(oldest) = self.video.oldest() {
            // What stands in may fill a small ring by itself: the list goes on nevertheless.
            if self.broken && oldest.msn + 1 == self.video.open_msn() && self.stood_in.bytes() > 0 {
                break;
            }
            let full = self.ring.bytes() + self.stood_in.bytes() > self.options.ring_bytes;
            let over = self.video.oldest_is_over(keep);
            if !full && !over {
                break;
            }
            self.evicted_early += u64::from(!over);
            self.video.drop_oldest();
            self.evict_audio_and_chunks();
        }
        if self.video.first_listed() > first_listed {
            self.tell_start();
        }
        // Without a finished segment that could go the chunks alone are bounded.
        while self.ring.bytes() + self.stood_in.bytes() > self.options.ring_bytes && !self.ring.is_empty() {
            self.ring.drop_oldest();
        }
    }

    pub(super) fn evict_audio_and_chunks(&mut self) {
        let first_msn = self.video.oldest().map_or(self.video.open_msn(), |oldest| oldest.msn);
        if let Some(audio) = &mut self.audio {
            audio.drop_before(first_msn);
        }
        self.stood_in.drop_before(first_msn);
        let first_chunk = match (self.video.oldest(), self.video.open()) {
            (Some(oldest), _) => oldest.first_chunk,
            (None, Some(open)) => open.first_chunk(),
            (None, None) => self.ring.next(),
        };
        while self.ring.first() < first_chunk && !self.ring.is_empty() {
            self.ring.drop_oldest();
        }
    }
}
