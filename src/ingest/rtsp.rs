//! One RTSP session (RFC 2326), through the crate `retina`. The only file that names it.
//!
//! `retina` sets no limits of time; every wait here has one, but for [`Session::next`], whose
//! caller knows how long silence may last.

mod sessions;
mod streams;
mod tracks;
mod video;

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::StreamExt;
use retina::client::{
    Credentials, Described, InitialTimestampPolicy, PacketItem, PlayOptions, Playing, SessionOptions,
    SetupOptions, TcpTransportOptions,
};
use secrecy::ExposeSecret;
use tokio::time::timeout;
use url::{Host, Url};

pub use self::sessions::{Group, Sessions};

use self::streams::{Next, Streams};
use self::tracks::LeftOut;
use self::video::VideoReader;
use super::damage::{Damage, Scrub};
use super::depacketize::MOST;
use super::error::{Failure, Step};
use super::event::Event;
use super::relay::{self, Relay};
use super::swell::Swell;
use super::{Source, Transport};
use crate::media::{AudioTrack, TrackKind, VideoTrack};

/// How long to look, after DESCRIBE went unanswered, whether the camera takes connections at all.
const PROBE: Duration = Duration::from_secs(2);

/// How `retina` begins the texts of errors after which the connection is gone. Its errors are
/// opaque; a text that changes only makes us find out by the end of the stream instead.
const FATAL: [&str; 3] = ["Error reading from RTSP peer", "Error writing to RTSP peer", "RTSP framing error"];

/// How `retina` begins the text of an error while connecting.
const CONNECT_ERROR: &str = "Unable to connect to RTSP server: ";

/// What the library makes of what comes.
type Item = Result<PacketItem, retina::Error>;

/// A session that plays.
pub struct Session {
    playing: retina::client::Session<Playing>,
    streams: Streams,
    left_out: Option<LeftOut>,
    damage: Damage,
    secrets: Scrub,
    relay: Option<Relay>,
    swell: Swell,
}

impl Session {
    /// Connects and plays. Each exchange may take `limit`.
    pub async fn connect(source: &Source, limit: Duration, group: &Group) -> Result<Self, Failure> {
        if !matches!(source.url.scheme(), "rtsp" | "rtsps") || source.url.host().is_none() {
            return Err(Failure::BadUrl);
        }
        // What the library cannot do by itself.
        if source.url.scheme() == "rtsps" || source.transport == Transport::Udp {
            return Self::connect_relayed(source, limit, group).await;
        }
        match Self::connect_to(source, limit, group, Scrub::of(source), None).await {
            Err(failure) if is_detour(&failure) => Self::connect_relayed(source, limit, group).await,
            other => other,
        }
    }

    /// The same for a camera that may send pictures without an end: they are measured on their way.
    ///
    /// # Errors
    /// As those of [`Self::connect`].
    pub async fn connect_measured(source: &Source, limit: Duration, group: &Group) -> Result<Self, Failure> {
        match source.url.scheme() {
            "rtsp" | "rtsps" if source.url.host().is_some() => {
                Self::connect_relayed(source, limit, group).await
            }
            _ => Err(Failure::BadUrl),
        }
    }

    /// Through a relay, which does what the library cannot.
    async fn connect_relayed(source: &Source, limit: Duration, group: &Group) -> Result<Self, Failure> {
        let relay = Relay::open(source, limit).await?;
        let relayed = Source {
            url: relay.url().clone(),
            transport: Transport::Tcp,
            username: None,
            password: None,
            ..source.clone()
        };
        let secrets = Scrub::of(source).and(Scrub::of(&relayed));
        // The camera's own words come first: here only a connection ends.
        let session = Self::connect_to(&relayed, limit, group, secrets, Some(relay.clone())).await;
        session.map_err(|failure| relay.failure().unwrap_or(failure))
    }

    async fn connect_to(
        source: &Source,
        limit: Duration,
        group: &Group,
        secrets: Scrub,
        relay: Option<Relay>,
    ) -> Result<Self, Failure> {
        let mut session = match describe(source, limit, group, &secrets).await {
            // A relay is there only once the camera is.
            Err(Failure::TimedOut { step: Step::Describe, after }) if relay.is_none() => {
                return Err(Failure::TimedOut { step: silent_step(&source.url).await, after });
            }
            other => other?,
        };
        let sdp = String::from_utf8_lossy(session.sdp()).into_owned();
        let video_index = source.video.then(|| tracks::find_video(session.streams())).transpose()?;
        let (audio, left_out) =
            if source.audio { tracks::find_audio(session.streams(), &sdp) } else { (None, None) };
        let audio_index = audio.as_ref().map(|audio| audio.index);
        if video_index.or(audio_index).is_none() {
            return Err(Failure::NoSound { found: tracks::offered(session.streams()) });
        }
        for index in [video_index, audio_index].into_iter().flatten() {
            let setup = session.setup(index, setup_options());
            step(Step::Setup, limit, &secrets, setup).await?;
        }
        // Permissive: cameras without `rtptime` in RTP-Info are common.
        let policy = PlayOptions::default().initial_timestamp(InitialTimestampPolicy::Permissive);
        let reader = |index: usize| (index, VideoReader::new(&sdp, &session.streams()[index]));
        let streams = Streams::new(video_index.map(reader), audio);
        let playing = step(Step::Play, limit, &secrets, session.play(policy)).await?;
        let (damage, swell) = (Damage::default(), Swell::default());
        Ok(Self { playing, streams, left_out, damage, secrets, relay, swell })
    }

