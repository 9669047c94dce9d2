//! The program as its user starts and stops it.

use std::process::{Command, Output};
use std::time::{Duration, Instant};

use hyper::Method;

use crate::support::program::{PROGRAM, Program};
use crate::support::site::{Site, camera};
use crate::support::socket::Socket;
use crate::support::soon;

/// The longest that a stop may take.
const STOP: Duration = Duration::from_secs(5);

#[tokio::test]
async fn on_sigterm_viewers_are_told_and_the_program_ends_in_time() {
    let mut program = Program::start(&["serve", "--demo", "--log", "warn"]);
    let client = program.client;
    client.until_rendition("demo", 0, "live").await;
    let mut socket = Socket::open(client.address, "/mse/demo").await.expect("it opens");
    socket.text("init").await;
    let next = client.playlist("/hls/demo/main/video.m3u8").await.next_msn() + 1;
    let path = format!("/hls/demo/main/video.m3u8?_HLS_msn={next}");
    let blocked = tokio::spawn(async move { client.try_ask(Method::GET, &path, &[]).await });
    // Connections are taken in order: once this one is answered, the other was taken.
    tokio::task::yield_now().await;
    client.found("/livez").await;

    let told = Instant::now();
    program.signal("-TERM");
    assert_eq!(socket.closed().await.0, 1001);
    let answer =
        soon("an answer to the blocked request", blocked).await.unwrap().expect("it is no broken connection");
    let ended = answer.status.as_u16() == 200 && answer.text().contains("#EXT-X-ENDLIST");
    assert!(answer.status.as_u16() == 503 || ended, "{answer:?}");
    let status = program.ended().await;
    assert!(told.elapsed() < STOP, "it took {:?}", told.elapsed());
    assert_eq!(status.code(), Some(0), "{status}");
    assert!(client.try_ask(Method::GET, "/livez", &[]).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn on_sigint_it_ends_as_well() {
    let mut program = Program::start(&["serve", "--demo", "--log", "warn"]);
    program.client.found("/livez").await;
    program.signal("-INT");
    assert_eq!(program.ended().await.code(), Some(0));
}

#[tokio::test]
async fn a_signal_that_comes_with_the_greeting_is_not_missed() {
    for name in ["-INT", "-TERM"] {
        let mut program = Program::start(&["serve", "--demo", "--log", "warn"]);
        program.signal(name);
        assert_eq!(program.ended().await.code(), Some(0), "{name}");
    }
}

#[tokio::test]
async fn to_be_told_to_read_again_at_the_start_is_no_end() {
    let (_folder, path) = config("[server]\nlisten = \"127.0.0.1:0\"\n");
    let mut program = Program::with_config(path.as_ref());
    program.signal("-HUP");
    program.client.found("/livez").await;
    program.signal("-INT");
    assert_eq!(program.ended().await.code(), Some(0));
}

#[tokio::test]
async fn cameras_are_said_goodbye_to() {
    let camera = camera().await;
    let site = Site::with_demo_camera(&camera, "").await;
    for rendition in [0, 1] {
        site.until_rendition("cam", rendition, "live").await;
    }
    assert_eq!(camera.counters().open_sessions(), 2);
    let told = Instant::now();
    soon("the end", site.app.stop()).await;
    assert!(told.elapsed() < STOP, "it took {:?}", told.elapsed());
    assert_eq!(camera.counters().teardowns.get(), 2, "main and sub");
    assert_eq!(camera.counters().open_sessions(), 0);
}

#[tokio::test]
async fn a_viewer_that_does_not_read_does_not_hold_up_the_end() {
    let camera = camera().await;
    let site = Site::with_demo_camera(&camera, "").await;
    site.until_rendition("cam", 0, "live").await;
    let mut deaf = Socket::open_with(site.address, "/mse/cam", None, Some(4096)).await.expect("it opens");
    deaf.text("init").await;
    for _ in 0..400 {
        deaf.say(r#"{"type":"resume"}"#).await;
    }
    let told = Instant::now();
    soon("the end", site.app.stop()).await;
    assert!(told.elapsed() < STOP, "it took {:?}", told.elapsed());
}

fn run(arguments: &[&str]) -> Output {
    Command::new(PROGRAM).args(arguments).output().expect("the program starts")
}

/// A configuration in a folder of its own, and its path.
fn config(text: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("belvedere.toml");
    std::fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (folder, path)
}

#[test]
fn check_of_a_good_file_shows_its_cameras_and_no_secrets() {
    let (_folder, path) = config(
        "[cameras.front-door.renditions.main]\nsource = \"rtsp://viewer:hunter2@192.0.2.20/stream1\"\n",
    );
    let output = run(&["check", "--config", &path]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(text.contains("front-door") && text.contains("192.0.2.20"), "{text}");
    assert!(!text.contains("hunter2") && output.stderr.is_empty(), "{text}");
}

#[test]
fn a_bad_file_is_told_with_file_line_column_and_key_and_exit_code_1() {
    let (_folder, path) = config("[server]\nlisten = \"127.0.0.1:0\"\n\n[hls]\nwindwo = \"30s\"\n");
    for arguments in [&["check", "--config", &path][..], &["--config", &path], &["serve", "--config", &path]]
    {
        let output = run(arguments);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {text}");
        assert!(text.contains(&format!("{path}:5:1: hls.windwo")), "{arguments:?}: {text}");
        assert!(text.contains("window"), "the nearest key that there is: {text}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_file_that_is_not_there_and_an_address_that_is_taken_are_told_in_a_line() {
    let output = run(&["check", "--config", "/nowhere/belvedere.toml"]);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text.contains("/nowhere/belvedere.toml") && text.lines().count() == 1, "{text}");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = run(&["serve", "--demo", "--listen", &address, "--log", "off"]);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains(&address) && text.lines().count() == 1, "{text}");
}
