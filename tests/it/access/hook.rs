//! Somebody else who is asked.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{House, basic, token, watch};

/// A hook that lets in whoever has the token `sesame` or is `bert`, to `gate`; and all that it was asked.
async fn hook() -> (SocketAddr, Arc<Mutex<Vec<Value>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let notes = asked.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let notes = notes.clone();
            let service = service_fn(move |request: Request<Incoming>| {
                let notes = notes.clone();
                async move {
                    assert_eq!((request.method(), request.uri().path()), (&Method::POST, "/ask"));
                    let body = request.into_body().collect().await.unwrap().to_bytes();
                    let question: Value = serde_json::from_slice(&body).unwrap();
                    let known = question["token"] == "sesame" || question["user"] == "bert";
                    let status = match () {
                        () if known && question["camera"] == "gate" && question["action"] == "watch" => 204,
                        () if known => 403,
                        () => 401,
                    };
                    notes.lock().unwrap().push(question);
                    Ok::<_, Infallible>(
                        Response::builder().status(status).body(Empty::<Bytes>::new()).unwrap(),
                    )
                }
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    (address, asked)
}

#[tokio::test]
async fn the_hook_is_asked_about_strangers_and_its_answers_are_kept() {
    let (address, asked) = hook().await;
    let house = House::start(&format!("[auth.webhook]\nurl = \"http://{address}/ask\"")).await;
    assert!(asked.lock().unwrap().is_empty(), "our own tokens need no question");
    let list = "/hls/gate/main/video.m3u8";
    for _ in 0..5 {
        let answer = house.get(&format!("/t/sesame{list}")).await;
        assert_eq!(answer.status, 200);
        let cache = answer.header("cache-control");
        assert!(cache.contains("private"), "it may have been the address that counted: {cache}");
    }
    let question = json!({"action": "watch", "camera": "gate", "ip": "127.0.0.1", "token": "sesame"});
    assert_eq!(*asked.lock().unwrap(), [question]);
    assert_eq!(house.status("/t/sesame/hls/hall/index.m3u8").await, 403);
    assert_eq!(house.status("/t/simsalabim/hls/gate/index.m3u8").await, 401);
    assert_eq!(house.status("/hls/gate/index.m3u8").await, 401, "it may know the address");
    let bert = basic("bert", "whatever");
    assert_eq!(house.ask(Method::GET, list, &[("authorization", &bert)]).await.status, 200);
    let cameras = house.found("/t/sesame/api/v1/cameras").await.json();
    assert_eq!(cameras["cameras"].as_array().unwrap().len(), 1, "{cameras}");
    let own = token(watch("hall"));
    assert_eq!(house.status(&format!("/t/{own}{list}")).await, 403, "who is known here is judged here");
}

#[tokio::test]
async fn when_the_hook_is_silent_nobody_new_comes_in() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let house = House::start(&format!("[auth.webhook]\nurl = \"http://{closed}/\"\ntimeout = \"1s\"")).await;
    assert_eq!(house.status("/t/sesame/hls/gate/index.m3u8").await, 503);
    assert_eq!(house.status(&format!("/t/{}/hls/gate/index.m3u8", token(watch("gate")))).await, 200);
}
