//! How a viewer's session ends: close codes, and the goodbye that shows them.

use std::time::Duration;

use futures_util::SinkExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use tokio_websockets::{CloseCode, Message};

use super::Socket;
use crate::mse::Refusal;

/// How long a closing handshake may take.
const CLOSE_PATIENCE: Duration = Duration::from_secs(2);

/// Close codes (the contract's, beside those of RFC 6455 7.4.1).
pub mod code {
    pub const GOING_AWAY: u16 = 1001;
    pub const PROTOCOL_ERROR: u16 = 1002;
    pub const UNSUPPORTED_DATA: u16 = 1003;
    pub const POLICY: u16 = 1008;
    pub const TOO_BIG: u16 = 1009;
    pub const FAILED: u16 = 1011;
    pub const REMOVED: u16 = 4404;
    pub const UNPLAYABLE: u16 = 4406;
}

/// How a session ends.
pub enum End {
    /// With a close code and a reason.
    Close(u16, String),
    /// The client is gone.
    Gone(&'static str),
    /// The client takes nothing or answers nothing any more.
    Stalled(&'static str),
}

impl From<Refusal> for End {
    fn from(refusal: Refusal) -> Self {
        let code = match refusal {
            Refusal::NotUnderstood => code::UNSUPPORTED_DATA,
            Refusal::NoSuchRendition => code::POLICY,
        };
        Self::Close(code, refusal.to_string())
    }
}

/// Closes with a code. What the client still sends is read and thrown away: a socket that is closed
/// with unread bytes is reset, and the client would never see the code.
pub async fn say_goodbye(socket: Socket, code: u16, reason: &str) {
    let _ = timeout(CLOSE_PATIENCE, close(socket, code, reason)).await;
}

async fn close(mut socket: Socket, code: u16, reason: &str) -> std::io::Result<()> {
    let close = Message::close(CloseCode::try_from(code).ok(), reason);
    // Both may fail where the library said goodbye by itself, as after a message that was too long:
    // closing sends out what it had to say.
    let _ = socket.feed(close).await;
    let _ = socket.close().await;
    let mut connection = socket.into_inner();
    connection.shutdown().await?;
    // Not within the task: every viewer would carry it from the beginning.
    let mut waste = vec![0; 4096];
    while connection.read(&mut waste).await? > 0 {}
    Ok(())
}
