//! Two Belvederes behind HAProxy: each camera's viewers are at one of them.

use futures_util::future::join_all;

use crate::mse::http2;
use crate::support::client::Client;
use crate::support::proxy::{Make, Proxy, Sample};
use crate::support::site::{Site, camera, demo_camera};
use crate::support::socket::Socket;
use crate::support::tls::Certificate;
use crate::support::{soon, until};

const CAMERAS: usize = 12;

fn name(number: usize) -> String {
    format!("cam{number}")
}

/// The cameras that somebody watches at a server.
async fn watched(client: Client) -> Vec<String> {
    let all = client.found("/api/v1/cameras").await.json();
    let all = all["cameras"].as_array().or(all.as_array()).expect("a list").clone();
    let at_work = |camera: &&serde_json::Value| {
        camera["renditions"].as_array().unwrap().iter().any(|rendition| rendition["state"] == "live")
    };
    all.iter().filter(at_work).map(|camera| camera["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn each_camera_is_at_one_of_two_and_at_the_other_when_that_is_gone() {
    let camera = camera().await;
    let cameras: String = (0..CAMERAS)
        .map(|number| {
            let table = demo_camera(&name(number), &camera);
            format!("[cameras.{}]\nstart = \"on-demand\"\n{table}", name(number))
        })
        .collect();
    let toml = format!("ingest.idle_timeout = \"1s\"\n{cameras}");
    let (one, two) = tokio::join!(Site::start(&toml), Site::start(&toml));
    let sample = || {
        Sample::new(Make::Haproxy, one.address).with_all(
            "    # server two 127.0.0.1:8081\n",
            &format!("    server two {}\n", two.address),
            2,
        )
    };
    let proxy = Proxy::with(sample()).await;

    let paths: Vec<_> = (0..CAMERAS).map(|number| format!("/mse/{}?rendition=sub", name(number))).collect();
    let open = async |path: &String| Socket::open(proxy.address, path).await.expect("it opens");
    let mut sockets = join_all(paths.iter().map(open)).await;
    for socket in &mut sockets {
        socket.text("init").await;
    }
    let (at_one, at_two) = tokio::join!(watched(one.client), watched(two.client));
    assert!(!at_one.is_empty() && !at_two.is_empty(), "both have something to do: {at_one:?}, {at_two:?}");
    assert_eq!(at_one.len() + at_two.len(), CAMERAS, "no camera is at both: {at_one:?}, {at_two:?}");
    // A second viewer, one of HLS, and one with an access link go where the first one is.
    let first = at_one[0].clone();
    let mut second =
        Socket::open(proxy.address, &format!("/mse/{first}?rendition=sub")).await.expect("it opens");
    second.text("init").await;
    proxy.found(&format!("/hls/{first}/sub/video.m3u8")).await;
    proxy.found(&format!("/t/any/hls/{first}/sub/video.m3u8")).await;
    proxy.found(&format!("/watch/{first}")).await;
    assert!(!watched(two.client).await.contains(&first), "{first} is at one");

    // So do sockets inside of HTTP/2.
    let certificate = Certificate::new();
    let secure = Proxy::with(sample().with_tls(&certificate)).await;
    let stream = certificate.connect(secure.address, &["h2"]).await.expect("the handshake succeeds");
    let mut sender = http2::connect(stream).await;
    for (camera, other) in [(&first, two.client), (&at_two[0], one.client)] {
        let mut socket = http2::open(&mut sender, &format!("/mse/{camera}?rendition=sub")).await;
        while http2::text(&mut socket).await["type"] != "init" {}
        assert!(!watched(other).await.contains(camera), "{camera} is at one of them alone");
    }

    soon("the end", one.app.stop()).await;
    until("the camera at the other", async || {
        let mut socket = Socket::open(proxy.address, &format!("/mse/{first}?rendition=sub")).await.ok()?;
        socket.text("init").await;
        Some(())
    })
    .await;
    assert!(watched(two.client).await.contains(&first));
    // Those at the other noticed nothing.
    let stays = &at_two[0];
    let number: usize = stays.trim_start_matches("cam").parse().unwrap();
    sockets[number].init().await;
    for _ in 0..50 {
        sockets[number].chunk().await;
    }
}
