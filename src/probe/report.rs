//! What the notes amount to. Pure.

use serde::Serialize;

use super::lateness;
use super::observer::{Note, Observer};
use super::verdict::{self, Verdict};
use crate::media::time::TICKS_PER_SECOND;
use crate::media::{VideoCodec, VideoTrack};

/// Cameras begin with a burst of what is past; rates are measured behind it.
const BURST_SECONDS: f64 = 1.0;

/// A picture that comes so much off the RTP clock's step, in seconds, is a jump of it.
const JUMP_SECONDS: f64 = 1.0;

/// The whole report.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// How it was reached.
    pub transport: &'static str,
    /// Seconds from connecting to the answer to PLAY.
    pub connect_seconds: f64,
    /// Seconds from there to the first picture that can be decoded alone.
    pub first_picture_seconds: Option<f64>,
    /// Seconds that were watched.
    pub watched_seconds: f64,
    /// Why pictures ended before watching did, if they did.
    pub ended: Option<String>,
    /// The video.
    pub video: Video,
    /// The sound.
    pub audio: Audio,
    /// The RTP clock and the sender reports.
    pub clock: Clock,
    /// RTP packets that never came.
    pub packets_lost: u64,
    /// Frames that could not be read.
    pub frames_damaged: u64,
    /// Who will play it.
    pub players: Vec<Verdict>,
    /// What to set on the camera, the most useful first.
    pub advice: Vec<String>,
}

/// The video track.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Video {
    /// In people's words.
    pub codec: Option<&'static str>,
    /// By RFC 6381.
    pub rfc6381: Option<String>,
    /// Profile and level in people's words.
    pub profile: Option<String>,
    /// Pixels.
    pub width: Option<u16>,
    /// Pixels.
    pub height: Option<u16>,
    /// Pictures a second, by the RTP clock.
    pub frame_rate: Option<f64>,
    /// Pictures a second, as the parameter set says.
    pub nominal_frame_rate: Option<f64>,
    /// Bits a second, on average.
    pub bit_rate: Option<u64>,
    /// Bits in the fullest second.
    pub peak_bit_rate: Option<u64>,
    /// Bytes of the largest picture.
    pub largest_picture: usize,
    /// Key frames and what lies between them.
    pub gop: Gop,
    /// Pictures are sent in another order than they are shown in.
    pub b_frames: bool,
    /// Pictures that were seen.
    pub pictures: usize,
    /// Changes of parameter sets while watching.
    pub parameter_changes: usize,
}

/// Groups of pictures from key frame to key frame, as far as whole ones were seen.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Gop {
    /// Whole groups that were seen.
    pub count: usize,
    /// Pictures in the shortest and in the longest one.
    pub pictures: Option<(usize, usize)>,
    /// Seconds of the longest one.
    pub longest_seconds: Option<f64>,
    /// True when they are all of one length, to a picture.
    pub regular: Option<bool>,
    /// Seconds since the last key frame when watching ended: a group at least that long.
    pub open_seconds: Option<f64>,
}

impl Gop {
    /// The longest group there was, or must be.
    pub fn longest(&self) -> Option<f64> {
        let longer = |a: Option<f64>, b: Option<f64>| [a, b].into_iter().flatten().reduce(f64::max);
        longer(self.longest_seconds, self.open_seconds)
    }
}

/// The sound.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Audio {
    /// By RFC 6381, if it is served.
    pub rfc6381: Option<String>,
    /// The camera's codec, if it is left out.
    pub left_out: Option<String>,
    /// Samples a second.
    pub sample_rate: Option<u32>,
    /// Channels.
    pub channels: Option<u16>,
    /// Bits a second.
    pub bit_rate: Option<u64>,
    /// Promised in the description, but nothing came.
    pub silent: bool,
}

/// How the camera tells time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Clock {
    /// How much faster than ours the RTP clock runs, in percent.
    pub rate_percent: Option<f64>,
    /// The latest picture against the promptest, in milliseconds; another order than they are shown in is no delay.
    pub jitter_ms: Option<f64>,
    /// Jumps of the RTP time of a second and more.
    pub jumps: usize,
    /// Pictures with the RTP time of the one before.
    pub repeated: usize,
    /// Sender reports for the video.
    pub sender_reports: usize,
    /// Sender reports for the sound.
    pub audio_sender_reports: usize,
    /// How far the camera's clock is ahead of ours, in seconds.
    pub ahead_seconds: Option<f64>,
}

