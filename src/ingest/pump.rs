//! Events of one session to frames of the channel: when an epoch opens, breaks and closes.
//!
//! An epoch opens at a sync sample whose parameters are known, a moment later: that is how long sound
//! is waited for, and where it has not come by then silence takes its place. It ends when the
//! parameters change, when the timeline breaks, or when sound comes or goes; the next one opens at the
//! next sync sample. When it ends in the middle of a group of pictures, the rest of that group is dropped and counted,
//! but for a break in time alone: those pictures can be decoded, and go on in their epoch until the next sync sample.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::camera_clock::CameraClock;
use super::event::{Picture, Sound};
use super::pace::VideoPace;
pub use super::progress::Progress;
use super::sink::Sink;
use super::sound::SoundLine;
use super::stage::{Epoch, Stage};
use super::stamps::{Judged, Stamps};
use super::timeline::{Timeline, Verdict};
use super::waiting::{Held, Waiting};
use super::withheld::{Cause, Withheld};
use crate::live::PushError;
use crate::media::{AudioTrack, Frame, Ticks, TrackKind, Tracks, VideoTrack, silence};
use crate::stats::RenditionStats;

/// Longest wait for the first sound after the first sync sample: no viewer waits for more than this.
/// Cameras start it up to 2 s late; until then there is silence.
const WAIT_FOR_AUDIO: Ticks = Ticks(90 * 220);

/// Shortest wait before the first epoch of a session opens. Some cameras begin with a burst of old
/// pictures; only those after it tell where now is.
const SETTLE: Ticks = Ticks(90 * 200);

/// Sound that has not come for so long is gone.
const AUDIO_GONE: Ticks = Ticks(5 * 90_000);

/// An epoch may begin this much before the end of the one before; the decode line makes up for it.
const OVERLAP: Ticks = Ticks(90 * 250);

/// The state of one session.
pub struct Pump<S> {
    sink: Arc<S>,
    stats: Arc<RenditionStats>,
    clock: Arc<CameraClock>,
    progress: Arc<Progress>,
    timeline: Timeline,
    audio: Option<Arc<AudioTrack>>,
    heard: Option<Ticks>,
    stamps: Stamps,
    /// Since when silence stands in for sound that was never heard.
    silent: Option<Ticks>,
    stage: Stage,
    epochs: u64,
    /// How far decoding runs ahead of presentation, as B-pictures need it.
    lag: Ticks,
    /// Why the tracks were refused, once they were.
    refused: Option<String>,
    /// After damage pictures are left out up to the next sync sample.
    drop_until_sync: bool,
    /// They are now.
    holding: bool,
    withheld: Withheld,
}

impl<S: Sink> Pump<S> {
    /// Starts with a session that has just begun to play, with `audio` if it has any.
    pub fn new(
        sink: Arc<S>,
        stats: Arc<RenditionStats>,
        clock: Arc<CameraClock>,
        progress: Arc<Progress>,
        audio: Option<Arc<AudioTrack>>,
    ) -> Self {
        let timeline = Timeline::new(Arc::clone(&clock));
        Self {
            sink,
            stats,
            clock,
            progress,
            timeline,
            audio,
            heard: None,
            stamps: Stamps::default(),
            silent: None,
            stage: Stage::Closed,
            epochs: 0,
            lag: Ticks(0),
            refused: None,
            drop_until_sync: false,
            holding: false,
            withheld: Withheld::default(),
        }
    }

    /// After damage, leaves out pictures up to the next sync sample if `wanted`.
    #[must_use]
    pub fn drop_until_sync(mut self, wanted: bool) -> Self {
        self.drop_until_sync = wanted;
        self
    }

    /// True once frames have been published.
    pub fn delivered(&self) -> bool {
        self.epochs > 0
    }

    /// Why the camera's parameters cannot be used, if they were refused.
    pub fn refused(&self) -> Option<&str> {
        self.refused.as_deref()
    }

    /// Why pictures have been left out for some seconds, up to the next key frame.
    pub fn withholds(&self) -> Option<Cause> {
        self.withheld.cause().filter(|_| self.delivered())
    }

