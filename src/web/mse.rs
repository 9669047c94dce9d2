//! The MSE feed's socket: handshake, sending, and what the client says.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use std::vec;

use futures_util::{SinkExt, StreamExt};
use headers::{Connection, HeaderMapExt, SecWebsocketAccept, SecWebsocketKey, SecWebsocketVersion, Upgrade};
use hyper::header::{HeaderMap, HeaderValue, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, UPGRADE};
use hyper::upgrade::OnUpgrade;
use hyper::{Method, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tokio_util::sync::CancellationToken;
use tokio_websockets::{CloseCode, Config, Limits, Message, ServerBuilder, WebSocketStream};
use tracing::debug;

use super::access::Lease;
use super::answer::{Answer, Cache, error, ok};
use super::body::Body;
use crate::live::{Camera, Channel, State, Status, Tip};
use crate::media::Ticks;
use crate::mse::{self, ClientText, Decodable, Feed, Message as FeedMessage, Options, ServerText};

/// The subprotocol, offered by clients that know it.
const PROTOCOL: &str = "belvedere.mse.v1";
/// Most bytes of one message from a client: its texts are short.
const CLIENT_MESSAGE: usize = 4096;
/// A client that answers no ping for this many intervals is gone.
const PINGS_UNANSWERED: u32 = 2;
/// What the socket queues before it writes: one write takes all that is ready.
const FLUSH_THRESHOLD: usize = 64 << 10;

/// Close codes (the contract's, beside those of RFC 6455 7.4.1).
mod code {
    pub const GOING_AWAY: u16 = 1001;
    pub const PROTOCOL_ERROR: u16 = 1002;
    pub const UNSUPPORTED_DATA: u16 = 1003;
    pub const POLICY: u16 = 1008;
    pub const TOO_BIG: u16 = 1009;
    pub const REMOVED: u16 = 4404;
    pub const UNPLAYABLE: u16 = 4406;
}

/// Checks the handshake of RFC 6455 4.2.1 and answers it.
///
/// # Errors
/// The answer for a request that is no WebSocket handshake.
pub fn handshake(method: &Method, headers: &HeaderMap) -> Result<Answer, Box<Answer>> {
    let refuse = |sentence| Err(Box::new(error(StatusCode::BAD_REQUEST, sentence)));
    let tokens = headers.get_all(UPGRADE).iter().filter_map(|value| value.to_str().ok());
    let mut tokens = tokens.flat_map(|value| value.split(','));
    let upgrade = tokens.any(|token| token.trim().eq_ignore_ascii_case("websocket"));
    let asked = headers.typed_get::<Connection>().is_some_and(|connection| connection.contains("upgrade"));
    if method != Method::GET || !upgrade || !asked {
        let mut answer =
            error(StatusCode::UPGRADE_REQUIRED, "this is a WebSocket: open it with ws:// or wss://");
        answer.headers_mut().typed_insert(Upgrade::websocket());
        return Err(Box::new(answer));
    }
    if headers.typed_get::<SecWebsocketVersion>() != Some(SecWebsocketVersion::V13) {
        return refuse("the WebSocket version must be 13");
    }
    // 16 bytes are 24 characters of Base64, the last two of them padding.
    let good = |key: &HeaderValue| key.len() == 24 && key.as_bytes().ends_with(b"==");
    let key = headers.get(SEC_WEBSOCKET_KEY).filter(|key| good(key));
    let Some(key) = key.and_then(|_| headers.typed_get::<SecWebsocketKey>()) else {
        return refuse("the WebSocket handshake has no key of 16 bytes");
    };
    let mut answer = ok("", Cache::Never, Body::default());
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let out = answer.headers_mut();
    out.typed_insert(Upgrade::websocket());
    out.typed_insert(Connection::upgrade());
    out.typed_insert(SecWebsocketAccept::from(key));
    let offers = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
    if offers.flat_map(|value| value.split(',')).any(|offer| offer.trim() == PROTOCOL) {
        out.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(PROTOCOL));
    }
    Ok(answer)
}

