//! The program's own commands.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use hyper::Method;

use super::{SECRET, basic};
use crate::support::site::{Site, camera, demo_camera};

const PROGRAM: &str = env!("CARGO_BIN_EXE_belvedere");

fn run(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(PROGRAM)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    // It may end without reading.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn said(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&output.stdout), text(&output.stderr))
}

#[tokio::test]
async fn hashes_and_tokens_of_the_program_open_its_doors() {
    let hash = run(&["hash-password"], "hunter2\n");
    let (hash, error) = said(&hash);
    assert!(hash.starts_with("$argon2id$") && error.is_empty(), "{hash} {error}");
    assert!(!run(&["hash-password"], "\n").status.success(), "nothing is no password");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("key"), format!("{SECRET}\n")).unwrap();
    let camera = camera().await;
    let toml = format!(
        "[auth.users.anna]\npassword = \"{}\"\nwatch = \"*\"\n[auth.keys.k]\nsecret_file = \"{}\"\n{}",
        hash.trim(),
        folder.path().join("key").display(),
        demo_camera("gate", &camera)
    );
    let file = folder.path().join("b.toml");
    std::fs::write(&file, format!("[server]\nlisten = \"0.0.0.0:8080\"\n{toml}")).unwrap();
    let file = file.to_str().unwrap();
    let checked = run(&["check", "--config", file], "");
    assert!(checked.status.success(), "{:?}", said(&checked));
    let output = run(&["token", "--config", file, "--camera", "gate", "--for", "24h"], "");
    let (token, note) = said(&output);
    let token = token.trim();
    assert!(output.status.success() && token.split('.').count() == 3, "{token} {note}");
    assert!(note.contains(&format!("/t/{token}/watch/gate")), "{note}");

    let site = Site::start(&toml).await;
    site.until_segments(&format!("/t/{token}/hls/gate/main/video.m3u8"), 1).await;
    let login = basic("anna", "hunter2");
    let answer = site.ask(Method::GET, "/api/v1/cameras/gate", &[("authorization", &login)]).await;
    assert_eq!(answer.status, 200);
    let told = site.get("/hls/gate/index.m3u8").await;
    let ways: Vec<_> =
        told.headers.get_all("www-authenticate").iter().map(|way| way.to_str().unwrap()).collect();
    assert!(
        ways.iter().any(|way| way.starts_with("Basic")) && ways.iter().any(|way| way.starts_with("Bearer"))
    );
    let browser = site.ask(Method::GET, "/hls/gate/index.m3u8", &[("user-agent", "Mozilla/5.0")]).await;
    assert!(browser.header("www-authenticate").starts_with("Bearer"), "no dialogue over the page");

    for arguments in [
        &["token", "--camera", "gate", "--for", "24h"][..],
        &["token", "--config", file, "--for", "24h"],
        &["token", "--config", file, "--camera", "Gate!", "--for", "24h"],
        &["token", "--config", file, "--camera", "gate", "--for", "soon"],
        &["token", "--config", file, "--camera", "@nowhere", "--for", "1h"],
    ] {
        let output = run(arguments, "");
        assert!(!output.status.success() && output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_listener_for_others_needs_a_word_about_who_may_watch() {
    let folder = tempfile::tempdir().unwrap();
    let config = |text: &str| {
        let file = folder.path().join("b.toml");
        std::fs::write(&file, text).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let open = "[server]\nlisten = \"0.0.0.0:0\"\n";
    let tls = "[server.tls]\nlisten = \"[::]:0\"\ncert = \"c\"\nkey = \"k\"\n";
    for (text, arguments, good) in [
        (open.to_owned(), &["check"][..], false),
        (tls.to_owned(), &["check"], false),
        (open.to_owned(), &["serve"], false),
        (String::new(), &["serve", "--listen", "0.0.0.0:0"], false),
        (format!("auth = \"none\"\n{open}"), &["check"], true),
        (format!("{open}[auth]\npublic = \"*\"\n"), &["check"], true),
        (String::new(), &["check"], true),
    ] {
        let file = config(&text);
        let arguments: Vec<_> = arguments.iter().copied().chain(["--config", &file]).collect();
        let output = run(&arguments, "");
        let (_, error) = said(&output);
        assert_eq!(output.status.success(), good, "{arguments:?} {text} {error}");
        assert_eq!(error.contains("who may watch") && error.lines().count() == 1, !good, "{error}");
    }
}
