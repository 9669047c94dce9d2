//! Plays a clip to one client: which unit goes out when, under which RTP time. Pure but for the outlets.
//!
//! A session starts at the newest IDR frame: what was shown since then goes out at once under its true, past instants,
//! and the client has a picture without waiting for the next IDR frame. From there on each unit goes out at its own
//! instant, counted from the timebase and never from the unit before, so nothing drifts.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rtp_types::RtpWriteError;

use super::clip::{Clip, Track};
use super::faults::Faults;
use super::gate::Gate;
use super::outlet::Outlet;
use super::packets::{Packetizer, nals};
use super::rtcp::SenderReport;
use super::timebase::{CameraTime, Timebase};
use super::{random, sdp, sets};

/// From one sender report to the next. RFC 3550 asks for 5 s at least between compound packets of a large group;
/// cameras report more often, and clients find the wall time sooner.
const REPORT_PERIOD: i64 = 2_000_000_000;

/// How far a stray stamp is off.
const STRAY_HOURS: u32 = 2;

/// Pictures a second of all clips.
const PICTURES_A_SECOND: i64 = 25;

/// Units sent in one go, and the rest between two goes: spreads the burst at the start over some 30 ms, for the sake
/// of UDP receive buffers, and bounds what is written at once.
const UNITS_A_TURN: usize = 8;
const TURN: Duration = Duration::from_millis(2);

/// One of a clip's two tracks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Video,
    Audio,
}

impl Kind {
    fn track(self, clip: &Clip) -> &Track {
        match self {
            Self::Video => &clip.video,
            Self::Audio => &clip.audio,
        }
    }

    /// Hz of the stream's RTP clock.
    fn rate(self, clip: &Clip, faults: &Faults) -> u32 {
        match self {
            Self::Video => sdp::VIDEO_RATE,
            Self::Audio => faults.sound_clock().unwrap_or(clip.audio.timescale),
        }
    }
}

/// One track on its way to one client.
#[derive(Debug)]
pub(super) struct Stream {
    /// Which track.
    pub(super) kind: Kind,
    /// Where it goes.
    pub(super) outlet: Outlet,
    /// How it is packed.
    pub(super) packetizer: Packetizer,
    /// RTP time of the session's start.
    pub(super) rtp_start: u32,
    next: i64,
    report_due: CameraTime,
    /// RTP time of the last unit.
    last_rtp: u32,
    units: u32,
    /// A packet that lets the next one pass.
    held_back: Option<Vec<u8>>,
}

impl Stream {
    /// A stream with random numbers, not yet playing.
    pub(super) fn new(kind: Kind, outlet: Outlet) -> Self {
        let payload_type = match kind {
            Kind::Video => sdp::VIDEO_TYPE,
            Kind::Audio => sdp::AUDIO_TYPE,
        };
        let packetizer = Packetizer::new(payload_type, random::number32(), random::number16());
        let rtp_start = random::number32();
        let report_due = CameraTime(i64::MIN);
        Self {
            kind,
            outlet,
            packetizer,
            rtp_start,
            next: 0,
            report_due,
            last_rtp: rtp_start,
            units: 0,
            held_back: None,
        }
    }
}

/// One session that plays.
#[derive(Debug)]
pub(super) struct Player {
    clip: Arc<Clip>,
    /// The next rendition, whose pictures come where they are to be swapped.
    other: Arc<Clip>,
    /// They come now.
    swapped: bool,
    timebase: Timebase,
    /// The instant of the first frame; RTP times count from it.
    start: CameraTime,
    streams: Vec<Stream>,
    last_turn: Option<Instant>,
    /// Of the skips ever asked for, those that are done or were before our time.
    skips_done: u64,
    /// The shift of RTP time that was there before our time.
    shift_before: i64,
}

impl Player {
    /// Starts at the newest IDR frame before `now`.
    pub(super) fn new(
        clip: Arc<Clip>,
        other: Arc<Clip>,
        timebase: Timebase,
        mut streams: Vec<Stream>,
        now: Instant,
        faults: &Faults,
    ) -> Self {
        let shown = clip.video.unit_at(timebase.clip_time(timebase.at(now)));
        let first = clip.video.start_of(clip.video.sync_before(shown));
        for stream in &mut streams {
            stream.next = stream.kind.track(&clip).unit_from(first);
            stream.rtp_start = faults.rtp_start().unwrap_or(stream.rtp_start);
        }
        Self {
            start: timebase.time_of_clip(first),
            skips_done: faults.skips(),
            shift_before: faults.rtp_shift(),
            last_turn: None,
            swapped: false,
            clip,
            other,
            timebase,
            streams,
        }
    }

    /// The streams, in the order of their set-up.
    pub(super) fn streams(&self) -> &[Stream] {
        &self.streams
    }

    /// When [`Self::turn`] is to be called again.
    pub(super) fn wake(&self) -> Option<Instant> {
        let (_, start) = self.next()?;
        let due = self.timebase.instant(self.timebase.time_of_clip(start));
        Some(self.last_turn.map_or(due, |last| due.max(last + TURN)))
    }

