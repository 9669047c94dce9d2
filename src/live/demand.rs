//! Whether anybody wants a rendition: readers say so, and the source of a camera on demand listens.
//!
//! Readers with a session hold a [`Wanted`] for as long as it lasts. Readers without one, as those of HLS, hold
//! one for each request; how long their demand outlives it is for the source to say, who has a clock.

use std::sync::Arc;

use tokio::sync::watch;

use super::catalog::Camera;
use super::channel::Channel;

/// How much a rendition is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Demand {
    /// Readers that hold on to it now.
    pub readers: usize,
    /// Readers that came, ever: tells one that has left again from none.
    pub came: u64,
}

/// Where readers say that they want a rendition.
#[derive(Debug, Default)]
pub struct Counter(watch::Sender<Demand>);

/// Keeps a rendition wanted until it is dropped.
#[derive(Debug)]
pub struct Wanted(Arc<Counter>);

impl Drop for Wanted {
    fn drop(&mut self) {
        self.0.0.send_if_modified(|demand| {
            demand.readers -= 1;
            demand.readers == 0
        });
    }
}

impl Counter {
    fn want(self: &Arc<Self>) -> Wanted {
        // A source that is wanted already has nothing to learn from one reader more.
        self.0.send_if_modified(|demand| {
            demand.readers += 1;
            demand.came += 1;
            demand.readers == 1
        });
        Wanted(self.clone())
    }
}

impl Channel {
    /// Wants this rendition: a source on demand connects now, and stays while this is held and for its
    /// idle time after. Every reader takes one before it waits for anything.
    pub fn want(&self) -> Wanted {
        self.demand.want()
    }

    /// How much this rendition is wanted, now and later.
    pub fn demand(&self) -> watch::Receiver<Demand> {
        self.demand.0.subscribe()
    }
}

impl Camera {
    /// Wants all renditions: what a reader does that may take any of them.
    pub fn want(&self) -> Vec<Wanted> {
        self.renditions.iter().map(|rendition| rendition.channel.want()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::testing::FakeCamera;

    #[test]
    fn readers_are_counted_while_they_hold_on_and_remembered_when_they_have_left() {
        let camera = FakeCamera::silent(50);
        let demand = camera.channel.demand();
        let seen = || *demand.borrow();
        assert_eq!(seen(), Demand { readers: 0, came: 0 });
        let (one, two) = (camera.channel.want(), camera.channel.want());
        assert_eq!(seen(), Demand { readers: 2, came: 2 });
        drop(one);
        assert_eq!(seen(), Demand { readers: 1, came: 2 });
        drop(two);
        assert_eq!(seen(), Demand { readers: 0, came: 2 });
    }

    #[test]
    fn the_source_is_woken_by_the_first_reader_and_by_the_end_of_the_last() {
        let camera = FakeCamera::silent(50);
        let mut demand = camera.channel.demand();
        let mut woken = || {
            let changed = demand.has_changed().expect("the channel is there");
            demand.mark_unchanged();
            changed
        };
        let one = camera.channel.want();
        assert!(woken());
        let two = camera.channel.want();
        assert!(!woken());
        drop(one);
        assert!(!woken());
        drop(two);
        assert!(woken());
    }
}
