use std::time::{Duration, SystemTime};

use TrackKind::{Audio, Video};

use super::*;

const FRAME: i64 = 3_600;
/// Where the timeline stands when a test's camera starts.
const START: i64 = 100 * SECOND;

fn clock() -> Arc<CameraClock> {
    // On a day that is always the same: how times are rounded differs from day to day.
    let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(1_781_011_200);
    Arc::new(CameraClock::new(crate::clock::Now { wall, ..crate::clock::now() }))
}

/// An NTP stamp `ticks` after some day in 2026.
fn ntp(ticks: i64) -> u64 {
    let base = 3_990_000_000i64 * SECOND;
    (((base + ticks) as u128) << 32).div_ceil(SECOND as u128) as u64
}

/// A video-only camera whose frames come `delay` after they were taken.
struct Camera {
    timeline: Timeline,
    sent: i64,
    opened: bool,
}

impl Camera {
    fn on(clock: &Arc<CameraClock>) -> Self {
        Self { timeline: Timeline::new(Arc::clone(clock)), sent: 0, opened: false }
    }

    /// Sends a frame taken at `START + elapsed` and published at once. Every 25th is a sync sample.
    fn frame(&mut self, elapsed: i64, delay: i64) -> Option<i64> {
        let (elapsed, arrival) = (Ticks(elapsed), Ticks(START + elapsed + delay));
        let sync = self.sent % 25 == 0;
        self.sent += 1;
        let elapsed = match self.timeline.accept(Video, elapsed, arrival, sync) {
            Verdict::Frame(elapsed) => elapsed,
            Verdict::Break(_) => {
                self.opened = false;
                return None;
            }
        };
        if !self.opened {
            self.timeline.open();
            self.opened = true;
        }
        Some(self.timeline.map(Video, elapsed).0)
    }
}

#[test]
fn without_reports_the_least_delayed_frame_is_found_and_jitter_does_not_show() {
    let mut camera = Camera::on(&clock());
    let mut last = 0;
    for n in 0..25 * 600 {
        let jitter = (n * 7_919 % 41) * MILLISECOND;
        let at = camera.frame(n * FRAME, 100 * MILLISECOND + jitter).expect("no break");
        if n > 0 {
            assert!((at - last - FRAME).abs() <= 2, "frame {n}: step {}", at - last);
        }
        last = at;
    }
    assert_eq!(last, START + (25 * 600 - 1) * FRAME + 100 * MILLISECOND);
}

#[test]
fn a_drifting_camera_is_followed_slowly() {
    for ppm in [200i64, -200] {
        let mut camera = Camera::on(&clock());
        for n in 0..25 * 3_600 {
            let taken = n * FRAME;
            let elapsed = taken + taken * ppm / 1_000_000;
            // `frame` counts arrival from the elapsed time, so take the drift out again.
            let at = camera.frame(elapsed, taken - elapsed).expect("no break");
            assert!((at - START - taken).abs() < 10 * MILLISECOND, "{ppm} ppm, frame {n}");
        }
    }
}

#[test]
fn two_renditions_with_other_delays_and_bases_show_the_same_instant_after_one_report_each() {
    let clock = clock();
    let (mut main, mut sub) = (Camera::on(&clock), Camera::on(&clock));
    main.timeline.report(Video, ntp(0), Ticks(0));
    // The sub stream started 5 s later on a stamp of its own and comes 180 ms later.
    sub.timeline.report(Video, ntp(5 * SECOND), Ticks(0));
    for n in 0..250 {
        let a = main.frame((n + 125) * FRAME, 80 * MILLISECOND).expect("no break");
        // `frame` counts arrival from START: here elapsed is 5 s less, so add them to the delay.
        let b = sub.frame(n * FRAME, 260 * MILLISECOND + 5 * SECOND).expect("no break");
        assert!((a - b).abs() <= 1, "frame {n}: {a} and {b}");
    }
    assert!(main.timeline.skew().is_some() && sub.timeline.skew().is_some());
}

#[test]
fn a_first_report_in_mid_stream_is_slewed_when_near_and_a_break_when_far() {
    for (delay, breaks) in [(100 * MILLISECOND, 0), (1_000 * MILLISECOND, 1)] {
        let clock = clock();
        let (mut main, mut sub) = (Camera::on(&clock), Camera::on(&clock));
        main.timeline.report(Video, ntp(0), Ticks(0));
        let (mut broken, mut last, mut apart) = (0, 0, 0);
        for n in 0..25 * 60 {
            let a = main.frame(n * FRAME, 0).expect("no break");
            if n == 100 {
                sub.timeline.report(Video, ntp(n * FRAME), Ticks(n * FRAME));
            }
            match sub.frame(n * FRAME, delay) {
                Some(b) => {
                    // 1 % of a frame and a tick.
                    assert!(broken > 0 || last == 0 || (b - last - FRAME).abs() <= 37, "step {}", b - last);
                    (last, apart) = (b, a - b);
                }
                None => broken += 1,
            }
        }
        assert_eq!(broken, breaks, "delay {delay}");
        assert!(apart.abs() <= 1, "delay {delay}: {apart} apart at the end");
    }
}