/// What a viewer asked for.
pub struct Viewer {
    /// The camera.
    pub camera: Arc<Camera>,
    /// Rendition by name; `None` for `auto`.
    pub rendition: Option<String>,
    /// What the client can decode.
    pub decodable: Decodable,
    /// Options of all feeds.
    pub options: Options,
    /// How long it may watch.
    pub lease: Lease,
}

/// Serves one viewer until it leaves, falls silent, or the server stops.
pub async fn serve(upgrade: OnUpgrade, viewer: Viewer, stop: CancellationToken) {
    let upgraded = match upgrade.await {
        Ok(upgraded) => upgraded,
        Err(error) => return debug!(%error, "a WebSocket was not opened"),
    };
    let mut socket = ServerBuilder::new()
        .config(Config::default().frame_size(usize::MAX).flush_threshold(FLUSH_THRESHOLD))
        .limits(Limits::default().max_payload_len(Some(CLIENT_MESSAGE)))
        .serve(TokioIo::new(upgraded));
    let camera = viewer.camera.name.clone();
    let end = Session::new(viewer).run(&mut socket, &stop).await;
    match &end {
        End::Gone(reason) => debug!(camera, reason, "an MSE viewer left"),
        End::Close(code, reason) => debug!(camera, code, reason, "an MSE viewer is sent away"),
    }
    if let End::Close(code, reason) = end {
        let _ = timeout(CLOSE_PATIENCE, say_goodbye(socket, code, &reason)).await;
    }
}

/// Closes with a code. What the client still sends is read and thrown away: a socket that is closed
/// with unread bytes is reset, and the client would never see the code.
async fn say_goodbye(mut socket: Socket, code: u16, reason: &str) -> io::Result<()> {
    let close = Message::close(CloseCode::try_from(code).ok(), reason);
    // Both may fail where the library said goodbye by itself, as after a message that was too long:
    // closing sends out what it had to say.
    let _ = socket.feed(close).await;
    let _ = socket.close().await;
    let mut connection = socket.into_inner();
    connection.shutdown().await?;
    let mut waste = [0; 4096];
    while connection.read(&mut waste).await? > 0 {}
    Ok(())
}

/// How long a closing handshake may take.
const CLOSE_PATIENCE: Duration = Duration::from_secs(2);

/// How a session ends.
enum End {
    /// With a close code and a reason.
    Close(u16, String),
    /// The client is gone, or takes nothing any more.
    Gone(&'static str),
}

type Socket = WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>;

struct Session {
    viewer: Viewer,
    feed: Feed,
    rendition: String,
    tips: watch::Receiver<Tip>,
    statuses: watch::Receiver<Status>,
    paused: bool,
    out: Vec<FeedMessage>,
}

impl Session {
    fn new(viewer: Viewer) -> Self {
        let (rendition, channel) = choose(&viewer);
        let feed = open_feed(&viewer, &rendition, channel.clone());
        let (tips, statuses) = (channel.chunk_tips(), channel.statuses());
        Self { viewer, feed, rendition, tips, statuses, paused: false, out: Vec::new() }
    }

