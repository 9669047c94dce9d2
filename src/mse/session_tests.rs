//! A camera with two renditions, and viewers on connections of every kind.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::messages::{ServerText, Why};
use super::{Decodable, Message, Options, Session, Viewer};
use crate::live::testing::FakeCamera;
use crate::live::{Camera, Rendition, State, Status};
use crate::media::track::testing;
use crate::media::{Ticks, Tracks};
use crate::mse::Unplayable;

/// A picture of the cameras here.
const PICTURE: Duration = Duration::from_millis(40);

/// 25 pictures a second: `main` of 1 Mbit/s and `sub` of 200 kbit/s.
struct Stage {
    main: FakeCamera,
    sub: FakeCamera,
    camera: Arc<Camera>,
    now: Instant,
}

impl Stage {
    fn with(main: Tracks, gops: [u64; 2]) -> Self {
        let main = FakeCamera::sized(gops[0], main, 5000);
        let sub = FakeCamera::sized(gops[1], testing::video_only(), 1000);
        let rendition = |name: &str, camera: &FakeCamera| {
            camera.publisher.set_status(Status::plain(State::Live));
            camera.publisher.set_skew(Some(Ticks(0)));
            Rendition { name: name.into(), channel: camera.channel.clone() }
        };
        let renditions = vec![rendition("main", &main), rendition("sub", &sub)];
        let camera = Camera::new("door".into(), "Door".into(), 0, renditions, Default::default());
        Self { main, sub, camera: Arc::new(camera), now: Instant::now() }
    }

    fn new() -> Self {
        Self::with(testing::video_only(), [50, 50])
    }

    fn play(&mut self, pictures: u64) {
        self.main.play(pictures);
        self.sub.play(pictures);
        self.now += PICTURE * u32::try_from(pictures).expect("few pictures");
    }

    fn viewer(&self, rendition: Option<&str>, codecs: Option<&str>) -> Session {
        let viewer = Viewer {
            camera: self.camera.clone(),
            rendition: rendition.map(str::to_owned),
            decodable: Decodable::new(codecs),
            options: Options::default(),
        };
        Session::new(viewer, self.now)
    }
}

/// A viewer with its connection.
struct Seat {
    session: Session,
    got: Vec<Got>,
}

#[derive(Clone, Debug, PartialEq)]
enum Got {
    Init(String),
    Why(String, Why, String),
    Skip(u64),
    /// A chunk of so many bytes.
    Chunk(usize),
}

impl Seat {
    fn new(session: Session) -> Self {
        Self { session, got: Vec::new() }
    }

    /// Reads all there is, or `most` steps.
    fn read(&mut self, now: Instant, most: usize) -> Result<(), Unplayable> {
        let mut out = Vec::new();
        for _ in 0..most {
            if !self.session.read(now, &mut out)? {
                break;
            }
        }
        self.got.extend(out.into_iter().filter_map(|message| match message {
            Message::Text(ServerText::Init { rendition, .. }) => Some(Got::Init(rendition)),
            Message::Text(ServerText::Rendition { name, why, reason }) => Some(Got::Why(name, why, reason)),
            Message::Text(ServerText::Skip { chunks }) => Some(Got::Skip(chunks)),
            Message::Text(ServerText::Status { .. }) => None,
            Message::Binary(message) if message.get(8..12) == Some(b"ftyp") => None,
            Message::Binary(bytes) => Some(Got::Chunk(bytes.len())),
        }));
        Ok(())
    }

    fn watch(&mut self, stage: &Stage) {
        self.read(stage.now, usize::MAX).expect("playable");
    }

    /// Watches `pictures` on a connection that takes `share` of them and answers pings after `delay`.
    fn on(&mut self, stage: &mut Stage, pictures: u64, share: f64, delay: Duration) {
        let mut taken = 0.0;
        for _ in 0..pictures {
            stage.play(1);
            taken += share;
            self.read(stage.now, taken as usize).expect("playable");
            taken -= taken.trunc();
            self.session.judge(stage.now, delay);
        }
    }

    fn inits(&self) -> Vec<&str> {
        let init = |got: &'_ Got| matches!(got, Got::Init(_));
        let inits = self.got.iter().filter(|got| init(got));
        inits.map(|got| if let Got::Init(name) = got { name.as_str() } else { "" }).collect()
    }

    /// How many chunks came of each rendition, in order.
    fn runs(&self) -> Vec<usize> {
        let runs = self.got.split(|got| matches!(got, Got::Init(_)));
        runs.skip(1).map(|run| run.iter().filter(|got| matches!(got, Got::Chunk(_))).count()).collect()
    }

    fn skips(&self) -> bool {
        self.got.iter().any(|got| matches!(got, Got::Skip(_)))
    }
}

const GOOD: Duration = Duration::from_millis(20);

