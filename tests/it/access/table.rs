//! Each role, each path, each kind of credential; good, expired, for another camera, tampered with, and missing.

use std::time::{Duration, SystemTime};

use belvedere::web::access::Grant;
use hyper::Method;

use super::{House, PASSWORD, SECRET, basic, signed, user, watch, words};
use crate::support::client::{Client, join};

/// How a credential is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Basic,
    Session,
    Bearer,
    Query,
    Cookie,
    Path,
}

const KINDS: [Kind; 6] = [Kind::Basic, Kind::Session, Kind::Bearer, Kind::Query, Kind::Cookie, Kind::Path];

/// What a path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    /// Everybody's.
    Open,
    /// For everybody who is somebody.
    List,
    /// Of the camera `gate`.
    Gate,
    /// The same without an end: only its head is asked for.
    Endless,
    /// The feed of the camera `gate`.
    Socket,
}

/// Name of a user, what it may do, and whether that is to watch `gate`.
fn roles() -> Vec<(&'static str, Grant, bool)> {
    let grant = |watch, publish, admin| Grant { watch: words(watch), publish: words(publish), admin };
    vec![
        ("watcher", grant("gate", "", false), true),
        ("outsider", grant("@outside", "", false), true),
        ("everywhere", grant("*", "", false), true),
        ("other", grant("hall", "", false), false),
        ("publisher", grant("", "gate", false), false),
        ("admin", grant("", "", true), true),
    ]
}

async fn house() -> House {
    let users: String = roles()
        .iter()
        .map(|(name, grant, _)| {
            let lines =
                format!("watch = {:?}\npublish = {:?}\nadmin = {}", grant.watch, grant.publish, grant.admin);
            user(name, &lines)
        })
        .collect();
    House::start(&format!("[auth.groups]\noutside = [\"gate\"]\n{users}")).await
}

/// Everything that can be asked for.
async fn paths(house: &House) -> Vec<(String, What)> {
    let all = super::token(watch("gate"));
    let prefix = format!("/t/{all}");
    let playlist = "/hls/gate/main/video.m3u8".to_owned();
    let list = house.playlist(&format!("{prefix}{playlist}")).await;
    let segment = list.segments.last().expect("a finished segment");
    let media =
        [&segment.map.as_ref().expect("an init segment").clone(), &segment.uri, &segment.parts[0].uri]
            .map(|uri| (join(&playlist, uri), What::Gate));
    let mut paths = vec![
        ("/livez".into(), What::Open),
        ("/readyz".into(), What::Open),
        ("/static/style.css".into(), What::Open),
        ("/login".into(), What::Open),
        ("/".into(), What::List),
        ("/api/v1/cameras".into(), What::List),
        ("/metrics".into(), What::List),
        ("/watch/gate".into(), What::Gate),
        ("/hls/gate/index.m3u8".into(), What::Gate),
        ("/hls/gate/dvr.m3u8".into(), What::Gate),
        ("/hls/gate/main/index.m3u8".into(), What::Gate),
        ("/hls/gate/sub/dvr.m3u8".into(), What::Gate),
        ("/hls/gate/sub/video.m3u8".into(), What::Gate),
        (playlist, What::Gate),
        ("/hls/gate/main/audio.m3u8".into(), What::Gate),
        ("/api/v1/cameras/gate".into(), What::Gate),
        ("/mp4/gate/live.mp4".into(), What::Endless),
        ("/mse/gate".into(), What::Socket),
    ];
    paths.extend(media);
    paths
}

