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

/// How far ahead of the pictures the sound of a camera is in the end, in ms, whose clocks run at `rate`, on a
/// machine that stands still for up to `most` ticks, at least once a second.
fn apart(rate: f64, most: i64, seed: i64) -> Vec<i64> {
    let mut stalls = Vec::new();
    let (mut at, mut random) = (0, seed);
    while at < 120 * SECOND {
        random = (random * 1_103_515_245 + 12_345) % (1 << 31);
        at += random % SECOND;
        stalls.push((at, at + random / 7 % most));
    }
    let mut end = 0;
    for (_, to) in &mut stalls {
        (end, *to) = (end.max(*to), end.max(*to));
    }
    let arrival = |taken: i64| {
        let begun = stalls.partition_point(|(from, _)| *from <= taken);
        begun.checked_sub(1).map_or(taken, |last| stalls[last].1.max(taken))
    };
    let tracks = [FRAME, 5_760].map(|frame| {
        let mut meter = Rate::default();
        let stamps = (0..60 * SECOND / frame).map(move |n| n * frame);
        let bent = stamps.map(|taken| {
            let rated = meter.check(Ticks((taken as f64 * rate) as i64), Ticks(arrival(taken)));
            let (Rated::Good(good) | Rated::Bent(good)) = rated;
            // Where it is shown: what is not bent yet is not judged.
            (taken, good.0 + meter.offset().unwrap_or(0) - taken)
        });
        bent.collect::<Vec<_>>()
    });
    // As seen by who watches: a track lies where the least delayed of its last frames put it.
    let least = |track: &[(i64, i64)], from: i64, to: i64| {
        let some = track.iter().filter(|(taken, _)| (from..to).contains(taken));
        some.map(|(taken, off)| arrival(*taken) - taken - off).min().expect("frames")
    };
    let delay = |track: &[(i64, i64)], to: i64| least(track, to - 4 * SECOND, to);
    let times = (30..60).map(|second| second * SECOND);
    times.map(|to| (delay(&tracks[1], to) - delay(&tracks[0], to)) / 90).collect()
}

#[test]
fn sound_stays_with_the_picture_on_a_machine_that_stands_still_time_and_again() {
    for rate in [1.15, 0.85, 1.3] {
        for seed in 1..20 {
            let distances = apart(rate, SECOND / 2, seed);
            assert!(distances.iter().all(|ms| ms.abs() < 40), "rate {rate}, seed {seed}: {distances:?}");
        }
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
