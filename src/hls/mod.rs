//! `hls`: the rules and texts of Low-Latency HLS (RFC 8216bis), from snapshots of the ring.
//!
//! Belongs here: playlist text, URIs, what a request waits for.
//! Does not belong here: where segments end (`live`), HTTP (`web`), locks and clocks.
//! Read first: `reload.rs`, then `media.rs`.

pub mod media;
pub mod multivariant;
pub mod names;
pub mod options;
pub mod reload;
pub mod tags;

pub use multivariant::{Sound, Variant};
pub use names::{List, Name, Piece};
pub use options::Options;
pub use reload::{Reload, Want, decide, decide_finished, directives, wants_delta};
pub use tags::RenditionReport;
