//! How long somebody may stay.

use std::time::SystemTime;

use tokio::time::{Instant, sleep_until};

use crate::clock::Now;

/// Lasts until a moment, or for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease(Option<Instant>);

impl Lease {
    /// Without an end.
    pub const ENDLESS: Self = Self(None);

    /// Until a moment on the wall's clock, seen from `now`. From here on nobody sets it back.
    pub fn until(end: SystemTime, now: Now) -> Self {
        let left = end.duration_since(now.wall).unwrap_or_default();
        Self(now.instant.checked_add(left).map(Instant::from_std))
    }

    /// Whether it has ended at the moment `now`, for who is too busy to wait for that.
    pub fn is_over(&self, now: std::time::Instant) -> bool {
        self.0.is_some_and(|end| end.into_std() <= now)
    }

    /// Waits for its end.
    pub async fn ended(&self) {
        match self.0 {
            Some(end) => sleep_until(end).await,
            None => std::future::pending().await,
        }
    }
}