#[test]
fn auto_starts_with_the_first_rendition_and_stays_there_on_a_good_connection() {
    let mut stage = Stage::new();
    stage.play(70);
    let mut seat = Seat::new(stage.viewer(None, None));
    seat.watch(&stage);
    seat.on(&mut stage, 25 * 60, 2.0, GOOD);
    assert_eq!((seat.inits(), seat.runs()), (vec!["main"], vec![20 + 25 * 60]));
}

#[test]
fn a_connection_that_grows_slow_gets_the_lighter_one_where_both_meet_and_nothing_is_lost() {
    let mut stage = Stage::new();
    stage.play(60);
    let mut seat = Seat::new(stage.viewer(None, None));
    seat.watch(&stage);
    seat.on(&mut stage, 50, 2.0, GOOD);
    // Frames 50 to 110 were sent; pings take 700 ms.
    seat.on(&mut stage, 100, 2.0, Duration::from_millis(700));
    assert_eq!(seat.inits(), ["main", "sub"]);
    assert_eq!(seat.runs(), [100, 60], "from picture 50 to 150, and from there to 210");
    let why = Got::Why("sub".into(), Why::Link, "this connection is too slow for main".into());
    assert!(seat.got.contains(&why) && !seat.skips(), "{:?}", seat.got);
    assert_eq!(stage.main.channel.stats().viewers_lowered.get(), 1);
}

#[test]
fn a_connection_that_is_far_too_slow_leaves_the_heavy_one_at_once_and_goes_on_where_the_lighter_one_begins() {
    let mut stage = Stage::new();
    stage.play(60);
    let mut seat = Seat::new(stage.viewer(None, None));
    seat.watch(&stage);
    seat.on(&mut stage, 10, 2.0, GOOD);
    // Nothing goes through any more for 50 pictures: two seconds, which is what may be lost.
    seat.on(&mut stage, 45, 0.0, GOOD);
    seat.on(&mut stage, 20, 8.0, GOOD);
    assert_eq!(seat.inits(), ["main", "sub"]);
    assert_eq!(seat.runs()[0], 20, "no more of the heavy one after it was too slow");
    assert_eq!(seat.runs()[1], 35, "all of the lighter one from its sync sample 100 to 135");
    assert!(seat.got.contains(&Got::Skip(30)), "{:?}", seat.got);
    let stats = stage.main.channel.stats();
    assert_eq!(
        (stats.viewer_skips.get(), stats.chunks_skipped.get(), stats.viewers_lowered.get()),
        (1, 30, 1)
    );
}

#[test]
fn the_heavier_one_comes_back_after_a_calm_stretch_that_is_longer_after_each_failed_attempt() {
    let mut stage = Stage::new();
    stage.play(60);
    let mut seat = Seat::new(stage.viewer(None, None));
    seat.watch(&stage);
    let mut attempts = Vec::new();
    for second in 0..200 {
        let before = seat.inits().len();
        let slow = seat.session.rendition() == "main";
        let delay = if slow { Duration::from_millis(1500) } else { GOOD };
        seat.on(&mut stage, 25, 2.0, delay);
        if seat.inits()[before..].contains(&"main") {
            attempts.push(second);
        }
    }
    let pauses: Vec<_> = attempts.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(
        pauses.len() >= 3 && pauses.windows(2).all(|pair| pair[1] > pair[0] + pair[0] / 2),
        "{attempts:?}"
    );
    seat.on(&mut stage, 25 * 300, 2.0, GOOD);
    assert_eq!(seat.session.rendition(), "main");
    assert_eq!(stage.sub.channel.stats().viewers_raised.get() as usize, attempts.len() + 1);
}

/// A viewer who was taken to the lighter rendition while both were delivered.
fn lowered(stage: &mut Stage) -> Seat {
    stage.play(60);
    let mut seat = Seat::new(stage.viewer(None, None));
    seat.watch(stage);
    seat.on(stage, 10, 2.0, GOOD);
    seat.on(stage, 60, 2.0, Duration::from_millis(1500));
    assert_eq!(seat.session.rendition(), "sub");
    seat
}

#[test]
fn an_attempt_that_is_given_up_before_the_heavier_one_is_on_makes_the_next_one_wait_longer() {
    let mut stage = Stage::new();
    let mut seat = lowered(&mut stage);
    // The camera calls the heavy one live and sends nothing of it: the two never meet.
    let (mut attempts, mut under_way) = (Vec::new(), false);
    for picture in 0..25 * 200 {
        stage.sub.play(1);
        stage.now += PICTURE;
        seat.watch(&stage);
        seat.session.judge(stage.now, GOOD);
        let before = std::mem::replace(&mut under_way, seat.session.next_channel().is_some());
        if under_way && !before {
            attempts.push(picture / 25);
        }
    }
    let pauses: Vec<_> = attempts.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(pauses.len() >= 3, "{attempts:?}");
    assert!(pauses.windows(2).all(|pair| pair[1] >= pair[0] * 3 / 2), "{attempts:?}");
    assert_eq!(seat.inits(), ["main", "sub"]);
    stage.main.break_off(200, testing::video_only());
    seat.on(&mut stage, 25 * 320, 2.0, GOOD);
    assert_eq!(seat.session.rendition(), "main", "it is not given up for ever");
}

