//! Repairs single wrong stamps, and tells them from a stream that really went elsewhere. Pure.

use crate::media::Ticks;

/// A stamp further than this from both its neighbour and its arrival is a stray.
const STRAY: i64 = 2 * 90_000;

/// This many strays in a row that agree with each other are no strays: the stream has jumped.
const STRAYS_TO_JUMP: u32 = 3;

/// This many stamps in a row behind the highest are more than any reordering: the stream went back.
const BEHIND_TO_JUMP: u32 = 16;

/// The step that replaces an unknown one.
const FIRST_STEP: i64 = 3_600;

/// What became of a stamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    /// Use this one: the stamp itself, or what it should have been.
    Good(Ticks),
    /// The stream goes on from here, unconnected with what was before.
    Jumped,
}

/// The stamps of one track, in the order of arrival.
#[derive(Debug, Default)]
pub struct Continuity {
    last: Option<Last>,
    stray: Option<Stamp>,
    strays: u32,
}

#[derive(Clone, Copy, Debug)]
struct Stamp {
    elapsed: i64,
    arrival: i64,
}

#[derive(Clone, Copy, Debug)]
struct Last {
    /// After repair.
    good: Stamp,
    /// As the camera wrote it.
    raw: i64,
    step: i64,
    highest: i64,
    behind: u32,
}

impl Continuity {
    /// Judges the next stamp: `elapsed` from the RTP time, `arrival` on the same scale but with
    /// any zero. Strays are re-stamped one step after the frame before; equal stamps are moved
    /// one tick on.
    pub fn check(&mut self, elapsed: Ticks, arrival: Ticks) -> Checked {
        let stamp = Stamp { elapsed: elapsed.0, arrival: arrival.0 };
        let Some(last) = &mut self.last else {
            self.restart(stamp);
            return Checked::Good(elapsed);
        };
        let step = stamp.elapsed - last.good.elapsed;
        if step.abs() > STRAY && (step - (stamp.arrival - last.good.arrival)).abs() > STRAY {
            return self.stray(stamp);
        }
        self.strays = 0;
        if stamp.elapsed < last.highest {
            last.behind += 1;
            if last.behind >= BEHIND_TO_JUMP {
                self.restart(stamp);
                return Checked::Jumped;
            }
        } else {
            last.behind = 0;
            last.highest = stamp.elapsed;
        }
        if (1..STRAY / 2).contains(&step) {
            last.step = step;
        }
        let repaired = if stamp.elapsed == last.raw { last.good.elapsed + 1 } else { stamp.elapsed };
        last.raw = stamp.elapsed;
        last.good = Stamp { elapsed: repaired, arrival: stamp.arrival };
        Checked::Good(Ticks(repaired))
    }

    fn stray(&mut self, stamp: Stamp) -> Checked {
        let agrees = self.stray.is_some_and(|before| {
            let step = stamp.elapsed - before.elapsed;
            step.abs() <= STRAY || (step - (stamp.arrival - before.arrival)).abs() <= STRAY
        });
        self.strays = if agrees && self.strays > 0 { self.strays + 1 } else { 1 };
        self.stray = Some(stamp);
        let Some(last) = self.last.as_mut().filter(|_| self.strays < STRAYS_TO_JUMP) else {
            self.restart(stamp);
            return Checked::Jumped;
        };
        last.good = Stamp { elapsed: last.good.elapsed + last.step, arrival: stamp.arrival };
        last.highest = last.highest.max(last.good.elapsed);
        Checked::Good(Ticks(last.good.elapsed))
    }

    fn restart(&mut self, stamp: Stamp) {
        let step = self.last.map_or(FIRST_STEP, |last| last.step);
        self.last = Some(Last { good: stamp, raw: stamp.elapsed, step, highest: stamp.elapsed, behind: 0 });
        self.strays = 0;
        self.stray = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 90_000;

    /// Checks `(elapsed, arrival)` one after the other.
    fn run(stamps: &[(i64, i64)]) -> Vec<Checked> {
        let mut continuity = Continuity::default();
        stamps.iter().map(|(elapsed, arrival)| continuity.check(Ticks(*elapsed), Ticks(*arrival))).collect()
    }

    fn good(times: &[i64]) -> Vec<Checked> {
        times.iter().map(|time| Checked::Good(Ticks(*time))).collect()
    }

    #[test]
    fn a_single_stamp_hours_away_is_put_after_the_one_before() {
        for stray in [5 * 3_600 * SECOND, -5 * 3_600 * SECOND, 3 * SECOND] {
            let checked = run(&[(0, 0), (3_600, 3_600), (stray, 7_200), (10_800, 10_800), (14_400, 14_400)]);
            assert_eq!(checked, good(&[0, 3_600, 7_200, 10_800, 14_400]), "stray {stray}");
        }
    }

    #[test]
    fn strays_that_disagree_stay_strays() {
        let checked = run(&[(0, 0), (90 * SECOND, 1), (-90 * SECOND, 2), (900 * SECOND, 3), (14_400, 4)]);
        assert_eq!(checked, good(&[0, 3_600, 7_200, 10_800, 14_400]));
    }

    #[test]
    fn a_jump_that_lasts_three_frames_is_a_jump_in_either_direction() {
        for base in [900 * SECOND, -900 * SECOND] {
            let checked = run(&[(0, 0), (base, 1), (base + 3_600, 2), (base + 7_200, 3), (base + 10_800, 4)]);
            let expected =
                [&good(&[0, 3_600, 7_200])[..], &[Checked::Jumped], &good(&[base + 10_800])].concat();
            assert_eq!(checked, expected);
        }
    }

    #[test]
    fn equal_stamps_move_on_by_a_tick_each() {
        assert_eq!(run(&[(0, 0), (0, 1), (0, 2), (3_600, 3)]), good(&[0, 1, 2, 3_600]));
    }

    #[test]
    fn a_real_pause_and_a_burst_after_a_blocked_network_are_neither() {
        let pause = [(0, 0), (30 * SECOND, 30 * SECOND), (30 * SECOND + 3_600, 30 * SECOND + 3_600)];
        assert_eq!(run(&pause), good(&[0, 30 * SECOND, 30 * SECOND + 3_600]));
        let burst = [(0, 0), (3_600, 5 * SECOND), (7_200, 5 * SECOND), (10_800, 5 * SECOND)];
        assert_eq!(run(&burst), good(&[0, 3_600, 7_200, 10_800]));
    }

    #[test]
    fn reordering_passes_and_going_back_for_good_is_a_jump() {
        let reordered = [(0, 0), (14_400, 1), (7_200, 2), (3_600, 3), (10_800, 4), (28_800, 5)];
        assert_eq!(run(&reordered), good(&reordered.map(|(elapsed, _)| elapsed)));
        let mut back = vec![(SECOND, 0)];
        back.extend((1..=16).map(|n| (n * 360, n * 360)));
        let checked = run(&back);
        assert_eq!(checked.iter().position(|checked| *checked == Checked::Jumped), Some(16));
    }
}
