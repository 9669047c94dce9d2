//! What the camera has seen so far; tests read it, and logs may.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

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
}

impl Counters {
    /// Sessions that exist now: set up, and neither torn down nor cut.
    pub fn open_sessions(&self) -> usize {
        self.open.load(Ordering::Relaxed)
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
