//! One session from connecting to its end, and the limits of silence.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::time::timeout_at;
use tokio_util::sync::CancellationToken;

use super::Rendition;
use super::error::{Failure, Step};
use super::event::{Event, Picture};
use super::pump::{Progress, Pump};
use super::rtsp::{Group, Session};
use super::sink::Sink;
use super::withheld::{Cause, KeyFrames};
use crate::clock;
use crate::live::{State, Status};
use crate::media::TrackKind;

/// Longest wait for the first picture after PLAY: some cameras start their encoder only then.
const FIRST_FRAME: Duration = Duration::from_secs(15);

/// Pictures without a key frame for so long are worth a word. The session goes on: cameras with
/// "smart" codecs send one in minutes.
const NO_KEY_FRAME: Duration = Duration::from_secs(10);

/// What to say then.
const KEYLESS: &str = "pictures come, but no key frame yet: set a shorter I-frame interval in the camera, and its intra \
                       refresh off";

/// What to say where it stopped to send any.
const KEYLESS_SINCE: &str = "pictures come, but no key frame any more, so that new viewers have nothing to begin with: set a \
                             shorter I-frame interval in the camera, and its intra refresh off";

/// What to say of sound whose stamps mean nothing.
const SENSELESS: &str = "the time stamps of its sound make no sense, so that sound is timed by its arrival now: update the \
                         camera's firmware, or write audio = \"off\"";

/// What to say where key frames do come, and nobody can decode them.
const UNDESCRIBED: &str = "pictures come, but not the parameter sets (SPS, PPS) that tell how to decode them, or none that \
                           can be read: restart the camera, or set its video encoding to plain H.264";

/// What outlives the sessions of a rendition.
#[derive(Debug, Default)]
pub struct Life {
    progress: Arc<Progress>,
    /// When the current session began to deliver, and when it last did.
    live: std::sync::Mutex<Option<(Instant, Instant)>>,
    /// The session before fell silent or broke: the next one is relayed and measured.
    suspect: AtomicBool,
    /// A picture swelled once: all are measured from then on. A camera that did it will do it again, and what it
    /// sends in the meantime proves nothing.
    swells: AtomicBool,
    told_ring_full: AtomicBool,
    told_slow: AtomicBool,
    told_long_gop: AtomicBool,
    told_too_large: AtomicBool,
}

impl Life {
    /// How long the session that has ended delivered; asking forgets it.
    pub fn take_delivered(&self) -> Duration {
        let live = self.live.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        live.map_or(Duration::ZERO, |(since, last)| last.saturating_duration_since(since))
    }

    fn delivers(&self, picture: Instant) {
        let mut live = self.live.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        live.get_or_insert((picture, picture)).1 = picture;
    }
}

/// Runs one session until it fails or `stop` is cancelled (`Ok`). Dropping the session inside
/// sends TEARDOWN in the background; the group knows when it was answered.
pub async fn run<S: Sink>(
    rendition: Arc<Rendition<S>>,
    group: Group,
    life: Arc<Life>,
    stop: CancellationToken,
) -> Result<(), Failure> {
    tokio::select! {
        biased;
        () = stop.cancelled() => Ok(()),
        failure = play(&rendition, &group, &life) => Err(failure),
    }
}

