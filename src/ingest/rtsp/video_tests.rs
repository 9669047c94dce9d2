//! Which sets are in force, from access units made by hand around sets of real encoders.

use super::*;

/// 320x180 Constrained Baseline.
const SMALL: &[u8] = &[
    0x67, 0x42, 0xc0, 0x0c, 0xda, 0x05, 0x06, 0x7e, 0x7c, 0x04, 0x40, 0, 0, 3, 0, 0x40, 0, 0, 0x0c, 0x83,
    0xc5, 0x0a, 0xa8,
];
/// The same size at another level.
const LEVEL: &[u8] = &[
    0x67, 0x42, 0xc0, 0x15, 0xdc, 0x14, 0x19, 0xf9, 0xf0, 0x11, 0, 0, 3, 0, 1, 0, 0, 3, 0, 0x32, 0x8f, 0x16,
    0x2f, 0x80,
];

/// A PPS of an SPS: `10 000 …`, with a number that makes it another one.
fn pps(id: u32, sps: u32, number: u8) -> Vec<u8> {
    let bits = [golomb(id), golomb(sps), format!("11{number:08b}1")].concat();
    [vec![0x68], packed(&bits)].concat()
}

fn golomb(number: u32) -> String {
    let text = format!("{:b}", number + 1);
    "0".repeat(text.len() - 1) + &text
}

fn packed(bits: &str) -> Vec<u8> {
    let byte =
        |bits: &[u8]| bits.iter().enumerate().fold(0, |byte, (at, bit)| byte | (bit - b'0') << (7 - at));
    bits.as_bytes().chunks(8).map(byte).collect()
}

/// An SPS under another id: behind the first four bytes, `1` gives way to the id.
fn numbered(sps: &[u8], id: u32) -> Vec<u8> {
    let plain = nal::without_guards(sps);
    let bits: String = plain[4..].iter().map(|byte| format!("{byte:08b}")).collect();
    let bits = golomb(id) + bits[1..].trim_end_matches('0');
    let mut out = plain[..4].to_vec();
    for byte in packed(&bits) {
        if out.ends_with(&[0, 0]) && byte <= 3 {
            out.push(3);
        }
        out.push(byte);
    }
    out
}

fn unit(sync: bool, pps: u32, sets: &[&[u8]]) -> AccessUnit {
    AccessUnit {
        data: Bytes::from_static(&[0, 0, 0, 2, 0x65, 9]),
        sets: sets.iter().map(|set| Bytes::copy_from_slice(set)).collect(),
        sets_before: sets.len(),
        pps: vec![pps],
        sync,
        elapsed: 0,
        arrival: crate::clock::now().instant,
        lost: 0,
    }
}

/// The track of each picture by its number in order of appearance, if it has one, and the NAL units in it.
fn read(reader: &mut VideoReader, units: Vec<AccessUnit>) -> Vec<(Option<usize>, usize)> {
    let mut tracks: Vec<Arc<VideoTrack>> = reader.track().into_iter().collect();
    let mut one = |unit| {
        let picture = reader.picture(unit);
        let number = picture.track.map(|track| {
            tracks.iter().position(|other| Arc::ptr_eq(other, &track)).unwrap_or_else(|| {
                tracks.push(track);
                tracks.len() - 1
            })
        });
        let mut nals = 0;
        let mut rest = &picture.data[..];
        while let Some((length, behind)) = rest.split_first_chunk::<4>() {
            rest = &behind[u32::from_be_bytes(*length) as usize..];
            nals += 1;
        }
        (number, nals)
    };
    units.into_iter().map(&mut one).collect()
}

fn from_nothing(units: Vec<AccessUnit>) -> Vec<(Option<usize>, usize)> {
    read(&mut VideoReader::avc(Vec::new()), units)
}

