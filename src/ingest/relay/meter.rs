//! How much comes without an end of its picture: the RTSP library collects all packets of a picture, however many
//! they are. Pure.

use std::collections::HashMap;

use crate::ingest::error::Failure;

/// Most bytes of one picture.
pub const MOST_PICTURE: usize = crate::ingest::depacketize::MOST;

/// Bytes since the last end of a picture, by the channel of RTP.
#[derive(Debug, Default)]
pub struct Meter(HashMap<u8, Picture>);

#[derive(Debug, Default)]
struct Picture {
    time: [u8; 4],
    bytes: usize,
}

impl Meter {
    /// Takes note of a packet in its frame (RFC 2326, 10.12), behind line ends if there are any.
    ///
    /// # Errors
    /// See [`Self::add`].
    pub fn add_framed(&mut self, framed: &[u8]) -> Result<(), Failure> {
        let Some(start) = framed.iter().position(|byte| *byte == b'$') else { return Ok(()) };
        match framed[start..].split_first_chunk::<4>() {
            Some((&[_, channel, _, _], packet)) => self.add(channel, packet),
            None => Ok(()),
        }
    }

    /// Takes note of a packet of `channel`. A picture ends with the marker bit (RFC 3550, 5.1), or where another
    /// RTP time begins; in what packets of RTCP hold, the same bit is always set.
    ///
    /// # Errors
    /// It is one too many.
    pub fn add(&mut self, channel: u8, packet: &[u8]) -> Result<(), Failure> {
        let &[_, second, _, _, ref time @ .., _, _, _, _] = packet.first_chunk::<12>().unwrap_or(&[0xff; 12]);
        let picture = self.0.entry(channel).or_default();
        if picture.time != *time {
            *picture = Picture { time: *time, bytes: 0 };
        }
        picture.bytes += packet.len();
        if second & 0x80 != 0 {
            picture.bytes = 0;
        }
        if picture.bytes > MOST_PICTURE { Err(Failure::Endless { most: MOST_PICTURE }) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many packets of 64 KiB pass before one is too many, of a thousand.
    fn passed(marker: impl Fn(usize) -> bool, time: impl Fn(usize) -> u8) -> usize {
        let mut meter = Meter::default();
        let packet = |n: usize| {
            let mut packet = vec![0; 64 << 10];
            (packet[0], packet[1]) = (0x80, 96 | u8::from(marker(n)) << 7);
            packet[7] = time(n);
            packet
        };
        (0..1_000).take_while(|n| meter.add(0, &packet(*n)).is_ok()).count()
    }

    #[test]
    fn a_picture_without_an_end_is_one_too_many_and_many_that_end_are_not() {
        assert_eq!(passed(|_| false, |_| 0), 512);
        assert_eq!(passed(|n| n % 100 == 99, |_| 0), 1_000, "they end with the marker");
        assert_eq!(passed(|_| false, |n| (n / 100) as u8), 1_000, "they end where time goes on");
    }

    #[test]
    fn each_channel_is_counted_for_itself_and_short_packets_do_no_harm() {
        let mut meter = Meter::default();
        let packet = vec![0; 64 << 10];
        for n in 0..1_000 {
            assert!(meter.add((n % 2) as u8 * 2, &packet).is_ok());
            assert!(meter.add(1, &[0x80, 200]).is_ok());
        }
    }
}
