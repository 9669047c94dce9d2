//! What outlives the sessions of a rendition.

use std::sync::atomic::{AtomicBool, AtomicI64};

/// How far a rendition's tracks have come, in ticks: what outlives its sessions, so that the
/// frames of the next one come later.
#[derive(Debug, Default)]
pub struct Progress {
    pub(super) video: AtomicI64,
    pub(super) audio: AtomicI64,
    /// The camera promised sound and sent none.
    pub(super) mute: AtomicBool,
}
