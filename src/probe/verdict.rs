//! Who will play it, how late, and what would make it better. Pure.
//!
//! What browsers decode: Apple's HLS authoring specification for Safari, and for the others what they document of
//! H.265, which they hand to the machine's own decoder.

use serde::Serialize;

use super::keyframes::{self, Lack};
use super::report::Report;
use crate::live::targets::{self, Measured, Targets};
use crate::live::{Options, Targets as Promise};
use crate::media::Ticks;
use crate::media::time::TICKS_PER_SECOND;

/// What encoder, network and decoder take, beside what the way of delivery takes.
const ANY_WAY_SECONDS: f64 = 0.3;

/// Slower than this, parts hold too few pictures for the short part target.
const GOOD_FRAME_RATE: f64 = 15.0;
/// More than phones on the road can take.
const HIGH_BIT_RATE: u64 = 8_000_000;
/// A clock that is off by more is no clock.
const CLOCK_SECONDS: f64 = 5.0;
/// An RTP clock that is off by more shows, percent.
const RATE_PERCENT: f64 = 2.0;
/// Pictures that come so unevenly are waited for by players, in milliseconds.
const HIGH_JITTER_MS: f64 = 300.0;

/// Whether something plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Plays {
    /// On all that are not ancient.
    Yes,
    /// On some machines, or at some times.
    Maybe,
    /// Nowhere.
    No,
}

impl Plays {
    /// One word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::Maybe => "maybe",
            Self::No => "no",
        }
    }
}

/// One family of players.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// Which.
    pub player: &'static str,
    /// By which way of delivery.
    pub by: &'static str,
    /// Whether it plays.
    pub plays: Plays,
    /// What it depends on, if on anything.
    pub why: String,
    /// How far behind life the picture is to be expected, in seconds.
    pub latency_seconds: Option<f64>,
}

/// A verdict on each family.
pub(super) fn players(report: &Report) -> Vec<Verdict> {
    let latency = latencies(report);
    let lack = Lack::of(report);
    let verdict = |player, by, (plays, why): (Plays, &str), latency: f64| {
        let (plays, why) = match lack {
            Some(lack) => lack.judge(plays, why),
            None => (plays, why.to_owned()),
        };
        let latency_seconds = (plays != Plays::No).then_some((latency * 10.0).round() / 10.0);
        Verdict { player, by, plays, why, latency_seconds }
    };
    vec![
        verdict("Safari, iPhone", "low-latency HLS (over HTTP/2)", apple(report), latency.low),
        verdict("Safari, iPhone", "HLS", apple(report), latency.regular),
        verdict("Chrome, Edge, Android", "MSE", chrome(report), latency.mse),
        verdict("Firefox", "MSE", firefox(report), latency.mse),
    ]
}

struct Latencies {
    low: f64,
    regular: f64,
    mse: f64,
}

fn latencies(report: &Report) -> Latencies {
    let rate = report.video.frame_rate.unwrap_or(25.0).max(0.1);
    let frame = 1.0 / rate;
    let options = Options::default();
    let interval = ticks(frame);
    let part = targets::part_target(&options, interval);
    let gop = ticks(report.video.gop.longest().unwrap_or(2.0));
    let measured = Measured {
        longest_gop: gop,
        open_gop: Ticks(0),
        longest_segment: Ticks(0),
        part_target: Some(part),
        independent: true,
    };
    let promise: Promise = Targets::choose(&options, &[measured]);
    // A picture that is longer than a part makes segments without parts.
    let regular = f64::from(promise.duration) * 3.0 + ANY_WAY_SECONDS;
    let low = if interval > part {
        regular
    } else {
        promise.part_hold_back.as_secs_f64() + ANY_WAY_SECONDS + frame
    };
    let reorder = if report.video.b_frames { 2.0 * frame } else { 0.0 };
    Latencies { low, regular, mse: ANY_WAY_SECONDS + 2.0 * frame + reorder }
}

fn ticks(seconds: f64) -> Ticks {
    Ticks((seconds * f64::from(TICKS_PER_SECOND)) as i64)
}

const NOT_SEEN: (Plays, &str) = (Plays::Maybe, "no parameters were seen, so nobody knows");

fn is_h265(report: &Report) -> bool {
    report.video.codec == Some("H.265")
}

/// H.264 of profiles that no hardware decodes.
fn is_rare(report: &Report) -> bool {
    let rare = ["Extended", "High 10", "High 4:2:2", "High 4:4:4", "unknown"];
    report.video.profile.as_ref().is_some_and(|profile| rare.iter().any(|rare| profile.contains(rare)))
}

fn apple(report: &Report) -> (Plays, &'static str) {
    match report.video.codec {
        None => NOT_SEEN,
        Some(_) if is_h265(report) => (Plays::Yes, ""),
        Some(_) if is_rare(report) => (Plays::No, "Safari decodes Baseline, Main and High alone"),
        Some(_) => (Plays::Yes, ""),
    }
}

fn chrome(report: &Report) -> (Plays, &'static str) {
    match report.video.codec {
        None => NOT_SEEN,
        Some(_) if is_h265(report) => (Plays::Maybe, "H.265 where the machine decodes it in hardware"),
        Some(_) if is_rare(report) => (Plays::Maybe, "a profile that not every machine decodes"),
        Some(_) => (Plays::Yes, ""),
    }
}