    /// Takes a sender report.
    pub fn report(&mut self, kind: TrackKind, ntp: u64, elapsed: Ticks) {
        self.timeline.report(kind, ntp, elapsed);
        self.sink.set_skew(self.timeline.skew());
    }

    /// True once a clock of the camera has proved to run at a wrong rate.
    pub fn clock_is_wrong(&self) -> bool {
        self.timeline.clock_is_wrong()
    }

    /// True while the sound is placed by its arrival, since its stamps make no sense.
    pub fn sound_is_senseless(&self) -> bool {
        self.stamps.are_senseless()
    }

    /// Pictures before the next one are missing, or cannot be read.
    pub fn damaged(&mut self) {
        self.holding = self.drop_until_sync;
    }

    /// Takes a picture.
    pub fn video(&mut self, picture: Picture) {
        if picture.lost > 0 {
            self.damaged();
        }
        self.holding &= !picture.sync;
        let arrival = self.clock.ticks_at(picture.arrival);
        let verdict = self.timeline.accept(TrackKind::Video, picture.elapsed, arrival, picture.sync);
        let (Verdict::Frame(elapsed) | Verdict::Break(elapsed)) = verdict;
        let broke = verdict == Verdict::Break(elapsed);
        if let Some(cause) = self.ends_before(&picture, broke, arrival) {
            self.close(cause);
        }
        if picture.sync && self.heard.is_none() && self.silent.is_some() && !self.hears(arrival) {
            self.progress.mute.store(true, Ordering::Relaxed);
        }
        if self.holding {
            self.withheld.because(Cause::Damage);
            return self.leave_out(arrival);
        }
        let held = Held { kind: TrackKind::Video, elapsed, sync: picture.sync, data: picture.data };
        match &mut self.stage {
            Stage::Closed => self.start(held, picture.track, picture.interval, arrival),
            Stage::Waiting(waiting) => waiting.hold(held, arrival),
            Stage::Open(_) => self.publish(held, arrival),
        }
        self.open_if_ready(arrival);
    }

    /// Takes an audio frame.
    pub fn audio(&mut self, sound: Sound) {
        let arrival = self.clock.ticks_at(sound.arrival);
        let verdict = self.timeline.accept(TrackKind::Audio, sound.elapsed, arrival, true);
        let (Verdict::Frame(elapsed) | Verdict::Break(elapsed)) = verdict;
        self.stamps.are_bent(self.timeline.clock_is_wrong());
        if verdict == Verdict::Break(elapsed) {
            self.stamps.jumped(arrival);
        }
        self.heard = Some(arrival);
        self.progress.mute.store(false, Ordering::Relaxed);
        let held = Held { kind: TrackKind::Audio, elapsed, sync: true, data: sound.data };
        match &mut self.stage {
            Stage::Closed => {}
            Stage::Waiting(waiting) => waiting.hold(held, arrival),
            Stage::Open(_) => self.publish(held, arrival),
        }
        self.open_if_ready(arrival);
    }

    /// Why `picture` cannot belong to the epoch that is open or about to be, if it cannot; `broke` says that its time
    /// has nothing to do with what was before.
    fn ends_before(&mut self, picture: &Picture, broke: bool, arrival: Ticks) -> Option<Cause> {
        let hears = self.hears(arrival);
        let same = |track: &Arc<VideoTrack>| picture.track.as_deref().is_none_or(|new| new == &**track);
        match &mut self.stage {
            Stage::Closed => None,
            Stage::Waiting(waiting) if !same(&waiting.track) => Some(Cause::Parameters),
            Stage::Waiting(_) => broke.then_some(Cause::Time),
            Stage::Open(epoch) => {
                epoch.broken |= broke;
                let ends = epoch.broken || epoch.tracks.audio.is_some() != hears;
                let over = (picture.sync && ends).then_some(Cause::Time);
                over.or_else(|| (!same(&epoch.tracks.video)).then_some(Cause::Parameters))
            }
        }
    }

