//! What is in a packet of H.264 (RFC 6184): one NAL unit, several (STAP-A), or a piece of one (FU-A). The modes that
//! interleave are nobody's.

use super::unit::{Collector, Kind, Slice};
use crate::media::avc::slice_head;
use crate::media::nal;

/// Types of NAL units (ITU-T H.264, table 7-1).
const PARTITION_A: u8 = 2;
const IDR: u8 = 5;
const SETS: [u8; 2] = [7, 8];
/// Types that only packets have (RFC 6184, table 1).
const STAP_A: u8 = 24;
const FU_A: u8 = 28;
/// The bit that tells of damage (RFC 6184, 1.3).
const DAMAGED: u8 = 0x80;

/// What a NAL unit is.
pub fn kind(nal: &[u8]) -> Kind {
    let Some(header) = nal.first() else { return Kind::Other };
    match header & 31 {
        1..=IDR => {
            let sync = header & 31 == IDR;
            // The other partitions have a head of another kind.
            let told = header & 31 <= PARTITION_A || sync;
            let head = slice_head(nal).filter(|_| told);
            Kind::Slice(Slice { sync, open: false, cut: false, refers_back: false, head })
        }
        unit if SETS.contains(&unit) => Kind::Set,
        _ => Kind::Other,
    }
}

/// Reads the payload of a packet.
///
/// # Errors
/// It makes no sense, in words for the log.
pub fn read(collector: &mut Collector, payload: &[u8]) -> Result<(), &'static str> {
    let payload = behind_start_code(payload);
    let Some((header, rest)) = payload.split_first() else { return Err("a start code alone") };
    if header & DAMAGED != 0 {
        return Err("a NAL unit that is marked as damaged");
    }
    match header & 31 {
        1..STAP_A => collector.whole(payload),
        STAP_A => aggregate(collector, rest),
        FU_A => {
            let Some((fragment, piece)) = rest.split_first() else { return Err("a fragment of nothing") };
            let ends = [fragment & 0x80 != 0, fragment & 0x40 != 0];
            collector.piece(&[header & 0x60 | fragment & 31], piece, ends)
        }
        _ => Err("a packet of a kind that is not in use"),
    }
}

/// Some send byte streams, and begin them with a start code.
pub fn behind_start_code(payload: &[u8]) -> &[u8] {
    match nal::start_code(&payload[..payload.len().min(4)]) {
        Some(at) if payload[..at].iter().all(|byte| *byte == 0) => &payload[at + 3..],
        _ => payload,
    }
}

/// Several NAL units, each behind its length (RFC 6184, 5.7.1; RFC 7798, 4.4.2).
pub fn aggregate(collector: &mut Collector, mut rest: &[u8]) -> Result<(), &'static str> {
    while let Some((length, behind)) = rest.split_first_chunk() {
        let length = usize::from(u16::from_be_bytes(*length));
        let Some((nal, behind)) = behind.split_at_checked(length) else {
            return Err("a NAL unit that is longer than its packet");
        };
        if !nal.is_empty() {
            collector.whole(behind_start_code(nal))?;
        }
        rest = behind;
    }
    Ok(())
}
