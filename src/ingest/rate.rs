//! Cameras whose RTP clock runs at a wrong rate, or stands: their stamps are bent to the time of arrival. Pure.
//!
//! A quartz is some millionths off, and the timeline follows that. But there are cameras that count in units of
//! their own, repeat one stamp for ever, or send sound at another rate than they say. No slow correction can
//! follow those, and each of their frames would end in a break.

use std::collections::VecDeque;

use crate::media::Ticks;

const SECOND: i64 = 90_000;

/// How long a rate is measured, from the least delayed frame about its beginning to that about its end. What is
/// left of the delays of the network, some 100 ms, is a few percent of it.
const WINDOW: i64 = 4 * SECOND;

/// Frames about a moment: a network or a machine that holds something back holds back all of it, and seldom longer.
/// All tracks count these from the same zero: what delays all frames of a while delays those of each track alike.
const ABOUT: i64 = SECOND / 2;

/// A clock that is off by this share of the time is not what it says.
const WRONG_PERCENT: i64 = 3;

/// So many windows in a row must say the same: what a network holds back it delivers later, so that the next
/// window is off the other way.
const WINDOWS: usize = 2;

/// A clock that is off by less than this share may be a network that is getting slower all the time: of that so
/// many windows must be seen.
const PLAIN_PERCENT: i64 = 10;
const MANY_WINDOWS: usize = 7;

/// So many windows that agree make one long one.
const MOST_WINDOWS: usize = 10;

/// Below this share of the time a clock stands, and its steps say nothing.
const STANDS_PERCENT: i64 = 5;

/// So many moments are looked at for a frame without delay: about one of them, all may be held back.
const MOMENTS: usize = 4;

/// In this time the distance to the time of arrival is taken away, that of the least delayed frames. It is the same for
/// all tracks, however many frames they have, so that sound and picture go the same way.
const PULL: f64 = 2.0 * SECOND as f64;

/// What is further from its arrival than this has jumped there.
const FAR: f64 = 5.0 * SECOND as f64;

/// What became of a stamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rated {
    /// Use this one: the stamp itself, or what the time of arrival says.
    Good(Ticks),
    /// The same, and from here on stamps are bent: what was learned from those before does not hold.
    Bent(Ticks),
}

/// The rate of one track's clock.
#[derive(Debug, Default)]
pub struct Rate {
    frames: i64,
    /// The least delayed of the frames about this moment.
    about: Option<Stamp>,
    /// The ends of the last windows that agree on a rate, oldest first.
    ends: VecDeque<Stamp>,
    bend: Option<Bend>,
}

#[derive(Clone, Copy, Debug)]
struct Stamp {
    elapsed: i64,
    arrival: i64,
    /// Frames before it.
    number: i64,
}

impl Stamp {
    /// The moment about which it came.
    fn about(&self) -> i64 {
        self.arrival.div_euclid(ABOUT)
    }
}

/// What windows that agree say.
#[derive(Clone, Copy, Debug)]
struct Measured {
    /// In millionths.
    rate: i64,
    /// Mean time from frame to frame.
    interval: i64,
    windows: usize,
}

#[derive(Debug)]
struct Bend {
    /// As the camera wrote it.
    last: i64,
    /// As it was made of it.
    good: f64,
    /// Arrival less the bent stamp, for a frame without delay.
    offset: f64,
    /// What one tick of the camera is worth; nothing for a clock that stands.
    scale: f64,
    /// Mean time from frame to frame.
    interval: f64,
    /// How late the least delayed of the last frames was, and of those about moments before, less what was taken
    /// away since.
    late: f64,
    before: [f64; MOMENTS],
    /// How much of that a tick takes away.
    pull: f64,
}

impl Rate {
    /// True once the camera's clock has proved wrong.
    pub fn is_wrong(&self) -> bool {
        self.bend.is_some()
    }

    /// Arrival less stamp, for a frame without delay; known where stamps are bent.
    pub fn offset(&self) -> Option<i64> {
        self.bend.as_ref().map(|bend| bend.offset as i64)
    }

    /// Judges the next stamp: `elapsed` by the camera's clock, `arrival` on the same scale but with any zero.
    pub fn check(&mut self, elapsed: Ticks, arrival: Ticks) -> Rated {
        let stamp = Stamp { elapsed: elapsed.0, arrival: arrival.0, number: self.frames };
        self.frames += 1;
        let end = self.least_delayed(stamp);
        let measured = end.and_then(|end| self.measure(end));
        match (&mut self.bend, measured) {
            (Some(bend), measured) => {
                // One window alone may be a jump of the clock, or of the network.
                if let Some(measured) = measured.filter(|measured| measured.windows >= WINDOWS) {
                    bend.learn(measured);
                }
                Rated::Good(bend.next(stamp, end.is_some()))
            }
            (None, Some(measured)) if measured.windows >= windows_needed(measured.rate) => {
                let end = end.unwrap_or(stamp);
                self.bend = Some(Bend::new(measured, end, stamp));
                Rated::Bent(elapsed)
            }
            _ => Rated::Good(elapsed),
        }
    }

    /// The least delayed of the frames before this one, if this one is the first of others.
    fn least_delayed(&mut self, stamp: Stamp) -> Option<Stamp> {
        match self.about {
            Some(least) if least.about() == stamp.about() => {
                if self.delay(stamp) < self.delay(least) {
                    self.about = Some(stamp);
                }
                None
            }
            _ => self.about.replace(stamp),
        }
    }

