//! All that Belvedere serves, through HAProxy and Caddy: pages, HLS, media, sockets; and what becomes of viewers when
//! one of the two starts anew.

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http2::{self, SendRequest};
use hyper::{Method, Request, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};

use crate::caches::crowd::viewers_outlive_both;
use crate::mse::{self, http2::two_feeds};
use crate::support::client::join;
use crate::support::media;
use crate::support::playlist;
use crate::support::proxy::{Make, Proxy, Sample};
use crate::support::site::shared;
use crate::support::socket::Socket;
use crate::support::soon;
use crate::support::tls::{Certificate, HOST};

const VIDEO: &str = "/hls/demo/sub/video.m3u8";

fn blocking(playlist: &playlist::Playlist) -> String {
    let (msn, part) = playlist.next_part();
    format!("{VIDEO}?_HLS_msn={msn}&_HLS_part={part}")
}

async fn everything_is_served(make: Make) {
    shared().until_segments(VIDEO, 2).await;
    let proxy = Proxy::start(make, shared().address).await;
    for path in ["/", "/watch/demo", "/static/belvedere-player.js", "/api/v1/cameras/demo"] {
        let (own, through) = (shared().found(path).await, proxy.found(path).await);
        assert_eq!(own.header("content-type"), through.header("content-type"), "{make:?} {path}");
        assert_eq!(own.header("cache-control"), through.header("cache-control"), "{make:?} {path}");
    }
    // Three blocking reloads, each with the part that it tells of.
    let mut seen = proxy.playlist(VIDEO).await;
    for _ in 0..3 {
        let (msn, part) = seen.next_part();
        let (hinted, reload) = (join(VIDEO, &seen.hints[0]), blocking(&seen));
        let (next, bytes) = tokio::join!(proxy.found(&reload), proxy.found(&hinted));
        seen = playlist::parse(next.text());
        assert!(seen.part(msn, part).is_some() || seen.next_msn() > msn, "{make:?}: {}", seen.text);
        assert_eq!(bytes.body, shared().found(&hinted).await.body, "{make:?} {hinted}");
    }
    let gzip = proxy.ask(Method::GET, &blocking(&seen), &[("accept-encoding", "gzip")]).await;
    assert_eq!((gzip.status.as_u16(), gzip.header("content-encoding")), (200, "gzip"), "{make:?}");
    let segment = seen.segments.last().expect("a finished segment");
    let path = join(VIDEO, &segment.uri);
    let own = shared().found(&path).await;
    for _ in 0..2 {
        // The second one may come out of a cache.
        let whole = proxy.found(&path).await;
        assert_eq!((&whole.body, whole.header("etag")), (&own.body, own.header("etag")), "{make:?} {path}");
    }
    let range = proxy.ask(Method::GET, &path, &[("range", "bytes=10-19")]).await;
    assert_eq!((range.status.as_u16(), &*range.body), (206, &own.body[10..20]), "{make:?}");
    let head = proxy.ask(Method::HEAD, &path, &[]).await;
    assert_eq!(head.header("content-length"), own.body.len().to_string(), "{make:?}");

    let mut socket = Socket::open(proxy.address, "/mse/demo?rendition=sub").await.expect("it opens");
    assert_eq!(socket.text("init").await["rendition"], "sub");
    socket.init().await;
    for _ in 0..50 {
        socket.chunk().await;
    }
}

#[tokio::test]
async fn haproxy_serves_everything() {
    everything_is_served(Make::Haproxy).await;
}

#[tokio::test]
async fn caddy_serves_everything() {
    everything_is_served(Make::Caddy).await;
}

/// A connection of HTTP/2 over TLS through a proxy.
async fn connect(certificate: &Certificate, proxy: &Proxy) -> SendRequest<Empty<Bytes>> {
    let stream =
        certificate.connect(proxy.address, &["h2", "http/1.1"]).await.expect("the handshake succeeds");
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

async fn get(sender: &mut SendRequest<Empty<Bytes>>, proxy: &Proxy, path: &str) -> Bytes {
    let host = format!("{HOST}:{}", proxy.address.port());
    let request = Request::get(format!("https://{host}{path}")).body(Empty::new()).unwrap();
    let response = soon(path, sender.send_request(request)).await.unwrap();
    assert_eq!((response.status().as_u16(), response.version()), (200, Version::HTTP_2), "{path}");
    soon(path, response.into_body().collect()).await.unwrap().to_bytes()
}

async fn http2_in_front(make: Make, sockets_too: bool) {
    let certificate = Certificate::new();
    shared().until_segments(VIDEO, 1).await;
    let proxy = Proxy::with(Sample::new(make, shared().address).with_tls(&certificate)).await;
    let mut sender = connect(&certificate, &proxy).await;
    let now = playlist::parse(std::str::from_utf8(&get(&mut sender, &proxy, VIDEO).await).unwrap());
    let (msn, part) = now.next_part();
    let after = get(&mut sender, &proxy, &blocking(&now)).await;
    let after = playlist::parse(std::str::from_utf8(&after).unwrap());
    assert!(after.part(msn, part).is_some() || after.next_msn() > msn, "{make:?}: {}", after.text);
    let hinted = join(VIDEO, &after.hints[0]);
    assert!(!get(&mut sender, &proxy, &hinted).await.is_empty());

    if sockets_too {
        // Their client wants to know whether the other side has said that there are any.
        let stream = certificate.connect(proxy.address, &["h2"]).await.expect("the handshake succeeds");
        two_feeds(&mut mse::http2::connect(stream).await, "demo").await;
    }

    // The feed over HTTP/1.1 and TLS.
    let stream = certificate.connect(proxy.address, &["http/1.1"]).await.unwrap();
    let address = format!("wss://{HOST}:{}/mse/demo?rendition=sub", proxy.address.port());
    let (mut socket, _) =
        soon("the handshake", tokio_tungstenite::client_async(address, stream)).await.expect("it opens");
    let mut inits = 0;
    while inits == 0 {
        let message = soon("a message", futures_util::StreamExt::next(&mut socket)).await.unwrap().unwrap();
        inits += usize::from(message.is_binary() && media::is_init(&message.into_data()));
    }
}

#[tokio::test]
async fn haproxy_speaks_http2_and_opens_sockets_in_it() {
    http2_in_front(Make::Haproxy, true).await;
}

#[tokio::test]
async fn caddy_speaks_http2() {
    http2_in_front(Make::Caddy, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn viewers_outlive_the_server_and_the_proxy() {
    tokio::join!(viewers_outlive_both(Make::Haproxy, 20), viewers_outlive_both(Make::Caddy, 20));
}
