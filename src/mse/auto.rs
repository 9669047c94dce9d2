//! How `auto` judges a viewer's connection. Pure: the time is told, and what was seen of the socket.
//!
//! Two things show how well a connection carries what is sent: how much of the ring was not taken yet, and how long
//! it takes until a ping behind the media is answered. Sending goes on while the answer is under way, so neither
//! costs time. A client's own reports come third, since not all clients send them.

use std::time::{Duration, Instant};

/// Delay on the connection that makes `auto` look for a lighter rendition, as a share of `max_lag`.
const SLOW: f64 = 0.3;
/// The same for leaving the heavy one at once: half of what loses frames.
const TOO_SLOW: f64 = 0.5;
/// Delay up to which all is well, as a share of `max_lag`.
const CALM: f64 = 0.15;
/// What was in the ring at the start is on its way for at least this time before anything is judged by it.
const FIRST_LOOK: Duration = Duration::from_secs(1);
/// By then a connection that carries the rendition has caught up.
const CAUGHT_UP_BY: Duration = Duration::from_secs(4);
/// Media must come at least so many times as fast as it plays for a viewer to catch up in time.
const CATCHING_UP: f64 = 1.25;
/// Calm stretch before the first attempt at a heavier rendition.
const FIRST_CALM: Duration = Duration::from_secs(5);
/// Longest calm stretch that is asked for after failed attempts.
const LONGEST_CALM: Duration = Duration::from_secs(300);
/// An attempt that lasted so long did not fail.
const SUCCESS: Duration = Duration::from_secs(30);
/// A connection must have shown to carry this many times the bit rate of the heavier rendition.
const HEADROOM: f64 = 1.2;
/// Fewer bytes before a ping tell nothing about how many a second get through.
const TELLING_BYTES: u64 = 4096;
/// What earlier pings told counts for less with each that follows.
const FADE: f64 = 0.7;
/// A client with less in its buffer, in seconds, starves.
const STARVING: f64 = 0.05;
/// So many reports of that in a row count.
const STARVING_REPORTS: u32 = 2;

/// What `auto` makes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It carries what is sent.
    Stay,
    /// It is getting slow: a lighter rendition, where nothing is lost.
    Lower,
    /// It is far too slow: a lighter rendition now.
    LowerNow,
    /// It has been calm for long enough: a heavier rendition may be tried.
    Raise,
}

/// What was seen of one viewer's connection.
#[derive(Clone, Debug)]
pub struct Auto {
    max_lag: f64,
    /// When the rendition that is on began, and how much of it was in the ring then, in seconds.
    began: Instant,
    began_behind: Option<f64>,
    caught_up: bool,
    last_unrest: Instant,
    calm_needed: Duration,
    /// When the rendition that is on was tried, if it was an attempt.
    attempt: Option<Instant>,
    /// Shortest time of a ping.
    round_trip: Option<Duration>,
    /// Bits a second that got through, as far as pings tell.
    capacity: Option<f64>,
    starving: u32,
}

impl Auto {
    /// Nothing is known yet.
    pub fn new(max_lag: Duration, now: Instant) -> Self {
        Self {
            max_lag: max_lag.as_secs_f64(),
            began: now,
            began_behind: None,
            caught_up: false,
            last_unrest: now,
            calm_needed: FIRST_CALM,
            attempt: None,
            round_trip: None,
            capacity: None,
            starving: 0,
        }
    }

    /// The viewer was sent a new rendition, or the same one from a newer sync sample.
    pub fn restart(&mut self, now: Instant) {
        self.began = now;
        self.began_behind = None;
        self.caught_up = false;
        self.last_unrest = now;
        self.starving = 0;
    }

    /// A heavier rendition is tried.
    pub fn raised(&mut self, now: Instant) {
        self.attempt = Some(now);
        self.restart(now);
    }

    /// A lighter rendition was needed. If that ends an attempt, the next one waits twice as long.
    pub fn lowered(&mut self, now: Instant) {
        if let Some(attempt) = self.attempt.take() {
            let lasted = now.saturating_duration_since(attempt);
            self.calm_needed =
                if lasted < SUCCESS { (self.calm_needed * 2).min(LONGEST_CALM) } else { FIRST_CALM };
        }
        self.restart(now);
    }

    /// An attempt at a heavier rendition came to nothing before it was on: the next one waits twice as long, too.
    pub fn gave_up(&mut self, now: Instant) {
        self.calm_needed = (self.calm_needed * 2).min(LONGEST_CALM);
        self.last_unrest = now;
    }

    /// The next attempt at a heavier rendition waits for another calm stretch.
    pub fn postpone(&mut self, now: Instant) {
        self.last_unrest = now;
    }

    /// A ping that was sent behind `bytes` of media was answered after `time`.
    pub fn answered(&mut self, time: Duration, bytes: u64) {
        let shortest = self.round_trip.map_or(time, |shortest| shortest.min(time));
        self.round_trip = Some(shortest);
        if bytes >= TELLING_BYTES {
            // A millisecond is what a machine may take to answer.
            let carrying = (time - shortest).as_secs_f64() + 0.001;
            let told = bytes as f64 * 8.0 / carrying;
            self.capacity = Some(self.capacity.map_or(told, |known| told.max(known * FADE)));
        }
    }

    /// What the client says it has in its buffer, in seconds; `flowing` if chunks were sent to it lately.
    pub fn reported(&mut self, buffered: f64, flowing: bool, now: Instant) {
        self.starving = if buffered < STARVING && flowing { self.starving + 1 } else { 0 };
        if self.starving > 0 {
            self.last_unrest = now;
        }
    }

    /// Judges the connection: `behind` is the media that was not taken yet, `unanswered` the age of the oldest ping
    /// without an answer.
    pub fn judge(&mut self, now: Instant, behind: Duration, unanswered: Duration) -> Verdict {
        let behind = behind.as_secs_f64();
        let late = unanswered.saturating_sub(self.round_trip.unwrap_or_default()).as_secs_f64();
        if !self.caught_up {
            return self.judge_start(now, behind, late);
        }
        let delay = behind + late;
        if delay > self.max_lag * CALM {
            self.last_unrest = now;
        }
        if delay > self.max_lag * TOO_SLOW {
            Verdict::LowerNow
        } else if delay > self.max_lag * SLOW || self.starving >= STARVING_REPORTS {
            Verdict::Lower
        } else if now.saturating_duration_since(self.last_unrest) >= self.calm_needed {
            Verdict::Raise
        } else {
            Verdict::Stay
        }
    }

    /// A viewer starts behind, by up to a GOP: what counts is whether it catches up.
    fn judge_start(&mut self, now: Instant, behind: f64, late: f64) -> Verdict {
        let began_behind = *self.began_behind.get_or_insert(behind);
        let time = now.saturating_duration_since(self.began);
        self.last_unrest = now;
        if behind + late <= self.max_lag * CALM {
            self.caught_up = true;
            return Verdict::Stay;
        }
        let gained = time.as_secs_f64() + began_behind - behind - late;
        let slow = gained < time.as_secs_f64() * CATCHING_UP;
        if time >= CAUGHT_UP_BY || (time >= FIRST_LOOK && slow) { Verdict::LowerNow } else { Verdict::Stay }
    }

    /// True unless it is known that the connection does not carry `bit_rate` bits a second.
    pub fn carries(&self, bit_rate: u64) -> bool {
        self.capacity.is_none_or(|capacity| capacity >= bit_rate as f64 * HEADROOM)
    }
}
