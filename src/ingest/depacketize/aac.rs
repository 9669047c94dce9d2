//! What is in packets of AAC (RFC 3640): access units behind their headers, or a piece of one.
//!
//! Cameras forget the marker bit, count in the index that is there for interleaving, and leave the headers of a byte
//! stream in: none of that is missed. What is cut short, or interleaved, is left out alone.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::{Bytes, BytesMut};

use super::{Found, Heard, Packet};
use crate::media::aac::Said;
use crate::media::nal::Bits;

/// What is wrong with a packet, more than once.
const TOO_SHORT: &str = "a packet that is shorter than its headers";
const CUT: &str = "a frame that is cut short";

/// What a description says of AAC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// The AudioSpecificConfig.
    pub config: Bytes,
    /// Bits of the size, of the first index, and of the indexes behind it (RFC 3640, 3.2.1).
    sizes: [usize; 3],
}

impl Described {
    /// Reads the parameters of `a=fmtp` (RFC 3640, 4.1).
    ///
    /// # Errors
    /// Packets cannot be read by them: why, in words that end a sentence.
    pub fn of(parameters: &str) -> Result<Self, &'static str> {
        let value = |name: &str| {
            let mut named = parameters.split(';').filter_map(|one| one.trim().split_once('='));
            named.find(|(other, _)| other.trim().eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
        };
        let config = value("config").map(|hex| hex.trim_matches('"')).unwrap_or_default();
        let config = hex(config).ok_or("the camera does not describe it")?;
        // The sizes are those of the mode; who names none means the usual one.
        let usual = match value("mode") {
            Some(mode) if mode.eq_ignore_ascii_case("AAC-lbr") => [6, 2, 2],
            _ => [13, 3, 3],
        };
        let names = ["sizelength", "indexlength", "indexdeltalength"];
        let mut sizes = usual;
        for (size, name) in sizes.iter_mut().zip(names) {
            *size = match value(name).map(str::parse) {
                Some(Ok(bits @ 0..=16)) => bits,
                None => *size,
                Some(_) => return Err("the camera describes its packets in a way that makes no sense"),
            };
        }
        if sizes[0] == 0 {
            return Err("the camera does not tell the sizes of its frames");
        }
        Ok(Self { config, sizes })
    }
}

fn hex(text: &str) -> Option<Bytes> {
    let digit = |at: usize| text.as_bytes().get(at).and_then(|digit| char::from(*digit).to_digit(16));
    let byte = |at: usize| Some((digit(at)? << 4 | digit(at + 1)?) as u8);
    let bytes: Option<Vec<u8>> = (0..text.len()).step_by(2).map(byte).collect();
    bytes.filter(|bytes| !bytes.is_empty()).map(Bytes::from)
}

/// The access unit whose pieces come.
#[derive(Debug)]
struct Fragment {
    elapsed: i64,
    arrival: Instant,
    size: usize,
    data: BytesMut,
    /// Packets were lost just before it: its beginning may be missing.
    torn: bool,
}

/// Packets of one stream.
#[derive(Debug)]
pub struct Aac {
    sizes: [usize; 3],
    /// RTP time from one access unit to the next.
    frame: i64,
    fragment: Option<Fragment>,
    /// Packets lost since the last access unit.
    lost: u16,
}

impl Aac {
    /// Packets as described, by an RTP clock with `clock` ticks a second. `said` is what the description's
    /// configuration says.
    pub fn new(described: &Described, said: &Said, clock: u32) -> Self {
        let frame = i64::from(said.frame_samples) * i64::from(clock) / i64::from(said.rate.max(1));
        Self { sizes: described.sizes, frame, fragment: None, lost: 0 }
    }

    /// Takes a packet, and adds what is complete with it to `found`.
    pub fn push(&mut self, packet: &Packet, found: &mut VecDeque<Found<Heard>>) {
        self.lost = self.lost.saturating_add(packet.lost);
        if packet.lost > 0 {
            self.fragment = None;
        }
        if let Err(why) = self.read(packet, found) {
            self.fragment = None;
            found.push_back(Found::Slip(why));
        }
    }

