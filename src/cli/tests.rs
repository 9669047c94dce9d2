use std::ffi::OsString;
use std::fs;

use clap::CommandFactory;

use super::*;

fn read(line: &[&str]) -> Result<Args, clap::Error> {
    Args::read(std::iter::once("belvedere").chain(line.iter().copied()).map(OsString::from))
}

fn action(line: &[&str]) -> Result<Action, String> {
    resolve(read(line).unwrap()).map_err(|error| error.to_string())
}

/// The names of the cameras that would be served, and whether the demo is one more.
fn served(line: &[&str]) -> (String, bool) {
    match action(line) {
        Ok(Action::Serve { settings, demo }) => {
            let names: Vec<_> = settings.cameras.iter().map(|camera| camera.name.as_str()).collect();
            (names.join(" "), demo)
        }
        other => panic!("{line:?}: {other:?}"),
    }
}

const CONFIG: &str = r#"
    auth = "none"
    [server]
    base_path = "/cams"
    [server.tls]
    listen = "0.0.0.0:8443"
    cert = "c"
    key = "k"
    [cameras.front-door.renditions.main]
    source = "rtsp://viewer:hunter2@192.0.2.20:8554/hunter2?password=hunter2"
    [cameras.front-door.renditions.sub]
    source = "rtsp://viewer@[2001:db8::1]/"
    transport = "udp"
    audio = "off"
"#;

/// A directory with `b.toml`, and the path of that.
fn config(text: &str) -> (tempfile::TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("b.toml");
    fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (dir, path)
}

#[test]
fn the_definition_is_sound() {
    Args::command().debug_assert();
}

#[test]
fn the_demo_runs_if_asked_for_or_if_there_is_nothing_else() {
    let (_dir, file) = config(CONFIG);
    let (_dir, empty) = config("");
    let camera = "zoo=rtsp://u:hunter2@z/";
    for (line, cameras, demo) in [
        (&[][..], "", true),
        (&["serve"], "", true),
        (&["serve", "--listen", "127.0.0.1:0"], "", true),
        (&["--config", &empty], "", false),
        (&["--config", &file], "front-door", false),
        (&["serve", "--config", &file], "front-door", false),
        (&["--config", &file, "serve", "--demo"], "front-door", true),
        (&["serve", "--camera", camera], "zoo", false),
        (&["serve", "--camera", camera, "--camera", "ape=rtsp://a/", "--demo"], "zoo ape", true),
        (&["serve", "--config", &file, "--camera", camera], "front-door zoo", false),
    ] {
        assert_eq!(served(line), (cameras.to_owned(), demo), "{line:?}");
    }
}

#[test]
fn the_listen_option_wins_over_the_file() {
    let (_dir, file) = config(CONFIG);
    let Ok(Action::Serve { settings, .. }) = action(&["serve", "--config", &file, "--listen", "[::]:81"])
    else {
        panic!("it serves");
    };
    assert_eq!(settings.web.listen, ["[::]:81".parse::<std::net::SocketAddr>().unwrap().into()]);
    assert_eq!(settings.web.base_path, "/cams/");
    let clash = action(&["serve", "--config", &file, "--listen", "0.0.0.0:8443"]).unwrap_err();
    assert_eq!(clash, "--listen: 0.0.0.0:8443 is server.tls.listen already");
}

#[test]
fn check_shows_what_there_is_and_no_secrets() {
    let (_dir, file) = config(CONFIG);
    let Ok(Action::Check(text)) = action(&["check", "--config", &file]) else { panic!("it is good") };
    assert_eq!(
        text,
        "http://127.0.0.1:8080/cams/\n\
         https://0.0.0.0:8443/cams/\n\
         1 camera\n\
         front-door (Front door)\n  \
           main: 192.0.2.20:8554 over TCP, with user name and password\n  \
           sub: [2001:db8::1] over UDP, with a user name, without sound\n"
    );
    let nothing = action(&["check"]).unwrap_err();
    assert_eq!(nothing, "there is no configuration to look at; name one with --config FILE");
    let (_dir, bad) = config("[sever]");
    let error = action(&["check", "--config", &bad]).unwrap_err();
    assert_eq!(error, format!("{bad}:1:2: sever: unknown key; did you mean \"server\"?"));
}

