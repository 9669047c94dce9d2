//! What a camera describes to what is carried.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use retina::client::Stream;
use retina::codec::h26x::Framing;
use retina::codec::h264::parameters_from_sps_and_pps;
use retina::codec::{AudioParameters, ParametersRef, VideoParameters, VideoParametersCodec};

use crate::ingest::error::Failure;
use crate::ingest::relay::retell;
use crate::ingest::voice::Voice;
use crate::media::aac::Said;
use crate::media::avc::ParameterSets;
use crate::media::time::TICKS_PER_SECOND;
use crate::media::{AudioCodec, AudioTrack, Ticks, VideoCodec, VideoTrack};

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

/// The sound that can be carried, or else the encoding of one that cannot.
///
/// One that is sent to the camera (ONVIF Streaming Specification, 5.3: `a=sendonly`, which is said from the client's
/// side) comes last: some cameras say it of what they send.
pub fn find_audio(streams: &[Stream], sdp: &str) -> (Option<usize>, Option<String>) {
    let audio = |stream: &&Stream| stream.media() == "audio";
    let usable = |stream: &Stream| audio(&stream) && sound(stream, sdp).is_some();
    let back = back_channels(sdp);
    let talks_back = |stream: &Stream| {
        stream.control().is_some_and(|url| back.iter().any(|control| url.as_str().ends_with(control)))
    };
    let first = streams.iter().position(|stream| usable(stream) && !talks_back(stream));
    match first.or_else(|| streams.iter().position(usable)) {
        Some(index) => (Some(index), None),
        None => (None, streams.iter().find(audio).map(|stream| stream.encoding_name().to_owned())),
    }
}

/// The control URLs, as they stand in the description, of media that go to the camera.
fn back_channels(sdp: &str) -> Vec<&str> {
    let media = sdp.split("\nm=").skip(1);
    let back = media.filter(|lines| lines.lines().any(|line| line.trim() == "a=sendonly"));
    back.filter_map(|lines| lines.lines().find_map(|line| line.trim().strip_prefix("a=control:"))).collect()
}

/// The track of a sound, and what makes it where it is not sent as the camera sends it.
pub fn sound(stream: &Stream, sdp: &str) -> Option<(AudioTrack, Option<Voice>)> {
    let Some(ParametersRef::Audio(parameters)) = stream.parameters() else { return None };
    if let Some(mut track) = audio_track(parameters) {
        // What the camera said itself, where the library was told otherwise.
        let config = retell::told(sdp, stream.rtp_payload_type());
        if let Some((said, config)) = config.and_then(|config| Some((Said::of(&config)?, config))) {
            (track.rfc6381, track.sample_rate, track.config) = (said.rfc6381, said.rate, config.into());
        }
        return Some((track, None));
    }
    let channels = parameters.channels().get();
    let voice = Voice::new(stream.encoding_name(), parameters.clock_rate(), channels)?;
    Some((voice.track(), Some(voice)))
}

/// Reads the parameters of a video as they change.
///
/// The library keeps one SPS and one PPS of H.264, the last that differs from the one before, and takes them out
/// of the pictures. Streams with more of them would lose all but one, and change it at each key frame: so those
/// of the description and all that were ever in force are kept here.
#[derive(Debug, Default)]
pub struct VideoReader {
    sets: ParameterSets,
    track: Option<Arc<VideoTrack>>,
    interval: Option<Ticks>,
}

impl VideoReader {
    /// With what the description says of `stream`.
    pub fn new(sdp: &str, stream: &Stream) -> Self {
        let mut reader = Self::default();
        if stream.encoding_name() == "h264" {
            let sets = sprop_parameter_sets(sdp, stream.rtp_payload_type());
            sets.iter().for_each(|nal| reader.sets.add(nal));
        }
        reader
    }

    /// The parameters in force; the same `Arc` as before unless they changed.
    pub fn track(&self) -> Option<Arc<VideoTrack>> {
        self.track.clone()
    }

    /// The interval between pictures as the SPS tells it.
    pub fn interval(&self) -> Option<Ticks> {
        self.interval
    }