    /// How late a frame comes, on a scale with any zero that holds about one moment.
    fn delay(&self, stamp: Stamp) -> f64 {
        let arrival = stamp.arrival as f64;
        let by_number = |interval: f64| arrival - stamp.number as f64 * interval;
        match (&self.bend, self.ends.front()) {
            (Some(bend), _) if bend.scale > 0.0 => arrival - stamp.elapsed as f64 * bend.scale,
            (Some(bend), _) => by_number(bend.interval),
            (None, Some(first)) if stands(rate(*first, stamp)) && stamp.number > first.number => {
                by_number((stamp.arrival - first.arrival) as f64 / (stamp.number - first.number) as f64)
            }
            (None, _) => arrival - stamp.elapsed as f64,
        }
    }

    /// What the windows say, if one ends here.
    fn measure(&mut self, end: Stamp) -> Option<Measured> {
        let Some(start) = self.ends.back().copied() else {
            self.ends.push_back(end);
            return None;
        };
        if end.about() - start.about() < WINDOW / ABOUT {
            return None;
        }
        let rate = rate(start, end);
        let right = rate < 0 || !differ(rate, 1_000_000, WRONG_PERCENT);
        if self.bend.is_none() && right {
            self.ends = VecDeque::from([end]);
            return None;
        }
        // What is known already is given up for no less than what is plain.
        let most = if self.bend.is_some() { PLAIN_PERCENT } else { WRONG_PERCENT };
        let known = self.ends.front().filter(|first| first.number < start.number);
        if known.is_some_and(|first| differ(rate, self::rate(*first, start), most)) {
            self.ends = VecDeque::from([start]);
        }
        self.ends.push_back(end);
        if self.ends.len() > MOST_WINDOWS + 1 {
            self.ends.pop_front();
        }
        let first = *self.ends.front()?;
        Some(Measured {
            rate: self::rate(first, end),
            interval: (end.arrival - first.arrival) / (end.number - first.number).max(1),
            windows: self.ends.len() - 1,
        })
    }
}

/// The rate of a clock from one stamp to another, in millionths.
fn rate(from: Stamp, to: Stamp) -> i64 {
    let passed = i128::from((to.arrival - from.arrival).max(1));
    ((to.elapsed - from.elapsed) as i128 * 1_000_000 / passed)
        .clamp(i128::from(i32::MIN), i128::from(i32::MAX)) as i64
}

/// True if two rates are further apart than this share of the rate of time, or of the second rate if that is more.
fn differ(one: i64, other: i64, percent: i64) -> bool {
    (one - other).abs() > percent * other.max(1_000_000) / 100
}

/// True if a clock at this rate, in millionths, says nothing.
fn stands(rate: i64) -> bool {
    rate < STANDS_PERCENT * 10_000
}

/// How many windows must agree on a rate in millionths before it is believed.
fn windows_needed(rate: i64) -> usize {
    if differ(rate, 1_000_000, PLAIN_PERCENT) { WINDOWS } else { MANY_WINDOWS }
}

impl Bend {
    /// From `stamp` on; `end` is the last that was hardly delayed.
    fn new(measured: Measured, end: Stamp, stamp: Stamp) -> Self {
        let mut bend = Self {
            last: stamp.elapsed,
            good: stamp.elapsed as f64,
            offset: 0.0,
            scale: 0.0,
            interval: 0.0,
            late: 0.0,
            before: [0.0; MOMENTS],
            pull: 0.0,
        };
        bend.learn(measured);
        let since = match bend.scale > 0.0 {
            true => (stamp.elapsed - end.elapsed) as f64 * bend.scale,
            false => (stamp.number - end.number) as f64 * bend.interval,
        };
        bend.offset = end.arrival as f64 + since - bend.good;
        bend
    }

    fn learn(&mut self, measured: Measured) {
        self.interval = measured.interval as f64;
        self.scale = if stands(measured.rate) { 0.0 } else { 1_000_000.0 / measured.rate as f64 };
    }

    /// `others`: the frames before came about another time.
    fn next(&mut self, stamp: Stamp, others: bool) -> Ticks {
        let step =
            if self.scale > 0.0 { (stamp.elapsed - self.last) as f64 * self.scale } else { self.interval };
        self.last = stamp.elapsed;
        let ahead = self.good + step;
        let late = stamp.arrival as f64 - self.offset - ahead;
        // Nothing comes before it is sent; and what a network holds back comes with what is hardly late.
        let jumped = if others && self.late > FAR { self.late } else { late.min(0.0) };
        if jumped.abs() > FAR {
            self.offset += jumped;
            (self.late, self.before, self.pull) = (late - jumped, [0.0; MOMENTS], 0.0);
        } else if others {
            self.before.rotate_right(1);
            self.before[0] = std::mem::replace(&mut self.late, late);
            self.pull = self.before.into_iter().fold(f64::INFINITY, f64::min) / PULL;
        } else {
            self.late = self.late.min(late);
        }
        // Never more than half a step, so that time neither stands nor jumps.
        let bound = step.abs().max(self.interval / 2.0) / 2.0;
        let taken_away = (self.pull * self.interval.min(PULL / 2.0)).clamp(-bound, bound);
        self.good = ahead + taken_away;
        self.late -= taken_away;
        self.before.iter_mut().for_each(|late| *late -= taken_away);
        Ticks(self.good as i64)
    }
}

#[cfg(test)]
#[path = "rate_tests.rs"]
mod tests;
