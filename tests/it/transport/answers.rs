//! Cameras that redirect, hang up, ask for proofs of their own kind, and have URLs of their own making.

use belvedere::ingest::error::{Failure, Step};
use belvedere::ingest::rtsp::{Session, Sessions};
use belvedere::ingest::{Source, Transport, Trust};
use url::Url;

use crate::support::scripted::{Act, Asked, Scripted, plain};
use crate::support::site::{Site, camera, rendition};
use crate::support::{PATIENCE, soon};

/// A source with the user `viewer` and the password `open: sesame`.
pub fn source(url: Url) -> Source {
    Source {
        url,
        transport: Transport::Tcp,
        trust: Trust::default(),
        username: Some("viewer".into()),
        password: Some("open: sesame".into()),
        audio: true,
        video: true,
    }
}

/// A session with the camera, or why there is none.
pub async fn connect(source: &Source) -> Result<Session, Failure> {
    let sessions = Sessions::default();
    let group = sessions.group(&source.url);
    soon("a session", Session::connect(source, PATIENCE, &group)).await
}

#[tokio::test]
async fn a_redirect_is_followed_to_the_camera_that_delivers() {
    let camera = camera().await;
    let target = camera.url("main");
    let gate = Scripted::start(move |_| Act::Answer(302, format!("Location: {target}"), String::new())).await;
    let site = Site::start(&rendition("cam", "main", &gate.url("old"), "")).await;
    site.until_rendition("cam", 0, "live").await;
    assert_eq!(camera.counters().plays.get(), 1);
    soon("the end", site.app.stop()).await;
}

#[tokio::test]
async fn passwords_follow_a_redirect_to_the_same_host_only() {
    // Another host, as far as names go.
    let stranger = Scripted::start_at("127.0.0.2", None, challenge).await;
    let friend = Scripted::start(challenge).await;
    let same = Scripted::start_at("127.0.0.1", None, challenge).await;
    for (other, name, home) in [
        (&stranger, "127.0.0.1", false),
        (&friend, "127.0.0.1", true),
        // A camera that is asked for by its name, and answers with its address.
        (&same, "localhost", true),
        (&stranger, "localhost", false),
    ] {
        let target = other.url("new");
        let gate = Scripted::start(move |asked| match challenge(asked) {
            Act::Answer(200, ..) => Act::Answer(301, format!("Location: {target}"), String::new()),
            refusal => refusal,
        })
        .await;
        let mut url = gate.url("old");
        url.set_host(Some(name)).unwrap();
        let result = connect(&source(url)).await;
        assert!(gate.of("DESCRIBE").iter().any(|asked| !asked.header("Authorization").is_empty()));
        let proofs =
            other.requests().iter().filter(|asked| !asked.header("Authorization").is_empty()).count();
        match home {
            true => assert!(result.is_ok() && proofs > 0, "{:?}", result.err()),
            false => {
                let failure = result.err().expect("it is not told the password");
                assert_eq!(failure, Failure::Withheld, "nobody is sent to look at a password that is right");
                assert_eq!(proofs, 0);
            }
        }
    }
}

/// A camera that asks everybody for a Digest.
fn challenge(asked: &Asked) -> Act {
    if asked.header("Authorization").is_empty() {
        let header = "WWW-Authenticate: Digest realm=\"cam\", nonce=\"abc\"";
        return Act::Answer(401, header.into(), String::new());
    }
    plain(asked)
}

#[tokio::test]
async fn a_camera_that_takes_connections_and_says_nothing_is_told_as_such_by_every_way() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("rtsp://{}/s", silent.local_addr().unwrap())).unwrap();
    let limit = std::time::Duration::from_secs(1);
    for transport in [Transport::Tcp, Transport::Udp] {
        let source = Source { transport, ..source(url.clone()) };
        let group = Sessions::default().group(&source.url);
        let failure = soon("the end", Session::connect(&source, limit, &group)).await.err();
        assert_eq!(failure, Some(Failure::TimedOut { step: Step::Describe, after: limit }), "{transport:?}");
    }
}

