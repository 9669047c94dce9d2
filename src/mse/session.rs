//! One viewer of the feed: what it asked for, what it gets, and what `auto` makes of its connection.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::auto::{Auto, Verdict};
use super::choice::{self, Rung};
use super::codecs::Decodable;
use super::feed::{Feed, Message, Target, Unplayable};
use super::messages::{ClientText, ServerText, Why};
use super::switch::Manner;
use super::{AUTO, Options};
use crate::live::{Camera, Channel, Rendition, State, Wanted};
use crate::media::Ticks;

/// Chunks count as flowing if the last one was sent within this time.
const FLOWING: Duration = Duration::from_secs(1);

/// What a viewer asked for.
#[derive(Clone, Debug)]
pub struct Viewer {
    /// The camera.
    pub camera: Arc<Camera>,
    /// Rendition by name; `None` for `auto`.
    pub rendition: Option<String>,
    /// What the client can decode.
    pub decodable: Decodable,
    /// Options of all feeds.
    pub options: Options,
}

/// Why a viewer is sent away for what it said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No message of the protocol.
    #[error("that message is not understood")]
    NotUnderstood,
    /// `select` with a name that the camera does not have.
    #[error("there is no such rendition")]
    NoSuchRendition,
}

/// One viewer's feed with its choice of renditions. No socket, no clock.
#[derive(Debug)]
pub struct Session {
    viewer: Viewer,
    feed: Feed,
    auto: Auto,
    /// Why the change that is on was begun.
    going: Option<Why>,
    paused: bool,
    last_chunk: Option<Instant>,
    /// Keeps a camera on demand on air.
    _wanted: Vec<Wanted>,
}

impl Session {
    /// A viewer that comes in now. The camera must have the rendition that it asked for.
    pub fn new(viewer: Viewer, now: Instant) -> Self {
        let _wanted = want(&viewer);
        let (rendition, preface) = choose(&viewer);
        let mut feed = open(&viewer, &rendition);
        feed.preface(preface);
        let auto = Auto::new(viewer.options.max_lag, now);
        Self { viewer, feed, auto, going: None, paused: false, last_chunk: None, _wanted }
    }

    /// The ring that is read.
    pub fn channel(&self) -> &Arc<Channel> {
        self.feed.channel()
    }

    /// The ring that is about to be read: its news count too.
    pub fn next_channel(&self) -> Option<&Arc<Channel>> {
        self.feed.next_channel()
    }

    /// The name of the rendition that is sent.
    pub fn rendition(&self) -> &str {
        self.feed.rendition()
    }

    /// The camera that is watched.
    pub fn camera(&self) -> &Camera {
        &self.viewer.camera
    }

    /// What was set for all feeds.
    pub fn options(&self) -> Options {
        self.viewer.options
    }

    /// True while the choice of the rendition is left to the server.
    pub fn is_auto(&self) -> bool {
        self.viewer.rendition.is_none()
    }

    /// Reads one chunk into messages; false when there is nothing to do for now.
    ///
    /// # Errors
    /// The client can decode nothing of what the camera sends.
    pub fn read(&mut self, now: Instant, out: &mut Vec<Message>) -> Result<bool, Unplayable> {
        if self.paused {
            return Ok(false);
        }
        let before = self.feed.next_channel().is_some().then(|| self.feed.channel().clone());
        let said = out.len();
        match self.feed.read(now, out) {
            Ok(read) => {
                match before {
                    Some(old) if old.id() != self.feed.channel().id() => self.changed(&old, now),
                    Some(_) if self.feed.next_channel().is_none() => self.gave_up(now),
                    _ if out[said..].iter().any(is_skip) => self.auto.restart(now),
                    _ => {}
                }
                if out.len() > said {
                    self.last_chunk = Some(now);
                }
                Ok(read)
            }
            Err(unplayable) if self.is_auto() => self.choose_again(unplayable, now),
            Err(unplayable) => Err(unplayable),
        }
    }

    /// The change to another rendition took place.
    fn changed(&mut self, old: &Channel, now: Instant) {
        match self.going.take() {
            Some(Why::Link) => {
                old.stats().viewers_lowered.add(1);
                self.auto.lowered(now);
            }
            Some(Why::Calm) => {
                old.stats().viewers_raised.add(1);
                self.auto.raised(now);
            }
            Some(Why::Codec | Why::Offline) | None => self.auto.restart(now),
        }
    }

    /// The change to another rendition was called off.
    fn gave_up(&mut self, now: Instant) {
        if self.going.take() == Some(Why::Calm) {
            self.auto.gave_up(now);
        }
    }

    /// What the camera sends turned out to be nothing for this client; perhaps another rendition is.
    fn choose_again(&mut self, unplayable: Unplayable, now: Instant) -> Result<bool, Unplayable> {
        let (rendition, preface) = choose(&self.viewer);
        if rendition.name == self.feed.rendition() {
            return Err(unplayable);
        }
        self.feed = open(&self.viewer, &rendition);
        self.feed.preface(preface);
        self.going = None;
        self.auto.restart(now);
        Ok(true)
    }

    /// Does what the client says.
    ///
    /// # Errors
    /// The client is to be sent away.
    pub fn hear(&mut self, text: &str, now: Instant) -> Result<(), Refusal> {
        match serde_json::from_str(text).map_err(|_| Refusal::NotUnderstood)? {
            ClientText::Pause => self.paused = true,
            ClientText::Resume => {
                self.paused = false;
                self.feed.rejoin();
                self.auto.restart(now);
            }
            ClientText::Select { rendition } => self.select(rendition, now)?,
            ClientText::Report { buffered, latency: _ } => {
                let flowing = self.last_chunk.is_some_and(|last| now - last < FLOWING);
                if let Some(buffered) = buffered {
                    self.auto.reported(buffered, flowing, now);
                }
            }
        }
        Ok(())
    }

