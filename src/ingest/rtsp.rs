//! One RTSP session (RFC 2326), through the crate `retina`. The only file that names it.
//!
//! `retina` sets no limits of time; every wait here has one, but for [`Session::next`], whose
//! caller knows how long silence may last.

mod exchange;
mod sessions;
mod streams;
mod tracks;
mod video;
mod words;

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::StreamExt;
use retina::client::{PacketItem, Playing};

pub use self::sessions::{Group, Sessions};

use self::exchange::{describe, is_detour, play_options, setup_options, silent_step, step};
use self::streams::{Next, Streams};
use self::tracks::LeftOut;
use self::video::VideoReader;
use super::damage::Damage;
use super::depacketize::MOST;
use super::error::{Failure, Step};
use super::event::Event;
use super::relay::Relay;
use super::scrub::Scrub;
use super::swell::Swell;
use super::{Source, Transport};
use crate::media::{AudioTrack, TrackKind, VideoTrack};

/// How `retina` begins the texts of errors after which the connection is gone. Its errors are
/// opaque; a text that changes only makes us find out by the end of the stream instead.
const FATAL: [&str; 3] = ["Error reading from RTSP peer", "Error writing to RTSP peer", "RTSP framing error"];

/// How the library tells of packets that are not those which the answer to SETUP named.
const OTHERS: &str = "wrong ssrc after 0 RTP pkts";

/// Requests of a camera's that may come one right after the other.
const MOST_REQUESTS: usize = 3;

/// What the library makes of what comes.
type Item = Result<PacketItem, retina::Error>;

/// A session that plays.
pub struct Session {
    playing: retina::client::Session<Playing>,
    streams: Streams,
    left_out: Option<LeftOut>,
    sound_refused: Option<String>,
    damage: Damage,
    secrets: Scrub,
    relay: Option<Relay>,
    swell: Swell,
}

impl Session {
    /// Connects and plays. Each exchange may take `limit`.
    ///
    /// # Errors
    /// There is no session, or none with a picture.
    pub async fn connect(source: &Source, limit: Duration, group: &Group) -> Result<Self, Failure> {
        Self::connect_with_or_without_sound(source, limit, group, false).await
    }

    /// The same for a camera that may send pictures without an end, or lies about its packets: they are measured on
    /// their way, and what was said of them is left out.
    ///
    /// # Errors
    /// As those of [`Self::connect`].
    pub async fn connect_measured(source: &Source, limit: Duration, group: &Group) -> Result<Self, Failure> {
        Self::connect_with_or_without_sound(source, limit, group, true).await
    }

    /// Sound that a camera offers and then refuses is no reason to be without its pictures.
    async fn connect_with_or_without_sound(
        source: &Source,
        limit: Duration,
        group: &Group,
        relayed: bool,
    ) -> Result<Self, Failure> {
        if !matches!(source.url.scheme(), "rtsp" | "rtsps") || source.url.host().is_none() {
            return Err(Failure::BadUrl);
        }
        match Self::connect_by(source, limit, group, relayed).await {
            Err(Failure::SoundRefused { why }) if source.video => {
                let silent = Source { audio: false, ..source.clone() };
                let mut session = Self::connect_by(&silent, limit, group, relayed).await?;
                session.sound_refused = Some(why);
                Ok(session)
            }
            other => other,
        }
    }

    async fn connect_by(
        source: &Source,
        limit: Duration,
        group: &Group,
        relayed: bool,
    ) -> Result<Self, Failure> {
        // What the library cannot do by itself.
        if relayed || source.url.scheme() == "rtsps" || source.transport == Transport::Udp {
            return Self::connect_relayed(source, limit, group).await;
        }
        match Self::connect_to(source, limit, group, Scrub::of(source), None).await {
            Err(failure) if is_detour(&failure) => Self::connect_relayed(source, limit, group).await,
            other => other,
        }
    }