async fn play<S: Sink>(rendition: &Rendition<S>, group: &Group, life: &Life) -> Failure {
    let mut session = match connect(rendition, group, life).await {
        Ok(session) => session,
        Err(failure) => return failure,
    };
    rendition.stats.sessions.add(1);
    let mut pump = Pump::new(
        Arc::clone(&rendition.publisher),
        Arc::clone(&rendition.stats),
        Arc::clone(&rendition.clock),
        Arc::clone(&life.progress),
        session.audio(),
    )
    .drop_until_sync(rendition.options.drop_until_sync);
    let began = clock::now().instant;
    let mut told = Told { without_sound: without_sound(&session), ..Told::default() };
    let (mut last_picture, mut heard) = (None, false);
    loop {
        let deadline = match last_picture {
            Some(last) => last + rendition.options.stall_timeout,
            None => began + FIRST_FRAME,
        };
        let due = pump.due().filter(|due| *due < deadline);
        let damaged = AtomicBool::new(false);
        let next = session.next(|track| {
            rendition.stats.frames_dropped.add(1);
            // What is wrong with the sound is none of the picture's.
            damaged.fetch_or(track == Some(TrackKind::Video), Ordering::Relaxed);
        });
        let next = timeout_at(due.unwrap_or(deadline).into(), next).await;
        if damaged.load(Ordering::Relaxed) {
            pump.damaged();
        }
        match next {
            Ok(Ok(Event::Video(picture))) => {
                last_picture = Some(clock::now().instant);
                rendition.stats.packets_lost.add(picture.lost.into());
                told.key_frames.picture(picture.sync, picture.arrival);
                told.undescribed |= picture.sync && picture.track.is_none();
                pump_picture(&mut pump, picture);
            }
            Ok(Ok(Event::Audio(sound))) => {
                heard = true;
                rendition.stats.packets_lost.add(sound.lost.into());
                pump.audio(sound);
            }
            Ok(Ok(Event::Report { kind, ntp, elapsed })) => pump.report(kind, ntp, elapsed),
            Ok(Err(failure)) => {
                let swelled = matches!(failure, Failure::Swelling | Failure::Endless { .. });
                life.swells.fetch_or(swelled, Ordering::Relaxed);
                // A relay answers what the camera asks and takes packets whoever they say that they are of: the next
                // session has one. One that ended with it goes on without.
                let broke =
                    matches!(failure, Failure::Closed | Failure::Broken { .. } | Failure::Damaged { .. });
                life.suspect.store(broke && !session.is_relayed(), Ordering::Relaxed);
                return failure;
            }
            Err(_) if due.is_some() => pump.settle(clock::now().instant),
            Err(_) if last_picture.is_none() => return nothing_to_see(life, heard),
            Err(_) => return silent(rendition, life),
        }
        told.tell_clock(rendition, pump.clock_is_wrong());
        told.tell_sound(rendition, &session);
        told.tell_oddities(rendition, pump.sound_is_senseless());
        if let Some(why) = pump.refused() {
            return Failure::Unusable { why: why.to_owned() };
        }
        told.tell(rendition, life, pump.delivered(), began, last_picture);
        told.tell_withheld(rendition, pump.withholds());
    }
}

async fn connect<S: Sink>(rendition: &Rendition<S>, group: &Group, life: &Life) -> Result<Session, Failure> {
    let limit = rendition.options.connect_timeout;
    let logins = &rendition.sessions.logins;
    logins.enter(&rendition.source).await?;
    // A session that fell silent may have been choked by a picture, and one that broke have been misunderstood.
    let session = match life.suspect.load(Ordering::Relaxed) || life.swells.load(Ordering::Relaxed) {
        true => Session::connect_measured(&rendition.source, limit, group).await,
        false => Session::connect(&rendition.source, limit, group).await,
    };
    logins.tell(&rendition.source, &session, super::jitter());
    session
}

/// A picture without bytes would be a sample without a NAL unit, which decoders refuse.
fn pump_picture<S: Sink>(pump: &mut Pump<S>, picture: Picture) {
    if !picture.data.is_empty() {
        pump.video(picture);
    }
}

/// What to tell the owner of a camera whose sound it refuses, or that cannot be carried or read.
fn without_sound(session: &Session) -> Option<String> {
    let refused = session.sound_refused().map(|why| {
        format!(
            "plays without sound, since the camera refuses it ({why}): switch its microphone on, or write audio = \
             \"off\""
        )
    });
    refused.or_else(|| {
        let why = session.why_left_out()?;
        Some(format!("plays without sound, since {why}: choose AAC or G.711 in the camera"))
    })
}

