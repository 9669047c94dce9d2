//! Requests that wait end with their client, with their camera, and with the server, and leave nothing behind.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::join_all;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http2;
use hyper::{Request, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use super::{Options, Parts, Server};
use crate::live::testing::FakeCamera;
use crate::live::{Camera, Catalog, Rendition, State, Status};
use crate::media::track::testing;
use crate::media::{Frame, TrackKind};
use crate::{hls, mse};

/// Of each kind: playlists by part, playlists by segment, hinted parts.
const EACH: usize = 60;
const KINDS: [&str; 3] =
    ["video.m3u8?_HLS_msn=101&_HLS_part=1", "video.m3u8?_HLS_msn=102", "abc/video-101.1.m4s"];
const PATIENCE: Duration = Duration::from_secs(60);

/// A server with a camera whose next part is 101.1, and comes when a test says so.
async fn started() -> (Server, FakeCamera) {
    let mut camera = FakeCamera::silent(50);
    camera.play(64);
    serving(camera).await
}

async fn serving(camera: FakeCamera) -> (Server, FakeCamera) {
    let rendition = Rendition { name: "main".into(), channel: camera.channel.clone() };
    let catalog = Arc::new(Catalog::default());
    catalog.insert(Camera::new(
        "door".into(),
        "Door".into(),
        0,
        vec![rendition],
        crate::live::Options::default(),
    ));
    let listen = vec![std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()];
    let parts = Parts {
        options: Options { listen, ..Options::default() },
        catalog,
        hls: hls::Options::default(),
        mse: mse::Options::default(),
    };
    (Server::start(parts).await.expect("a port of the system's choice"), camera)
}

fn paths() -> impl Iterator<Item = String> {
    KINDS.iter().flat_map(|kind| (0..EACH).map(move |_| format!("/hls/door/main/{kind}")))
}

/// A connection of HTTP/1.1 with a request on its way.
async fn asked(server: &Server, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.address()).await.expect("it listens");
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("it is taken");
    stream
}

