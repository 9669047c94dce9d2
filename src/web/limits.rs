//! How many may be connected: in all, and from one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// How many connections there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// In all (`limits.connections`).
    pub all: usize,
    /// From one address (`limits.connections_per_address`); not from loopback and trusted proxies.
    pub per_address: usize,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self { all: 20_000, per_address: 500 }
    }
}

/// Counts connections.
pub struct Connections {
    limits: ConnectionLimits,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// A connection that is counted until it is dropped.
pub struct Place {
    connections: Arc<Connections>,
    address: Option<IpAddr>,
}

impl Connections {
    /// None yet.
    pub fn new(limits: ConnectionLimits) -> Arc<Self> {
        Arc::new(Self { limits, open: Mutex::default() })
    }

    /// A place for one more, unless there are too many. Without an address, only those in all count.
    pub fn place(self: &Arc<Self>, address: Option<IpAddr>) -> Option<Place> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.all >= self.limits.all || !address.is_none_or(|address| self.count(&mut open, address)) {
            return None;
        }
        open.all += 1;
        Some(Place { connections: self.clone(), address })
    }

    /// How many are open.
    pub fn open(&self) -> usize {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).all
    }

    /// Counts one more for an address, unless it has too many.
    fn count(&self, open: &mut Open, address: IpAddr) -> bool {
        let own = open.by_address.entry(address).or_default();
        let room = *own < self.limits.per_address;
        *own += usize::from(room);
        room
    }
}

impl Place {
    /// Counts the connection for an address too, which was not known before; `None` if that has too many.
    pub fn of(mut self, address: IpAddr) -> Option<Self> {
        if self.address.is_none() {
            let mut open = self.connections.open.lock().unwrap_or_else(PoisonError::into_inner);
            let counted = self.connections.count(&mut open, address);
            drop(open);
            if !counted {
                return None;
            }
            self.address = Some(address);
        }
        Some(self)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.connections.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.all -= 1;
        let Some(address) = self.address else { return };
        if let Some(own) = open.by_address.get_mut(&address) {
            *own -= 1;
            if *own == 0 {
                open.by_address.remove(&address);
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn one_address_is_stopped_before_others_and_places_come_back() {
        let connections = Connections::new(ConnectionLimits { all: 3, per_address: 2 });
        let address = |last| Some(IpAddr::from([192, 0, 2, last]));
        let first = [connections.place(address(1)), connections.place(address(1))];
        assert!(first.iter().all(Option::is_some));
        assert!(connections.place(address(1)).is_none(), "too many of one");
        let other = connections.place(address(2));
        assert!(other.is_some());
        assert!(
            connections.place(address(3)).is_none() && connections.place(None).is_none(),
            "too many in all"
        );
        drop(first);
        assert!(connections.place(address(1)).is_some() && connections.place(None).is_some());
        drop(other);
        let known_later =
            |last| connections.place(None).and_then(|place| place.of(IpAddr::from([192, 0, 2, last])));
        let later = [known_later(1), known_later(1)];
        assert!(later.iter().all(Option::is_some));
        assert!(known_later(1).is_none() && known_later(2).is_some(), "too many of one, known late");
        drop(later);
        assert_eq!(connections.open.lock().unwrap().all, 0);
        assert!(connections.open.lock().unwrap().by_address.is_empty());
    }
}
