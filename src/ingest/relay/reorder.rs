//! RTP packets of one stream in the order of their sequence numbers (RFC 3550, 5.1). Pure: time is passed in.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long a missing packet is waited for. Packets that took another way are some milliseconds late.
const PATIENCE: Duration = Duration::from_millis(60);

/// Most packets that wait for a missing one: a key frame's worth.
const MOST_HELD: usize = 512;

/// A sequence number this far from the one expected is no packet of the past or the future, but a new beginning.
const FAR: u16 = 3_000;

/// Holds back packets that came too early.
#[derive(Debug, Default)]
pub struct Reorder {
    next: Option<u16>,
    /// By distance from zero, unwrapped: of packets that wait none is far from another.
    held: BTreeMap<u64, Vec<u8>>,
    base: u64,
    since: Option<Instant>,
}

impl Reorder {
    /// Takes a packet; `out` gets all that can go on, in order. What comes too late or twice is left out.
    pub fn push(&mut self, packet: &[u8], now: Instant, mut out: impl FnMut(&[u8])) {
        let Some(&[high, low]) = packet.get(2..4) else { return };
        let sequence = u16::from_be_bytes([high, low]);
        let next = *self.next.get_or_insert(sequence);
        let ahead = sequence.wrapping_sub(next);
        let behind = next.wrapping_sub(sequence);
        if ahead == 0 {
            self.pass(packet, &mut out);
            self.release(now, &mut out);
        } else if ahead < FAR {
            self.held.insert(self.base + u64::from(ahead), packet.to_vec());
            self.since.get_or_insert(now);
            self.give_up(now, &mut out);
        } else if behind >= FAR {
            // The camera's own count began anew.
            self.flush(&mut out);
            self.next = Some(sequence);
            self.pass(packet, &mut out);
        }
    }

    /// When to ask [`Reorder::give_up`].
    pub fn due(&self) -> Option<Instant> {
        self.since.map(|since| since + PATIENCE)
    }

    /// Goes on without what has been missing for too long.
    pub fn give_up(&mut self, now: Instant, mut out: impl FnMut(&[u8])) {
        while self.due().is_some_and(|due| now >= due) || self.held.len() > MOST_HELD {
            let Some(first) = self.held.keys().next().copied() else { return self.since = None };
            self.advance(first - self.base);
            self.since = None;
            self.release(now, &mut out);
        }
    }

    fn pass(&mut self, packet: &[u8], out: &mut impl FnMut(&[u8])) {
        out(packet);
        self.advance(1);
    }

    fn advance(&mut self, by: u64) {
        self.base += by;
        // Never more than `FAR`.
        self.next = self.next.map(|next| next.wrapping_add(by as u16));
    }

    /// Lets out what follows without a hole.
    fn release(&mut self, now: Instant, out: &mut impl FnMut(&[u8])) {
        while let Some(packet) = self.held.remove(&self.base) {
            self.pass(&packet, out);
        }
        self.since = if self.held.is_empty() { None } else { self.since.or(Some(now)) };
    }

    fn flush(&mut self, out: &mut impl FnMut(&[u8])) {
        for packet in std::mem::take(&mut self.held).into_values() {
            out(&packet);
        }
        self.since = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(sequence: u16) -> Vec<u8> {
        let [high, low] = sequence.to_be_bytes();
        vec![0x80, 96, high, low, 1, 2, 3, 4]
    }

    /// What comes out for packets that come 10 ms apart.
    fn order(sequences: &[u16]) -> Vec<u16> {
        let mut reorder = Reorder::default();
        let mut seen = Vec::new();
        let mut now = crate::clock::now().instant;
        for sequence in sequences {
            let mut take = |packet: &[u8]| seen.push(u16::from_be_bytes([packet[2], packet[3]]));
            reorder.push(&packet(*sequence), now, &mut take);
            now += Duration::from_millis(10);
            reorder.give_up(now, &mut take);
        }
        seen
    }

    #[test]
    fn packets_that_changed_places_change_back_also_where_numbers_wrap() {
        assert_eq!(order(&[1, 2, 3]), [1, 2, 3]);
        assert_eq!(order(&[1, 3, 2, 4]), [1, 2, 3, 4]);
        assert_eq!(order(&[65534, 0, 1, 65535, 2]), [65534, 65535, 0, 1, 2]);
        assert_eq!(order(&[1, 5, 4, 3, 2, 6]), [1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn what_comes_twice_or_too_late_is_left_out() {
        assert_eq!(order(&[1, 2, 2, 1, 3]), [1, 2, 3]);
        // 2 is given up after six packets of 10 ms.
        assert_eq!(order(&[1, 3, 4, 5, 6, 7, 8, 2, 9]), [1, 3, 4, 5, 6, 7, 8, 9]);
    }

    #[test]
    fn a_count_that_begins_anew_is_followed() {
        assert_eq!(order(&[1, 2, 30_000, 30_001]), [1, 2, 30_000, 30_001]);
        assert_eq!(order(&[30_000, 30_002, 5, 6]), [30_000, 30_002, 5, 6]);
    }

    #[test]
    fn no_more_than_a_key_frame_waits() {
        let sequences: Vec<u16> = std::iter::once(1).chain(3..3 + 2000).collect();
        let mut reorder = Reorder::default();
        let now = crate::clock::now().instant;
        let mut count = 0;
        for sequence in sequences {
            reorder.push(&packet(sequence), now, |_| count += 1);
            assert!(reorder.held.len() <= MOST_HELD);
        }
        assert_eq!(count, 2001);
    }

    #[test]
    fn the_next_gap_is_waited_for_in_its_turn() {
        let mut reorder = Reorder::default();
        let start = crate::clock::now().instant;
        let at = |ms| start + Duration::from_millis(ms);
        let mut count = 0;
        for (sequence, ms) in [(1, 0), (3, 0), (5, 50)] {
            reorder.push(&packet(sequence), at(ms), |_| count += 1);
        }
        assert_eq!((count, reorder.due()), (1, Some(at(60))));
        reorder.give_up(at(60), |_| count += 1);
        assert_eq!((count, reorder.due()), (2, Some(at(120))));
        reorder.give_up(at(119), |_| count += 1);
        assert_eq!(count, 2);
        reorder.give_up(at(120), |_| count += 1);
        assert_eq!((count, reorder.due()), (3, None));
    }
}