#[tokio::test]
async fn redirects_without_an_end_or_a_place_are_told_as_such() {
    let round =
        Scripted::start(|asked| Act::Answer(302, format!("Location: {}x", asked.uri), String::new())).await;
    let elsewhere =
        Scripted::start(|_| Act::Answer(301, "Location: http://127.0.0.1/".into(), String::new())).await;
    let nowhere = Scripted::start(|_| Act::Answer(302, String::new(), String::new())).await;
    for (gate, words) in [
        (&round, "redirect cannot be followed: it goes on and on"),
        (&elsewhere, "redirect cannot be followed: its address is none of RTSP"),
        (&nowhere, "RTSP DESCRIBE answered 302"),
    ] {
        let failure = connect(&source(gate.url("s"))).await.err().expect("it leads nowhere").to_string();
        assert!(failure.contains(words), "{failure}");
    }
    assert!(round.requests().len() <= 8, "{}", round.requests().len());
}

#[tokio::test]
async fn a_camera_that_hangs_up_after_describe_is_asked_again_over_another_connection() {
    let hasty = Scripted::start(|asked| match plain(asked) {
        Act::Answer(status, headers, body) if asked.method == "DESCRIBE" => {
            Act::AnswerAndClose(status, headers, body)
        }
        act => act,
    })
    .await;
    connect(&source(hasty.url("s"))).await.map(|_| ()).expect("it plays");
    let (setups, plays) = (hasty.of("SETUP"), hasty.of("PLAY"));
    let last = setups.last().expect("a SETUP");
    assert_eq!(plays.len(), 1);
    assert_eq!(plays[0].connection, last.connection, "session and PLAY share a connection");
    assert_ne!(last.connection, hasty.of("DESCRIBE").last().unwrap().connection);
}

#[tokio::test]
async fn a_camera_that_hangs_up_for_ever_is_closed() {
    let dead = Scripted::start(|asked| match asked.method.as_str() {
        "SETUP" => Act::Close,
        _ => plain(asked),
    })
    .await;
    let failure = connect(&source(dead.url("s"))).await.err().expect("it cannot play");
    assert_eq!(failure, Failure::Closed);
}

#[tokio::test]
async fn proofs_are_made_of_the_uri_that_is_asked_for_by_the_strongest_way_that_is_offered() {
    for (offer, algorithm) in [
        ("WWW-Authenticate: Digest realm=\"a, b\", nonce=\"n\", qop=\"auth\", algorithm=SHA-256", "SHA-256"),
        ("WWW-Authenticate: Digest realm=\"cam\", nonce=\"n\"", ""),
        (
            "WWW-Authenticate: Basic realm=\"cam\"\nWWW-Authenticate: Digest realm=\"cam\", nonce=\"n\"",
            "Digest",
        ),
    ] {
        let offer = offer.to_owned();
        let camera = Scripted::start(move |asked| match asked.header("Authorization") {
            "" => Act::Answer(401, offer.clone(), String::new()),
            _ => plain(asked),
        })
        .await;
        let url = camera.url("cam/realmonitor?channel=1&subtype=0");
        connect(&source(url.clone())).await.map(|_| ()).expect("it plays");
        for asked in camera.requests().iter().filter(|asked| !asked.header("Authorization").is_empty()) {
            let proof = asked.header("Authorization");
            assert!(proof.contains(&format!("uri=\"{}\"", asked.uri)), "{proof} for {}", asked.uri);
            assert!(algorithm.is_empty() || proof.contains(algorithm), "{proof}");
        }
        assert_eq!(camera.of("DESCRIBE")[0].uri, url.as_str());
    }
}

#[tokio::test]
async fn basic_carries_any_signs() {
    let camera = Scripted::start(|asked| match asked.header("Authorization") {
        "" => Act::Answer(401, "WWW-Authenticate: Basic realm=\"cam\"".into(), String::new()),
        _ => plain(asked),
    })
    .await;
    let mut source = source(camera.url("s"));
    source.username = Some("käthe".into());
    source.password = Some("p@ss:w/#%? rd".into());
    connect(&source).await.map(|_| ()).expect("it plays");
    // Of "käthe:p@ss:w/#%? rd".
    let proof = camera.of("PLAY")[0].header("Authorization").to_owned();
    assert_eq!(proof, "Basic a8OkdGhlOnBAc3M6dy8jJT8gcmQ=");
}

