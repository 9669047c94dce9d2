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

use super::{House, SECRET, basic, signed, token, watch};
use crate::support::socket::Socket;

/// A hook that lets in whoever has the token `sesame` or is `bert`, to `gate`; and all that it was asked.
async fn hook() -> (SocketAddr, Arc<Mutex<Vec<Value>>>) {
    let knows = |question: &Value| question["token"] == "sesame" || question["user"] == "bert";
    hook_that(knows).await
}

/// A hook that knows some, and lets those in to `gate`.
async fn hook_that(
    knows: impl Fn(&Value) -> bool + Clone + Send + 'static,
) -> (SocketAddr, Arc<Mutex<Vec<Value>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let notes = asked.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (notes, knows) = (notes.clone(), knows.clone());
            let service = service_fn(move |request: Request<Incoming>| {
                let (notes, knows) = (notes.clone(), knows.clone());
                async move {
                    assert_eq!((request.method(), request.uri().path()), (&Method::POST, "/ask"));
                    let body = request.into_body().collect().await.unwrap().to_bytes();
                    let question: Value = serde_json::from_slice(&body).unwrap();
                    let known = knows(&question);
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

#[tokio::test]
async fn an_old_token_keeps_nobody_out_who_is_let_in_by_its_address() {
    let (address, asked) = hook_that(|question| question.get("token").is_none()).await;
    let house = House::start(&format!("[auth.webhook]\nurl = \"http://{address}/ask\"")).await;
    let list = "/hls/gate/main/video.m3u8";
    let hour = std::time::Duration::from_secs(3600);
    let old = signed("new", SECRET, watch("gate"), std::time::SystemTime::now() - 2 * hour, hour);
    for path in [
        list.to_owned(),
        format!("{list}?token="),
        format!("{list}?token=simsalabim"),
        format!("/t/simsalabim{list}"),
        format!("{list}?token={old}"),
    ] {
        let answer = house.get(&path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(!answer.header("cache-control").contains("public"), "{path}");
    }
    let asked = asked.lock().unwrap();
    assert!(asked.iter().all(|question| question["token"] != ""), "{asked:?}");
    assert!(
        asked.iter().all(|question| question["token"] != old.as_str()),
        "our own are none of its business"
    );
}

#[tokio::test]
async fn what_the_hook_takes_back_ends() {
    let open = Arc::new(Mutex::new(true));
    let still = open.clone();
    let (address, _) = hook_that(move |_| *still.lock().unwrap()).await;
    let house =
        House::start(&format!("[auth.webhook]\nurl = \"http://{address}/ask\"\ncache = \"1s\"")).await;
    let mut socket = Socket::open(house.address, "/mse/gate?token=sesame").await.expect("it opens");
    socket.text("init").await;
    *open.lock().unwrap() = false;
    assert_eq!(socket.closed().await.0, 1008);
    assert_eq!(house.status("/hls/gate/index.m3u8?token=sesame").await, 401);
}

#[tokio::test]
async fn who_guesses_is_not_listened_to() {
    let (address, asked) = hook().await;
    let house = House::start(&format!("[auth.webhook]\nurl = \"http://{address}/ask\"")).await;
    let list = "/hls/gate/index.m3u8";
    assert_eq!(house.status(&format!("/t/sesame{list}")).await, 200);
    let mut stopped = None;
    for guess in 0..2000 {
        let answer = house.get(&format!("/t/guess{guess}{list}")).await;
        if answer.status != 401 {
            stopped = Some((guess, answer));
            break;
        }
    }
    let (guesses, answer) = stopped.expect("it is stopped");
    assert_eq!(answer.status, 429);
    assert!(!answer.header("retry-after").is_empty());
    let questions = asked.lock().unwrap().len();
    assert!(questions <= 2 * guesses + 2, "{questions} for {guesses}");
    // Who was let in before stays.
    assert_eq!(house.status(&format!("/t/sesame{list}")).await, 200);
    assert_eq!(house.status(&format!("/t/{}{list}", token(watch("gate")))).await, 200);
}
