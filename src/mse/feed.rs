//! One viewer's feed: a cursor into the ring and what the viewer was told. No socket, no clock.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::codecs::{Decodable, carries};
use super::messages::ServerText;
use super::switch::{self, Manner, Place, Step};
use crate::live::{Channel, Chunk, Follower, Next, Rendition};
use crate::media::{Ticks, TrackKind, Tracks};

/// A message to the viewer.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// Text.
    Text(ServerText),
    /// An init segment or a chunk behind the head of its message: the ring's own bytes.
    Binary(Bytes),
}

/// The viewer can decode nothing of what the camera sends.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the camera sends {codecs}, which this client cannot decode")]
pub struct Unplayable {
    /// What the camera sends, as RFC 6381 strings.
    pub codecs: String,
}

/// A viewer's place in one rendition, and the change to another one that is on.
#[derive(Debug)]
pub struct Feed {
    rendition: String,
    follower: Follower,
    decodable: Decodable,
    max_lag: Ticks,
    /// The epoch that was announced, and the tracks of it that are sent.
    announced: Option<(u32, Tracks)>,
    /// Said before the next announcement.
    preface: Option<ServerText>,
    /// Where the last picture and the last sound that were sent end.
    sent: Sent,
    change: Option<Change>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sent {
    picture: Option<Ticks>,
    sound: Option<Ticks>,
    /// How long the last picture was.
    interval: Ticks,
    /// Sound up to here was sent from another rendition.
    heard: Option<Ticks>,
}

/// Another rendition to go over to.
#[derive(Clone, Debug)]
pub struct Target {
    /// The rendition.
    pub rendition: Rendition,
    /// True if it is proved to show the same instant at the same time as the one before.
    pub aligned: bool,
    /// What the viewer is told.
    pub preface: Option<ServerText>,
}

/// A change of the rendition that is on.
#[derive(Debug)]
struct Change {
    target: Target,
    manner: Manner,
    since: Instant,
    held_since: Option<Instant>,
}

impl Feed {
    /// A feed that starts at the newest sync sample in the ring, so that nobody waits for the next.
    pub fn new(rendition: &str, channel: Arc<Channel>, decodable: Decodable, max_lag: Ticks) -> Self {
        channel.stats().viewers_joined.add(1);
        Self {
            rendition: rendition.into(),
            follower: Follower::new(channel, max_lag),
            decodable,
            max_lag,
            announced: None,
            preface: None,
            sent: Sent::default(),
            change: None,
        }
    }

    /// Has `preface` told before the first picture.
    pub fn preface(&mut self, preface: Option<ServerText>) {
        self.preface = preface;
    }

    /// The rendition that is sent.
    pub fn rendition(&self) -> &str {
        &self.rendition
    }

    /// Its ring.
    pub fn channel(&self) -> &Arc<Channel> {
        self.follower.channel()
    }

    /// The ring that the feed is about to go over to: its news count too.
    pub fn next_channel(&self) -> Option<&Arc<Channel>> {
        self.change.as_ref().map(|change| &change.target.rendition.channel)
    }

    /// Goes on at the newest sync sample, as after a pause. A change that was on takes place at once.
    pub fn rejoin(&mut self) {
        self.sent = Sent::default();
        self.announced = None;
        self.follower.rejoin();
    }

    /// Goes over to another rendition, where both meet; to the one that is on, stays. Of a change that is on already
    /// the time that was waited counts, and who had reason to hurry still has.
    pub fn change(&mut self, target: Target, manner: Manner, now: Instant) {
        let id = target.rendition.channel.id();
        if id == self.channel().id() {
            return self.stay();
        }
        match self.change.as_mut().filter(|on| on.target.rendition.channel.id() == id) {
            Some(on) => {
                on.target = target;
                on.manner = on.manner.max(manner);
            }
            None => self.change = Some(Change { target, manner, since: now, held_since: None }),
        }
    }

    /// Calls off a change that is on.
    pub fn stay(&mut self) {
        self.change = None;
    }

    /// Media in the ring that was not read yet.
    pub fn behind(&self) -> Ticks {
        self.follower.behind()
    }