impl Report {
    /// What `observer` saw; `ended` is why the camera ended it, if it did. One that falls silent has ended it too.
    pub fn of(observer: &Observer, ended: Option<String>) -> Self {
        let sight = &observer.sight;
        let since =
            |later: std::time::Instant, earlier| later.saturating_duration_since(earlier).as_secs_f64();
        let first = observer.pictures.iter().find(|note| note.sync);
        let watched = match (observer.pictures.first(), observer.pictures.last()) {
            (Some(first), Some(last)) => since(observer.until.unwrap_or(last.arrival), first.arrival),
            _ => 0.0,
        };
        let silent = |silence: std::time::Duration| {
            format!("no picture came for the last {:.1} s", silence.as_secs_f64())
        };
        let (video, clock) = (video(observer), clock(observer));
        let mut report = Self {
            transport: match (sight.tls, sight.udp) {
                (false, false) => "TCP",
                (false, true) => "UDP",
                (true, false) => "TCP, over TLS",
                (true, true) => "UDP, RTSP over TLS",
            },
            connect_seconds: millis(since(sight.playing, sight.began.instant)),
            first_picture_seconds: first.map(|note| millis(since(note.arrival, sight.playing))),
            watched_seconds: millis(watched),
            ended: ended.or_else(|| observer.silence().map(silent)),
            audio: audio(observer),
            packets_lost: observer.lost,
            frames_damaged: observer.damaged,
            players: Vec::new(),
            advice: Vec::new(),
            video,
            clock,
        };
        report.players = verdict::players(&report);
        report.advice = verdict::advice(&report);
        report
    }
}

fn video(observer: &Observer) -> Video {
    let pictures = &observer.pictures;
    let track = observer.track.as_deref();
    let nominal = observer.nominal_interval.filter(|interval| interval.0 > 0);
    let steady = steady(pictures);
    let span = span(steady);
    let bytes: usize = steady.iter().skip(1).map(|note| note.bytes).sum();
    let per_second = |amount: f64| span.map(|span| amount / span);
    Video {
        codec: track.map(|track| match track.codec {
            VideoCodec::H264 => "H.264",
            VideoCodec::H265 => "H.265",
        }),
        rfc6381: track.map(|track| track.rfc6381.clone()),
        profile: track.and_then(profile),
        width: track.map(|track| track.width),
        height: track.map(|track| track.height),
        frame_rate: per_second(steady.len().saturating_sub(1) as f64).map(hundredths),
        nominal_frame_rate: nominal
            .map(|interval| hundredths(f64::from(TICKS_PER_SECOND) / interval.0 as f64)),
        bit_rate: per_second(bytes as f64 * 8.0).map(|rate| rate.round() as u64),
        peak_bit_rate: peak(steady),
        largest_picture: pictures.iter().map(|note| note.bytes).max().unwrap_or(0),
        gop: gop(pictures),
        b_frames: pictures.windows(2).any(|two| goes_back(two[0], two[1])),
        pictures: pictures.len(),
        parameter_changes: observer.parameter_changes,
    }
}

/// A step back of less than a second is reordering; more is a jump of the clock.
fn goes_back(one: Note, next: Note) -> bool {
    let step = seconds(next.elapsed.0 - one.elapsed.0);
    step < 0.0 && step > -JUMP_SECONDS
}

/// The pictures behind the burst at the start, if that leaves enough of them.
fn steady(pictures: &[Note]) -> &[Note] {
    let Some(first) = pictures.first() else { return pictures };
    let after = |note: &Note| (note.arrival - first.arrival).as_secs_f64() >= BURST_SECONDS;
    let from = pictures.iter().position(after).unwrap_or(0);
    if pictures.len() - from >= 2 { &pictures[from..] } else { pictures }
}

/// Seconds from the first to the last picture by the RTP clock, or by ours where that jumps.
fn span(pictures: &[Note]) -> Option<f64> {
    let (first, last) = (pictures.first()?, pictures.last()?);
    let arrived = last.arrival.saturating_duration_since(first.arrival).as_secs_f64();
    let told = seconds(last.elapsed.0 - first.elapsed.0);
    let span = if (told - arrived).abs() > arrived / 4.0 + JUMP_SECONDS { arrived } else { told };
    (span > 0.0).then_some(span)
}

/// Bits in the fullest second, by arrival.
fn peak(pictures: &[Note]) -> Option<u64> {
    let (mut start, mut bytes, mut most) = (0, 0, 0);
    for (end, note) in pictures.iter().enumerate() {
        bytes += note.bytes;
        while (note.arrival - pictures[start].arrival).as_secs_f64() >= 1.0 && start < end {
            bytes -= pictures[start].bytes;
            start += 1;
        }
        most = most.max(bytes);
    }
    (most > 0).then_some(most as u64 * 8)
}

