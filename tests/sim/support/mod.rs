//! Readers of what comes out, shared with the tests of the whole server, which use more of them.
#![allow(dead_code, reason = "the other tests use the rest")]

#[path = "../../it/support/checker.rs"]
pub mod checker;
#[path = "../../it/support/media.rs"]
pub mod media;
#[path = "../../it/support/playlist.rs"]
pub mod playlist;
