use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;

use super::super::waiting::QUEUE_BYTES;
use super::*;
use crate::live::Status;
use crate::media::fmp4::InitError;
use crate::media::fmp4::Inits;
use crate::media::{AudioCodec, VideoCodec};

const FRAME: i64 = 3_600;

/// In seconds of Unix time; in June 2026.
const DAY_0: u64 = 1_781_011_200;

/// Keeps what a channel would get. Refuses frames of exactly 13 bytes.
#[derive(Default)]
struct Shelf(Mutex<(Vec<Tracks>, Vec<Shelved>)>);

/// A frame and its epoch, counted from 1.
type Shelved = (usize, Frame);

impl Sink for Shelf {
    fn begin(&self, tracks: Tracks) -> Result<(), InitError> {
        if tracks.video.record.is_empty() {
            Inits::new(&tracks)?;
        }
        self.0.lock().expect("one thread").0.push(tracks);
        Ok(())
    }
    fn push(&self, frame: Frame) -> Result<(), PushError> {
        if frame.data.len() == 13 {
            return Err(PushError::TooLarge { bytes: 13, most: 12 });
        }
        let mut shelf = self.0.lock().expect("one thread");
        let epoch = shelf.0.len();
        shelf.1.push((epoch, frame));
        Ok(())
    }
    fn set_status(&self, _: Status) {}
    fn set_skew(&self, _: Option<Ticks>) {}
}

/// A camera of 25 pictures a second with a key frame each second, whose frames arrive at once.
struct Feed {
    pump: Pump<Shelf>,
    shelf: Arc<Shelf>,
    stats: Arc<RenditionStats>,
    progress: Arc<Progress>,
    began: Instant,
    clock: Arc<CameraClock>,
    track: Option<Arc<VideoTrack>>,
}

impl Feed {
    fn new(sound: bool) -> Self {
        Self::with(sound, false)
    }

    fn with(sound: bool, drop_until_sync: bool) -> Self {
        Self::on(0, sound, drop_until_sync)
    }

    /// As [`with`](Self::with), on a day: how times are rounded differs from day to day, and a test shall not depend
    /// on when it runs.
    fn on(day: u32, sound: bool, drop_until_sync: bool) -> Self {
        let wall =
            SystemTime::UNIX_EPOCH + Duration::from_secs(DAY_0) + day * Duration::from_millis(86_400_123);
        let now = crate::clock::Now { wall, ..crate::clock::now() };
        let (shelf, stats, progress) =
            (Arc::<Shelf>::default(), Arc::<RenditionStats>::default(), Arc::<Progress>::default());
        let clock = Arc::new(CameraClock::new(now));
        let pump = Pump::new(
            Arc::clone(&shelf),
            Arc::clone(&stats),
            Arc::clone(&clock),
            Arc::clone(&progress),
            sound.then(|| Arc::new(audio(AAC_LC))),
        )
        .drop_until_sync(drop_until_sync);
        Self { pump, shelf, stats, progress, began: now.instant, clock, track: Some(track(640)) }
    }

    /// The next session of the camera, whose sound is described by `config`.
    fn again(&mut self, config: &'static [u8]) {
        self.pump = Pump::new(
            Arc::clone(&self.shelf),
            Arc::clone(&self.stats),
            Arc::clone(&self.clock),
            Arc::clone(&self.progress),
            Some(Arc::new(audio(config))),
        );
    }

    fn at(&self, elapsed: i64) -> Instant {
        self.began + Ticks(elapsed).to_duration()
    }

    fn picture(&mut self, number: i64, bytes: usize) {
        let elapsed = number * FRAME;
        self.pump.video(Picture {
            data: Bytes::from(vec![0; bytes]),
            elapsed: Ticks(elapsed),
            arrival: self.at(elapsed),
            sync: number % 25 == 0,
            lost: 0,
            track: self.track.clone(),
            interval: Some(Ticks(FRAME)),
        });
    }

    fn pictures(&mut self, numbers: std::ops::Range<i64>) {
        numbers.for_each(|number| self.picture(number, 100));
    }

    /// Pictures with sound between them.
    fn both(&mut self, numbers: std::ops::Range<i64>) {
        for number in numbers {
            self.picture(number, 100);
            for half in 0..2 {
                let elapsed = number * FRAME + half * FRAME / 2;
                let data = Bytes::from_static(&[1, 2, 3]);
                let arrival = self.at(elapsed);
                self.pump.audio(Sound { data, elapsed: Ticks(elapsed + 1), arrival, lost: 0 });
            }
        }
    }

    /// For each epoch: whether it has sound, the count of pictures, the count of audio frames.
    fn epochs(&self) -> Vec<(bool, usize, usize)> {
        let shelf = self.shelf.0.lock().expect("one thread");
        let count = |epoch: usize, kind| {
            shelf.1.iter().filter(|(of, frame)| *of == epoch && frame.track == kind).count()
        };
        let epochs = shelf.0.iter().enumerate().map(|(index, tracks)| {
            (tracks.audio.is_some(), count(index + 1, TrackKind::Video), count(index + 1, TrackKind::Audio))
        });
        epochs.collect()
    }