#[test]
fn three_pps_in_use_are_one_epoch_and_all_in_the_record() {
    let sets = [SMALL.to_vec(), pps(0, 0, 1), pps(1, 0, 2), pps(2, 0, 3)];
    let sets: Vec<&[u8]> = sets.iter().map(Vec::as_slice).collect();
    let mut reader = VideoReader::avc(Vec::new());
    let units = [0, 1, 2, 0].map(|pps| unit(true, pps, &sets)).into_iter();
    let told = read(&mut reader, units.flat_map(|sync| [sync, unit(false, 2, &[])]).collect());
    assert!(told.iter().all(|told| *told == (Some(0), 1)), "{told:?}");
    let track = reader.track().expect("it is known");
    assert_eq!((track.width, track.height, track.rfc6381.as_str()), (320, 180, "avc1.42c00c"));
    assert_eq!(track.record[8 + SMALL.len()], 3, "PPS in it");
}

#[test]
fn nothing_begins_without_the_sets_that_are_referred_to() {
    let [zero, one] = [pps(0, 0, 1), pps(1, 0, 2)];
    let told = from_nothing(vec![unit(true, 0, &[]), unit(true, 0, &[SMALL, &one]), unit(true, 0, &[&zero])]);
    assert_eq!(told, [(None, 1), (None, 3), (Some(0), 1)]);
}

#[test]
fn sets_of_the_description_are_in_force_until_others_say_something_else() {
    let mut reader = VideoReader::avc(vec![SMALL.to_vec(), pps(0, 0, 1)]);
    let repeated = pps(0, 0, 1);
    let other = pps(0, 0, 9);
    let told = read(
        &mut reader,
        vec![unit(true, 0, &[SMALL, &repeated]), unit(false, 0, &[]), unit(true, 0, &[LEVEL, &other])],
    );
    assert_eq!(told, [(Some(0), 1), (Some(0), 1), (Some(1), 1)]);
    // Those that come with the first key frame are in the first record, in use or not.
    let mut reader = VideoReader::avc(vec![SMALL.to_vec(), pps(0, 0, 1)]);
    let sets = [pps(1, 1, 2), numbered(LEVEL, 1)];
    let track = reader.picture(unit(true, 0, &[&sets[0], &sets[1]])).track.expect("it is known");
    assert_eq!(track.record[5], 0xe2, "two SPS");
}

#[test]
fn sets_that_come_in_mid_gop_stay_in_the_picture_and_cost_nothing() {
    let [zero, one, changed] = [pps(0, 0, 1), pps(1, 0, 2), pps(0, 0, 3)];
    let told = from_nothing(vec![
        unit(true, 0, &[SMALL, &zero]),
        unit(false, 1, &[&one]),
        unit(false, 0, &[&changed]),
        unit(false, 0, &[&zero, SMALL]),
        unit(false, 0, &[]),
        // Now they are in the record.
        unit(true, 0, &[]),
        unit(true, 0, &[&zero]),
    ]);
    let epochs: Vec<_> = told.iter().map(|(track, _)| track.expect("it is known")).collect();
    assert_eq!(epochs, [0, 0, 0, 0, 0, 1, 1]);
    assert_eq!(told.iter().map(|(_, nals)| *nals).collect::<Vec<_>>(), [1, 2, 2, 1, 1, 1, 1]);
}

#[test]
fn sets_behind_a_picture_are_for_the_next_one() {
    let [zero, changed] = [pps(0, 0, 1), pps(0, 0, 3)];
    let behind = AccessUnit { sets_before: 0, ..unit(false, 0, &[&changed]) };
    let units = vec![unit(true, 0, &[SMALL, &zero]), behind, unit(false, 0, &[])];
    assert_eq!(from_nothing(units), [(Some(0), 1), (Some(0), 1), (Some(0), 2)]);
}

