//! Whose request it is behind a proxy.

use std::net::SocketAddr;

use hyper::Method;

use super::login::post;
use super::{House, PASSWORD, token, user, watch};

fn form(password: &str) -> String {
    url::form_urlencoded::Serializer::new(String::new())
        .append_pair("user", "anna")
        .append_pair("password", password)
        .finish()
}

async fn try_password(address: SocketAddr, from: &str, password: &str) -> (u16, String) {
    let headers =
        [("x-forwarded-for", from), ("x-forwarded-proto", "https"), ("x-forwarded-prefix", "/outside")];
    let answer = post(address, "/login", &headers, form(password)).await;
    (answer.status.as_u16(), answer.header("set-cookie").to_owned())
}

#[tokio::test]
async fn a_trusted_proxy_says_whose_request_it_is() {
    let settings = format!("server.trusted_proxies = [\"127.0.0.1\"]\n{}", user("anna", "watch = \"*\""));
    let house = House::start(&settings).await;
    // One address is stopped, another goes on.
    let mut last = 401;
    for _ in 0..200 {
        last = try_password(house.address, "198.51.100.1", "wrong").await.0;
        if last == 429 {
            break;
        }
    }
    assert_eq!(last, 429);
    let (status, cookie) = try_password(house.address, "198.51.100.2", PASSWORD).await;
    assert_eq!(status, 303);
    assert!(cookie.contains("Path=/outside/;") && cookie.contains("; Secure"), "{cookie}");
    // A page at the name that the proxy was asked for is one of our own.
    let cookie = cookie.split(';').next().unwrap().to_owned();
    for (host, expected) in [("cams.example.org", 101), ("other.example.org", 403)] {
        let headers = [
            ("upgrade", "websocket"),
            ("connection", "Upgrade"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("origin", "https://cams.example.org"),
            ("x-forwarded-host", host),
            ("cookie", cookie.as_str()),
        ];
        let answer = house.ask(Method::GET, "/mse/gate", &headers).await;
        assert_eq!(answer.status.as_u16(), expected, "{host}");
    }
    assert_eq!(house.status(&format!("/t/{}/hls/gate/index.m3u8", token(watch("gate")))).await, 200);
}

#[tokio::test]
async fn anybody_else_is_not_believed() {
    let house = House::start(&user("anna", "watch = \"*\"")).await;
    let mut last = 401;
    for name in 1..=200 {
        last = try_password(house.address, &format!("198.51.100.{name}"), "wrong").await.0;
        if last == 429 {
            break;
        }
    }
    assert_eq!(last, 429, "another name in a header is not another address");
    let house = House::start(&user("anna", "watch = \"*\"")).await;
    let (_, cookie) = try_password(house.address, "198.51.100.99", PASSWORD).await;
    assert!(!cookie.contains("/outside") && !cookie.contains("Secure"), "{cookie}");
}
