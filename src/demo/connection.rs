//! One client's TCP connection: requests in, answers and interleaved packets out, all in one task.
//!
//! Nothing is queued: packets are made when they are due and written before the next are made, so a slow client costs
//! one turn's bytes and, after a while, its connection.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;

use bytes::{Buf, BytesMut};
use rtsp_types::{Message, ParseError, StatusCode};
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};

use super::options::Options;
use super::request::Reply;
use super::server::Shared;
use super::session::Client;
use crate::clock;

/// Longest request, and longest unread rest of one, in bytes.
const MAX_REQUEST: usize = 16 * 1024;

/// What the kernel may hold for a client that does not read, in bytes: some seconds of the stream. Left to itself it
/// takes megabytes, and the client would be minutes behind before anybody noticed.
const SEND_BUFFER: usize = 64 * 1024;

/// Why a connection ended, but for the server's own wish.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ended {
    #[error("the client closed it")]
    Closed,
    #[error("no sign of life from the client")]
    Silent,
    #[error("the client reads too slowly")]
    Slow,
    #[error("what the client says is not RTSP")]
    NotRtsp,
    #[error("a packet cannot be expressed")]
    Packet(#[from] rtp_types::RtpWriteError),
    #[error("the system failed it")]
    Io(#[from] io::Error),
}

/// Serves a client to its end, which is always for a reason. May be dropped at any time.
pub(super) async fn run(mut socket: TcpStream, shared: Arc<Shared>) -> Result<Infallible, Ended> {
    socket.set_nodelay(true)?;
    SockRef::from(&socket).set_send_buffer_size(SEND_BUFFER)?;
    let (local, peer) = (socket.local_addr()?, socket.peer_addr()?);
    let mut client = Client::new(Arc::clone(&shared), local, peer);
    let mut heard = BytesMut::with_capacity(4096);
    let mut out = Vec::new();
    let mut last_heard = clock::now().instant;
    loop {
        let wake = client.player().and_then(|player| player.wake());
        let silent_at = Instant::from_std(last_heard + shared.options.session_timeout);
        let may_be_silent = client.plays_over_tcp() && !shared.faults.insists_on_life();
        tokio::select! {
            read = socket.read_buf(&mut heard) => {
                if read? == 0 {
                    return Err(Ended::Closed);
                }
                last_heard = clock::now().instant;
                let understood = answer(&mut client, &mut heard, &mut out);
                write(&mut socket, &mut out, &shared.options).await?;
                understood?;
            }
            () = sleep_until(wake.map_or(silent_at, Instant::from_std)), if wake.is_some() => {
                if let Some(player) = client.player() {
                    player.turn(clock::now().instant, &shared.faults, &mut out)?;
                    if shared.faults.asks_clients() {
                        out.extend(b"OPTIONS * RTSP/1.0\r\nCSeq: 9\r\n\r\n");
                    }
                }
                write(&mut socket, &mut out, &shared.options).await?;
            }
            () = sleep_until(silent_at), if !may_be_silent => return Err(Ended::Silent),
        }
    }
}

/// Answers all whole requests in `heard` into `out`; the rest of one stays.
fn answer(client: &mut Client, heard: &mut BytesMut, out: &mut Vec<u8>) -> Result<(), Ended> {
    loop {
        let message = match Message::<Vec<u8>>::parse(&heard[..]) {
            Ok((message, length)) => {
                heard.advance(length);
                message
            }
            Err(ParseError::Incomplete(_)) if heard.len() < MAX_REQUEST => return Ok(()),
            Err(_) => {
                append(&Reply::of(StatusCode::BadRequest).build(None), out);
                return Err(Ended::NotRtsp);
            }
        };
        // Interleaved data are the client's receiver reports; nothing here adapts to them.
        if let Message::Request(request) = message {
            append(&client.answer(&request), out);
        }
    }
}

fn append(response: &rtsp_types::Response<Vec<u8>>, out: &mut Vec<u8>) {
    if let Err(error) = response.write(out) {
        tracing::error!(?error, "an RTSP answer cannot be written"); // a Vec takes everything
    }
}

async fn write(
    socket: &mut (impl AsyncWrite + Unpin),
    out: &mut Vec<u8>,
    options: &Options,
) -> Result<(), Ended> {
    if !out.is_empty() {
        timeout(options.write_timeout, socket.write_all(out)).await.map_err(|_| Ended::Slow)??;
        out.clear();
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use std::net::SocketAddr;
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_client_that_does_not_read_is_given_up() {
        let options = Options { write_timeout: Duration::from_millis(10), ..Options::default() };
        let (mut socket, _client) = tokio::io::duplex(16);
        write(&mut socket, &mut vec![0; 16], &options).await.unwrap();
        assert!(matches!(write(&mut socket, &mut vec![0], &options).await, Err(Ended::Slow)));
    }

    /// What is answered to `text`, and what of it stays unread.
    fn say(text: &[u8]) -> (Result<(), Ended>, String, usize) {
        let shared = Arc::new(Shared::new(Options::default()).unwrap());
        let address = SocketAddr::from(([127, 0, 0, 1], 554));
        let (mut heard, mut out) = (BytesMut::from(text), Vec::new());
        let understood = answer(&mut Client::new(shared, address, address), &mut heard, &mut out);
        (understood, String::from_utf8(out).unwrap(), heard.len())
    }

    #[test]
    fn requests_may_come_in_pieces_together_and_between_data() {
        let text =
            b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n$\x01\x00\x02abOPTIONS * RTSP/1.0\r\nCSeq: 2\r\n\r\nOPTI";
        let (understood, out, rest) = say(text);
        understood.unwrap();
        assert!(out.find("CSeq: 1\r\n").unwrap() < out.find("CSeq: 2\r\n").unwrap(), "{out}");
        assert_eq!(rest, 4);
    }

    #[test]
    fn what_is_not_rtsp_or_has_no_end_is_a_bad_request() {
        for text in [&b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"[..], &[b'A'; MAX_REQUEST]] {
            let (understood, out, _) = say(text);
            assert!(matches!(understood, Err(Ended::NotRtsp)));
            assert!(out.starts_with("RTSP/1.0 400 "), "{out}");
        }
    }
}
