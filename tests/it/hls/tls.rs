//! TLS and HTTP/2, which iPhones want for low latency.

use std::collections::HashSet;
use std::time::Instant;

use bytes::Bytes;
use futures_util::future::join_all;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http2::{self, SendRequest};
use hyper::{Request, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};

use crate::support::client::join;
use crate::support::playlist;
use crate::support::site::{Site, camera, demo_camera};
use crate::support::soon;
use crate::support::tls::{Certificate, HOST};

const VIDEO: &str = "/hls/cam/sub/video.m3u8";

async fn get(sender: &SendRequest<Empty<Bytes>>, path: &str) -> Bytes {
    let request = Request::get(format!("https://{HOST}{path}")).body(Empty::new()).unwrap();
    let response = soon(path, sender.clone().send_request(request)).await.unwrap();
    assert_eq!((response.status().as_u16(), response.version()), (200, Version::HTTP_2), "{path}");
    soon(path, response.into_body().collect()).await.unwrap().to_bytes()
}

#[tokio::test]
async fn many_requests_wait_side_by_side_in_one_connection_of_http2() {
    let certificate = Certificate::new();
    let camera = camera().await;
    let toml = certificate.settings() + &demo_camera("cam", &camera);
    let site = Site::start(&toml).await;
    let address = site.app.tls_address().expect("there is a TLS listener");
    site.until_rendition("cam", 1, "live").await;
    site.until_segments(VIDEO, 1).await;

    // The server's wish counts, not the order of the client's.
    for (offered, chosen) in
        [(&["http/1.1", "h2"][..], Some(&b"h2"[..])), (&["http/1.1"], Some(b"http/1.1")), (&[], None)]
    {
        let stream = certificate.connect(address, offered).await.expect("the handshake succeeds");
        assert_eq!(stream.get_ref().1.alpn_protocol(), chosen, "{offered:?}");
    }
    assert!(certificate.connect(address, &["spdy/3"]).await.is_err(), "nothing in common");

    let stream = certificate.connect(address, &["h2", "http/1.1"]).await.unwrap();
    let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    for _ in 0..3 {
        let now = playlist::parse(std::str::from_utf8(&get(&sender, VIDEO).await).unwrap());
        let (msn, part) = now.next_part();
        let reload = format!("{VIDEO}?_HLS_msn={msn}&_HLS_part={part}");
        let hinted = join(VIDEO, &now.hints[0]);
        let begun = Instant::now();
        // While these wait, the connection is open for others: all come over the same one.
        let reloads = join_all((0..20).map(|_| get(&sender, &reload)));
        let parts = join_all((0..20).map(|_| get(&sender, &hinted)));
        let (reloads, parts, quick) = tokio::join!(reloads, parts, async {
            get(&sender, "/livez").await;
            begun.elapsed()
        });
        let waited = begun.elapsed();
        assert!(quick < waited, "{quick:?} of {waited:?}");
        let after = playlist::parse(std::str::from_utf8(&reloads[0]).unwrap());
        assert!(after.part(msn, part).is_some() || after.next_msn() > msn, "{}", after.text);
        assert_eq!(parts.iter().collect::<HashSet<_>>().len(), 1, "one name, one thing");
        assert_eq!(site.found(&hinted).await.body, parts[0], "the same without TLS");
    }
    site.app.stop().await;
    assert!(soon("a goodbye", connection).await.unwrap().is_ok(), "the connection ends in peace");
}
