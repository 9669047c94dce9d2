//! What the camera has seen so far; tests read it, and logs may.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use crate::stats::Counter;

/// Counts since the camera started.
#[derive(Debug, Default)]
pub struct Counters {
    /// DESCRIBE requests that were answered with a description.
    pub describes: Counter,
    /// PLAY requests that started a stream.
    pub plays: Counter,
    /// TEARDOWN requests for a session there was.
    pub teardowns: Counter,
    open: AtomicUsize,
    played: Mutex<Option<Instant>>,
}

impl Counters {
    /// Sessions that exist now: set up, and neither torn down nor cut.
    pub fn open_sessions(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// When the newest stream began: its first key frame is sent right behind the answer to PLAY.
    pub fn played(&self) -> Option<Instant> {
        *self.played.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn plays(&self, now: Instant) {
        self.plays.add(1);
        *self.played.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
    }
}

/// Counts one open session for as long as it lives.
#[derive(Debug)]
pub(super) struct OpenSession(Arc<Counters>);

impl OpenSession {
    pub(super) fn new(counters: &Arc<Counters>) -> Self {
        counters.open.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(counters))
    }
}

impl Drop for OpenSession {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}
