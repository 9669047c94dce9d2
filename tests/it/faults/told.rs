//! What a camera does is told in the log, by the API and on the socket, in the same words.

use belvedere::demo;

use crate::support::program::Program;
use crate::support::scripted::{Act, Scripted, plain};
use crate::support::site::{camera, rendition};
use crate::support::socket::Socket;
use crate::support::until;

#[tokio::test]
async fn each_state_and_its_reason_are_told_everywhere() {
    let credentials = demo::Credentials {
        username: "viewer".into(),
        password: "hunter2".into(),
        scheme: demo::Scheme::Digest,
    };
    let options = demo::Options { credentials: Some(credentials), ..demo::Options::default() };
    let locked = demo::Server::start(options).await.expect("the demo camera starts");
    let (good, frozen, gone) = (camera().await, camera().await, camera().await);
    let closed = gone.url("main");
    gone.stop().await;
    let jpeg = Scripted::start(|asked| match asked.method.as_str() {
        "DESCRIBE" => {
            Act::sdp("", "v=0\no=- 1 1 IN IP4 0.0.0.0\ns=c\nt=0 0\nm=video 0 RTP/AVP 26\na=control:v")
        }
        _ => plain(asked),
    })
    .await;
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = format!("rtsp://{}/s", silent.local_addr().unwrap()).parse().unwrap();
    let toml = [
        "server.listen = \"127.0.0.1:0\"\ningest.stall_timeout = \"2s\"\n".to_owned(),
        rendition("good", "main", &good.url("main"), ""),
        rendition("frozen", "main", &frozen.url("main"), ""),
        rendition("locked", "main", &locked.url("main"), ""),
        rendition("gone", "main", &closed, ""),
        rendition("jpeg", "main", &jpeg.url("s"), ""),
        "[cameras.off]\nenabled = false\n".to_owned(),
        rendition("off", "main", &good.url("main"), ""),
        "[cameras.asleep]\nstart = \"on-demand\"\n".to_owned(),
        rendition("asleep", "main", &good.url("main"), ""),
        rendition("slow", "main", &silent, ""),
    ]
    .concat();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("belvedere.toml");
    std::fs::write(&file, toml).unwrap();
    let program = Program::with_config(&file);

    for (name, state, reason) in [
        ("good", "live", ""),
        ("locked", "unauthorized", "RTSP DESCRIBE answered 401: check username and password"),
        ("gone", "retrying", "connection refused: check the address and the port"),
        ("jpeg", "unsupported", "no H.264 or H.265 video: the camera offers jpeg video"),
        ("off", "disabled", "switched off in the configuration"),
        ("asleep", "idle", ""),
        ("slow", "connecting", ""),
        ("frozen", "live", ""),
    ] {
        let entry = program.client.until_rendition(name, 0, state).await;
        assert!(entry["reason"].as_str().is_some_and(|told| told.starts_with(reason)), "{entry}");
        let waits = ["unauthorized", "retrying", "unsupported"].contains(&state);
        for key in ["retry_seconds", "retry_in"] {
            assert_eq!(entry[key].is_number(), waits, "{entry}");
        }
        // Cameras that were never started have no line of their own.
        if state != "disabled" {
            let next = if waits { ", next attempt in " } else { "" };
            let words = format!("camera {name}/main: {state}{next}");
            until(&format!("a line with: {words}"), async || {
                program.logged(&words).iter().any(|line| line.contains(reason)).then_some(())
            })
            .await;
        }
    }
    stall_is_seen(&program, &frozen).await;
    for (name, state, reason) in
        [("locked", "unauthorized", "check username"), ("gone", "retrying", "refused")]
    {
        let mut socket =
            Socket::open(program.client.address, &format!("/mse/{name}")).await.expect("it opens");
        let told = until("its state", async || {
            let told = socket.text("status").await;
            (told["state"] == state).then_some(told)
        })
        .await;
        assert!(told["reason"].as_str().is_some_and(|told| told.contains(reason)), "{told}");
        assert!(told["retry_in"].as_f64().is_some_and(|left| left <= 75.0), "{told}");
    }
}

/// A stall is told for a second, and why while it is tried again. A busy machine lets one look or another miss it.
async fn stall_is_seen(program: &Program, camera: &demo::Server) {
    const REASON: &str = "stalled: no picture for 2 s";
    /// Looks, 20 ms apart, that see it: a person would.
    const LOOKS: usize = 8;
    let told = |words: &str| program.logged(&format!("camera frozen/main: {words}"));
    let mut most = 0;
    for stall in 1..=5 {
        program.client.until_rendition("frozen", 0, "live").await;
        camera.faults().stall(true);
        let mut looks = 0;
        until("an attempt after a stall", async || {
            let entry = program.client.camera("frozen").await["renditions"][0].clone();
            if entry["state"] == "stalled" {
                assert_eq!(entry["reason"], REASON);
                looks += 1;
            }
            (told("retrying").len() >= stall).then_some(())
        })
        .await;
        camera.faults().stall(false);
        for line in told("stalled").iter().chain(&told("retrying, next attempt in ")) {
            assert!(line.ends_with(REASON), "{line}");
        }
        most = most.max(looks);
        if most >= LOOKS {
            return;
        }
    }
    panic!("the API tells of a stall in {most} looks at most");
}
