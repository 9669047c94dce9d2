//! Rules that change while somebody watches.

use std::time::{Duration, SystemTime};

use hyper::Method;

use super::login::{log_in, post};
use super::{House, OLD_SECRET, PASSWORD, SECRET, basic, signed, token, user, watch};
use crate::support::program::Program;
use crate::support::site::settings;
use crate::support::socket::{Event, Socket};
use crate::support::until;

const FEED: &str = "/mse/gate";
const LIST: &str = "/hls/gate/main/video.m3u8";
const KEYS: [(&str, &str); 2] = [("new", SECRET), ("old", OLD_SECRET)];

/// Settings with these keys, and with `rest` before them.
fn rules(keys: &[(&str, &str)], rest: &str) -> belvedere::settings::Settings {
    let keys: String =
        keys.iter().map(|(id, secret)| format!("[auth.keys.{id}]\nsecret = \"{secret}\"\n")).collect();
    settings(&format!("{rest}\n{keys}"))
}

async fn opened(house: &House, path: &str, headers: &[(&str, &str)]) -> Socket {
    let mut socket = Socket::open_as(house.address, path, headers).await.expect("it opens");
    socket.text("init").await;
    socket
}

/// Whether a socket goes on.
async fn goes_on(socket: &mut Socket) -> bool {
    for _ in 0..5 {
        if let Event::Closed(..) = socket.next().await {
            return false;
        }
    }
    true
}

#[tokio::test]
async fn who_would_be_let_in_no_more_is_put_out_and_others_notice_nothing() {
    let anna = user("anna", "watch = \"gate\"");
    let house = House::start(&anna).await;
    let hour = Duration::from_secs(3600);
    let old = signed("old", OLD_SECRET, watch("gate"), SystemTime::now(), hour);
    let (new, login) = (token(watch("gate")), basic("anna", PASSWORD));
    let cookie = format!("belvedere_session={}", log_in(&house, "anna", PASSWORD, "").await.1.unwrap());
    let mut by_old = opened(&house, &format!("/t/{old}{FEED}"), &[]).await;
    let mut by_new = opened(&house, &format!("/t/{new}{FEED}"), &[]).await;
    let mut by_login = opened(&house, FEED, &[("authorization", &login)]).await;
    let mut by_cookie = opened(&house, FEED, &[("cookie", &cookie)]).await;

    // A key is taken away.
    house.app.reload(&rules(&KEYS[..1], &anna)).unwrap();
    assert_eq!(by_old.closed().await.0, 1008);
    assert_eq!(house.status(&format!("/t/{old}{LIST}")).await, 401);
    for socket in [&mut by_new, &mut by_login, &mut by_cookie] {
        assert!(goes_on(socket).await);
    }
    // A user loses a camera.
    house.app.reload(&rules(&KEYS[..1], &user("anna", "watch = \"hall\""))).unwrap();
    assert_eq!((by_login.closed().await.0, by_cookie.closed().await.0), (1008, 1008));
    let answer = house.ask(Method::GET, LIST, &[("cookie", &cookie)]).await;
    assert_eq!(answer.status, 403, "it is still known");
    assert!(goes_on(&mut by_new).await);
    // A user goes.
    house.app.reload(&rules(&KEYS[..1], "")).unwrap();
    assert_eq!(house.ask(Method::GET, LIST, &[("cookie", &cookie)]).await.status, 401);
    // A key is turned: the new one stands above the old one.
    house.app.reload(&rules(&[("newest", OLD_SECRET), KEYS[0]], "")).unwrap();
    assert!(goes_on(&mut by_new).await);
    let newest = signed("newest", OLD_SECRET, watch("gate"), SystemTime::now(), hour);
    assert_eq!(house.status(&format!("/t/{newest}{LIST}")).await, 200);
    // What everybody may watch needs no key any more, and then one again.
    house.app.reload(&rules(&[], "auth.public = \"gate\"")).unwrap();
    assert!(goes_on(&mut by_new).await);
    let mut open = opened(&house, FEED, &[]).await;
    house.app.reload(&rules(&KEYS[..1], "auth.public = \"hall\"")).unwrap();
    assert_eq!(open.closed().await.0, 1008);
    assert!(goes_on(&mut by_new).await, "its link is good again");
}