    async fn run(mut self, socket: &mut Socket, stop: &CancellationToken) -> End {
        let options = self.viewer.options;
        let mut pings = interval_at(Instant::now() + options.ping_interval, options.ping_interval);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut unanswered = 0;
        let status = self.statuses.borrow_and_update().clone();
        if status.state != State::Live
            && let Err(end) = self.say(socket, ServerText::status(&status)).await
        {
            return end;
        }
        let mut stopped = pin!(stop.cancelled());
        let lease = self.viewer.lease;
        let mut over = pin!(lease.ended());
        loop {
            if let Err(end) = self.send_news(socket).await {
                return end;
            }
            let next = tokio::select! {
                () = &mut stopped => Err(End::Close(code::GOING_AWAY, "the server is stopping".into())),
                () = &mut over => Err(End::Close(code::POLICY, "the permission to watch has ended".into())),
                message = socket.next() => {
                    unanswered = 0;
                    self.hear(message)
                }
                changed = self.tips.changed() => changed.map_err(|_| End::Gone("channel dropped")),
                changed = self.statuses.changed() => match changed {
                    Ok(()) => {
                        let status = self.statuses.borrow_and_update().clone();
                        self.say(socket, ServerText::status(&status)).await
                    }
                    Err(_) => Err(End::Gone("channel dropped")),
                },
                _ = pings.tick() => {
                    unanswered += 1;
                    if unanswered > PINGS_UNANSWERED {
                        Err(End::Gone("no answer to pings"))
                    } else {
                        self.give(socket, Message::ping(&b""[..])).await
                    }
                }
            };
            if let Err(end) = next {
                return end;
            }
        }
    }

    /// Sends all that is new, each chunk as it lies in the ring.
    async fn send_news(&mut self, socket: &mut Socket) -> Result<(), End> {
        loop {
            let tip = *self.tips.borrow_and_update();
            if tip.closed {
                return Err(End::Close(code::REMOVED, "the camera was removed".into()));
            }
            if self.paused || !self.feed.has_news(&tip) {
                return Ok(());
            }
            self.out.clear();
            while self.out.iter().map(size).sum::<usize>() < FLUSH_THRESHOLD {
                match self.feed.read(&mut self.out) {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(unplayable) => return Err(End::Close(code::UNPLAYABLE, unplayable.to_string())),
                }
            }
            let mut messages = std::mem::take(&mut self.out);
            self.give_all(socket, messages.drain(..)).await?;
            self.out = messages;
        }
    }

    async fn say(&self, socket: &mut Socket, text: ServerText) -> Result<(), End> {
        self.give(socket, Message::text(text.to_json())).await
    }

    async fn give(&self, socket: &mut Socket, message: Message) -> Result<(), End> {
        match timeout(self.viewer.options.stall_timeout, socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Gone("the socket broke")),
            Err(_) => Err(End::Gone("took nothing for too long")),
        }
    }

    async fn give_all(&self, socket: &mut Socket, messages: vec::Drain<'_, FeedMessage>) -> Result<(), End> {
        let sending = async {
            for message in messages {
                socket
                    .feed(match message {
                        FeedMessage::Text(text) => Message::text(text.to_json()),
                        FeedMessage::Binary(bytes) => Message::binary(bytes),
                    })
                    .await?;
            }
            socket.flush().await
        };
        match timeout(self.viewer.options.stall_timeout, sending).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Gone("the socket broke")),
            Err(_) => Err(End::Gone("took nothing for too long")),
        }
    }

    /// Does what the client says.
    fn hear(&mut self, message: Option<Result<Message, tokio_websockets::Error>>) -> Result<(), End> {
        let message = match message {
            None => return Err(End::Gone("closed by the client")),
            Some(Err(tokio_websockets::Error::PayloadTooLong { .. })) => {
                return Err(End::Close(code::TOO_BIG, "that message is too long".into()));
            }
            Some(Err(tokio_websockets::Error::Io(_))) => return Err(End::Gone("the socket broke")),
            Some(Err(error)) => return Err(End::Close(code::PROTOCOL_ERROR, error.to_string())),
            Some(Ok(message)) => message,
        };
        if message.is_binary() {
            return Err(End::Close(code::UNSUPPORTED_DATA, "only text is understood here".into()));
        }
        let Some(text) = message.as_text() else { return Ok(()) };
        match serde_json::from_str(text) {
            Ok(ClientText::Pause) => self.paused = true,
            Ok(ClientText::Resume) => {
                self.paused = false;
                self.feed.rejoin();
            }
            Ok(ClientText::Select { rendition }) => return self.select(rendition),
            Ok(ClientText::Report { .. }) => {}
            Err(_) => {
                return Err(End::Close(code::UNSUPPORTED_DATA, "that message is not understood".into()));
            }
        }
        Ok(())
    }

    fn select(&mut self, rendition: String) -> Result<(), End> {
        self.viewer.rendition = (rendition != mse::AUTO).then_some(rendition);
        if self.viewer.camera.rendition(self.viewer.rendition.as_deref()).is_none() {
            return Err(End::Close(code::POLICY, "there is no such rendition".into()));
        }
        let (name, channel) = choose(&self.viewer);
        if name != self.rendition {
            self.feed = open_feed(&self.viewer, &name, channel.clone());
            (self.tips, self.statuses) = (channel.chunk_tips(), channel.statuses());
            self.statuses.mark_changed();
            self.rendition = name;
        }
        Ok(())
    }
}

