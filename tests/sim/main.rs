//! Belvedere's pure floors over long lives of made-up cameras: thousands of them, in simulated time.
//!
//! What comes from a camera goes through `ingest`'s pump into a real channel, and after each change the playlists are
//! written and held against the rules, with the media that they list. No socket, no clock, no task. Each family of
//! cameras in `streams.rs` is a property: `proptest` thinks up cameras, and makes the one that breaks a rule small
//! before it shows it. All numbers come from fixed seeds; `SIM_SEED` gives other cameras, `SIM_CASES` more of them.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod blocking;
mod camera;
mod families;
mod hour;
mod iframes;
mod kept;
mod leaving;
mod lists;
mod pieces;
mod plan;
mod renditions;
mod streams;
mod support;
mod tracks;
mod world;
