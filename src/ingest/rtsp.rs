//! One RTSP session (RFC 2326), through the crate `retina`. The only file that names it.
//!
//! `retina` sets no limits of time; every wait here has one, but for [`Session::next`], whose
//! caller knows how long silence may last.

mod sessions;
mod tracks;

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use retina::client::{
    Credentials, Demuxed, Described, InitialTimestampPolicy, PlayOptions, SessionOptions, SetupOptions,
    TcpTransportOptions,
};
use retina::codec::{CodecItem, FrameFormat};
use secrecy::ExposeSecret;
use tokio::time::timeout;
use url::{Host, Url};

pub use self::sessions::{Group, Sessions};

use self::tracks::VideoReader;
use super::damage::{Damage, Scrub};
use super::error::{Failure, Step};
use super::event::{Event, Picture, Sound};
use super::relay::{self, Relay, retell};
use super::still::Still;
use super::swell::Swell;
use super::voice::Voice;
use super::{Source, Transport};
use crate::media::{AudioTrack, Ticks, TrackKind, VideoTrack};

/// How long to look, after DESCRIBE went unanswered, whether the camera takes connections at all.
const PROBE: Duration = Duration::from_secs(2);

/// How `retina` begins the texts of errors after which the connection is gone. Its errors are
/// opaque; a text that changes only makes us find out by the end of the stream instead.
const FATAL: [&str; 3] = ["Error reading from RTSP peer", "Error writing to RTSP peer", "RTSP framing error"];

/// What to say of a description that the library takes from a relay alone.
const RETOLD: &str = "sound that must be retold";

/// How `retina` begins the text of an error while connecting.
const CONNECT_ERROR: &str = "Unable to connect to RTSP server: ";

/// What the library makes of packets.
type Item = Result<CodecItem, retina::Error>;

