//! Cameras whose time breaks between two key frames, and what is left out then.

use super::*;

const SECOND: i64 = 25;

impl Feed {
    /// Pictures of a camera with one key frame at the beginning, `late` ticks later by its clock than they come.
    fn one_group(&mut self, numbers: std::ops::Range<i64>, late: i64) {
        for number in numbers {
            self.pump.video(Picture {
                data: Bytes::from_static(b"picture"),
                elapsed: Ticks(number * FRAME + late),
                arrival: self.at(number * FRAME),
                sync: number == 0,
                lost: 0,
                track: self.track.clone(),
                interval: Some(Ticks(FRAME)),
            });
        }
    }

    /// Pictures of all epochs, each as decode time, duration, and how long after the first arrival it is shown.
    fn shown(&self) -> Vec<(u64, u32, i64)> {
        let began = self.clock.ticks_at(self.began).0;
        let shelf = self.shelf.0.lock().expect("one thread");
        let shown = |frame: &Frame| frame.decode_time as i64 + i64::from(frame.composition_offset) - began;
        shelf.1.iter().map(|(_, frame)| (frame.decode_time, frame.duration, shown(frame))).collect()
    }
}

#[test]
fn a_hole_between_two_key_frames_costs_no_picture_and_leaves_no_hole_in_the_decode_line() {
    for hole in [SECOND * 2 + 1, SECOND * 5 / 2] {
        let mut feed = Feed::new(false);
        feed.one_group(0..30, 0);
        feed.one_group(30 + hole..30 + hole + SECOND * 40, 0);
        assert_eq!(feed.epochs(), [(false, 30 + SECOND as usize * 40, 0)], "a hole of {hole} pictures");
        let shown = feed.shown();
        for pair in shown.windows(2) {
            assert_eq!(pair[0].0 + u64::from(pair[0].1), pair[1].0, "a hole of {hole} pictures");
        }
        for (number, (_, _, at)) in (0..30).chain(30 + hole..).zip(&shown) {
            assert!((at - number * FRAME).abs() < 900, "picture {number} is shown at {at}");
        }
        assert_eq!((feed.stats.frames_dropped.get(), feed.pump.withholds()), (0, None));
    }
}

#[test]
fn behind_a_longer_hole_pictures_wait_for_a_key_frame_and_it_is_told() {
    for hole in [SECOND * 4, SECOND * 30] {
        let mut feed = Feed::new(false);
        feed.one_group(0..30, 0);
        feed.one_group(30 + hole..30 + hole + SECOND * 5, 0);
        assert_eq!(feed.epochs(), [(false, 30, 0)], "a hole of {hole} pictures");
        assert_eq!(feed.stats.frames_dropped.get(), SECOND as u64 * 5);
        assert_eq!(feed.pump.withholds(), Some(Cause::Time));
        feed.pictures(600 + hole..650 + hole);
        assert_eq!((feed.epochs().len(), feed.pump.withholds()), (2, None));
    }
}

#[test]
fn a_hole_before_a_key_frame_is_a_break() {
    let mut feed = Feed::new(false);
    feed.pictures(0..30);
    feed.pictures(150..175);
    assert_eq!(feed.epochs(), [(false, 30, 0), (false, 25, 0)]);
    assert_eq!((feed.stats.frames_dropped.get(), feed.stats.breaks.get()), (0, 1));
    let hole = feed.first(2).decode_time - feed.first(1).decode_time;
    assert!(hole.abs_diff(150 * 3_600) <= 4, "{hole}");
}

#[test]
fn a_clock_that_jumps_between_two_key_frames_costs_no_picture_and_its_epoch_ends_at_the_next_one() {
    for jump in [3_600 * 90_000, -3_600 * 90_000] {
        let mut feed = Feed::new(false);
        feed.one_group(0..30, 0);
        feed.one_group(30..200, jump);
        assert_eq!(feed.epochs(), [(false, 200, 0)]);
        for (number, (_, _, at)) in (0..).zip(feed.shown()) {
            assert!((at - number * FRAME).abs() < 2 * FRAME, "picture {number} is shown at {at}");
        }
        feed.pump.video(Picture {
            data: Bytes::from_static(b"picture"),
            elapsed: Ticks(200 * FRAME + jump),
            arrival: feed.at(200 * FRAME),
            sync: true,
            lost: 0,
            track: feed.track.clone(),
            interval: None,
        });
        assert_eq!(feed.epochs(), [(false, 200, 0), (false, 1, 0)]);
        assert_eq!(feed.stats.frames_dropped.get(), 0);
    }
}