fn size(message: &FeedMessage) -> usize {
    match message {
        FeedMessage::Binary(bytes) => bytes.len(),
        FeedMessage::Text(_) => 0,
    }
}

fn open_feed(viewer: &Viewer, rendition: &str, channel: Arc<Channel>) -> Feed {
    Feed::new(rendition, channel, viewer.decodable.clone(), Ticks::from_duration(viewer.options.max_lag))
}

/// The rendition that was asked for; in `auto`, the first that the client can decode, a live one
/// before one that is not.
fn choose(viewer: &Viewer) -> (String, Arc<Channel>) {
    let renditions = &viewer.camera.renditions;
    let playable = |channel: &Channel| {
        channel.epoch().is_none_or(|epoch| viewer.decodable.playable(&epoch.tracks).is_some())
    };
    let live = |channel: &Channel| channel.status().state == State::Live;
    let asked = viewer.rendition.as_deref().and_then(|name| viewer.camera.rendition(Some(name)));
    let rendition = asked
        .or_else(|| renditions.iter().find(|one| live(&one.channel) && playable(&one.channel)))
        .or_else(|| renditions.iter().find(|one| playable(&one.channel)))
        .unwrap_or(&renditions[0]);
    (rendition.name.clone(), rendition.channel.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A browser's handshake, with one header changed.
    fn handshake_with(name: &'static str, value: &'static str) -> StatusCode {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("upgrade", "websocket"),
            ("connection", "keep-alive, Upgrade"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
            (name, value),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        handshake(&Method::GET, &headers).map_or_else(|refusal| refusal.status(), |answer| answer.status())
    }

    #[test]
    fn a_handshake_is_taken_however_it_is_spelled() {
        for value in ["websocket", "WebSocket", "h2c, websocket"] {
            assert_eq!(handshake_with("upgrade", value), StatusCode::SWITCHING_PROTOCOLS, "{value}");
        }
    }

    #[test]
    fn what_is_no_handshake_is_refused_by_its_kind() {
        assert_eq!(handshake_with("upgrade", "h2c"), StatusCode::UPGRADE_REQUIRED);
        assert_eq!(handshake_with("connection", "close"), StatusCode::UPGRADE_REQUIRED);
        assert_eq!(handshake_with("sec-websocket-version", "8"), StatusCode::BAD_REQUEST);
        assert_eq!(handshake_with("sec-websocket-key", "abc"), StatusCode::BAD_REQUEST);
    }

    #[test]
    fn the_answer_to_the_key_is_that_of_the_standard() {
        let mut headers = HeaderMap::new();
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert("connection", HeaderValue::from_static("Upgrade"));
        headers.insert("sec-websocket-version", HeaderValue::from_static("13"));
        headers.insert(SEC_WEBSOCKET_KEY, HeaderValue::from_static("dGhlIHNhbXBsZSBub25jZQ=="));
        headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("chat, belvedere.mse.v1"));
        let answer = handshake(&Method::GET, &headers).expect("RFC 6455's own example, 1.3");
        assert_eq!(answer.headers()["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_eq!(answer.headers()[SEC_WEBSOCKET_PROTOCOL], PROTOCOL);
    }
}
