//! When frames come, against what their stamps say: by how much, and how sound and pictures differ in that. Pure.

use std::collections::VecDeque;

use crate::media::{Ticks, TrackKind};

const SECOND: i64 = 90_000;

/// The least `arrival - elapsed` of the last 10 to 20 seconds of one track; where frames are slow, the middle of what
/// they say.
#[derive(Debug, Default)]
pub struct Arrivals {
    began: Option<i64>,
    latest: i64,
    stamp: i64,
    window: i64,
    current: Option<i64>,
    previous: Option<i64>,
}

impl Arrivals {
    /// Half the memory. Long enough to see past a burst of retransmissions, short enough for drift. All tracks count
    /// from the same zero: what the network delays is forgotten by all of them at once.
    const WINDOW: i64 = 10 * SECOND;

    /// What is taken further apart is stamped less exactly: encoders that hold a picture a second to an even pace may be
    /// off by a third of it.
    const SLOW: i64 = SECOND / 4;

    /// So small a part of the time that has passed a slow one moves what is known, whichever way it differs: stamps
    /// that are too early and too late by turns move it nowhere, and what the network does is followed all the same.
    const STEPS: i64 = 200;

    /// Takes note of a frame.
    pub fn add(&mut self, elapsed: Ticks, arrival: Ticks) {
        self.began.get_or_insert(arrival.0);
        let passed = arrival.0 - std::mem::replace(&mut self.latest, arrival.0);
        let slow = elapsed.0 - std::mem::replace(&mut self.stamp, elapsed.0) > Self::SLOW;
        let window = arrival.0.div_euclid(Self::WINDOW);
        if window != self.window {
            let current = self.current.take();
            self.previous = current.filter(|_| window == self.window + 1);
            self.window = window;
        }
        let offset = arrival.0 - elapsed.0;
        match self.least() {
            Some(least) if slow => {
                let step = passed.clamp(0, Self::WINDOW) / Self::STEPS;
                (self.current, self.previous) = (Some(least + (offset - least).clamp(-step, step)), None);
            }
            _ => self.current = Some(self.current.map_or(offset, |least| least.min(offset))),
        }
    }

    /// The least of all that is remembered.
    pub fn least(&self) -> Option<i64> {
        match (self.current, self.previous) {
            (Some(current), Some(previous)) => Some(current.min(previous)),
            (current, previous) => current.or(previous),
        }
    }

    /// For how long frames have come.
    pub fn watched(&self) -> Ticks {
        Ticks(self.began.map_or(0, |began| self.latest - began))
    }
}

/// How fast the clock of the sound leaves that of the pictures behind, or falls behind it, by what arrives.
///
/// The least of ten seconds and more is always late about a clock that runs away; so where short windows agree that
/// it does, what they say is drawn out to now.
#[derive(Debug, Default)]
pub struct Drift {
    window: i64,
    /// The least `arrival - elapsed` in it, of pictures and of sound, and of how many.
    least: [Option<i64>; 2],
    frames: [u32; 2],
    /// By how much the sound's was more in the windows that are over, newest last.
    apart: VecDeque<i64>,
    found: bool,
}

impl Drift {
    const WINDOW: i64 = 2 * SECOND;

    /// So many windows in a row tell.
    const WINDOWS: usize = 5;

    /// So many frames of each in a window do: of fewer each may be stamped wrongly by more than what is looked for.
    const FRAMES: u32 = 5;

    /// What two windows in a row differ by at least: 2000 ppm. The long memory is late by no more than 40 ms about less.
    const LEAST: i64 = Self::WINDOW / 500;

    /// Takes note of a frame.
    pub fn add(&mut self, kind: TrackKind, elapsed: Ticks, arrival: Ticks) {
        let window = arrival.0.div_euclid(Self::WINDOW);
        if window != self.window {
            self.close(window);
        }
        let track = usize::from(kind == TrackKind::Audio);
        self.frames[track] += 1;
        let least = &mut self.least[track];
        let offset = arrival.0 - elapsed.0;
        *least = Some(least.map_or(offset, |least| least.min(offset)));
    }

    fn close(&mut self, window: i64) {
        let next = std::mem::replace(&mut self.window, window) + 1 == window;
        let enough = std::mem::take(&mut self.frames).iter().all(|frames| *frames >= Self::FRAMES);
        match std::mem::take(&mut self.least) {
            [Some(video), Some(audio)] if next && enough => self.apart.push_back(audio - video),
            _ => self.apart.clear(),
        }
        if self.apart.len() > Self::WINDOWS {
            self.apart.pop_front();
        }
        self.found = match self.step() {
            None => false,
            // What was found is given up for no single window that says otherwise.
            Some(step) if self.found => step.abs() >= Self::LEAST / 2,
            Some(step) => {
                let steps = self.apart.iter().zip(self.apart.iter().skip(1));
                let mut agree = steps.map(|(one, next)| (next - one) * step.signum());
                step.abs() >= Self::LEAST && agree.all(|one| one >= step.abs() / 2)
            }
        };
    }

