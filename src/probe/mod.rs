//! `probe`: looks at a camera for a while, and says what it sends and what to make of it.
//!
//! Belongs here: watching one session, measuring it, judging it, wording the report. Does not belong here: how a
//! session comes about (`ingest`), serving anything.
//! Read first: `observer.rs` (what is noted), `report.rs` (what is made of it), `verdict.rs` (who will play it);
//! `keyframes.rs` and `lateness.rs` each know one thing about pictures.
//! All of them are pure but for [`watch`].

mod keyframes;
mod lateness;
mod observer;
mod report;
mod text;
mod verdict;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests;

use std::time::Duration;

use tokio::time::timeout_at;

pub use self::observer::{Observer, Sight};
pub use self::report::Report;

use crate::clock;
use crate::ingest::error::{Failure, Step};
use crate::ingest::event::Event;
use crate::ingest::rtsp::{Session, Sessions};
use crate::ingest::{Options, Source, Transport};
use crate::media::TrackKind;

/// Longest wait for the first picture after PLAY.
const FIRST_FRAME: Duration = Duration::from_secs(15);

/// Connects, watches for `span` from the first picture on, and reports.
///
/// # Errors
/// The camera cannot be watched; the sentence holds no URL and no password.
pub async fn watch(source: &Source, span: Duration) -> Result<Report, Failure> {
    let limit = Options::default().connect_timeout;
    let sessions = Sessions::default();
    let group = sessions.group(&source.url);
    let began = clock::now();
    let mut session = Session::connect(source, limit, &group).await?;
    let playing = clock::now().instant;
    let sight = Sight {
        udp: source.transport == Transport::Udp,
        tls: source.url.scheme() == "rtsps",
        began,
        playing,
        audio: session.audio(),
        left_out: session.left_out().map(str::to_owned),
    };
    let mut observer = Observer::new(sight);
    let mut deadline = playing + FIRST_FRAME;
    let mut seen = false;
    let ended = loop {
        let mut damaged = 0;
        let next = timeout_at(deadline.into(), session.next(|_| damaged += 1)).await;
        observer.damaged(damaged);
        match next {
            Ok(Ok(Event::Video(picture))) => {
                if !seen {
                    (seen, deadline) = (true, clock::now().instant + span);
                }
                observer.picture(&picture);
            }
            Ok(Ok(Event::Audio(sound))) => observer.sound(&sound),
            Ok(Ok(Event::Report { kind, ntp, elapsed })) => {
                observer.report(kind == TrackKind::Video, ntp, elapsed, clock::now());
            }
            Ok(Err(failure)) if !seen => return Err(failure),
            Ok(Err(failure)) => break Some(failure.to_string()),
            Err(_) if !seen => return Err(Failure::TimedOut { step: Step::FirstFrame, after: FIRST_FRAME }),
            Err(_) => break None,
        }
    };
    observer.ends(clock::now().instant);
    drop(session);
    group.teardown(limit).await;
    Ok(Report::of(&observer, ended))
}
