//! The report for people.

use std::fmt;

use super::keyframes;
use super::report::{Audio, Clock, Gop, Report, Video};

/// Width of the column of names.
const COLUMN: usize = 16;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = self
            .first_picture_seconds
            .map_or("no key frame came".to_owned(), |first| format!("first key frame {first:.2} s later"));
        line(
            f,
            "transport",
            &format!("{}, connected in {:.2} s, {first}", self.transport, self.connect_seconds),
        )?;
        video(f, &self.video)?;
        line(f, "audio", &audio(&self.audio))?;
        line(f, "clock", &clock(&self.clock))?;
        line(f, "sender reports", &sender_reports(&self.clock))?;
        let seconds = self.watched_seconds;
        let (lost, damaged) = (self.packets_lost, self.frames_damaged);
        line(f, "loss", &format!("{lost} packets, {damaged} damaged frames in {seconds:.1} s"))?;
        if let Some(ended) = &self.ended {
            line(f, "ended", ended)?;
        }
        writeln!(f)?;
        for verdict in &self.players {
            let latency = verdict
                .latency_seconds
                .map_or(String::new(), |latency| format!(", about {latency:.1} s behind life"));
            let why = if verdict.why.is_empty() { String::new() } else { format!(": {}", verdict.why) };
            writeln!(f, "{} by {}: {}{latency}{why}", verdict.player, verdict.by, verdict.plays.word())?;
        }
        writeln!(f)?;
        if self.advice.is_empty() {
            return writeln!(f, "Nothing to set better.");
        }
        self.advice.iter().try_for_each(|advice| writeln!(f, "* {advice}"))
    }
}

fn line(f: &mut fmt::Formatter<'_>, name: &str, text: &str) -> fmt::Result {
    writeln!(f, "{name:COLUMN$}{text}")
}

fn video(f: &mut fmt::Formatter<'_>, video: &Video) -> fmt::Result {
    let codec = match (video.codec, &video.rfc6381) {
        (Some(codec), Some(rfc6381)) => {
            let profile = video.profile.as_ref().map_or(String::new(), |profile| format!(" {profile}"));
            format!("{codec}{profile} ({rfc6381})")
        }
        _ => "no parameters seen".to_owned(),
    };
    let size = match (video.width, video.height) {
        (Some(width), Some(height)) => format!(", {width}x{height}"),
        _ => String::new(),
    };
    line(f, "video", &format!("{codec}{size}"))?;
    let nominal =
        video.nominal_frame_rate.map_or(String::new(), |rate| format!(" (its parameters say {rate})"));
    let rate = video.frame_rate.map_or("unknown".to_owned(), |rate| format!("{rate:.2} a second{nominal}"));
    let order = if video.b_frames { ", with B-frames" } else { ", no B-frames" };
    line(f, "pictures", &format!("{rate}{order}"))?;
    let mbit = |rate: Option<u64>| {
        rate.map_or("unknown".to_owned(), |rate| format!("{:.2} Mbit/s", rate as f64 / 1e6))
    };
    let largest = video.largest_picture / 1024;
    let (average, peak) = (mbit(video.bit_rate), mbit(video.peak_bit_rate));
    line(f, "bit rate", &format!("{average}, in the fullest second {peak}, largest picture {largest} KiB"))?;
    line(f, "key frames", &gop(&video.gop))
}

fn gop(gop: &Gop) -> String {
    let open = gop.open_seconds.unwrap_or_default();
    let since =
        keyframes::no_more(gop).map_or(String::new(), |open| format!(", none in the last {open:.1} s"));
    let longest_seconds = gop.longest_seconds.unwrap_or_default();
    let at_most = if since.is_empty() { gop.longest().unwrap_or_default() } else { longest_seconds };
    match (gop.pictures, gop.longest_seconds) {
        (Some((shortest, longest)), Some(_)) if gop.regular == Some(true) && shortest == longest => {
            format!("every {longest} pictures, {at_most:.2} s at most{since}")
        }
        (Some((shortest, longest)), Some(_)) => {
            let even = if gop.regular == Some(true) { "" } else { ", uneven" };
            format!("every {shortest} to {longest} pictures, {at_most:.2} s at most{even}{since}")
        }
        _ if gop.open_seconds.is_some() => format!("one, and no other in {open:.1} s"),
        _ => "none".to_owned(),
    }
}

fn audio(audio: &Audio) -> String {
    if let Some(codec) = &audio.left_out {
        return format!("{codec}, left out");
    }
    let Some(codec) = &audio.rfc6381 else { return "none".to_owned() };
    let rate = audio.sample_rate.unwrap_or_default();
    let channels = audio.channels.unwrap_or_default();
    let bits = audio.bit_rate.map_or(String::new(), |rate| format!(", {} kbit/s", rate / 1000));
    let silent = if audio.silent { ", but none came" } else { "" };
    format!("{codec}, {rate} Hz, {channels} channels{bits}{silent}")
}

fn clock(clock: &Clock) -> String {
    let mut text = match clock.rate_percent {
        Some(rate) => format!("{rate:+.2} % against ours"),
        None => "rate unknown".to_owned(),
    };
    if let Some(jitter) = clock.jitter_ms {
        text += &format!(", pictures up to {jitter:.0} ms late");
    }
    if clock.jumps + clock.repeated > 0 {
        text += &format!(", {} jumps, {} repeated", clock.jumps, clock.repeated);
    }
    text
}

fn sender_reports(clock: &Clock) -> String {
    let ahead = clock.ahead_seconds.map_or(String::new(), |ahead| {
        let way = if ahead < 0.0 { "behind" } else { "ahead of" };
        format!("; the camera's clock is {:.3} s {way} ours", ahead.abs())
    });
    format!("{} of video, {} of audio{ahead}", clock.sender_reports, clock.audio_sender_reports)
}
