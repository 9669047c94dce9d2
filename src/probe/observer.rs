//! What is noted of a session while it is watched. Pure.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::clock::Now;
use crate::ingest::event::{Picture, Sound};
use crate::media::{AudioTrack, Ticks, VideoTrack};

/// Most pictures that are noted: ten minutes at 60 a second, the longest that may be asked for.
const MOST_PICTURES: usize = 36_000;

/// Seconds from 1900, where NTP begins, to 1970 (RFC 868).
const NTP_TO_UNIX: f64 = 2_208_988_800.0;

/// Pictures that stay away for so long have stopped, ...
const SILENCE: Duration = Duration::from_secs(3);
/// ... unless they are as far apart as that, in intervals.
const SILENT_INTERVALS: u32 = 3;

/// What is known before the first picture.
#[derive(Clone, Debug)]
pub struct Sight {
    /// RTP travels over UDP.
    pub udp: bool,
    /// RTSP travels over TLS.
    pub tls: bool,
    /// When connecting began.
    pub began: Now,
    /// When PLAY was answered.
    pub playing: Instant,
    /// The sound, if it can be carried.
    pub audio: Option<Arc<AudioTrack>>,
    /// The codec of a sound that cannot be carried.
    pub left_out: Option<String>,
}

/// One picture, as far as it counts here.
#[derive(Clone, Copy, Debug)]
pub(super) struct Note {
    pub(super) arrival: Instant,
    pub(super) elapsed: Ticks,
    pub(super) sync: bool,
    pub(super) bytes: usize,
}

/// A sender report.
#[derive(Clone, Copy, Debug)]
pub(super) struct SenderReport {
    pub(super) video: bool,
    /// How far the camera's clock is ahead of ours when the report came, in seconds.
    pub(super) ahead: f64,
}

/// All that was noted.
#[derive(Clone, Debug)]
pub struct Observer {
    pub(super) sight: Sight,
    pub(super) pictures: Vec<Note>,
    /// When the last picture came, whether it was noted or not.
    pub(super) last: Option<Instant>,
    /// When watching ended.
    pub(super) until: Option<Instant>,
    pub(super) track: Option<Arc<VideoTrack>>,
    pub(super) parameter_changes: usize,
    pub(super) nominal_interval: Option<Ticks>,
    pub(super) sounds: usize,
    pub(super) sound_bytes: usize,
    pub(super) sound_span: Option<(Instant, Instant)>,
    pub(super) reports: Vec<SenderReport>,
    pub(super) lost: u64,
    pub(super) damaged: u64,
}

impl Observer {
    /// Nothing yet.
    pub fn new(sight: Sight) -> Self {
        Self {
            sight,
            pictures: Vec::new(),
            last: None,
            until: None,
            track: None,
            parameter_changes: 0,
            nominal_interval: None,
            sounds: 0,
            sound_bytes: 0,
            sound_span: None,
            reports: Vec::new(),
            lost: 0,
            damaged: 0,
        }
    }

    /// Takes note of a picture.
    pub fn picture(&mut self, picture: &Picture) {
        self.lost += u64::from(picture.lost);
        if let Some(track) = &picture.track
            && self.track.as_deref() != Some(&**track)
        {
            self.parameter_changes += usize::from(self.track.is_some());
            self.track = Some(track.clone());
        }
        self.nominal_interval = picture.interval.or(self.nominal_interval);
        self.last = Some(picture.arrival);
        if self.pictures.len() < MOST_PICTURES {
            let Picture { arrival, elapsed, sync, ref data, .. } = *picture;
            self.pictures.push(Note { arrival, elapsed, sync, bytes: data.len() });
        }
    }

    /// Takes note of a frame of sound.
    pub fn sound(&mut self, sound: &Sound) {
        self.lost += u64::from(sound.lost);
        self.sounds += 1;
        self.sound_bytes += sound.data.len();
        let (first, _) = self.sound_span.unwrap_or((sound.arrival, sound.arrival));
        self.sound_span = Some((first, sound.arrival));
    }

    /// Takes note of a sender report that came `now`: at `ntp` (32.32 bits) a track's RTP time was `elapsed`.
    pub fn report(&mut self, video: bool, ntp: u64, elapsed: Ticks, now: Now) {
        let unix = now.wall.duration_since(std::time::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let ahead = ntp as f64 / (1u64 << 32) as f64 - NTP_TO_UNIX - unix.as_secs_f64();
        // One whose RTP time is nowhere near what comes is none to go by; it is told by its number alone.
        let _of_no_interest_here = elapsed;
        if self.reports.len() < MOST_PICTURES {
            self.reports.push(SenderReport { video, ahead });
        }
    }

    /// Watching ended `now`.
    pub fn ends(&mut self, now: Instant) {
        self.until = Some(now);
    }

    /// How long no picture had come when watching ended, if that is longer than they are apart anyhow.
    pub(super) fn silence(&self) -> Option<Duration> {
        let (first, last) = (self.pictures.first()?, self.pictures.last()?);
        let intervals = u32::try_from(self.pictures.len() - 1).unwrap_or(u32::MAX).max(1);
        let usual = last.arrival.saturating_duration_since(first.arrival) / intervals;
        let silence = self.until?.saturating_duration_since(self.last?);
        (silence > SILENCE.max(usual * SILENT_INTERVALS)).then_some(silence)
    }

    /// Takes note of frames that could not be read.
    pub fn damaged(&mut self, count: u64) {
        self.damaged += count;
    }
}
