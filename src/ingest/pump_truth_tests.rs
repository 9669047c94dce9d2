//! Cameras that lie about when their sound was taken, judged by when it was.

use super::*;

const MS: i64 = 90;
const SECOND: i64 = 1_000 * MS;
const PICTURE: i64 = 40 * MS;
const SOUND: i64 = 1_920;

/// What a camera does, in ticks unless it says otherwise.
#[derive(Clone, Copy, Debug)]
struct Camera {
    /// From taken to arrived, of pictures and of sound.
    latency: [i64; 2],
    /// It begins with so much of the past, which comes at once.
    past: i64,
    /// RTP-Info puts the sound so much too late.
    told: i64,
    /// Neither track says more than that it begins.
    unrelated: bool,
    /// The sound's clock is off, in millionths.
    drift: i64,
    /// Reports come, and put the two tracks so much too late from a moment on.
    reports: bool,
    wrong: [i64; 2],
    since: i64,
}

const HONEST: Camera = Camera {
    latency: [30 * MS, 30 * MS],
    past: SECOND,
    told: 0,
    unrelated: false,
    drift: 0,
    reports: true,
    wrong: [0, 0],
    since: 0,
};

impl Camera {
    /// RTP time since the beginning of the session of what was taken at `taken`.
    fn stamp(&self, taken: i64, picture: bool) -> i64 {
        // Some way into the life of the session, as RTP-Info tells it of the moment at which it began.
        let since = taken + self.past + if self.unrelated { 0 } else { 10 * MS };
        if picture { since } else { since + self.told + since * self.drift / 1_000_000 }
    }
}

/// How much later the sound of an instant is played than its pictures, in ms, at worst over the last of `seconds`.
fn apart(camera: Camera, seconds: i64) -> i64 {
    let mut feed = Feed::new(true);
    let units = |step: i64, picture: bool| {
        (0..)
            .map(move |n| (n * step - camera.past, picture))
            .take_while(move |(at, _)| *at < seconds * SECOND)
    };
    let mut units: Vec<(i64, bool)> = units(PICTURE, true).chain(units(SOUND, false)).collect();
    let arrives = |(taken, picture): (i64, bool)| taken.max(0) + camera.latency[usize::from(!picture)];
    units.sort_by_key(|unit| (arrives(*unit), unit.0));
    let mut report = 0;
    for (taken, picture) in units {
        let now = arrives((taken, picture));
        if camera.reports && now >= report {
            report = now + 2 * SECOND;
            for (kind, wrong) in [TrackKind::Video, TrackKind::Audio].into_iter().zip(camera.wrong) {
                let wrong = if now >= camera.since { wrong } else { 0 };
                let ntp = (3_990_000_000u128 << 32) + (((now + camera.past + wrong) as u128) << 32) / 90_000;
                feed.pump.report(kind, ntp as u64, Ticks(camera.stamp(now, kind == TrackKind::Video)));
            }
        }
        let (elapsed, arrival) = (Ticks(camera.stamp(taken, picture)), feed.at(now));
        // Frames say when they were taken.
        let data = Bytes::from([&[0x7e][..], &taken.to_be_bytes()].concat());
        if picture {
            let sync = (taken + camera.past) / PICTURE % 25 == 0;
            let (track, interval) = (feed.track.clone(), Some(Ticks(FRAME)));
            feed.pump.video(Picture { data, elapsed, arrival, sync, lost: 0, track, interval });
        } else {
            feed.pump.audio(Sound { data, elapsed, arrival, lost: 0 });
        }
    }
    let mut late: [Vec<i64>; 2] = Default::default();
    for (_, frame) in &feed.shelf.0.lock().expect("one thread").1 {
        let [0x7e, taken @ ..] = &*frame.data else { continue };
        let taken = i64::from_be_bytes(taken.try_into().expect("eight bytes"));
        if taken < (seconds - 4) * SECOND {
            continue;
        }
        let time = frame.decode_time as i64;
        match frame.track {
            TrackKind::Video => late[0].push(time + i64::from(frame.composition_offset) - taken),
            TrackKind::Audio => late[1].push(Ticks::from_timescale(time, 48_000).0 - taken),
        }
    }
    let mean = late[0].iter().sum::<i64>() / late[0].len() as i64;
    assert!(late[1].len() > 100, "{camera:?}: {} frames of sound", late[1].len());
    late[1].iter().map(|late| (late - mean) / MS).max_by_key(|apart| apart.abs()).expect("sound")
}

#[track_caller]
fn within(most: i64, camera: Camera) {
    let apart = apart(camera, 20);
    assert!(apart.abs() <= most, "{apart} ms apart: {camera:?}");
}

#[test]
fn an_honest_camera_s_sound_is_where_it_was_taken_however_unequally_its_tracks_are_delayed() {
    for latency in [[30 * MS, 30 * MS], [250 * MS, 20 * MS], [30 * MS, 240 * MS]] {
        for past in [0, SECOND] {
            for reports in [false, true] {
                within(40, Camera { latency, past, reports, ..HONEST });
            }
            within(40, Camera { latency, past, told: 700 * MS, ..HONEST });
            within(40, Camera { latency, past, unrelated: true, ..HONEST });
        }
    }
}

#[test]
fn what_rtp_info_says_of_sound_is_not_believed_where_it_arrives_half_a_second_elsewhere() {
    for told in [-900, -600, 350, 900] {
        within(40, Camera { told: told * MS, reports: false, ..HONEST });
    }
}

#[test]
fn reports_that_put_one_track_elsewhere_are_not_believed_from_the_start_or_later() {
    for wrong in [-4_900, -2_000, -350, 400, 1_000, 4_900] {
        for since in [0, 9 * SECOND] {
            within(40, Camera { wrong: [0, wrong * MS], since, ..HONEST });
            within(40, Camera { wrong: [wrong * MS, 0], since, ..HONEST });
        }
    }
}

#[test]
fn reports_that_put_both_tracks_elsewhere_move_neither() {
    for wrong in [-3_000, 400, 1_000, 40_000_000] {
        within(40, Camera { wrong: [wrong * MS; 2], since: 9 * SECOND, ..HONEST });
    }
}

#[test]
fn sound_whose_clock_drifts_stays_with_its_pictures() {
    for drift in [10_000, -10_000, 2_000, -2_000, 200] {
        let camera = Camera { drift, ..HONEST };
        within(40, camera);
        // Without reports it takes some seconds to find out, and what it drifts before its place by RTP-Info is known
        // stays.
        let unknown = drift.abs() * 3 / 1_000;
        for unrelated in [false, true] {
            let apart = apart(Camera { reports: false, unrelated, ..camera }, 28);
            assert!(apart.abs() <= 40 + unknown, "{apart} ms apart at {drift} ppm, unrelated: {unrelated}");
        }
    }
}
