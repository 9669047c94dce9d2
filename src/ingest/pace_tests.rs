use super::*;

/// A small generator of numbers that look random and are the same in every run.
struct Noise(u64);

impl Noise {
    /// A number in `-range..=range`.
    fn around(&mut self, range: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as i64 % (range + 1) * if self.0 & 1 == 0 { 1 } else { -1 }
    }
}

/// Runs `times` through a pace and checks what must always hold.
fn pace(times: &[i64], hint: Option<Ticks>) -> Vec<Paced> {
    let mut pace = VideoPace::new(Ticks(times[0]), hint, false);
    let mut end = times[0];
    times
        .iter()
        .enumerate()
        .map(|(n, time)| {
            assert!(!pace.breaks(Ticks(*time)), "picture {n} at {time} breaks the line");
            let placed = pace.place(Ticks(*time));
            assert_eq!(placed.decode.0, end, "picture {n}: the decode line has a hole");
            assert!(placed.duration.0 > 0 && placed.duration <= MAX_DURATION, "picture {n}: {placed:?}");
            assert_eq!(placed.decode + placed.composition, Ticks(*time));
            end += placed.duration.0;
            placed
        })
        .collect()
}

fn worst(placed: &[Paced]) -> i64 {
    placed.iter().map(|paced| paced.composition.0.abs()).max().expect("there are pictures")
}

#[test]
fn a_steady_camera_has_no_composition_offset_at_all() {
    let times: Vec<i64> = (0..500).map(|n| 1_000 + n * 3_600).collect();
    let placed = pace(&times, None);
    assert_eq!(worst(&placed), 0);
    assert!(placed.iter().all(|paced| paced.duration == Ticks(3_600)));
}

#[test]
fn the_sps_tells_the_first_interval_and_nonsense_in_it_is_ignored() {
    for (hint, first) in
        [(Some(Ticks(6_000)), 6_000), (None, 3_600), (Some(Ticks(0)), 3_600), (Some(Ticks(i64::MAX)), 3_600)]
    {
        assert_eq!(VideoPace::new(Ticks(0), hint, false).place(Ticks(0)).duration, Ticks(first));
    }
}

#[test]
fn a_wrong_first_interval_is_gone_within_a_second_and_never_overshoots() {
    let times: Vec<i64> = (0..50).map(|n| n * 15_000).collect();
    let placed = pace(&times, None);
    let offsets: Vec<i64> = placed.iter().map(|paced| paced.composition.0).collect();
    assert!(offsets[2..].windows(2).all(|pair| pair[1] <= pair[0] && pair[1] >= 0), "{offsets:?}");
    assert!(offsets[14] < 900, "{offsets:?}");
}

#[test]
fn hours_of_jitter_and_drift_stays_within_two_frames() {
    let mut noise = Noise(7);
    // 25 fps, 120 ppm fast, each stamp up to 12 ms off.
    let times: Vec<i64> =
        (0..300_000i64).map(|n| n * 3_600 - n * 3_600 * 120 / 1_000_000 + noise.around(1_080)).collect();
    let placed = pace(&times, None);
    assert!(worst(&placed[8..]) < 7_200, "{}", worst(&placed[8..]));
}

#[test]
fn at_dusk_the_rate_falls_and_the_line_follows_and_back_at_dawn() {
    let mut times = Vec::new();
    let mut now = 0;
    for (count, step) in [(250, 3_600), (60, 15_000), (250, 3_600), (10, 90_000), (100, 3_600)] {
        for _ in 0..count {
            times.push(now);
            now += step;
        }
    }
    let placed = pace(&times, None);
    assert!(worst(&placed) < 3 * 90_000, "{}", worst(&placed));
    // Settled again 30 pictures after the first two changes.
    assert!(worst(&placed[280..310]) < 900, "{:?}", &placed[280..310]);
    assert!(worst(&placed[360..560]) < 900, "{}", worst(&placed[360..560]));
}

/// I P B B B P B B B: presentation order differs from decode order.
fn reordered() -> Vec<i64> {
    let mut times = vec![0];
    for group in 0..400 {
        for index in [4, 2, 1, 3] {
            times.push((group * 4 + index) * 3_600);
        }
    }
    times
}

#[test]
fn reordered_pictures_get_an_even_line_and_are_soon_never_due_before_they_are_decoded() {
    let placed = pace(&reordered(), None);
    let tail = &placed[200..];
    let least = tail.iter().map(|paced| paced.composition.0).min().expect("pictures");
    assert!((-360..1_800).contains(&least), "least composition offset {least}");
    assert!(worst(tail) < 6 * 3_600, "{}", worst(tail));
    let (low, high) = tail
        .iter()
        .fold((i64::MAX, 0), |(low, high), paced| (low.min(paced.duration.0), high.max(paced.duration.0)));
    assert!(low > 3_000 && high < 4_200, "durations {low}..{high}");
}

