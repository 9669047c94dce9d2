//! The parameter sets of H.265 (ITU-T H.265, 7.3.2) by their ids, the record that holds them, and the heads of slices.

use bytes::Bytes;

use super::nal::{Bits, SliceHead, without_guards};
use super::sets::{InForce, Set, Shelf, put};

/// NAL unit types (ITU-T H.265, table 7-1).
const VPS: u8 = 32;
const SPS: u8 = 33;
const PPS: u8 = 34;
/// Pictures from which decoding can begin.
const IRAP: std::ops::RangeInclusive<u8> = 16..=23;

/// Bytes of the header of a NAL unit.
pub const HEADER: usize = 2;
/// Bits of `profile_tier_level` without its sub-layers: profile, then the level (7.3.3).
const PROFILE: usize = 88;
const LEVEL: usize = 8;

/// The type of a NAL unit.
pub fn unit_type(nal: &[u8]) -> Option<u8> {
    nal.first().map(|header| header >> 1 & 63)
}

/// What a stream may refer to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParameterSets {
    vps: Shelf,
    sps: Shelf,
    pps: Shelf,
}

impl ParameterSets {
    /// Takes over a VPS, an SPS or a PPS, in place of the one with the same id. Other NAL units, and what cannot be
    /// read, are left out.
    pub fn add(&mut self, nal: &[u8]) {
        match unit_type(nal) {
            Some(VPS) if !self.vps.holds(nal) => read_vps(nal).map(|set| self.vps.put(set)),
            Some(SPS) if !self.sps.holds(nal) => read_sps(nal).map(|set| self.sps.put(set)),
            Some(PPS) if !self.pps.holds(nal) => read_pps(nal).map(|set| self.pps.put(set)),
            _ => None,
        };
    }

    /// What pictures are decoded by whose slices refer to the PPS `pps`; `None` while a set of it is missing.
    pub fn in_force(&self, pps: u32) -> Option<InForce> {
        let sps = self.sps.get(self.pps.get(pps)?.refers_to)?;
        let vps = self.vps.get(sps.refers_to)?;
        let pictures = self.pps.of(sps.id).cloned().collect();
        Some(InForce { sequence: vec![vps.clone(), sps.clone()], pictures })
    }

    /// The id of the first PPS whose SPS and VPS are there.
    pub fn first(&self) -> Option<u32> {
        self.pps.iter().map(|pps| pps.id).find(|pps| self.in_force(*pps).is_some())
    }

    /// The HEVCDecoderConfigurationRecord (ISO/IEC 14496-15, 8.3.3.1) with all of them, for NAL units behind
    /// lengths of four bytes. What it tells beside them is that of the SPS that `pps` refers to.
    pub fn record(&self, pps: u32) -> Option<Bytes> {
        let sps = self.sps.get(self.pps.get(pps)?.refers_to)?;
        let vps = self.vps.get(sps.refers_to)?;
        let said = Said::of(&without_guards(&sps.nal))?;
        let mut out = vec![1];
        out.extend(said.profile_and_level);
        // No least size of what can be decoded apart, nor in which way; no rate of pictures.
        out.extend([0xf0, 0, 0xfc, 0xfc | said.chroma, 0xf8 | said.luma_bits, 0xf8 | said.chroma_bits, 0, 0]);
        out.push((said.sub_layers + 1) << 3 | said.nested << 2 | 3);
        out.push(3);
        let complete = 0x80;
        let kinds = [(VPS, &self.vps, vps.id), (SPS, &self.sps, sps.id), (PPS, &self.pps, pps)];
        for (kind, shelf, first) in kinds {
            out.extend([complete | kind, 0, shelf.iter().count() as u8]);
            shelf.from(first).try_for_each(|set| put(&mut out, &set.nal))?;
        }
        Some(out.into())
    }
}

fn read_vps(nal: &[u8]) -> Option<Set> {
    let id = nal.get(HEADER)? >> 4;
    let says = nal.get(HEADER..)?.iter().enumerate();
    // The id is the half of a byte, at its beginning.
    let says = says.map(|(at, byte)| if at == 0 { byte & 15 } else { *byte }).collect();
    Some(Set { id: id.into(), refers_to: 0, nal: Bytes::copy_from_slice(nal), says })
}

