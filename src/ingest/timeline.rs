//! RTP time, sender reports and arrival to the presentation time on the camera's timeline. Pure.
//!
//! Media time advances as the camera's RTP clock says (RFC 3550, 5.1); only the *offset* to our
//! timeline is estimated, and it changes slowly or with a break:
//!
//! - from arrival: the frame with the least delay tells the offset best, so the least
//!   `arrival - elapsed` of the last 10 to 20 s is followed at 500 ppm at most;
//! - from sender reports (RFC 3550, 6.4.1), once both sides have one: the camera's own NTP clock
//!   through the shared [`CameraClock`], followed at 1 % at most. This puts the renditions of a
//!   camera, and its sound, at the same instant to within a frame.
//!
//! What cannot be followed that slowly is a break, taken at a sync sample.
//!
//! Sound lies beside its pictures where its reports, or RTP-Info (RFC 2326, 12.33), put it, if that is near where it
//! lies by arrival ([`Skew`]).

use std::sync::Arc;

use super::arrivals::{Arrivals, Drift};
use super::camera_clock::{CameraClock, Lease};
use super::continuity::{Checked, Continuity};
use super::rate::{Rate, Rated};
use super::reports::{Heard, Reports};
use super::skew::Skew;
use crate::media::{Ticks, TrackKind};

const MILLISECOND: i64 = 90;
const SECOND: i64 = 90_000;

/// A mapping that is off by more is broken with, not slewed.
const SLEWABLE: i64 = 250 * MILLISECOND;

/// The mapping is wrong where frames come before their time by more than this, which a busy machine may make of the
/// beginning of a session; less costs nobody anything.
const EARLY: i64 = 750 * MILLISECOND;
/// So many of them in a row: no network can do that.
const EARLY_FRAMES: u32 = 8;

/// Beyond this the arrival time is believed more than anything the camera says.
const IMPLAUSIBLE: i64 = 5 * SECOND;

/// How fast an estimate from arrival times is followed.
const ARRIVAL_PPM: i64 = 500;

/// How fast a difference to the sender reports is removed.
const REPORT_PPM: i64 = 10_000;

/// How fast sound follows its reports, and whatever it is clearly off by. Its frames lie on a line of their own, which
/// hardly ever gives way: what is asked for here is not heard.
const SOUND_PPM: i64 = 20_000;
const CLEARLY_OFF: i64 = 20 * MILLISECOND;

/// What to do with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Go on; this is its elapsed time after repair, to be given to [`Timeline::map`].
    Frame(Ticks),
    /// Go on with a new epoch: the mapping before and after cannot be connected. The frame itself
    /// is good, with this elapsed time.
    Break(Ticks),
}

/// The mapping of one RTSP session.
#[derive(Debug)]
pub struct Timeline {
    clock: Arc<CameraClock>,
    lease: Option<Lease>,
    video: Track,
    audio: Track,
    skew: Skew,
    drift: Drift,
    /// When the last frame came.
    now: Ticks,
    /// Reports of this stream are not from the clock that its siblings have.
    refused: bool,
    open: bool,
    early: u32,
    /// The reports ask for another mapping; granted at the next sync sample.
    remap: bool,
}

#[derive(Debug, Default)]
struct Track {
    rate: Rate,
    continuity: Continuity,
    arrivals: Arrivals,
    reports: Reports,
    first: Option<Ticks>,
    offset: Option<i64>,
    mapped: i64,
    /// Slew that was allowed but is less than a tick yet, in millionths.
    slack: i64,
}

impl Timeline {
    /// A mapping with nothing known yet.
    pub fn new(clock: Arc<CameraClock>) -> Self {
        Self {
            clock,
            lease: None,
            video: Track::default(),
            audio: Track::default(),
            skew: Skew::default(),
            drift: Drift::default(),
            now: Ticks(0),
            refused: false,
            open: false,
            early: 0,
            remap: false,
        }
    }

    /// Takes note of a frame when it arrives, whether it will be published or not. `elapsed` is
    /// its RTP time since the start of the session, `arrival` is on the camera's timeline.
    pub fn accept(&mut self, kind: TrackKind, elapsed: Ticks, arrival: Ticks, sync: bool) -> Verdict {
        self.now = arrival;
        let track = self.track(kind);
        track.first.get_or_insert(elapsed);
        let elapsed = match track.rate.check(elapsed, arrival) {
            Rated::Good(elapsed) => elapsed,
            Rated::Bent(elapsed) => {
                self.bend(kind);
                elapsed
            }
        };
        let track = self.track(kind);
        match track.continuity.check(elapsed, arrival) {
            Checked::Jumped => {
                track.jumped();
                track.arrivals.add(elapsed, arrival);
                self.unrelate();
                if kind == TrackKind::Video {
                    self.open = false;
                    self.refused = self.video.rate.is_wrong();
                }
                Verdict::Break(elapsed)
            }
            Checked::Good(elapsed) => {
                track.arrivals.add(elapsed, arrival);
                self.drift.add(kind, elapsed, arrival);
                if kind == TrackKind::Video && self.open && self.lost(elapsed, arrival, sync) {
                    self.open = false;
                    return Verdict::Break(elapsed);
                }
                Verdict::Frame(elapsed)
            }
        }
    }

