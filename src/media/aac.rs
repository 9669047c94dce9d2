//! What an AudioSpecificConfig says of high-efficiency AAC (ISO/IEC 14496-3, 1.6.2.1).

/// Audio object types: low complexity with spectral band replication, and with parametric stereo on top.
const SBR: u32 = 5;
const PS: u32 = 29;
/// An object type above 30, and a sampling rate of its own, are told by these.
const ESCAPE_TYPE: u32 = 31;
const ESCAPE_RATE: u32 = 15;
/// Bits of a sampling rate of its own.
const RATE_BITS: usize = 24;

/// High-efficiency AAC that says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HighEfficiency {
    /// The configuration of the AAC within, as of a decoder that knows nothing of more.
    pub core: Vec<u8>,
    /// RFC 6381 string of the whole.
    pub rfc6381: String,
}

/// What `config` says, if it is of high-efficiency AAC in the explicit, hierarchical way; `None` for all else, also for
/// AAC that leaves it to the decoder to find out.
pub fn high_efficiency(config: &[u8]) -> Option<HighEfficiency> {
    let mut bits = Bits { bytes: config, at: 0 };
    let object_type = bits.object_type()?;
    if !matches!(object_type, SBR | PS) {
        return None;
    }
    // Rate and channels are those of the AAC within, too.
    let common = bits.at;
    bits.rate()?;
    bits.number(4)?;
    let extension = bits.at;
    bits.rate()?;
    let inner = bits.at;
    if matches!(bits.object_type()?, SBR | PS) {
        return None;
    }
    let rest = bits.at;
    let core = (inner..rest).chain(common..extension).chain(rest..config.len() * 8);
    let core: Vec<u8> = core.filter_map(|at| bits.bit(at)).collect();
    let byte = |bits: &[u8]| bits.iter().enumerate().fold(0, |byte, (at, bit)| byte | bit << (7 - at));
    Some(HighEfficiency {
        core: core.chunks(8).map(byte).collect(),
        rfc6381: format!("mp4a.40.{object_type}"),
    })
}

struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn bit(&self, at: usize) -> Option<u8> {
        Some(self.bytes.get(at / 8)? >> (7 - at % 8) & 1)
    }

    fn number(&mut self, bits: usize) -> Option<u32> {
        let number =
            (self.at..self.at + bits).try_fold(0, |sum, at| Some(sum << 1 | u32::from(self.bit(at)?)));
        self.at += bits;
        number
    }

    fn object_type(&mut self) -> Option<u32> {
        match self.number(5)? {
            ESCAPE_TYPE => Some(32 + self.number(6)?),
            small => Some(small),
        }
    }

    fn rate(&mut self) -> Option<()> {
        if self.number(4)? == ESCAPE_RATE {
            self.number(RATE_BITS)?;
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_aac_within_is_found_and_plain_aac_is_left_alone() {
        // SBR; 24 kHz (6), stereo, 48 kHz (3) with it; LC within: 00101 0110 0010 0011 00010 000.
        let he = high_efficiency(&[0x2b, 0x11, 0x88, 0x00]).expect("it says so");
        // LC, 24 kHz, stereo: 00010 0110 0010 000.
        assert_eq!((&he.core[..2], he.rfc6381.as_str()), (&[0x13, 0x10][..], "mp4a.40.5"));
        let v2 = high_efficiency(&[0xeb, 0x09, 0x88, 0x00]).expect("it says so");
        assert_eq!((&v2.core[..2], v2.rfc6381.as_str()), (&[0x13, 0x08][..], "mp4a.40.29"));
        // The last but two has no AAC within, but the same again.
        for plain in
            [&[0x13, 0x10][..], &[0x11, 0x90, 0x56, 0xe5, 0x00], &[0x2b, 0x11, 0x94, 0x00], &[0x2b], &[]]
        {
            assert_eq!(high_efficiency(plain), None, "{plain:02x?}");
        }
    }
}
