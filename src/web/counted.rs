//! A stream that counts what it takes: whether a client still takes anything shows before a message is through.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream, and how much was written to it.
#[derive(Debug)]
pub struct Counted<S> {
    stream: S,
    written: u64,
}

impl<S> Counted<S> {
    /// Nothing was written yet.
    pub fn new(stream: S) -> Self {
        Self { stream, written: 0 }
    }

    /// Bytes that the stream took.
    pub fn written(&self) -> u64 {
        self.written
    }

    fn count(&mut self, result: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(count)) = result {
            self.written += count as u64;
        }
        result
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.count(result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.count(result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn what_was_taken_is_counted_and_nothing_else() {
        let (near, mut far) = tokio::io::duplex(4);
        let mut near = Counted::new(near);
        assert_eq!(near.write(b"one").await.expect("there is room"), 3);
        assert_eq!(near.write(b"two").await.expect("there is room for one"), 1);
        assert_eq!(near.written(), 4);
        let mut taken = [0; 4];
        far.read_exact(&mut taken).await.expect("four bytes are there");
        far.write_all(b"back").await.expect("there is room");
        near.read_exact(&mut taken).await.expect("four bytes are there");
        assert_eq!((near.written(), &taken), (4, b"back"));
    }
}
