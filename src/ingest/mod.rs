//! `ingest`: one supervised task a rendition.
//!
//! Belongs here: connecting to cameras, their clocks, frames with their times, trying again.
//! Does not belong here: segments and parts (`live`), playlists, viewers.
//! Read first: `session.rs` (one session), then `pump.rs` (when an epoch begins; `stage.rs` is where it stands),
//! `timeline.rs` (RTP time to presentation time) and `pace.rs` (presentation time to decode time). Only `rtsp.rs` and
//! the files below it know the RTSP library, which brings packets; `depacketize/` reads them, and `damage.rs` counts
//! what cannot be read; `relay/` does what the library cannot (TLS, redirects, UDP out of order, headers it stumbles
//! over, pictures without an end, which `swell.rs` suspects). `rate.rs` finds clocks that run wrongly, `reports.rs`
//! keeps what sender reports say, `arrivals.rs` and `skew.rs` find where sound belongs, and `stamps.rs` where nobody
//! can tell; `voice.rs` and `sound.rs` make sound that plays, `still.rs` something to see beside sound that plays alone.
//! `waiting.rs` holds frames until it is known what an epoch is made of, `withheld.rs` words what waits for a key frame.
//! `logins.rs` keeps owners from being locked out of their cameras, `backoff.rs` says when to try again, `scrub.rs` keeps
//! secrets out of what is told, and `rest.rs` lets a camera on demand sleep.

pub mod arrivals;
pub mod backoff;
pub mod camera_clock;
pub mod continuity;
pub mod damage;
pub mod depacketize;
pub mod error;
pub mod event;
pub mod logins;
pub mod options;
pub mod pace;
pub mod progress;
pub mod pump;
pub mod rate;
pub mod relay;
pub mod reports;
pub mod rest;
pub mod rtsp;
pub mod scrub;
pub mod session;
pub mod sink;
pub mod skew;
pub mod sound;
pub mod stage;
pub mod stamps;
pub mod still;
pub mod swell;
pub mod timeline;
pub mod voice;
pub mod waiting;
pub mod withheld;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

pub use self::camera_clock::CameraClock;
pub use self::error::{Failure, IngestError, Name};
pub use self::options::{Options, Source, Start, Transport, Trust};
pub use self::rtsp::Sessions;
pub use self::sink::Sink;

use self::backoff::Backoff;
use self::rest::Rest;
use self::rtsp::Group;
use self::session::Life;
use crate::clock;
use crate::live::{Demand, Publisher, State, Status};
use crate::stats::RenditionStats;

/// Longest wait for sessions the camera may still hold, before connecting again: one that lives says goodbye by then,
/// and one that does not, or needs longer, tells us that it has no room.
const SETTLE: Duration = Duration::from_secs(3);

/// How long a stall is told as such, before what is done about it.
const STALL_SHOWN: Duration = Duration::from_secs(1);

/// Most signs of a reason: those of a camera's and our advice.
const MOST_REASON: usize = 800;

/// Longest wait for the answer to TEARDOWN when stopping.
const TEARDOWN: Duration = Duration::from_secs(2);

/// What [`run`] needs to keep one rendition on air.
pub struct Rendition<S = Publisher> {
    /// Whose stream it is, for logs.
    pub name: Name,
    /// Where it comes from.
    pub source: Source,
    /// Limits of time.
    pub options: Options,
    /// Who wants it, for a rendition that is connected on demand; `None` for one that is always on.
    pub demand: Option<watch::Receiver<Demand>>,
    /// Where frames go.
    pub publisher: Arc<S>,
    /// What is counted: sessions, breaks, panics, dropped frames, lost packets. Frames and bytes
    /// that reached the ring are the ring's to count.
    pub stats: Arc<RenditionStats>,
    /// The clock of the camera; the same for all its renditions.
    pub clock: Arc<CameraClock>,
    /// The sessions of the process; the same for all renditions of all cameras.
    pub sessions: Arc<Sessions>,
}