    /// A picture that waits for a key frame. Before the first one nothing is lost that a viewer could have seen.
    fn leave_out(&mut self, arrival: Ticks) {
        self.stats.frames_dropped.add(u64::from(self.epochs > 0));
        self.withheld.picture(arrival);
    }

    fn hears(&self, now: Ticks) -> bool {
        self.audio.is_some() && self.heard.or(self.silent).is_some_and(|heard| now - heard < AUDIO_GONE)
    }

    /// Begins to stand in with silence for promised sound that has not come, unless the camera never sent any.
    fn stand_in(&mut self, now: Ticks) {
        let Some(track) = self.audio.as_deref().filter(|_| self.heard.is_none()) else { return };
        if !self.progress.mute.load(Ordering::Relaxed) && silence::frame(track).is_some() {
            self.silent.get_or_insert(now);
        }
    }

    /// When to call [`Pump::settle`], if no frame comes before.
    pub fn due(&self) -> Option<Instant> {
        let Stage::Waiting(waiting) = &self.stage else { return None };
        let wait = if self.awaits_sound() { WAIT_FOR_AUDIO } else { SETTLE };
        // Where pictures follow each other, the next one is soon enough, and nearer to where now is.
        let due = waiting.since + wait + Ticks(1);
        let due = if waiting.is_one_picture() { due } else { due.max(waiting.lull()) };
        // Rounded up, so that it is no earlier.
        Some(self.clock.anchor().instant_at(due))
    }

    /// Opens the epoch that waits, if it has waited for long enough at `now`, when nothing is there to be taken.
    pub fn settle(&mut self, now: Instant) {
        let now = self.clock.ticks_at(now);
        if let Stage::Waiting(waiting) = &mut self.stage {
            waiting.nothing_comes(now);
        }
        self.open_if_ready(now);
    }

    fn awaits_sound(&self) -> bool {
        self.audio.is_some() && self.heard.is_none() && !self.progress.mute.load(Ordering::Relaxed)
    }

    fn start(&mut self, held: Held, track: Option<Arc<VideoTrack>>, interval: Option<Ticks>, since: Ticks) {
        match track.filter(|_| held.sync) {
            Some(track) => self.stage = Stage::Waiting(Waiting::new(held, track, interval, since)),
            None => self.leave_out(since),
        }
    }

    fn open_if_ready(&mut self, now: Ticks) {
        let Stage::Waiting(waiting) = &self.stage else { return };
        let waited = now - waiting.since;
        let known = !self.awaits_sound() || waited >= WAIT_FOR_AUDIO;
        let settled = waited >= SETTLE && !waiting.catches_up(now);
        let ready = self.epochs > 0 || (known && settled) || waiting.full();
        if ready && let Stage::Waiting(waiting) = std::mem::replace(&mut self.stage, Stage::Closed) {
            self.open(waiting, now);
        }
    }

    fn open(&mut self, mut waiting: Waiting, now: Ticks) {
        self.timeline.open();
        let end = Ticks(self.progress.video.load(Ordering::Relaxed));
        // After a reconnect the first pictures may be older than those that were shown last.
        let first = loop {
            let Some(held) = waiting.queue.front() else { return };
            if held.kind == TrackKind::Video && held.sync {
                let first = self.timeline.map(TrackKind::Video, held.elapsed);
                if first + OVERLAP >= end {
                    break first;
                }
            }
            if held.kind == TrackKind::Video && self.epochs > 0 {
                self.stats.frames_dropped.add(1);
            }
            waiting.queue.pop_front();
        };
        self.stand_in(now);
        let audio = self.audio.clone().filter(|_| self.hears(now));
        let sound = audio.clone().map(|track| SoundLine::new(track, first, self.heard.map(|_| now)));
        self.lag = waiting.reorder_lag().unwrap_or(self.lag);
        let tracks = Tracks { video: waiting.track, audio };
        if let Err(error) = self.sink.begin(tracks.clone()) {
            self.refused = Some(error.to_string());
            return;
        }
        if self.epochs > 0 {
            self.stats.breaks.add(1);
        }
        self.epochs += 1;
        self.stamps.begin();
        let video =
            VideoPace::new(Ticks((first.0 - self.lag.0).max(end.0)), waiting.interval, self.lag.0 > 0);
        let interval = waiting.interval;
        self.stage = Stage::Open(Box::new(Epoch { tracks, interval, video, first, sound, broken: false }));
        for held in waiting.queue {
            match &mut self.stage {
                Stage::Open(_) => self.publish(held, now),
                // A break among the frames that waited: the rest begins the next epoch.
                Stage::Waiting(next) => next.hold(held, now),
                Stage::Closed => self.stats.frames_dropped.add(1),
            }
        }
    }