/// A session that plays.
pub struct Session {
    demuxed: Demuxed,
    video_index: Option<usize>,
    video: VideoReader,
    /// What is shown where the sound plays alone.
    still: Option<Still>,
    audio: Option<Arc<AudioTrack>>,
    /// What makes FLAC of the camera's sound, where that is needed.
    voice: Option<Voice>,
    /// Sound that has come, or was made, and is not told yet.
    blocks: VecDeque<Sound>,
    left_out: Option<String>,
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
        if relay.is_none() && source.audio && retell::retell(&sdp).is_some() {
            return Err(Failure::Unintelligible { step: Step::Describe, why: RETOLD.to_owned() });
        }
        let video_index = source.video.then(|| tracks::find_video(session.streams())).transpose()?;
        let (audio_index, left_out) =
            if source.audio { tracks::find_audio(session.streams(), &sdp) } else { (None, None) };
        if video_index.or(audio_index).is_none() {
            return Err(Failure::NoSound { found: tracks::offered(session.streams()) });
        }
        for index in [video_index, audio_index].into_iter().flatten() {
            let setup = session.setup(index, setup_options());
            step(Step::Setup, limit, &secrets, setup).await?;
        }
        // Permissive: cameras without `rtptime` in RTP-Info are common.
        let policy = PlayOptions::default().initial_timestamp(InitialTimestampPolicy::Permissive);
        let reader = |index: usize| VideoReader::new(&sdp, &session.streams()[index]);
        let video = video_index.map(reader).unwrap_or_default();
        let playing = step(Step::Play, limit, &secrets, session.play(policy)).await?;
        let demuxed = playing.demuxed().map_err(|error| failure(Step::Describe, &error, &secrets))?;
        let sound = audio_index.and_then(|index| tracks::sound(&demuxed.streams()[index], &sdp));
        let (audio, voice) = sound.map_or((None, None), |(track, voice)| (Some(Arc::new(track)), voice));
        let mut session = Self {
            demuxed,
            video_index,
            video,
            still: if video_index.is_none() { Still::new() } else { None },
            audio,
            voice,
            blocks: VecDeque::new(),
            left_out,
            damage: Damage::default(),
            secrets,
            relay,
            swell: Swell::default(),
        };
        session.read_parameters();
        Ok(session)
    }

    /// The parameters of the video, once the camera has told them.
    pub fn video(&self) -> Option<Arc<VideoTrack>> {
        self.still.as_ref().map(Still::track).or_else(|| self.video.track())
    }

    fn read_parameters(&mut self) {
        if let Some(index) = self.video_index {
            self.video.read(&self.demuxed.streams()[index]);
        }
    }

    /// The sound, when there is any that can be carried.
    pub fn audio(&self) -> Option<Arc<AudioTrack>> {
        self.audio.clone()
    }

    /// The codec of a sound that cannot be carried.
    pub fn left_out(&self) -> Option<&str> {
        self.left_out.as_deref()
    }

    /// The next event. Waits for ever, and may be dropped while waiting without losing anything.
    /// Must be called again soon: keep-alives are sent from here.
    ///
    /// `on_damage` is called once for each frame that was skipped because it cannot be read.
    pub async fn next(&mut self, mut on_damage: impl FnMut()) -> Result<Event, Failure> {
        loop {
            let still = self.still.as_mut().zip(self.blocks.front());
            if let Some(picture) = still.and_then(|(still, sound)| still.before(sound)) {
                return Ok(Event::Video(picture));
            }
            if let Some(block) = self.blocks.pop_front() {
                return Ok(Event::Audio(block));
            }
            let item = match poll_fn(|context| self.poll_item(context)).await? {
                Some(Ok(item)) => item,
                Some(Err(error)) => {
                    on_damage();
                    self.damaged(&error).map_err(|failure| self.told_by_relay(failure))?;
                    continue;
                }
                None => {
                    let ended = self.damage.ended();
                    return Err(self.told_by_relay(ended));
                }
            };
            if let Some(event) = self.event(item) {
                return Ok(event);
            }
        }
    }

    fn poll_item(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Item>, Failure>> {
        match self.demuxed.poll_next_unpin(context) {
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

    fn event(&mut self, item: CodecItem) -> Option<Event> {
        match item {
            CodecItem::VideoFrame(_) => self.swell.complete(),
            _ => self.swell.other(),
        }
        match item {
            CodecItem::VideoFrame(frame) => {
                if frame.has_new_parameters() || self.video.track().is_none() {
                    self.read_parameters();
                }
                Some(Event::Video(Picture {
                    elapsed: ticks(frame.timestamp()),
                    arrival: frame.start_ctx().received(),
                    sync: frame.is_random_access_point(),
                    lost: frame.loss(),
                    track: self.video.track(),
                    interval: self.video.interval(),
                    data: Bytes::from(frame.into_data()),
                }))
            }
            CodecItem::AudioFrame(frame) => {
                let sound = Sound {
                    data: Bytes::copy_from_slice(frame.data()),
                    elapsed: ticks(frame.timestamp()),
                    arrival: frame.ctx().received(),
                    lost: frame.loss(),
                };
                match &mut self.voice {
                    Some(voice) => voice.push(&sound, &mut self.blocks),
                    None => self.blocks.push_back(sound),
                }
                None
            }
            CodecItem::Rtcp(compound) => {
                let rtp = compound.rtp_timestamp()?;
                let report = compound.pkts().next()?.as_sender_report().ok().flatten()?;
                // Where the sound is alone its clock is that of the still.
                let of_video = self.video_index.is_none_or(|index| compound.stream_id() == index);
                let kind = if of_video { TrackKind::Video } else { TrackKind::Audio };
                Some(Event::Report { kind, ntp: report.ntp_timestamp().0, elapsed: ticks(rtp) })
            }
            _ => None,
        }
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
    // MP4: lengths instead of start codes, parameter sets in the record only, raw AAC.
    SetupOptions::default().transport(transport).frame_format(FrameFormat::MP4)
}

/// True for what a relay can mend: a redirect, a camera that hangs up after DESCRIBE, and answers in words that the
/// library does not take.
fn is_detour(failure: &Failure) -> bool {
    match failure {
        Failure::Answered { step: Step::Describe, status } => (300..400).contains(status),
        Failure::Unintelligible { step: Step::Describe, why } => {
            why == RETOLD || why.contains("unexpected content type")
        }
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

fn ticks(timestamp: retina::Timestamp) -> Ticks {
    Ticks::from_timescale(timestamp.elapsed(), timestamp.clock_rate().get())
}
