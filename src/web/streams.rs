//! The streams of HTTP/2 connections: one whose client leaves no room for what it asked for is ended.
//!
//! A connection that takes nothing is cut by the kernel. A stream alone is not: its connection is as lively as ever, and
//! hyper asks its body for nothing while there is no room, so that it would hold media and a viewer's place for good.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use hyper::rt::Executor;
use tokio::task_local;
use tokio::time::sleep;
use tracing::debug;

use crate::clock;

task_local! {
    /// Since when the stream has had something of its body to send that did not find room yet.
    static FULL: Cell<Option<Instant>>;
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
        tokio::spawn(FULL.scope(Cell::new(None), patient(stream, self.0)));
    }
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
    FULL.try_with(|_| ()).is_ok()
}

/// Does something as a stream would.
#[cfg(test)]
pub async fn as_one<F: Future>(stream: F) -> F::Output {
    FULL.scope(Cell::new(None), stream).await
}

fn note(since: Option<Instant>) {
    // Bodies of HTTP/1 have no stream.
    let _ = FULL.try_with(|full| full.set(since));
}

/// Runs `stream` to its end, or until it has been full for `patience`.
async fn patient<F: Future>(stream: F, patience: Duration) -> Option<F::Output> {
    let (mut stream, mut timer) = (pin!(stream), pin!(sleep(patience)));
    poll_fn(|cx| {
        if let Poll::Ready(output) = stream.as_mut().poll(cx) {
            return Poll::Ready(Some(output));
        }
        let Some(since) = FULL.with(Cell::get) else { return Poll::Pending };
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
        FULL.scope(Cell::new(None), patient(stream, PATIENCE)).await
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
}