/// The status of an answer to a request with a credential.
async fn status(client: &Client, path: &str, what: What, kind: Option<Kind>, text: &str) -> u16 {
    let mut headers = Vec::new();
    let session = format!("belvedere_session={text}");
    let (bearer, cookie) = (format!("Bearer {text}"), format!("belvedere_token={text}"));
    let mut path = path.to_owned();
    match kind {
        Some(Kind::Basic) => headers.push(("authorization", text)),
        Some(Kind::Session) => headers.push(("cookie", session.as_str())),
        Some(Kind::Bearer) => headers.push(("authorization", bearer.as_str())),
        Some(Kind::Cookie) => headers.push(("cookie", cookie.as_str())),
        Some(Kind::Query) => path += &format!("?token={text}"),
        Some(Kind::Path) => path = format!("/t/{text}{path}"),
        None => {}
    }
    if what == What::Socket {
        headers.extend([
            ("upgrade", "websocket"),
            ("connection", "Upgrade"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ]);
    }
    let method = if what == What::Endless { Method::HEAD } else { Method::GET };
    client.ask(method, &path, &headers).await.status.as_u16()
}

fn good(what: What) -> u16 {
    if what == What::Socket { 101 } else { 200 }
}

/// Logs in by the form; the cookie's text.
async fn session(client: &Client, name: &str) -> String {
    super::login::log_in(client, name, PASSWORD, "").await.1.expect("a cookie")
}

/// A text with one letter changed, `from_end` letters before its end.
fn tampered(text: &str, from_end: usize) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    let at = letters.len() - from_end;
    letters[at] = if letters[at] == 'A' { 'B' } else { 'A' };
    letters.into_iter().collect()
}

#[tokio::test]
async fn everybody_gets_what_is_theirs_and_nothing_else() {
    let house = house().await;
    let paths = paths(&house).await;
    let hour = Duration::from_secs(3600);
    let now = SystemTime::now();
    for (name, grant, may) in roles() {
        let token = super::token(grant.clone());
        let session = session(&house, name).await;
        for kind in KINDS {
            let text = match kind {
                Kind::Basic => basic(name, PASSWORD),
                Kind::Session => session.clone(),
                _ => token.clone(),
            };
            for (path, what) in &paths {
                let expected = if may || matches!(what, What::Open | What::List) { good(*what) } else { 403 };
                let got = status(&house, path, *what, Some(kind), &text).await;
                assert_eq!(got, expected, "{name} {kind:?} {path}");
            }
        }
        // What is no good is no good for everybody, whatever it would have allowed: two of them stand for all.
        if !["watcher", "admin"].contains(&name) {
            continue;
        }
        let old = signed("new", SECRET, grant.clone(), now - 2 * hour, hour);
        let early = signed("new", SECRET, grant.clone(), now, hour);
        let bad_tokens = [
            old,
            tampered(&token, 1 + token.len() / 8),
            tampered(&token, 40),
            tampered(&token, token.len() / 2),
            tampered(&token, token.len() - 3),
            signed("new", "another key of thirty-two letters", grant.clone(), now, hour),
            signed("unknown", SECRET, grant.clone(), now, hour),
            format!("{}.", early.rsplit_once('.').unwrap().0),
            session.clone(),
            "x".into(),
        ];
        for (path, what) in &paths {
            let open = *what == What::Open;
            let expected = if open { 200 } else { 401 };
            for kind in [Kind::Bearer, Kind::Query, Kind::Cookie, Kind::Path] {
                for (index, text) in bad_tokens.iter().enumerate() {
                    let got = status(&house, path, *what, Some(kind), text).await;
                    assert_eq!(got, expected, "{name} {kind:?} {path}, bad token {index}");
                }
            }
            for text in [tampered(&session, 40), tampered(&session, session.len() / 2), token.clone()] {
                let got = status(&house, path, *what, Some(Kind::Session), &text).await;
                assert_eq!(got, expected, "{name} bad session {path}");
            }
        }
    }
    for (path, what) in &paths {
        let expected = if *what == What::Open { 200 } else { 401 };
        assert_eq!(status(&house, path, *what, None, "").await, expected, "nothing shown: {path}");
    }
}

