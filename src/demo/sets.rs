//! Parameter sets under other numbers (ITU-T H.264, 7.3.2.1 and 7.3.2.2).

use crate::media::nal::without_guards;

/// Bytes of an SPS and of a PPS before the number in it.
const SPS_NUMBER_AT: usize = 4;
const PPS_NUMBER_AT: usize = 1;

/// Number 1 of the sets that are number 0; nothing if they are not.
pub(super) fn second(sps: &[u8], pps: &[u8]) -> Vec<Vec<u8>> {
    [(sps, SPS_NUMBER_AT), (pps, PPS_NUMBER_AT)]
        .into_iter()
        .filter_map(|(nal, at)| numbered_one(nal, at))
        .collect()
}

/// Puts `010`, which is 1 in Exp-Golomb code, in the place of the bit `1`, which is 0, and moves the rest along.
fn numbered_one(nal: &[u8], at: usize) -> Option<Vec<u8>> {
    let payload = without_guards(nal);
    let bits = |byte: &u8| (0..8).rev().map(move |bit| byte >> bit & 1).collect::<Vec<_>>();
    let (head, rest) = payload.split_at_checked(at)?;
    let mut rest: Vec<u8> = rest.iter().flat_map(bits).collect();
    // The last one is the stop bit; what is behind it only fills a byte.
    let stop = rest.iter().rposition(|bit| *bit == 1)?;
    rest.truncate(stop + 1);
    (rest.first() == Some(&1)).then(|| rest.splice(0..1, [0, 1, 0]).count())?;
    let tail =
        rest.chunks(8).map(|bits| bits.iter().enumerate().fold(0, |byte, (at, bit)| byte | bit << (7 - at)));
    Some(with_guards(&[head, &tail.collect::<Vec<u8>>()].concat()))
}

/// Puts in what guards against start codes (ITU-T H.264, 7.4.1).
fn with_guards(payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(payload.len() + 4);
    for byte in payload {
        if out.ends_with(&[0, 0]) && *byte <= 3 {
            out.push(3);
        }
        out.push(*byte);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_takes_two_bits_more_and_all_else_stays() {
        // Behind the header: number 0, then the bits 0101, then the stop bit.
        assert_eq!(numbered_one(&[0x68, 0b1010_1100], 1), Some(vec![0x68, 0b0100_1011]));
        // The other way round there would be a start code.
        assert_eq!(
            numbered_one(&[0x68, 0b1000_0000, 0, 0, 0b0000_0100], 1),
            Some(vec![0x68, 0x40, 0, 0, 3, 1])
        );
        assert_eq!(numbered_one(&[0x68, 0b0101_0000], 1), None, "it is number 1 already");
        assert_eq!(numbered_one(&[], 1), None);
    }

    #[test]
    fn guards_come_out_and_go_in() {
        let nal = [0x67, 0, 0, 3, 1, 0, 0, 3, 0, 9];
        assert_eq!(without_guards(&nal), [0x67, 0, 0, 1, 0, 0, 0, 9]);
        assert_eq!(with_guards(&[0x67, 0, 0, 1, 9]), [0x67, 0, 0, 3, 1, 9]);
    }
}
