//! Clients that mean no good, and a viewer that does not notice.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::join_all;
use http_body_util::Empty;
use hyper::Request;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::client::Client;
use crate::support::media::VIDEO;
use crate::support::site::{Site, camera};
use crate::support::socket::Socket;
use crate::support::soon;

const LIST: &str = "/hls/cam/sub/video.m3u8";

/// Says the beginning of a request, and then a byte now and then; how long the server listens to that.
async fn drip(address: SocketAddr) -> Duration {
    let begun = Instant::now();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\nx-slow: ").await.unwrap();
    let (mut read, mut write) = stream.split();
    let dripping = async {
        while write.write_all(b"a").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        std::future::pending::<()>().await;
    };
    let mut rest = Vec::new();
    let closed = async {
        let _ = read.read_to_end(&mut rest).await;
    };
    soon("the end of the server's patience", async {
        tokio::select! {
            () = dripping => {}
            () = closed => {}
        }
    })
    .await;
    begun.elapsed()
}

/// Sends bytes and reads the first line of what comes back.
async fn status(address: SocketAddr, request: String) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The server may close while it is still being told things.
    let _ = stream.write_all(request.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = soon("an answer", stream.read_to_end(&mut answer)).await;
    String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned()
}

/// Opens requests over HTTP/2 and takes them back at once, thousands of times: the "rapid reset".
async fn flood(address: SocketAddr) -> usize {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    let mut sent = 0;
    for _ in 0..20_000 {
        if sender.ready().await.is_err() {
            break;
        }
        let request =
            Request::get(format!("http://{address}{LIST}?_HLS_msn=1")).body(Empty::<Bytes>::new()).unwrap();
        let waiting = tokio::spawn(sender.send_request(request));
        tokio::task::yield_now().await;
        waiting.abort();
        sent += 1;
    }
    connection.abort();
    sent
}

/// A viewer of both kinds, until `over`; how many pictures and how many lists it got.
async fn watch(client: Client, mut over: tokio::sync::watch::Receiver<bool>) -> (usize, usize) {
    let mut socket = Socket::open(client.address, "/mse/cam?rendition=sub").await.expect("it opens");
    socket.text("init").await;
    socket.init().await;
    let (mut pictures, mut lists) = (0, 0);
    loop {
        tokio::select! {
            _ = over.changed() => return (pictures, lists),
            chunk = socket.chunk() => pictures += usize::from(chunk.track == VIDEO),
            list = client.playlist(LIST) => lists += usize::from(!list.segments.is_empty()),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_does_not_notice_slow_large_and_hasty_clients() {
    let camera = camera().await;
    let site = Site::with_demo_camera(&camera, "").await;
    site.until_rendition("cam", 1, "live").await;
    site.until_segments(LIST, 1).await;
    let (end, over) = tokio::sync::watch::channel(false);
    let viewer = tokio::spawn(watch(site.client, over));
    let address = site.address;
    let slow = join_all((0..200).map(|_| drip(address)));
    let hasty = join_all((0..2).map(|_| flood(address)));
    let large = async {
        let header = format!("GET /livez HTTP/1.1\r\nhost: x\r\nx-large: {}\r\n\r\n", "a".repeat(1 << 20));
        let many = format!("GET /livez HTTP/1.1\r\nhost: x\r\n{}\r\n", "x-many: a\r\n".repeat(10_000));
        let uri = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(1 << 20));
        for request in [header, many, uri] {
            let line = status(address, request).await;
            // Whoever still talks when the server has heard enough may see a reset instead.
            assert!(line.is_empty() || line.contains(" 431 ") || line.contains(" 414 "), "{line}");
        }
    };
    let (slow, hasty, ()) = tokio::join!(slow, hasty, large);
    end.send(true).unwrap();
    let (pictures, lists) = viewer.await.expect("the viewer saw no error");
    assert!(slow.iter().all(|patience| *patience < Duration::from_secs(60)), "{slow:?}");
    assert!(slow.iter().all(|patience| *patience >= Duration::from_secs(5)), "{slow:?}");
    // Some 15 pictures a second for at least 10 seconds.
    assert!(pictures > 50 && lists > 10, "{pictures} pictures, {lists} lists");
    assert!(hasty.iter().all(|sent| *sent > 0));
    site.found("/livez").await;
}