    /// The parameters of the video, once the camera has told them.
    pub fn video(&self) -> Option<Arc<VideoTrack>> {
        self.streams.video()
    }

    /// The sound, when there is any that can be carried.
    pub fn audio(&self) -> Option<Arc<AudioTrack>> {
        self.streams.audio()
    }

    /// Why there is no sound although the camera has some, in words that end a sentence: it cannot be carried, or none
    /// of its packets could be read so far.
    pub fn left_out(&self) -> Option<&str> {
        self.left_out.as_ref().map(|sound| sound.why.as_str()).or_else(|| self.streams.why_deaf())
    }

    /// What RTP calls the encoding of a sound that cannot be carried.
    pub fn left_out_encoding(&self) -> Option<&str> {
        self.left_out.as_ref().map(|sound| sound.encoding.as_str())
    }

    /// The next event. Waits for ever, and may be dropped while waiting without losing anything.
    /// Must be called again soon: keep-alives are sent from here.
    ///
    /// `on_damage` is called once for each frame that was skipped because it cannot be read, with its track where that
    /// is known. Packets that are lost are no damage: the next frame tells of them.
    pub async fn next(&mut self, mut on_damage: impl FnMut(Option<TrackKind>)) -> Result<Event, Failure> {
        loop {
            match self.streams.next() {
                Some(Next::Event(event)) => {
                    self.note(&event);
                    return Ok(event);
                }
                Some(Next::Slip(kind, why)) => {
                    tracing::debug!(?kind, why, "damaged frame");
                    on_damage(Some(kind));
                    if self.streams.plays(kind) {
                        self.damage.add(crate::clock::now().instant, why.to_owned())?;
                    }
                    continue;
                }
                Some(Next::Endless) => return Err(Failure::Endless { most: MOST }),
                None => {}
            }
            match poll_fn(|context| self.poll_item(context)).await? {
                Some(Ok(item)) => {
                    if let Some(report) = self.streams.push(item) {
                        self.swell.other();
                        return Ok(report);
                    }
                }
                Some(Err(error)) => {
                    on_damage(None);
                    self.damaged(&error).map_err(|failure| self.told_by_relay(failure))?;
                }
                None => {
                    let ended = self.damage.ended();
                    return Err(self.told_by_relay(ended));
                }
            }
        }
    }

    /// What is whole shows that the stream is.
    fn note(&mut self, event: &Event) {
        let kind = match event {
            Event::Video(_) => TrackKind::Video,
            Event::Audio(_) => TrackKind::Audio,
            Event::Report { .. } => return,
        };
        match kind {
            TrackKind::Video => self.swell.complete(),
            TrackKind::Audio => self.swell.other(),
        }
        if self.streams.plays(kind) {
            self.damage.whole();
        }
    }

    fn poll_item(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Item>, Failure>> {
        match self.playing.poll_next_unpin(context) {
            Poll::Pending if self.relay.is_none() && self.swell.waits(crate::clock::now().instant) => {
                Poll::Ready(Err(Failure::Swelling))
            }
            Poll::Pending => Poll::Pending,
            Poll::Ready(item) => Poll::Ready(Ok(item)),
        }
    }

    /// What ended the session: a relay knows better.
    fn told_by_relay(&self, failure: Failure) -> Failure {
        self.relay.as_ref().and_then(Relay::failure).unwrap_or(failure)
    }

    fn damaged(&mut self, error: &retina::Error) -> Result<(), Failure> {
        let why = self.secrets.first_line(&error.to_string());
        tracing::debug!(error = why, "damaged frame");
        if FATAL.iter().any(|fatal| why.starts_with(fatal)) {
            return Err(Failure::Broken { why });
        }
        self.damage.add(crate::clock::now().instant, why)
    }
}

async fn describe(
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

fn setup_options() -> SetupOptions {
    // RTP over UDP is the relay's to take: the library drops what is out of order.
    let transport = retina::client::Transport::Tcp(TcpTransportOptions::default());
    SetupOptions::default().transport(transport)
}

/// True for what a relay can mend: a redirect, a camera that hangs up after DESCRIBE, and answers in words that the
/// library does not take.
fn is_detour(failure: &Failure) -> bool {
    match failure {
        Failure::Answered { step: Step::Describe, status } => (300..400).contains(status),
        Failure::Unintelligible { step: Step::Describe, why } => why.contains("unexpected content type"),
        Failure::Unintelligible { step: Step::Setup, why } => why.contains("EOF while expecting response"),
        _ => false,
    }
}

/// One exchange under a limit of time.
async fn step<T>(
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

fn failure(step: Step, error: &retina::Error, secrets: &Scrub) -> Failure {
    tracing::debug!(%step, error = secrets.first_line(&error.to_string()), "RTSP failed");
    match error.status_code() {
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
async fn silent_step(url: &Url) -> Step {
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
