//! `media`: what a frame, a track and an instant are, and how they are written as fragmented MP4.
//!
//! Belongs here: the words every other room shares, codec strings and configurations, parameter sets (`sets.rs`, of
//! H.264 in `avc.rs`, of H.265 in `hevc.rs`), box writing, and the head that makes a piece of media a message
//! (`framing.rs`).
//! Does not belong here: where frames come from (`ingest`), what is done with chunks (`live`).
//! Read first: `frame.rs`, then `fmp4.rs`.

pub mod aac;
pub mod avc;
pub mod flac;
pub mod fmp4;
pub mod frame;
pub mod framing;
pub mod hevc;
pub mod nal;
pub mod sets;
pub mod silence;
pub mod still;
pub mod time;
pub mod track;

pub use frame::Frame;
pub use framing::Framed;
pub use time::Ticks;
pub use track::{AudioCodec, AudioTrack, TrackKind, Tracks, VideoCodec, VideoTrack};
