//! Parts whose tags have left a list, and that can be loaded for a while nevertheless.

use std::collections::VecDeque;
use std::fmt::Display;
use std::sync::Arc;

use belvedere::live::Channel;
use belvedere::media::TrackKind;
use belvedere::stats::RenditionStats;

use crate::renditions::Rendition;
use crate::support::playlist::Playlist;
use crate::world::Faults;

/// The parts of one list.
pub struct Leaving {
    channel: Arc<Channel>,
    stats: Arc<RenditionStats>,
    track: TrackKind,
    left: VecDeque<Left>,
}

struct Left {
    msn: u64,
    part: usize,
    at: i64,
}

impl Leaving {
    /// Nothing has left yet.
    pub fn new(rendition: &Rendition, track: TrackKind) -> Self {
        Self {
            channel: rendition.channel.clone(),
            stats: rendition.stats.clone(),
            track,
            left: VecDeque::new(),
        }
    }

    /// Takes note of what `after` lists no more, and loads what has left before. Three target durations are promised
    /// (RFC 8216bis 6.2.2).
    pub fn look(
        &mut self,
        before: Option<&Playlist>,
        after: &Playlist,
        name: &dyn Display,
        faults: &mut Faults,
    ) -> u64 {
        let promised = 3 * after.target.unwrap_or(0) as i64 * 90_000;
        while self.left.front().is_some_and(|left| faults.now >= left.at + promised) {
            self.left.pop_front();
        }
        // A full ring lets go of what it should keep.
        let full = self.stats.segments_evicted_early.get() > 0;
        for Left { msn, part, .. } in &self.left {
            let there = full || self.channel.part(self.track, *msn, *part as u32).is_some();
            faults.unless(there, "N36", name, || format!("part {msn}.{part} is gone too early"));
        }
        let known = self.left.len();
        for segment in before.iter().flat_map(|before| before.all()) {
            let listed = after.numbered(segment.msn).map_or(0, |segment| segment.parts.len());
            let left =
                (listed..segment.parts.len()).map(|part| Left { msn: segment.msn, part, at: faults.now });
            self.left.extend(left);
        }
        (self.left.len() - known) as u64
    }
}
