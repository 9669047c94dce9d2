//! `mse`: the feed for Media Source Extensions, as messages.
//!
//! Belongs here: what a viewer is told and sent, which codecs it can play, when it has fallen behind.
//! Does not belong here: WebSocket frames, sockets, timers (`web`).
//! Read first: `feed.rs`.

pub mod codecs;
pub mod feed;
pub mod messages;
pub mod options;

/// What a viewer asks for that leaves the choice of the rendition to the server.
pub const AUTO: &str = "auto";

pub use codecs::Decodable;
pub use feed::{Feed, Message, Unplayable};
pub use messages::{ClientText, ServerText, Why};
pub use options::Options;
