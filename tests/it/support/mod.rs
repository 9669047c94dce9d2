//! Servers, cameras, clients, and readers of what comes out.

pub mod checker;
pub mod client;
pub mod crowd;
pub mod ffmpeg;
pub mod gst;
pub mod hop;
pub mod media;
pub mod players;
pub mod playlist;
pub mod program;
pub mod proxy;
pub mod recording;
pub mod scripted;
pub mod site;
pub mod socket;
pub mod system;
pub mod tls;

use std::future::Future;
use std::time::{Duration, Instant};

/// Long enough for anything on a busy machine; a test that waits for it has failed.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Awaits `future` and panics with `what` if it takes longer than [`PATIENCE`].
#[track_caller]
pub fn soon<F: Future>(what: &str, future: F) -> impl Future<Output = F::Output> {
    let place = std::panic::Location::caller();
    async move {
        match tokio::time::timeout(PATIENCE, future).await {
            Ok(output) => output,
            Err(_) => panic!("waited in vain for: {what} ({place})"),
        }
    }
}

/// An answer that waits for no part to come takes less than this; parts are longer.
const AT_ONCE: Duration = Duration::from_millis(400);
/// What waits, waits each time; a machine that is busy with other tests lets one of a few through.
const TRIES: usize = 4;

/// Asks until an answer comes at once, and returns that; panics if none of a few does.
#[track_caller]
pub fn at_once<T>(what: &str, mut ask: impl AsyncFnMut() -> T) -> impl Future<Output = T> {
    let place = std::panic::Location::caller();
    async move {
        let mut took = Vec::new();
        for _ in 0..TRIES {
            let asked = Instant::now();
            let answer = ask().await;
            took.push(asked.elapsed());
            if took.last().is_some_and(|took| *took < AT_ONCE) {
                return answer;
            }
        }
        panic!("{what} is not answered at once, but after {took:?} ({place})");
    }
}

/// Asks again and again until there is an answer: for facts that nobody announces.
pub async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asking = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    soon(what, asking).await
}