#[test]
fn a_camera_that_sets_its_clock_does_not_move_the_picture() {
    let mut camera = Camera::on(&clock());
    for n in 0..25 * 60 {
        if n % 125 == 0 {
            let years = if n > 700 { 40_000_000 * SECOND } else { 0 };
            camera.timeline.report(Video, ntp(n * FRAME + years), Ticks(n * FRAME));
        }
        assert_eq!(camera.frame(n * FRAME, 0), Some(START + n * FRAME), "frame {n}");
    }
}

#[test]
fn when_the_camera_sets_its_clock_its_renditions_stay_together() {
    for step in [40_000_000 * SECOND, SECOND, -SECOND] {
        let clock = clock();
        let (mut main, mut sub) = (Camera::on(&clock), Camera::on(&clock));
        main.timeline.report(Video, ntp(0), Ticks(0));
        sub.timeline.report(Video, ntp(0), Ticks(0));
        for n in 0..25 * 60 {
            let now = if n > 700 { step } else { 0 };
            if n % 125 == 0 {
                main.timeline.report(Video, ntp(n * FRAME + now), Ticks(n * FRAME));
            }
            if n % 125 == 60 {
                sub.timeline.report(Video, ntp(n * FRAME + now), Ticks(n * FRAME));
            }
            let (a, b) = (main.frame(n * FRAME, 0), sub.frame(n * FRAME, 90 * MILLISECOND));
            let apart = a.expect("no break") - b.expect("no break");
            // Between the first and the second rendition's second new report nobody knows better
            // than the arrival.
            assert!(apart.abs() <= 90 * MILLISECOND, "step {step}, frame {n}: {apart}");
            assert!(apart.abs() <= 2 || (700..1_300).contains(&n), "step {step}, frame {n}: {apart}");
        }
        assert!(sub.timeline.skew().is_some());
    }
}

#[test]
fn senseless_reports_are_ignored() {
    let clock = clock();
    let (mut main, mut sub) = (Camera::on(&clock), Camera::on(&clock));
    main.timeline.report(Video, ntp(0), Ticks(0));
    assert_eq!(main.frame(0, 0), Some(START));
    sub.timeline.report(Video, 0, Ticks(0));
    assert_eq!(sub.frame(0, 0), Some(START));
    // Another clock than the one its sibling has.
    sub.timeline.report(Video, ntp(77 * SECOND), Ticks(0));
    assert!(sub.timeline.skew().is_none());
    // One report that lies among many that do not.
    for n in 1..500 {
        if n % 100 == 0 {
            let lie = if n == 300 { 60 * SECOND } else { 0 };
            main.timeline.report(Video, ntp(n * FRAME + lie), Ticks(n * FRAME));
        }
        assert_eq!(main.frame(n * FRAME, 0), Some(START + n * FRAME), "frame {n}");
    }
}

#[test]
fn audio_follows_npt_then_its_own_reports() {
    let mut camera = Camera::on(&clock());
    for n in 0..50 {
        camera.frame(1_000 + n * FRAME, 0);
    }
    let elapsed = Ticks(50 * FRAME);
    camera.timeline.accept(Audio, elapsed, Ticks(START + elapsed.0 + 300 * MILLISECOND), true);
    assert_eq!(camera.timeline.map(Audio, elapsed), Ticks(START + elapsed.0));
    // The reports know better: sound is 400 ms off, which is mended at once.
    camera.timeline.report(Video, ntp(0), Ticks(0));
    camera.timeline.report(Audio, ntp(400 * MILLISECOND), Ticks(0));
    let next = camera.timeline.map(Audio, elapsed);
    assert!((next.0 - START - elapsed.0 - 400 * MILLISECOND).abs() <= 1, "{next:?}");
}

#[test]
fn tracks_that_no_one_related_are_related_by_arrival() {
    let mut camera = Camera::on(&clock());
    camera.frame(0, 0);
    // The first sound came 300 ms after the first picture, yet both say zero.
    camera.timeline.accept(Audio, Ticks(0), Ticks(START + 300 * MILLISECOND), true);
    assert_eq!(camera.timeline.map(Audio, Ticks(0)), Ticks(START + 300 * MILLISECOND));
}

#[test]
fn frames_that_come_before_their_time_break_at_the_next_sync_sample() {
    let mut camera = Camera::on(&clock());
    let broke: Vec<i64> =
        (0..60).filter(|n| camera.frame(n * FRAME, if *n == 0 { SECOND } else { 0 }).is_none()).collect();
    assert_eq!(broke, [25]);
    assert_eq!(camera.frame(60 * FRAME, 0), Some(START + 60 * FRAME));
}

#[test]
fn a_jump_of_the_rtp_clock_breaks_once_and_lands_at_the_arrival() {
    for jump in [3_600 * SECOND, -3_600 * SECOND] {
        let mut camera = Camera::on(&clock());
        camera.timeline.report(Video, ntp(0), Ticks(0));
        for n in 0..100 {
            assert!(camera.frame(n * FRAME, 0).is_some());
        }
        let broke: Vec<i64> =
            (100..200).filter(|n| camera.frame(n * FRAME + jump, -jump).is_none()).collect();
        assert_eq!(broke, [102], "jump {jump}");
        assert_eq!(camera.frame(200 * FRAME + jump, -jump), Some(START + 200 * FRAME));
    }
}