    /// Reads one chunk into messages; false when there is nothing to do for now.
    ///
    /// # Errors
    /// The viewer can decode nothing of what comes next.
    pub fn read(&mut self, now: Instant, out: &mut Vec<Message>) -> Result<bool, Unplayable> {
        // What nobody will be sent is not looked at: it may be far behind.
        let urgent = self.change.as_ref().is_some_and(|change| change.manner == Manner::Urgent);
        let next = if urgent { Next::Nothing } else { self.follower.peek() };
        let chunk = match next {
            Next::Skipped(missed) => {
                self.skip(missed, out);
                return Ok(true);
            }
            Next::Chunk(chunk) => Some(chunk),
            Next::Nothing => None,
        };
        match self.step(chunk.as_deref(), now) {
            Step::Go(start) => {
                self.go(start, out);
                return Ok(true);
            }
            Step::GiveUp => self.change = None,
            Step::Hold => return Ok(false),
            Step::Old => {}
        }
        let Some(chunk) = chunk else { return Ok(false) };
        self.follower.advance();
        self.send(&chunk, out)?;
        Ok(true)
    }

    fn step(&mut self, next: Option<&Chunk>, now: Instant) -> Step {
        let Some(change) = &mut self.change else { return Step::Old };
        let next_picture = next.filter(|chunk| chunk.track == TrackKind::Video).map(|chunk| chunk.start);
        let tolerance = if change.target.aligned { Ticks(self.sent.interval.0 / 2) } else { Ticks(0) };
        let at = self.sent.picture.and(next_picture.or(self.sent.picture));
        let place = Place { at, next_end: next.map(|chunk| chunk.end), tolerance };
        let joint = change.target.rendition.channel.joint(at.unwrap_or_default() - tolerance);
        let held = change.held_since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        let waited = now.saturating_duration_since(change.since);
        let step = switch::step(change.manner, waited, held, place, joint);
        change.held_since = if step == Step::Hold { change.held_since.or(Some(now)) } else { None };
        step
    }

    /// Goes over to the other rendition, at the chunk with the number `start`.
    fn go(&mut self, start: Option<u64>, out: &mut Vec<Message>) {
        let Some(Change { target, .. }) = self.change.take() else { return };
        let Target { rendition, preface, .. } = target;
        let follower = match start {
            Some(start) => Follower::at(rendition.channel, self.max_lag, start),
            None => Follower::new(rendition.channel, self.max_lag),
        };
        follower.channel().stats().viewers_joined.add(1);
        if let (Some(time), Some(at)) = (follower.start(), self.sent.picture)
            && time - at > self.sent.interval
        {
            let missed = self.follower.chunks_before(time);
            if missed > 0 {
                self.skip(missed, out);
            }
        }
        let heard = self.sent.sound;
        self.sent = Sent { heard, ..Sent::default() };
        self.follower = follower;
        self.rendition = rendition.name;
        self.preface = preface;
        self.announced = None;
    }

    fn skip(&mut self, missed: u64, out: &mut Vec<Message>) {
        if self.announced.is_some() {
            let stats = self.channel().stats();
            stats.viewer_skips.add(1);
            stats.chunks_skipped.add(missed);
            out.push(Message::Text(ServerText::Skip { chunks: missed }));
        }
    }

    fn send(&mut self, chunk: &Chunk, out: &mut Vec<Message>) -> Result<(), Unplayable> {
        let epoch = &chunk.epoch;
        if self.announced.as_ref().is_none_or(|(number, _)| *number != epoch.number) {
            if !chunk.starts_picture() {
                // The sound before the first picture of an epoch, or what is left of a lost one.
                return Ok(());
            }
            let Some(tracks) = self.decodable.playable(&epoch.tracks) else {
                return Err(Unplayable { codecs: epoch.tracks.codecs() });
            };
            let init = if tracks.audio.is_some() { &epoch.inits.all } else { &epoch.inits.video };
            out.extend(self.preface.take().map(Message::Text));
            out.push(Message::Text(ServerText::init(&self.rendition, epoch, &tracks)));
            out.push(Message::Binary(init.message.clone()));
            self.announced = Some((epoch.number, tracks));
        }
        if self.announced.as_ref().is_some_and(|(_, tracks)| carries(tracks, chunk.track))
            && !self.sent.has(chunk)
        {
            self.sent.note(chunk);
            out.push(Message::Binary(chunk.message.clone()));
        }
        Ok(())
    }
}

impl Sent {
    /// True for sound that was sent already, from the rendition before this.
    fn has(&self, chunk: &Chunk) -> bool {
        chunk.track == TrackKind::Audio && self.heard.is_some_and(|heard| chunk.end <= heard)
    }

    fn note(&mut self, chunk: &Chunk) {
        match chunk.track {
            TrackKind::Video => {
                self.picture = Some(chunk.end);
                self.interval = chunk.end - chunk.start;
            }
            TrackKind::Audio => {
                self.sound = Some(chunk.end);
                self.heard = None;
            }
        }
    }
}

#[cfg(test)]
#[path = "feed_tests.rs"]
mod tests;