#[test]
fn bad_cameras_are_all_told_without_their_urls() {
    let line = ["serve", "--camera", "rtsp://u:hunter2@h/", "--camera", "a=rtmps://u:hunter2@h/"];
    assert_eq!(
        action(&line).unwrap_err(),
        "--camera: must be NAME=rtsp://… or NAME/RENDITION=rtsp://…\n\
         --camera a: must begin with rtsp:// or rtsps://"
    );
    let (_dir, file) = config(CONFIG);
    let clash = action(&["serve", "--config", &file, "--camera", "front-door/hd=rtsp://u:hunter2@h/"]);
    assert_eq!(clash.unwrap_err(), "--camera front-door: the configuration has a camera of this name");
    let misplaced = action(&["--config", "rtsp://u:hunter2@h/"]).unwrap_err();
    assert_eq!(misplaced, "--config: must be a file, not a URL");
    let args = read(&["serve", "--camera", "a=rtsp://u:hunter2@h/"]).unwrap();
    assert!(!format!("{args:?}").contains("hunter2"), "{args:?}");
}

#[test]
fn a_camera_to_look_at_is_told_with_its_credentials_from_wherever_and_shown_without() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("secret");
    fs::write(&file, "hunter2\n").unwrap();
    let file = file.to_str().unwrap();
    for line in [
        &["probe", "rtsp://viewer:hunter2@h/"][..],
        &["probe", "rtsp://viewer@h/", "--password-file", file, "--for", "3s", "--json"],
        &["probe", "rtsps://h/", "--username", "viewer", "--password-file", file, "--insecure", "--udp"],
    ] {
        let looked = action(line).unwrap();
        assert!(
            matches!(looked, Action::Probe(_)) && !format!("{looked:?}").contains("hunter2"),
            "{looked:?}"
        );
    }
    for (line, message) in [
        (&["probe", "viewer:hunter2@h"][..], "URL: must begin with rtsp:// or rtsps://"),
        (&["probe", "rtsp://h/", "--for", "1ms"], "--for: must be 1s to 10m, not 1ms"),
        (
            &["probe", "rtsp://h/", "--password-file", file],
            "--username: missing; a password needs a user name",
        ),
        (
            &["probe", "rtsp://u:hunter2@h/", "--password-file", file],
            "--password-file: the URL holds a password already; keep one of them",
        ),
        (&["probe", "rtsp://h:99999/"], "URL: not a URL: invalid port number"),
        (
            &["probe", "rtsp://viewer:hunt@er2:w/x@h"],
            "URL: not a URL: invalid port number; if the password has a '/', '?', '#', '@', ':' or '%', write %2F, %3F, \
             %23, %40, %3A or %25 for it, or use --username and --password-file",
        ),
        (&["probe", "rtsps://h/", "--tls-ca", file], "--tls-ca: there is no certificate in the file"),
    ] {
        assert_eq!(action(line).unwrap_err(), message, "{line:?}");
    }
}

#[test]
fn a_url_in_the_wrong_place_is_shown_without_its_credentials() {
    let url = "front=rtsp://viewer:hunter2@h/";
    for line in [
        &[url][..],
        &["serve", url],
        &["check", url],
        &["--camera", url],
        &["serve", "--listen", url],
        &["serve", "--kamera", url],
        &["serve", &format!("--kamera={url}")],
        &["serve", &format!("-{url}")],
        &["serve", &format!("--demo={url}")],
        &["serve", "--camera", url, url],
    ] {
        let error = read(line).unwrap_err();
        let all = format!("{error} {error:?}");
        assert!(!all.contains("hunter2") && !all.contains("viewer"), "{line:?}: {all}");
        assert!(error.use_stderr() && error.exit_code() == 2 && !all.contains("error: error:"), "{all}");
    }
}

#[test]
fn the_log_option_wins_over_the_variable() {
    let args = read(&["serve", "--log", "debug"]).unwrap();
    assert_eq!(args.log_filter(Some("trace")), "debug");
    let args = read(&[]).unwrap();
    assert_eq!(args.log_filter(Some("trace")), "trace");
    assert_eq!(args.log_filter(Some(" ")), "info");
    assert_eq!(args.log_filter(None), "info");
}
