//! Answers that are not the same for all, behind a cache.

use hyper::Method;

use crate::access::{SECRET, token, watch};
use crate::support::client::Client;
use crate::support::hop::Hop;
use crate::support::proxy::{Make, Proxy};
use crate::support::site::{Site, camera, demo_camera};

const HALL: &str = "/hls/hall/main/video.m3u8";
const GATE: &str = "/hls/gate/main/video.m3u8";
const SITES: [&str; 2] = ["https://one.example", "https://other.example"];

/// Each page reads what it may, whoever's page was first.
async fn each_site_is_named_to_its_own_pages(cache: &Client) {
    for origin in SITES.into_iter().chain(SITES) {
        let answer = cache.ask(Method::GET, HALL, &[("origin", origin)]).await;
        assert_eq!((answer.status.as_u16(), answer.header("access-control-allow-origin")), (200, origin));
    }
    let answer = cache.ask(Method::GET, HALL, &[("origin", "https://foe.example")]).await;
    assert_eq!(answer.header("access-control-allow-origin"), "");
}

/// What is for one viewer is not kept for another, so there is nothing to wait for.
async fn viewers_with_logins_do_not_wait_for_each_other(cache: &Client, hop: &Hop) {
    let bearer = format!("Bearer {}", token(watch("gate")));
    let cookie = format!("belvedere_token={}", token(watch("gate")));
    let login = [("authorization", bearer.as_str())];
    let playlist = cache.ask(Method::GET, GATE, &login).await;
    assert_eq!(playlist.status.as_u16(), 200, "{}", playlist.text());
    let next = crate::support::playlist::parse(playlist.text()).next_msn();
    // A whole segment and more to wait for: both are asked for before one is answered.
    let path = format!("{GATE}?_HLS_msn={}", next + 1);
    let asked = || hop.asked().iter().filter(|asked| **asked == path).count();
    let ask = async |name, value| {
        let answer = cache.ask(Method::GET, &path, &[(name, value)]).await;
        (answer.status.as_u16(), asked())
    };
    let both = tokio::join!(ask("authorization", &bearer), ask("cookie", &cookie));
    assert_eq!(both, ((200, 2), (200, 2)));
    assert_eq!(cache.status(&path).await, 401, "who has no login is given none of it");
}

async fn answers_go_to_whom_they_are_for(make: Make) {
    let camera = camera().await;
    let site = Site::start(&format!(
        "[server.cors]\npublic = {SITES:?}\n[auth]\npublic = [\"hall\"]\n[auth.keys.new]\nsecret = \"{SECRET}\"\n{}{}",
        demo_camera("gate", &camera),
        demo_camera("hall", &camera)
    ))
    .await;
    site.until_segments(HALL, 1).await;
    site.until_segments(&format!("/t/{}{GATE}", token(watch("gate"))), 1).await;
    let hop = Hop::start(site.address).await;
    let cache = Proxy::start(make, hop.address).await;
    tokio::join!(
        each_site_is_named_to_its_own_pages(&cache),
        viewers_with_logins_do_not_wait_for_each_other(&cache, &hop)
    );
    site.app.stop().await;
}

#[tokio::test]
async fn nginx_gives_answers_to_whom_they_are_for() {
    answers_go_to_whom_they_are_for(Make::Nginx).await;
}

#[tokio::test]
async fn varnish_gives_answers_to_whom_they_are_for() {
    answers_go_to_whom_they_are_for(Make::Varnish).await;
}
