//! Cameras that freeze, do not answer, or make a session panic.

use super::*;

/// Limits short enough for a test.
fn hasty() -> Options {
    Options {
        stall_timeout: Duration::from_secs(2),
        connect_timeout: Duration::from_secs(1),
        ..Options::default()
    }
}

#[tokio::test]
async fn a_camera_that_freezes_stalls_and_is_found_again_when_it_thaws() {
    let camera = Camera::start(&[]);
    let signal = |name: &str| {
        let status = Command::new("kill").args([name, &camera.process.id().to_string()]).status();
        assert!(status.expect("kill runs").success());
    };
    let running = Running::with(source(camera.port, "main"), &clock(), hasty());
    running.recorder.pictures(30).await;
    signal("-STOP");
    let told = |words: &'static [&str]| {
        move |recorder: &Recorder| {
            let all: Vec<_> = recorder.statuses().iter().map(|status| status.state.word()).collect();
            all.windows(words.len()).any(|some| some == words)
        }
    };
    running.recorder.until("a stall", told(&["live", "stalled", "retrying"])).await;
    let before = running.recorder.frames(TrackKind::Video).len();
    signal("-CONT");
    running.recorder.pictures(before + 30).await;
    signal("-STOP");
    // A frozen camera does not answer TEARDOWN either; `end` checks how long that may take.
    let recorder = running.end().await;
    signal("-CONT");
    check(&recorder);
    let stall = recorder.statuses().into_iter().find(|status| status.state == State::Stalled);
    assert_eq!(stall.map(|status| status.reason).as_deref(), Some("stalled: no picture for 2 s"));
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_told_from_one_that_does_not_exist() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let running = Running::with(source(port, "main"), &clock(), hasty());
    running.recorder.until("an answer", |recorder| recorder.statuses().len() > 1).await;
    let recorder = running.end().await;
    assert_eq!(recorder.statuses()[1].reason, "timed out at RTSP DESCRIBE: no answer for 1 s");
}

/// Panics at the tenth picture, once.
#[derive(Default)]
struct Trap(Recorder, std::sync::atomic::AtomicU32);

impl Sink for Trap {
    fn begin(&self, tracks: Tracks) -> Result<(), InitError> {
        self.0.begin(tracks)
    }
    fn push(&self, frame: Frame) -> Result<(), PushError> {
        assert_ne!(self.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed), 10, "the trap");
        self.0.push(frame)
    }
    fn set_status(&self, status: Status) {
        self.0.set_status(status);
    }
    fn set_skew(&self, skew: Option<Ticks>) {
        self.0.set_skew(skew);
    }
}

#[tokio::test]
async fn a_panic_is_contained_counted_and_tried_again() {
    let camera = Camera::start(&["--audio", "off"]);
    let (trap, stats, stop) =
        (Arc::<Trap>::default(), Arc::<RenditionStats>::default(), CancellationToken::new());
    let rendition = Rendition {
        name: Name { camera: "front-door".into(), rendition: "main".into() },
        source: source(camera.port, "main"),
        options: Options::default(),
        demand: None,
        publisher: Arc::clone(&trap),
        stats: Arc::clone(&stats),
        clock: clock(),
        sessions: Arc::default(),
    };
    let task = tokio::spawn(run(rendition, stop.clone()));
    trap.0.pictures(40).await;
    stop.cancel();
    task.await.expect("run itself does not panic");
    assert_eq!((stats.panics.get(), stats.sessions.get()), (1, 2));
    let told = trap.0.statuses();
    assert!(told.iter().any(|status| status.reason == Failure::Panicked.to_string()), "{told:?}");
    check(&trap.0);
}