/// No picture has come at all, though sound has if it was `heard`. A picture that never ends looks the same from here.
fn nothing_to_see(life: &Life, heard: bool) -> Failure {
    life.suspect.store(true, Ordering::Relaxed);
    match heard {
        true => Failure::SoundOnly { after: FIRST_FRAME },
        false => Failure::TimedOut { step: Step::FirstFrame, after: FIRST_FRAME },
    }
}

/// Nothing has come for too long. A picture that never ends looks the same from here.
fn silent<S: Sink>(rendition: &Rendition<S>, life: &Life) -> Failure {
    life.suspect.store(true, Ordering::Relaxed);
    let failure = Failure::Stalled { after: rendition.options.stall_timeout };
    rendition.set_status(Status::because(State::Stalled, failure.to_string()));
    failure
}

/// What was already said about this session.
#[derive(Default)]
struct Told {
    /// Why there is no sound although the camera has some.
    without_sound: Option<String>,
    live: bool,
    no_key_frame: bool,
    /// A key frame came without the parameter sets by which it is decoded.
    undescribed: bool,
    wrong_clock: bool,
    key_frames: KeyFrames,
    /// Of them it was told that there are none any more.
    keyless: bool,
    /// The sound's stamps mean nothing, which was said once.
    senseless: bool,
    told_senseless: bool,
    /// Pictures wait for a key frame.
    withheld: bool,
    /// Nothing but frames that are too large.
    choked: bool,
    too_large: u64,
    /// Frames that had passed when the last one came that was too large.
    passed: u64,
}

impl Told {
    fn tell_sound<S: Sink>(&mut self, rendition: &Rendition<S>, session: &Session) {
        let silent = session.sound_refused().or(session.why_left_out()).is_some();
        if silent != self.without_sound.is_some() {
            self.without_sound = without_sound(session);
            if self.live {
                rendition.set_status(self.live_status());
            }
        }
    }

    fn tell_clock<S: Sink>(&mut self, rendition: &Rendition<S>, wrong: bool) {
        if wrong && !self.wrong_clock {
            self.wrong_clock = true;
            tracing::warn!(
                "camera {}: its RTP clock runs at a wrong rate, or stands; frames are timed by their arrival now, and \
                 sound and picture may be apart by what the network delays: update the camera's firmware",
                rendition.name
            );
        }
    }

    /// What is odd of a camera that is live all the same.
    fn tell_oddities<S: Sink>(&mut self, rendition: &Rendition<S>, senseless: bool) {
        let keyless = self.key_frames.are_missing();
        if (keyless, senseless) == (self.keyless, self.senseless) {
            return;
        }
        let name = &rendition.name;
        if keyless && !self.keyless {
            tracing::warn!("camera {name}: {KEYLESS_SINCE}");
        }
        if senseless && !std::mem::replace(&mut self.told_senseless, true) {
            tracing::warn!("camera {name}: {SENSELESS}");
        }
        (self.keyless, self.senseless) = (keyless, senseless);
        if self.live && !self.withheld && !self.choked {
            rendition.set_status(self.live_status());
        }
    }

    /// A camera whose frames no ring takes is not live, however much comes.
    fn tell_too_large<S: Sink>(&mut self, rendition: &Rendition<S>, life: &Life) {
        const ADVICE: &str = "frames come that are larger than a quarter of limits.ring_bytes, and are left out: \
                              lower the bit rate in the camera, or raise that limit";
        let (too_large, passed) = (rendition.stats.frames_too_large.get(), rendition.stats.frames.get());
        if self.choked && passed > self.passed {
            self.choked = false;
            rendition.set_status(self.live_status());
        }
        if too_large == self.too_large {
            return;
        }
        if !life.told_too_large.swap(true, Ordering::Relaxed) {
            tracing::warn!("camera {}: {ADVICE}", rendition.name);
        }
        if self.too_large > 0 && passed == self.passed && !self.choked {
            self.choked = true;
            rendition.set_status(Status::because(State::Connecting, ADVICE));
        }
        (self.too_large, self.passed) = (too_large, passed);
    }