    /// True once the clock of a track has proved to run at a wrong rate, or to stand.
    pub fn clock_is_wrong(&self) -> bool {
        self.video.rate.is_wrong() || self.audio.rate.is_wrong()
    }

    /// From here on the stamps of a track follow their arrival: nothing that its clock told before holds.
    fn bend(&mut self, kind: TrackKind) {
        let track = self.track(kind);
        track.arrivals = Arrivals::default();
        track.reports = Reports::default();
        self.unrelate();
        match kind {
            TrackKind::Video => (self.lease, self.refused, self.remap) = (None, true, true),
            TrackKind::Audio => self.audio.offset = None,
        }
    }

    /// Nothing that was said at the beginning relates the tracks any more.
    fn unrelate(&mut self) {
        self.skew.forget();
        self.drift = Drift::default();
    }

    /// Starts mapping afresh from all that was accepted so far: an epoch begins.
    pub fn open(&mut self) {
        (self.early, self.remap) = (0, false);
        self.video.offset = None;
        self.audio.offset = None;
        self.join();
        self.video.offset = self.target(TrackKind::Video);
        self.open = true;
    }

    /// The presentation time of an accepted frame, by its elapsed time after repair.
    pub fn map(&mut self, kind: TrackKind, elapsed: Ticks) -> Ticks {
        let target = self.target(kind);
        let locked = self.locked(kind);
        let runs_away = self.drift.apart(self.now).is_some();
        let track = self.track(kind);
        let offset = match (track.offset, target) {
            (Some(offset), Some(target)) => {
                let off = (target - offset).abs();
                let ppm = match kind {
                    // Sound has no key frames to wait for: its line is re-anchored at any frame.
                    TrackKind::Audio if off > SLEWABLE => 0,
                    TrackKind::Audio if locked || runs_away || off > CLEARLY_OFF => SOUND_PPM,
                    TrackKind::Video if locked => REPORT_PPM,
                    _ => ARRIVAL_PPM,
                };
                if ppm == 0 { target } else { track.slew(offset, target, elapsed.0, ppm) }
            }
            (Some(offset), None) => offset,
            (None, target) => target.unwrap_or(0),
        };
        track.offset = Some(offset);
        track.mapped = track.mapped.max(elapsed.0);
        Ticks(elapsed.0 + offset)
    }

    /// Takes a sender report: the camera's clock said `ntp` (RFC 5905 format, 32.32 bits) at
    /// `elapsed`. Nonsense is ignored.
    pub fn report(&mut self, kind: TrackKind, ntp: u64, elapsed: Ticks) {
        // Cameras without a clock send zero, or count seconds since they were switched on; the
        // second is as good as any other clock. Where RTP time runs wrongly, its relation to one says nothing.
        if ntp == 0 || self.track(kind).rate.is_wrong() {
            return;
        }
        let ticks = (u128::from(ntp) * u128::from(SECOND.unsigned_abs())) >> 32;
        let base = ticks as i64 - elapsed.0;
        let generation = self.clock.generation();
        let heard = self.track(kind).reports.add(base, generation);
        if kind == TrackKind::Audio || heard == Heard::Unsettled {
            return;
        }
        self.join();
        let Some(lease) = &self.lease else { return };
        let Some(offset) = self.video.offset.filter(|_| self.open) else { return };
        if (base + lease.offset().0.0 - offset).abs() <= SLEWABLE {
            self.remap = false;
            return;
        }
        let plausible = self.video.least().is_some_and(|least| (least - offset).abs() <= SECOND);
        if heard == Heard::Stepped && plausible {
            // The camera set its clock; its pictures go on as before.
            lease.rebase(Ticks(offset - base));
            self.video.reports.add(base, self.clock.generation());
        } else {
            self.remap = true;
        }
    }

    /// How far the pictures are from where the sender reports place them; `None` while there are no
    /// reports to believe. Renditions whose skew is small show the same instant at the same time.
    pub fn skew(&self) -> Option<Ticks> {
        Some(Ticks(self.by_report(&self.video)? - self.video.offset?))
    }

