//! Cameras whose RTP clock runs at a wrong rate, or stands: their stamps are bent to the time of arrival. Pure.
//!
//! A quartz is some millionths off, and the timeline follows that. But there are cameras that count in units of
//! their own, repeat one stamp for ever, or send sound at another rate than they say. No slow correction can
//! follow those, and each of their frames would end in a break.

use crate::media::Ticks;

const SECOND: i64 = 90_000;

/// How long a rate is measured. Delays of the network, some 100 ms, are a few percent of it.
const WINDOW: i64 = 5 * SECOND;

/// A clock that is off by this share of the time is not what it says.
const WRONG_PERCENT: i64 = 3;

/// So many windows in a row must say the same: what a network holds back it delivers later, so that the next
/// window is off the other way.
const WINDOWS: u32 = 2;

/// A clock that is off by less than this share may be a network that is getting slower all the time: of that so
/// many windows must be seen.
const PLAIN_PERCENT: i64 = 10;
const MANY_WINDOWS: u32 = 6;

/// Below this share of the time a clock stands, and its steps say nothing.
const STANDS_PERCENT: i64 = 5;

/// The share of the distance to the time of arrival that one frame takes away, as a divisor.
const GAIN: f64 = 32.0;

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
    window: Option<Stamp>,
    /// The rate that the last windows agreed on, in millionths, and how many they were.
    agreed: Option<(i64, u32)>,
    frames: i64,
    bend: Option<Bend>,
}

#[derive(Clone, Copy, Debug)]
struct Stamp {
    elapsed: i64,
    arrival: i64,
}

#[derive(Debug)]
struct Bend {
    /// As the camera wrote it.
    last: i64,
    /// As it was made of it.
    good: f64,
    /// Arrival less the bent stamp, for a frame without delay.
    offset: i64,
    /// What one tick of the camera is worth; nothing for a clock that stands.
    scale: f64,
    /// Mean time from frame to frame.
    interval: f64,
}

impl Rate {
    /// True once the camera's clock has proved wrong.
    pub fn is_wrong(&self) -> bool {
        self.bend.is_some()
    }

    /// Judges the next stamp: `elapsed` by the camera's clock, `arrival` on the same scale but with any zero.
    pub fn check(&mut self, elapsed: Ticks, arrival: Ticks) -> Rated {
        let stamp = Stamp { elapsed: elapsed.0, arrival: arrival.0 };
        let measured = self.measure(stamp);
        match (&mut self.bend, measured) {
            (Some(bend), measured) => {
                if let Some((rate, interval)) = measured {
                    bend.learn(rate, interval);
                }
                Rated::Good(bend.next(stamp))
            }
            (None, Some((rate, interval)))
                if self.agreed.is_some_and(|(_, count)| count >= windows_needed(rate)) =>
            {
                let mut bend = Bend {
                    last: stamp.elapsed,
                    good: stamp.elapsed as f64,
                    offset: stamp.arrival - stamp.elapsed,
                    scale: 0.0,
                    interval: interval as f64,
                };
                bend.learn(rate, interval);
                self.bend = Some(bend);
                Rated::Bent(elapsed)
            }
            _ => Rated::Good(elapsed),
        }
    }

    /// The rate in millionths and the interval between frames over the window that ends here, if one does.
    fn measure(&mut self, stamp: Stamp) -> Option<(i64, i64)> {
        let start = *self.window.get_or_insert(stamp);
        let passed = stamp.arrival - start.arrival;
        if passed < WINDOW {
            self.frames += 1;
            return None;
        }
        let rate = ((stamp.elapsed - start.elapsed) as i128 * 1_000_000 / i128::from(passed))
            .clamp(i128::from(i32::MIN), i128::from(i32::MAX)) as i64;
        let interval = passed / self.frames.max(1);
        (self.window, self.frames) = (Some(stamp), 1);
        let wrong = (rate - 1_000_000).abs() > WRONG_PERCENT * 10_000;
        self.agreed = match self.agreed {
            _ if !wrong || rate < 0 => None,
            Some((before, count)) if (before - rate).abs() <= WRONG_PERCENT * 10_000 => {
                Some((rate, count + 1))
            }
            _ => Some((rate, 1)),
        };
        Some((rate, interval))
    }
}

