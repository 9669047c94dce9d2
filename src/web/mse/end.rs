//! How a viewer's session ends: close codes, and the goodbye that shows them.

use std::future::poll_fn;
use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::frames::{Fault, Said};
use super::wire::{Heard, Wire};
use crate::media::framing::Kind;
use crate::mse::Refusal;

/// How long a closing handshake may take.
const CLOSE_PATIENCE: Duration = Duration::from_secs(2);
/// How long it may take before that until all is sent that was begun, unless the server ends.
const SEND_PATIENCE: Duration = Duration::from_secs(10);
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
pub async fn say_goodbye<S: AsyncRead + AsyncWrite + Unpin>(mut socket: Wire<S>, end: End) {
    let (code, reason, agreed) = match end {
        End::Close(code, reason) => (code, reason, false),
        End::Goodbye(code) => (code, String::new(), true),
        End::Gone(_) | End::Stalled(_) => return,
    };
    let reason = &reason[..reason.floor_char_boundary(LONGEST_REASON)];
    socket.say(Kind::Close, &[&code.to_be_bytes(), reason.as_bytes()].concat());
    let patience = if code == code::GOING_AWAY { CLOSE_PATIENCE } else { SEND_PATIENCE };
    if let Ok(Ok(())) = timeout(patience, poll_fn(|cx| socket.poll_sent(cx))).await {
        let _ = timeout(CLOSE_PATIENCE, close(socket, agreed)).await;
    }
}

/// Waits for the client's own goodbye, unless it has `agreed` already.
async fn close<S: AsyncRead + AsyncWrite + Unpin>(mut socket: Wire<S>, mut agreed: bool) -> io::Result<()> {
    // Until the client agrees (RFC 6455, 7.1.1), or cannot be understood.
    while !agreed {
        match poll_fn(|cx| socket.poll_heard(cx)).await {
            Heard::Said(said) => agreed = matches!(said, Said::Close(_)),
            Heard::Fault(_) | Heard::End | Heard::TimedOut => agreed = true,
        }
    }
    let mut connection = socket.into_inner();
    connection.shutdown().await?;
    let mut waste = [0; 1024];
    while connection.read(&mut waste).await? > 0 {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes what comes after `pause`; the code and the reason at its end.
    async fn told(code: u16, pause: Duration) -> Option<Vec<u8>> {
        let (near, mut far) = tokio::io::duplex(10);
        let mut socket = Wire::new(near);
        socket.say(Kind::Text, b"on its way before");
        let end = say_goodbye(socket, End::Close(code, "bye".into()));
        let reading = async move {
            tokio::time::sleep(pause).await;
            let mut all = vec![0; 19 + 7];
            far.read_exact(&mut all).await.ok().map(|_| all.split_off(19 + 2))
        };
        tokio::join!(end, reading).1
    }

    #[tokio::test]
    async fn who_is_slow_is_told_all_the_same_unless_the_server_ends() {
        let pause = CLOSE_PATIENCE + Duration::from_millis(500);
        let (removed, going) = tokio::join!(told(code::REMOVED, pause), told(code::GOING_AWAY, pause));
        assert_eq!(removed, Some([&4404_u16.to_be_bytes(), &b"bye"[..]].concat()));
        assert_eq!(going, None);
    }
}