    /// First picture of an epoch, counted from 1.
    fn first(&self, epoch: usize) -> Frame {
        let shelf = self.shelf.0.lock().expect("one thread");
        shelf.1.iter().find(|(of, _)| *of == epoch).expect("the epoch has frames").1.clone()
    }
}

const AAC_LC: &[u8] = &[0x11, 0x88];
/// Sound of which we have no silence.
const HE_AAC: &[u8] = &[0x2b, 0x11];

fn audio(config: &'static [u8]) -> AudioTrack {
    AudioTrack {
        codec: AudioCodec::Aac,
        config: Bytes::from_static(config),
        rfc6381: "mp4a.40.2".into(),
        sample_rate: 48_000,
        channels: 1,
        frame_samples: 1_024,
    }
}

fn track(width: u16) -> Arc<VideoTrack> {
    Arc::new(VideoTrack {
        codec: VideoCodec::H264,
        record: Bytes::from_static(&[1]),
        rfc6381: "avc1.4d401f".into(),
        width,
        height: 360,
        pixel_aspect: None,
    })
}

#[test]
fn old_pictures_that_a_slow_network_takes_its_time_for_cost_no_break() {
    for pace in [0, 1, 10, 15] {
        let mut feed = Feed::new(false);
        // Two seconds of old pictures, and each picture of now in its time, behind them.
        let come = |n: i64| (n * pace).max(n * 40 - 2_000) * 90;
        for n in 0..300 {
            feed.pump.video(Picture {
                data: Bytes::from_static(b"picture"),
                elapsed: Ticks(n * FRAME),
                arrival: feed.at(come(n)),
                sync: n % 50 == 0,
                lost: 0,
                track: feed.track.clone(),
                interval: Some(Ticks(FRAME)),
            });
        }
        let shelf = feed.shelf.0.lock().expect("one thread");
        assert_eq!((shelf.0.len(), shelf.1.len()), (1, 300), "{pace} ms a picture");
        let last = &shelf.1[299].1;
        let shown = last.decode_time as i64 + i64::from(last.composition_offset);
        let came = feed.clock.ticks_at(feed.at(come(299))).0;
        assert!((shown - came).abs() <= 90 * 45, "{pace} ms a picture: {} ticks late", shown - came);
    }
}

#[test]
fn nothing_is_published_before_a_key_frame_with_parameters() {
    let mut feed = Feed::new(false);
    let track = feed.track.take();
    feed.pictures(0..30);
    feed.track = track;
    feed.pictures(30..50);
    assert_eq!(feed.epochs(), []);
    feed.pictures(50..60);
    assert_eq!(feed.epochs(), [(false, 10, 0)]);
    assert!(feed.first(1).sync);
    assert_eq!(feed.stats.frames_dropped.get(), 0, "nothing was lost that could have been shown");
}

#[test]
fn sound_that_comes_soon_is_part_of_the_first_epoch() {
    let mut feed = Feed::new(true);
    feed.pictures(0..5);
    assert_eq!(feed.epochs(), []);
    feed.both(5..30);
    assert_eq!(feed.epochs().len(), 1);
    let (sound, pictures, _) = feed.epochs()[0];
    assert!(sound && pictures == 30);
    assert_eq!(feed.stats.breaks.get(), 0);
}

#[test]
fn late_sound_takes_over_from_silence_and_its_epoch_ends_when_it_stays_away() {
    let mut feed = Feed::new(true);
    feed.pictures(0..40);
    assert!(feed.epochs()[0].0 && feed.epochs()[0].2 > 70, "1.6 s of silence: {:?}", feed.epochs());
    feed.both(40..100);
    feed.pictures(100..260);
    let epochs = feed.epochs();
    assert_eq!(epochs.iter().map(|epoch| (epoch.0, epoch.1)).collect::<Vec<_>>(), [(true, 225), (false, 35)]);
}

#[test]
fn a_camera_that_promises_sound_and_sends_none_is_given_up_once() {
    let mut feed = Feed::new(true);
    feed.pictures(0..200);
    assert_eq!(
        feed.epochs().iter().map(|epoch| (epoch.0, epoch.1)).collect::<Vec<_>>(),
        [(true, 150), (false, 50)]
    );
    feed.again(AAC_LC);
    feed.pictures(200..300);
    assert_eq!(feed.epochs()[2..], [(false, 100, 0)], "it is known by now");
    feed.both(300..400);
    assert_eq!(feed.epochs()[2..].iter().map(|epoch| epoch.0).collect::<Vec<_>>(), [false, true]);
    feed.again(AAC_LC);
    feed.pictures(400..450);
    assert!(feed.epochs()[4].0, "it has learned to speak");
}

