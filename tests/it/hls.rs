//! HLS as a player sees it.

mod answers;
mod media;
mod multivariant;
mod playlists;
mod reload;
mod start;
