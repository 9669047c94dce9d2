//! A picture on which nothing is seen, for where a camera's sound plays alone.
//!
//! Players of sound alone exist, players that want a picture are the rule, and so a rendition always has one.

use bytes::{BufMut, Bytes, BytesMut};

use super::avc::ParameterSets;
use super::{VideoCodec, VideoTrack};

/// Constrained Baseline at level 2.1, 320x180.
const SPS: [u8; 24] = [
    0x67, 0x42, 0xc0, 0x15, 0xdc, 0x14, 0x19, 0xf9, 0xf0, 0x11, 0, 0, 3, 0, 1, 0, 0, 3, 0, 0x32, 0x8f, 0x16,
    0x2f, 0x80,
];

/// For CAVLC.
const PPS: [u8; 5] = [0x68, 0xce, 0x04, 0x4b, 0x20];

/// Two IDR pictures in dark grey, as an encoder wrote them. They differ in `idr_pic_id`, as those of neighbours must
/// (ITU-T H.264, 7.4.3).
const PICTURES: [&[u8]; 2] = [include_bytes!("still/even.nal"), include_bytes!("still/odd.nal")];

/// The track of the still; `None` only if the sets above were no sets.
pub fn track() -> Option<VideoTrack> {
    let mut sets = ParameterSets::default();
    sets.add(&SPS);
    sets.add(&PPS);
    Some(VideoTrack {
        codec: VideoCodec::H264,
        record: sets.record(sets.first()?)?,
        rfc6381: "avc1.42c015".into(),
        width: 320,
        height: 180,
        pixel_aspect: None,
    })
}

/// The picture with this number, a sync sample as all are, behind a length of four bytes.
pub fn picture(number: usize) -> Bytes {
    let nal = PICTURES[number % PICTURES.len()];
    let mut out = BytesMut::with_capacity(4 + nal.len());
    out.put_u32(nal.len() as u32);
    out.put_slice(nal);
    out.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_track_is_what_its_parameter_sets_say() {
        let track = track().expect("sets");
        assert_eq!(track.record[..4], [1, 0x42, 0xc0, 0x15]);
        assert_eq!(track.rfc6381, format!("avc1.{:02x}{:02x}{:02x}", SPS[1], SPS[2], SPS[3]));
    }

    #[test]
    fn neighbours_are_two_pictures() {
        assert_ne!(picture(0), picture(1));
        assert_eq!(picture(0), picture(2));
        for number in 0..2 {
            let picture = picture(number);
            assert_eq!(usize::from(picture[3]) + 4, picture.len());
            assert_eq!(picture[4] & 31, 5, "an IDR picture");
        }
    }
}
