//! What a decoder must know before the first frame.

use std::sync::Arc;

use bytes::Bytes;

use super::time::TICKS_PER_SECOND;

/// Which of the two tracks; the track ids are fixed for all renditions and outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TrackKind {
    /// Track 1.
    Video,
    /// Track 2.
    Audio,
}

impl TrackKind {
    /// The `track_ID` in every init segment and chunk.
    pub fn id(self) -> u32 {
        match self {
            Self::Video => 1,
            Self::Audio => 2,
        }
    }
}

/// The video codecs that are carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VideoCodec {
    /// H.264; sample entry `avc1`, record `avcC`.
    H264,
    /// H.265; sample entry `hvc1`, record `hvcC`.
    H265,
}

/// A video track. Two tracks that are equal need no new init segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VideoTrack {
    /// The codec.
    pub codec: VideoCodec,
    /// The decoder configuration record: the body of `avcC` or `hvcC`, parameter sets included.
    pub record: Bytes,
    /// RFC 6381 codec string, such as `avc1.4d401f`.
    pub rfc6381: String,
    /// Width in luma samples, after cropping.
    pub width: u16,
    /// Height in luma samples, after cropping.
    pub height: u16,
    /// Pixel aspect ratio, horizontal and vertical spacing, where the camera says one.
    pub pixel_aspect: Option<(u16, u16)>,
}

impl VideoTrack {
    /// Units a second of the track's times.
    pub const TIMESCALE: u32 = TICKS_PER_SECOND;
}

/// The audio codecs that are carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AudioCodec {
    /// AAC as it came; sample entry `mp4a`, record `esds`.
    Aac,
    /// FLAC, made of sound that no browser decodes as it came; sample entry `fLaC`, record `dfLa`.
    Flac,
}

/// An audio track. Two tracks that are equal need no new init segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AudioTrack {
    /// The codec.
    pub codec: AudioCodec,
    /// AAC: the AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1). FLAC: STREAMINFO (RFC 9639, 8.2).
    pub config: Bytes,
    /// RFC 6381 codec string, such as `mp4a.40.2` or `fLaC`.
    pub rfc6381: String,
    /// Samples a second of one channel; also the timescale of the track.
    pub sample_rate: u32,
    /// Number of channels.
    pub channels: u16,
    /// Samples a frame and channel: 1024 for AAC-LC, the block size for FLAC.
    pub frame_samples: u32,
}

/// The tracks of one epoch of a rendition. A rendition always has video.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tracks {
    /// The picture.
    pub video: Arc<VideoTrack>,
    /// The sound, if frames of it really arrive.
    pub audio: Option<Arc<AudioTrack>>,
}

impl Tracks {
    /// Units a second of the times of `kind`; `None` when there is no such track.
    pub fn timescale(&self, kind: TrackKind) -> Option<u32> {
        match kind {
            TrackKind::Video => Some(VideoTrack::TIMESCALE),
            TrackKind::Audio => self.audio.as_ref().map(|audio| audio.sample_rate),
        }
    }

    /// RFC 6381 strings of all tracks, joined as in a MIME type: `avc1.4d401f,mp4a.40.2`.
    pub fn codecs(&self) -> String {
        match &self.audio {
            Some(audio) => format!("{},{}", self.video.rfc6381, audio.rfc6381),
            None => self.video.rfc6381.clone(),
        }
    }
}

#[cfg(test)]
pub(crate) mod testing {
    //! Tracks with real parameter sets, for the tests of every floor.

    use super::*;

    /// The `avcC` of a 320x180 Constrained Baseline stream.
    const AVCC: &[u8] = &[
        1, 0x42, 0xc0, 0x0d, 0xff, 0xe1, 0, 21, 0x67, 0x42, 0xc0, 0x0d, 0xd9, 0x01, 0x41, 0x9f, 0x9e, 0x10,
        0, 0, 3, 0, 0x10, 0, 0, 3, 3, 0x20, 0xf1, 1, 0, 5, 0x68, 0xcb, 0x83, 0xcb, 0x20,
    ];

    /// H.264 320x180 and AAC-LC 48 kHz stereo.
    pub(crate) fn tracks() -> Tracks {
        Tracks { audio: Some(Arc::new(audio(48_000))), ..video_only() }
    }

    /// H.264 320x180 alone.
    pub(crate) fn video_only() -> Tracks {
        let video = VideoTrack {
            codec: VideoCodec::H264,
            record: Bytes::from_static(AVCC),
            rfc6381: "avc1.42c00d".into(),
            width: 320,
            height: 180,
            pixel_aspect: None,
        };
        Tracks { video: Arc::new(video), audio: None }
    }

    /// AAC-LC stereo.
    pub(crate) fn audio(sample_rate: u32) -> AudioTrack {
        AudioTrack {
            codec: AudioCodec::Aac,
            config: Bytes::from_static(&[0x11, 0x90]),
            rfc6381: "mp4a.40.2".into(),
            sample_rate,
            channels: 2,
            frame_samples: 1024,
        }
    }
}
