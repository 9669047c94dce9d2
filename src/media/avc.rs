//! The parameter sets of H.264 (ITU-T H.264, 7.3.2) by their ids, and the record that holds them.

use bytes::{BufMut, Bytes};

/// NAL unit types (ITU-T H.264, table 7-1).
const SPS: u8 = 7;
const PPS: u8 = 8;

/// Bytes of a NAL unit before the id in it: header; profile, constraints and level in an SPS.
const SPS_ID_AT: usize = 4;
const PPS_ID_AT: usize = 1;

/// The standard has 32 SPS and 256 PPS; a record counts SPS in 5 bits and PPS in 8. No camera has that many.
const MOST: usize = 31;

/// What a stream may refer to, in the order of its first appearance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParameterSets {
    sps: Vec<(u32, Bytes)>,
    pps: Vec<Pps>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Pps {
    id: u32,
    /// The SPS it refers to.
    sps: u32,
    nal: Bytes,
}

impl ParameterSets {
    /// Takes over an SPS or a PPS, in place of the one with the same id. Other NAL units, and what cannot be
    /// read or is one too many, are left out.
    ///
    /// A new SPS takes the PPS that refer to it along: those of another picture size are not to be relied on.
    pub fn add(&mut self, nal: &[u8]) {
        match nal.first().map(|header| header & 31) {
            Some(SPS) => self.add_sps(nal),
            Some(PPS) => self.add_pps(nal),
            _ => {}
        }
    }

    fn add_sps(&mut self, nal: &[u8]) {
        let Some(id) = Golomb::at(nal, SPS_ID_AT).next() else { return };
        let room = self.sps.len() < MOST;
        match self.sps.iter_mut().find(|(other, _)| *other == id) {
            Some((_, same)) if same == nal => {}
            Some((_, changed)) => {
                *changed = Bytes::copy_from_slice(nal);
                self.pps.retain(|pps| pps.sps != id);
            }
            None if room => self.sps.push((id, Bytes::copy_from_slice(nal))),
            None => {}
        }
    }

    fn add_pps(&mut self, nal: &[u8]) {
        let mut fields = Golomb::at(nal, PPS_ID_AT);
        let (Some(id), Some(sps)) = (fields.next(), fields.next()) else { return };
        let room = self.pps.len() < MOST;
        match self.pps.iter_mut().find(|pps| pps.id == id) {
            Some(same) if same.nal == nal => {}
            Some(changed) => *changed = Pps { id, sps, nal: Bytes::copy_from_slice(nal) },
            None if room => {
                self.pps.push(Pps { id, sps, nal: Bytes::copy_from_slice(nal) });
            }
            None => {}
        }
    }

    /// The first SPS and the first PPS that refers to it; `None` while one is missing.
    pub fn first_pair(&self) -> Option<(&Bytes, &Bytes)> {
        let (id, sps) = self.sps.first()?;
        let pps = self.pps.iter().find(|pps| pps.sps == *id)?;
        Some((sps, &pps.nal))
    }

    /// The AVCDecoderConfigurationRecord (ISO/IEC 14496-15, 5.3.3.1) with all of them, for NAL units behind
    /// lengths of four bytes. Profile and level are those of the first SPS, as of most streams the only one.
    pub fn record(&self) -> Option<Bytes> {
        let (sps, _) = self.first_pair()?;
        let mut out = vec![1];
        out.extend(sps.get(1..SPS_ID_AT)?);
        out.push(0xff);
        out.push(0xe0 | self.sps.len() as u8);
        let nals = self.sps.iter().map(|(_, nal)| nal);
        nals.clone().try_for_each(|nal| put(&mut out, nal))?;
        out.push(self.pps.len() as u8);
        self.pps.iter().try_for_each(|pps| put(&mut out, &pps.nal))?;
        Some(out.into())
    }
}

/// A NAL unit behind its length; `None` when it is longer than any record allows.
fn put(out: &mut Vec<u8>, nal: &[u8]) -> Option<()> {
    out.put_u16(u16::try_from(nal.len()).ok()?);
    out.extend_from_slice(nal);
    Some(())
}

/// Numbers in Exp-Golomb code (ITU-T H.264, 9.1), for the first few of a NAL unit: ids are small, so no byte
/// that guards against start codes stands among them.
struct Golomb<'a> {
    bytes: &'a [u8],
    bit: usize,
}

impl<'a> Golomb<'a> {
    fn at(nal: &'a [u8], byte: usize) -> Self {
        Self { bytes: nal, bit: byte * 8 }
    }

    fn bit(&mut self) -> Option<u32> {
        let byte = self.bytes.get(self.bit / 8)?;
        let bit = byte >> (7 - self.bit % 8) & 1;
        self.bit += 1;
        Some(bit.into())
    }
}

impl Iterator for Golomb<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while self.bit()? == 0 {
            zeros += 1;
            if zeros > 16 {
                return None;
            }
        }
        let mut value = 1;
        for _ in 0..zeros {
            value = value << 1 | self.bit()?;
        }
        Some(value - 1)
    }
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
        let record = sets.record().expect("an SPS and its PPS");
        let expected =
            [&[1, 0x4d, 0x40, 0x1f, 0xff, 0xe1, 0, 6][..], &SPS_0, &[2, 0, 3], &PPS_0, &[0, 3], &PPS_1];
        assert_eq!(record, expected.concat());
        mp4_atom::Avcc::decode_body(&mut record.as_ref()).expect("others can read it");
    }

    #[test]
    fn a_set_takes_the_place_of_the_one_with_its_id() {
        let changed = sets(&[&SPS_0, &PPS_0, &PPS_1, &PPS_2, &PPS_1_CHANGED]);
        assert_eq!(changed, sets(&[&SPS_0, &PPS_0, &PPS_1_CHANGED, &PPS_2]));
        assert_eq!(sets(&[&SPS_0, &PPS_0, &PPS_1, &SPS_0_SMALLER, &PPS_1]), sets(&[&SPS_0_SMALLER, &PPS_1]));
    }

    #[test]
    fn there_is_no_record_without_both_and_nonsense_is_left_out() {
        assert_eq!(sets(&[&SPS_0]).record(), None);
        assert_eq!(sets(&[&PPS_0]).record(), None);
        assert_eq!(sets(&[&[0x67], &[0x68], &[], &[0x67, 0, 0, 0, 0, 0, 0, 0]]), ParameterSets::default());
        let crowd = |n: u8| [0x67, 0x4d, 0x40, 0x1f, 0, n << 2 | 0b10, 0, 1];
        let many: Vec<[u8; 8]> = (32..64).map(crowd).collect();
        let many: Vec<&[u8]> = many.iter().map(|nal| &nal[..]).collect();
        assert!(sets(&many).sps.len() <= MOST);
    }
}
