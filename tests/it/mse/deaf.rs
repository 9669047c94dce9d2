//! Clients that are there and take nothing, or that are gone without a word.

use belvedere::demo;
use bytes::Bytes;
use futures_util::SinkExt;
use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::client::conn::http2;
use hyper_util::rt::TokioExecutor;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::Message;

use super::http2::{self as http2_feed, Sender};
use crate::support::site::{Site, camera, rendition};
use crate::support::{soon, until};

/// A camera that is connected for as long as somebody watches it.
async fn site(camera: &demo::Server, more: &str) -> Site {
    let toml = format!("ingest.idle_timeout = \"1s\"\n{more}\n[cameras.cam]\nstart = \"on-demand\"\n");
    Site::start(&(toml + &rendition("cam", "main", &camera.url("main"), ""))).await
}

/// Waits until the camera was played, and is left alone since its only viewer was cut off.
async fn cut_off(camera: &demo::Server) {
    let played = async || (camera.counters().plays.get() > 0).then_some(());
    until("the camera is watched", played).await;
    let alone = async || (camera.counters().open_sessions() == 0).then_some(());
    until("the viewer is cut off", alone).await;
}

async fn ask(site: &Site, request: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(site.address).await.unwrap();
    let request = format!("GET {request} HTTP/1.1\r\nHost: cams\r\n");
    let upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let rest = if request.contains("/mse/") { upgrade } else { "\r\n" };
    stream.write_all((request + rest).as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn a_file_without_an_end_ends_for_a_client_that_takes_nothing_of_it() {
    let camera = camera().await;
    let site = site(&camera, "mse.stall_timeout = \"1s\"").await;
    let stream = ask(&site, "/mp4/cam/live.mp4").await;
    cut_off(&camera).await;
    drop(stream);
    soon("the end", site.app.stop()).await;
}

/// A connection of HTTP/2 whose streams have room for little.
async fn narrow(site: &Site) -> Sender {
    let mut client = http2::Builder::new(TokioExecutor::new());
    client.initial_stream_window_size(65_535);
    http2_feed::connect_with(&client, TcpStream::connect(site.address).await.unwrap()).await
}

#[tokio::test]
async fn a_file_in_http2_ends_for_a_client_that_leaves_no_room_for_it_and_its_neighbour_goes_on() {
    let camera = camera().await;
    let site = site(&camera, "mse.stall_timeout = \"1s\"").await;
    let mut sender = narrow(&site).await;
    let request =
        |path: &str| Request::get(format!("http://cams{path}")).body(Empty::<Bytes>::new()).unwrap();
    let deaf = soon("an answer", sender.send_request(request("/mp4/cam/live.mp4"))).await.unwrap();
    cut_off(&camera).await;
    // What the client had room for, and then no proper end.
    let mut body = deaf.into_body();
    let end = loop {
        match soon("the rest", body.frame()).await {
            Some(Ok(_)) => {}
            end => break end,
        }
    };
    assert!(end.is_some_and(|end| end.is_err()), "the file was broken off");
    let alive = soon("an answer", sender.send_request(request("/livez"))).await;
    assert_eq!(alive.unwrap().status().as_u16(), 200, "the connection is as good as ever");
    soon("the end", site.app.stop()).await;
}

#[tokio::test]
async fn a_feed_in_http2_ends_with_its_stream_for_a_client_that_leaves_no_room_and_its_neighbour_goes_on() {
    let camera = camera().await;
    let site = site(&camera, "mse.stall_timeout = \"1s\"").await;
    let mut sender = narrow(&site).await;
    let mut deaf = http2_feed::open(&mut sender, "/mse/cam").await;
    cut_off(&camera).await;
    // Whoever takes nothing can still speak, until the stream is gone.
    until("the stream is reset", async || deaf.send(Message::Pong(Bytes::new())).await.err()).await;
    let alive = Request::get("http://cams/livez").body(Empty::<Bytes>::new()).unwrap();
    let alive = soon("an answer", sender.send_request(alive)).await;
    assert_eq!(alive.unwrap().status().as_u16(), 200, "the connection is as good as ever");
    soon("the end", site.app.stop()).await;
}

#[tokio::test]
async fn a_feed_ends_for_a_client_that_takes_nothing() {
    let camera = camera().await;
    let site = site(&camera, "mse.stall_timeout = \"1s\"").await;
    let stream = ask(&site, "/mse/cam").await;
    cut_off(&camera).await;
    assert_eq!(site.counted("viewers_stalled", "cam", "main").await, 1);
    drop(stream);
    soon("the end", site.app.stop()).await;
}

#[tokio::test]
async fn a_feed_ends_for_a_client_that_takes_all_and_answers_no_ping() {
    let camera = camera().await;
    let site = site(&camera, "mse.ping_interval = \"1s\"").await;
    let mut stream = ask(&site, "/mse/cam").await;
    let mut all = Vec::new();
    // Whether it ends or breaks: it does not go on.
    let _ = soon("the end of the feed", stream.read_to_end(&mut all)).await;
    assert!(all.len() > 10_000, "it was sent media before: {} bytes", all.len());
    cut_off(&camera).await;
    soon("the end", site.app.stop()).await;
}

/// What the kernel does about connections on which nothing happens (`ss` tells).
#[tokio::test]
async fn the_kernel_looks_for_clients_that_are_gone() {
    let camera = camera().await;
    let site = site(&camera, "").await;
    let stream = TcpStream::connect(site.address).await.unwrap();
    let ours = stream.local_addr().unwrap();
    let kept = until("the connection's timers", async || {
        let mut ss = tokio::process::Command::new("ss");
        ss.args(["-Htno", "state", "established", &format!("( sport = :{} )", site.address.port())]);
        let said = ss.output().await.expect("this test needs iproute2").stdout;
        let said = String::from_utf8(said).unwrap();
        said.lines().find(|line| line.contains(&ours.to_string())).map(str::to_owned)
    });
    let kept = kept.await;
    let (_, timer) = kept.split_once("timer:(keepalive,").unwrap_or_else(|| panic!("no keepalive: {kept}"));
    let seconds: f64 = timer.split_once("sec").expect("seconds").0.parse().expect("a number");
    assert!(seconds <= 15.0, "{kept}");
    drop(stream);
    soon("the end", site.app.stop()).await;
}
