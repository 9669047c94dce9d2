//! HLS as a player sees it.

mod answers;
mod conditions;
mod delta;
mod iframes;
mod log;
mod media;
mod multivariant;
mod playlists;
mod reload;
mod renditions;
mod start;
mod tls;
