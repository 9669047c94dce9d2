//! A token's end is the end of what it allowed.

use std::time::{Duration, SystemTime};

use super::{House, OLD_SECRET, SECRET, signed, watch};
use crate::support::socket::Socket;
use crate::support::until;

#[tokio::test]
async fn when_a_token_ends_sockets_are_closed_and_playlists_refused() {
    let house = House::start("").await;
    let token = signed("new", SECRET, watch("gate"), SystemTime::now(), Duration::from_secs(5));
    let playlist = format!("/t/{token}/hls/gate/main/video.m3u8");
    let mut socket = Socket::open(house.address, &format!("/t/{token}/mse/gate")).await.expect("it opens");
    socket.text("init").await;
    let list = house.playlist(&playlist).await;
    // This one waits beyond the end of the token.
    let far = format!("{playlist}?_HLS_msn={}", list.next_msn() + 1);
    let client = house.client;
    let waiting = tokio::spawn(async move { client.get(&far).await });
    let (code, reason) = socket.closed().await;
    assert_eq!(code, 1008, "{reason}");
    until("the playlist's refusal", async || (house.status(&playlist).await == 401).then_some(())).await;
    let waited = waiting.await.unwrap();
    assert!([200, 401].contains(&waited.status.as_u16()), "{waited:?}");
    assert_eq!(Socket::open(house.address, &format!("/t/{token}/mse/gate")).await.err(), Some(401));
}

#[tokio::test]
async fn a_key_that_signs_no_more_is_good_until_it_is_taken_away() {
    let house = House::start("").await;
    let hour = Duration::from_secs(3600);
    let old = signed("old", OLD_SECRET, watch("gate"), SystemTime::now(), hour);
    assert_eq!(house.status(&format!("/t/{old}/hls/gate/index.m3u8")).await, 200);
    let crossed = signed("old", SECRET, watch("gate"), SystemTime::now(), hour);
    assert_eq!(house.status(&format!("/t/{crossed}/hls/gate/index.m3u8")).await, 401);
}