    fn read(&mut self, packet: &Packet, found: &mut VecDeque<Found<Heard>>) -> Result<(), &'static str> {
        let (bits, rest) = packet.payload.split_first_chunk().ok_or(TOO_SHORT)?;
        let bits = usize::from(u16::from_be_bytes(*bits));
        let (headers, data) = rest.split_at_checked(bits.div_ceil(8)).ok_or(TOO_SHORT)?;
        let units = self.units(headers, bits)?;
        let goes_on = self.fragment.as_ref().is_some_and(|fragment| fragment.elapsed == packet.elapsed);
        if !goes_on && self.fragment.take().is_some_and(|fragment| !fragment.torn) {
            found.push_back(Found::Slip(CUT));
        }
        if let [(size, _)] = units[..]
            && (goes_on || size > data.len())
        {
            return self.piece(packet, size, data, found);
        }
        let (mut at, mut time) = (packet.payload.len() - data.len(), packet.elapsed);
        for (size, passed) in units {
            if at + size > packet.payload.len() {
                return Err(CUT);
            }
            time += passed * self.frame;
            let unit = packet.payload.slice(at..at + size);
            match passed {
                0 => self.heard(unit, time, packet.arrival, found),
                // Its place is between others, which have not come yet.
                _ => found.push_back(Found::Slip("a frame that is interleaved with others")),
            }
            at += size;
            time += self.frame;
        }
        Ok(())
    }

    /// The sizes of the access units in a packet, and how many are passed over before each.
    fn units(&self, headers: &[u8], bits: usize) -> Result<Vec<(usize, i64)>, &'static str> {
        let [size_bits, index_bits, delta_bits] = self.sizes;
        let behind = bits.checked_sub(size_bits + index_bits).ok_or("a packet without a frame")?;
        let mut headers = Bits::at_byte(headers, 0);
        let mut unit = |index_bits| {
            let size = headers.number(size_bits)?;
            Some((size as usize, i64::from(headers.number(index_bits)?)))
        };
        // The first index is a number that nobody needs.
        let (size, _) = unit(index_bits).ok_or(TOO_SHORT)?;
        let others = (0..behind / (size_bits + delta_bits)).map(|_| unit(delta_bits));
        [Some((size, 0))].into_iter().chain(others).collect::<Option<_>>().ok_or(TOO_SHORT)
    }

    /// Takes a piece of an access unit of `size` bytes.
    fn piece(
        &mut self,
        packet: &Packet,
        size: usize,
        data: &[u8],
        found: &mut VecDeque<Found<Heard>>,
    ) -> Result<(), &'static str> {
        let &Packet { elapsed, arrival, .. } = packet;
        let mut fragment = self.fragment.take().unwrap_or_else(|| Fragment {
            elapsed,
            arrival,
            size,
            data: BytesMut::with_capacity(size),
            torn: packet.lost > 0,
        });
        fragment.data.extend_from_slice(data);
        if fragment.data.len() >= fragment.size {
            fragment.data.truncate(fragment.size);
            self.heard(fragment.data.freeze(), elapsed, fragment.arrival, found);
        } else if !packet.mark {
            self.fragment = Some(fragment);
        } else if !fragment.torn {
            return Err(CUT);
        }
        Ok(())
    }

    fn heard(&mut self, data: Bytes, elapsed: i64, arrival: Instant, found: &mut VecDeque<Found<Heard>>) {
        let data = behind_stream_header(data);
        if !data.is_empty() {
            let lost = std::mem::take(&mut self.lost);
            found.push_back(Found::Whole(Heard { data, elapsed, arrival, lost }));
        }
    }
}

