//! How a viewer's session ends: close codes, and the goodbye that shows them.

use std::future::poll_fn;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::Socket;
use super::frames::{Fault, Said};
use super::wire::Heard;
use crate::media::framing::Kind;
use crate::mse::Refusal;

/// How long a closing handshake may take.
const CLOSE_PATIENCE: Duration = Duration::from_secs(2);
/// Most bytes of a reason: it shares a short frame with the code (RFC 6455, 5.5.1).
const LONGEST_REASON: usize = 123;

/// Close codes (our own, beside those of RFC 6455, 7.4.1).
pub mod code {
    pub const NORMAL: u16 = 1000;
    pub const GOING_AWAY: u16 = 1001;
    pub const PROTOCOL_ERROR: u16 = 1002;
    pub const UNSUPPORTED_DATA: u16 = 1003;
    pub const NO_TEXT: u16 = 1007;
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
    /// The client said goodbye, and gets its own code back.
    Goodbye(u16),
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

impl From<Fault> for End {
    fn from(fault: Fault) -> Self {
        let code = match fault {
            Fault::Protocol(_) => code::PROTOCOL_ERROR,
            Fault::NoText => code::NO_TEXT,
            Fault::TooLong => code::TOO_BIG,
        };
        Self::Close(code, fault.to_string())
    }
}

/// Closes with a code, if the end has one. What the client still sends is read and thrown away: a socket that is closed
/// with unread bytes is reset, and the client would never see the code.
pub async fn say_goodbye(socket: Socket, end: End) {
    let (code, reason, agreed) = match end {
        End::Close(code, reason) => (code, reason, false),
        End::Goodbye(code) => (code, String::new(), true),
        End::Gone(_) | End::Stalled(_) => return,
    };
    let _ = timeout(CLOSE_PATIENCE, close(socket, code, &reason, agreed)).await;
}

/// `agreed` if the client has said goodbye already.
async fn close(mut socket: Socket, code: u16, reason: &str, mut agreed: bool) -> std::io::Result<()> {
    let reason = &reason[..reason.floor_char_boundary(LONGEST_REASON)];
    socket.say(Kind::Close, &[&code.to_be_bytes(), reason.as_bytes()].concat());
    poll_fn(|cx| socket.poll_sent(cx)).await?;
    // Until the client agrees (RFC 6455, 7.1.1), or cannot be understood.
    while !agreed {
        match poll_fn(|cx| socket.poll_heard(cx)).await {
            Heard::Said(said) => agreed = matches!(said, Said::Close(_)),
            Heard::Fault(_) | Heard::End => agreed = true,
        }
    }
    let mut connection = socket.into_inner();
    connection.shutdown().await?;
    let mut waste = [0; 1024];
    while connection.read(&mut waste).await? > 0 {}
    Ok(())
}
