//! Cameras beside a machine that has too much to do: it stands still time and again, and all that came meanwhile
//! arrives at once.

use super::*;

const MS: i64 = 90;
const SECOND: i64 = 1_000 * MS;

/// 25 pictures a second, and sound of 1024 samples at 48 kHz.
const PICTURE: i64 = 40 * MS;
const SOUND: i64 = 1_024 * SECOND / 48_000;

/// So much of the past comes at once when a session begins.
const PAST: i64 = 24 * PICTURE;

/// When a machine stands still: from, to; in ticks since the session began.
struct Machine(Vec<(i64, i64)>);

impl Machine {
    /// Runs for `runs` at most, then stands for `stands` at most, now and then for `seldom`.
    fn new(seed: i64, runs: i64, stands: i64, seldom: i64) -> Self {
        let (mut at, mut random, mut stalls) = (0, seed, Vec::new());
        let mut next = |most: i64| {
            random = (random * 1_103_515_245 + 12_345) % (1 << 31);
            (random >> 8) % most.max(1)
        };
        while at < 40 * SECOND {
            at += next(runs);
            let stands = if next(20) == 0 { seldom } else { stands };
            let end = at + next(stands);
            stalls.push((at, end));
            at = end;
        }
        Self(stalls)
    }

    /// When what is there at `at` is seen.
    fn sees(&self, at: i64) -> i64 {
        let index = self.0.partition_point(|(from, _)| *from <= at);
        index.checked_sub(1).map_or(at, |index| self.0[index].1.max(at))
    }
}

/// What is wrong with a camera's clock.
#[derive(Clone, Copy)]
struct Clock {
    /// Of its RTP time; nothing for one that stands.
    rate: f64,
    reports: bool,
}

/// What a viewer of the last seconds sees.
#[derive(Debug)]
struct View {
    epochs: usize,
    /// How much later pictures come than their time says, less the same of the sound, in ms.
    apart: i64,
}

/// Watches a camera for `seconds`, on a day.
fn watch(day: u32, machine: &Machine, clock: Clock, seconds: i64) -> View {
    let mut feed = Feed::on(day, true, false);
    let stamp = |taken: i64| Ticks(((taken + PAST) as f64 * clock.rate) as i64);
    let pictures =
        (0..).map(|n| (n * PICTURE - PAST, true)).take_while(|(taken, _)| *taken < seconds * SECOND);
    let sounds = (0..).map(|n| (n * SOUND - PAST, false)).take_while(|(taken, _)| *taken < seconds * SECOND);
    let mut units: Vec<(i64, bool)> = pictures.chain(sounds).collect();
    units.sort_unstable();
    let (mut now, mut delays, mut seen) = (0, Vec::new(), 0);
    let (mut report, base) = (0, 3_990_000_000u128);
    for (taken, picture) in units {
        // What is past comes eight at a time.
        now = machine.sees(taken.max(now + MS / 4));
        if clock.reports && now >= report {
            report = now + 2 * SECOND;
            for kind in [TrackKind::Video, TrackKind::Audio] {
                let ntp = (base << 32) + (((now + PAST) as u128) << 32) / 90_000;
                feed.pump.report(kind, ntp as u64, stamp(now));
            }
        }
        let arrival = feed.at(now);
        if picture {
            feed.pump.video(Picture {
                data: Bytes::from_static(b"picture"),
                elapsed: stamp(taken),
                arrival,
                sync: (taken + PAST) / PICTURE % 25 == 0,
                lost: 0,
                track: feed.track.clone(),
                interval: Some(Ticks(FRAME)),
            });
        } else {
            let data = Bytes::from_static(&[1, 2, 3]);
            feed.pump.audio(Sound { data, elapsed: stamp(taken), arrival, lost: 0 });
        }
        let shelf = feed.shelf.0.lock().expect("one thread");
        for (_, frame) in &shelf.1[seen..] {
            let time = frame.decode_time as i64;
            let (video, at) = match frame.track {
                TrackKind::Video => (true, time + i64::from(frame.composition_offset)),
                TrackKind::Audio => (false, Ticks::from_timescale(time, 48_000).0),
            };
            delays.push((now, video, feed.clock.ticks_at(arrival).0 - at));
        }
        seen = shelf.1.len();
    }
    let least = |kind: bool| {
        let last = delays.iter().filter(|(at, video, _)| *video == kind && now - at < 4 * SECOND);
        last.map(|(_, _, delay)| *delay).min().expect("frames")
    };
    View { epochs: feed.epochs().len(), apart: (least(true) - least(false)) / MS }
}

/// Machines: for how long each runs, stands, and now and then stands, at most, in ms.
const MACHINES: [(i64, i64, i64); 4] = [(5, 1, 1), (8, 40, 120), (8, 60, 400), (200, 300, 500)];

#[test]
fn sound_stays_with_its_picture_whatever_the_clock_and_however_busy_the_machine() {
    let right = [(1.0, true, 1), (1.0, false, 1)];
    let wrong = [(0.0, true, 2), (0.0, false, 2), (1.15, true, 2), (0.85, true, 2), (1.15, false, 6)];
    for (rate, reports, epochs) in right.into_iter().chain(wrong) {
        for (machine, seed) in MACHINES.iter().flat_map(|machine| (1..=6).map(move |seed| (machine, seed))) {
            let (runs, stands, seldom) = *machine;
            let busy = Machine::new(seed, runs * MS, stands * MS, seldom * MS);
            for day in 0..3 {
                let view = watch(day, &busy, Clock { rate, reports }, 22);
                let fine = view.apart.abs() <= 40 && view.epochs <= epochs;
                assert!(
                    fine,
                    "rate {rate}, reports {reports}, {machine:?}, seed {seed}, day {day}: {view:?}"
                );
            }
        }
    }
}