    /// What windows differ by in the mean, if there are enough of them.
    fn step(&self) -> Option<i64> {
        let (first, last) = (self.apart.front()?, self.apart.back()?);
        (self.apart.len() == Self::WINDOWS).then(|| (last - first) / (Self::WINDOWS as i64 - 1))
    }

    /// By how much the sound's `arrival - elapsed` is more than that of the pictures at `now`, where it drifts.
    pub fn apart(&self, now: Ticks) -> Option<i64> {
        let step = self.step().filter(|_| self.found)?;
        // The least of a window is at its beginning where it grows, else at its end.
        let at = (self.window - i64::from(step > 0)) * Self::WINDOW;
        Some(self.apart.back()? + step * (now.0 - at) / Self::WINDOW)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 30 s of pictures and sound whose clock is off by `ppm`; what is found of it in the end, and what is true.
    fn drift(ppm: i64, jitter: i64) -> (Option<i64>, i64) {
        let (mut drift, mut now) = (Drift::default(), 0);
        for n in 0..750 {
            now = 7 * SECOND + n * 3_600;
            let late = n * 7_919 % 13 * jitter / 12;
            drift.add(TrackKind::Video, Ticks(n * 3_600), Ticks(now + late));
            let elapsed = n * 3_600 + n * 3_600 * ppm / 1_000_000;
            drift.add(TrackKind::Audio, Ticks(elapsed), Ticks(now + jitter - late));
        }
        (drift.apart(Ticks(now)), -749 * 3_600 * ppm / 1_000_000)
    }

    #[test]
    fn a_clock_that_runs_away_is_known_to_some_milliseconds_and_one_that_does_not_is_left_alone() {
        for jitter in [0, 30 * 90] {
            for ppm in [10_000, -10_000, 25_000, -3_000] {
                let (found, truth) = drift(ppm, jitter);
                let found = found.unwrap_or_else(|| panic!("{ppm} ppm, jitter {jitter}: nothing found"));
                assert!((found - truth).abs() < 10 * 90, "{ppm} ppm, jitter {jitter}: {found}, not {truth}");
            }
            for ppm in [0, 100, -1_000] {
                assert_eq!(drift(ppm, jitter).0, None, "{ppm} ppm, jitter {jitter}");
            }
        }
    }

    #[test]
    fn the_least_of_ten_seconds_and_more_is_remembered_and_what_is_older_is_not() {
        let mut arrivals = Arrivals::default();
        arrivals.add(Ticks(0), Ticks(9 * SECOND));
        assert_eq!((arrivals.least(), arrivals.watched()), (Some(9 * SECOND), Ticks(0)));
        arrivals.add(Ticks(0), Ticks(12 * SECOND));
        assert_eq!((arrivals.least(), arrivals.watched()), (Some(9 * SECOND), Ticks(3 * SECOND)));
        arrivals.add(Ticks(0), Ticks(25 * SECOND));
        assert_eq!(arrivals.least(), Some(12 * SECOND));
        arrivals.add(Ticks(0), Ticks(45 * SECOND));
        assert_eq!(arrivals.least(), Some(45 * SECOND), "after a pause nothing is known");
    }

    #[test]
    fn slow_pictures_whose_stamps_are_off_by_turns_move_nothing_and_a_network_that_gets_slower_does() {
        let mut arrivals = Arrivals::default();
        for n in 0..50 {
            arrivals.add(Ticks(n * 3_600), Ticks(n * 3_600));
        }
        let mut now = 49 * 3_600;
        // A picture a second, stamped too early or too late; what is known then, in ms.
        let mut slow = |late: i64| {
            now += SECOND;
            arrivals.add(Ticks(now - late * SECOND / 1_000), Ticks(now));
            arrivals.least().expect("pictures came") * 1_000 / SECOND
        };
        let turns: Vec<_> = (0..60).map(|n| slow([-300, 200, -100, 300][n % 4])).collect();
        assert!(turns.iter().all(|known| known.abs() <= 10), "{turns:?}");
        let later: Vec<_> = (0..60).map(|n| slow([0, 200, 100][n % 3])).collect();
        assert!((90..=110).contains(&later[59]), "{later:?}");
        // Pictures that come fast tell at once.
        arrivals.add(Ticks(now + 3_600), Ticks(now + 3_600));
        assert_eq!(arrivals.least(), Some(0));
    }

    #[test]
    fn pictures_that_come_once_a_second_are_too_few_to_tell_of_a_clock() {
        let mut drift = Drift::default();
        for n in 0..30 {
            // Stamps that are off by ever more, and none is wrong by more than a third of a second.
            drift.add(TrackKind::Video, Ticks(n * SECOND + n * 900), Ticks(n * SECOND));
            for part in 0..25 {
                let at = n * SECOND + part * 3_600;
                drift.add(TrackKind::Audio, Ticks(at), Ticks(at));
            }
        }
        assert_eq!(drift.apart(Ticks(30 * SECOND)), None);
    }
}
