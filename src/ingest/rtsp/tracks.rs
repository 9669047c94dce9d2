//! What a camera describes to what is carried.

use retina::client::Stream;

use crate::ingest::depacketize::{Aac, Described, Sounds};
use crate::ingest::error::Failure;
use crate::ingest::scrub;
use crate::ingest::voice::Voice;
use crate::media::aac::Said;
use crate::media::{AudioCodec, AudioTrack};

/// So many streams of a description are looked at one by one: no camera has as many, and each look reads all of it.
const MOST_STREAMS: usize = 8;

/// Signs of a word of a camera that are told.
const MOST_WORD: usize = 24;

/// The first video that can be carried.
pub fn find_video(streams: &[Stream]) -> Result<usize, Failure> {
    let usable =
        |stream: &Stream| stream.media() == "video" && matches!(stream.encoding_name(), "h264" | "h265");
    streams.iter().position(usable).ok_or_else(|| Failure::NoVideo { found: offered(streams) })
}

/// What there is, for who reads of it; of many streams the first ones.
pub fn offered(streams: &[Stream]) -> String {
    listed(streams.iter().map(|stream| (stream.encoding_name(), stream.media())))
}

fn listed<'a>(mut streams: impl ExactSizeIterator<Item = (&'a str, &'a str)>) -> String {
    let name = |(encoding, media)| format!("{} {}", named(encoding), named(media));
    let mut found: Vec<_> = streams.by_ref().take(MOST_STREAMS).map(name).collect();
    match (found.len(), streams.len()) {
        (0, _) => found.push("nothing".into()),
        (_, 0) => {}
        (_, more) => found.push(format!("and {more} more")),
    }
    found.join(", ")
}

/// A word of the camera, as far as it is one.
fn named(word: &str) -> String {
    scrub::clipped(&scrub::plain(word), MOST_WORD)
}

/// A sound that can be carried.
pub struct Audible {
    /// Its stream.
    pub index: usize,
    /// What leaves here.
    pub track: AudioTrack,
    /// What reads its packets.
    pub sounds: Sounds,
    /// What makes it, where it is not sent as the camera sends it.
    pub voice: Option<Voice>,
    /// Ticks a second of its RTP clock.
    pub clock: u32,
}

/// A sound that cannot be carried.
pub struct LeftOut {
    /// As RTP calls it.
    pub encoding: String,
    /// In words that end a sentence.
    pub why: String,
}

/// The sound that can be carried, or else the first one that there is and cannot.
///
/// One that is sent to the camera (ONVIF Streaming Specification, 5.3: `a=sendonly`, which is said from the client's
/// side) comes last: some cameras say it of what they send.
pub fn find_audio(streams: &[Stream], sdp: &str) -> (Option<Audible>, Option<LeftOut>) {
    let talks_back = |stream: &Stream| section(sdp, stream).lines().any(|line| line.trim() == "a=sendonly");
    let mut sounds: Vec<_> = streams
        .iter()
        .enumerate()
        .filter(|(_, stream)| stream.media() == "audio")
        .take(MOST_STREAMS)
        .collect();
    sounds.sort_by_cached_key(|(_, stream)| talks_back(stream));
    let mut left_out = None;
    for (index, stream) in sounds {
        match audible(index, stream, sdp) {
            Ok(audible) => return (Some(audible), None),
            Err(why) => {
                left_out.get_or_insert(LeftOut { encoding: named(stream.encoding_name()), why });
            }
        }
    }
    (None, left_out)
}

/// What the description says of `stream` alone: a payload type may mean another thing in the media beside it.
pub fn section<'a>(sdp: &'a str, stream: &Stream) -> &'a str {
    let control = stream.control().map_or("", |url| url.as_str());
    section_of(sdp, stream.media(), stream.rtp_payload_type(), control)
}

/// The lines of the media of that kind and payload type, of several those with that control URL; empty if there is none.
fn section_of<'a>(sdp: &'a str, kind: &str, payload_type: u8, control: &str) -> &'a str {
    let described = |lines: &&str| {
        let mut words = lines.lines().next().unwrap_or_default().split_ascii_whitespace();
        // Kind, port and protocol, then the payload types (RFC 8866, 5.14).
        words.next() == Some(kind) && words.skip(2).any(|word| word.parse() == Ok(payload_type))
    };
    let controls = |lines: &&str| {
        let mut controls = lines.lines().filter_map(|line| line.trim().strip_prefix("a=control:"));
        controls.any(|own| control.ends_with(own))
    };
    let sections = || sdp.split("\nm=").skip(1).filter(described);
    sections().find(controls).or_else(|| sections().next()).unwrap_or_default()
}

