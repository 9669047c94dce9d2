//! `mp4`: a rendition as fragmented MP4 files.
//!
//! Belongs here: what such a file is made of, and where it begins and ends.
//! Does not belong here: HTTP (`web`), muxing (`live`).
//! Read first: `live.rs`.

pub mod live;

pub use live::{Endless, Progress, Times};
