//! RTP packets that are lost at a test's command.

use std::sync::atomic::{AtomicU32, Ordering};

use super::random;
use crate::stats::Counter;

/// Which are, and how many were.
#[derive(Debug, Default)]
pub(super) struct Loss {
    /// 0 stands for never.
    every: AtomicU32,
    /// Of a hundred, by chance.
    percent: AtomicU32,
    lost: Counter,
}

impl Loss {
    /// Every `nth` of each stream.
    pub(super) fn every(&self, nth: u32) {
        self.every.store(nth, Ordering::Relaxed);
    }

    /// So many of a hundred.
    pub(super) fn by_chance(&self, percent: u32) {
        self.percent.store(percent, Ordering::Relaxed);
    }

    /// How many so far.
    pub(super) fn count(&self) -> u64 {
        self.lost.get()
    }

    /// True for the packet that is to be lost; `count` is how many its stream has had, this one included.
    pub(super) fn takes(&self, count: u32) -> bool {
        let nth = self.every.load(Ordering::Relaxed);
        let percent = self.percent.load(Ordering::Relaxed);
        let takes =
            nth != 0 && count.is_multiple_of(nth) || percent != 0 && random::number32() % 100 < percent;
        self.lost.add(u64::from(takes));
        takes
    }
}
