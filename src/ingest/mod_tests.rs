//! `run` against GStreamer's RTSP server, which is nobody's mock.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Mutex;

use secrecy::SecretString;
use tokio::task::JoinHandle;
use url::Url;

use super::*;
use crate::live::PushError;
use crate::media::fmp4::InitError;
use crate::media::{Frame, Ticks, TrackKind, Tracks, VideoCodec};

/// A camera process; ends with the test.
struct Camera {
    process: Child,
    port: u16,
    said: BufReader<ChildStdout>,
}

impl Camera {
    fn start(arguments: &[&str]) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/gst_camera.py");
        // The system's Python: it is the one that has the bindings of the system's GStreamer.
        let mut process = Command::new("/usr/bin/python3")
            .arg(script)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("these tests need /usr/bin/python3 with gi and GStreamer's RTSP server");
        let stdout = process.stdout.take().expect("stdout is piped");
        let (mut said, mut line) = (BufReader::new(stdout), String::new());
        said.read_line(&mut line).expect("the camera writes text");
        let ready: serde_json::Value = serde_json::from_str(&line).unwrap_or_else(|_| {
            panic!("the camera did not start (its reason is above); it needs python3-gi, gir1.2-gst-rtsp-server-1.0")
        });
        let port = ready["port"].as_u64().and_then(|port| u16::try_from(port).ok());
        Self { process, port: port.expect("the camera says its port"), said }
    }

    /// Ends the camera and counts the TEARDOWN requests it has got.
    fn teardowns(mut self) -> usize {
        drop(self.process.stdin.take());
        let said = (&mut self.said).lines().map_while(Result::ok);
        said.filter(|line| line.contains("TEARDOWN")).count()
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Everything a publisher would have got.
#[derive(Default)]
struct Recorder(Mutex<Vec<Got>>);

#[derive(Clone, Debug)]
enum Got {
    Epoch(Tracks),
    Frame(Frame),
    Status(Status),
    Skew(Option<Ticks>),
}

impl Sink for Recorder {
    fn begin(&self, tracks: Tracks) -> Result<(), InitError> {
        self.add(Got::Epoch(tracks));
        Ok(())
    }
    fn push(&self, frame: Frame) -> Result<(), PushError> {
        self.add(Got::Frame(frame));
        Ok(())
    }
    fn set_status(&self, status: Status) {
        self.add(Got::Status(status));
    }
    fn set_skew(&self, skew: Option<Ticks>) {
        self.add(Got::Skew(skew));
    }
}

impl Recorder {
    fn add(&self, got: Got) {
        self.0.lock().expect("no test panics under this lock").push(got);
    }
    fn all(&self) -> Vec<Got> {
        self.0.lock().expect("no test panics under this lock").clone()
    }
    fn frames(&self, kind: TrackKind) -> Vec<Frame> {
        let of_kind = |got| match got {
            Got::Frame(frame) if frame.track == kind => Some(frame),
            _ => None,
        };
        self.all().into_iter().filter_map(of_kind).collect()
    }
    fn epochs(&self) -> Vec<Tracks> {
        self.all()
            .into_iter()
            .filter_map(|got| if let Got::Epoch(tracks) = got { Some(tracks) } else { None })
            .collect()
    }
    fn statuses(&self) -> Vec<Status> {
        self.all()
            .into_iter()
            .filter_map(|got| if let Got::Status(status) = got { Some(status) } else { None })
            .collect()
    }
    /// True when the pictures are where the camera's sender reports place them, to 2 ms.
    fn aligned(&self) -> bool {
        let skew =
            self.all().into_iter().rev().find_map(|got| if let Got::Skew(skew) = got { skew } else { None });
        skew.is_some_and(|skew| skew.0.abs() < 180)
    }
    async fn until(&self, what: &str, fact: impl Fn(&Self) -> bool) {
        for _ in 0..600 {
            if fact(self) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("not within 30 s: {what}; statuses {:?}", self.statuses());
    }
    async fn pictures(&self, count: usize) {
        self.until("pictures", |recorder| recorder.frames(TrackKind::Video).len() >= count).await;
    }
}

/// A rendition that runs.
struct Running {
    recorder: Arc<Recorder>,
    stats: Arc<RenditionStats>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    fn start(source: Source, clock: &Arc<CameraClock>) -> Self {
        Self::with(source, clock, Options::default())
    }
    fn with(source: Source, clock: &Arc<CameraClock>, options: Options) -> Self {
        let (recorder, stats) = (Arc::new(Recorder::default()), Arc::new(RenditionStats::default()));
        let stop = CancellationToken::new();
        let rendition = Rendition {
            name: Name { camera: "front-door".into(), rendition: source.url.path()[1..].to_owned() },
            source,
            options,
            demand: None,
            publisher: Arc::clone(&recorder),
            stats: Arc::clone(&stats),
            clock: Arc::clone(clock),
            sessions: Arc::default(),
        };
        let task = tokio::spawn(run(rendition, stop.clone()));
        Self { recorder, stats, stop, task }
    }
    async fn end(self) -> Arc<Recorder> {
        self.stop.cancel();
        let began = crate::clock::now().instant;
        self.task.await.expect("run does not panic");
        assert!(began.elapsed() < Duration::from_secs(3), "stopping took {:?}", began.elapsed());
        assert_eq!(self.recorder.statuses().last(), Some(&Status::plain(State::Ended)));
        self.recorder
    }
}

fn clock() -> Arc<CameraClock> {
    Arc::new(CameraClock::new(crate::clock::now()))
}

fn source(port: u16, path: &str) -> Source {
    Source {
        url: Url::parse(&format!("rtsp://127.0.0.1:{port}/{path}")).expect("a URL"),
        transport: Transport::Tcp,
        trust: Trust::default(),
        username: None,
        password: None,
        audio: true,
        video: true,
    }
}

/// What must hold for any recording: epochs begin with a sync sample, decode times go on without
/// a hole in video, sound does not go back.
fn check(recorder: &Recorder) {
    let (mut video, mut audio) = (None, 0);
    let mut fresh = false;
    for got in recorder.all() {
        match got {
            Got::Epoch(_) => fresh = true,
            Got::Frame(frame) if frame.track == TrackKind::Video => {
                assert!(frame.duration > 0);
                if fresh {
                    assert!(frame.sync, "an epoch begins with a sync sample");
                    assert!(video.is_none_or(|end| frame.decode_time >= end), "an epoch begins in the past");
                } else {
                    assert_eq!(Some(frame.decode_time), video, "a hole in the decode line");
                }
                fresh = false;
                video = Some(frame.decode_time + u64::from(frame.duration));
            }
            Got::Frame(frame) => {
                assert!(frame.decode_time >= audio, "sound goes back");
                audio = frame.decode_time + u64::from(frame.duration);
            }
            Got::Status(_) | Got::Skew(_) => {}
        }
    }
}

/// Largest composition offset after the first `skip` pictures, in ticks.
fn worst_offset(recorder: &Recorder, skip: usize) -> u32 {
    recorder.frames(TrackKind::Video)[skip..]
        .iter()
        .map(|f| f.composition_offset.unsigned_abs())
        .max()
        .unwrap_or(0)
}

#[tokio::test]
async fn tcp_with_sound_plays_continuously_and_stops_cleanly() {
    let camera = Camera::start(&[]);
    let running = Running::start(source(camera.port, "main"), &clock());
    running.recorder.pictures(100).await;
    let stats = Arc::clone(&running.stats);
    let recorder = running.end().await;
    check(&recorder);
    let epochs = recorder.epochs();
    assert_eq!(epochs.len(), 1, "{epochs:?}");
    let audio = epochs[0].audio.as_deref().expect("there is sound");
    assert_eq!((audio.sample_rate, audio.channels, audio.frame_samples), (48_000, 1, 1_024));
    assert_eq!((epochs[0].video.codec, epochs[0].video.width), (VideoCodec::H264, 640));
    assert!(recorder.frames(TrackKind::Audio).len() > 100);
    assert!(worst_offset(&recorder, 10) < 1_800, "{}", worst_offset(&recorder, 10));
    assert_eq!((stats.sessions.get(), stats.packets_lost.get(), stats.panics.get()), (1, 0, 0));
    let words: Vec<_> = recorder.statuses().iter().map(|status| status.state.word()).collect();
    assert_eq!(words, ["connecting", "live", "ended"]);
    assert_eq!(camera.teardowns(), 1);
}

#[tokio::test]
async fn udp_with_digest_and_b_frames_plays() {
    let camera = Camera::start(&["--auth", "digest", "--bframes", "2"]);
    let source = Source {
        transport: Transport::Udp,
        username: Some("viewer".into()),
        password: Some(SecretString::from("secret")),
        ..source(camera.port, "main")
    };
    let running = Running::start(source, &clock());
    running.recorder.pictures(150).await;
    let recorder = running.end().await;
    check(&recorder);
    let frames = recorder.frames(TrackKind::Video);
    let shown: Vec<_> =
        frames.iter().map(|f| f.decode_time as i64 + i64::from(f.composition_offset)).collect();
    assert!(!shown.is_sorted(), "there are B-frames");
    let tail = &frames[60..];
    let mean = tail.iter().map(|f| i64::from(f.composition_offset)).sum::<i64>() / tail.len() as i64;
    // The decode line runs ahead by the reorder depth, two pictures at most, and no more.
    assert!((-1_800..=2 * 3_600).contains(&mean), "mean composition offset {mean}");
    assert!(worst_offset(&recorder, 60) < 4 * 3_600, "{}", worst_offset(&recorder, 60));
    assert_eq!(camera.teardowns(), 1);
}

#[tokio::test]
async fn h265_with_basic_and_foreign_sound_plays_without_sound() {
    let camera = Camera::start(&["--auth", "basic", "--codec", "h265", "--audio", "opus", "--fps", "10"]);
    let source = Source {
        username: Some("viewer".into()),
        password: Some(SecretString::from("secret")),
        ..source(camera.port, "sub")
    };
    let running = Running::start(source, &clock());
    running.recorder.pictures(30).await;
    let recorder = running.end().await;
    check(&recorder);
    let epochs = recorder.epochs();
    assert_eq!((epochs[0].video.codec, epochs[0].audio.is_none()), (VideoCodec::H265, true));
    assert!(epochs[0].video.rfc6381.starts_with("hvc1."), "{}", epochs[0].video.rfc6381);
    let live = Status::because(
        State::Live,
        "plays without sound, since opus cannot be carried: choose AAC or G.711 in the camera",
    );
    assert!(recorder.statuses().contains(&live), "{:?}", recorder.statuses());
}

#[tokio::test]
async fn refusals_are_told_in_words_without_secrets() {
    let camera = Camera::start(&["--auth", "digest"]);
    let jpeg = Camera::start(&["--codec", "jpeg", "--audio", "off"]);
    let wrong = |path| Source {
        username: Some("viewer".into()),
        password: Some(SecretString::from("not-the-pass")),
        ..source(camera.port, path)
    };
    let right = Source { password: Some(SecretString::from("secret")), ..wrong("nowhere") };
    let cases = [
        (wrong("main"), "unauthorized", "RTSP DESCRIBE answered 401: check username and password"),
        (
            source(camera.port, "main"),
            "unauthorized",
            "RTSP DESCRIBE answered 401: check username and password",
        ),
        (right, "retrying", "RTSP DESCRIBE answered 404: check the path of the URL"),
        (
            source(1, "main"),
            "retrying",
            "connection refused: check the address and the port, and that RTSP is switched on in the camera",
        ),
        (
            source(jpeg.port, "main"),
            "unsupported",
            "no H.264 or H.265 video: the camera offers jpeg video; set the video encoding of this stream to H.264 in \
             the camera",
        ),
    ];
    for (source, word, reason) in cases {
        let running = Running::start(source, &clock());
        running.recorder.until("an answer", |recorder| recorder.statuses().len() > 1).await;
        let recorder = running.end().await;
        let status = &recorder.statuses()[1];
        assert_eq!((status.state.word(), status.reason.as_str()), (word, reason));
    }
}

#[tokio::test]
async fn a_camera_that_restarts_is_found_again_and_time_goes_on() {
    let camera = Camera::start(&[]);
    let port = camera.port.to_string();
    let running = Running::start(source(camera.port, "main"), &clock());
    running.recorder.pictures(30).await;
    drop(camera);
    running
        .recorder
        .until("a loss", |recorder| recorder.statuses().iter().any(|s| s.state.word() == "retrying"))
        .await;
    let before = running.recorder.frames(TrackKind::Video).len();
    let _camera = Camera::start(&["--port", &port]);
    running.recorder.pictures(before + 30).await;
    let sessions = running.stats.sessions.get();
    let recorder = running.end().await;
    check(&recorder);
    assert_eq!((sessions, recorder.epochs().len()), (2, 2));
}

/// Presentation times at which noise begins: those pictures are far larger.
fn flashes(recorder: &Recorder) -> Vec<i64> {
    let frames = recorder.frames(TrackKind::Video);
    let large = frames.iter().map(|frame| frame.data.len()).max().unwrap_or(0) / 3;
    frames
        .windows(2)
        .filter(|pair| pair[0].data.len() < large && pair[1].data.len() >= large)
        .map(|pair| pair[1].decode_time as i64 + i64::from(pair[1].composition_offset))
        .collect()
}

#[tokio::test]
async fn main_and_sub_show_the_same_instant_though_sub_comes_later() {
    let camera = Camera::start(&["--flash", "--sub-delay", "150", "--audio", "off"]);
    let clock = clock();
    let main = Running::start(source(camera.port, "main"), &clock);
    main.recorder.pictures(50).await;
    let sub = Running::start(source(camera.port, "sub"), &clock);
    // Sender reports come every few seconds; then 1 % of slew mends 150 ms in 15 s. After that, some flashes.
    sub.recorder.until("alignment", Recorder::aligned).await;
    let before = sub.recorder.frames(TrackKind::Video).len();
    sub.recorder.pictures(before + 150).await;
    let (main, sub) = (main.end().await, sub.end().await);
    check(&main);
    check(&sub);
    let (main, sub) = (flashes(&main), flashes(&sub));
    let nearest = |flash: &i64| {
        let apart = main.iter().map(|other| (flash - other).abs()).min();
        apart.expect("there were flashes") / 90
    };
    let mut apart: Vec<i64> = sub[sub.len() - 5..].iter().map(nearest).collect();
    apart.sort_unstable();
    // A flash is seen with the picture after it, so a single one may be a picture off.
    assert!(apart[2] <= 30, "{apart:?} ms apart: {main:?} {sub:?}");
}

#[path = "failing_tests.rs"]
mod failing;
