//! What an AudioSpecificConfig says of a stream and of the AAC within it (ISO/IEC 14496-3, 1.6.2.1).

use super::nal::Bits;

/// Audio object types: low complexity with spectral band replication, and with parametric stereo on top.
const SBR: u32 = 5;
const PS: u32 = 29;
/// An object type above 30, and a sampling rate of its own, are told by these.
const ESCAPE_TYPE: u32 = 31;
const ESCAPE_RATE: u32 = 15;
/// Bits of a sampling rate of its own.
const RATE_BITS: usize = 24;

/// Samples a second, by their index (table 1.18).
const RATES: [u32; 13] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];

/// What a configuration says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// RFC 6381 string of the whole.
    pub rfc6381: String,
    /// Samples a second of the AAC within; what high efficiency makes of them are twice as many.
    pub rate: u32,
    /// Channels of the AAC within; 0 where their number is told elsewhere (table 1.19).
    pub channels: u16,
    /// Samples a frame of the AAC within; 0 of sound that is no AAC (4.4.1).
    pub frame_samples: u32,
}

impl Said {
    /// Reads `config`; `None` if it is no configuration. High efficiency is seen where it is told in the explicit,
    /// hierarchical way; what leaves it to the decoder to find out is AAC like any other.
    pub fn of(config: &[u8]) -> Option<Self> {
        let mut bits = Bits::at_byte(config, 0);
        let object_type = object_type(&mut bits)?;
        let rate = rate(&mut bits)?;
        let channels = match bits.number(4)? {
            7 => 8,
            other @ 0..7 => other as u16,
            _ => return None,
        };
        let mut inner = object_type;
        if matches!(object_type, SBR | PS) {
            self::rate(&mut bits)?;
            inner = self::object_type(&mut bits).filter(|inner| !matches!(*inner, SBR | PS))?;
        }
        let frame_samples = frame_samples(inner, bits.number(1)?);
        Some(Self { rfc6381: format!("mp4a.40.{object_type}"), rate, channels, frame_samples })
    }
}

/// Samples a frame by the object type and `frameLengthFlag` (4.4.1, 4.5.2.1.1); 0 for what is no AAC.
fn frame_samples(object_type: u32, short: u32) -> u32 {
    match (object_type, short) {
        (1 | 2 | 4 | 6 | 7 | 17 | 19..=22, 0) => 1_024,
        (1 | 2 | 4 | 6 | 7 | 17 | 19..=22, _) => 960,
        (3, _) => 256,
        (23, 0) => 512,
        (23, _) => 480,
        _ => 0,
    }
}

fn object_type(bits: &mut Bits<'_>) -> Option<u32> {
    match bits.number(5)? {
        ESCAPE_TYPE => Some(32 + bits.number(6)?),
        small => Some(small),
    }
}

fn rate(bits: &mut Bits<'_>) -> Option<u32> {
    match bits.number(4)? {
        ESCAPE_RATE => bits.number(RATE_BITS),
        index => RATES.get(index as usize).copied(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The RFC 6381 string and the rate.
    fn said(config: &[u8]) -> Option<(String, u32)> {
        Said::of(config).map(|said| (said.rfc6381, said.rate))
    }

    #[test]
    fn high_efficiency_is_told_with_the_rate_of_what_is_within() {
        // SBR; 24 kHz (6), stereo, 48 kHz (3) with it; LC within: 00101 0110 0010 0011 00010 000.
        assert_eq!(said(&[0x2b, 0x11, 0x88, 0x00]), Some(("mp4a.40.5".into(), 24_000)));
        assert_eq!(said(&[0xeb, 0x09, 0x88, 0x00]), Some(("mp4a.40.29".into(), 24_000)));
        for (plain, rate) in [(&[0x13, 0x10][..], 24_000), (&[0x11, 0x90, 0x56, 0xe5, 0x00], 48_000)] {
            assert_eq!(said(plain), Some(("mp4a.40.2".into(), rate)));
        }
        // LC with a rate of its own, 1111 and 24 bits: 00010 1111 000000001011101110000000 0010 000.
        assert_eq!(said(&[0x17, 0x80, 0x5d, 0xc0, 0x10]), Some(("mp4a.40.2".into(), 48_000)));
        // The first has no AAC within, but the same again; the last a rate that is reserved.
        for wrong in [&[0x2b, 0x11, 0x94, 0x00][..], &[0x2b], &[], &[0x16, 0x90]] {
            assert_eq!(said(wrong), None, "{wrong:02x?}");
        }
    }

    #[test]
    fn channels_and_the_length_of_a_frame_are_told() {
        // LC, 48 kHz: mono; 5.1; 7.1 with frames of 960; channels told elsewhere. Then HE, stereo; and MP3.
        let cases: [(&[u8], u16, u32); 6] = [
            (&[0x11, 0x88], 1, 1_024),
            (&[0x11, 0xb0], 6, 1_024),
            (&[0x11, 0xbc], 8, 960),
            (&[0x11, 0x80], 0, 1_024),
            (&[0x2b, 0x11, 0x88, 0x00], 2, 1_024),
            (&[0xf8, 0x46, 0x20], 1, 0),
        ];
        for (config, channels, samples) in cases {
            let said = Said::of(config).expect("it is one");
            assert_eq!((said.channels, said.frame_samples), (channels, samples), "{config:02x?}");
        }
        assert_eq!(Said::of(&[0x11, 0xc0]), None, "a reserved number of channels");
    }
}
