//! The parameter sets of H.264 (ITU-T H.264, 7.3.2) by their ids, the record that holds them, and the heads of slices.

use bytes::Bytes;

use super::nal::{Bits, SliceHead, without_guards};
use super::sets::{InForce, Set, Shelf, put};

/// NAL unit types (ITU-T H.264, table 7-1).
const SPS: u8 = 7;
const PPS: u8 = 8;

/// Bytes of a NAL unit before the id in it: header; profile, constraints and level in an SPS.
const SPS_ID_AT: usize = 4;
const PPS_ID_AT: usize = 1;

/// Profiles whose SPS tells how colours are sampled and how many bits a sample has (ITU-T H.264, 7.3.2.1.1).
const HIGH: [u8; 13] = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];
/// Those of them for which a record tells it too (ISO/IEC 14496-15, 5.3.3.1.2).
const EXTENDED: [u8; 4] = [100, 110, 122, 144];

/// What a stream may refer to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParameterSets {
    sps: Shelf,
    pps: Shelf,
}

impl ParameterSets {
    /// Takes over an SPS or a PPS, in place of the one with the same id. Other NAL units, and what cannot be
    /// read, are left out.
    pub fn add(&mut self, nal: &[u8]) {
        match nal.first().map(|header| header & 31) {
            Some(SPS) if !self.sps.holds(nal) => read(nal, SPS_ID_AT, false).map(|set| self.sps.put(set)),
            Some(PPS) if !self.pps.holds(nal) => read(nal, PPS_ID_AT, true).map(|set| self.pps.put(set)),
            _ => None,
        };
    }

    /// What pictures are decoded by whose slices refer to the PPS `pps`; `None` while a set of it is missing.
    pub fn in_force(&self, pps: u32) -> Option<InForce> {
        let sps = self.sps.get(self.pps.get(pps)?.refers_to)?;
        Some(InForce { sequence: vec![sps.clone()], pictures: self.pps.of(sps.id).cloned().collect() })
    }

    /// The id of the first PPS whose SPS is there.
    pub fn first(&self) -> Option<u32> {
        self.sps.iter().find_map(|sps| self.pps.of(sps.id).next()).map(|pps| pps.id)
    }

    /// The AVCDecoderConfigurationRecord (ISO/IEC 14496-15, 5.3.3.1) with all of them, for NAL units behind
    /// lengths of four bytes. Profile and level are those of the SPS that `pps` refers to, which is the first in it.
    pub fn record(&self, pps: u32) -> Option<Bytes> {
        let sps = self.sps.get(self.pps.get(pps)?.refers_to)?;
        let mut out = vec![1];
        out.extend(sps.nal.get(1..SPS_ID_AT)?);
        out.push(0xff);
        out.push(0xe0 | self.sps.iter().count() as u8);
        self.sps.from(sps.id).try_for_each(|set| put(&mut out, &set.nal))?;
        out.push(self.pps.iter().count() as u8);
        self.pps.iter().try_for_each(|set| put(&mut out, &set.nal))?;
        if EXTENDED.contains(&sps.nal[1]) {
            let [chroma, luma_bits, chroma_bits] = samples(&without_guards(&sps.nal))?;
            out.extend([0xfc | chroma, 0xf8 | luma_bits, 0xf8 | chroma_bits, 0]);
        }
        Some(out.into())
    }
}

/// Reads the id of a set, and that of the one that it refers to where it does.
fn read(nal: &[u8], id_at: usize, refers: bool) -> Option<Set> {
    let payload = without_guards(nal);
    let mut bits = Bits::at_byte(&payload, id_at);
    let id = bits.golomb()?;
    let refers_to = if refers { bits.golomb()? } else { 0 };
    let (start, end) = (bits.position(), payload.len() * 8);
    // The last bit that is set only ends it; how many fill its byte depends on the ids.
    let end = bits.between(start, end).collect::<Vec<_>>().iter().rposition(|bit| *bit == 1)? + start;
    let says = payload[1..id_at].iter().copied().chain(bits.between(start, end)).collect();
    Some(Set { id, refers_to, nal: Bytes::copy_from_slice(nal), says })
}

/// How an SPS without guards says that colours are sampled, and the bits beyond 8 of luma and chroma samples.
fn samples(sps: &[u8]) -> Option<[u8; 3]> {
    let mut bits = Bits::at_byte(sps, SPS_ID_AT);
    bits.golomb()?;
    if !HIGH.contains(sps.get(1)?) {
        return Some([1, 0, 0]);
    }
    let chroma = bits.golomb()?;
    if chroma == 3 {
        bits.bit()?;
    }
    let small = |number: u32, most: u32| (number <= most).then_some(number as u8);
    Some([small(chroma, 3)?, small(bits.golomb()?, 6)?, small(bits.golomb()?, 6)?])
}

/// Reads the head of a slice (ITU-T H.264, 7.3.3); `None` if it makes no sense.
pub fn slice_head(nal: &[u8]) -> Option<SliceHead> {
    // Three numbers of four bytes at most, and guards among them.
    let head = without_guards(&nal[..nal.len().min(20)]);
    let mut bits = Bits::at_byte(&head, 1);
    let first = bits.golomb()? == 0;
    let _slice_type = bits.golomb()?;
    Some(SliceHead { first, pps: bits.golomb().filter(|pps| *pps < 256)? })
}

#[cfg(test)]
mod tests {
    use mp4_atom::Atom;

    use super::*;

