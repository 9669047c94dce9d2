//! Single exchanges with a camera, each under a limit of time, and what their failures mean.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use retina::client::{
    Credentials, Described, InitialSequenceNumberPolicy, InitialTimestampPolicy, PlayOptions, SessionOptions,
    SetupOptions, TcpTransportOptions, UnknownRtcpSsrcPolicy,
};
use secrecy::ExposeSecret;
use tokio::task::coop::{RestoreOnPending, has_budget_remaining, poll_proceed};
use tokio::time::timeout;
use url::{Host, Url};

use super::{Group, words};
use crate::ingest::error::{Failure, Step};
use crate::ingest::scrub::Scrub;
use crate::ingest::{Source, relay};

/// How long to look, after DESCRIBE went unanswered, whether the camera takes connections at all.
const PROBE: Duration = Duration::from_secs(2);

/// So often an answer may be looked for, and so often that to PLAY, which pictures may come before. Each look takes
/// what has come since the one before: a camera's answer takes some ten.
const MOST_LOOKS: usize = 40;
const MOST_LOOKS_AT_PLAY: usize = 128;

/// A look that did not come to an end of what there is counts as so many.
const FULL_LOOK: usize = 10;

/// Of what `tokio` lets a task do at a time (128), so much is kept from each look: a few reads are left, more than an
/// answer takes.
const WITHHELD: usize = 122;

/// How `retina` begins the text of an error while connecting.
const CONNECT_ERROR: &str = "Unable to connect to RTSP server: ";

/// The description of what the camera offers.
pub async fn describe(
    source: &Source,
    limit: Duration,
    group: &Group,
    secrets: &Scrub,
) -> Result<retina::client::Session<Described>, Failure> {
    let credentials = source.username.as_ref().map(|username| Credentials {
        username: username.clone(),
        password: source.password.as_ref().map_or(String::new(), |word| word.expose_secret().to_owned()),
    });
    let options = SessionOptions::default()
        .creds(credentials)
        .session_group(Arc::clone(&group.0))
        .user_agent(concat!("belvedere/", env!("CARGO_PKG_VERSION")).to_owned());
    let describe = retina::client::Session::describe(source.url.clone(), options);
    step(Step::Describe, limit, secrets, describe).await
}

/// How one track is to come.
pub fn setup_options() -> SetupOptions {
    // RTP over UDP is the relay's to take: the library drops what is out of order.
    let transport = retina::client::Transport::Tcp(TcpTransportOptions::default());
    SetupOptions::default().transport(transport)
}

/// How the session is to begin, whatever the camera says of it.
pub fn play_options() -> PlayOptions {
    PlayOptions::default()
        // Cameras without `rtptime` in RTP-Info are common.
        .initial_timestamp(InitialTimestampPolicy::Permissive)
        // As are those whose `seq` is not that of the first packet: it would be taken for a loss of thousands, or each
        // packet for one that comes too late.
        .initial_seq(InitialSequenceNumberPolicy::Ignore)
        // A channel carries one track's reports, whoever signs them. By default the first report would say whose
        // packets are to be taken.
        .unknown_rtcp_ssrc(UnknownRtcpSsrcPolicy::ProcessPackets)
}

/// True for what a relay may mend: a redirect, a camera that hangs up between two answers, and answers in words, in an
/// order or with numbers that the library does not take.
pub fn is_detour(failure: &Failure) -> bool {
    match failure {
        Failure::Answered { step: Step::Describe, status } => (300..400).contains(status),
        Failure::Unintelligible { .. } => true,
        _ => false,
    }
}

/// One exchange under a limit of time.
pub async fn step<T>(
    step: Step,
    limit: Duration,
    secrets: &Scrub,
    exchange: impl Future<Output = Result<T, retina::Error>>,
) -> Result<T, Failure> {
    let most = if step == Step::Play { MOST_LOOKS_AT_PLAY } else { MOST_LOOKS };
    match timeout(limit, bounded(most, exchange)).await {
        Ok(Some(answer)) => answer.map_err(|error| failure(step, &error, secrets)),
        Ok(None) => Err(Failure::Unintelligible { step, why: "the answer has no end".to_owned() }),
        Err(_) => Err(Failure::TimedOut { step, after: limit }),
    }
}

