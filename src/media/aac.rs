//! What an AudioSpecificConfig says of a stream and of the AAC within it (ISO/IEC 14496-3, 1.6.2.1).

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
    /// Bits of the AAC within, as of a decoder that knows nothing of more: before its rate, that rate, after it.
    head: Vec<u8>,
    rate_bits: Vec<u8>,
    tail: Vec<u8>,
}

impl Said {
    /// Reads `config`; `None` if it is no configuration. High efficiency is seen where it is told in the explicit,
    /// hierarchical way; what leaves it to the decoder to find out is AAC like any other.
    pub fn of(config: &[u8]) -> Option<Self> {
        let mut bits = Bits { bytes: config, at: 0 };
        let object_type = bits.object_type()?;
        let rate_at = bits.at;
        let rate = bits.rate()?;
        let channels_at = bits.at;
        let channels = match bits.number(4)? {
            7 => 8,
            other @ 0..7 => other as u16,
            _ => return None,
        };
        let rest_at = bits.at;
        let rate_bits = bits.between(rate_at, channels_at);
        let rfc6381 = format!("mp4a.40.{object_type}");
        if !matches!(object_type, SBR | PS) {
            let (head, tail) = (bits.between(0, rate_at), bits.between(channels_at, config.len() * 8));
            let frame_samples = frame_samples(object_type, bits.number(1)?);
            return Some(Self { rfc6381, rate, channels, frame_samples, head, rate_bits, tail });
        }
        bits.rate()?;
        let inner_at = bits.at;
        let inner = bits.object_type()?;
        if matches!(inner, SBR | PS) {
            return None;
        }
        let inner_end = bits.at;
        let frame_samples = frame_samples(inner, bits.number(1)?);
        let mut tail = bits.between(channels_at, rest_at);
        tail.extend(bits.between(inner_end, config.len() * 8));
        let head = bits.between(inner_at, inner_end);
        Some(Self { rfc6381, rate, channels, frame_samples, head, rate_bits, tail })
    }

    /// The configuration of the AAC within, with `rate` samples a second.
    pub fn core(&self, rate: u32) -> Vec<u8> {
        let own = || {
            let number = (0..RATE_BITS).map(|bit| (rate >> (RATE_BITS - 1 - bit)) as u8 & 1);
            [1; 4].into_iter().chain(number).collect()
        };
        let rate_bits = if rate == self.rate { self.rate_bits.clone() } else { own() };
        let bits = [self.head.as_slice(), &rate_bits, &self.tail].concat();
        let byte = |bits: &[u8]| bits.iter().enumerate().fold(0, |byte, (at, bit)| byte | bit << (7 - at));
        bits.chunks(8).map(byte).collect()
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

    fn rate(&mut self) -> Option<u32> {
        match self.number(4)? {
            ESCAPE_RATE => self.number(RATE_BITS),
            index => RATES.get(index as usize).copied(),
        }
    }

    /// The bits from `start` to `end`, a byte each.
    fn between(&self, start: usize, end: usize) -> Vec<u8> {
        (start..end).filter_map(|at| self.bit(at)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The RFC 6381 string, the rate and the AAC within as it is.
    fn said(config: &[u8]) -> Option<(String, u32, Vec<u8>)> {
        Said::of(config).map(|said| (said.rfc6381.clone(), said.rate, said.core(said.rate)))
    }

    #[test]
    fn the_aac_within_is_found_and_plain_aac_is_left_alone() {
        // SBR; 24 kHz (6), stereo, 48 kHz (3) with it; LC within: 00101 0110 0010 0011 00010 000. What is within,
        // LC, 24 kHz, stereo: 00010 0110 0010 000.
        let (rfc6381, rate, core) = said(&[0x2b, 0x11, 0x88, 0x00]).expect("it is one");
        assert_eq!((rfc6381.as_str(), rate, &core[..2]), ("mp4a.40.5", 24_000, &[0x13, 0x10][..]));
        let (rfc6381, rate, core) = said(&[0xeb, 0x09, 0x88, 0x00]).expect("it is one");
        assert_eq!((rfc6381.as_str(), rate, &core[..2]), ("mp4a.40.29", 24_000, &[0x13, 0x08][..]));
        for (plain, rate) in [(&[0x13, 0x10][..], 24_000), (&[0x11, 0x90, 0x56, 0xe5, 0x00], 48_000)] {
            assert_eq!(said(plain), Some(("mp4a.40.2".into(), rate, plain.to_vec())));
        }
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

    #[test]
    fn a_rate_of_its_own_takes_the_place_of_the_rate() {
        let said = Said::of(&[0x2b, 0x11, 0x88, 0x00]).expect("it is one");
        // LC, 1111, 48 000 in 24 bits, stereo: 00010 1111 000000001011101110000000 0010 000.
        let core = said.core(48_000);
        assert_eq!(&core[..5], &[0x17, 0x80, 0x5d, 0xc0, 0x10]);
        let told = Said::of(&core).expect("it is one");
        assert_eq!((told.rfc6381.as_str(), told.rate), ("mp4a.40.2", 48_000));
        assert_eq!(told.core(48_000), core);
    }
}
