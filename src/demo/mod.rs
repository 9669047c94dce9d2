//! `demo`: the built-in camera, a real RTSP server in the process that plays an embedded clip.
//!
//! It is what a newcomer sees first, and the camera that tests make misbehave. Its picture shows the seconds of the
//! minute: unit `n` of the clip is sent when the wall clock reads the instant drawn in it, so all renditions show the
//! same moment and the delay of a whole chain can be read off a screen.
//!
//! Belongs here: RTSP (RFC 2326), RTP and RTCP (RFC 3550), the payload formats of H.264 (RFC 6184) and AAC (RFC 3640),
//! seen from the camera's side. Does not belong here: anything about those who watch.
//!
//! Read first: `server.rs` (who runs), then `connection.rs` (one client), `session.rs` (what it asked for) and
//! `player.rs` (what it gets, and when). `timebase.rs`, `packets.rs`, `rtcp.rs`, `sdp.rs`, `sets.rs` and `auth.rs`
//! are pure.

mod auth;
mod base64;
mod clip;
mod connection;
mod counters;
mod faults;
mod gate;
mod loss;
mod options;
mod outlet;
mod packets;
mod player;
mod random;
mod request;
mod rtcp;
mod sdp;
mod server;
mod session;
mod sets;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests;
mod timebase;

pub use counters::Counters;
pub use faults::Faults;
pub use options::{Credentials, Options, Scheme};
pub use server::{Server, StartError};
