//! What a camera's session brings, before it has a place in time.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use crate::media::{Ticks, TrackKind, VideoTrack};

/// What comes from a camera.
#[derive(Debug)]
pub enum Event {
    /// One access unit.
    Video(Picture),
    /// One audio frame.
    Audio(Sound),
    /// A sender report: when the camera's clock said `ntp`, the track's RTP time was `elapsed`.
    Report {
        /// Whose RTP time.
        kind: TrackKind,
        /// NTP time, 32.32 bits (RFC 5905, 6).
        ntp: u64,
        /// RTP time since the start of the session.
        elapsed: Ticks,
    },
}

/// One coded picture as it came.
#[derive(Debug)]
pub struct Picture {
    /// NAL units with 4-byte lengths.
    pub data: Bytes,
    /// RTP time since the start of the session.
    pub elapsed: Ticks,
    /// When its first packet came.
    pub arrival: Instant,
    /// True for IDR (H.264) and IRAP (H.265) pictures.
    pub sync: bool,
    /// RTP packets lost before it.
    pub lost: u16,
    /// The parameters in force; `None` while the camera has not sent any. The same `Arc` as before
    /// unless they changed.
    pub track: Option<Arc<VideoTrack>>,
    /// The interval between pictures as the SPS tells it.
    pub interval: Option<Ticks>,
}

/// One audio frame as it came.
#[derive(Debug)]
pub struct Sound {
    /// One raw AAC frame.
    pub data: Bytes,
    /// RTP time since the start of the session.
    pub elapsed: Ticks,
    /// When its packet came.
    pub arrival: Instant,
    /// RTP packets lost before it.
    pub lost: u16,
}
