//! One frame, with its place in time.

use bytes::Bytes;

use super::TrackKind;

/// One encoded picture, or one unit of audio, placed on its camera's timeline.
///
/// All times are in the timescale of the frame's track (video: 90 000 a second, audio: the
/// sample rate), counted from the zero of the camera's timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The track the frame belongs to.
    pub track: TrackKind,
    /// When the frame is decoded: the frame before it in its track, plus that one's duration,
    /// except at the start of an epoch and where audio was re-anchored.
    pub decode_time: u64,
    /// How long the decoder is given; predicted for video, the count of samples for audio. Never 0.
    pub duration: u32,
    /// Presentation time less decode time (ISO/IEC 14496-12, 8.6.1.3); signed.
    pub composition_offset: i32,
    /// True for a picture at which decoding can start, and for every audio frame.
    pub sync: bool,
    /// The sample as it stands in `mdat`: NAL units with 4-byte lengths, or one raw audio frame.
    pub data: Bytes,
}
