//! A proxy in front may make a server public in fact: then something should be said about who may watch.

use std::path::Path;
use std::process::Command;

use belvedere::app::App;
use belvedere::settings::Settings;

use crate::support::program::PROGRAM;

/// What `check` says about a configuration.
fn check(toml: &str) -> (bool, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("belvedere.toml");
    std::fs::write(&path, toml).unwrap();
    let output = Command::new(PROGRAM).args(["check", "--config"]).arg(&path).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

#[test]
fn an_open_server_with_a_proxy_in_front_is_warned_about() {
    const PROXY: &str = "[server]\ntrusted_proxies = [\"127.0.0.1\"]\n\
                         listen = [\"127.0.0.1:8080\", { address = \"127.0.0.1:8081\", proxy_protocol = true }]\n";
    const SOCKET: &str = "[server]\nlisten = [\"unix:/run/b/http.sock\", \"systemd:http\"]\n";
    for (toml, why, shown) in [
        (
            PROXY,
            "there is a proxy in front (server.trusted_proxies)",
            "http://127.0.0.1:8080/\nhttp://127.0.0.1:8081/, PROXY protocol\n",
        ),
        (
            SOCKET,
            "belongs before unix:/run/b/http.sock",
            "unix:/run/b/http.sock (http, /)\nsystemd:http (http, /)\n",
        ),
    ] {
        let (good, text) = check(toml);
        assert!(good && text.starts_with("warning: ") && text.contains(why), "{text}");
        assert!(text.contains("[auth]") && text.contains(shown), "{text}");
        for rules in ["auth = \"none\"\n", "auth.public = \"*\"\n"] {
            let (good, text) = check(&format!("{rules}{toml}"));
            assert!(good && text.starts_with(shown), "{text}");
        }
    }
}

#[tokio::test]
async fn rules_are_not_taken_away_from_a_server_that_others_can_reach() {
    let settings = |text: &str| Settings::parse(text, "b.toml", Path::new("")).unwrap();
    let app = App::start(settings("auth = \"none\"\nserver.listen = \"0.0.0.0:0\"\n"), false).await.unwrap();
    let refused = app.reload(&settings("server.listen = \"0.0.0.0:0\"\n")).unwrap_err().to_string();
    assert!(refused.contains("nothing says who may watch"), "{refused}");
    // It still listens there, whatever the file says now.
    let refused = app.reload(&settings("server.listen = \"127.0.0.1:0\"\n")).unwrap_err().to_string();
    assert!(refused.contains("nothing says who may watch"), "{refused}");
    app.reload(&settings("auth.public = \"*\"\n")).unwrap();
    app.stop().await;
}

#[tokio::test]
async fn rules_are_taken_away_by_words_and_never_by_a_file_that_says_nothing() {
    let settings = |text: &str| Settings::parse(text, "b.toml", Path::new("")).unwrap();
    let app =
        App::start(settings("auth.public = \"*\"\nserver.listen = \"127.0.0.1:0\"\n"), false).await.unwrap();
    let refused = app.reload(&settings("")).unwrap_err().to_string();
    assert!(refused.contains("auth = \"none\""), "{refused}");
    app.reload(&settings("auth = \"none\"\n")).unwrap();
    app.reload(&settings("")).unwrap();
    app.stop().await;
}
