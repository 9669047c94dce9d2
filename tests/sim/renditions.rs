//! One rendition at work: what arrives goes through the sessions of `ingest` into its channel.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use belvedere::ingest::event::{Picture, Sound};
use belvedere::ingest::pump::{Progress, Pump};
use belvedere::ingest::{CameraClock, Options, Sink};
use belvedere::live::{self, Channel, Origin, Publisher, PushError, State, Status};
use belvedere::media::fmp4::InitError;
use belvedere::media::{AudioTrack, Frame, Ticks, TrackKind, Tracks, VideoTrack};
use belvedere::stats::RenditionStats;

use crate::camera::{Arrival, What};
use crate::plan::Stream;
use crate::tracks;

/// The pause before a lost session is tried again, for the status alone.
const PAUSE: Duration = Duration::from_secs(1);

/// What every rendition of a camera gets.
#[derive(Clone)]
pub struct Shared {
    pub origin: Origin,
    pub clock: Arc<CameraClock>,
    /// When the simulation begins.
    pub began: Instant,
}

/// A rendition.
pub struct Rendition {
    pub stream: Stream,
    pub channel: Arc<Channel>,
    pub stats: Arc<RenditionStats>,
    pub tap: Arc<Tap>,
    shared: Shared,
    arrivals: std::vec::IntoIter<Arrival>,
    next: Option<Arrival>,
    progress: Arc<Progress>,
    session: Option<Session>,
    video: Arc<VideoTrack>,
    changes: u32,
    audio: Option<Arc<AudioTrack>>,
}

struct Session {
    pump: Pump<Tap>,
    /// When what came first was taken: the zero of its RTP time.
    begin: i64,
    last_picture: Option<i64>,
    live: bool,
}

impl Rendition {
    /// A rendition of `stream`, from which `arrivals` come.
    pub fn new(stream: &Stream, arrivals: Vec<Arrival>, options: live::Options, shared: &Shared) -> Self {
        let stats = Arc::new(RenditionStats::default());
        let (publisher, channel) = live::channel(options, &shared.origin, stats.clone());
        let mut arrivals = arrivals.into_iter();
        let next = arrivals.next();
        Self {
            channel,
            stats,
            tap: Arc::new(Tap { publisher, shown: Mutex::default() }),
            shared: shared.clone(),
            arrivals,
            next,
            progress: Arc::default(),
            session: None,
            video: tracks::video(0),
            changes: 0,
            audio: stream.sound.as_ref().map(|sound| tracks::audio(sound.rate, sound.samples)),
            stream: stream.clone(),
        }
    }

    /// When the next thing happens; `None` when all is over.
    pub fn next_at(&self) -> Option<i64> {
        let next = self.next?.at;
        Some(self.stalls_at().map_or(next, |stall| stall.min(next)))
    }

    /// Lets it happen.
    pub fn step(&mut self) {
        let Some(arrival) = self.next else { return };
        if self.stalls_at().is_some_and(|stall| stall < arrival.at) {
            return self.lose(State::Stalled);
        }
        self.next = self.arrivals.next();
        match arrival.what {
            What::Lost => self.lose(State::Retrying(PAUSE)),
            What::Report { ntp, taken } => {
                let session = self.session(taken);
                session.pump.report(TrackKind::Video, ntp, Ticks(taken - session.begin));
            }
            What::Sound { taken } => {
                let at = self.instant(arrival.at);
                let session = self.session(taken);
                let elapsed = Ticks(taken - session.begin);
                session.pump.audio(Sound { data: tracks::payload(8), elapsed, arrival: at, lost: 0 });
            }
            What::Picture { taken, sync, parameters } => self.picture(arrival.at, taken, sync, parameters),
        }
    }

    fn picture(&mut self, at: i64, taken: i64, sync: bool, parameters: u32) {
        if parameters != self.changes {
            (self.changes, self.video) = (parameters, tracks::video(parameters));
        }
        let rate = self.stream.scenes.first().map_or(25_000, |scene| scene.rate);
        let (track, arrival) = (self.video.clone(), self.instant(at));
        let picture = |begin| Picture {
            data: tracks::payload(self.stream.bytes),
            elapsed: Ticks(taken - begin),
            arrival,
            sync,
            lost: 0,
            track: Some(track),
            interval: self.stream.tells_rate.then(|| Ticks(90_000_000 / i64::from(rate))),
        };
        let begin = self.session.as_ref().map_or(taken, |session| session.begin);
        let picture = picture(begin);
        let session = self.session(taken);
        session.pump.video(picture);
        session.last_picture = Some(at);
        if session.pump.delivered() && !session.live {
            session.live = true;
            self.tap.set_status(Status::plain(State::Live));
        }
    }

    /// Nothing will come any more.
    pub fn close(&mut self) {
        self.session = None;
        self.tap.publisher.close();
    }

    fn stalls_at(&self) -> Option<i64> {
        let patience = Ticks::from_duration(Options::default().stall_timeout);
        Some(self.session.as_ref()?.last_picture? + patience.0)
    }

    fn lose(&mut self, state: State) {
        if self.session.take().is_some() {
            self.tap.set_status(Status::plain(state));
        }
    }

    fn session(&mut self, begin: i64) -> &mut Session {
        self.session.get_or_insert_with(|| {
            self.tap.set_status(Status::plain(State::Connecting));
            let pump = Pump::new(
                self.tap.clone(),
                self.stats.clone(),
                self.shared.clock.clone(),
                self.progress.clone(),
                self.audio.clone(),
            );
            Session { pump, begin, last_picture: None, live: false }
        })
    }

    fn instant(&self, at: i64) -> Instant {
        self.shared.began + Ticks(at).to_duration()
    }
}

/// Hands everything on, and remembers when which picture is to be shown.
pub struct Tap {
    publisher: Publisher,
    shown: Mutex<Vec<i64>>,
}

impl Tap {
    /// The presentation time of the picture with this number, counted from 0 over all that were taken.
    pub fn shown(&self, number: usize) -> Option<i64> {
        self.shown.lock().unwrap().get(number).copied()
    }
}

impl Sink for Tap {
    fn begin(&self, tracks: Tracks) -> Result<(), InitError> {
        self.publisher.begin(tracks)
    }

    fn push(&self, frame: Frame) -> Result<(), PushError> {
        let shown = frame.decode_time as i64 + i64::from(frame.composition_offset);
        let video = frame.track == TrackKind::Video;
        self.publisher.push(frame)?;
        if video {
            self.shown.lock().unwrap().push(shown);
        }
        Ok(())
    }

    fn set_status(&self, status: Status) {
        self.publisher.set_status(status);
    }

    fn set_skew(&self, skew: Option<Ticks>) {
        self.publisher.set_skew(skew);
    }
}
