//! The MSE feed as a browser sees it.

mod commands;
mod feed;
mod ffprobe;
mod slow;