fn read_sps(nal: &[u8]) -> Option<Set> {
    let payload = without_guards(nal);
    let said = Said::of(&payload)?;
    let mut bits = Bits::at_byte(&payload, HEADER);
    let refers_to = bits.number(4)?;
    let before = bits.between(bits.position(), said.id_at).collect();
    Some(Set {
        id: said.id,
        refers_to,
        nal: Bytes::copy_from_slice(nal),
        says: saying(&payload, before, said.id_end)?,
    })
}

fn read_pps(nal: &[u8]) -> Option<Set> {
    let payload = without_guards(nal);
    let mut bits = Bits::at_byte(&payload, HEADER);
    let (id, refers_to) = (bits.golomb()?, bits.golomb()?);
    let says = saying(&payload, Vec::new(), bits.position())?;
    Some(Set { id, refers_to, nal: Bytes::copy_from_slice(nal), says })
}

/// The bits `before` the id and those of `payload` from the bit `start` up to the one that ends it.
fn saying(payload: &[u8], mut before: Vec<u8>, start: usize) -> Option<Vec<u8>> {
    let bits: Vec<u8> = Bits::at_byte(payload, 0).between(start, payload.len() * 8).collect();
    let end = bits.iter().rposition(|bit| *bit == 1)?;
    before.extend(&bits[..end]);
    Some(before)
}

/// What an SPS says that a record repeats (ITU-T H.265, 7.3.2.2.1).
struct Said {
    /// Sub-layers beyond the first.
    sub_layers: u8,
    nested: u8,
    profile_and_level: [u8; (PROFILE + LEVEL) / 8],
    id: u32,
    /// Where the id begins and ends, in bits.
    id_at: usize,
    id_end: usize,
    chroma: u8,
    luma_bits: u8,
    chroma_bits: u8,
}

impl Said {
    /// Reads an SPS without guards.
    fn of(sps: &[u8]) -> Option<Self> {
        let mut bits = Bits::at_byte(sps, HEADER);
        bits.skip(4);
        let sub_layers = bits.number(3)?;
        let nested = bits.bit()?;
        let mut profile_and_level = [0; (PROFILE + LEVEL) / 8];
        for byte in &mut profile_and_level {
            *byte = bits.number(8)? as u8;
        }
        skip_sub_layers(&mut bits, sub_layers)?;
        let id_at = bits.position();
        let id = bits.golomb()?;
        let id_end = bits.position();
        let small = |number: u32, most: u32| (number <= most).then_some(number as u8);
        let chroma = small(bits.golomb()?, 3)?;
        if chroma == 3 {
            bits.bit()?;
        }
        let _size = (bits.golomb()?, bits.golomb()?);
        if bits.bit()? == 1 {
            let _window = [bits.golomb()?, bits.golomb()?, bits.golomb()?, bits.golomb()?];
        }
        let (luma_bits, chroma_bits) = (small(bits.golomb()?, 7)?, small(bits.golomb()?, 7)?);
        let (sub_layers, nested) = (small(sub_layers, 6)?, nested as u8);
        Some(Self {
            sub_layers,
            nested,
            profile_and_level,
            id,
            id_at,
            id_end,
            chroma,
            luma_bits,
            chroma_bits,
        })
    }
}

/// Passes over what `profile_tier_level` tells of sub-layers (7.3.3).
fn skip_sub_layers(bits: &mut Bits, sub_layers: u32) -> Option<()> {
    let present: Vec<_> = (0..sub_layers).map(|_| Some((bits.bit()?, bits.bit()?))).collect::<Option<_>>()?;
    if sub_layers > 0 {
        bits.skip(2 * (8 - sub_layers as usize));
    }
    for (profile, level) in present {
        bits.skip(PROFILE * profile as usize + LEVEL * level as usize);
    }
    Some(())
}

/// Reads the head of a slice (ITU-T H.265, 7.3.6.1); `None` if it makes no sense.
pub fn slice_head(nal: &[u8]) -> Option<SliceHead> {
    let head = without_guards(&nal[..nal.len().min(12)]);
    let mut bits = Bits::at_byte(&head, HEADER);
    let first = bits.bit()? == 1;
    if IRAP.contains(&unit_type(nal)?) {
        bits.skip(1);
    }
    Some(SliceHead { first, pps: bits.golomb().filter(|pps| *pps < 64)? })
}

