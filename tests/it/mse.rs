//! The MSE feed as a browser sees it.

mod commands;
mod deaf;
mod ends;
mod feed;
mod ffprobe;
pub mod http2;
mod live_mp4;
mod slow;