impl<S: Sink> Rendition<S> {
    fn set_status(&self, mut status: Status) {
        // Whatever a camera has said of itself in it.
        status.reason = scrub::clipped(&scrub::plain(&status.reason), MOST_REASON);
        tracing::info!("camera {}: {status}", self.name);
        self.publisher.set_status(status);
    }
}

/// Keeps a rendition on air until `stop` is cancelled; returns when TEARDOWN was answered, two
/// seconds later at most. Never fails and never panics: what goes wrong is told in the status, and
/// tried again.
pub async fn run<S: Sink>(rendition: Rendition<S>, stop: CancellationToken) {
    let rendition = Arc::new(rendition);
    let group = rendition.sessions.group(&rendition.source.url);
    let life = Arc::new(Life::default());
    rendition.sessions.logins.anew(&rendition.source);
    match &rendition.demand {
        None => on_air(&rendition, &group, &life, &stop).await,
        Some(demand) => {
            let mut rest = Rest::new(demand.clone(), rendition.options.idle_timeout);
            while !stop.is_cancelled() {
                rendition.set_status(Status::plain(State::Idle));
                tokio::select! {
                    () = stop.cancelled() => break,
                    () = rest.until_wanted() => {}
                }
                let unwanted = stop.child_token();
                let mut on_air = pin!(on_air(&rendition, &group, &life, &unwanted));
                tokio::select! {
                    () = &mut on_air => {}
                    () = rest.until_unwanted() => {
                        unwanted.cancel();
                        on_air.await;
                    }
                }
            }
        }
    }
    group.teardown(TEARDOWN).await;
    rendition.set_status(Status::plain(State::Ended));
}

/// Session after session until `stop` is cancelled.
async fn on_air<S: Sink>(
    rendition: &Arc<Rendition<S>>,
    group: &Group,
    life: &Arc<Life>,
    stop: &CancellationToken,
) {
    let (mut backoff, logins) = (Backoff::default(), &rendition.sessions.logins);
    // What went wrong stays to be read until it is over: attempts are short, and so are some pauses.
    let mut reason = String::new();
    while !stop.is_cancelled() {
        rendition.set_status(Status::because(State::Connecting, reason));
        let Err(failure) = attempt(rendition, group, life, stop).await else { break };
        tracing::debug!("{}", IngestError { name: rendition.name.clone(), failure: failure.clone() });
        if failure == Failure::Panicked {
            rendition.stats.panics.add(1);
        }
        if matches!(failure, Failure::Stalled { .. }) {
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(STALL_SHOWN) => {}
            }
        }
        let pause = backoff.next(life.take_delivered(), jitter());
        let slow = logins.pause(&rendition.source).filter(|_| failure.is_about_login());
        let pause = slow.unwrap_or(pause);
        reason = failure.to_string();
        let status = Status::because(failure.state(pause), reason.clone());
        rendition.set_status(status.until(clock::now().instant + pause));
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep(pause) => {}
            () = logins.until_welcome(&rendition.source), if slow.is_some() => {}
        }
    }
}

/// One session in a task of its own, so that a panic in it ends nothing else.
async fn attempt<S: Sink>(
    rendition: &Arc<Rendition<S>>,
    group: &Group,
    life: &Arc<Life>,
    stop: &CancellationToken,
) -> Result<(), Failure> {
    tokio::select! {
        () = stop.cancelled() => return Ok(()),
        () = group.settle(SETTLE) => {}
    }
    let session = session::run(Arc::clone(rendition), group.clone(), Arc::clone(life), stop.clone());
    match AbortOnDropHandle::new(tokio::spawn(session)).await {
        Ok(outcome) => outcome,
        Err(error) if error.is_panic() => {
            tracing::error!("camera {}: the session panicked and is started again", rendition.name);
            Err(Failure::Panicked)
        }
        // Only a runtime that shuts down cancels it.
        Err(_) => Ok(()),
    }
}

/// A number in 0.0..1.0. The hasher's keys come from the operating system's random numbers.
fn jitter() -> f64 {
    (RandomState::new().build_hasher().finish() >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
#[path = "mod_tests.rs"]
mod tests;