#[test]
fn ids_that_count_up_are_no_change_and_stay_in_the_pictures() {
    let units = (0..40).map(|id| {
        let id = id % 32;
        unit(true, id, &[&numbered(SMALL, id), &pps(id, id, 1)])
    });
    let told = from_nothing(units.collect());
    assert_eq!(told[0], (Some(0), 1));
    assert!(told[1..32].iter().all(|told| *told == (Some(0), 3)), "{told:?}");
    assert!(told[33..].iter().all(|told| *told == (Some(0), 3)), "{told:?}");
}

#[test]
fn two_sps_that_differ_are_two_tracks_each_with_its_own_first() {
    let other = numbered(LEVEL, 1);
    let sets = [SMALL.to_vec(), other, pps(0, 0, 1), pps(1, 1, 1)];
    let sets: Vec<&[u8]> = sets.iter().map(Vec::as_slice).collect();
    let mut reader = VideoReader::avc(Vec::new());
    let mut names = Vec::new();
    for pps in [0, 0, 1, 1, 0] {
        let track = reader.picture(unit(true, pps, &sets)).track.expect("it is known");
        assert_eq!(&track.record[1..4], if pps == 0 { &SMALL[1..4] } else { &LEVEL[1..4] });
        names.push(track.rfc6381.clone());
    }
    assert_eq!(names, ["avc1.42c00c", "avc1.42c00c", "avc1.42c015", "avc1.42c015", "avc1.42c00c"]);
    // One that no picture refers to changes nothing.
    let told = from_nothing(vec![unit(true, 0, &[SMALL, sets[2]]), unit(true, 0, &sets)]);
    assert_eq!(told, [(Some(0), 1), (Some(0), 1)]);
}

#[test]
fn h265_is_read_by_its_three_sets() {
    let sets = [
        "QAEMAf//AWAAAAMAkAAAAwAAAwA/LAwAAgAAAwAoAAIAAgACgA==",
        "QgEBAWAAAAMAkAAAAwAAAwA/oAUCAXFlLkkyS7I=",
        "RAHA8vAzJA==",
    ]
    .map(|set| STANDARD.decode(set).expect("Base64"));
    let mut reader = VideoReader::hevc(sets.to_vec());
    let described = reader.track().expect("it is known");
    assert_eq!((described.width, described.height, described.codec), (640, 368, VideoCodec::H265));
    assert!(described.rfc6381.starts_with("hvc1.1.6.L63"), "{}", described.rfc6381);
    // 1 is 010 instead of the first 1 of the payload.
    let mut other = sets[2].clone();
    other[2] = 0b0101_1000;
    let told = read(
        &mut reader,
        vec![
            unit(true, 0, &[&sets[0], &sets[1], &sets[2]]),
            unit(false, 0, &[&other]),
            unit(true, 1, &[&sets[0], &sets[1], &sets[2], &other]),
            unit(true, 0, &[&sets[0], &sets[1], &sets[2], &other]),
        ],
    );
    assert_eq!(told, [(Some(0), 1), (Some(0), 2), (Some(1), 1), (Some(1), 1)]);
}

#[test]
fn all_parameter_sets_of_the_description_are_found_with_start_codes_or_without() {
    let sdp = "v=0\r\nm=video 0 RTP/AVP 96\r\na=fmtp:97 sprop-parameter-sets=AAAA\r\n\
               a=fmtp:96 packetization-mode=1; sprop-parameter-sets=Z01AHw==,aMA=,AAAAAWhQ,*;x=1\r\n";
    let sets = |payload_type| sprops(sdp, payload_type, &["sprop-parameter-sets"]);
    assert_eq!(sets(96), [&[0x67, 0x4d, 0x40, 0x1f][..], &[0x68, 0xc0], &[0x68, 0x50]]);
    assert_eq!(sets(98), Vec::<Vec<u8>>::new());
    let sdp = "a=fmtp:96 sprop-pps=RAE=; sprop-vps=QAE=;sprop-sps=QgE=\r\n";
    assert_eq!(sprops(sdp, 96, &["sprop-vps", "sprop-pps"]), [[0x40, 1], [0x44, 1]]);
}
