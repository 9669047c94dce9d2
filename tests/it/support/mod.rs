//! Servers, cameras, clients, and readers of what comes out.

pub mod cache;
pub mod checker;
pub mod client;
pub mod crowd;
pub mod ffmpeg;
pub mod gst;
pub mod hop;
pub mod media;
pub mod players;
pub mod playlist;
pub mod recording;
pub mod site;
pub mod socket;

use std::future::Future;
use std::time::Duration;

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