#[tokio::test]
async fn control_urls_of_all_kinds_lead_to_the_right_place() {
    for (base, session, control, expected) in [
        ("", "", "trackID=1", "{url}/trackID=1"),
        ("Content-Base: {url}/", "*", "trackID=1", "{url}/trackID=1"),
        ("Content-Base: {url}/", "*", "rtsp://10.0.0.9/s/track1", "rtsp://10.0.0.9/s/track1"),
        ("Content-Location: {url}/x/", "*", "video", "{url}/x/video"),
    ] {
        let camera = Scripted::start(move |asked| {
            if asked.method != "DESCRIBE" {
                return plain(asked);
            }
            let session = if session.is_empty() { String::new() } else { format!("a=control:{session}") };
            let media = crate::support::scripted::H264.replace("trackID=1", control);
            let sdp = format!("v=0\no=- 1 1 IN IP4 0.0.0.0\ns=cam\nt=0 0\n{session}\n{media}");
            Act::sdp(base.replace("{url}", &asked.uri), &sdp)
        })
        .await;
        let url = camera.url("live");
        connect(&source(url.clone())).await.map(|_| ()).unwrap_or_else(|error| panic!("{control}: {error}"));
        assert_eq!(camera.of("SETUP")[0].uri, expected.replace("{url}", url.as_str()), "{base} {control}");
    }
}

#[tokio::test]
async fn a_description_of_a_type_with_parameters_is_taken_too() {
    let camera = Scripted::start(|asked| match plain(asked) {
        Act::Answer(status, headers, body) if asked.method == "DESCRIBE" => {
            Act::Answer(status, headers.replace("application/sdp", "Application/SDP; charset=utf-8"), body)
        }
        act => act,
    })
    .await;
    connect(&source(camera.url("s"))).await.map(|_| ()).expect("it plays");
}

#[tokio::test]
async fn cameras_without_room_say_so() {
    for status in [453, 503] {
        let full = Scripted::start(move |asked| match asked.method.as_str() {
            "SETUP" => Act::Answer(status, String::new(), String::new()),
            _ => plain(asked),
        })
        .await;
        let failure = connect(&source(full.url("s"))).await.err().expect("it has no room");
        assert_eq!(failure, Failure::Answered { step: Step::Setup, status });
        assert!(failure.to_string().contains("no room for another session"), "{failure}");
    }
}

#[tokio::test]
async fn a_session_is_kept_alive_by_what_the_camera_offers() {
    for (offered, method) in [
        ("OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER, TEARDOWN", "GET_PARAMETER"),
        ("OPTIONS, DESCRIBE, SETUP, PLAY, SET_PARAMETER, TEARDOWN", "SET_PARAMETER"),
        ("OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN", "OPTIONS"),
    ] {
        // Every half of the time-out.
        let camera = Scripted::start(move |asked| match plain(asked) {
            _ if asked.method == "OPTIONS" => Act::ok(format!("Public: {offered}")),
            Act::Answer(status, headers, body) => {
                Act::Answer(status, headers.replace("timeout=60", "timeout=1"), body)
            }
            act => act,
        })
        .await;
        let mut session = connect(&source(camera.url("s"))).await.expect("it plays");
        // What it can do is asked for once, by OPTIONS.
        let before = usize::from(method == "OPTIONS");
        let alive = crate::support::until("a second sign of life", async || {
            let next = session.next(|_| ());
            let _nothing_comes = tokio::time::timeout(std::time::Duration::from_millis(50), next).await;
            (camera.of(method).len() > 1 + before).then_some(())
        });
        alive.await;
        if method != "OPTIONS" {
            assert_eq!(camera.of("OPTIONS").len(), 1, "it is asked once what it can do");
            assert_eq!(camera.of(method)[0].header("Session"), "12345678");
        }
    }
}

#[tokio::test]
async fn a_camera_on_ipv6_is_watched_at_its_bracketed_address() {
    let options = belvedere::demo::Options {
        listen: "[::1]:0".parse().unwrap(),
        ..belvedere::demo::Options::default()
    };
    let camera = belvedere::demo::Server::start(options).await.expect("the demo camera starts");
    let url = camera.url("main");
    assert!(url.as_str().starts_with("rtsp://[::1]:"), "{url}");
    let toml = rendition("tcp", "main", &url, "") + &rendition("udp", "main", &url, "transport = \"udp\"");
    let site = Site::start(&toml).await;
    for name in ["tcp", "udp"] {
        site.until_rendition(name, 0, "live").await;
    }
    soon("the end", site.app.stop()).await;
}
