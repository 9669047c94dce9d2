//! One RTSP session (RFC 2326), through the crate `retina`. The only file that names it.
//!
//! `retina` sets no limits of time; every wait here has one, but for [`Session::next`], whose
//! caller knows how long silence may last.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use retina::client::{
    Credentials, Demuxed, Described, InitialTimestampPolicy, PlayOptions, SessionGroup, SessionOptions,
    SetupOptions, Stream, TcpTransportOptions,
};
use retina::codec::{
    AudioParameters, CodecItem, FrameFormat, ParametersRef, VideoParameters, VideoParametersCodec,
};
use secrecy::ExposeSecret;
use tokio::time::timeout;
use url::{Host, Url};

use super::damage::{Damage, Scrub};
use super::error::{Failure, Step};
use super::event::{Event, Picture, Sound};
use super::relay::{self, Relay};
use super::{Source, Transport};
use crate::media::{AudioTrack, Ticks, TrackKind, VideoCodec, VideoTrack};

/// How long to look, after DESCRIBE went unanswered, whether the camera takes connections at all.
const PROBE: Duration = Duration::from_secs(2);

/// How `retina` begins the texts of errors after which the connection is gone. Its errors are
/// opaque; a text that changes only makes us find out by the end of the stream instead.
const FATAL: [&str; 3] = ["Error reading from RTSP peer", "Error writing to RTSP peer", "RTSP framing error"];

/// How `retina` begins the text of an error while connecting.
const CONNECT_ERROR: &str = "Unable to connect to RTSP server: ";

/// The cameras' sessions that may still be alive on their side, by host and port. One for the
/// whole process: renditions of one camera share its few sessions.
#[derive(Debug, Default)]
pub struct Sessions(Mutex<HashMap<(String, u16), Weak<SessionGroup>>>);

impl Sessions {
    /// The sessions with the host of `url`.
    pub fn group(&self, url: &Url) -> Group {
        let host = url.host_str().unwrap_or_default().to_owned();
        let port = relay::port(url);
        let mut groups = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        groups.retain(|_, group| group.strong_count() > 0);
        let known = groups.get(&(host.clone(), port)).and_then(Weak::upgrade);
        Group(known.unwrap_or_else(|| {
            let group = Arc::new(SessionGroup::default().named(format!("{host}:{port}")));
            groups.insert((host, port), Arc::downgrade(&group));
            group
        }))
    }
}

/// The sessions with one host.
#[derive(Clone)]
pub struct Group(Arc<SessionGroup>);

impl Group {
    /// Waits until sessions that were left behind are gone, `cap` at most: cameras that still
    /// hold one may refuse another.
    pub async fn settle(&self, cap: Duration) {
        let stale = self.0.stale_sessions();
        if stale.num_sessions > 0 && timeout(cap, self.0.await_stale_sessions(&stale)).await.is_err() {
            tracing::debug!(host = self.0.name(), left = stale.num_sessions, "stale sessions remain");
        }
    }

    /// Waits until TEARDOWN was answered for all sessions that ended, `cap` at most.
    pub async fn teardown(&self, cap: Duration) {
        match timeout(cap, self.0.await_teardown()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(host = self.0.name(), %error, "TEARDOWN failed"),
            Err(_) => tracing::debug!(host = self.0.name(), "TEARDOWN was not answered in time"),
        }
    }
}

/// A session that plays.
pub struct Session {
    demuxed: Demuxed,
    video_index: usize,
    video: Option<Arc<VideoTrack>>,
    interval: Option<Ticks>,
    audio: Option<Arc<AudioTrack>>,
    left_out: Option<String>,
    damage: Damage,
    secrets: Scrub,
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
        match Self::connect_to(source, limit, group).await {
            Err(failure) if is_detour(&failure) => Self::connect_relayed(source, limit, group).await,
            other => other,
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
        // The camera's own words come first: here only a connection ends.
        let session = Self::connect_to(&relayed, limit, group).await;
        session.map_err(|failure| relay.failure().unwrap_or(failure))
    }

    async fn connect_to(source: &Source, limit: Duration, group: &Group) -> Result<Self, Failure> {
        let secrets = Scrub::of(source);
        let mut session = match describe(source, limit, group, &secrets).await {
            Err(Failure::TimedOut { step: Step::Describe, after }) => {
                return Err(Failure::TimedOut { step: silent_step(&source.url).await, after });
            }
            other => other?,
        };
        let video_index = find_video(session.streams())?;
        let (audio_index, left_out) = if source.audio { find_audio(session.streams()) } else { (None, None) };
        for index in [Some(video_index), audio_index].into_iter().flatten() {
            let setup = session.setup(index, setup_options());
            step(Step::Setup, limit, &secrets, setup).await?;
        }
        // Permissive: cameras without `rtptime` in RTP-Info are common.
        let policy = PlayOptions::default().initial_timestamp(InitialTimestampPolicy::Permissive);
        let playing = step(Step::Play, limit, &secrets, session.play(policy)).await?;
        let demuxed = playing.demuxed().map_err(|error| failure(Step::Describe, &error, &secrets))?;
        let audio = audio_index.and_then(|index| match demuxed.streams()[index].parameters() {
            Some(ParametersRef::Audio(parameters)) => audio_track(parameters).map(Arc::new),
            _ => None,
        });
        let damage = Damage::default();
        let mut session =
            Self { demuxed, video_index, video: None, interval: None, audio, left_out, damage, secrets };
        session.read_parameters();
        Ok(session)
    }

