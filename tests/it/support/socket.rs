//! A client of the MSE feed.

use std::net::SocketAddr;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use hyper::header::HeaderName;
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::media::{self, Chunk, Init};
use super::soon;

/// An open socket.
pub struct Socket {
    pub stream: WebSocketStream<TcpStream>,
    /// The subprotocol that the server chose.
    pub protocol: Option<String>,
}

/// What the server sends.
#[derive(Clone, Debug)]
pub enum Event {
    Text(serde_json::Value),
    Init(Init),
    Chunk(Chunk),
    /// Close code and reason.
    Closed(u16, String),
}

impl Socket {
    /// Opens `/mse/…`; the HTTP status when it is refused.
    pub async fn open(address: SocketAddr, path: &str) -> Result<Self, u16> {
        Self::open_with(address, path, None, None).await
    }

    /// The same with more headers.
    pub async fn open_as(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Result<Self, u16> {
        let mut request = format!("ws://{address}{path}").into_client_request().unwrap();
        for (name, value) in headers {
            let name: HeaderName = name.parse().unwrap();
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        Self::shake(address, path, request, None).await
    }

    /// The same with a subprotocol to offer, and with a receive buffer so small that not reading is soon felt.
    pub async fn open_with(
        address: SocketAddr,
        path: &str,
        protocol: Option<&str>,
        buffer: Option<u32>,
    ) -> Result<Self, u16> {
        let mut request = format!("ws://{address}{path}").into_client_request().unwrap();
        if let Some(protocol) = protocol {
            request.headers_mut().insert("Sec-WebSocket-Protocol", protocol.parse().unwrap());
        }
        Self::shake(address, path, request, buffer).await
    }

    async fn shake(
        address: SocketAddr,
        path: &str,
        request: Request,
        buffer: Option<u32>,
    ) -> Result<Self, u16> {
        let socket = TcpSocket::new_v4().unwrap();
        if let Some(bytes) = buffer {
            socket.set_recv_buffer_size(bytes).unwrap();
        }
        let stream = soon("a connection", socket.connect(address)).await.unwrap();
        match soon("the handshake", client_async(request, stream)).await {
            Ok((stream, response)) => {
                let chosen = response.headers().get("Sec-WebSocket-Protocol");
                let protocol = chosen.map(|value| value.to_str().unwrap().to_owned());
                Ok(Self { stream, protocol })
            }
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("{path}: {error}"),
        }
    }

    /// The next event.
    pub async fn next(&mut self) -> Event {
        soon("a message", self.read()).await
    }

    async fn read(&mut self) -> Event {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => {
                    return Event::Text(serde_json::from_str(&text).expect("texts are JSON"));
                }
                Some(Ok(Message::Binary(bytes))) => return binary(&bytes),
                Some(Ok(Message::Close(frame))) => {
                    let frame = frame.expect("a close frame has a code");
                    return Event::Closed(frame.code.into(), frame.reason.to_string());
                }
                Some(Ok(_)) => {}
                other => panic!("the socket broke without a close frame: {other:?}"),
            }
        }
    }

    /// The next text of `kind`; what comes before it is passed over.
    pub async fn text(&mut self, kind: &str) -> serde_json::Value {
        let reading = async {
            loop {
                match self.read().await {
                    Event::Text(text) if text["type"] == kind => return text,
                    Event::Closed(code, reason) => panic!("closed with {code} {reason} before {kind}"),
                    _ => {}
                }
            }
        };
        soon(&format!("a text of type {kind}"), reading).await
    }

    /// The next init segment.
    pub async fn init(&mut self) -> Init {
        match self.next().await {
            Event::Init(init) => init,
            other => panic!("an init segment was to come, not {other:?}"),
        }
    }

    /// The next chunk; texts before it are passed over, an init segment is not.
    pub async fn chunk(&mut self) -> Chunk {
        loop {
            match self.next().await {
                Event::Chunk(chunk) => return chunk,
                Event::Text(text) if text["type"] == "status" => {}
                other => panic!("a chunk was to come, not {other:?}"),
            }
        }
    }

    /// Reads until the server closes; code and reason.
    pub async fn closed(&mut self) -> (u16, String) {
        let reading = async {
            loop {
                if let Event::Closed(code, reason) = self.read().await {
                    return (code, reason);
                }
            }
        };
        soon("a close frame", reading).await
    }

    /// Says something.
    pub async fn say(&mut self, text: &str) {
        self.stream.send(Message::text(text)).await.unwrap();
    }

    pub async fn send_binary(&mut self, bytes: &'static [u8]) {
        self.stream.send(Message::binary(Bytes::from_static(bytes))).await.unwrap();
    }
}

fn binary(bytes: &[u8]) -> Event {
    if media::is_init(bytes) { Event::Init(media::init(bytes)) } else { Event::Chunk(media::one(bytes)) }
}
