//! The one body type of all answers: a few pieces of shared memory, sent as they are, or more and more of them.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt;
use std::io::IoSlice;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use futures_util::Stream;
use hyper::body::{Frame, SizeHint};

use super::streams;

/// Most bytes that a stream of HTTP/2 is given at once.
const SLICE: usize = 64 << 10;

/// An answer in pieces. Unless it is endless its length is known, so that the answer has a Content-Length; and with
/// HTTP/1 it is given out whole, so that one vectored write takes all that the connection has room for.
#[derive(Debug, Default)]
pub struct Body {
    pieces: Pieces,
    more: Option<More>,
    /// Everything was given, and not yet that it was.
    ending: bool,
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

    /// Takes away the first bytes, `most` or what there is.
    fn split_to(&mut self, most: usize) -> Self {
        if self.left <= most {
            return std::mem::take(self);
        }
        let mut first = Self::default();
        while first.left < most
            && let Some(piece) = self.pieces.front_mut()
        {
            let room = (most - first.left).min(piece.len());
            first.push(piece.split_to(room));
            self.left -= room;
            if piece.is_empty() {
                self.pieces.pop_front();
            }
        }
        first
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
        Self { pieces: pieces.into_iter().collect(), ..Self::default() }
    }
}

impl Body {
    /// An answer of which nobody knows how long it will be. It is asked for more when the connection has room.
    pub fn endless(more: impl Stream<Item = Pieces> + Send + 'static) -> Self {
        Self { more: Some(More(Box::pin(more))), ..Self::default() }
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
        // A stream of HTTP/2 takes over what it is given, whether there is room for it or not, and is out of reach once
        // it has all. So of much it is given a little at a time, and the end apart, when the last of it has found room.
        let slices = streams::is_one();
        let some = self.pieces.split_to(if slices { SLICE } else { usize::MAX });
        self.ending = slices && some.left > 0 && self.pieces.left == 0;
        let next = match &mut self.more {
            _ if some.left > 0 => Some(some),
            Some(More(more)) => ready!(more.as_mut().poll_next(cx)),
            None => None,
        };
        if next.is_some() {
            streams::given();
        }
        Poll::Ready(next.map(|pieces| Ok(Frame::data(pieces))))
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.left == 0 && self.more.is_none() && !self.ending
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
    fn pieces_are_taken_a_few_bytes_at_a_time() {
        let text = |pieces: &Pieces| pieces.pieces.iter().flatten().copied().collect::<Vec<_>>();
        let mut all = Body::from_iter([&b"one"[..], b"two", b"three"].map(Bytes::from_static)).pieces;
        let mut taken = Vec::new();
        for (most, left) in [(2, 9), (4, 5), (1, 4), (4, 0), (4, 0)] {
            let some = all.split_to(most);
            assert_eq!((some.left, all.left), (text(&some).len(), left));
            assert!(all.pieces.iter().all(|piece| !piece.is_empty()));
            taken.extend(text(&some));
        }
        assert_eq!(taken, b"onetwothree");
    }

    #[tokio::test]
    async fn a_stream_is_given_slices_and_the_end_apart_and_a_connection_all_at_once() {
        let body = || Body::from(Bytes::from(vec![7; 2 * SLICE + 1]));
        let given = async |mut body: Body| {
            let (mut lengths, mut ends) = (Vec::new(), vec![body.is_end_stream()]);
            while let Some(frame) = body.frame().await {
                lengths.push(frame.expect("it never fails").into_data().expect("data").remaining());
                ends.push(body.is_end_stream());
            }
            ends.push(body.is_end_stream());
            (lengths, ends)
        };
        let stream = streams::as_one(given(body())).await;
        assert_eq!(stream, (vec![SLICE, SLICE, 1], vec![false, false, false, false, true]));
        assert_eq!(given(body()).await, (vec![2 * SLICE + 1], vec![false, true, true]));
        assert_eq!(streams::as_one(given(Body::default())).await, (vec![], vec![true, true]));
    }

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
