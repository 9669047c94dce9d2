//! A proxy in front makes a server public in fact: then something must be said about who may watch.

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
fn who_may_watch_must_be_said_before_a_proxy_shows_it_to_others() {
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
        assert!(!good && text.contains(why) && text.contains("[auth]"), "{text}");
        for rules in ["auth = \"none\"\n", "auth.public = \"*\"\n"] {
            let (good, text) = check(&format!("{rules}{toml}"));
            assert!(good && text.starts_with(shown), "{text}");
        }
    }
}

#[tokio::test]
async fn rules_are_not_taken_away_from_a_server_behind_a_proxy() {
    let settings = |text: &str| Settings::parse(text, "b.toml", Path::new("")).unwrap();
    let guarded = "server = { listen = \"127.0.0.1:0\", trusted_proxies = \"192.0.2.1\" }\n";
    let app = App::start(settings(&format!("auth = \"none\"\n{guarded}")), false).await.unwrap();
    let refused = app.reload(&settings(guarded)).unwrap_err().to_string();
    assert!(refused.contains("there is a proxy in front"), "{refused}");
    // It still believes that proxy, whatever the file says now.
    let refused = app.reload(&settings("server.listen = \"127.0.0.1:0\"\n")).unwrap_err().to_string();
    assert!(refused.contains("there is a proxy in front"), "{refused}");
    app.reload(&settings("auth.public = \"*\"\n")).unwrap();
    app.stop().await;
}
