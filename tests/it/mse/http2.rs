//! The feed inside an HTTP/2 connection (RFC 8441), with TLS and without.

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http_body_util::Empty;
use hyper::client::conn::http2::{self, SendRequest};
use hyper::ext::Protocol;
use hyper::upgrade::Upgraded;
use hyper::{Method, Request, StatusCode, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};

use crate::support::media;
use crate::support::site::{Site, shared};
use crate::support::soon;
use crate::support::tls::{Certificate, HOST};

pub type Sender = SendRequest<Empty<Bytes>>;
pub type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// An HTTP/2 connection, once the server has said that it knows extended CONNECT (RFC 8441, 3).
pub async fn connect(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Sender {
    connect_with(&http2::Builder::new(TokioExecutor::new()), stream).await
}

/// The same by a client of one's own.
pub async fn connect_with(
    client: &http2::Builder<TokioExecutor>,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) -> Sender {
    let (mut sender, connection) = client.handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    // The answer to a first request comes after the server's settings.
    let request = Request::get(format!("https://{HOST}/livez")).body(Empty::new()).unwrap();
    assert_eq!(soon("an answer", sender.send_request(request)).await.unwrap().status(), StatusCode::OK);
    sender
}

fn handshake(path: &str, version: &str) -> Request<Empty<Bytes>> {
    Request::builder()
        .method(Method::CONNECT)
        .version(Version::HTTP_2)
        .uri(format!("https://{HOST}{path}"))
        .extension(Protocol::from_static("websocket"))
        .header("sec-websocket-version", version)
        .header("sec-websocket-protocol", "belvedere.mse.v1")
        .body(Empty::new())
        .unwrap()
}

pub async fn open(sender: &mut Sender, path: &str) -> Socket {
    let mut response = soon("the handshake", sender.send_request(handshake(path, "13"))).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["sec-websocket-protocol"], "belvedere.mse.v1");
    let upgraded = hyper::upgrade::on(&mut response).await.expect("the stream becomes a socket");
    WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Client, None).await
}

pub async fn text(socket: &mut Socket) -> serde_json::Value {
    loop {
        match soon("a text", socket.next()).await.expect("the socket stays open").expect("it works") {
            Message::Text(text) => return serde_json::from_str(&text).unwrap(),
            Message::Ping(_) => {}
            other => panic!("a text was to come, not {other:?}"),
        }
    }
}

async fn bytes(socket: &mut Socket) -> Bytes {
    loop {
        match soon("media", socket.next()).await.expect("the socket stays open").expect("it works") {
            Message::Binary(bytes) => return bytes,
            Message::Ping(_) => {}
            other => panic!("media was to come, not {other:?}"),
        }
    }
}

/// Two feeds side by side in one connection, each with its own pace and end.
pub async fn two_feeds(sender: &mut Sender, camera: &str) {
    let mut feeds = Vec::new();
    for rendition in ["main", "sub"] {
        let mut socket = open(sender, &format!("/mse/{camera}?rendition={rendition}")).await;
        let init = text(&mut socket).await;
        assert_eq!((init["type"].as_str(), init["rendition"].as_str()), (Some("init"), Some(rendition)));
        assert!(media::is_init(&bytes(&mut socket).await));
        assert!(media::one(&bytes(&mut socket).await).starts_picture());
        feeds.push(socket);
    }
    for _ in 0..30 {
        for socket in &mut feeds {
            media::one(&bytes(socket).await);
        }
    }
    let mut first = feeds.remove(0);
    first.send(Message::text(r#"{"type":"explode"}"#)).await.unwrap();
    let closed = loop {
        match soon("a close frame", first.next()).await.expect("it is told").expect("it works") {
            Message::Close(Some(CloseFrame { code, .. })) => break u16::from(code),
            Message::Binary(_) | Message::Ping(_) => {}
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(closed, 1003);
    // The neighbour in the same connection goes on.
    for _ in 0..30 {
        media::one(&bytes(&mut feeds[0]).await);
    }
}

#[tokio::test]
async fn feeds_run_in_one_connection_of_http2_over_tls() {
    let certificate = Certificate::new();
    let site = Site::start_with(&certificate.settings(), true).await;
    site.until_rendition("demo", 0, "live").await;
    site.until_rendition("demo", 1, "live").await;
    let address = site.app.tls_address().expect("there is a TLS listener");
    let stream = certificate.connect(address, &["h2"]).await.expect("the handshake succeeds");
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let mut sender = connect(stream).await;
    two_feeds(&mut sender, "demo").await;
    let mut last = open(&mut sender, "/mse/demo").await;
    text(&mut last).await;
    let stopping = tokio::spawn(site.app.stop());
    let code = loop {
        let message = soon("a goodbye", last.next()).await.expect("it is told").expect("it works");
        if let Message::Close(Some(CloseFrame { code, .. })) = message {
            break u16::from(code);
        }
    };
    assert_eq!(code, 1001);
    drop(last);
    soon("the end", stopping).await.unwrap();
}

#[tokio::test]
async fn feeds_run_in_one_connection_of_http2_with_prior_knowledge() {
    shared().until_rendition("demo", 1, "live").await;
    shared().until_rendition("demo", 0, "live").await;
    let mut sender = connect(TcpStream::connect(shared().address).await.unwrap()).await;
    two_feeds(&mut sender, "demo").await;
}

#[tokio::test]
async fn what_is_no_handshake_is_refused_in_http2_too() {
    let mut sender = connect(TcpStream::connect(shared().address).await.unwrap()).await;
    for (path, version, status) in [
        ("/mse/demo", "8", StatusCode::BAD_REQUEST),
        ("/mse/nobody", "13", StatusCode::NOT_FOUND),
        ("/mse/demo?rendition=nobody", "13", StatusCode::NOT_FOUND),
        ("/livez", "13", StatusCode::NOT_FOUND),
    ] {
        let answer = soon(path, sender.send_request(handshake(path, version))).await.unwrap();
        assert_eq!(answer.status(), status, "{path}");
    }
    // A CONNECT of the old kind asks for a proxy, and this is none.
    let request = Request::connect("example.org:443").body(Empty::new()).unwrap();
    let answer = soon("CONNECT", sender.send_request(request)).await.unwrap();
    assert!(answer.status().is_client_error(), "{}", answer.status());
}
