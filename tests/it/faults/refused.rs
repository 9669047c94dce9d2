//! Cameras that say no.

use belvedere::demo;

use crate::support::site::{Site, camera, rendition};
use crate::support::{soon, until};

#[tokio::test]
async fn the_api_says_why_a_camera_is_not_on_air() {
    let locked = demo::Options {
        credentials: Some(demo::Credentials {
            username: "viewer".into(),
            password: "hunter2".into(),
            scheme: demo::Scheme::Digest,
        }),
        ..demo::Options::default()
    };
    let locked = demo::Server::start(locked).await.expect("the demo camera starts");
    let busy = camera().await;
    busy.faults().refuse(Some(503));
    let gone = camera().await;
    let closed = gone.url("main");
    gone.stop().await;
    let open = camera().await;
    let site = Site::start(
        &[
            rendition("locked", "main", &locked.url("main"), ""),
            rendition("elsewhere", "main", &open.url("attic"), ""),
            rendition("busy", "main", &busy.url("main"), ""),
            rendition("gone", "main", &closed, ""),
        ]
        .concat(),
    )
    .await;
    for (name, state, words) in [
        ("locked", "unauthorized", ["401", "check username and password"]),
        ("elsewhere", "retrying", ["404", "check the path"]),
        ("busy", "retrying", ["503", "no room for another session"]),
        ("gone", "retrying", ["refused", "check the address"]),
    ] {
        let entry = site.until_rendition(name, 0, state).await;
        let reason = entry["reason"].as_str().expect("a reason");
        assert_eq!(entry["panics"], 0, "{entry}");
        // Wrong passwords are tried so slowly that no camera locks its owner out.
        let (shortest, longest) = if state == "unauthorized" { (60.0, 75.0) } else { (0.5, 30.0) };
        let wait = entry["retry_seconds"].as_f64().expect("a pause");
        assert!((shortest..=longest).contains(&wait), "{entry}");
        assert!(entry["retry_in"].as_f64().is_some_and(|left| (0.0..=wait).contains(&left)), "{entry}");
        assert!(words.iter().all(|word| reason.contains(word)), "{name}: {reason}");
        assert!(!reason.contains("rtsp://") && !reason.contains("127.0.0.1"), "{name}: {reason}");
        let whole = site.camera(name).await;
        assert_eq!(whole["state"], state, "{whole}");
    }
    // A camera that has room again is on air without anybody's help.
    busy.faults().refuse(None);
    site.until_rendition("busy", 0, "live").await;
    assert_eq!(site.camera("busy").await["reason"], "");
    soon("the end", site.app.stop()).await;
}

#[tokio::test]
async fn what_the_api_says_of_a_live_camera_is_what_the_camera_sends() {
    let camera = camera().await;
    let site = Site::with_demo_camera(&camera, "").await;
    let all = until("a measured frame rate", || async {
        let all = site.found("/api/v1/cameras").await.json();
        let renditions = &all["cameras"][0]["renditions"];
        let known =
            renditions[1]["frame_rate"].is_number() && renditions[0]["key_frame_interval"].is_number();
        known.then_some(all)
    })
    .await;
    let cam = &all["cameras"][0];
    assert_eq!((cam["name"].as_str(), cam["state"].as_str()), (Some("cam"), Some("live")));
    for (rendition, name, width, height) in
        [(&cam["renditions"][0], "main", 960, 540), (&cam["renditions"][1], "sub", 320, 180)]
    {
        assert_eq!(rendition["name"], name);
        assert_eq!((rendition["width"].as_u64(), rendition["height"].as_u64()), (Some(width), Some(height)));
        let rate = rendition["frame_rate"].as_f64().unwrap_or(25.0);
        assert!((24.0..=26.0).contains(&rate), "{rendition}");
        assert!(rendition["bit_rate"].as_u64() > Some(10_000), "{rendition}");
    }
    let gop = cam["renditions"][0]["key_frame_interval"].as_f64().unwrap();
    assert!((1.8..=2.2).contains(&gop), "the demo sends a key frame every two seconds: {gop}");
    assert_eq!(site.status("/readyz").await, 200);
    let unknown = site.get("/api/v1/cameras/nobody").await;
    assert_eq!(unknown.status.as_u16(), 404);
    assert_eq!(unknown.header("content-type"), "application/problem+json");
    assert_eq!(unknown.json()["status"], 404);
    soon("the end", site.app.stop()).await;
}

/// A camera with an account that it asks for by Digest.
async fn locked(username: &str, password: &str) -> demo::Server {
    let credentials = demo::Credentials {
        username: username.into(),
        password: password.into(),
        scheme: demo::Scheme::Digest,
    };
    let options = demo::Options { credentials: Some(credentials), ..demo::Options::default() };
    demo::Server::start(options).await.expect("the demo camera starts")
}

#[tokio::test]
async fn names_and_passwords_with_any_signs_are_proved_by_digest() {
    let accounts = [
        ("admin", "a:b@c%d/e?f#g&h=i j"),
        ("admin", r#"say "friend" \ enter"#),
        ("admin", "пароль 鍵 🔑 ü"),
        ("admin@example.com", "x"),
        (r#"the "best" \ user, really"#, "x"),
        ("käthe 鍵", "ü"),
        ("50%25", "100%"),
    ];
    let mut cameras = Vec::new();
    let mut toml = String::new();
    for (index, (username, password)) in accounts.into_iter().enumerate() {
        let camera = locked(username, password).await;
        // By the library itself, and by the relay.
        for transport in ["tcp", "udp"] {
            let more =
                format!("username = {username:?}\npassword = {password:?}\ntransport = \"{transport}\"");
            toml += &rendition(&format!("{transport}{index}"), "main", &camera.url("sub"), &more);
        }
        // The same within the URL, where each sign is written by its number.
        let coded = |text: &str| text.bytes().fold(String::new(), |all, byte| all + &format!("%{byte:02x}"));
        let mut url = camera.url("sub").to_string();
        url.insert_str("rtsp://".len(), &format!("{}:{}@", coded(username), coded(password)));
        toml += &format!("[cameras.url{index}.renditions.main]\nsource = \"{url}\"\n");
        cameras.push(camera);
    }
    let site = Site::start(&toml).await;
    for index in 0..accounts.len() {
        for way in ["tcp", "udp", "url"] {
            site.until_rendition(&format!("{way}{index}"), 0, "live").await;
        }
    }
    soon("the end", site.app.stop()).await;
}