    fn select(&mut self, rendition: String, now: Instant) -> Result<(), Refusal> {
        let wanted = (rendition != AUTO).then_some(rendition);
        if self.viewer.camera.rendition(wanted.as_deref()).is_none() {
            return Err(Refusal::NoSuchRendition);
        }
        self.viewer.rendition = wanted;
        self._wanted = want(&self.viewer);
        self.going = None;
        let (rendition, preface) = choose(&self.viewer);
        let target = self.target(&rendition, preface);
        self.feed.change(target, Manner::Wanted, now);
        if self.is_auto() {
            self.auto = Auto::new(self.viewer.options.max_lag, now);
        }
        Ok(())
    }

    /// A ping that was sent behind `bytes` of media was answered after `time`.
    pub fn answered(&mut self, time: Duration, bytes: u64) {
        self.auto.answered(time, bytes);
    }

    /// In `auto`: looks at the connection, and begins to go over to another rendition if that is better. `unanswered`
    /// is the age of the oldest ping without an answer.
    pub fn judge(&mut self, now: Instant, unanswered: Duration) {
        if !self.is_auto() || self.paused {
            return;
        }
        let behind = self.feed.behind().to_duration();
        let (why, manner) = match self.auto.judge(now, behind, unanswered) {
            Verdict::Stay => return,
            Verdict::Lower => (Why::Link, Manner::Seamless),
            Verdict::LowerNow => (Why::Link, Manner::Urgent),
            Verdict::Raise => (Why::Calm, Manner::Seamless),
        };
        let raise = why == Why::Calm;
        if raise && self.feed.next_channel().is_some() {
            return;
        }
        if !raise && self.going == Some(Why::Calm) {
            // The connection became slow before the heavier one was on.
            self.feed.stay();
            self.gave_up(now);
        }
        let camera = self.viewer.camera.clone();
        let rungs = choice::rungs(&camera, &self.viewer.decodable);
        let current = self.feed.rendition();
        let target = if raise { choice::heavier(&rungs, current) } else { choice::lighter(&rungs, current) };
        if raise {
            // Whatever comes of it: the next attempt is not before another calm stretch.
            self.auto.postpone(now);
        }
        if let Some(rung) = target.filter(|rung| !raise || self.auto.carries(rung.bit_rate)) {
            self.go(why, manner, rung, &rungs, now);
        }
    }

    /// True in `auto` while any rendition of the camera may still come, or is coming.
    pub fn may_have_another(&self) -> bool {
        let hopeless = |one: &Rendition| matches!(one.channel.status().state, State::Unsupported(_));
        self.feed.next_channel().is_some()
            || self.is_auto() && !self.viewer.camera.renditions.iter().all(hopeless)
    }

    /// In `auto`: another rendition while the camera does not deliver this one.
    pub fn status_changed(&mut self, now: Instant) {
        if !self.is_auto() {
            return;
        }
        if self.channel().status().state == State::Live {
            if self.going == Some(Why::Offline) {
                self.going = None;
                self.feed.stay();
            }
            return;
        }
        let camera = self.viewer.camera.clone();
        let rungs = choice::rungs(&camera, &self.viewer.decodable);
        if let Some(rung) = choice::instead(&rungs, self.feed.rendition()) {
            self.go(Why::Offline, Manner::Wanted, rung, &rungs, now);
        }
    }

    fn go(&mut self, why: Why, manner: Manner, to: &Rung<'_>, rungs: &[Rung<'_>], now: Instant) {
        let current = rungs.iter().find(|rung| rung.rendition.name == self.feed.rendition());
        let preface = current.map(|current| choice::preface(why, current, to));
        let target = self.target(to.rendition, preface);
        self.feed.change(target, manner, now);
        self.going = Some(why);
    }

    fn target(&self, rendition: &Rendition, preface: Option<ServerText>) -> Target {
        let camera = &self.viewer.camera;
        let current = camera.rendition(Some(self.feed.rendition()));
        let aligned = camera.is_aligned(rendition) && current.is_some_and(|one| camera.is_aligned(one));
        Target { rendition: rendition.clone(), aligned, preface }
    }
}

/// What keeps a camera on demand on air for a viewer: in `auto` all its renditions, since any may be next.
fn want(viewer: &Viewer) -> Vec<Wanted> {
    match viewer.rendition.as_deref().and_then(|name| viewer.camera.rendition(Some(name))) {
        Some(rendition) => vec![rendition.channel.want()],
        None => viewer.camera.want(),
    }
}

fn is_skip(message: &Message) -> bool {
    matches!(message, Message::Text(ServerText::Skip { .. }))
}

fn open(viewer: &Viewer, rendition: &Rendition) -> Feed {
    let max_lag = Ticks::from_duration(viewer.options.max_lag);
    Feed::new(&rendition.name, rendition.channel.clone(), viewer.decodable.clone(), max_lag)
}

/// The rendition that was asked for, or the one that `auto` starts with.
fn choose(viewer: &Viewer) -> (Rendition, Option<ServerText>) {
    if let Some(asked) = viewer.rendition.as_deref().and_then(|name| viewer.camera.rendition(Some(name))) {
        return (asked.clone(), None);
    }
    let rungs = choice::rungs(&viewer.camera, &viewer.decodable);
    let (rung, preface) = choice::first(&rungs);
    (rung.rendition.clone(), preface)
}
