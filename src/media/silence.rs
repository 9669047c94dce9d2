//! Frames in which nothing is heard, for where a camera's sound is missing.

use bytes::Bytes;

use super::flac::Encoder;
use super::{AudioCodec, AudioTrack};

/// AAC-LC (ISO/IEC 14496-3): the AudioSpecificConfig's object type.
const AAC_LC: u8 = 2;

/// One frame of AAC-LC whose spectrum is empty: a `single_channel_element` with `max_sfb` 0, and `ID_END`
/// (ISO/IEC 14496-3, 4.4.2.1).
const AAC_MONO: [u8; 4] = [0, 0, 0, 0b0000_0111];

/// The same with a `channel_pair_element` of a common window.
const AAC_STEREO: [u8; 6] = [0b0010_0001, 0, 0, 0, 0, 0b0001_1100];

/// A silent frame of `track`, as long as its others; `None` where we know of none.
pub fn frame(track: &AudioTrack) -> Option<Bytes> {
    match track.codec {
        AudioCodec::Aac => {
            let lc = track.config.first().is_some_and(|first| first >> 3 == AAC_LC);
            match track.channels {
                1 if lc => Some(Bytes::from_static(&AAC_MONO)),
                2 if lc => Some(Bytes::from_static(&AAC_STEREO)),
                _ => None,
            }
        }
        AudioCodec::Flac => {
            let mut encoder = Encoder::new(track.sample_rate, track.channels)?;
            encoder.encode(&vec![0; track.frame_samples as usize * usize::from(track.channels)])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::track::testing;

    #[test]
    fn there_is_a_silent_frame_of_plain_aac_and_of_flac() {
        let stereo = testing::audio(48_000);
        assert_eq!(frame(&stereo).expect("AAC-LC")[0] >> 5, 1, "a channel pair");
        let mono = AudioTrack { channels: 1, ..stereo.clone() };
        assert_eq!(frame(&mono).expect("AAC-LC")[0] >> 5, 0, "a single channel");
        let high_efficiency = AudioTrack { config: Bytes::from_static(&[0x2b, 0x11]), ..mono };
        assert_eq!(frame(&high_efficiency), None);
        let flac = AudioTrack { codec: AudioCodec::Flac, frame_samples: 1_024, ..stereo };
        assert!(frame(&flac).expect("a block").len() < 20, "a constant costs nothing");
    }
}
