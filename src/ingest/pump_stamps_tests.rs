//! Cameras whose sound is stamped without sense: it goes on beside its pictures all the same.

use std::collections::VecDeque;

use super::*;
use crate::ingest::voice::Voice;

const SECOND: i64 = 90_000;
const PACKETS: i64 = 15;
/// Samples a second, and of a packet.
const RATE: i64 = 8_000;
const PACKET: i64 = RATE / PACKETS;

/// What a camera stamps its packet of that number with, where the right one is `right`.
type Stamp = fn(number: i64, right: i64) -> i64;

fn at_random(number: i64, _: i64) -> i64 {
    let mixed = (number + 1).wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    mixed >> 32
}

const SENSELESS: [(&str, Stamp); 6] = [
    ("at random", at_random),
    ("an hour on each second", |number, right| right + number / PACKETS * RATE * 3_600),
    ("two seconds back each second", |number, right| right - number / PACKETS * RATE * 2),
    ("three seconds back each second", |number, right| right - number / PACKETS * RATE * 3),
    ("backwards", |_, right| -right),
    ("to and fro", |number, right| right + number / 7 % 2 * RATE * 30),
];

/// How a viewer of `seconds` fares.
struct View {
    feed: Feed,
    /// When frames came, in ticks since the session began, and their epochs.
    came: Vec<(i64, usize, Frame)>,
    rate: i64,
    senseless: bool,
}

/// Watches for `seconds` a camera that stamps its sound so; AAC, unless it is G.711.
fn watch(stamp: Stamp, telephone: bool, seconds: i64) -> View {
    let mut feed = Feed::new(true);
    let mut voice = Voice::new("pcma", RATE as u32, 1).filter(|_| telephone);
    if let Some(voice) = &voice {
        let (shelf, stats) = (Arc::clone(&feed.shelf), Arc::clone(&feed.stats));
        let track = Some(Arc::new(voice.track()));
        feed.pump = Pump::new(shelf, stats, Arc::clone(&feed.clock), Arc::clone(&feed.progress), track);
    }
    let rate = if telephone { RATE } else { 48_000 };
    let (mut view, mut stamped, mut elapsed) = (Vec::new(), None, 0i64);
    for now in (0..seconds * SECOND).step_by(1_200) {
        if now % FRAME == 0 {
            feed.picture(now / FRAME, 100);
        }
        if now % (SECOND / PACKETS) == 0 {
            let number = now * PACKETS / SECOND;
            let stamp = stamp(number, number * PACKET) as u32;
            // A stamp is 32 bits, and the nearer way is the one it went.
            elapsed += i64::from(stamp.wrapping_sub(stamped.replace(stamp).unwrap_or(stamp)) as i32);
            let data = Bytes::from(vec![0x55; PACKET as usize]);
            let arrival = feed.at(now);
            let elapsed = Ticks::from_timescale(elapsed, RATE as u32);
            let mut sounds = VecDeque::new();
            let sound = |data, later| Sound { data, elapsed: elapsed + Ticks(later), arrival, lost: 0 };
            match &mut voice {
                Some(voice) => voice.push(&sound(data, 0), &mut sounds),
                None => sounds.extend((0..3).map(|n| sound(Bytes::from_static(&[1, 2, 3]), n * 1_920))),
            }
            sounds.into_iter().for_each(|sound| feed.pump.audio(sound));
        }
        let shelf = feed.shelf.0.lock().expect("one thread");
        view.extend(shelf.1[view.len()..].iter().map(|(epoch, frame)| (now, *epoch, frame.clone())));
    }
    let senseless = feed.pump.sound_is_senseless();
    View { feed, came: view, rate, senseless }
}

impl View {
    /// The sound: when it came, where it begins and ends, in ticks since the session began.
    fn sound(&self) -> Vec<(i64, i64, i64)> {
        let began = self.feed.clock.ticks_at(self.feed.began).0;
        let at = |samples: i64| Ticks::from_timescale(samples, self.rate as u32).0 - began;
        let sound = self.came.iter().filter(|(_, _, frame)| frame.track == TrackKind::Audio);
        let sound = sound.map(|(now, _, frame)| {
            let start = frame.decode_time as i64;
            (*now, at(start), at(start + i64::from(frame.duration)))
        });
        sound.collect()
    }

    fn loud(&self, from: i64) -> usize {
        let silence = match self.rate {
            RATE => silence::frame(&Voice::new("pcma", 8_000, 1).expect("G.711").track()),
            _ => silence::frame(&audio(AAC_LC)),
        };
        let silence = silence.expect("it is known");
        let loud = |(now, _, frame): &&(i64, usize, Frame)| {
            *now >= from && frame.track == TrackKind::Audio && frame.data != silence
        };
        self.came.iter().filter(loud).count()
    }
}

#[test]
fn sound_that_is_stamped_without_sense_has_no_hole_and_stays_beside_its_pictures() {
    for (name, stamp) in SENSELESS {
        for telephone in [false, true] {
            let view = watch(stamp, telephone, 60);
            let what = format!("{name}, telephone: {telephone}");
            let epochs = view.feed.epochs();
            assert!(epochs.len() == 1 && epochs[0].0, "{what}: {epochs:?}");
            let sound = view.sound();
            for pair in sound.windows(2) {
                let [(_, _, end), (now, start, _)] = [pair[0], pair[1]];
                assert!(start >= end - 1, "{what}: goes back at {now}");
                assert!(start - end <= SECOND / 5, "{what}: a hole of {} at {now}", start - end);
            }
            for (now, start, end) in &sound {
                assert!(end - now <= 2 * SECOND, "{what}: {start}..{end} at {now}");
            }
            // A picture never is where the sound has not come to.
            let mut end = 0;
            for (now, until) in sound.iter().map(|(now, _, end)| (*now, *end)).chain([(60 * SECOND, 0)]) {
                assert!(now - end <= SECOND, "{what}: it has come to {end} at {now}");
                end = until;
            }
            let all = 50 * RATE / if telephone { 256 } else { 174 };
            let loud = view.loud(10 * SECOND) as i64;
            assert!(loud * 10 >= all * 8, "{what}: {loud} of {all} frames of sound are heard");
        }
    }
}

#[test]
fn senseless_stamps_are_told_of_and_right_ones_and_one_jump_are_not() {
    for (name, stamp) in SENSELESS {
        // Strays alone are put right one by one.
        assert!(watch(stamp, false, 20).senseless || name == "at random", "{name}");
    }
    let honest: [Stamp; 3] = [
        |_, right| right,
        |number, right| right + number / 150 * RATE * 3_600,
        |number, right| right - number / 150 * RATE * 5,
    ];
    for stamp in honest {
        let view = watch(stamp, false, 20);
        assert!(!view.senseless);
        let apart: Vec<i64> = view.sound().iter().map(|(now, _, end)| (end - now) / 90).collect();
        let last = apart.iter().rev().take(100);
        assert!(last.clone().all(|ms| (-80..=150).contains(ms)), "{apart:?}");
    }
}
