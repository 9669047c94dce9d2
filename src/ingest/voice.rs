//! Telephone sound to FLAC: what comes in packets of any length leaves in blocks of one size. Pure.

use std::collections::VecDeque;

use audio_codec::g722::G722Decoder;
use audio_codec_algorithms::{AdpcmImaState, decode_adpcm_ima, decode_alaw, decode_ulaw};

use super::event::Sound;
use crate::media::flac::{self, Encoder};
use crate::media::{AudioCodec, AudioTrack, Ticks};

/// Samples a second of G.722, whose RTP clock says half of that (RFC 3551, 4.5.2).
const G722_RATE: u32 = 16_000;

/// How samples are written (RFC 3551, 4.5).
enum Law {
    /// G.711 A-law.
    Alaw,
    /// G.711 µ-law.
    Ulaw,
    /// 16 bits, high byte first.
    L16,
    /// G.722 at 64 kbit/s; its decoder goes on from packet to packet.
    G722(Box<G722Decoder>),
    /// IMA ADPCM; each packet begins with the decoder's state.
    Dvi4,
}

/// Decodes, cuts into blocks, encodes.
pub struct Voice {
    law: Law,
    encoder: Encoder,
    rate: u32,
    channels: u16,
    /// Samples that do not fill a block yet, channels interleaved.
    held: Vec<i16>,
    /// RTP time at which `held` begins.
    at: Ticks,
    lost: u16,
}

impl Voice {
    /// For sound that RTP calls `encoding`; `None` if it cannot be carried.
    pub fn new(encoding: &str, rate: u32, channels: u16) -> Option<Self> {
        let (law, rate) = match encoding {
            "pcma" => (Law::Alaw, rate),
            "pcmu" => (Law::Ulaw, rate),
            "l16" => (Law::L16, rate),
            "g722" if channels == 1 => (Law::G722(Box::default()), G722_RATE),
            "dvi4" if channels == 1 => (Law::Dvi4, rate),
            _ => return None,
        };
        let encoder = Encoder::new(rate, channels)?;
        Some(Self { law, encoder, rate, channels, held: Vec::new(), at: Ticks(0), lost: 0 })
    }

    /// The track that leaves here.
    pub fn track(&self) -> AudioTrack {
        AudioTrack {
            codec: AudioCodec::Flac,
            config: self.encoder.stream_info(),
            rfc6381: flac::RFC6381.to_owned(),
            sample_rate: self.rate,
            channels: self.channels,
            frame_samples: self.encoder.block_samples() as u32,
        }
    }

    /// Takes one packet and adds the blocks that it completes to `blocks`, each with its own time.
    ///
    /// Where the packet's time is not where the one before ended, the samples that wait for their block are
    /// moved along if that is less than a block, and dropped if it is more.
    pub fn push(&mut self, sound: &Sound, blocks: &mut VecDeque<Sound>) {
        let waiting = self.length(self.held.len());
        let block = self.length(self.block());
        if (sound.elapsed - (self.at + waiting)).0.abs() > block.0 {
            self.held.clear();
        }
        self.at = sound.elapsed - self.length(self.held.len());
        self.lost = self.lost.saturating_add(sound.lost);
        self.decode(&sound.data);
        let mut done = 0;
        while let Some(samples) = self.held.get(done..done + self.block()) {
            let elapsed = self.at + self.length(done);
            done += samples.len();
            if let Some(data) = self.encoder.encode(samples) {
                let lost = std::mem::take(&mut self.lost);
                blocks.push_back(Sound { data, elapsed, arrival: sound.arrival, lost });
            }
        }
        self.at += self.length(done);
        self.held.drain(..done);
    }

    /// Values a block: its samples, times the channels.
    fn block(&self) -> usize {
        self.encoder.block_samples() * usize::from(self.channels)
    }

    /// How long so many values last.
    fn length(&self, values: usize) -> Ticks {
        Ticks::from_timescale((values / usize::from(self.channels)) as i64, self.rate)
    }

    fn decode(&mut self, data: &[u8]) {
        match &mut self.law {
            Law::Alaw => self.held.extend(data.iter().map(|code| decode_alaw(*code))),
            Law::Ulaw => self.held.extend(data.iter().map(|code| decode_ulaw(*code))),
            Law::L16 => {
                self.held.extend(data.chunks_exact(2).map(|pair| i16::from_be_bytes([pair[0], pair[1]])));
            }
            Law::G722(decoder) => self.held.extend(decoder.decode_frame(data)),
            Law::Dvi4 => {
                let Some((&[high, low, step_index, _], codes)) = data.split_first_chunk() else { return };
                let mut state = AdpcmImaState { predictor: i16::from_be_bytes([high, low]), step_index };
                let nibbles = codes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
                self.held.extend(nibbles.map(|nibble| decode_adpcm_ima(nibble, &mut state)));
            }
        }
        // A packet that ends within a sample must not shift the channels of all that follow.
        let whole = self.held.len() / usize::from(self.channels) * usize::from(self.channels);
        self.held.truncate(whole);
    }
}

#[cfg(test)]
mod tests {
    use audio_codec::Encoder as _;
    use audio_codec::g722::G722Encoder;
    use bytes::Bytes;

