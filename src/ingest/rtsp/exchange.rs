//! Single exchanges with a camera, each under a limit of time, and what their failures mean.

use std::sync::Arc;
use std::time::Duration;

use retina::client::{
    Credentials, Described, InitialSequenceNumberPolicy, InitialTimestampPolicy, PlayOptions, SessionOptions,
    SetupOptions, TcpTransportOptions, UnknownRtcpSsrcPolicy,
};
use secrecy::ExposeSecret;
use tokio::time::timeout;
use url::{Host, Url};

use super::Group;
use crate::ingest::error::{Failure, Step};
use crate::ingest::scrub::Scrub;
use crate::ingest::{Source, relay};

/// How long to look, after DESCRIBE went unanswered, whether the camera takes connections at all.
const PROBE: Duration = Duration::from_secs(2);

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
    match timeout(limit, exchange).await {
        Ok(answer) => answer.map_err(|error| failure(step, &error, secrets)),
        Err(_) => Err(Failure::TimedOut { step, after: limit }),
    }
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
        None => Failure::Unintelligible { step, why },
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
