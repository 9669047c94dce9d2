//! What a camera describes to what is carried.

use retina::client::Stream;

use crate::ingest::depacketize::{Aac, Described, Sounds};
use crate::ingest::error::Failure;
use crate::ingest::voice::Voice;
use crate::media::aac::Said;
use crate::media::{AudioCodec, AudioTrack};

/// The first video that can be carried.
pub fn find_video(streams: &[Stream]) -> Result<usize, Failure> {
    let usable =
        |stream: &Stream| stream.media() == "video" && matches!(stream.encoding_name(), "h264" | "h265");
    streams.iter().position(usable).ok_or_else(|| Failure::NoVideo { found: offered(streams) })
}

/// What there is, for who reads of it.
pub fn offered(streams: &[Stream]) -> String {
    let found = streams.iter().map(|stream| format!("{} {}", stream.encoding_name(), stream.media()));
    let found = found.collect::<Vec<_>>().join(", ");
    if found.is_empty() { "nothing".into() } else { found }
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
    let back = back_channels(sdp);
    let talks_back = |stream: &Stream| {
        stream.control().is_some_and(|url| back.iter().any(|control| url.as_str().ends_with(control)))
    };
    let mut sounds: Vec<_> =
        streams.iter().enumerate().filter(|(_, stream)| stream.media() == "audio").collect();
    sounds.sort_by_key(|(_, stream)| talks_back(stream));
    let mut left_out = None;
    for (index, stream) in sounds {
        match audible(index, stream, sdp) {
            Ok(audible) => return (Some(audible), None),
            Err(why) => {
                left_out.get_or_insert(LeftOut { encoding: stream.encoding_name().to_owned(), why });
            }
        }
    }
    (None, left_out)
}

/// The control URLs, as they stand in the description, of media that go to the camera.
fn back_channels(sdp: &str) -> Vec<&str> {
    let media = sdp.split("\nm=").skip(1);
    let back = media.filter(|lines| lines.lines().any(|line| line.trim() == "a=sendonly"));
    back.filter_map(|lines| lines.lines().find_map(|line| line.trim().strip_prefix("a=control:"))).collect()
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
        .ok_or_else(|| format!("{} cannot be carried", stream.encoding_name()))?;
    Ok(Audible { index, track: voice.track(), sounds: Sounds::Plain, voice: Some(voice), clock })
}

fn aac(stream: &Stream, sdp: &str, clock: u32) -> Result<(AudioTrack, Aac), &'static str> {
    let payload_type = stream.rtp_payload_type();
    let parameters = attribute(sdp, "fmtp", payload_type).next().ok_or("the camera does not describe it")?;
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

/// The values of an attribute of a payload type, such as `a=fmtp:96 …` (RFC 8866, 6.15).
pub fn attribute<'a>(sdp: &'a str, name: &str, payload_type: u8) -> impl Iterator<Item = &'a str> {
    let prefix = format!("a={name}:{payload_type} ");
    sdp.lines().filter_map(move |line| line.trim().strip_prefix(prefix.as_str()))
}
