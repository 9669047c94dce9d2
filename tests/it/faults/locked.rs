//! Passwords that are wrong: each try brings the owner nearer to being locked out of the camera.

use crate::support::scripted::{Act, Asked, Scripted, plain};
use crate::support::site::{Site, rendition};
use crate::support::{soon, until};

/// Of `viewer:right`.
const RIGHT: &str = "Basic dmlld2VyOnJpZ2h0";

/// A camera that plays for who knows the password.
fn locked(asked: &Asked) -> Act {
    match asked.header("Authorization") {
        RIGHT => plain(asked),
        _ => Act::Answer(401, "WWW-Authenticate: Basic realm=\"cam\"".into(), String::new()),
    }
}

#[tokio::test]
async fn a_wrong_password_is_tried_once_for_all_renditions_and_viewers() {
    let camera = Scripted::start(locked).await;
    let tries = || camera.requests().iter().filter(|asked| !asked.header("Authorization").is_empty()).count();
    let login = "username = \"viewer\"\npassword = \"wrong\"";
    let toml = [
        "hls.start_timeout = \"1s\"\ningest.idle_timeout = \"1s\"\n".to_owned(),
        rendition("front", "main", &camera.url("main"), login),
        rendition("front", "sub", &camera.url("sub"), login),
        "[cameras.hall]\nstart = \"on-demand\"\n".to_owned(),
        rendition("hall", "main", &camera.url("hall"), login),
    ]
    .concat();
    let site = Site::start(&toml).await;
    for (name, index) in [("front", 0), ("front", 1)] {
        let entry = site.until_rendition(name, index, "unauthorized").await;
        assert_eq!(entry["reason"], "RTSP DESCRIBE answered 401: check username and password");
        assert!(entry["retry_in"].as_f64().is_some_and(|left| left > 30.0), "{entry}");
    }
    // Viewers that come and go make it no worse.
    for _ in 0..2 {
        assert_eq!(site.status("/hls/hall/index.m3u8").await, 503);
        site.until_rendition("hall", 0, "unauthorized").await;
        site.until_rendition("hall", 0, "idle").await;
    }
    assert_eq!(tries(), 1);
    soon("the end", site.app.stop()).await;
}

#[tokio::test]
async fn a_stream_that_is_forbidden_is_no_reason_to_be_without_the_others() {
    let camera = Scripted::start(|asked| match (asked.method.as_str(), asked.header("Authorization")) {
        ("DESCRIBE", RIGHT) if asked.uri.ends_with("main") => Act::Answer(403, String::new(), String::new()),
        _ => locked(asked),
    })
    .await;
    let login = "username = \"viewer\"\npassword = \"right\"";
    let toml = rendition("front", "main", &camera.url("main"), login)
        + &rendition("front", "sub", &camera.url("sub"), login);
    let site = Site::start(&toml).await;
    let entry = site.until_rendition("front", 0, "unauthorized").await;
    assert!(entry["retry_seconds"].as_f64().is_some_and(|pause| pause >= 60.0), "{entry}");
    until("the other one is played", async || (!camera.of("PLAY").is_empty()).then_some(())).await;
    soon("the end", site.app.stop()).await;
}