fn gop(pictures: &[Note]) -> Gop {
    let syncs: Vec<usize> = (0..pictures.len()).filter(|&index| pictures[index].sync).collect();
    let mut gop = Gop { count: syncs.len().saturating_sub(1), ..Gop::default() };
    if let (Some(&last), Some(end)) = (syncs.last(), pictures.last()) {
        gop.open_seconds = Some(millis(seconds((end.elapsed.0 - pictures[last].elapsed.0).max(0))));
    }
    let lengths: Vec<usize> = syncs.windows(2).map(|two| two[1] - two[0]).collect();
    if let (Some(shortest), Some(longest)) = (lengths.iter().min(), lengths.iter().max()) {
        gop.pictures = Some((*shortest, *longest));
        gop.regular = Some(longest - shortest <= 1);
        let length = |two: &[usize]| seconds(pictures[two[1]].elapsed.0 - pictures[two[0]].elapsed.0);
        gop.longest_seconds = syncs.windows(2).map(length).reduce(f64::max).map(millis);
    }
    gop
}

fn audio(observer: &Observer) -> Audio {
    let track = observer.sight.audio.as_deref();
    let span =
        observer.sound_span.map(|(first, last)| (last - first).as_secs_f64()).filter(|span| *span > 0.5);
    Audio {
        rfc6381: track.map(|track| track.rfc6381.clone()),
        left_out: observer.sight.left_out.clone(),
        sample_rate: track.map(|track| track.sample_rate),
        channels: track.map(|track| track.channels),
        bit_rate: span.map(|span| (observer.sound_bytes as f64 * 8.0 / span) as u64),
        silent: track.is_some() && observer.sounds == 0,
    }
}

fn clock(observer: &Observer) -> Clock {
    let pictures = steady(&observer.pictures);
    let jumps = |two: &[Note]| {
        let arrived = (two[1].arrival - two[0].arrival).as_secs_f64();
        (seconds(two[1].elapsed.0 - two[0].elapsed.0) - arrived).abs() >= JUMP_SECONDS
    };
    let jumps = pictures.windows(2).filter(|two| jumps(two)).count();
    let (mut rate, mut jitter) = (None, None);
    let line = lateness::line(pictures);
    if let (Some(last), 0) = (line.last(), jumps) {
        // Below three seconds the network's jitter is all that is seen.
        rate = (last.arrived >= 3.0).then(|| hundredths((last.told / last.arrived - 1.0) * 100.0));
        // A clock that is wrong throughout makes nobody late.
        let pace = rate.map_or(1.0, |rate| 1.0 + rate / 100.0);
        jitter = Some((lateness::spread(&line, pace) * 1e3).round());
    }
    let of_video = observer.reports.iter().filter(|report| report.video);
    Clock {
        rate_percent: rate,
        jitter_ms: jitter,
        jumps,
        repeated: pictures.windows(2).filter(|two| two[0].elapsed == two[1].elapsed).count(),
        sender_reports: of_video.clone().count(),
        audio_sender_reports: observer.reports.iter().filter(|report| !report.video).count(),
        ahead_seconds: of_video.map(|report| report.ahead).next_back().map(millis),
    }
}

/// Profile and level in people's words: of H.264 by ITU-T H.264, A.2, of H.265 by ITU-T H.265, A.3.
fn profile(track: &VideoTrack) -> Option<String> {
    let mut fields = track.rfc6381.split('.').skip(1);
    match track.codec {
        VideoCodec::H264 => {
            let bytes = u32::from_str_radix(fields.next()?, 16).ok()?.to_be_bytes();
            let [_, profile, constraints, level] = bytes;
            let name = match (profile, constraints & 0x40 != 0) {
                (0x42, true) => "Constrained Baseline",
                (0x42, false) => "Baseline",
                (0x4d, _) => "Main",
                (0x58, _) => "Extended",
                (0x64, _) => "High",
                (0x6e, _) => "High 10",
                (0x7a, _) => "High 4:2:2",
                (0xf4, _) => "High 4:4:4",
                _ => "of an unknown profile",
            };
            Some(format!("{name}, level {}.{}", level / 10, level % 10))
        }
        VideoCodec::H265 => {
            let name = match fields.next()?.trim_start_matches(['A', 'B', 'C']) {
                "1" => "Main",
                "2" => "Main 10",
                "3" => "Main Still Picture",
                "4" => "Range Extensions",
                _ => "of an unknown profile",
            };
            let tier = fields.nth(1)?;
            let level: u32 = tier.get(1..)?.parse().ok()?;
            let high = if tier.starts_with('H') { ", High tier" } else { "" };
            Some(format!("{name}{high}, level {}.{}", level / 30, level % 30 / 3))
        }
    }
}

pub(super) fn seconds(ticks: i64) -> f64 {
    ticks as f64 / f64::from(TICKS_PER_SECOND)
}

fn hundredths(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

fn millis(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}