/// `exchange`, or `None` where `most` looks were not enough. The library takes an answer of any length into memory, and
/// its connection is its own: how often it may read is what can be bounded from here. A relay, which is next, counts
/// bytes.
async fn bounded<T>(most: usize, exchange: impl Future<Output = T>) -> Option<T> {
    let (mut exchange, mut looks) = (pin!(exchange), 0);
    poll_fn(|context| {
        // Dropped, it gives back what it keeps.
        let _withheld = ready!(withhold(context));
        let polled = exchange.as_mut().poll(context).map(Some);
        looks += if has_budget_remaining() { 1 } else { FULL_LOOK };
        if polled.is_pending() && looks > most { Poll::Ready(None) } else { polled }
    })
    .await
}

/// Uses up most of what the task may do before others are let have their turn.
fn withhold(context: &mut Context<'_>) -> Poll<RestoreOnPending> {
    let before = ready!(poll_proceed(context));
    for _ in 1..WITHHELD {
        ready!(poll_proceed(context)).made_progress();
    }
    Poll::Ready(before)
}

/// What an error of the library means for the camera's owner.
pub fn failure(step: Step, error: &retina::Error, secrets: &Scrub) -> Failure {
    tracing::debug!(%step, error = secrets.first_line(&error.to_string()), "RTSP failed");
    match error.status_code() {
        // Of several ways to prove a password the library sees the first alone.
        Some(401) if error.to_string().contains("Can't understand WWW-Authenticate") => {}
        Some(status) if status >= 300 => return Failure::Answered { step, status },
        _ => {}
    }
    let why = secrets.first_line(&error.to_string());
    match why.strip_prefix(CONNECT_ERROR) {
        Some(why) if why.to_ascii_lowercase().contains("refused") => Failure::Refused,
        Some(why) => Failure::Unreachable { why: why.to_owned() },
        None => Failure::Unintelligible { step, why: words::of(&why).map_or(why, str::to_owned) },
    }
}

/// Which step a silent camera did not answer: `retina` connects and describes in one call.
pub async fn silent_step(url: &Url) -> Step {
    let port = relay::port(url);
    let connect = async {
        match url.host() {
            Some(Host::Domain(name)) => tokio::net::TcpStream::connect((name, port)).await,
            Some(Host::Ipv4(ip)) => tokio::net::TcpStream::connect((ip, port)).await,
            Some(Host::Ipv6(ip)) => tokio::net::TcpStream::connect((ip, port)).await,
            None => Err(std::io::ErrorKind::AddrNotAvailable.into()),
        }
    };
    match timeout(PROBE, connect).await {
        Ok(Ok(_)) => Step::Describe,
        _ => Step::Connecting,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_never_ends_is_looked_at_for_so_long_and_a_few_reads_at_a_time() {
        let mut most_at_once = 0;
        let endless = poll_fn(|context| {
            let mut reads = 0;
            while let Poll::Ready(read) = poll_proceed(context) {
                read.made_progress();
                reads += 1;
                assert!(reads < 1_000, "nothing ends a look");
            }
            most_at_once = most_at_once.max(reads);
            Poll::<()>::Pending
        });
        assert_eq!(bounded(MOST_LOOKS, endless).await, None);
        assert!((1..=8).contains(&most_at_once), "{most_at_once}");
    }

    #[tokio::test]
    async fn what_ends_in_so_many_looks_is_waited_for() {
        let ends_after = |looks: usize| {
            let mut left = looks;
            poll_fn(move |context| {
                left -= 1;
                context.waker().wake_by_ref();
                if left == 0 { Poll::Ready(()) } else { Poll::Pending }
            })
        };
        assert_eq!(bounded(8, ends_after(9)).await, Some(()));
        assert_eq!(bounded(8, ends_after(10)).await, None);
    }
}
