//! PCM to FLAC (RFC 9639): the one way to bring telephone sound to every browser without loss.

use bytes::{BufMut, Bytes};
use flacenc::bitsink::ByteSink;
use flacenc::component::{BitRepr, StreamInfo};
use flacenc::error::{Verified, Verify};
use flacenc::source::{Fill, FrameBuf};

/// Sample size of all sound that is encoded, in bits.
const BITS: usize = 16;

/// RFC 6381 string; players compare it with its capitals.
pub const RFC6381: &str = "fLaC";

/// A block is at most this long: short enough not to be noticed, and no more than some 30 a second.
const LONGEST_BLOCK_MS: u32 = 32;

/// Block sizes that frame headers can name in four bits are these, doubled some times (RFC 9639, 9.1.1).
const LEAST_BLOCK: u32 = 256;

/// Frame numbers have 31 bits (RFC 9639, 9.1.5).
const FRAME_NUMBERS: u32 = 1 << 31;

/// Channels that are taken: more than two no camera has.
const MOST_CHANNELS: u16 = 2;

/// Rates that STREAMINFO and the encoder can name.
const RATES: std::ops::RangeInclusive<u32> = 1_000..=96_000;

/// Encodes blocks of one size: the format of streams with a fixed block size, whose frames are numbered.
pub struct Encoder {
    config: Verified<flacenc::config::Encoder>,
    info: StreamInfo,
    block: FrameBuf,
    wide: Vec<i32>,
    rate: u32,
    channels: u16,
    number: u32,
}

impl Encoder {
    /// For `rate` samples a second in each of `channels`; `None` where FLAC or browsers have no such thing.
    pub fn new(rate: u32, channels: u16) -> Option<Self> {
        if !RATES.contains(&rate) || !(1..=MOST_CHANNELS).contains(&channels) {
            return None;
        }
        let mut config = flacenc::config::Encoder::default();
        // Linear prediction of any order costs ten times as much and saves next to nothing on telephone sound.
        config.subframe_coding.use_lpc = false;
        config.block_size = block_samples(rate) as usize;
        Some(Self {
            config: config.into_verified().ok()?,
            info: StreamInfo::new(rate as usize, channels.into(), BITS).ok()?,
            block: FrameBuf::with_size(channels.into(), block_samples(rate) as usize).ok()?,
            wide: Vec::new(),
            rate,
            channels,
            number: 0,
        })
    }

    /// Samples a block and channel.
    pub fn block_samples(&self) -> usize {
        block_samples(self.rate) as usize
    }

    /// STREAMINFO (RFC 9639, 8.2): 34 bytes. The length of the stream and its checksum are not known.
    pub fn stream_info(&self) -> Bytes {
        let block = block_samples(self.rate) as u16;
        let mut out = Vec::with_capacity(34);
        out.put_u16(block);
        out.put_u16(block);
        out.put_bytes(0, 6);
        let rate = u64::from(self.rate) << 44;
        let channels = u64::from(self.channels - 1) << 41;
        out.put_u64(rate | channels | (BITS as u64 - 1) << 36);
        out.put_bytes(0, 16);
        out.into()
    }

    /// One frame of exactly one block; the channels' samples are interleaved. `None`, and nothing else
    /// changes, when there are not as many as that.
    pub fn encode(&mut self, samples: &[i16]) -> Option<Bytes> {
        if samples.len() != self.block_samples() * usize::from(self.channels) {
            return None;
        }
        self.wide.clear();
        self.wide.extend(samples.iter().map(|sample| i32::from(*sample)));
        self.block.fill_interleaved(&self.wide).ok()?;
        let number = self.number as usize;
        let frame = flacenc::encode_fixed_size_frame(&self.config, &self.block, number, &self.info).ok()?;
        let mut sink = ByteSink::new();
        frame.write(&mut sink).ok()?;
        self.number = (self.number + 1) % FRAME_NUMBERS;
        Some(Bytes::copy_from_slice(sink.as_slice()))
    }
}

/// Samples a block at `rate`: 256 at 8 kHz, 1024 at 48 kHz.
fn block_samples(rate: u32) -> u32 {
    let most = rate / 1_000 * LONGEST_BLOCK_MS;
    let mut block = LEAST_BLOCK;
    while block * 2 <= most {
        block *= 2;
    }
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_last_about_a_thirtieth_of_a_second() {
        let blocks = [8_000, 11_025, 16_000, 32_000, 44_100, 48_000].map(block_samples);
        assert_eq!(blocks, [256, 256, 512, 1_024, 1_024, 1_024]);
    }

    #[test]
    fn stream_info_names_the_block_size_the_rate_the_channels_and_the_bits() {
        let info = Encoder::new(8_000, 1).expect("telephone sound").stream_info();
        assert_eq!(info.len(), 34);
        assert_eq!(info[..10], [1, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
        // 20 bits of rate, 3 of channels less one, 5 of bits less one, 36 of length.
        assert_eq!(info[10..18], [0x01, 0xf4, 0x00, 0xf0, 0, 0, 0, 0]);
        let stereo = Encoder::new(48_000, 2).expect("studio sound").stream_info();
        assert_eq!(stereo[10..14], [0x0b, 0xb8, 0x02, 0xf0]);
    }

    #[test]
    fn a_frame_takes_one_block_and_is_numbered() {
        let mut encoder = Encoder::new(8_000, 1).expect("telephone sound");
        assert_eq!(encoder.encode(&[0; 255]), None);
        let frames: Vec<_> = (0..3).map(|_| encoder.encode(&[7; 256]).expect("a whole block")).collect();
        for (number, frame) in (0..).zip(&frames) {
            // Sync code, fixed block size; block size 256 is 1000 (RFC 9639, 9.1); the number in one byte.
            assert_eq!(frame[..2], [0xff, 0xf8]);
            assert_eq!(frame[2] >> 4, 0b1000);
            assert_eq!(frame[4], number);
        }
    }

    #[test]
    fn what_no_browser_plays_is_not_encoded() {
        assert!(Encoder::new(8_000, 3).is_none());
        assert!(Encoder::new(8_000, 0).is_none());
        assert!(Encoder::new(192_000, 1).is_none());
        assert!(Encoder::new(0, 1).is_none());
    }
}
