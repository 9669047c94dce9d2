//! The way out of one unit's packets, and who is stopped there.

use super::faults::Faults;
use super::outlet::Outlet;

/// What the packets of one unit pass.
pub(super) struct Gate<'a> {
    outlet: &'a mut Outlet,
    /// Of the stream: lets the next packet pass first.
    held_back: &'a mut Option<Vec<u8>>,
    tcp: &'a mut Vec<u8>,
    torn: bool,
    /// Of a torn unit: the newest packet, which leaves only when another one follows.
    last: Option<Vec<u8>>,
}

impl<'a> Gate<'a> {
    /// To `outlet`, or `tcp` where packets travel within the connection. The last packet of a `torn` unit stays here.
    pub(super) fn new(
        outlet: &'a mut Outlet,
        held_back: &'a mut Option<Vec<u8>>,
        tcp: &'a mut Vec<u8>,
        torn: bool,
    ) -> Self {
        Self { outlet, held_back, tcp, torn, last: None }
    }

    /// Takes a packet; `count` is how many the stream has had.
    pub(super) fn pass(&mut self, faults: &Faults, count: u32, packet: &[u8]) {
        if faults.loses(count) {
            return;
        }
        if self.torn {
            if let Some(last) = self.last.replace(packet.to_vec()) {
                self.outlet.rtp(&last, self.tcp);
            }
            return;
        }
        if self.held_back.is_none() && faults.swaps(count) {
            *self.held_back = Some(packet.to_vec());
            return;
        }
        self.outlet.rtp(packet, self.tcp);
        if let Some(packet) = self.held_back.take() {
            self.outlet.rtp(&packet, self.tcp);
        }
    }
}