/// How many windows must agree on a rate in millionths before it is believed.
fn windows_needed(rate: i64) -> u32 {
    if (rate - 1_000_000).abs() > PLAIN_PERCENT * 10_000 { WINDOWS } else { MANY_WINDOWS }
}

impl Bend {
    fn learn(&mut self, rate: i64, interval: i64) {
        self.interval = interval as f64;
        let stands = rate < STANDS_PERCENT * 10_000;
        self.scale = if stands { 0.0 } else { 1_000_000.0 / rate as f64 };
    }

    fn next(&mut self, stamp: Stamp) -> Ticks {
        let step =
            if self.scale > 0.0 { (stamp.elapsed - self.last) as f64 * self.scale } else { self.interval };
        self.last = stamp.elapsed;
        let ahead = self.good + step;
        let late = (stamp.arrival - self.offset) as f64 - ahead;
        // Never more than half a step, so that time neither stands nor jumps.
        let bound = step.abs().max(self.interval / 2.0) / 2.0;
        self.good = ahead + (late / GAIN).clamp(-bound, bound);
        Ticks(self.good as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: i64 = 3_600;

    /// Stamps of a camera at 25 a second whose clock runs at `rate`, and the jitter of its network.
    fn run(seconds: i64, rate: f64, jitter: i64) -> (Rate, Vec<(i64, i64)>) {
        let mut checked = Vec::new();
        let mut meter = Rate::default();
        for n in 0..seconds * 25 {
            let taken = n * FRAME;
            let elapsed = Ticks((taken as f64 * rate) as i64);
            let arrival = Ticks(taken + n * 7_919 % 41 * jitter / 41);
            let (Rated::Good(Ticks(good)) | Rated::Bent(Ticks(good))) = meter.check(elapsed, arrival);
            checked.push((taken, good));
        }
        (meter, checked)
    }

    #[test]
    fn a_clock_that_is_nearly_right_is_left_alone() {
        for rate in [1.0, 1.0005, 0.9995, 1.01] {
            let (meter, checked) = run(60, rate, 18_000);
            assert!(!meter.is_wrong(), "{rate}");
            assert!(checked.iter().all(|(taken, good)| *good == (*taken as f64 * rate) as i64), "{rate}");
        }
    }

    #[test]
    fn a_clock_that_is_wrong_or_stands_is_bent_to_the_rate_of_time_within_ten_seconds() {
        for rate in [1.15, 0.85, 2.0, 10.5, 0.1, 0.0] {
            let (meter, checked) = run(60, rate, 1_800);
            assert!(meter.is_wrong(), "{rate}");
            let tail = &checked[15 * 25..];
            let distances = || tail.iter().map(|(taken, good)| good - taken);
            let spread = distances().max().expect("frames") - distances().min().expect("frames");
            assert!(spread < 90 * 30, "rate {rate}: {spread} ticks apart");
            let steps = || tail.windows(2).map(|pair| pair[1].1 - pair[0].1);
            assert!(steps().all(|step| (FRAME / 2..FRAME * 2).contains(&step)), "rate {rate}");
        }
    }

    #[test]
    fn what_a_network_holds_back_and_delivers_at_once_is_no_wrong_clock() {
        let mut meter = Rate::default();
        for n in 0..25 * 120 {
            let taken = n * FRAME;
            // Six seconds of each twenty are held back.
            let held = taken % (20 * SECOND) < 6 * SECOND;
            let arrival = if held { taken / (20 * SECOND) * 20 * SECOND + 6 * SECOND } else { taken };
            assert_eq!(meter.check(Ticks(taken), Ticks(arrival)), Rated::Good(Ticks(taken)));
        }
    }

    #[test]
    fn jumps_pauses_and_a_burst_of_old_pictures_are_no_wrong_clock_either() {
        let mut meter = Rate::default();
        for n in 0..25 * 60 {
            let jump =
                if n > 25 * 20 { 3_600 * SECOND } else { 0 } - if n > 25 * 40 { 9_000 * SECOND } else { 0 };
            let pause = if n > 25 * 30 { 60 * SECOND } else { 0 };
            let arrival = (n * FRAME).max(3 * SECOND) + pause;
            meter.check(Ticks(n * FRAME + jump + pause), Ticks(arrival));
            assert!(!meter.is_wrong(), "frame {n}");
        }
    }
}