fn audible(index: usize, stream: &Stream, sdp: &str) -> Result<Audible, String> {
    let clock = stream.clock_rate_hz().max(1);
    if stream.encoding_name() == "mpeg4-generic" {
        let (track, aac) =
            aac(stream, sdp, clock).map_err(|why| format!("its AAC cannot be read ({why})"))?;
        return Ok(Audible { index, track, sounds: Sounds::Aac(aac), voice: None, clock });
    }
    let channels = stream.channels().map_or(1, std::num::NonZeroU16::get);
    let voice = Voice::new(stream.encoding_name(), clock, channels)
        .ok_or_else(|| format!("{} cannot be carried", named(stream.encoding_name())))?;
    Ok(Audible { index, track: voice.track(), sounds: Sounds::Plain, voice: Some(voice), clock })
}

fn aac(stream: &Stream, sdp: &str, clock: u32) -> Result<(AudioTrack, Aac), &'static str> {
    let payload_type = stream.rtp_payload_type();
    let parameters = attribute(section(sdp, stream), "fmtp", payload_type)
        .next()
        .ok_or("the camera does not describe it")?;
    let described = Described::of(parameters)?;
    let said = Said::of(&described.config).ok_or("what the camera says of it makes no sense")?;
    let aac = Aac::new(&described, &said, clock);
    if said.frame_samples == 0 || said.channels == 0 {
        return Err("it is of a kind that browsers do not play");
    }
    let track = AudioTrack {
        codec: AudioCodec::Aac,
        config: described.config,
        rfc6381: said.rfc6381,
        sample_rate: said.rate,
        channels: said.channels,
        frame_samples: said.frame_samples,
    };
    Ok((track, aac))
}

/// The values in a [`section`] of an attribute of a payload type, such as `a=fmtp:96 …` (RFC 8866, 6.15).
pub fn attribute<'a>(section: &'a str, name: &str, payload_type: u8) -> impl Iterator<Item = &'a str> {
    let prefix = format!("a={name}:{payload_type} ");
    section.lines().filter_map(move |line| line.trim().strip_prefix(prefix.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_of_the_camera_is_short_and_clean() {
        assert_eq!(named("mpeg4-generic"), "mpeg4-generic");
        assert_eq!(named("h\u{1b}[31m264\u{7}"), "h[31m264");
        assert_eq!(named(&"é".repeat(50_000)), "é".repeat(23) + "…");
    }

    #[test]
    fn of_many_streams_some_are_told() {
        let listed = |count| listed(std::iter::repeat_n(("pcma", "audio"), count));
        assert_eq!([listed(0), listed(1)], ["nothing", "pcma audio"]);
        assert_eq!(listed(8), ["pcma audio"; 8].join(", "));
        assert_eq!(listed(5_000), ["pcma audio"; 8].join(", ") + ", and 4992 more");
    }

    #[test]
    fn what_is_said_of_one_stream_is_not_taken_for_what_is_said_of_another() {
        let sdp = "v=0\r\na=control:*\r\nm=video 0 RTP/AVP 96\r\na=fmtp:96 video\r\na=control:rtsp://cam/v/trackID=0\r\n\
                   m=audio 0 RTP/AVP 0 96\r\na=fmtp:96 one\r\na=control:trackID=1\r\n\
                   m=audio 0 RTP/AVP 96\r\na=fmtp:96 two\r\na=sendonly\r\na=control:trackID=2\r\n";
        let fmtp = |kind, payload_type, control| {
            let section = section_of(sdp, kind, payload_type, control);
            attribute(section, "fmtp", payload_type).collect::<Vec<_>>()
        };
        assert_eq!(fmtp("video", 96, "rtsp://cam/v/trackID=0"), ["video"]);
        assert_eq!(fmtp("audio", 96, "rtsp://cam/v/trackID=2"), ["two"]);
        assert_eq!(fmtp("audio", 96, "rtsp://cam/elsewhere"), ["one"]);
        assert_eq!(section_of(sdp, "audio", 0, ""), section_of(sdp, "audio", 96, "rtsp://cam/v/trackID=1"));
        assert_eq!(section_of(sdp, "audio", 97, "rtsp://cam/v/trackID=1"), "");
    }
}