#[test]
fn a_line_that_starts_early_enough_is_even_from_the_first_picture_on() {
    let times = reordered();
    let ahead: Vec<Ticks> = times[..10].iter().map(|time| Ticks(*time)).collect();
    assert_eq!(reorder_lag(&ahead), Ticks(2 * 3_600));
    assert_eq!(reorder_lag(&[Ticks(5), Ticks(6), Ticks(7)]), Ticks(0));
    assert_eq!(reorder_lag(&[]), Ticks(0));
    let mut pace = VideoPace::new(Ticks(-reorder_lag(&ahead).0), Some(Ticks(3_600)), true);
    for time in &times {
        let placed = pace.place(Ticks(*time));
        assert!((0..6 * 3_600).contains(&placed.composition.0), "{placed:?}");
        assert!((3_400..=3_800).contains(&placed.duration.0), "{placed:?}");
    }
}

#[test]
fn a_hole_of_more_than_two_seconds_and_three_intervals_is_a_break() {
    let mut fast = VideoPace::new(Ticks(0), None, false);
    let mut slow = VideoPace::new(Ticks(0), None, false);
    for n in 0..10 {
        fast.place(Ticks(n * 3_600));
        slow.place(Ticks(n * 90_000));
    }
    for (gap, breaks) in [(90_000, false), (180_000, false), (180_001, true), (-180_001, true)] {
        assert_eq!(fast.breaks(Ticks(9 * 3_600 + gap)), breaks, "{gap} after a fast stream");
    }
    for (gap, breaks) in [(180_001, false), (270_000, false), (270_001, true)] {
        assert_eq!(slow.breaks(Ticks(9 * 90_000 + gap)), breaks, "{gap} after a slow stream");
    }
    assert!(!VideoPace::new(Ticks(0), None, false).breaks(Ticks(1 << 40)), "the first picture cannot break");
}

#[test]
fn audio_frames_follow_each_other_exactly_through_jitter() {
    let mut noise = Noise(3);
    let mut pace = AudioPace::new(500, 48_000, 1_024);
    for n in 0..10_000i64 {
        let placed = pace.place(500 + n * 1_024 + noise.around(900));
        assert_eq!(placed, PacedAudio::At(500 + n as u64 * 1_024));
    }
}

#[test]
fn audio_that_drifts_is_re_anchored_and_never_more_than_the_tolerance_off() {
    for ppm in [300i64, -300] {
        let mut pace = AudioPace::new(0, 16_000, 1_024);
        let (mut end, mut jumps, mut dropped) = (0u64, 0, 0);
        for n in 0..20_000i64 {
            let time = n * 1_024 + n * 1_024 * ppm / 1_000_000;
            match pace.place(time) {
                PacedAudio::At(at) => {
                    assert!(at >= end, "decode time went back");
                    jumps += u32::from(at > end);
                    end = at + 1_024;
                    // 40 ms and the drift of eight frames, or half a frame after a drop.
                    assert!((time - at as i64).abs() < 16 * 40 + 600, "{ppm} ppm, frame {n}");
                }
                PacedAudio::Drop => dropped += 1,
            }
        }
        // 20 480 000 samples at 300 ppm are 6144 samples: a few corrections, not a stream of them.
        assert!(
            if ppm > 0 { (5..15).contains(&jumps) } else { (4..10).contains(&dropped) },
            "{jumps} {dropped}"
        );
    }
}

#[test]
fn lost_audio_leaves_a_gap_at_once_and_a_line_far_ahead_drops_frames() {
    let mut pace = AudioPace::new(0, 48_000, 1_024);
    assert_eq!(pace.place(0), PacedAudio::At(0));
    assert_eq!(pace.place(48_000), PacedAudio::At(48_000));
    assert_eq!(pace.place(20_000), PacedAudio::Drop);
    assert_eq!(pace.place(48_000), PacedAudio::Drop);
    assert_eq!(pace.place(49_024), PacedAudio::At(49_024));
}

/// How far ahead of what is shown the line gets at dawn, in groups of so many pictures: the last is decoded first.
fn ahead_at_dawn(group: i64) -> i64 {
    let step = |n: i64| if n < 40 { 90_000 } else { 3_600 };
    let shown: Vec<i64> = (0..400)
        .scan(0, |now, n| {
            let at = *now;
            *now += step(n);
            Some(at)
        })
        .collect();
    let mut pace = VideoPace::new(Ticks(-(group - 1) * 90_000), None, group > 1);
    let decoded = shown.chunks_exact(group as usize).flat_map(|group| {
        let (last, others) = group.split_last().expect("a group");
        std::iter::once(*last).chain(others.iter().copied())
    });
    // Pictures of a group come when its last one is taken.
    let arrivals =
        shown.chunks_exact(group as usize).flat_map(|group| vec![group[group.len() - 1]; group.len()]);
    let ends = decoded.zip(arrivals).map(|(shown, arrival)| {
        pace.place(Ticks(shown));
        pace.end().0 - arrival
    });
    ends.max().expect("pictures")
}

#[test]
fn at_dawn_the_line_is_hardly_further_ahead_than_one_picture_of_the_night() {
    for group in [1, 2, 4] {
        let ahead = ahead_at_dawn(group);
        assert!(ahead < 2 * 90_000, "groups of {group}: {} s", ahead as f64 / 90_000.0);
    }
}