#[cfg(test)]
mod tests {
    use mp4_atom::Atom;

    use super::*;

    /// Sets as x265 writes them, 320x180.
    const SETS: [&[u8]; 3] = [
        &[
            0x40, 0x01, 0x0c, 0x01, 0xff, 0xff, 0x01, 0x60, 0, 0, 3, 0, 0x90, 0, 0, 3, 0, 0, 3, 0, 0x3c,
            0x95, 0x98, 0x09,
        ],
        &[
            0x42, 0x01, 0x01, 0x01, 0x60, 0, 0, 3, 0, 0x90, 0, 0, 3, 0, 0, 3, 0, 0x3c, 0xa0, 0x0a, 0x08,
            0x0b, 0x9f, 0x79, 0x65, 0x66, 0x92, 0x4c, 0xae, 0x6a, 0x02, 0x02, 0x02, 0x08, 0, 0, 3, 0, 0x08,
            0, 0, 3, 0, 0xc8, 0x40,
        ],
        &[0x44, 0x01, 0xc1, 0x72, 0xb4, 0x62, 0x40],
    ];

    fn sets(nals: &[&[u8]]) -> ParameterSets {
        let mut sets = ParameterSets::default();
        nals.iter().for_each(|nal| sets.add(nal));
        sets
    }

    #[test]
    fn a_record_tells_what_the_sps_says_and_holds_all_sets_each_once() {
        // PPS 1 of SPS 0: 010 | 1 in the place of 1 | 1.
        let second = [0x44, 0x01, 0b0101_0000, 0x5c];
        let sets = sets(&[SETS[0], SETS[1], SETS[2], SETS[0], SETS[2], &second]);
        let record = sets.record(1).expect("all sets are there");
        let read = mp4_atom::Hvcc::decode_body(&mut record.as_ref()).expect("others can read it");
        assert_eq!((read.general_profile_idc, read.general_level_idc), (1, 60));
        assert_eq!((read.chroma_format_idc, read.bit_depth_luma_minus8, read.num_temporal_layers), (1, 0, 1));
        assert_eq!((read.temporal_id_nested, read.length_size_minus_one), (true, 3));
        let nals: Vec<_> = read.arrays.iter().map(|array| array.nalus.clone()).collect();
        assert_eq!(
            nals,
            [vec![SETS[0].to_vec()], vec![SETS[1].to_vec()], vec![second.to_vec(), SETS[2].to_vec()]]
        );
        assert!(read.arrays.iter().all(|array| array.completeness));
        let in_force = sets.in_force(0).expect("it is");
        assert_eq!((in_force.sequence.len(), in_force.pictures.len()), (2, 2));
    }

    #[test]
    fn nothing_is_in_force_before_all_three_are_there_and_nonsense_is_left_out() {
        for missing in 0..3 {
            let some: Vec<_> =
                SETS.iter().enumerate().filter(|(at, _)| *at != missing).map(|(_, nal)| *nal).collect();
            assert_eq!((sets(&some).first(), sets(&some).record(0)), (None, None), "without {missing}");
        }
        assert_eq!(sets(&[&[0x40], &[0x42, 1, 0], &[0x44, 1], &[], &[0x26, 1, 2]]), ParameterSets::default());
        for cut in 0..SETS[1].len() {
            sets(&[&SETS[1][..cut]]);
        }
    }

    #[test]
    fn the_head_of_a_slice_tells_its_place_and_its_pps() {
        let head = |nal: &[u8]| slice_head(nal).map(|head| (head.first, head.pps));
        // An IDR picture has a bit more: 1 0 1 and 1 0 010; another 1 010 and 0 1.
        assert_eq!(head(&[19 << 1, 1, 0b1010_0000]), Some((true, 0)));
        assert_eq!(head(&[19 << 1, 1, 0b1001_0000]), Some((true, 1)));
        assert_eq!(head(&[1 << 1, 1, 0b1010_0000]), Some((true, 1)));
        assert_eq!(head(&[1 << 1, 1, 0b0100_0000]), Some((false, 0)));
        assert_eq!(head(&[1 << 1, 1]), None);
    }
}
