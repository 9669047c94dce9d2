//! `mse`: the feed for Media Source Extensions, as messages.
//!
//! Belongs here: what a viewer is told and sent, which codecs it can play, which rendition suits it.
//! Does not belong here: sockets and what clients say on them, timers (`web`).
//! Read first: `messages.rs`, `feed.rs`; then `session.rs`, with `auto.rs` (when to change the rendition), `choice.rs`
//! (to which) and `switch.rs` (at which picture).

pub mod auto;
pub mod choice;
pub mod codecs;
pub mod feed;
pub mod messages;
pub mod options;
pub mod pulse;
pub mod session;
pub mod switch;

/// What a viewer asks for that leaves the choice of the rendition to the server.
pub const AUTO: &str = "auto";

pub use codecs::Decodable;
pub use feed::{Feed, Message, Unplayable};
pub use messages::{ClientText, ServerText, Why};
pub use options::Options;
pub use pulse::Pulse;
pub use session::{Refusal, Session, Viewer};

#[cfg(test)]
mod session_tests;