#[test]
fn pictures_that_wait_for_a_key_frame_for_long_are_told_and_the_key_frame_ends_it() {
    type Fault = fn(&mut Feed);
    let causes: [(Cause, Fault); 4] = [
        (Cause::Damage, |feed| feed.pump.damaged()),
        (Cause::Parameters, |feed| feed.track = Some(track(320))),
        // Refused, by its size.
        (Cause::Refused, |feed| feed.picture(25, 13)),
        (Cause::Time, |feed| feed.one_group(30..31, 100 * 90_000)),
    ];
    for (cause, bring_about) in causes {
        let mut feed = Feed::with(false, true);
        feed.pictures(0..25);
        if cause != Cause::Refused {
            feed.pictures(25..30);
        }
        bring_about(&mut feed);
        if cause == Cause::Time {
            // Three of them are no strays; this far is no hole.
            feed.one_group(31..140, 100 * 90_000);
            assert_eq!(feed.pump.withholds(), None, "those can be shown");
            continue;
        }
        feed.one_group(31..105, 0);
        assert_eq!(feed.pump.withholds(), None, "{cause:?}");
        feed.one_group(105..110, 0);
        assert_eq!(feed.pump.withholds(), Some(cause));
        feed.pictures(125..126);
        assert_eq!(feed.pump.withholds(), None, "{cause:?}");
        assert_eq!(feed.epochs().last().map(|epoch| epoch.1), Some(1), "{cause:?}");
    }
}

#[test]
fn a_slow_camera_with_sound_is_on_air_as_soon_as_a_fast_one() {
    // One picture, sound behind it, and nothing that tells of a burst.
    let mut feed = Feed::new(true);
    feed.picture(0, 100);
    for n in 0..20 {
        let elapsed = n * 1_920;
        let (data, arrival) = (Bytes::from_static(&[1, 2, 3]), feed.at(elapsed));
        if feed.pump.due().is_some_and(|due| due <= arrival) {
            break;
        }
        feed.pump.audio(Sound { data, elapsed: Ticks(elapsed + 1), arrival, lost: 0 });
    }
    let due = feed.pump.due().expect("nothing else would open it");
    assert!((due - feed.began).as_millis() <= 220, "{:?}", due - feed.began);
    feed.pump.settle(due);
    assert_eq!(feed.epochs().len(), 1);

    // A burst of two old pictures, and none for the next second.
    let mut feed = Feed::new(true);
    for taken in [-180_000, -90_000] {
        feed.pump.video(Picture {
            data: Bytes::from_static(b"picture"),
            elapsed: Ticks(taken + 180_000),
            arrival: feed.at((taken + 180_000) / 1_000),
            sync: taken == -180_000,
            lost: 0,
            track: feed.track.clone(),
            interval: None,
        });
    }
    let due = feed.pump.due().expect("the next picture is a second away");
    assert!((due - feed.began).as_millis() <= 260, "{:?}", due - feed.began);
    feed.pump.settle(due);
    assert_eq!(feed.epochs().len(), 1);

    // Pictures that come each a little fresher, in their time, are no burst.
    let mut feed = Feed::new(false);
    for (n, late) in [180, 135, 90, 45, 0].into_iter().enumerate() {
        let elapsed = n as i64 * 18_000;
        feed.pump.video(Picture {
            data: Bytes::from_static(b"picture"),
            elapsed: Ticks(elapsed),
            arrival: feed.at(elapsed + late * 90),
            sync: n == 0,
            lost: 0,
            track: feed.track.clone(),
            interval: None,
        });
        if n == 2 {
            assert_eq!(feed.epochs().len(), 1, "after 400 ms");
        }
    }
}