    /// The parameters of the video, once the camera has told them.
    pub fn video(&self) -> Option<Arc<VideoTrack>> {
        self.video.clone()
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
            let item = match self.demuxed.next().await {
                Some(Ok(item)) => item,
                Some(Err(error)) => {
                    on_damage();
                    self.damaged(&error)?;
                    continue;
                }
                None => return Err(self.damage.ended()),
            };
            if let Some(event) = self.event(item) {
                return Ok(event);
            }
        }
    }

    fn event(&mut self, item: CodecItem) -> Option<Event> {
        match item {
            CodecItem::VideoFrame(frame) => {
                if frame.has_new_parameters() || self.video.is_none() {
                    self.read_parameters();
                }
                Some(Event::Video(Picture {
                    elapsed: ticks(frame.timestamp()),
                    arrival: frame.start_ctx().received(),
                    sync: frame.is_random_access_point(),
                    lost: frame.loss(),
                    track: self.video.clone(),
                    interval: self.interval,
                    data: Bytes::from(frame.into_data()),
                }))
            }
            CodecItem::AudioFrame(frame) => Some(Event::Audio(Sound {
                data: Bytes::copy_from_slice(frame.data()),
                elapsed: ticks(frame.timestamp()),
                arrival: frame.ctx().received(),
                lost: frame.loss(),
            })),
            CodecItem::Rtcp(compound) => {
                let rtp = compound.rtp_timestamp()?;
                let report = compound.pkts().next()?.as_sender_report().ok().flatten()?;
                let kind = if compound.stream_id() == self.video_index {
                    TrackKind::Video
                } else {
                    TrackKind::Audio
                };
                Some(Event::Report { kind, ntp: report.ntp_timestamp().0, elapsed: ticks(rtp) })
            }
            _ => None,
        }
    }

    /// Takes over the parameters in force; equal ones change nothing.
    fn read_parameters(&mut self) {
        let Some(ParametersRef::Video(parameters)) = self.demuxed.streams()[self.video_index].parameters()
        else {
            return;
        };
        let Some(track) = video_track(parameters) else { return };
        if self.video.as_deref() != Some(&track) {
            self.video = Some(Arc::new(track));
        }
        self.interval = parameters.frame_rate().filter(|(_, rate)| *rate > 0).map(|(units, rate)| {
            Ticks(i64::from(units) * i64::from(crate::media::time::TICKS_PER_SECOND) / i64::from(rate))
        });
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

/// True for what a relay can mend: a redirect, a camera that hangs up after DESCRIBE, and an answer in words
/// that the library does not take.
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

fn find_video(streams: &[Stream]) -> Result<usize, Failure> {
    let usable =
        |stream: &Stream| stream.media() == "video" && matches!(stream.encoding_name(), "h264" | "h265");
    streams.iter().position(usable).ok_or_else(|| {
        let found: Vec<String> =
            streams.iter().map(|stream| format!("{} {}", stream.encoding_name(), stream.media())).collect();
        Failure::NoVideo { found: if found.is_empty() { "nothing".into() } else { found.join(", ") } }
    })
}

/// The sound that can be carried, or else the codec of one that cannot.
fn find_audio(streams: &[Stream]) -> (Option<usize>, Option<String>) {
    let audio = |stream: &&Stream| stream.media() == "audio";
    let usable = |stream: &Stream| match stream.parameters() {
        Some(ParametersRef::Audio(parameters)) => audio_track(parameters).is_some(),
        _ => false,
    };
    match streams.iter().position(|stream| audio(&stream) && usable(stream)) {
        Some(index) => (Some(index), None),
        None => (None, streams.iter().find(audio).map(|stream| stream.encoding_name().to_owned())),
    }
}

fn video_track(parameters: &VideoParameters) -> Option<VideoTrack> {
    let (codec, rfc6381) = match parameters.codec_params() {
        VideoParametersCodec::H264 { .. } => {
            (VideoCodec::H264, parameters.rfc6381_codec().to_ascii_lowercase())
        }
        VideoParametersCodec::H265 { .. } => (VideoCodec::H265, parameters.rfc6381_codec().to_owned()),
        _ => return None,
    };
    let (width, height) = parameters.pixel_dimensions();
    Some(VideoTrack {
        codec,
        record: Bytes::copy_from_slice(parameters.extra_data()),
        rfc6381,
        width: u16::try_from(width).ok()?,
        height: u16::try_from(height).ok()?,
        pixel_aspect: parameters
            .pixel_aspect_ratio()
            .and_then(|(h, v)| Some((u16::try_from(h).ok()?, u16::try_from(v).ok()?))),
    })
}

fn audio_track(parameters: &AudioParameters) -> Option<AudioTrack> {
    let rfc6381 = parameters.rfc6381_codec().filter(|codec| codec.starts_with("mp4a."))?;
    Some(AudioTrack {
        config: Bytes::copy_from_slice(parameters.extra_data()),
        rfc6381: rfc6381.to_owned(),
        sample_rate: parameters.clock_rate(),
        channels: parameters.channels().get(),
        frame_samples: parameters.frame_length()?.get(),
    })
}

fn ticks(timestamp: retina::Timestamp) -> Ticks {
    Ticks::from_timescale(timestamp.elapsed(), timestamp.clock_rate().get())
}
