//! What a client may say, and what it may not.

use crate::support::media::Chunk;
use crate::support::site::shared;
use crate::support::socket::{Event, Socket};

async fn playing() -> (Socket, Chunk) {
    let mut socket = Socket::open(shared().address, "/mse/demo?rendition=main").await.expect("it opens");
    socket.text("init").await;
    socket.init().await;
    let first = socket.chunk().await;
    (socket, first)
}

/// Reads on until the next announcement; then the init segment and the first chunk.
async fn announced(socket: &mut Socket) -> (serde_json::Value, Chunk) {
    let text = socket.text("init").await;
    socket.init().await;
    (text, socket.chunk().await)
}

#[tokio::test]
async fn select_goes_on_with_the_other_rendition_from_its_newest_sync_sample() {
    let (mut socket, before) = playing().await;
    socket.say(r#"{"type":"select","rendition":"sub"}"#).await;
    let (text, first) = announced(&mut socket).await;
    assert_eq!(text["rendition"], "sub");
    assert!(first.starts_picture());
    // One timeline for both: at most a GOP back, and not far ahead.
    let away = first.start as i64 - before.start as i64;
    assert!((-200_000..=900_000).contains(&away), "{away} ticks from one rendition to the other");
    socket.say(r#"{"type":"select","rendition":"auto"}"#).await;
    assert_eq!(announced(&mut socket).await.0["rendition"], "main");
}

#[tokio::test]
async fn selecting_what_is_on_already_changes_nothing() {
    let (mut socket, _) = playing().await;
    socket.say(r#"{"type":"select","rendition":"main"}"#).await;
    socket.say(r#"{"type":"report","buffered":0.4,"latency":0.3}"#).await;
    let mut after = 0;
    // An announcement in between would not be a chunk.
    while after < 40 {
        socket.chunk().await;
        after += 1;
    }
}

#[tokio::test]
async fn selecting_what_is_not_there_closes_with_1008() {
    let (mut socket, _) = playing().await;
    socket.say(r#"{"type":"select","rendition":"nobody"}"#).await;
    assert_eq!(socket.closed().await.0, 1008);
}

#[tokio::test]
async fn after_a_pause_the_feed_goes_on_at_the_newest_sync_sample() {
    let (mut socket, _) = playing().await;
    let (mut other, _) = playing().await;
    socket.say(r#"{"type":"pause"}"#).await;
    // What was on its way still comes; then nothing does, while another viewer sees two GOPs.
    let mut syncs = 0;
    while syncs < 2 {
        syncs += usize::from(other.chunk().await.starts_picture());
    }
    let mut late = 0;
    let mut last = 0;
    while let Ok(event) = tokio::time::timeout(std::time::Duration::from_millis(300), socket.next()).await {
        match event {
            Event::Chunk(chunk) => last = chunk.start,
            Event::Text(text) => assert_eq!(text["type"], "status", "only media was on its way"),
            other => panic!("only media was on its way: {other:?}"),
        }
        late += 1;
        assert!(late < 200, "chunks come although the feed is paused");
    }
    socket.say(r#"{"type":"resume"}"#).await;
    let (text, first) = announced(&mut socket).await;
    assert_eq!(text["rendition"], "main");
    assert!(first.starts_picture());
    assert!(last == 0 || first.start > last, "what was missed is not sent later");
}

#[tokio::test]
async fn nonsense_closes_with_1003() {
    for text in ["pause", "{", r#"{"type":"explode"}"#, r#"{"type":"select"}"#, ""] {
        let (mut socket, _) = playing().await;
        socket.say(text).await;
        assert_eq!(socket.closed().await.0, 1003, "{text:?}");
    }
    let (mut socket, _) = playing().await;
    socket.send_binary(b"\0\0\0\x08moof").await;
    assert_eq!(socket.closed().await.0, 1003, "nobody can send media here");
}

async fn too_long(bytes: usize) -> (u16, String) {
    let (mut socket, _) = playing().await;
    socket.say(&format!(r#"{{"type":"select","rendition":"{}"}}"#, "a".repeat(bytes))).await;
    socket.closed().await
}

#[tokio::test]
async fn a_message_that_is_too_long_closes_with_1009() {
    assert_eq!(too_long(4_200).await.0, 1009);
}

#[tokio::test]
async fn a_message_that_is_far_too_long_closes_with_1009_too() {
    assert_eq!(too_long(20_000).await.0, 1009);
    assert_eq!(too_long(200_000).await.0, 1009);
}

#[tokio::test]
async fn a_client_that_says_goodbye_gets_it_back() {
    let (mut socket, _) = playing().await;
    socket.stream.close(None).await.expect("a close frame can be sent");
    // The answer has no code of its own to compare: that it comes at all, as a clean end, is the point.
    let end = async {
        use futures_util::StreamExt;
        while let Some(message) = socket.stream.next().await {
            message.expect("the closing handshake is clean");
        }
    };
    crate::support::soon("the end of the closing handshake", end).await;
}
