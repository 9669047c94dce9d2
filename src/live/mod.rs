//! `live`: the recent past of one rendition, in memory.
//!
//! Belongs here: cutting frames into chunks, parts and segments, the ring, its readers.
//! Does not belong here: playlist text (`hls`), sockets (`web`, `ingest`), reading a clock.
//! Read first: `model.rs`, `cutter.rs` (where parts and segments end), `fit.rs` (where pictures end, so that parts can),
//! then `window.rs`. `channel.rs` only adds a lock and a wake-up. `stand_in.rs` has renditions of a camera help each
//! other out where one is down.

pub mod catalog;
pub mod channel;
pub mod cutter;
pub mod dates;
pub mod demand;
pub mod fit;
pub mod follow;
pub mod line;
pub mod model;
pub mod muxer;
pub mod options;
pub mod ring;
pub mod share;
pub mod snapshot;
pub mod stand_in;
pub mod state;
pub mod targets;
#[cfg(test)]
pub(crate) mod testing;
pub mod tip;
pub mod window;

pub use catalog::{Camera, Catalog, Rendition};
pub use channel::{Channel, Closed, Publisher, Read, channel};
pub use dates::Dates;
pub use demand::{Demand, Wanted};
pub use follow::{Follower, Next};
pub use model::{Chunk, Epoch, Origin, Part, PartId, RunId, Segment};
pub use muxer::PushError;
pub use options::Options;
pub use ring::Joint;
pub use snapshot::Snapshot;
pub use stand_in::stand_by;
pub use state::{State, Status};
pub use targets::Targets;
pub use tip::{LineTip, Tip};
