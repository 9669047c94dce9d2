//! Pages of other sites.

use hyper::Method;

use super::{House, PASSWORD, basic, token, user, watch};

const FRIEND: &str = "https://friend.example";
const FOE: &str = "https://foe.example";

#[tokio::test]
async fn pages_of_other_sites_get_what_needs_no_login_of_their_visitors() {
    let settings = format!(
        "[server.cors]\ncredentials = [\"{FRIEND}\"]\n[auth]\npublic = [\"hall\"]\n{}",
        user("anna", "watch = \"gate\"")
    );
    let house = House::start(&settings).await;
    let own = format!("http://{}", house.address);
    let (token, login) = (token(watch("gate")), basic("anna", PASSWORD));
    let cookie =
        format!("belvedere_session={}", super::login::log_in(&house, "anna", PASSWORD, "").await.1.unwrap());
    let bearer = format!("Bearer {token}");
    let handshake = [
        ("upgrade", "websocket"),
        ("connection", "Upgrade"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    // Whose page, what is shown, and whether a socket opens.
    for (origin, name, value, camera, opens) in [
        (FOE, "x-none", "", "hall", true),
        (FOE, "authorization", bearer.as_str(), "gate", true),
        (FOE, "cookie", cookie.as_str(), "gate", false),
        (FOE, "authorization", login.as_str(), "gate", false),
        ("null", "cookie", cookie.as_str(), "gate", false),
        (FRIEND, "cookie", cookie.as_str(), "gate", true),
        (own.as_str(), "cookie", cookie.as_str(), "gate", true),
    ] {
        let headers: Vec<_> = handshake.into_iter().chain([("origin", origin), (name, value)]).collect();
        let answer = house.ask(Method::GET, &format!("/mse/{camera}"), &headers).await;
        assert_eq!(answer.status.as_u16(), if opens { 101 } else { 403 }, "{origin} {name} {camera}");
    }
    // Whose page, what is shown, who may read, and whether with its visitor's login.
    for (origin, name, value, camera, allowed, credentials) in [
        (FOE, "x-none", "", "hall", "*", ""),
        (FRIEND, "x-none", "", "hall", "*", ""),
        (FOE, "authorization", bearer.as_str(), "gate", "*", ""),
        (FOE, "cookie", cookie.as_str(), "gate", "", ""),
        (FRIEND, "cookie", cookie.as_str(), "gate", FRIEND, "true"),
        (FOE, "x-none", "", "gate", "*", ""),
    ] {
        let path = format!("/hls/{camera}/main/video.m3u8");
        let answer = house.ask(Method::GET, &path, &[("origin", origin), (name, value)]).await;
        let got = ["access-control-allow-origin", "access-control-allow-credentials"]
            .map(|name| answer.header(name));
        assert_eq!(got, [allowed, credentials], "{origin} {name} {camera}: {}", answer.status);
    }
    let asking = [("origin", FRIEND), ("access-control-request-method", "GET")];
    let answer = house.ask(Method::OPTIONS, "/hls/gate/index.m3u8", &asking).await;
    assert_eq!((answer.status.as_u16(), answer.header("access-control-allow-origin")), (204, FRIEND));
    assert_eq!(answer.header("access-control-allow-credentials"), "true");
}
