//! What is in a packet of H.265 (RFC 7798): one NAL unit, several (AP), or a piece of one (FU).

use super::avc::{aggregate, behind_start_code};
use super::unit::{Collector, Kind, Slice};
use crate::media::hevc::{HEADER, slice_head, unit_type};

/// Types of NAL units (ITU-T H.265, table 7-1).
const RASL: std::ops::RangeInclusive<u8> = 8..=9;
const BLA: std::ops::RangeInclusive<u8> = 16..=18;
const CRA: u8 = 21;
const IRAP: std::ops::RangeInclusive<u8> = 16..=23;
const SETS: std::ops::RangeInclusive<u8> = 32..=34;
/// Types that only packets have (RFC 7798, 4.4).
const AP: u8 = 48;
const FU: u8 = 49;
/// The bit that tells of damage.
const DAMAGED: u8 = 0x80;

/// What a NAL unit is. Those of other layers are none of our pictures.
pub fn kind(nal: &[u8]) -> Kind {
    let (Some(unit), Some(&[first, second, ..])) = (unit_type(nal), nal.first_chunk::<HEADER>()) else {
        return Kind::Other;
    };
    if first & 1 != 0 || second & 0xf8 != 0 {
        return Kind::Other;
    }
    match unit {
        0..32 => Kind::Slice(Slice {
            sync: IRAP.contains(&unit),
            open: unit == CRA,
            cut: BLA.contains(&unit),
            refers_back: RASL.contains(&unit),
            head: slice_head(nal),
        }),
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
    let Some((header, rest)) = payload.split_first_chunk::<HEADER>() else {
        return Err("a NAL unit without a header");
    };
    if header[0] & DAMAGED != 0 {
        return Err("a NAL unit that is marked as damaged");
    }
    match header[0] >> 1 & 63 {
        0..AP => collector.whole(payload),
        AP => aggregate(collector, rest),
        FU => {
            let Some((fragment, piece)) = rest.split_first() else { return Err("a fragment of nothing") };
            let ends = [fragment & 0x80 != 0, fragment & 0x40 != 0];
            collector.piece(&[header[0] & 0x81 | (fragment & 63) << 1, header[1]], piece, ends)
        }
        _ => Err("a packet of a kind that is not in use"),
    }
}
