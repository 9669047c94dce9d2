//! NAL units as H.264 and H.265 have them: what guards against start codes, and numbers in their bits.

/// Takes out the bytes that guard against start codes (ITU-T H.264, 7.4.1; ITU-T H.265, 7.4.2).
pub fn without_guards(nal: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(nal.len());
    let mut zeros = 0;
    for byte in nal {
        if zeros < 2 || *byte != 3 {
            out.push(*byte);
        }
        zeros = if *byte == 0 { zeros + 1 } else { 0 };
    }
    out
}

/// Where the first start code begins (`00 00 01`; ITU-T H.264, annex B): no NAL unit holds one.
pub fn start_code(bytes: &[u8]) -> Option<usize> {
    let mut at = 2;
    while let Some(byte) = bytes.get(at) {
        match byte {
            0 => at += 1,
            1 if bytes[at - 2..at] == [0, 0] => return Some(at - 2),
            // Neither this byte nor the two before it can belong to the zeros of one.
            _ => at += 3,
        }
    }
    None
}

/// The NAL units between start codes, without zeros at their ends.
pub fn between_start_codes(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut done = false;
    let pieces = std::iter::from_fn(move || {
        if done {
            return None;
        }
        let (piece, rest) = match start_code(bytes) {
            Some(at) => (&bytes[..at], &bytes[at + 3..]),
            None => (bytes, &bytes[bytes.len()..]),
        };
        done = piece.len() == bytes.len();
        bytes = rest;
        Some(without_zeros_behind(piece))
    });
    pieces.filter(|piece| !piece.is_empty())
}

/// No NAL unit ends with a zero (ITU-T H.264, 7.4.1); byte streams have them between units.
pub fn without_zeros_behind(nal: &[u8]) -> &[u8] {
    let end = nal.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    &nal[..end]
}

/// What the head of a slice tells of its picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SliceHead {
    /// It is the first of its picture.
    pub first: bool,
    /// The id of its PPS.
    pub pps: u32,
}

/// Reads numbers of bits that are not guarded (any more).
#[derive(Clone, Debug)]
pub struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Bits<'a> {
    /// From the first bit of the byte with this index on.
    pub fn at_byte(bytes: &'a [u8], byte: usize) -> Self {
        Self { bytes, at: byte * 8 }
    }

    /// The next bit.
    pub fn bit(&mut self) -> Option<u32> {
        let bit = self.bytes.get(self.at / 8)? >> (7 - self.at % 8) & 1;
        self.at += 1;
        Some(bit.into())
    }

    /// A number of so many bits, 32 at most.
    pub fn number(&mut self, bits: usize) -> Option<u32> {
        (0..bits).try_fold(0, |sum, _| Some(sum << 1 | self.bit()?))
    }

    /// Passes over so many bits.
    pub fn skip(&mut self, bits: usize) {
        self.at = self.at.saturating_add(bits);
    }

    /// A number in Exp-Golomb code (ITU-T H.264, 9.1) that is less than 2^17: the sizes and ids are.
    pub fn golomb(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while self.bit()? == 0 {
            zeros += 1;
            if zeros > 16 {
                return None;
            }
        }
        Some((1 << zeros | self.number(zeros)?) - 1)
    }

    /// Where it stands, in bits.
    pub fn position(&self) -> usize {
        self.at
    }

    /// The bits from `start` to `end` a byte each, as far as there are any.
    pub fn between(&self, start: usize, end: usize) -> impl Iterator<Item = u8> {
        let bytes = self.bytes;
        (start..end.min(bytes.len() * 8)).map(move |at| bytes[at / 8] >> (7 - at % 8) & 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn start_codes_are_found_wherever_they_stand() {
        for before in 0..9 {
            for byte in [0, 1, 2, 3, 0xff] {
                let mut bytes = vec![byte; before];
                bytes.extend([0, 0, 1, 0x65]);
                let plain = bytes.windows(3).position(|three| three == [0, 0, 1]);
                assert_eq!(start_code(&bytes), plain, "{bytes:?}");
            }
        }
        for none in [&[][..], &[0], &[0, 0], &[0, 0, 3, 1], &[0, 1, 0, 1], &[0, 0, 0, 2]] {
            assert_eq!(start_code(none), None, "{none:?}");
        }
    }

    #[test]
    fn a_byte_stream_falls_into_its_units() {
        let units = |bytes: &'static [u8]| between_start_codes(bytes).collect::<Vec<_>>();
        assert_eq!(
            units(&[0x67, 1, 0, 0, 0, 1, 0x68, 2, 0, 0, 1, 0x65, 3, 0]),
            [&[0x67, 1][..], &[0x68, 2], &[0x65, 3]]
        );
        assert_eq!(units(&[0, 0, 0, 1, 0x65, 9]), [[0x65, 9]]);
        assert_eq!(units(&[0x65, 9]), [[0x65, 9]]);
        assert!(units(&[0, 0, 1, 0, 0, 1]).is_empty());
    }

    #[test]
    fn guards_come_out_and_numbers_are_read() {
        assert_eq!(without_guards(&[0x67, 0, 0, 3, 1, 0, 0, 3, 0, 9]), [0x67, 0, 0, 1, 0, 0, 0, 9]);
        // 1 | 010 | 011 | 00100 | 1001: the numbers 0 to 3, then four bits.
        let bytes = [0b1010_0110, 0b0100_1001];
        let mut bits = Bits::at_byte(&bytes, 0);
        assert_eq!([(); 4].map(|()| bits.golomb()), [Some(0), Some(1), Some(2), Some(3)]);
        assert_eq!((bits.number(4), bits.bit(), bits.golomb()), (Some(9), None, None));
        assert_eq!(Bits::at_byte(&[0; 8], 0).golomb(), None);
        assert_eq!(bits.between(12, 99).collect::<Vec<_>>(), [1, 0, 0, 1]);
    }
}