#[test]
fn a_connection_that_gets_slow_while_the_heavier_one_is_about_to_come_stays_with_the_lighter_one() {
    let mut stage = Stage::new();
    let mut seat = lowered(&mut stage);
    let begun = |seat: &Seat| seat.session.next_channel().is_some();
    let mut calm = 0;
    while !begun(&seat) {
        seat.on(&mut stage, 1, 2.0, GOOD);
        calm += 1;
    }
    seat.session.judge(stage.now, Duration::from_millis(800));
    assert!(!begun(&seat));
    let mut more = 0;
    while !begun(&seat) {
        seat.on(&mut stage, 1, 2.0, GOOD);
        more += 1;
        assert!(more < 25 * 60, "it is tried again");
    }
    assert!(more > calm * 3 / 2, "after {calm} pictures, and then after {more}");
}

#[test]
fn the_way_back_up_loses_and_repeats_nothing_even_if_the_heavy_one_always_comes_later() {
    let mut stage = Stage::new();
    stage.main.play(60);
    stage.sub.play(66);
    let mut seat = Seat::new(stage.viewer(Some("sub"), None));
    seat.watch(&stage);
    seat.session.hear(r#"{"type":"select","rendition":"main"}"#, stage.now).expect("there is one");
    for _ in 0..100 {
        stage.play(1);
        seat.watch(&stage);
    }
    assert_eq!(seat.inits(), ["sub", "main"]);
    assert_eq!(seat.runs(), [50, 60], "sub from 50 to 100, main from there to 160");
}

#[test]
fn a_client_that_starves_by_its_own_reports_gets_the_lighter_one_whatever_the_socket_says() {
    let mut stage = Stage::new();
    stage.play(60);
    let mut seat = Seat::new(stage.viewer(None, None));
    seat.watch(&stage);
    seat.on(&mut stage, 20, 2.0, GOOD);
    for _ in 0..2 {
        seat.session.hear(r#"{"type":"report","buffered":0.01}"#, stage.now).expect("understood");
        seat.on(&mut stage, 25, 2.0, GOOD);
    }
    seat.on(&mut stage, 50, 2.0, GOOD);
    assert_eq!(seat.inits(), ["main", "sub"]);
    // The same in the same words, from a client whose camera sends nothing.
    let mut still = Seat::new(stage.viewer(None, None));
    still.watch(&stage);
    let later = stage.now + Duration::from_secs(5);
    for _ in 0..3 {
        still.session.hear(r#"{"type":"report","buffered":0}"#, later).expect("understood");
        still.session.judge(later, Duration::ZERO);
    }
    assert!(still.session.next_channel().is_none());
}

#[test]
fn a_heavier_one_that_the_connection_was_seen_not_to_carry_is_not_tried() {
    let mut stage = Stage::new();
    stage.play(60);
    let mut seat = Seat::new(stage.viewer(None, None));
    seat.watch(&stage);
    seat.on(&mut stage, 10, 2.0, GOOD);
    seat.on(&mut stage, 60, 2.0, Duration::from_millis(1500));
    assert_eq!(seat.session.rendition(), "sub");
    for _ in 0..60 {
        // 5000 bytes in a tenth of a second more than a bare ping takes: 400 kbit/s.
        seat.session.answered(Duration::from_millis(50), 0);
        seat.session.answered(Duration::from_millis(150), 5000);
        seat.on(&mut stage, 25, 2.0, GOOD);
    }
    assert_eq!(seat.inits(), ["main", "sub"]);
}

#[test]
fn a_joiner_of_a_long_gop_is_not_taken_for_one_on_a_slow_connection() {
    let mut stage = Stage::with(testing::video_only(), [250, 50]);
    stage.play(250 + 245);
    let mut seat = Seat::new(stage.viewer(None, None));
    // Ten seconds of pictures at five times their speed.
    seat.on(&mut stage, 200, 5.0, GOOD);
    assert_eq!(seat.inits(), ["main"]);
    let mut slow = Seat::new(stage.viewer(None, None));
    slow.on(&mut stage, 150, 0.7, GOOD);
    assert_eq!(slow.session.rendition(), "sub");
}

#[test]
fn a_paused_viewer_is_sent_nothing_and_goes_on_at_the_newest_sync_sample() {
    let mut stage = Stage::new();
    stage.play(60);
    let mut seat = Seat::new(stage.viewer(None, None));
    seat.watch(&stage);
    seat.session.hear(r#"{"type":"pause"}"#, stage.now).expect("understood");
    seat.on(&mut stage, 500, 2.0, Duration::from_secs(9));
    assert_eq!(seat.runs(), [10]);
    seat.session.hear(r#"{"type":"resume"}"#, stage.now).expect("understood");
    seat.watch(&stage);
    assert_eq!((seat.inits(), seat.runs()), (vec!["main", "main"], vec![10, 10]));
}

#[path = "choice_tests.rs"]
mod choice;
