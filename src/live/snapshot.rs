//! A playlist's view of the ring.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::line::OpenSegment;
use super::model::{RunId, Segment};
use super::targets::Targets;
use crate::media::time::Anchor;
use crate::media::{Ticks, TrackKind};

/// All that a media playlist shows, at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The track.
    pub track: TrackKind,
    /// The run, for URIs.
    pub run: RunId,
    /// Wall time of decode time 0.
    pub anchor: Anchor,
    /// How far the camera's clock was ahead of ours in each stretch that is listed.
    pub dates: Vec<(u64, Ticks)>,
    /// What the camera's playlists promise.
    pub targets: Targets,
    /// How far back the ring is meant to go.
    pub window: Duration,
    /// Longest part of this playlist.
    pub part_target: Ticks,
    /// The listed segments, oldest first.
    pub segments: Vec<Arc<Segment>>,
    /// The segment that grows.
    pub open: Option<OpenSegment>,
    /// Number of the segment that grows, or of the next one.
    pub open_msn: u64,
    /// The stretch that the newest segment belongs to.
    pub stretch: u64,
    /// Grows with each change that a playlist shows.
    pub version: u64,
    /// True when nothing will come any more.
    pub closed: bool,
}

impl Snapshot {
    /// Wall time at `presentation` in `stretch`, by the camera's clock where that is to be believed.
    pub fn date(&self, stretch: u64, presentation: Ticks) -> SystemTime {
        let ahead = self.dates.iter().rfind(|(of, _)| *of == stretch).map_or(Ticks(0), |(_, ahead)| *ahead);
        self.anchor.wall_at(presentation + ahead)
    }
}