    use super::*;

    /// What blocks leave when packets of `sizes` bytes come one after the other: their times in samples.
    fn times(voice: &mut Voice, starts: &[i64], bytes: usize) -> Vec<i64> {
        let mut blocks = VecDeque::new();
        for start in starts {
            let sound = Sound {
                data: Bytes::from(vec![0x55; bytes]),
                elapsed: Ticks::from_timescale(*start, voice.rate),
                arrival: crate::clock::now().instant,
                lost: 0,
            };
            voice.push(&sound, &mut blocks);
        }
        blocks.iter().map(|block| (block.elapsed.0 * i64::from(voice.rate) + 45_000) / 90_000).collect()
    }

    fn telephone() -> Voice {
        Voice::new("pcma", 8_000, 1).expect("G.711")
    }

    #[test]
    fn packets_of_any_length_become_blocks_that_follow_each_other() {
        for bytes in [160, 256, 320, 1_024, 40] {
            let starts: Vec<i64> = (0..40).map(|n| n * bytes as i64).collect();
            let times = times(&mut telephone(), &starts, bytes);
            let expected: Vec<i64> = (0..40 * bytes as i64 / 256).map(|n| n * 256).collect();
            assert_eq!(times, expected, "packets of {bytes} bytes");
        }
    }

    #[test]
    fn a_hole_moves_the_blocks_behind_it_and_a_long_one_drops_the_rest_before_it() {
        assert_eq!(times(&mut telephone(), &[0, 320, 640], 160), [160]);
        assert_eq!(times(&mut telephone(), &[0, 8_000, 8_160], 160), [8_000]);
    }

    #[test]
    fn what_was_lost_is_told_with_the_next_block() {
        let mut voice = telephone();
        let mut blocks = VecDeque::new();
        for (n, lost) in [(0, 0), (1, 3), (2, 0), (3, 0)] {
            let sound = Sound {
                data: Bytes::from(vec![0x55; 160]),
                elapsed: Ticks(n * 1_800),
                arrival: crate::clock::now().instant,
                lost,
            };
            voice.push(&sound, &mut blocks);
        }
        assert_eq!(blocks.iter().map(|block| block.lost).collect::<Vec<_>>(), [3, 0]);
    }

    #[test]
    fn each_law_gives_its_samples() {
        let decoded = |encoding, channels, data: &[u8]| {
            let mut voice = Voice::new(encoding, 8_000, channels).expect("it is carried");
            voice.decode(data);
            voice.held
        };
        // The smallest values of either sign (ITU-T G.711, tables 1 and 2).
        assert_eq!(decoded("pcma", 1, &[0xd5, 0x55]), [8, -8]);
        assert_eq!(decoded("pcmu", 1, &[0xff, 0x7f, 0x80]), [0, 0, 32_124]);
        assert_eq!(decoded("l16", 2, &[0x12, 0x34, 0xff, 0xff, 1]), [0x1234, -1]);
        assert_eq!(decoded("l16", 2, &[0x12, 0x34, 0xff, 0xff, 1, 2]), [0x1234, -1], "half a pair");
        assert_eq!(decoded("dvi4", 1, &[0x01, 0x00, 0, 0, 0x80]), [256, 256]);
        assert_eq!(decoded("dvi4", 1, &[0x01, 0x00, 0]), [0i16; 0]);
    }

    #[test]
    fn g722_has_twice_the_samples_that_its_rtp_clock_counts() {
        let mut voice = Voice::new("g722", 8_000, 1).expect("it is carried");
        assert_eq!((voice.track().sample_rate, voice.track().frame_samples), (16_000, 512));
        // A tone, by the encoder of the same crate; packets of 20 ms, as RTP time counts them.
        let wave = |n: usize| ((n as f64 * 0.2).sin() * 8_000.0) as i16;
        let tone: Vec<i16> = (0..16_000).map(wave).collect();
        let coded = G722Encoder::new().encode(&tone);
        assert_eq!(coded.len(), 8_000);
        let mut blocks = VecDeque::new();
        let mut decoded = Vec::new();
        for (number, packet) in (0..).zip(coded.chunks(160)) {
            let data = Bytes::copy_from_slice(packet);
            let elapsed = Ticks(number * 1_800);
            voice.push(&Sound { data, elapsed, arrival: crate::clock::now().instant, lost: 0 }, &mut blocks);
            decoded.extend(
                G722Decoder::new().decode_frame(packet).iter().map(|sample| i32::from(*sample).abs()),
            );
        }
        let times: Vec<i64> = blocks.iter().map(|block| block.elapsed.0).collect();
        let expected: Vec<i64> = (0..31).map(|block| block * 2_880).collect();
        assert_eq!(times, expected);
        assert!(decoded.iter().max() > Some(&6_000), "it is as loud as it was");
    }

    #[test]
    fn other_encodings_are_not_carried() {
        for (encoding, rate, channels) in [
            ("g726-32", 8_000, 1),
            ("g722", 8_000, 2),
            ("opus", 48_000, 2),
            ("pcma", 8_000, 6),
            ("dvi4", 8_000, 2),
        ] {
            assert!(Voice::new(encoding, rate, channels).is_none(), "{encoding}");
        }
    }
}