#[test]
fn an_epoch_opens_when_it_is_due_and_not_with_the_next_picture() {
    for (sound, wait) in [(false, 200), (true, 220)] {
        let mut feed = Feed::new(sound);
        assert_eq!(feed.pump.due(), None);
        feed.picture(0, 100);
        let due = feed.pump.due().expect("it waits");
        let after = due - feed.began;
        assert!(after.as_millis() == wait, "{after:?}");
        feed.pump.settle(due - Duration::from_millis(1));
        assert_eq!(feed.epochs(), []);
        feed.pump.settle(due);
        assert_eq!(feed.epochs()[0].1, 1, "the one picture there is");
        assert_eq!(feed.pump.due(), None);
    }
}

#[test]
fn late_sound_without_silence_gets_an_epoch_and_loses_it_when_it_stays_away() {
    let mut feed = Feed::new(true);
    feed.again(HE_AAC);
    feed.pictures(0..40);
    feed.both(40..100);
    feed.pictures(100..260);
    let epochs = feed.epochs();
    assert_eq!(epochs.iter().map(|epoch| epoch.0).collect::<Vec<_>>(), [false, true, false]);
    assert_eq!(epochs.iter().map(|epoch| epoch.1).sum::<usize>(), 260, "no picture is lost");
    assert_eq!((epochs[0].1, epochs[1].1), (50, 175));
}

#[test]
fn other_parameters_are_another_epoch_and_equal_ones_are_not() {
    let mut feed = Feed::new(false);
    feed.pictures(0..50);
    feed.track = Some(track(640));
    feed.pictures(50..75);
    assert_eq!(feed.epochs(), [(false, 75, 0)]);
    feed.track = Some(track(320));
    feed.pictures(75..100);
    assert_eq!(feed.epochs(), [(false, 75, 0), (false, 25, 0)]);
    let (end, next) = (feed.first(1).decode_time + 75 * 3_600, feed.first(2).decode_time);
    assert!(next.abs_diff(end) <= 4, "{end} {next}");
    assert_eq!(feed.stats.breaks.get(), 1);
}

#[test]
fn a_key_frame_that_is_refused_takes_its_group_with_it() {
    let mut feed = Feed::new(false);
    feed.pictures(0..25);
    feed.picture(25, 13);
    feed.pictures(26..60);
    assert_eq!(feed.epochs(), [(false, 25, 0), (false, 10, 0)]);
    assert_eq!(feed.stats.frames_dropped.get(), 25);
}

#[test]
fn a_session_does_not_publish_what_is_older_than_the_one_before() {
    let mut feed = Feed::new(false);
    // The session before got 1.2 s further than this one's first picture.
    let reached = feed.clock.ticks_at(feed.began).0 + 108_000;
    feed.progress.video.store(reached, Ordering::Relaxed);
    feed.pictures(0..75);
    assert_eq!(feed.epochs(), [(false, 50, 0)]);
    assert_eq!(feed.first(1).decode_time, reached as u64);
    assert_eq!(feed.stats.frames_dropped.get(), 0, "before the first epoch nothing counts as lost");
}

#[test]
fn a_camera_that_never_pauses_for_a_key_frame_does_not_fill_the_memory() {
    let mut feed = Feed::new(true);
    for number in 0..3 {
        feed.picture(number, QUEUE_BYTES / 2);
    }
    assert_eq!(feed.epochs(), [(true, 3, 3)]);
}

#[test]
fn sound_does_not_go_back_and_starts_with_the_picture() {
    let mut feed = Feed::new(true);
    feed.both(10..125);
    let shelf = feed.shelf.0.lock().expect("one thread");
    let video = shelf.1[0].1.decode_time;
    let sound: Vec<u64> =
        shelf.1.iter().filter(|(_, f)| f.track == TrackKind::Audio).map(|(_, f)| f.decode_time).collect();
    assert!(Ticks::from_timescale(sound[0] as i64, 48_000).0 as u64 + 2 >= video);
    assert!(sound.windows(2).all(|pair| pair[1] >= pair[0] + 1_024));
}

#[test]
fn parameters_that_cannot_be_used_are_refused_with_a_reason() {
    let mut feed = Feed::new(false);
    feed.track = Some(Arc::new(VideoTrack { record: Bytes::new(), ..(*track(640)).clone() }));
    feed.pictures(0..20);
    assert!(feed.pump.refused().is_some_and(|why| why.contains("H.264")), "{:?}", feed.pump.refused());
    assert!(!feed.pump.delivered());
}

#[test]
fn after_damage_nothing_is_shown_until_the_next_key_frame_if_that_is_wanted() {
    for (wanted, pictures, dropped) in [(false, 50, 0), (true, 35, 15)] {
        let mut feed = Feed::with(false, wanted);
        feed.pictures(0..10);
        feed.pump.damaged();
        feed.pictures(10..50);
        assert_eq!(feed.epochs(), [(false, pictures, 0)], "one epoch");
        assert_eq!(feed.stats.frames_dropped.get(), dropped);
    }
}

#[path = "pump_busy_tests.rs"]
mod busy;

#[path = "pump_stamps_tests.rs"]
mod stamps;

#[path = "pump_time_tests.rs"]
mod time;

#[path = "pump_truth_tests.rs"]
mod truth;
