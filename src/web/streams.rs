//! The streams of HTTP/2 connections: one whose client leaves no room for what it asked for is ended.
//!
//! A connection that takes nothing is cut by the kernel. A stream alone is not: its connection is as lively as ever, and
//! hyper asks its body for nothing while there is no room, so that it would hold media and a viewer's place for good.
//! A WebSocket looks after itself; but what it has said already hyper holds in a task of its own, which would wait for
//! room long after the socket is gone.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use hyper::rt::Executor;
use tokio::task_local;
use tokio::time::sleep;
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::debug;

use crate::clock;

task_local! {
    static STREAM: Stream;
}

/// What is known of a stream in its task.
#[derive(Default)]
struct Stream {
    /// Since when it has had something of its body to send that did not find room yet.
    full: Cell<Option<Instant>>,
    /// Ends what the stream becomes when it is answered: a socket's sending half, a task of its own.
    becomes: RefCell<Option<CancellationToken>>,
}

/// Runs streams, each as a task of its own, and ends those that find no room for so long.
#[derive(Clone, Copy, Debug)]
pub struct Streams(pub Duration);

impl<F> Executor<F> for Streams
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn execute(&self, stream: F) {
        // A stream that becomes a socket begins the sending half itself.
        let ended = STREAM.try_with(|stream| stream.becomes.take()).ok().flatten();
        let stream = STREAM.scope(Stream::default(), patient(stream, self.0));
        match ended {
            // What is dropped before its end is reset, and what it had said is forgotten.
            Some(ended) => tokio::spawn(ended.run_until_cancelled_owned(stream).map(Option::flatten)),
            None => tokio::spawn(stream),
        };
    }
}

/// The stream of the request that is answered becomes a socket, which lives no longer than what is returned. A
/// connection of HTTP/1 ends with its socket by itself.
pub fn becomes_socket() -> DropGuard {
    let ended = CancellationToken::new();
    let _ = STREAM.try_with(|stream| stream.becomes.replace(Some(ended.clone())));
    ended.drop_guard()
}

/// A body gave something to its stream.
pub fn given() {
    note(Some(clock::now().instant));
}

/// A stream asks its body for something: what it was given before has found room.
pub fn asked() {
    note(None);
}

/// Whether this is a stream of an HTTP/2 connection.
pub fn is_one() -> bool {
    STREAM.try_with(|_| ()).is_ok()
}

/// Does something as a stream would.
#[cfg(test)]
pub async fn as_one<F: Future>(stream: F) -> F::Output {
    STREAM.scope(Stream::default(), stream).await
}

fn note(since: Option<Instant>) {
    // Bodies of HTTP/1 have no stream.
    let _ = STREAM.try_with(|stream| stream.full.set(since));
}

/// Runs `stream` to its end, or until it has been full for `patience`.
async fn patient<F: Future>(stream: F, patience: Duration) -> Option<F::Output> {
    let (mut stream, mut timer) = (pin!(stream), pin!(sleep(patience)));
    poll_fn(|cx| {
        if let Poll::Ready(output) = stream.as_mut().poll(cx) {
            return Poll::Ready(Some(output));
        }
        let Some(since) = STREAM.with(|stream| stream.full.get()) else { return Poll::Pending };
        let deadline = (since + patience).into();
        if timer.deadline() != deadline {
            timer.as_mut().reset(deadline);
        }
        timer.as_mut().poll(cx).map(|()| {
            debug!("a client takes nothing of what it asked for: its stream ends");
            None
        })
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_millis(50);

    async fn run<F: Future>(stream: F) -> Option<F::Output> {
        as_one(patient(stream, PATIENCE)).await
    }

    #[tokio::test]
    async fn a_stream_that_waits_for_its_body_may_wait_for_ever() {
        let slow = async {
            given();
            asked();
            sleep(PATIENCE * 5).await;
        };
        assert_eq!(run(slow).await, Some(()));
    }

    #[tokio::test]
    async fn a_stream_that_finds_no_room_for_its_body_is_ended() {
        let begun = Instant::now();
        let stuck = async {
            given();
            std::future::pending::<()>().await;
        };
        assert_eq!(run(stuck).await, None);
        assert!(begun.elapsed() >= PATIENCE);
    }

    #[tokio::test]
    async fn each_piece_has_its_own_time() {
        let slow = async {
            for _ in 0..4 {
                given();
                sleep(PATIENCE / 2).await;
                asked();
            }
        };
        assert_eq!(run(slow).await, Some(()));
    }

    #[tokio::test]
    async fn what_a_stream_becomes_ends_with_its_socket() {
        let (alive, gone) = tokio::sync::oneshot::channel::<()>();
        let socket = as_one(async {
            let socket = becomes_socket();
            Streams(PATIENCE).execute(async move {
                let _alive = alive;
                std::future::pending::<()>().await;
            });
            // Only that: what is begun later is not the socket's.
            assert!(STREAM.with(|stream| stream.becomes.take()).is_none());
            socket
        })
        .await;
        let mut gone = std::pin::pin!(gone);
        assert!(tokio::time::timeout(PATIENCE * 2, gone.as_mut()).await.is_err(), "it waits for room");
        drop(socket);
        let dropped = tokio::time::timeout(Duration::from_secs(60), gone).await;
        assert!(dropped.is_ok(), "it is dropped with the socket");
    }
}