/// The whole answer.
async fn answer(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.expect("an answer");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Waits until as many requests wait as are given.
async fn until_waiting(camera: &FakeCamera, count: usize) {
    let waiting = || camera.channel.waiting();
    let all = async {
        while waiting() != count {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, all).await;
    assert!(waited.is_ok(), "{} requests wait, and {count} should", waiting());
}

async fn all_asked(server: &Server, camera: &FakeCamera) -> Vec<TcpStream> {
    let paths: Vec<_> = paths().collect();
    let streams = join_all(paths.iter().map(|path| asked(server, path))).await;
    until_waiting(camera, paths.len()).await;
    streams
}

#[tokio::test]
async fn requests_end_when_their_clients_leave() {
    let (server, camera) = started().await;
    let listening = server.connections();
    let streams = all_asked(&server, &camera).await;
    assert_eq!(server.connections(), listening + streams.len());
    drop(streams);
    until_waiting(&camera, 0).await;
    let gone = async {
        while server.connections() > listening {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, gone).await.is_ok(), "{} connections", server.connections());
}

#[tokio::test]
async fn requests_end_when_their_clients_give_them_up_and_keep_the_connection() {
    let (server, mut camera) = started().await;
    let stream = TcpStream::connect(server.address()).await.expect("it listens");
    let (sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.expect("h2c");
    let connection = tokio::spawn(connection);
    let ask = |path: String| {
        let request =
            Request::get(format!("http://localhost{path}")).body(Empty::<Bytes>::new()).expect("a request");
        let mut sender = sender.clone();
        tokio::spawn(async move { sender.send_request(request).await })
    };
    // Fewer than a connection may have at once.
    let requests: Vec<_> = paths().step_by(3).map(ask).collect();
    let stays = ask(format!("/hls/door/main/{}", KINDS[0]));
    until_waiting(&camera, requests.len() + 1).await;
    requests.iter().for_each(|request| request.abort());
    until_waiting(&camera, 1).await;
    assert!(!connection.is_finished() && !stays.is_finished());
    camera.play(20);
    let answer = stays.await.expect("no panic").expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(!answer.into_body().collect().await.expect("a body").to_bytes().is_empty());
    until_waiting(&camera, 0).await;
}

#[tokio::test]
async fn requests_end_when_their_camera_is_removed() {
    let (server, camera) = started().await;
    let streams = all_asked(&server, &camera).await;
    camera.publisher.close();
    let answers = tokio::time::timeout(PATIENCE, join_all(streams.into_iter().map(answer))).await;
    let answers = answers.expect("all are answered");
    let (playlists, parts) = answers.split_at(2 * EACH);
    for playlist in playlists {
        assert!(playlist.starts_with("HTTP/1.1 200") && playlist.ends_with("#EXT-X-ENDLIST\n"), "{playlist}");
    }
    // What there was of the hinted part is its last one.
    assert!(parts.iter().all(|part| part.starts_with("HTTP/1.1 200")), "{}", parts[0]);
    assert_eq!(camera.channel.waiting(), 0);
    // In a list that has ended nothing is waited for, however far away (RFC 8216bis 6.2.5.2).
    let stream = asked(&server, "/hls/door/main/video.m3u8?_HLS_msn=999&_HLS_part=7").await;
    let late = tokio::time::timeout(PATIENCE, answer(stream)).await.expect("it is answered");
    assert!(late.starts_with("HTTP/1.1 200") && late.ends_with("#EXT-X-ENDLIST\n"), "{late}");
}

/// What somebody gets who waits for the hinted part `name` while `happens`.
async fn dropped(
    (server, mut camera): (Server, FakeCamera),
    name: &str,
    happens: impl FnOnce(&mut FakeCamera),
) -> String {
    let waiting = asked(&server, &format!("/hls/door/main/abc/{name}.m4s")).await;
    until_waiting(&camera, 1).await;
    happens(&mut camera);
    let answer = timeout(PATIENCE, answer(waiting)).await.expect("it is answered");
    assert!(server.stop(PATIENCE).await);
    answer
}

/// RFC 8216bis 6.2.6: who waited too long in vain would get 503.
#[tokio::test]
async fn who_waits_for_a_part_that_will_never_come_is_told_at_once() {
    let not_found = |answer: String| assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    let between = async || {
        let (server, mut camera) = started().await;
        // 101 has ended, and nothing of 102 is there.
        camera.break_off(10, testing::video_only());
        (server, camera)
    };
    not_found(dropped(between().await, "video-102.0", |camera| camera.publisher.close()).await);
    let slow = |camera: &mut FakeCamera| {
        let data = Bytes::from_static(b"slow");
        let (decode_time, duration) = (3_600_000, 90_000);
        let track = TrackKind::Video;
        for (n, sync) in [(0, true), (1, false), (2, false)] {
            let decode_time = decode_time + n * u64::from(duration);
            let data = data.clone();
            let frame = Frame { track, decode_time, duration, composition_offset: 0, sync, data };
            camera.publisher.push(frame).expect("a frame in its place");
        }
    };
    not_found(dropped(between().await, "video-102.0", slow).await);
    let rests = |camera: &mut FakeCamera| camera.publisher.set_status(Status::plain(State::Idle));
    not_found(dropped(started().await, "video-101.1", rests).await);
}

#[tokio::test]
async fn who_waits_for_sound_is_told_when_there_is_none() {
    let mut camera = FakeCamera::new(50, testing::tracks());
    camera.play(60).break_off(10, testing::video_only());
    let silent = |camera: &mut FakeCamera| {
        camera.play(160);
    };
    let answer = dropped(serving(camera).await, "audio-102.0", silent).await;
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
}

#[tokio::test]
async fn requests_end_when_the_server_stops() {
    let (server, camera) = started().await;
    let streams = all_asked(&server, &camera).await;
    let (stopped, answers) = tokio::join!(server.stop(PATIENCE), join_all(streams.into_iter().map(answer)));
    assert!(stopped, "nothing is left of them");
    for answer in answers {
        assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("retry-after: 1"), "{answer}");
    }
    assert_eq!(camera.channel.waiting(), 0);
}

/// Reads frames of a server (RFC 6455, 5.2) as they come: opcode and payload; `None` at the end.
async fn frame(stream: &mut TcpStream) -> Option<(u8, Vec<u8>)> {
    let opcode = stream.read_u8().await.ok()? & 0x0f;
    let length = match stream.read_u8().await.ok()? {
        126 => stream.read_u16().await.ok()?.into(),
        127 => stream.read_u64().await.ok()?,
        short => short.into(),
    };
    let mut payload = vec![0; length as usize];
    stream.read_exact(&mut payload).await.ok()?;
    Some((opcode, payload))
}

#[tokio::test]
async fn who_has_enough_on_its_way_is_told_at_once_that_the_camera_is_removed() {
    let (server, mut camera) = started().await;
    let mut stream = TcpStream::connect(server.address()).await.expect("it listens");
    let request = "GET /mse/door HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(request.as_bytes()).await.expect("it is taken");
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(stream.read_u8().await.expect("the whole answer"));
    }
    // The first ping is answered, with a mask of zeros, and no other: the connection seems to have become slow.
    let (opcode, payload) = frame(&mut stream).await.expect("a ping");
    assert_eq!((opcode, payload.len()), (9, 4));
    stream.write_all(&[&[0x8a, 0x84, 0, 0, 0, 0][..], &payload].concat()).await.expect("it is taken");
    // Until the server holds back what there is.
    while timeout(Duration::from_secs(1), frame(&mut stream)).await.is_ok() {
        camera.play(1);
    }
    camera.publisher.close();
    let end = async {
        while let Some((opcode, payload)) = frame(&mut stream).await {
            if opcode == 8 {
                return Some(u16::from_be_bytes([payload[0], payload[1]]));
            }
        }
        None
    };
    assert_eq!(timeout(PATIENCE, end).await.expect("it ends"), Some(4404));
    drop(stream);
    assert!(server.stop(PATIENCE).await);
}

#[tokio::test]
async fn who_watches_a_camera_that_is_removed_is_told_so() {
    let (server, camera) = started().await;
    let stream = TcpStream::connect(server.address()).await.expect("it listens");
    let url = format!("ws://{}/mse/door", server.address());
    let (mut socket, _) = tokio_tungstenite::client_async(url, stream).await.expect("it opens");
    let mut chunks = 0;
    while chunks < 14 {
        let message = socket.next().await.expect("the feed goes on").expect("all is well");
        chunks += usize::from(message.is_binary() && !message.into_data()[4..].starts_with(b"ftyp"));
    }
    camera.publisher.close();
    let end = async {
        loop {
            match socket.next().await.expect("it is told").expect("all is well") {
                Message::Close(Some(close)) => return (u16::from(close.code), close.reason.to_string()),
                Message::Text(_) | Message::Ping(_) => {}
                other => panic!("{other:?}"),
            }
        }
    };
    let (code, reason) = timeout(PATIENCE, end).await.expect("it is told soon");
    assert_eq!((code, reason.as_str()), (4404, "the camera was removed"));
    assert!(server.stop(PATIENCE).await);
}