    /// Through a relay, which does what the library cannot.
    async fn connect_relayed(source: &Source, limit: Duration, group: &Group) -> Result<Self, Failure> {
        let secrets = Scrub::of(source);
        let relay = Relay::open(source, limit, secrets.clone()).await?;
        let relayed = Source {
            url: relay.url().clone(),
            transport: Transport::Tcp,
            username: None,
            password: None,
            ..source.clone()
        };
        secrets.learn(&relayed.url);
        // The camera's own words come first: here only a connection ends.
        let session = Self::connect_to(&relayed, limit, group, secrets, Some(relay.clone())).await;
        session.map_err(|failure| match failure {
            Failure::SoundRefused { .. } => failure,
            failure => relay.failure().unwrap_or(failure),
        })
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
        secrets.learn_description(&sdp);
        let video_index = source.video.then(|| tracks::find_video(session.streams())).transpose()?;
        let (mut audio, left_out) =
            if source.audio { tracks::find_audio(session.streams(), &sdp) } else { (None, None) };
        let audio_index = audio.as_ref().map(|audio| audio.index);
        if video_index.or(audio_index).is_none() {
            return Err(Failure::NoSound { found: tracks::offered(session.streams()) });
        }
        if let Some(index) = video_index {
            step(Step::Setup, limit, &secrets, session.setup(index, setup_options())).await?;
        }
        let mut sound_refused = None;
        if let Some(index) = audio_index {
            let answer = step(Step::Setup, limit, &secrets, session.setup(index, setup_options())).await;
            let refused = answer.map(|()| None);
            let refused = refused.or_else(|failure| refused_sound(failure, video_index, relay.is_some()));
            if let Some(why) = refused? {
                (audio, sound_refused) = (None, Some(why));
            }
        }
        let reader = |index: usize| (index, VideoReader::new(&sdp, &session.streams()[index]));
        let streams = Streams::new(video_index.map(reader), audio);
        let playing = step(Step::Play, limit, &secrets, session.play(play_options())).await?;
        let (damage, swell) = (Damage::default(), Swell::default());
        Ok(Self { playing, streams, left_out, sound_refused, damage, secrets, relay, swell })
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
    pub fn why_left_out(&self) -> Option<&str> {
        self.left_out.as_ref().map(|sound| sound.why.as_str()).or_else(|| self.streams.why_deaf())
    }

    /// What RTP calls the encoding of a sound that cannot be carried.
    pub fn left_out(&self) -> Option<&str> {
        self.left_out.as_ref().map(|sound| sound.encoding.as_str())
    }

    /// How the camera refuses the sound that it offers.
    pub fn sound_refused(&self) -> Option<&str> {
        self.sound_refused.as_deref()
    }

    /// True where a relay stands between.
    pub fn is_relayed(&self) -> bool {
        self.relay.is_some()
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
                    if let PacketItem::Rtp(packet) = &item
                        && self.streams.what_plays() == Some(packet.stream_id())
                    {
                        self.damage.taken();
                    }
                    if let Some(report) = self.streams.push(item) {
                        self.swell.other();
                        return Ok(report);
                    }
                }
                Some(Err(error)) => {
                    // What is refused is no part of a picture.
                    self.swell.other();
                    self.damaged(&error).map_err(|failure| self.told_by_relay(failure))?;
                    on_damage(None);
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
        // At a request of the camera's the library says that nothing is there, and does not look whether that is so:
        // nobody would wake us for what has come behind it.
        let mut polled = self.playing.poll_next_unpin(context);
        for _ in 0..MOST_REQUESTS {
            if polled.is_ready() {
                break;
            }
            polled = self.playing.poll_next_unpin(context);
        }
        match polled {
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
        let text = error.to_string();
        let why = self.secrets.first_line(&text);
        tracing::debug!(error = why, "damaged frame");
        if FATAL.iter().any(|fatal| why.starts_with(fatal)) {
            return Err(Failure::Broken { why: words::of(&why).map_or(why, str::to_owned) });
        }
        if why.starts_with(OTHERS) {
            return Err(Failure::Broken {
                why: "its packets are not those that RTSP SETUP named".to_owned(),
            });
        }
        let now = crate::clock::now().instant;
        if why.starts_with(words::STRANGER) && self.is_of_what_plays(&text) {
            self.damage.stranger(now)?;
        }
        self.damage.add(now, words::of(&why).map_or(why, str::to_owned))
    }

    /// True where the library's `text` is of the stream without which nothing plays: a line of it names the stream.
    fn is_of_what_plays(&self, text: &str) -> bool {
        let stream = self.streams.what_plays().and_then(|index| self.playing.streams().get(index));
        let context =
            stream.and_then(retina::client::Stream::ctx).map(|context| format!("stream: {context}"));
        context.is_some_and(|context| text.lines().any(|line| line == context))
    }
}

/// What a failed SETUP of the sound means where there is video: why to go on without it on the same connection, or that
/// another connection is needed, without it.
fn refused_sound(failure: Failure, video: Option<usize>, relayed: bool) -> Result<Option<String>, Failure> {
    match failure {
        failure if video.is_none() => Err(failure),
        Failure::Answered { step, status } => Ok(Some(format!("{step} answered {status}"))),
        Failure::TimedOut { step, .. } => Err(Failure::SoundRefused { why: format!("no answer to {step}") }),
        Failure::Unintelligible { step, .. } if relayed => {
            Err(Failure::SoundRefused { why: format!("it hangs up at {step}") })
        }
        failure => Err(failure),
    }
}
