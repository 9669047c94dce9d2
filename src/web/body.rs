//! The one body type of all answers: a few pieces of shared memory, sent as they are, or more and more of them.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt;
use std::io::IoSlice;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use futures_util::Stream;

use super::streams;
use hyper::body::{Frame, SizeHint};

/// An answer in pieces. Unless it is endless its length is known, so that the answer has a Content-Length; and it is
/// given out whole, so that one vectored write takes all that the connection has room for.
#[derive(Debug, Default)]
pub struct Body {
    pieces: Pieces,
    more: Option<More>,
}

/// What comes later.
struct More(Pin<Box<dyn Stream<Item = Pieces> + Send>>);

impl fmt::Debug for More {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("More")
    }
}

/// Pieces of shared memory in order, to be written end to end.
#[derive(Debug, Default)]
pub struct Pieces {
    /// None of them is empty.
    pieces: VecDeque<Bytes>,
    left: usize,
}

impl Pieces {
    /// Puts a piece behind all others.
    pub fn push(&mut self, piece: Bytes) {
        if !piece.is_empty() {
            self.left += piece.len();
            self.pieces.push_back(piece);
        }
    }
}

impl Buf for Pieces {
    fn remaining(&self) -> usize {
        self.left
    }

    fn chunk(&self) -> &[u8] {
        self.pieces.front().map_or(&[], |piece| piece)
    }

    fn chunks_vectored<'a>(&'a self, out: &mut [IoSlice<'a>]) -> usize {
        let filled = out.iter_mut().zip(&self.pieces);
        filled.map(|(slice, piece)| *slice = IoSlice::new(piece)).count()
    }

    fn advance(&mut self, mut count: usize) {
        assert!(count <= self.left, "cannot advance beyond the end");
        self.left -= count;
        while let Some(piece) = self.pieces.front_mut() {
            if count < piece.len() {
                return piece.advance(count);
            }
            count -= piece.len();
            self.pieces.pop_front();
        }
    }
}

impl FromIterator<Bytes> for Pieces {
    fn from_iter<I: IntoIterator<Item = Bytes>>(pieces: I) -> Self {
        let pieces: VecDeque<_> = pieces.into_iter().filter(|piece| !piece.is_empty()).collect();
        let left = pieces.iter().map(Bytes::len).sum();
        Self { pieces, left }
    }
}

impl FromIterator<Bytes> for Body {
    fn from_iter<I: IntoIterator<Item = Bytes>>(pieces: I) -> Self {
        Self { pieces: pieces.into_iter().collect(), more: None }
    }
}

impl Body {
    /// An answer of which nobody knows how long it will be. It is asked for more when the connection has room.
    pub fn endless(more: impl Stream<Item = Pieces> + Send + 'static) -> Self {
        Self { pieces: Pieces::default(), more: Some(More(Box::pin(more))) }
    }

    /// Bytes that are still to come, and known.
    pub fn left(&self) -> u64 {
        self.pieces.left as u64
    }

    /// The bytes from `start` to before `end`, of the same memory.
    pub fn range(self, start: u64, end: u64) -> Self {
        let mut offset = 0;
        let cut = |piece: Bytes| {
            let from = start.saturating_sub(offset).min(piece.len() as u64) as usize;
            let to = end.saturating_sub(offset).min(piece.len() as u64) as usize;
            offset += piece.len() as u64;
            piece.slice(from..to.max(from))
        };
        self.pieces.pieces.into_iter().map(cut).collect()
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        std::iter::once(bytes).collect()
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

impl hyper::body::Body for Body {
    type Data = Pieces;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Pieces>, Infallible>>> {
        streams::asked();
        let all = std::mem::take(&mut self.pieces);
        let next = match &mut self.more {
            _ if all.left > 0 => Some(all),
            Some(More(more)) => ready!(more.as_mut().poll_next(cx)),
            None => None,
        };
        if next.is_some() {
            streams::given();
        }
        Poll::Ready(next.map(|pieces| Ok(Frame::data(pieces))))
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.left == 0 && self.more.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        if self.more.is_some() { SizeHint::default() } else { SizeHint::with_exact(self.left()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;
    use hyper::body::Body as _;

    #[test]
    fn pieces_are_written_with_one_call_and_advanced_over_their_borders() {
        let mut pieces = Body::from_iter([&b"one"[..], b"two", b"three"].map(Bytes::from_static)).pieces;
        let mut slices = [IoSlice::new(&[]); 8];
        assert_eq!(pieces.chunks_vectored(&mut slices), 3);
        pieces.advance(4);
        assert_eq!((pieces.chunk(), pieces.remaining()), (&b"wo"[..], 7));
        pieces.advance(2);
        assert_eq!(pieces.chunk(), b"three");
        pieces.advance(5);
        assert_eq!((pieces.chunk(), pieces.remaining()), (&b""[..], 0));
    }

    #[tokio::test]
    async fn pieces_come_out_in_order_and_their_length_is_known() {
        let body: Body = [&b"one"[..], b"", b"two"].map(Bytes::from_static).into_iter().collect();
        assert_eq!(body.size_hint().exact(), Some(6));
        assert_eq!(body.collect().await.expect("cannot fail").to_bytes(), "onetwo");
    }
}
