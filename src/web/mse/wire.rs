//! A client's WebSocket behind its handshake: what is sent lies in the ring, and one call of the kernel takes all that
//! there is room for.

use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::frames::{Fault, Reader, Said};
use crate::media::framing::{self, Kind};
use crate::web::body::Pieces;

/// What is read at once. It lies on the stack: a client that says nothing costs no memory.
const READ: usize = 1024;
/// So many messages are handed to the kernel at once.
const SLICES: usize = 64;
/// So many bytes are handed at once to a stream that takes one piece at a time: one inside HTTP/2, which copies what it
/// takes before there is room for it, several pieces of it.
const COPIED: usize = 16 << 10;

/// What comes from a client.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard {
    /// A message.
    Said(Said),
    /// Something that cannot be read.
    Fault(Fault),
    /// Nothing more, ever.
    End,
    /// Nothing more either: the kernel gave the connection up, since nothing was taken or answered for too long.
    TimedOut,
}

/// A stream that WebSocket frames are written to and read from.
#[derive(Debug)]
pub struct Wire<S> {
    stream: S,
    reader: Reader,
    /// Whole messages, but for what the stream took of the first one.
    out: Pieces,
    written: u64,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    /// Nothing was sent yet.
    pub fn new(stream: S) -> Self {
        Self { stream, reader: Reader::default(), out: Pieces::default(), written: 0 }
    }

    /// Bytes that the stream took: whether a client still takes anything shows before a message is through.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Sends a message that has its head.
    pub fn push(&mut self, message: Bytes) {
        self.out.push(message);
    }

    /// Sends something short.
    pub fn say(&mut self, kind: Kind, payload: &[u8]) {
        self.push(framing::message(kind, payload));
    }

    /// Waits for something from the client.
    pub fn poll_heard(&mut self, cx: &mut Context<'_>) -> Poll<Heard> {
        loop {
            match self.reader.next() {
                Ok(Some(said)) => return Poll::Ready(Heard::Said(said)),
                Ok(None) => {}
                Err(fault) => return Poll::Ready(Heard::Fault(fault)),
            }
            let mut buffer = [0; READ];
            let mut buffer = ReadBuf::new(&mut buffer);
            let read = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer));
            if read.is_err() || buffer.filled().is_empty() {
                let timed_out = read.is_err_and(|error| error.kind() == ErrorKind::TimedOut);
                return Poll::Ready(if timed_out { Heard::TimedOut } else { Heard::End });
            }
            self.reader.feed(buffer.filled());
        }
    }

    /// Waits until all is sent.
    pub fn poll_sent(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.out.has_remaining() {
            let stream = Pin::new(&mut self.stream);
            let count = if stream.is_write_vectored() {
                let mut slices = [IoSlice::new(&[]); SLICES];
                let filled = self.out.chunks_vectored(&mut slices);
                ready!(stream.poll_write_vectored(cx, &slices[..filled]))?
            } else {
                let first = self.out.chunk();
                ready!(stream.poll_write(cx, &first[..first.len().min(COPIED)]))?
            };
            if count == 0 {
                return Poll::Ready(Err(ErrorKind::WriteZero.into()));
            }
            self.written += count as u64;
            self.out.advance(count);
        }
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// The stream alone; what was not sent is lost.
    pub fn into_inner(self) -> S {
        self.stream
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::{Arc, Mutex};

    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

    use super::*;

    /// Notes how many bytes each call wrote.
    struct Calls {
        stream: DuplexStream,
        vectored: bool,
        calls: Arc<Mutex<Vec<usize>>>,
    }

    impl AsyncRead for Calls {
        fn poll_read(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            Pin::new(&mut self.stream).poll_read(cx, buffer)
        }
    }

    impl AsyncWrite for Calls {
        fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
        }

        fn poll_write_vectored(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            slices: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            let bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
            let count = ready!(Pin::new(&mut self.stream).poll_write(cx, &bytes))?;
            self.calls.lock().expect("no test panics here").push(count);
            Poll::Ready(Ok(count))
        }

        fn is_write_vectored(&self) -> bool {
            self.vectored
        }

        fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.stream).poll_flush(cx)
        }

        fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.stream).poll_shutdown(cx)
        }
    }

    fn wire(room: usize) -> (Wire<Calls>, Arc<Mutex<Vec<usize>>>, DuplexStream) {
        let (near, far) = tokio::io::duplex(room);
        let calls = Arc::new(Mutex::new(Vec::new()));
        (Wire::new(Calls { stream: near, vectored: true, calls: calls.clone() }), calls, far)
    }

    async fn sent(wire: &mut Wire<Calls>) {
        poll_fn(|cx| wire.poll_sent(cx)).await.expect("the other end is there");
    }

    #[tokio::test]
    async fn all_that_there_is_goes_out_in_one_call() {
        let (mut wire, calls, mut far) = wire(1 << 20);
        wire.say(Kind::Text, b"init");
        for _ in 0..3 {
            wire.push(framing::Framed::new(20_000, |out| out.resize(out.len() + 20_000, 7)).message);
        }
        sent(&mut wire).await;
        let all = 2 + 4 + 3 * (4 + 20_000);
        assert_eq!(
            (&calls.lock().expect("no test panics here")[..], wire.written()),
            (&[all][..], all as u64)
        );
        let mut text = [0; 6];
        far.read_exact(&mut text).await.expect("it came");
        assert_eq!(&text, b"\x81\x04init");
    }

    #[tokio::test]
    async fn a_stream_that_copies_what_it_takes_is_given_little_at_once() {
        let (mut wire, calls, _far) = wire(1 << 20);
        wire.stream.vectored = false;
        wire.say(Kind::Text, b"init");
        wire.push(framing::Framed::new(40_000, |out| out.resize(out.len() + 40_000, 7)).message);
        sent(&mut wire).await;
        let pieces = [6, COPIED, COPIED, 4 + 40_000 - 2 * COPIED];
        assert_eq!(calls.lock().expect("no test panics here")[..], pieces);
    }

    #[tokio::test]
    async fn what_finds_no_room_waits_and_what_was_taken_is_counted() {
        let (mut wire, _, mut far) = wire(10);
        wire.say(Kind::Text, b"a longer text");
        let none = poll_fn(|cx| Poll::Ready(wire.poll_sent(cx).is_pending())).await;
        assert_eq!((none, wire.written()), (true, 10));
        let reading = async {
            let mut all = [0; 15];
            far.read_exact(&mut all).await.expect("it comes");
            all
        };
        let (all, ()) = tokio::join!(reading, sent(&mut wire));
        assert_eq!(&all, b"\x81\x0da longer text");
    }

    #[tokio::test]
    async fn what_the_client_says_is_heard_until_it_leaves() {
        let (mut wire, _, mut far) = wire(100);
        far.write_all(b"\x89\x81\0\0\0\0a\x81\x82\0\0\0\0hi").await.expect("there is room");
        drop(far);
        let mut heard = Vec::new();
        while heard.last() != Some(&Heard::End) {
            heard.push(poll_fn(|cx| wire.poll_heard(cx)).await);
        }
        let said = [Said::Ping(b"a".to_vec()), Said::Text("hi".into())].map(Heard::Said);
        assert_eq!(heard, said.into_iter().chain([Heard::End]).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_told() {
        let (mut wire, _, mut far) = wire(100);
        far.write_all(b"\x81\x05Hello").await.expect("there is room");
        let heard = poll_fn(|cx| wire.poll_heard(cx)).await;
        assert!(matches!(heard, Heard::Fault(Fault::Protocol(_))), "{heard:?}");
    }
}
