//! How late pictures come, by the RTP clock. Pure.
//!
//! RTP tells when pictures are shown, and they come in the order they are decoded in: a picture that B-frames look
//! ahead to comes before them. That is no lateness of the network. So the first to come is held against the earliest
//! stamp, the second against the second earliest, and so on: without B-frames that is each against its own.

use super::observer::Note;
use super::report::seconds;

/// A picture's place on both clocks, in seconds since the first one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Place {
    /// When it came.
    pub(super) arrived: f64,
    /// When it should have, by the RTP clock.
    pub(super) told: f64,
}

/// The places of `pictures`, in the order they came.
pub(super) fn line(pictures: &[Note]) -> Vec<Place> {
    let mut order: Vec<usize> = (0..pictures.len()).collect();
    order.sort_by_key(|&index| pictures[index].elapsed);
    let reach = order.iter().enumerate().map(|(rank, &index)| rank.abs_diff(index)).max().unwrap_or(0);
    // At either end some are missing that belong between the others.
    let ends = if reach * 4 < pictures.len() { reach } else { 0 };
    let kept = ends..pictures.len() - ends;
    let Some(&first) = order.get(kept.start) else { return Vec::new() };
    let (came, told) = (pictures[kept.start].arrival, pictures[first].elapsed);
    kept.map(|rank| Place {
        arrived: pictures[rank].arrival.saturating_duration_since(came).as_secs_f64(),
        told: seconds(pictures[order[rank]].elapsed.0 - told.0),
    })
    .collect()
}

/// Seconds from the promptest to the latest of `line`, by a clock that runs `pace` times as fast as ours.
pub(super) fn spread(line: &[Place], pace: f64) -> f64 {
    let delays = line.iter().map(|place| place.arrived - place.told / pace);
    let (least, most) =
        delays.fold((f64::MAX, f64::MIN), |(least, most), one| (least.min(one), most.max(one)));
    (most - least).max(0.0)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::media::Ticks;

    /// Pictures 40 ms apart, shown in the order that `shown` gives; the one of `late` comes 500 ms too late, and
    /// holds up those behind it.
    fn pictures(shown: impl Iterator<Item = i64>, late: Option<usize>) -> Vec<Note> {
        let start = Instant::now();
        let mut came = start;
        let arrival = |index: usize| {
            let due = start + Duration::from_millis(index as u64 * 40);
            due + if late == Some(index) { Duration::from_millis(500) } else { Duration::ZERO }
        };
        let note = |(index, shown): (usize, i64)| {
            came = came.max(arrival(index));
            Note { arrival: came, elapsed: Ticks(shown * 3600), sync: index == 0, bytes: 100 }
        };
        shown.enumerate().map(note).collect()
    }

    /// A key frame, and groups of as many B-frames as `groups` says, each behind the picture they look ahead to.
    fn reordered(groups: &[i64]) -> Vec<i64> {
        let mut all = vec![0];
        for group in groups.iter().cycle().take(60) {
            let before = all.iter().copied().max().unwrap();
            all.push(before + group + 1);
            all.extend(before + 1..=before + group);
        }
        all
    }

    #[test]
    fn pictures_in_another_order_are_not_late() {
        for groups in [&[0][..], &[1], &[2], &[3], &[5], &[3, 0, 1, 2, 0, 0, 3]] {
            let order = reordered(groups);
            for from in 0..5 {
                for to in 0..5 {
                    let notes = pictures(order[..order.len() - to].iter().copied(), None);
                    let late = spread(&line(&notes[from..]), 1.0);
                    assert!(late < 0.001, "{groups:?} from {from} to {to} before the end: {late}");
                }
            }
        }
    }

    #[test]
    fn what_is_late_is_late_with_b_frames_too() {
        for groups in [&[0][..], &[2], &[3, 0, 1]] {
            let late = spread(&line(&pictures(reordered(groups).into_iter(), Some(30))), 1.0);
            assert!((late - 0.5).abs() < 0.001, "{groups:?}: {late}");
        }
        assert_eq!(spread(&line(&[]), 1.0), 0.0);
    }
}