    const SPS_0: [u8; 6] = [0x67, 0x4d, 0x40, 0x1f, 0b1000_0000, 1];
    const SPS_0_SMALLER: [u8; 6] = [0x67, 0x4d, 0x40, 0x1e, 0b1000_0000, 2];
    /// Ids 0, 1 and 2, all of SPS 0.
    const PPS_0: [u8; 3] = [0x68, 0b1100_0000, 1];
    const PPS_1: [u8; 3] = [0x68, 0b0101_0000, 2];
    const PPS_2: [u8; 3] = [0x68, 0b0111_0000, 3];
    const PPS_1_CHANGED: [u8; 3] = [0x68, 0b0101_0000, 9];

    fn sets(nals: &[&[u8]]) -> ParameterSets {
        let mut sets = ParameterSets::default();
        nals.iter().for_each(|nal| sets.add(nal));
        sets
    }

    #[test]
    fn a_record_holds_all_sets_each_once() {
        let sets = sets(&[&SPS_0, &PPS_0, &PPS_1, &PPS_0, &PPS_1, &SPS_0, &[0x65, 1, 2]]);
        let record = sets.record(0).expect("an SPS and its PPS");
        let expected =
            [&[1, 0x4d, 0x40, 0x1f, 0xff, 0xe1, 0, 6][..], &SPS_0, &[2, 0, 3], &PPS_0, &[0, 3], &PPS_1];
        assert_eq!(record, expected.concat());
        mp4_atom::Avcc::decode_body(&mut record.as_ref()).expect("others can read it");
    }

    #[test]
    fn a_set_takes_the_place_of_the_one_with_its_id() {
        let changed = sets(&[&SPS_0, &PPS_0, &PPS_1, &PPS_2, &PPS_1_CHANGED]);
        assert_eq!(changed, sets(&[&SPS_0, &PPS_0, &PPS_1_CHANGED, &PPS_2]));
        // A PPS stays in force when its SPS is told anew: not every camera tells all of them again.
        let smaller = sets(&[&SPS_0, &PPS_0, &PPS_1, &SPS_0_SMALLER, &PPS_1]);
        assert_eq!(smaller, sets(&[&SPS_0_SMALLER, &PPS_0, &PPS_1]));
    }

    #[test]
    fn there_is_no_record_without_both_and_nonsense_is_left_out() {
        assert_eq!(sets(&[&SPS_0]).record(0), None);
        assert_eq!(sets(&[&PPS_0]).record(0), None);
        assert_eq!(sets(&[&SPS_0, &PPS_0]).record(1), None);
        assert_eq!(sets(&[&[0x67], &[0x68], &[], &[0x67, 0, 0, 0, 0, 0, 0, 0]]), ParameterSets::default());
    }

    #[test]
    fn the_record_and_what_is_in_force_are_those_of_the_set_that_a_picture_refers_to() {
        // SPS 1, whose colours are 4:2:0 in 8 bits: 010 | 010 | 1 | 1. PPS 3 of it: 00100 | 010.
        const SPS_1: [u8; 6] = [0x67, 0x64, 0x00, 0x28, 0b0100_1011, 0b1000_0000];
        const PPS_3: [u8; 3] = [0x68, 0b0010_0010, 0b1100_0000];
        let sets = sets(&[&SPS_0, &PPS_0, &SPS_1, &PPS_3]);
        assert_eq!(sets.first(), Some(0));
        let [first, other] = [0, 3].map(|pps| sets.record(pps).expect("a record"));
        assert_eq!((&first[1..4], &other[1..4]), (&SPS_0[1..4], &SPS_1[1..4]));
        // The one in force is the first of both, and High tells of its samples: 4:2:0 and 8 bits.
        assert_eq!(other[8..14], SPS_1);
        let decoded = mp4_atom::Avcc::decode_body(&mut other.as_ref()).expect("others can read it");
        assert_eq!(decoded.ext, Some(mp4_atom::AvccExt::default()));
        assert_eq!(decoded.sequence_parameter_sets.len(), 2);
        let in_force = sets.in_force(3).expect("it is");
        assert_eq!(in_force.sets().map(|set| &set.nal[..]).collect::<Vec<_>>(), [&SPS_1[..], &PPS_3]);
        assert_eq!(sets.in_force(1), None);
    }

    #[test]
    fn sets_under_other_numbers_say_the_same() {
        let says = |nal: &[u8], at, refers| read(nal, at, refers).expect("a set").says;
        // Number 0, and number 1 with the rest moved along: 1 0101 1, 010 0101 1.
        assert_eq!(says(&[0x68, 0b1101_0110], 1, true), says(&[0x68, 0b0101_0101, 0b1000_0000], 1, true));
        assert_ne!(says(&[0x68, 0b1101_0110], 1, true), says(&[0x68, 0b1101_1110], 1, true));
    }

    #[test]
    fn the_head_of_a_slice_tells_its_place_and_its_pps() {
        let head = |nal: &[u8]| slice_head(nal).map(|head| (head.first, head.pps));
        // 1 | 0001000 | 1, of type 7; 010 | 1 | 010.
        assert_eq!(head(&[0x65, 0b1000_1000, 0b1000_0000]), Some((true, 0)));
        assert_eq!(head(&[0x41, 0b0101_0100]), Some((false, 1)));
        assert_eq!(head(&[0x41, 0, 0, 0]), None);
        assert_eq!(head(&[0x41]), None);
    }
}