/// Leaves out the header that frames have in a byte stream (ADTS; ISO/IEC 14496-3, 1.A.2.2.1).
fn behind_stream_header(data: Bytes) -> Bytes {
    let Some(&[0xff, second, _, high, middle, low, _]) = data.first_chunk::<7>() else { return data };
    let length = usize::from(high & 3) << 11 | usize::from(middle) << 3 | usize::from(low >> 5);
    let header = if second & 1 == 1 { 7 } else { 9 };
    if second & 0xf6 == 0xf0 && length == data.len() && length > header { data.slice(header..) } else { data }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// LC, 48 kHz, stereo.
    const HBR: &str = "streamtype=5; profile-level-id=15; mode=AAC-hbr; config=1190; SizeLength=13; \
                       IndexLength=3; IndexDeltaLength=3;";

    fn aac(parameters: &str, clock: u32) -> Aac {
        let described = Described::of(parameters).expect("it can be read");
        let said = Said::of(&described.config).expect("a configuration");
        Aac::new(&described, &said, clock)
    }

    fn packet(payload: &[u8], elapsed: i64) -> Packet {
        let arrival = crate::clock::now().instant;
        Packet { payload: Bytes::copy_from_slice(payload), elapsed, mark: false, lost: 0, arrival }
    }

    /// A frame with its time and the loss before it, or a slip.
    type Told = Result<(i64, Vec<u8>, u16), &'static str>;

    fn pushed(aac: &mut Aac, packets: impl IntoIterator<Item = Packet>) -> Vec<Told> {
        let mut found = VecDeque::new();
        packets.into_iter().for_each(|packet| aac.push(&packet, &mut found));
        let one = |found| match found {
            Found::Whole(Heard { data, elapsed, lost, .. }) => Ok((elapsed, data.to_vec(), lost)),
            Found::Slip(why) => Err(why),
            Found::Endless => panic!("it is no picture"),
        };
        found.into_iter().map(one).collect()
    }

    #[test]
    fn frames_come_each_with_its_time_whatever_the_marker_says() {
        for mark in [true, false] {
            let three = packet(&[0, 48, 0, 8, 0, 16, 0, 8, 1, 2, 2, 3], 5_000);
            let heard = pushed(&mut aac(HBR, 48_000), [Packet { mark, lost: 3, ..three }]);
            assert_eq!(heard, [Ok((5_000, vec![1], 3)), Ok((6_024, vec![2, 2], 0)), Ok((7_048, vec![3], 0))]);
        }
        // By a clock that counts what high efficiency makes of it, a frame lasts twice as many ticks.
        let two = packet(&[0, 32, 0, 8, 0, 8, 1, 2], 0);
        let heard = pushed(&mut aac(&HBR.replace("1190", "1310"), 48_000), [two]);
        assert_eq!(heard, [Ok((0, vec![1], 0)), Ok((2_048, vec![2], 0))]);
    }

    #[test]
    fn a_counting_index_is_no_fault_and_an_interleaved_frame_costs_itself() {
        let counting = packet(&[0, 16, 0, 8 | 5, 1], 0);
        assert_eq!(pushed(&mut aac(HBR, 48_000), [counting]), [Ok((0, vec![1], 0))]);
        let interleaved = packet(&[0, 48, 0, 8, 0, 8 | 2, 0, 8, 1, 2, 3], 0);
        let heard = pushed(&mut aac(HBR, 48_000), [interleaved]);
        let slip = Err("a frame that is interleaved with others");
        assert_eq!(heard, [Ok((0, vec![1], 0)), slip, Ok((4 * 1_024, vec![3], 0))]);
    }

    #[test]
    fn pieces_join_and_what_lacks_one_is_left_out() {
        let piece = |data: &[u8], elapsed, mark, lost| {
            let payload = [&[0, 16, 0, 9 << 3], data].concat();
            Packet { mark, lost, ..packet(&payload, elapsed) }
        };
        let whole = [piece(b"abc", 7, false, 0), piece(b"def", 7, false, 0), piece(b"ghi", 7, false, 0)];
        assert_eq!(pushed(&mut aac(HBR, 48_000), whole), [Ok((7, b"abcdefghi".to_vec(), 0))]);
        // Another one begins; the marker comes too soon; packets are lost, and that is no slip.
        let next = || packet(&[0, 16, 0, 8, 1], 1_031);
        for (packets, slips) in [
            (vec![piece(b"abc", 7, false, 0)], 1),
            (vec![piece(b"abc", 7, true, 0)], 1),
            (vec![piece(b"abc", 7, false, 0), piece(b"ghi", 7, true, 1)], 0),
            (vec![piece(b"def", 7, false, 1), piece(b"ghi", 7, true, 0)], 0),
        ] {
            let lost = packets.iter().map(|packet| packet.lost).sum();
            let heard = pushed(&mut aac(HBR, 48_000), packets.into_iter().chain([next()]));
            assert_eq!(heard.len(), slips + 1, "{heard:?}");
            assert_eq!(heard[slips], Ok((1_031, vec![1], lost)));
        }
    }

    #[test]
    fn nonsense_costs_its_packet() {
        let next = || packet(&[0, 16, 0, 8, 1], 0);
        for nonsense in [&[][..], &[0], &[0, 16, 0], &[0, 0, 1], &[0, 3, 0, 0], &[0, 32, 0, 8, 0, 80, 1, 2]] {
            let heard = pushed(&mut aac(HBR, 48_000), [packet(nonsense, 0), next()]);
            let (before, last) = heard.split_at(heard.len() - 1);
            assert_eq!(last, [Ok((0, vec![1], 0))]);
            assert_eq!(before.iter().filter(|one| one.is_err()).count(), 1, "{nonsense:?}: {before:?}");
        }
    }

    #[test]
    fn low_rates_and_descriptions_with_gaps_are_read() {
        let lbr = aac("mode=AAC-lbr;config=1588;sizeLength=6;indexLength=2;indexDeltaLength=2", 8_000);
        // Two headers of a byte.
        let mut lbr = lbr;
        assert_eq!(
            pushed(&mut lbr, [packet(&[0, 16, 1 << 2, 2 << 2, 1, 2, 3], 0)]),
            [Ok((0, vec![1], 0)), Ok((1_024, vec![2, 3], 0))]
        );
        assert_eq!(aac("config=\"1190\"", 48_000).sizes, [13, 3, 3], "neither mode nor sizes");
        for wrong in ["mode=AAC-hbr", "config=", "config=1", "config=119x", "config=1190;sizelength=no"] {
            assert!(Described::of(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn headers_of_a_byte_stream_are_left_out() {
        let frame = [0xff, 0xf1, 0x4c, 0x80, 1, 0x3f, 0xfc, 7, 8];
        let payload = [&[0, 16, 0, 9 << 3][..], &frame].concat();
        assert_eq!(pushed(&mut aac(HBR, 48_000), [packet(&payload, 0)]), [Ok((0, vec![7, 8], 0))]);
        let other = [&[0, 16, 0, 9 << 3][..], &[0xff; 9]].concat();
        assert_eq!(pushed(&mut aac(HBR, 48_000), [packet(&other, 0)]), [Ok((0, vec![0xff; 9], 0))]);
    }
}