#[tokio::test]
async fn who_waits_for_a_playlist_is_told_when_its_permission_is_taken_back() {
    let house = House::start("").await;
    let path = format!("/t/{}{LIST}", token(watch("gate")));
    let list = house.playlist(&path).await;
    let far = format!("{path}?_HLS_msn={}", list.next_msn() + 1);
    let client = house.client;
    let waiting = tokio::spawn(async move { client.get(&far).await });
    // One that has not begun to wait is refused all the same.
    house.app.reload(&rules(&KEYS[1..], "")).unwrap();
    assert_eq!(waiting.await.unwrap().status, 401);
    assert_eq!(house.status(&path).await, 401);
}

#[tokio::test]
async fn a_log_out_ends_what_was_opened_with_that_login_alone() {
    let house = House::start(&user("anna", "watch = \"gate\"")).await;
    let mut cookies = Vec::new();
    for _ in 0..2 {
        let cookie = log_in(&house, "anna", PASSWORD, "").await.1.unwrap();
        cookies.push(format!("belvedere_session={cookie}"));
    }
    let mut here = opened(&house, FEED, &[("cookie", &cookies[0])]).await;
    let mut elsewhere = opened(&house, FEED, &[("cookie", &cookies[1])]).await;
    post(house.address, "/logout", &[("cookie", &cookies[0])], String::new()).await;
    assert_eq!(here.closed().await.0, 1008);
    assert!(goes_on(&mut elsewhere).await);
}

#[tokio::test]
async fn the_program_goes_by_its_file_as_it_changes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("belvedere.toml");
    let write = |text: &str| std::fs::write(&file, text).unwrap();
    let key = |id: &str, secret: &str| format!("[auth.keys.{id}]\nsecret = \"{secret}\"\n");
    write(&(key("new", SECRET) + &key("old", OLD_SECRET)));
    let program = Program::start(&["serve", "--demo", "--config", file.to_str().unwrap()]);
    let hour = Duration::from_secs(3600);
    let link = |id, secret| {
        let token = signed(id, secret, watch("demo"), SystemTime::now(), hour);
        format!("/t/{token}/mse/demo")
    };
    let address = program.client.address;
    let mut by_new = Socket::open(address, &link("new", SECRET)).await.expect("it opens");
    let mut by_old = Socket::open(address, &link("old", OLD_SECRET)).await.expect("it opens");
    by_new.text("init").await;
    // What cannot be read changes nothing, and is told without what stands in it.
    write(&format!("[auth.keys.new]\nsecret = \"{SECRET}\"\n[auth.keys.old]\nsecrte = \"{OLD_SECRET}\"\n"));
    until("a word about the file", async || program.log().contains("old one holds").then_some(())).await;
    assert!(goes_on(&mut by_old).await);
    write(&key("new", SECRET));
    assert_eq!(by_old.closed().await.0, 1008);
    assert!(goes_on(&mut by_new).await);
    // SIGHUP alone is no reason to put anybody out.
    program.signal("-HUP");
    assert!(goes_on(&mut by_new).await);
    write(&(key("new", SECRET) + "[mse]\nmax_lag = \"5s\"\n"));
    until("what waits for a restart", async || program.log().contains("at the next start").then_some(()))
        .await;
    let log = program.log();
    assert!(!log.contains(SECRET) && !log.contains(OLD_SECRET), "{log}");
}

#[tokio::test]
async fn a_secret_in_a_file_elsewhere_goes_as_that_file_changes() {
    let [near, far] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let (file, secret) = (near.path().join("belvedere.toml"), far.path().join("tokens.key"));
    std::fs::write(&secret, SECRET).unwrap();
    std::fs::write(&file, format!("[auth.keys.new]\nsecret_file = \"{}\"\n", secret.display())).unwrap();
    let program = Program::start(&["serve", "--demo", "--config", file.to_str().unwrap()]);
    let mut by_old = Socket::open(program.client.address, &format!("/t/{}/mse/demo", token(watch("demo"))))
        .await
        .expect("it opens");
    by_old.text("init").await;
    std::fs::write(&secret, OLD_SECRET).unwrap();
    assert_eq!(by_old.closed().await.0, 1008);
}