    fn close(&mut self, cause: Cause) {
        self.withheld.because(cause);
        self.stage = Stage::Closed;
    }

    /// Publishes into the open epoch.
    fn publish(&mut self, held: Held, now: Ticks) {
        match held.kind {
            TrackKind::Video => self.publish_video(held, now),
            TrackKind::Audio => self.publish_audio(held, now),
        }
    }

    fn publish_video(&mut self, held: Held, now: Ticks) {
        let Stage::Open(epoch) = &mut self.stage else { return };
        let presentation = self.timeline.map(TrackKind::Video, held.elapsed);
        if epoch.video.breaks(presentation) && (held.sync || !epoch.video.bridges(presentation)) {
            let (track, interval) = (Arc::clone(&epoch.tracks.video), epoch.interval);
            self.close(Cause::Time);
            self.start(held, Some(track), interval, now);
            return;
        }
        self.stamps.picture(presentation, now);
        // Sound that has stopped: players of both tracks would wait for it.
        let silence = epoch.sound.as_mut().map(|sound| {
            let frames = sound.silence(presentation, now, Ticks(self.progress.audio.load(Ordering::Relaxed)));
            self.progress.audio.fetch_max(sound.end().0, Ordering::Relaxed);
            frames
        });
        let sync = held.sync;
        if sync {
            self.sink.set_skew(self.timeline.skew());
        }
        let paced = epoch.video.place(presentation);
        self.progress.video.store(epoch.video.end().0, Ordering::Relaxed);
        let frame = paced.frame(sync, held.data);
        for frame in silence.into_iter().flatten() {
            // What is refused is counted; sound needs no more than that.
            let _refused = self.push(frame);
        }
        match self.push(frame) {
            // Without it the pictures that follow cannot be decoded.
            Err(_) if sync => self.close(Cause::Refused),
            _ => self.withheld.over(),
        }
    }

    fn publish_audio(&mut self, held: Held, now: Ticks) {
        let Stage::Open(epoch) = &mut self.stage else { return };
        // Sound that came after the epoch began waits for the next one.
        let Some(sound) = &mut epoch.sound else { return };
        let presentation = self.timeline.map(TrackKind::Audio, held.elapsed);
        let end = Ticks(self.progress.audio.load(Ordering::Relaxed));
        let frame = match self.stamps.judge(presentation, now) {
            Judged::Stamped if presentation < epoch.first => return,
            Judged::Stamped => sound.place(presentation, now, end, held.data),
            Judged::Arrived(at) => sound.follow(at, now, end, held.data),
            Judged::Nowhere => None,
        };
        self.stamps.placed(frame.is_some(), now);
        let Some(frame) = frame else {
            self.stats.frames_dropped.add(1);
            return;
        };
        self.progress.audio.store(sound.end().0, Ordering::Relaxed);
        let hole = sound.fill(end, &frame);
        for frame in hole.into_iter().chain([frame]) {
            let _refused = self.push(frame);
        }
    }

    fn push(&self, frame: Frame) -> Result<(), PushError> {
        self.sink.push(frame).inspect_err(|error| {
            self.stats.frames_dropped.add(1);
            tracing::debug!(%error, "frame refused");
        })
    }
}

#[cfg(test)]
#[path = "pump_tests.rs"]
mod tests;