#[tokio::test]
async fn other_methods_need_what_they_always_need() {
    let house = house().await;
    let admin = format!("Bearer {}", super::token(Grant { admin: true, ..Grant::default() }));
    let (watcher, old) = (
        format!("Bearer {}", super::token(watch("gate"))),
        format!(
            "Bearer {}",
            signed("new", SECRET, watch("gate"), SystemTime::UNIX_EPOCH, Duration::from_secs(1))
        ),
    );
    // Method and path, and the answers to nobody, to somebody whose time is over, to who may watch, and to who may all.
    for (method, path, expected) in [
        (Method::HEAD, "/hls/gate/main/video.m3u8", [401, 401, 200, 200]),
        (Method::HEAD, "/api/v1/cameras", [401, 401, 200, 200]),
        (Method::HEAD, "/watch/gate", [401, 401, 200, 200]),
        (Method::HEAD, "/hls/hall/main/video.m3u8", [401, 401, 403, 200]),
        (Method::GET, "/hls/nowhere/index.m3u8", [401, 401, 403, 404]),
        (Method::GET, "/hls/gate/nowhere/index.m3u8", [401, 401, 404, 404]),
        (Method::GET, "/api/v1/cameras/nowhere", [401, 401, 403, 404]),
        (Method::GET, "/mse/nowhere", [401, 401, 403, 404]),
        (Method::POST, "/logout", [303, 303, 303, 303]),
        (Method::POST, "/hls/gate/index.m3u8", [405, 405, 405, 405]),
        (Method::GET, "/nothing", [404, 404, 404, 404]),
    ] {
        let shown = [None, Some(&old), Some(&watcher), Some(&admin)];
        for (shown, expected) in shown.into_iter().zip(expected) {
            let header = shown.map(|text| ("authorization", text.as_str()));
            let answer = house.ask(method.clone(), path, header.as_slice()).await;
            assert_eq!(answer.status.as_u16(), expected, "{method} {path} {shown:?}");
        }
    }
}

/// Few of these, since passwords are throttled.
#[tokio::test]
async fn wrong_passwords_are_refused_on_every_path() {
    let house = house().await;
    for (path, what) in &paths(&house).await {
        let expected = if *what == What::Open { 200 } else { 401 };
        for (name, password) in
            [("watcher", "open sesam"), ("nobody", PASSWORD), ("Watcher", PASSWORD)].iter().take(1)
        {
            let got = status(&house, path, *what, Some(Kind::Basic), &basic(name, password)).await;
            assert_eq!(got, expected, "{name} {path}");
        }
    }
    for (name, password) in [("nobody", PASSWORD), ("Watcher", PASSWORD), ("watcher", "")] {
        let got =
            status(&house, "/api/v1/cameras", What::List, Some(Kind::Basic), &basic(name, password)).await;
        assert_eq!(got, 401, "{name}");
    }
}

#[tokio::test]
async fn lists_show_only_what_one_may_watch() {
    let house = House::start("").await;
    for (grant, expected) in [
        (watch("gate"), &["gate"][..]),
        (watch("hall"), &["hall"]),
        (watch("*"), &["gate", "hall"]),
        (watch("nowhere"), &[]),
        (Grant { publish: words("gate"), ..Grant::default() }, &[]),
        (Grant { admin: true, ..Grant::default() }, &["gate", "hall"]),
    ] {
        let answer = house.found(&format!("/t/{}/api/v1/cameras", super::token(grant.clone()))).await.json();
        let cameras = answer["cameras"].as_array().expect("a list");
        let names: Vec<_> = cameras.iter().map(|camera| camera["name"].as_str().expect("a name")).collect();
        assert_eq!(names, expected, "{grant:?}");
        let counted = house.found(&format!("/t/{}/metrics", super::token(grant.clone()))).await;
        for camera in ["gate", "hall"] {
            let named = counted.text().contains(&format!("camera=\"{camera}\""));
            assert_eq!(named, expected.contains(&camera), "{grant:?}: {}", counted.text());
        }
    }
    // Nobody learns which cameras there are.
    let token = super::token(watch("gate"));
    for camera in ["hall", "nowhere"] {
        assert_eq!(house.status(&format!("/t/{token}/hls/{camera}/index.m3u8")).await, 403);
    }
    assert!(!house.get("/readyz").await.text().contains("gate"));
}
