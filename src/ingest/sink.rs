//! Where the frames of a rendition go.

use crate::live::{Publisher, PushError, Status};
use crate::media::fmp4::InitError;
use crate::media::{Frame, Ticks, Tracks};

/// Where frames go.
pub trait Sink: Send + Sync + 'static {
    /// See [`Publisher::begin`].
    ///
    /// # Errors
    /// No init segment can be written for `tracks`.
    fn begin(&self, tracks: Tracks) -> Result<(), InitError>;
    /// See [`Publisher::push`].
    fn push(&self, frame: Frame) -> Result<(), PushError>;
    /// See [`Publisher::set_status`].
    fn set_status(&self, status: Status);
    /// See [`Publisher::set_skew`].
    fn set_skew(&self, skew: Option<Ticks>);
}

impl Sink for Publisher {
    fn begin(&self, tracks: Tracks) -> Result<(), InitError> {
        Publisher::begin(self, tracks)
    }
    fn push(&self, frame: Frame) -> Result<(), PushError> {
        Publisher::push(self, frame)
    }
    fn set_status(&self, status: Status) {
        Publisher::set_status(self, status);
    }
    fn set_skew(&self, skew: Option<Ticks>) {
        Publisher::set_skew(self, skew);
    }
}
