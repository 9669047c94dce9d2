//! The page where people log in.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::{House, PASSWORD, user};
use crate::support::client::{Answer, Client};
use crate::support::soon;

/// Sends a form.
pub async fn post(address: SocketAddr, path: &str, headers: &[(&str, &str)], form: String) -> Answer {
    let asking = async {
        let stream = TcpStream::connect(address).await.unwrap();
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let mut request = Request::post(path)
            .header("host", address.to_string())
            .header("content-type", "application/x-www-form-urlencoded");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response =
            sender.send_request(request.body(Full::new(Bytes::from(form))).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer { status: parts.status, headers: parts.headers, body }
    };
    soon(path, asking).await
}

fn form(name: &str, password: &str) -> String {
    url::form_urlencoded::Serializer::new(String::new())
        .append_pair("user", name)
        .append_pair("password", password)
        .finish()
}

/// Logs in; the answer, and the text of the cookie.
pub async fn log_in(client: &Client, name: &str, password: &str, query: &str) -> (Answer, Option<String>) {
    let answer = post(client.address, &format!("/login{query}"), &[], form(name, password)).await;
    let cookie = answer.header("set-cookie").strip_prefix("belvedere_session=");
    let cookie = cookie.map(|cookie| cookie.split(';').next().unwrap().to_owned());
    (answer, cookie)
}

async fn house() -> House {
    House::start(&user("anna", "watch = [\"gate\"]")).await
}

#[tokio::test]
async fn who_logs_in_gets_a_cookie_and_goes_on_where_it_wanted_to() {
    let house = house().await;
    let page = [("accept", "text/html,application/xhtml+xml")];
    for (path, location) in
        [("/", "login"), ("/watch/gate?controls=0", "../login?next=watch%2Fgate%3Fcontrols%3D0")]
    {
        let answer = house.ask(Method::GET, path, &page).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (303, location), "{path}");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    // Players and programs are only told, and never sent elsewhere.
    for path in ["/hls/gate/index.m3u8", "/api/v1/cameras", "/hls/gate/main/video.m3u8"] {
        let answer = house.ask(Method::GET, path, &page).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (401, ""), "{path}");
    }
    let form = house.found("/login").await;
    assert!(form.text().contains("<form") && !form.text().contains("not fit"));
    assert!(form.header("content-security-policy").contains("frame-ancestors 'none'"));
    let (answer, cookie) = log_in(&house, "anna", PASSWORD, "?next=watch%2Fgate%3Fcontrols%3D0").await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (303, "./watch/gate?controls=0"));
    let set = answer.header("set-cookie");
    for part in ["Path=/", "HttpOnly", "SameSite=Lax", "Max-Age=2592000"] {
        assert!(set.contains(part), "{set}");
    }
    assert!(!set.contains("Secure"), "this is no TLS: {set}");
    let cookie = format!("belvedere_session={}", cookie.expect("a cookie"));
    let answer = house.ask(Method::GET, "/watch/gate", &[("cookie", &cookie)]).await;
    assert_eq!(answer.status.as_u16(), 200);
    assert!(!answer.header("cache-control").contains("public"), "{}", answer.header("cache-control"));

    let out = post(house.address, "/logout", &[("cookie", &cookie)], String::new()).await;
    assert_eq!(out.status.as_u16(), 303);
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    let again = house.ask(Method::GET, "/watch/gate", &[("cookie", &cookie)]).await;
    assert_eq!(again.status.as_u16(), 401, "a copy of the cookie is no good any more");
}

#[tokio::test]
async fn nobody_is_sent_to_another_site() {
    let house = house().await;
    for next in [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "watch/../..//evil.example",
        "hls/gate/index.m3u8",
        "\r\nx: y",
    ] {
        let next: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
        let (answer, _) = log_in(&house, "anna", PASSWORD, &format!("?next={next}")).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (303, "./"), "{next}");
    }
}

#[tokio::test]
async fn wrong_ones_are_told_and_after_a_while_stopped() {
    let house = house().await;
    let (answer, cookie) = log_in(&house, "anna", "hunter2", "").await;
    assert_eq!((answer.status.as_u16(), cookie), (401, None));
    assert!(answer.text().contains("do not fit") && !answer.text().contains("hunter2"));
    let (unknown, _) = log_in(&house, "<b>", "hunter2", "").await;
    assert_eq!(unknown.body, answer.body, "nobody learns who there is");
    let empty = post(house.address, "/login", &[], "user=anna".into()).await;
    assert_eq!(empty.status.as_u16(), 400);
    let mut tries = 0;
    let stopped = loop {
        let (answer, _) = log_in(&house, "anna", "hunter2", "").await;
        tries += 1;
        if answer.status.as_u16() != 401 {
            break answer;
        }
        assert!(tries < 200, "nobody stops this");
    };
    assert_eq!(stopped.status.as_u16(), 429);
    let pages =
        post(house.address, "/login", &[("origin", "https://evil.example")], form("anna", PASSWORD)).await;
    assert_eq!(pages.status.as_u16(), 403, "a page of another site logs nobody in");
}