    /// A camera whose pictures are left out until a key frame comes is not live, however long that takes.
    fn tell_withheld<S: Sink>(&mut self, rendition: &Rendition<S>, cause: Option<Cause>) {
        if self.withheld == cause.is_some() || self.choked {
            return;
        }
        self.withheld = cause.is_some();
        rendition.set_status(match cause {
            None => self.live_status(),
            Some(cause) => {
                let why = cause.words();
                let reason = format!(
                    "waits for a key frame, since {why}: set a shorter I-frame interval in the camera"
                );
                Status::because(State::Connecting, reason)
            }
        });
    }

    fn live_status(&self) -> Status {
        let keyless = self.keyless.then(|| KEYLESS_SINCE.to_owned());
        let senseless = || self.senseless.then(|| SENSELESS.to_owned());
        let reason = keyless.or_else(|| self.without_sound.clone()).or_else(senseless);
        Status::because(State::Live, reason.unwrap_or_default())
    }

    fn tell<S: Sink>(
        &mut self,
        rendition: &Rendition<S>,
        life: &Life,
        live: bool,
        began: Instant,
        last_picture: Option<Instant>,
    ) {
        if live && !self.live {
            self.live = true;
            life.suspect.store(false, Ordering::Relaxed);
            rendition.set_status(self.live_status());
        }
        if let Some(picture) = last_picture.filter(|_| live) {
            life.delivers(picture);
        }
        tell_of_segments(rendition, life);
        self.tell_too_large(rendition, life);
        if !live
            && !self.no_key_frame
            && last_picture.is_some_and(|last| last.saturating_duration_since(began) > NO_KEY_FRAME)
        {
            self.no_key_frame = true;
            let why = if self.undescribed { UNDESCRIBED } else { KEYLESS };
            rendition.set_status(Status::because(State::Connecting, why));
        }
    }
}

/// What HLS cannot make well of the camera's pictures, once each.
fn tell_of_segments<S: Sink>(rendition: &Rendition<S>, life: &Life) {
    let (name, stats) = (&rendition.name, &rendition.stats);
    let first = |count: u64, told: &AtomicBool| count > 0 && !told.swap(true, Ordering::Relaxed);
    if first(stats.segments_without_parts.get(), &life.told_slow) {
        tracing::warn!(
            "camera {name}: frames come so slowly now that HLS lists whole segments only, at a longer delay: set \
             hls.part_target to more than they last, or raise the camera's frame rate"
        );
    } else if first(stats.segments_cut.get(), &life.told_long_gop) {
        tracing::warn!(
            "camera {name}: key frames are so far apart that HLS segments begin between them, which iPhones may not \
             play at low latency: set the camera's I-frame interval to one or two seconds, and its smart codec off"
        );
    }
    if first(stats.segments_evicted_early.get(), &life.told_ring_full) {
        tracing::warn!(
            "camera {name}: less is kept than hls.window asks for, since limits.ring_bytes is used up"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_camera_that_sends_sound_alone_is_not_said_to_be_silent() {
        let life = Life::default();
        assert!(nothing_to_see(&life, false).to_string().starts_with("timed out at the first frame"));
        assert!(nothing_to_see(&life, true).to_string().starts_with("sound comes, but no picture for 15 s"));
    }

    #[test]
    fn what_a_session_delivered_ends_with_its_last_picture() {
        let (life, start) = (Life::default(), clock::now().instant);
        assert_eq!(life.take_delivered(), Duration::ZERO);
        for ms in [0, 40, 3_000] {
            life.delivers(start + Duration::from_millis(ms));
        }
        assert_eq!(life.take_delivered(), Duration::from_secs(3), "whatever silence came behind it");
        assert_eq!(life.take_delivered(), Duration::ZERO, "and is told once");
    }
}
