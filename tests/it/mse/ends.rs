//! Cameras that turn out to be nothing to watch, and connections that turn out to be none of the feed.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::gst::Camera;
use crate::support::site::{Site, rendition};
use crate::support::socket::Socket;
use crate::support::soon;

#[tokio::test]
async fn who_waits_for_a_camera_that_sends_nothing_useful_is_told_so_with_1011() {
    let camera = Camera::start(&["--codec", "jpeg", "--audio", "off"]);
    let main = rendition("cam", "main", &camera.url("main"), "");
    let site = Site::start(&format!("[cameras.cam]\nstart = \"on-demand\"\n{main}")).await;
    // The first viewer is the reason to look at the camera at all.
    let mut socket = Socket::open(site.address, "/mse/cam").await.expect("it opens");
    let (code, reason) = socket.closed().await;
    assert_eq!(code, 1011);
    assert!(!reason.is_empty());
    soon("the end", site.app.stop()).await;
}

/// A proxy that takes the connection for a pipe would pass on what its client writes next, unseen.
#[tokio::test]
async fn a_connection_ends_with_an_upgrade_that_is_refused() {
    let site = Site::start("").await;
    let mut stream = TcpStream::connect(site.address).await.unwrap();
    let hidden = "GET /livez HTTP/1.1\r\nhost: cams\r\nx-forwarded-for: 192.0.2.1\r\n\r\n";
    let upgrade = "host: cams\r\nupgrade: websocket\r\nconnection: keep-alive, upgrade\r\n";
    let request = format!("GET /mse/nothing HTTP/1.1\r\n{upgrade}sec-websocket-version: 8\r\n\r\n{hidden}");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    // Whether it ends or breaks: what was written behind is not read.
    let _ = soon("the end of the connection", stream.read_to_string(&mut answer)).await;
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
    assert!(answer.to_ascii_lowercase().contains("\r\nconnection: close\r\n"), "{answer}");
    soon("the end", site.app.stop()).await;
}
