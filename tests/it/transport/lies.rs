//! Cameras that do not keep to what they say, or say what nobody expects.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use belvedere::ingest::error::{Failure, Step};
use belvedere::ingest::event::Event;
use belvedere::ingest::rtsp::{Session, Sessions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::timeout;
use url::Url;

use super::answers::{connect, source};
use crate::support::scripted::{Act, Asked, H264, Scripted, plain};
use crate::support::site::{Site, camera, rendition};
use crate::support::{PATIENCE, soon, until};

/// Telephone sound beside the video.
const PCMA: &str = "
    m=audio 0 RTP/AVP 8
    a=rtpmap:8 PCMA/8000
    a=control:trackID=2";

/// A camera with sound that it describes so.
fn with_sound(asked: &Asked, sound: &str) -> Act {
    match asked.method.as_str() {
        "DESCRIBE" => {
            Act::sdp("", &format!("v=0\no=- 1 1 IN IP4 0.0.0.0\ns=cam\nt=0 0\na=control:*{H264}{sound}"))
        }
        _ => plain(asked),
    }
}

#[tokio::test]
async fn sound_that_is_refused_leaves_the_picture() {
    for (status, words) in [
        (Some(404), "RTSP SETUP answered 404"),
        (Some(459), "RTSP SETUP answered 459"),
        (Some(500), "RTSP SETUP answered 500"),
        (None, "hangs up at RTSP SETUP"),
    ] {
        let camera = Scripted::start(move |asked| match status {
            Some(status) if asked.method == "SETUP" && asked.uri.ends_with("trackID=2") => {
                Act::Answer(status, String::new(), String::new())
            }
            None if asked.method == "SETUP" && asked.uri.ends_with("trackID=2") => Act::Close,
            _ => with_sound(asked, PCMA),
        })
        .await;
        for relayed in [false, true] {
            let source = source(camera.url("s"));
            let group = Sessions::default().group(&source.url);
            let session = match relayed {
                false => soon("a session", Session::connect(&source, PATIENCE, &group)).await,
                true => soon("a session", Session::connect_measured(&source, PATIENCE, &group)).await,
            };
            let session = session.unwrap_or_else(|failure| panic!("{status:?}: {failure}"));
            let why = session.sound_refused().expect("it says why there is no sound");
            assert!(why.contains(words), "{why}");
            assert!(session.audio().is_none() && session.video().is_some());
        }
        assert_eq!(camera.of("PLAY").len(), 2);
    }
    // The video's own is another matter: then there is nothing to see.
    let camera = Scripted::start(|asked| match asked.method.as_str() {
        "SETUP" if asked.uri.ends_with("trackID=1") => Act::Answer(404, String::new(), String::new()),
        _ => with_sound(asked, PCMA),
    })
    .await;
    let failure = connect(&source(camera.url("s"))).await.err().expect("there is no picture");
    assert_eq!(failure, Failure::Answered { step: Step::Setup, status: 404 });
    assert!(!failure.to_string().contains("path"), "the path is right: {failure}");
}

#[tokio::test]
async fn the_owner_reads_why_there_is_no_sound() {
    let camera = camera().await;
    camera.faults().refuse_sound(404);
    let site = Site::start(&rendition("cam", "main", &camera.url("main"), "")).await;
    let entry = site.until_rendition("cam", 0, "live").await;
    let reason = entry["reason"].as_str().unwrap_or_default();
    assert!(
        reason.starts_with("plays without sound, since the camera refuses it (RTSP SETUP answered 404)"),
        "{entry}"
    );
    assert_eq!(camera.counters().plays.get(), 1);
    soon("the end", site.app.stop()).await;
}

#[tokio::test]
async fn sound_that_goes_to_the_camera_comes_after_sound_that_comes_from_it() {
    let back = PCMA.replace("trackID=2", "trackID=5") + "\n    a=sendonly";
    let from = format!("{PCMA}\n    a=recvonly");
    for (sound, taken) in
        [(back.clone() + &from, "trackID=2"), (from + &back, "trackID=2"), (back, "trackID=5")]
    {
        let camera = Scripted::start(move |asked| with_sound(asked, &sound)).await;
        connect(&source(camera.url("s"))).await.map(|_| ()).expect("it plays");
        let setups: Vec<_> = camera.of("SETUP").into_iter().map(|asked| asked.uri).collect();
        assert_eq!(setups.len(), 2, "{setups:?}");
        assert!(setups[1].ends_with(taken), "{setups:?}");
    }
}

/// A camera that asks for a Digest.
fn locked(asked: &Asked) -> Act {
    match asked.header("Authorization") {
        "" => {
            let challenge = "WWW-Authenticate: Digest realm=\"cam\", nonce=\"abc\"";
            Act::Answer(401, challenge.into(), String::new())
        }
        _ => plain(asked),
    }
}

#[tokio::test]
async fn connections_that_end_between_two_answers_are_made_again() {
    type Script = fn(&Asked) -> Act;
    let cameras: [(&str, Script); 5] = [
        ("closes at 401", |asked| match locked(asked) {
            Act::Answer(401, headers, body) => Act::AnswerAndClose(401, headers, body),
            act => act,
        }),
        ("closes at 401, and says so", |asked| match locked(asked) {
            Act::Answer(401, headers, body) => {
                Act::AnswerAndClose(401, headers + "\r\nConnection: close", body)
            }
            act => act,
        }),
        ("resets at 401", |asked| match locked(asked) {
            Act::Answer(401, headers, body) => Act::AnswerAndReset(401, headers, body),
            act => act,
        }),
        ("resets after DESCRIBE", |asked| match plain(asked) {
            Act::Answer(status, headers, body) if asked.method == "DESCRIBE" => {
                Act::AnswerAndReset(status, headers, body)
            }
            act => act,
        }),
        ("names no challenge that the library knows first", |asked| match locked(asked) {
            Act::Answer(401, headers, body) => {
                Act::Answer(401, format!("WWW-Authenticate: Bearer realm=\"cam\"\r\n{headers}"), body)
            }
            act => act,
        }),
    ];
    for (name, script) in cameras {
        let camera = Scripted::start(script).await;
        connect(&source(camera.url("s")))
            .await
            .map(|_| ())
            .unwrap_or_else(|failure| panic!("{name}: {failure}"));
        assert_eq!(camera.of("PLAY").len(), 1, "{name}");
    }
}

#[tokio::test]
async fn answers_without_a_number_or_with_a_wrong_one_are_taken_for_what_they_are() {
    for number in ["", "CSeq: 4711\r\n"] {
        let camera = Scripted::start(move |asked| match plain(asked) {
            Act::Answer(status, headers, body) => {
                let headers = headers.lines().fold(String::new(), |text, line| text + line + "\r\n");
                let length = body.len();
                let head = format!("RTSP/1.0 {status} OK\r\n{number}{headers}Content-Length: {length}");
                Act::Say(format!("{head}\r\n\r\n{body}").into_bytes())
            }
            act => act,
        })
        .await;
        connect(&source(camera.url("s")))
            .await
            .map(|_| ())
            .unwrap_or_else(|failure| panic!("{number}: {failure}"));
    }
}

#[tokio::test]
async fn a_camera_that_asks_before_it_plays_is_answered() {
    let camera = Scripted::start(|asked| match (asked.method.as_str(), plain(asked)) {
        ("SETUP", Act::Answer(status, headers, _)) => {
            let cseq = asked.header("CSeq");
            let question = "OPTIONS * RTSP/1.0\r\nCSeq: 9\r\n\r\n";
            let answer = format!("RTSP/1.0 {status} OK\r\nCSeq: {cseq}\r\n{headers}\r\n\r\n");
            Act::Say((question.to_owned() + &answer).into_bytes())
        }
        (_, act) => act,
    })
    .await;
    connect(&source(camera.url("s"))).await.map(|_| ()).expect("it plays");
}

#[tokio::test]
async fn a_camera_that_asks_while_it_plays_holds_nothing_up() {
    let camera = camera().await;
    camera.faults().ask_clients(true);
    let mut session = connect(&source(camera.url("main"))).await.expect("it plays");
    assert!(!session.is_relayed());
    let mut pictures = 0;
    while pictures < 30 {
        let next = timeout(Duration::from_secs(5), session.next(|_| ())).await;
        let event = next.expect("something comes").expect("it goes on");
        pictures += u32::from(matches!(event, Event::Video(_)));
    }
    assert_eq!(camera.counters().plays.get(), 1);
}

#[tokio::test]
async fn what_cameras_say_of_their_packets_is_not_believed_against_the_packets() {
    let (late, early, other) = (camera().await, camera().await, camera().await);
    late.faults().misnumber_packets(5_000);
    early.faults().misnumber_packets(0u16.wrapping_sub(5_000));
    other.faults().misname_packets(true);
    let toml: String = [("late", &late), ("early", &early), ("other", &other)]
        .map(|(name, camera)| rendition(name, "main", &camera.url("main"), ""))
        .concat();
    let site = Site::start(&toml).await;
    for (name, camera, plays) in [("late", &late, 1), ("early", &early, 1), ("other", &other, 2)] {
        let entry = site.until_rendition(name, 0, "live").await;
        assert_eq!(
            (entry["packets_lost"].as_u64(), entry["frames_dropped"].as_u64()),
            (Some(0), Some(0)),
            "{entry}"
        );
        assert!(camera.counters().plays.get() <= plays, "{name}: {}", camera.counters().plays.get());
    }
    soon("the end", site.app.stop()).await;
}

#[tokio::test]
async fn a_camera_that_ends_sessions_which_nobody_keeps_alive_is_kept_on_air() {
    let options = belvedere::demo::Options {
        session_timeout: Duration::from_secs(2),
        ..belvedere::demo::Options::default()
    };
    let camera = belvedere::demo::Server::start(options).await.expect("the demo camera starts");
    camera.faults().insist_on_life(true);
    let mut session = connect(&source(camera.url("main"))).await.expect("it plays");
    // Nobody asks this one for pictures, so it sends no sign of life: the camera means it.
    let left = connect(&source(camera.url("sub"))).await.expect("it plays");
    let began = std::time::Instant::now();
    while began.elapsed() < Duration::from_secs(5) || camera.counters().open_sessions() > 1 {
        assert!(began.elapsed() < PATIENCE, "the camera keeps what nobody keeps alive");
        soon("an event", session.next(|_| ())).await.expect("the session lives");
    }
    drop(left);
    assert_eq!(camera.counters().plays.get(), 2);
}

#[tokio::test]
async fn no_secret_of_where_a_camera_leads_is_told_when_it_fails_there() {
    // A base that makes no sense, and holds the key that only the redirect has told.
    let target = Scripted::start(|asked| match (asked.method.as_str(), plain(asked)) {
        ("DESCRIBE", Act::Answer(status, headers, body)) => {
            Act::Answer(status, format!("Content-Base: [/s?token=hunter2\r\n{headers}"), body)
        }
        (_, act) => act,
    })
    .await;
    let place = target.url("s?token=hunter2").to_string();
    let gate = Scripted::start(move |_| Act::Answer(302, format!("Location: {place}"), String::new())).await;
    let failure = connect(&source(gate.url("s"))).await.err().expect("it makes no sense").to_string();
    assert!(failure.contains("Content-Base"), "it quotes what the camera said: {failure}");
    assert!(!failure.contains("hunter2"), "{failure}");
    assert!(target.of("DESCRIBE")[0].uri.ends_with("s?token=hunter2"));
}

#[tokio::test]
async fn headers_that_nobody_needs_keep_no_camera_off_the_air() {
    const SESSIONS: [&str; 7] = [
        "Session: 7;timeout=0",
        "Session: 7 ; timeout = 60",
        "Session: 7;timeout=60.0",
        "Session: 7;timeout=-1",
        "Session: 7;timeout=",
        "Session:",
        "Server: cam",
    ];
    for header in SESSIONS {
        let camera = Scripted::start(move |asked| match asked.method.as_str() {
            "SETUP" => Act::ok(format!("{header}\r\nTransport: {}", asked.header("Transport"))),
            _ => plain(asked),
        })
        .await;
        let outcome = connect(&source(camera.url("s"))).await.map(|_| ());
        outcome.unwrap_or_else(|failure| panic!("{header}: {failure}"));
        let play = camera.of("PLAY").pop().expect("it was asked to play");
        let own = if header.contains('7') { "7" } else { "" };
        assert_eq!(play.header("Session"), own, "{header}");
    }
    for info in
        ["url=trackID=1;seq=;rtptime=", "url=trackID=1;seq=-1", "url=trackID=1;seq=99999", "", "seq=1"]
    {
        let camera = Scripted::start(move |asked| match asked.method.as_str() {
            "PLAY" => Act::ok(format!("Session: 12345678\r\nRTP-Info: {info}")),
            _ => plain(asked),
        })
        .await;
        let outcome = connect(&source(camera.url("s"))).await.map(|_| ());
        outcome.unwrap_or_else(|failure| panic!("{info}: {failure}"));
    }
}

/// A camera that says `head` to whatever it is asked, and then the same again and again; its URL, and how many bytes
/// each connection has taken.
async fn flood(head: &'static str, again: &'static [u8]) -> (Url, Arc<Mutex<Vec<usize>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = Url::parse(&format!("rtsp://{}/s", listener.local_addr().expect("an address"))).expect("a URL");
    let sent = Arc::<Mutex<Vec<usize>>>::default();
    let notes = sent.clone();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let notes = notes.clone();
            tokio::spawn(async move {
                let mut bytes = 0;
                if socket.read(&mut [0; 4096]).await.is_ok_and(|asked| asked > 0) {
                    let mut out = head.as_bytes();
                    while let Ok(written) = socket.write(out).await {
                        (bytes, out) = (bytes + written, again);
                    }
                }
                notes.lock().expect("no panic").push(bytes);
            });
        }
    });
    (url, sent)
}

#[tokio::test]
async fn answers_without_an_end_take_no_memory() {
    const BODY: &str =
        "RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Type: application/sdp\r\nContent-Length: 99999999999\r\n\r\n";
    const HEAD: &str = "RTSP/1.0 200 OK\r\nCSeq: 1\r\nX: ";
    for head in [BODY, HEAD] {
        let (url, sent) = flood(head, &[b'a'; 16 << 10]).await;
        let failure = connect(&source(url)).await.err().expect("nothing to see");
        assert!(failure.to_string().contains("a message that is too long"), "{failure}");
        let sent = until("both connections end", async || {
            let sent = sent.lock().expect("no panic").clone();
            (sent.len() >= 2).then_some(sent)
        })
        .await;
        assert!(sent.iter().all(|bytes| *bytes < 64 << 20), "{sent:?}");
    }
}