    /// Takes over the parameters of `stream`; equal ones change nothing.
    pub fn read(&mut self, stream: &Stream) {
        if let Some(ParametersRef::Video(parameters)) = stream.parameters() {
            self.take(parameters);
        } else if let Some((sps, pps)) = self.sets.first_pair()
            && let Ok(parameters) = parameters_from_sps_and_pps(sps, pps, Framing::FourByteLength)
        {
            self.take(&parameters);
        }
    }

    fn take(&mut self, parameters: &VideoParameters) {
        let Some(mut track) = video_track(parameters) else { return };
        if let VideoParametersCodec::H264 { sps, pps } = parameters.codec_params() {
            self.sets.add(sps);
            self.sets.add(pps);
            track.record = self.sets.record().unwrap_or(track.record);
        }
        if self.track.as_deref() != Some(&track) {
            self.track = Some(Arc::new(track));
        }
        self.interval = parameters
            .frame_rate()
            .filter(|(_, rate)| *rate > 0)
            .map(|(units, rate)| Ticks(i64::from(units) * i64::from(TICKS_PER_SECOND) / i64::from(rate)));
    }
}

/// The NAL units in `sprop-parameter-sets` (RFC 6184, 8.1) of a payload type, start codes left out.
fn sprop_parameter_sets(sdp: &str, payload_type: u8) -> Vec<Vec<u8>> {
    let prefix = format!("a=fmtp:{payload_type} ");
    let parameters = sdp.lines().filter_map(|line| line.trim().strip_prefix(prefix.as_str()));
    let values = parameters.flat_map(|all| all.split(';')).filter_map(|one| {
        let (name, value) = one.trim().split_once('=')?;
        name.eq_ignore_ascii_case("sprop-parameter-sets").then_some(value)
    });
    let decoded =
        values.flat_map(|value| value.split(',')).filter_map(|set| STANDARD.decode(set.trim()).ok());
    let bare = |nal: Vec<u8>| {
        let start = nal.iter().take(4).position(|byte| *byte == 1).map_or(0, |one| one + 1);
        nal[start..].to_vec()
    };
    decoded.map(|nal| if nal.starts_with(&[0, 0]) { bare(nal) } else { nal }).collect()
}

fn video_track(parameters: &VideoParameters) -> Option<VideoTrack> {
    let (codec, rfc6381) = match parameters.codec_params() {
        VideoParametersCodec::H264 { .. } => {
            (VideoCodec::H264, parameters.rfc6381_codec().to_ascii_lowercase())
        }
        VideoParametersCodec::H265 { .. } => (VideoCodec::H265, parameters.rfc6381_codec().to_owned()),
        _ => return None,
    };
    let (width, height) = parameters.pixel_dimensions();
    Some(VideoTrack {
        codec,
        record: Bytes::copy_from_slice(parameters.extra_data()),
        rfc6381,
        width: u16::try_from(width).ok()?,
        height: u16::try_from(height).ok()?,
        pixel_aspect: parameters
            .pixel_aspect_ratio()
            .and_then(|(h, v)| Some((u16::try_from(h).ok()?, u16::try_from(v).ok()?))),
    })
}

fn audio_track(parameters: &AudioParameters) -> Option<AudioTrack> {
    let rfc6381 = parameters.rfc6381_codec().filter(|codec| codec.starts_with("mp4a."))?;
    Some(AudioTrack {
        codec: AudioCodec::Aac,
        config: Bytes::copy_from_slice(parameters.extra_data()),
        rfc6381: rfc6381.to_owned(),
        sample_rate: parameters.clock_rate(),
        channels: parameters.channels().get(),
        frame_samples: parameters.frame_length()?.get(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_parameter_sets_of_the_description_are_found_with_start_codes_or_without() {
        let sdp = "v=0\r\nm=video 0 RTP/AVP 96\r\na=fmtp:97 sprop-parameter-sets=AAAA\r\n\
                   a=fmtp:96 packetization-mode=1; sprop-parameter-sets=Z01AHw==,aMA=,AAAAAWhQ,*;x=1\r\n";
        let sets = sprop_parameter_sets(sdp, 96);
        assert_eq!(sets, [&[0x67, 0x4d, 0x40, 0x1f][..], &[0x68, 0xc0], &[0x68, 0x50]]);
        assert_eq!(sprop_parameter_sets(sdp, 98), Vec::<Vec<u8>>::new());
    }
}
