//! What a session is at: before an epoch, about to open one, or in it.

use super::pace::VideoPace;
use super::sound::SoundLine;
use super::waiting::Waiting;
use crate::media::{Ticks, Tracks};

/// What a session is at.
pub enum Stage {
    /// Waiting for a sync sample.
    Closed,
    /// A sync sample has come: holding frames back until it is known what the epoch is made of.
    Waiting(Waiting),
    /// Frames are published.
    Open(Box<Epoch>),
}

/// An epoch that is open.
pub struct Epoch {
    /// What it is made of.
    pub tracks: Tracks,
    /// The interval between pictures as the SPS tells it.
    pub interval: Option<Ticks>,
    /// The decode line of the pictures.
    pub video: VideoPace,
    /// Presentation time of the first picture: sound before it is left out.
    pub first: Ticks,
    /// The line of the sound, if there is any.
    pub sound: Option<SoundLine>,
    /// Its timeline broke: it ends at the next sync sample.
    pub broken: bool,
}