    /// Sends what is due at `now`, oldest first, at most [`UNITS_A_TURN`] units. What goes interleaved is appended to
    /// `tcp`.
    ///
    /// # Errors
    /// None in practice: only packets that RTP cannot express.
    pub(super) fn turn(
        &mut self,
        now: Instant,
        faults: &Faults,
        tcp: &mut Vec<u8>,
    ) -> Result<(), RtpWriteError> {
        self.last_turn = Some(now);
        let time = self.timebase.at(now);
        let clip_time = self.timebase.clip_time(time);
        for _ in 0..UNITS_A_TURN {
            let Some((index, start)) = self.next().filter(|(_, start)| *start <= clip_time) else { break };
            if faults.is_stalled() {
                self.skip_to(clip_time);
                break;
            }
            self.send(index, self.timebase.time_of_clip(start), time, faults, tcp)?;
        }
        Ok(())
    }

    /// The stream whose next unit comes first, and that unit's start on the clip's clock.
    fn next(&self) -> Option<(usize, i64)> {
        let starts = self.streams.iter().map(|stream| stream.kind.track(&self.clip).start_of(stream.next));
        starts.enumerate().min_by_key(|(_, start)| *start)
    }

    /// Leaves out all units up to `clip_time`.
    fn skip_to(&mut self, clip_time: i64) {
        for stream in &mut self.streams {
            stream.next = stream.next.max(stream.kind.track(&self.clip).unit_at(clip_time) + 1);
        }
    }

    /// What a stream sends as its next unit, if it sends one.
    fn take(&mut self, index: usize, faults: &Faults) -> Option<i64> {
        let Stream { kind, next, .. } = &mut self.streams[index];
        let unit = *next;
        *next += 1;
        match kind {
            Kind::Audio => (!faults.audio_is_muted()).then_some(unit),
            Kind::Video if self.skips_done < faults.skips() => {
                self.skips_done += 1;
                None
            }
            Kind::Video if faults.sends_one_picture_a_second() => {
                (unit % PICTURES_A_SECOND == 0).then(|| self.clip.video.sync_before(unit))
            }
            Kind::Video => Some(unit),
        }
    }

    /// Sends the next unit of a stream, which starts at `start`, and a sender report if one is due at `now`.
    fn send(
        &mut self,
        index: usize,
        start: CameraTime,
        now: CameraTime,
        faults: &Faults,
        tcp: &mut Vec<u8>,
    ) -> Result<(), RtpWriteError> {
        let Some(unit) = self.take(index, faults) else { return Ok(()) };
        let shift = CameraTime(faults.rtp_shift() - self.shift_before);
        let Stream { kind, outlet, packetizer, rtp_start, report_due, last_rtp, units, held_back, .. } =
            &mut self.streams[index];
        let rate = kind.rate(&self.clip, faults);
        let rtp_time = |time: CameraTime| {
            let since = faults.hastened(*kind as usize, time.0 - self.start.0);
            let ticks = CameraTime(since + shift.0).ticks_since(CameraTime(0), rate);
            rtp_start.wrapping_add(ticks as u32) // RTP time goes round; its lower 32 bits are what counts
        };
        if now >= *report_due && !faults.reports_are_silent() {
            *report_due = CameraTime(now.0 + REPORT_PERIOD);
            let Packetizer { ssrc, packets, octets, .. } = *packetizer;
            let told = CameraTime(now.0 + faults.report_shift(*kind as usize));
            let report = SenderReport { ssrc, ntp: told.ntp(), rtp: rtp_time(now), packets, octets };
            outlet.rtcp(&report.write(), tcp);
        }
        *units = units.wrapping_add(1);
        let ends = !faults.pictures_are_endless();
        let stamp = match *units {
            count if faults.repeats(count) || !ends => *last_rtp,
            count if faults.strays(count) => rtp_time(start).wrapping_add(STRAY_HOURS * 3600 * rate),
            _ => rtp_time(start),
        };
        *last_rtp = stamp;
        let sync = *kind == Kind::Video && self.clip.video.is_sync(unit);
        if sync {
            self.swapped = faults.pictures_are_swapped();
        }
        let clip = if self.swapped { &self.other } else { &self.clip };
        let filler = filler(faults.padding());
        let filler = (!filler.is_empty()).then_some(filler.as_slice());
        let torn = *kind == Kind::Video && faults.tears(*units);
        let mut gate = Gate::new(outlet, held_back, tcp, torn);
        let send = |count, packet: &[u8]| match kind {
            Kind::Audio => gate.pass(faults, count, faults.spoilt_sound(packet).as_deref().unwrap_or(packet)),
            Kind::Video => gate.pass(faults, count, packet),
        };
        let done = match kind {
            Kind::Audio => packetizer.audio(self.clip.audio.data(unit), stamp, send),
            Kind::Video if sync && !faults.sets_are_withheld() => {
                let more =
                    if faults.has_more_sets() { sets::second(&clip.sps, &clip.pps) } else { Vec::new() };
                let sets = [clip.sps.as_slice(), clip.pps.as_slice()];
                let sets = sets.into_iter().chain(more.iter().map(Vec::as_slice));
                packetizer.video(sets.chain(nals(clip.video.data(unit))).chain(filler), stamp, ends, send)
            }
            Kind::Video => packetizer.video(nals(clip.video.data(unit)).chain(filler), stamp, ends, send),
        };
        packetizer.sequence = packetizer.sequence.wrapping_sub(u16::from(torn));
        done
    }
}

/// A NAL unit of filler with `bytes` of payload; none for zero.
fn filler(bytes: usize) -> Vec<u8> {
    if bytes == 0 {
        return Vec::new();
    }
    let mut nal = vec![0xff; bytes + 2];
    (nal[0], nal[bytes + 1]) = (12, 0x80);
    nal
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
#[path = "player_tests.rs"]
mod tests;
