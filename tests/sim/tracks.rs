//! Tracks with real parameter sets, and pictures without content.

use std::sync::Arc;

use belvedere::media::{AudioCodec, AudioTrack, VideoCodec, VideoTrack};
use bytes::Bytes;

/// The `avcC` of a 320x180 Constrained Baseline stream.
const AVCC: &[u8] = &[
    1, 0x42, 0xc0, 0x0d, 0xff, 0xe1, 0, 21, 0x67, 0x42, 0xc0, 0x0d, 0xd9, 0x01, 0x41, 0x9f, 0x9e, 0x10, 0, 0,
    3, 0, 0x10, 0, 0, 3, 3, 0x20, 0xf1, 1, 0, 5, 0x68, 0xcb, 0x83, 0xcb, 0x20,
];

/// The video track after so many changes of parameters.
pub fn video(changes: u32) -> Arc<VideoTrack> {
    Arc::new(VideoTrack {
        codec: VideoCodec::H264,
        record: Bytes::from_static(AVCC),
        rfc6381: "avc1.42c00d".into(),
        width: if changes.is_multiple_of(2) { 320 } else { 640 },
        height: 180,
        pixel_aspect: None,
    })
}

/// AAC of any kind.
pub fn audio(sample_rate: u32, frame_samples: u32) -> Arc<AudioTrack> {
    Arc::new(AudioTrack {
        codec: AudioCodec::Aac,
        config: Bytes::from_static(&[0x11, 0x90]),
        rfc6381: "mp4a.40.2".into(),
        sample_rate,
        channels: 2,
        frame_samples,
    })
}

/// So many bytes.
pub fn payload(bytes: usize) -> Bytes {
    static ZEROS: [u8; 4096] = [0; 4096];
    Bytes::from_static(&ZEROS[..bytes.min(ZEROS.len())])
}
