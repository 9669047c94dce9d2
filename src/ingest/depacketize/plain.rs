//! Sound whose packets are samples and nothing else: G.711, G.722, L16, DVI4 (RFC 3551, 4.5).

use std::collections::VecDeque;

use super::{Found, Heard, Packet};

/// Takes a packet: all of it is sound. What is half a sample at its end is left to the decoder.
pub fn push(packet: &Packet, found: &mut VecDeque<Found<Heard>>) {
    let &Packet { elapsed, arrival, lost, .. } = packet;
    found.push_back(match packet.payload.is_empty() {
        true => Found::Slip("a packet of sound without sound"),
        false => Found::Whole(Heard { data: packet.payload.clone(), elapsed, arrival, lost }),
    });
}
