//! A reader that stays near the newest picture: a place in the ring, and the rule for falling behind.

use std::sync::Arc;

use super::channel::{Channel, Read};
use super::model::Chunk;
use super::tip::Tip;
use crate::media::{Ticks, TrackKind};

/// What comes next for a reader.
#[derive(Debug)]
pub enum Next {
    /// A chunk; [`Follower::advance`] goes beyond it.
    Chunk(Arc<Chunk>),
    /// The reader was too far behind: so many chunks are left out, and what comes next is a sync sample.
    Skipped(u64),
    /// Nothing new.
    Nothing,
}

/// A place in one ring, from the newest sync sample on. Holds references into the ring and no bytes of its own.
#[derive(Debug)]
pub struct Follower {
    channel: Arc<Channel>,
    max_lag: Ticks,
    /// Index of the next chunk; `None` until there is a sync sample to start with.
    cursor: Option<u64>,
}

impl Follower {
    /// Starts at the newest sync sample in the ring, so that nobody waits for the next. Who is more than `max_lag`
    /// of media behind goes on at a newer one.
    pub fn new(channel: Arc<Channel>, max_lag: Ticks) -> Self {
        let cursor = channel.join();
        Self { channel, max_lag, cursor }
    }

    /// Starts at the chunk with this index.
    pub fn at(channel: Arc<Channel>, max_lag: Ticks, cursor: u64) -> Self {
        Self { channel, max_lag, cursor: Some(cursor) }
    }

    /// The ring.
    pub fn channel(&self) -> &Arc<Channel> {
        &self.channel
    }

    /// Goes on at the newest sync sample, as after a pause.
    pub fn rejoin(&mut self) {
        self.cursor = self.channel.join();
    }

    /// True when there is something to read.
    pub fn has_news(&self, tip: &Tip) -> bool {
        match self.cursor {
            Some(cursor) => tip.next_chunk > cursor,
            None => tip.last_sync.is_some(),
        }
    }

    /// What comes next. The same again, until [`Self::advance`] is called or the reader is too far behind.
    pub fn peek(&mut self) -> Next {
        let Some(cursor) = self.cursor.or_else(|| self.channel.join()) else { return Next::Nothing };
        self.cursor = Some(cursor);
        match self.channel.read(cursor) {
            Read::Empty => Next::Nothing,
            Read::Lagged { missed, resume } => {
                self.cursor = resume;
                Next::Skipped(missed)
            }
            Read::Chunk(chunk) => {
                let tip = self.channel.tip();
                // Far behind, and a newer picture to start with: the run between is given up. Sound may just be late.
                if let Some(sync) = tip.last_sync.filter(|sync| *sync > cursor)
                    && chunk.track == TrackKind::Video
                    && tip.end - chunk.end > self.max_lag
                {
                    self.cursor = Some(sync);
                    return Next::Skipped(sync - cursor);
                }
                Next::Chunk(chunk)
            }
        }
    }

    /// Goes beyond the chunk that came next.
    pub fn advance(&mut self) {
        self.cursor = self.cursor.map(|cursor| cursor + 1);
    }

    /// Decode time of the next chunk, if it is there.
    pub fn start(&self) -> Option<Ticks> {
        match self.channel.read(self.cursor?) {
            Read::Chunk(chunk) => Some(chunk.start),
            Read::Lagged { .. } | Read::Empty => None,
        }
    }

    /// Media between this place and the newest chunk.
    pub fn behind(&self) -> Ticks {
        match self.cursor.map(|cursor| self.channel.read(cursor)) {
            Some(Read::Chunk(chunk)) => self.channel.tip().end - chunk.start,
            Some(Read::Lagged { .. }) => Ticks(i64::MAX),
            Some(Read::Empty) | None => Ticks(0),
        }
    }

    /// How many chunks from this place on start before `time`; sound counts too.
    pub fn chunks_before(&self, time: Ticks) -> u64 {
        let Some(cursor) = self.cursor else { return 0 };
        let before = |index: &u64| match self.channel.read(*index) {
            Read::Chunk(chunk) => chunk.start < time,
            Read::Lagged { .. } | Read::Empty => false,
        };
        (cursor..).take_while(before).count() as u64
    }
}