    fn track(&mut self, kind: TrackKind) -> &mut Track {
        match kind {
            TrackKind::Video => &mut self.video,
            TrackKind::Audio => &mut self.audio,
        }
    }

    fn locked(&self, kind: TrackKind) -> bool {
        match kind {
            TrackKind::Video => self.by_report(&self.video).is_some(),
            TrackKind::Audio => !self.skew.is_doubted() && self.by_report(&self.audio).is_some(),
        }
    }

    /// Joins the camera's clock as soon as there is a report to join with.
    fn join(&mut self) {
        if self.lease.is_some() || self.refused {
            return;
        }
        let Some(base) = self.video.reports.base else { return };
        let Some(offset) = self.video.offset.or_else(|| self.video.least()) else { return };
        self.lease = self.clock.join(Ticks(offset - base), Ticks(IMPLAUSIBLE));
        self.refused = self.lease.is_none();
        // To join as the first sets the clock, by reports that were heard before that.
        let generation = self.clock.generation();
        self.video.reports.generation = generation;
        self.audio.reports.generation = generation;
    }

    /// The offset to aim for.
    fn target(&mut self, kind: TrackKind) -> Option<i64> {
        match kind {
            TrackKind::Video => self.by_report(&self.video).or_else(|| self.video.least()),
            TrackKind::Audio => self.sound_target(),
        }
    }

    fn sound_target(&mut self) -> Option<i64> {
        let by_report = self.by_report(&self.audio);
        let (Some(offset), Some(apart)) = (self.video.offset, self.apart()) else {
            return by_report.or_else(|| self.audio.least());
        };
        let watched = self.video.arrivals.watched().min(self.audio.arrivals.watched());
        if let Some(target) = by_report
            && self.skew.believes(apart + offset - target, watched)
        {
            return Some(target);
        }
        // Two tracks that both start at nothing were not related by RTP-Info (RFC 2326, 12.33).
        let related = self.video.first != Some(Ticks(0)) || self.audio.first != Some(Ticks(0));
        // As far from the pictures as it arrives, less what is known to be the camera's doing: those may be on their
        // way to where they belong.
        Some(offset + apart - self.skew.told(apart, related, watched))
    }

    /// How much more the least `arrival - elapsed` of the sound is than that of the pictures.
    fn apart(&self) -> Option<i64> {
        // Stamps that are bent go their own way to where they belong.
        let drift = if self.clock_is_wrong() { None } else { self.drift.apart(self.now) };
        drift.or_else(|| Some(self.audio.least()? - self.video.least()?))
    }

    /// The offset of `track` by its sender reports, if they can be believed.
    fn by_report(&self, track: &Track) -> Option<i64> {
        let (offset, generation) = self.lease.as_ref()?.offset();
        let target = track.reports.base.filter(|_| track.reports.generation == generation)? + offset.0;
        let near = |least: i64| (target - least).abs() <= IMPLAUSIBLE;
        track.least().is_none_or(near).then_some(target)
    }

    /// True when the mapping in use has proved wrong and a sync sample allows to change it.
    fn lost(&mut self, elapsed: Ticks, arrival: Ticks, sync: bool) -> bool {
        let Some(offset) = self.video.offset else { return false };
        let limit = if self.lease.is_some() { IMPLAUSIBLE } else { EARLY };
        let early = arrival.0 - elapsed.0 - offset < -limit;
        self.early = if early { self.early + 1 } else { 0 };
        if !sync {
            return false;
        }
        let least = self.video.least().unwrap_or(offset);
        if let Some(target) = self.by_report(&self.video)
            && let Some(lease) = &self.lease
        {
            lease.steer(Ticks(least - target), arrival);
        }
        if (least - offset).abs() > IMPLAUSIBLE {
            // Whatever the reports say, they are wrong by seconds: start over without them.
            (self.lease, self.video.reports) = (None, Reports::default());
            return true;
        }
        self.remap || self.early >= EARLY_FRAMES
    }
}

impl Track {
    /// The offset by arrival times.
    fn least(&self) -> Option<i64> {
        self.rate.offset().or_else(|| self.arrivals.least())
    }

    fn jumped(&mut self) {
        self.arrivals = Arrivals::default();
        self.reports = Reports::default();
        self.offset = None;
        self.slack = 0;
    }

    fn slew(&mut self, offset: i64, target: i64, elapsed: i64, ppm: i64) -> i64 {
        // A pause in the track must not save up allowance for a jump.
        let since = (elapsed - self.mapped).clamp(0, SECOND);
        self.slack += since * ppm;
        let whole = self.slack / 1_000_000;
        self.slack %= 1_000_000;
        offset + (target - offset).clamp(-whole, whole)
    }
}

#[cfg(test)]
#[path = "timeline_tests.rs"]
mod tests;