fn firefox(report: &Report) -> (Plays, &'static str) {
    match report.video.codec {
        None => NOT_SEEN,
        Some(_) if is_h265(report) => {
            (Plays::Maybe, "H.265 in recent versions, where the machine decodes it in hardware")
        }
        Some(_) if is_rare(report) => (Plays::Maybe, "a profile that not every machine decodes"),
        Some(_) => (Plays::Yes, ""),
    }
}

/// What to do about it, the most useful first.
pub(super) fn advice(report: &Report) -> Vec<String> {
    let mut all: Vec<String> = end_advice(report).into_iter().collect();
    let mut codec = codec_advice(report);
    // Where there is nothing to begin at, all else can wait.
    let place = if Lack::of(report).is_some() { 0 } else { codec.len() };
    codec.splice(place..place, keyframes::advice(report));
    all.extend([codec, stream_advice(report), clock_advice(report)].into_iter().flatten());
    all
}

fn end_advice(report: &Report) -> Option<String> {
    let ended = report.ended.as_ref()?;
    Some(format!(
        "Find out why it did not last: {ended}. Look whether the camera restarts, loses its network, has too many \
         viewers or rests between movements; each time viewers are left with a picture that stands still."
    ))
}

fn codec_advice(report: &Report) -> Vec<String> {
    let mut advice = Vec::new();
    if is_h265(report) {
        advice.push(
            "Set the video to H.264, on the second stream at least: H.265 plays in Safari, and elsewhere where \
             the machine can do it."
                .to_owned(),
        );
    } else if is_rare(report) {
        advice.push(
            "Set the H.264 profile to Main or High: what is set now does not play everywhere.".to_owned(),
        );
    }
    if let Some(codec) = &report.audio.left_out {
        advice.push(format!("Set the sound to AAC: {codec} is left out, and the picture plays alone."));
    }
    if report.audio.silent {
        advice.push(
            "The camera promises sound and sends none: switch its microphone on, or set audio = \"off\" here."
                .to_owned(),
        );
    }
    advice
}

fn stream_advice(report: &Report) -> Vec<String> {
    let mut advice = Vec::new();
    let video = &report.video;
    if video.b_frames {
        advice.push(
            "Switch off B-frames, or set the profile to Baseline: they cost two pictures of delay."
                .to_owned(),
        );
    }
    if let Some(rate) = video.frame_rate.filter(|rate| *rate < GOOD_FRAME_RATE - 0.5) {
        advice.push(format!(
            "Raise the frame rate to 15 or more if the network allows: at {rate:.1} pictures a second HLS lags a second \
             or more further behind."
        ));
    }
    if let Some(rate) = video.bit_rate.filter(|rate| *rate > HIGH_BIT_RATE) {
        let mbit = rate as f64 / 1e6;
        advice.push(format!(
            "Add a second, lighter stream as a rendition: {mbit:.1} Mbit/s are too much for phones."
        ));
    }
    if report.packets_lost + report.frames_damaged > 0 {
        advice.push(match report.transport {
            "TCP" | "TCP, over TLS" => {
                "The camera leaves packets out over TCP: lower its bit rate, or close other viewers of it."
                    .to_owned()
            }
            _ => "Use transport = \"tcp\": the network loses packets, and each damages pictures.".to_owned(),
        });
    }
    if video.parameter_changes > 0 {
        advice.push(
            "The picture's size or profile changed while it was watched: fix both in the camera.".to_owned(),
        );
    }
    advice
}

fn clock_advice(report: &Report) -> Vec<String> {
    let mut advice = Vec::new();
    let clock = &report.clock;
    if let Some(ahead) = clock.ahead_seconds.filter(|ahead| ahead.abs() > CLOCK_SECONDS) {
        let way = if ahead > 0.0 { "ahead of" } else { "behind" };
        advice.push(format!(
            "Set the camera's clock by NTP: it is {:.0} s {way} this machine's, so it is not used.",
            ahead.abs()
        ));
    }
    // A camera that stopped meanwhile had no longer than its pictures last.
    let lasted = report.video.frame_rate.map_or(0.0, |rate| report.video.pictures as f64 / rate.max(0.01));
    if clock.sender_reports == 0 && lasted.min(report.watched_seconds) > 6.0 {
        advice.push(
            "Switch on RTCP, if there is such a switch: without sender reports nothing proves that two renditions show \
             the same instant, and players are not offered a choice."
                .to_owned(),
        );
    }
    if let Some(rate) = clock.rate_percent.filter(|rate| rate.abs() > RATE_PERCENT) {
        let way = if rate > 0.0 { "fast" } else { "slow" };
        advice.push(format!("The RTP clock runs {:.1} % too {way}: look for newer firmware.", rate.abs()));
    }
    if clock.jumps + clock.repeated > 0 {
        advice.push(format!(
            "The RTP clock jumped {} times and stood still {} times: look for newer firmware.",
            clock.jumps, clock.repeated
        ));
    }
    if clock.jitter_ms.is_some_and(|jitter| jitter > HIGH_JITTER_MS) {
        advice.push("Pictures come unevenly: prefer a cable to Wi-Fi, or lower the bit rate.".to_owned());
    }
    advice
}
