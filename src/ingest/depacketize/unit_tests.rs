//! What comes of packets that were made by hand, of both codecs.

use super::*;
use crate::ingest::depacketize::Pictures;

/// Heads of slices: first and PPS 0; first and PPS 1; not first and PPS 0.
const FIRST: u8 = 0b1100_0000 | 0b0010_0000;
const FIRST_OF_ONE: u8 = 0b1101_0100;
const OTHER: u8 = 0b0101_1000;

const SPS: &[u8] = &[0x67, 0x4d, 0x40, 0x1f, 0x80, 1];
const PPS: &[u8] = &[0x68, 0xc0, 1];
const SEI: &[u8] = &[6, 5, 1, 0x80];

fn packet(payload: &[u8], elapsed: i64, mark: bool) -> Packet {
    let payload = Bytes::copy_from_slice(payload);
    Packet { payload, elapsed, mark, lost: 0, arrival: crate::clock::now().instant }
}

/// A packet before which others were lost.
fn after_loss(lost: u16, packet: Packet) -> Packet {
    Packet { lost, ..packet }
}

/// What is told of access units: time, sync, loss, and the NAL units without lengths; or a slip.
type Told = Result<(i64, bool, u16, Vec<Vec<u8>>), &'static str>;

fn pushed(mut pictures: Pictures, packets: &[Packet]) -> Vec<Told> {
    let mut found = VecDeque::new();
    packets.iter().for_each(|packet| pictures.push(packet, &mut found));
    let told = |found| match found {
        Found::Whole(unit) => {
            let AccessUnit { elapsed, sync, lost, data, .. } = unit;
            Ok((elapsed, sync, lost, nals(&data)))
        }
        Found::Slip(why) => Err(why),
        Found::Endless => Err("endless"),
    };
    found.into_iter().map(told).collect()
}

fn avc(packets: &[Packet]) -> Vec<Told> {
    pushed(Pictures::avc(), packets)
}

fn nals(mut sample: &[u8]) -> Vec<Vec<u8>> {
    let mut nals = Vec::new();
    while let Some((length, rest)) = sample.split_first_chunk::<4>() {
        let (nal, rest) = rest.split_at(u32::from_be_bytes(*length) as usize);
        nals.push(nal.to_vec());
        sample = rest;
    }
    assert!(sample.is_empty());
    nals
}

fn picture(elapsed: i64, sync: bool, nals: &[&[u8]]) -> Told {
    Ok((elapsed, sync, 0, nals.iter().map(|nal| nal.to_vec()).collect()))
}

/// A small whole picture, in one packet.
fn small(elapsed: i64) -> Packet {
    packet(&[0x41, FIRST, elapsed as u8 | 1], elapsed, true)
}

fn small_told(elapsed: i64) -> Told {
    picture(elapsed, false, &[&[0x41, FIRST, elapsed as u8 | 1]])
}

#[test]
fn single_units_aggregates_and_fragments_become_one_access_unit() {
    let aggregate = [&[0x78, 0, 6][..], SPS, &[0, 3], PPS, &[0, 4], SEI].concat();
    let told = avc(&[
        packet(&aggregate, 10, false),
        packet(&[0x65, FIRST, 7], 10, false),
        packet(&[0x7c, 0x85, OTHER, 1], 10, false),
        packet(&[0x7c, 0x05, 2], 10, false),
        packet(&[0x7c, 0x45, 3], 10, true),
    ]);
    assert_eq!(told, [picture(10, true, &[SEI, &[0x65, FIRST, 7], &[0x65, OTHER, 1, 2, 3]])]);
}

#[test]
fn sets_are_taken_out_and_told_with_what_refers_to_them() {
    let mut pictures = Pictures::avc();
    let mut found = VecDeque::new();
    for packet in [
        packet(SPS, 0, false),
        packet(PPS, 0, false),
        packet(&[0x65, FIRST, 7], 0, false),
        packet(&[0x65, FIRST_OF_ONE, 7], 0, false),
        packet(PPS, 0, true),
    ] {
        pictures.push(&packet, &mut found);
    }
    let Some(Found::Whole(unit)) = found.pop_front() else { panic!("{found:?}") };
    assert_eq!(unit.sets, [SPS, PPS, PPS]);
    assert_eq!((unit.sets_before, unit.pps), (2, vec![0, 1]));
}

#[test]
fn a_fragment_that_is_the_only_one_is_a_whole_unit() {
    let told = avc(&[packet(&[0x7c, 0xc5, FIRST, 1], 0, true)]);
    assert_eq!(told, [picture(0, true, &[&[0x65, FIRST, 1]])]);
}

#[test]
fn markers_and_times_of_parameter_sets_are_no_ends_of_pictures() {
    let told = avc(&[
        packet(SPS, 0, true),
        packet(PPS, 1, true),
        packet(SEI, 2, true),
        packet(&[0x65, FIRST, 7], 3, true),
        // No marker: the next time ends it.
        packet(&[0x41, FIRST, 8], 6, false),
        packet(SEI, 9, true),
        packet(&[0x41, FIRST, 9], 9, true),
    ]);
    assert_eq!(
        told,
        [
            picture(3, true, &[SEI, &[0x65, FIRST, 7]]),
            picture(6, false, &[&[0x41, FIRST, 8]]),
            picture(9, false, &[SEI, &[0x41, FIRST, 9]])
        ]
    );
}

#[test]
fn a_marker_within_a_fragmented_unit_is_none() {
    let told = avc(&[
        packet(&[0x7c, 0x85, FIRST, 1], 0, true),
        packet(&[0x7c, 0x05, 2], 0, true),
        packet(&[0x7c, 0x45, 3], 0, true),
    ]);
    assert_eq!(told, [picture(0, true, &[&[0x65, FIRST, 1, 2, 3]])]);
}

#[test]
fn byte_streams_fall_into_their_units_even_where_a_fragment_cuts_a_start_code() {
    let code = [0, 0, 0, 1];
    let stream = [&code[..], SPS, &code, PPS, &code[1..], &[0x65, FIRST, 7, 0]].concat();
    let expected = [picture(0, true, &[&[0x65, FIRST, 7]])];
    assert_eq!(avc(&[packet(&stream, 0, true)]), expected);
    let aggregate = [&[0x78, 0, stream.len() as u8][..], &stream].concat();
    assert_eq!(avc(&[packet(&aggregate, 0, true)]), expected);
    // Behind the SPS's own header, in two pieces, wherever that is cut.
    let behind = &stream[5..];
    for cut in 0..behind.len() {
        let [one, other] = [&behind[..cut], &behind[cut..]];
        let pieces = [
            packet(&[&[0x7c, 0x87][..], one].concat(), 0, false),
            packet(&[&[0x7c, 0x47][..], other].concat(), 0, true),
        ];
        assert_eq!(avc(&pieces), expected, "cut at {cut}");
    }
}

#[test]
fn each_slip_costs_its_access_unit_and_is_told_once() {
    let begun = || packet(&[0x7c, 0x81, FIRST, 1], 10, false);
    let slips: [(&str, Vec<Packet>); 9] = [
        ("no beginning", vec![packet(&[0x7c, 0x01, 2], 10, false), packet(&[0x7c, 0x01, 3], 10, false)]),
        ("no end", vec![begun()]),
        ("no end, and a whole one", vec![begun(), packet(&[0x41, OTHER, 1], 10, true)]),
        ("two beginnings", vec![begun(), begun(), begun()]),
        ("an aggregate in a fragment", vec![begun(), packet(&[0x78, 0, 2, 0x41, OTHER], 10, true)]),
        ("marked as damaged", vec![packet(&[0xc1, FIRST, 1], 10, true)]),
        ("too long for its packet", vec![packet(&[0x78, 0, 9, 0x41, OTHER], 10, true)]),
        ("of another mode", vec![packet(&[0x79, 0, 2, 0x41, OTHER], 10, true)]),
        ("a fragment of nothing", vec![packet(&[0x7c], 10, false), packet(&[0x7c], 10, true)]),
    ];
    for (what, slip) in slips {
        let packets = [vec![small(7)], slip, vec![small(13), small(16)]].concat();
        let told = avc(&packets);
        assert_eq!(told.len(), 4, "{what}: {told:?}");
        assert!(told[1].is_err(), "{what}: {told:?}");
        assert_eq!(
            [&told[0], &told[2], &told[3]],
            [&small_told(7), &small_told(13), &small_told(16)],
            "{what}"
        );
    }
}

#[test]
fn packets_of_padding_alone_are_no_slip() {
    let told = avc(&[packet(&[0x41, FIRST, 1], 0, false), packet(&[], 0, true), small(3)]);
    assert_eq!(told, [picture(0, false, &[&[0x41, FIRST, 1]]), small_told(3)]);
}

#[test]
fn whoever_joins_in_the_middle_of_a_picture_loses_that_one_and_it_is_no_damage() {
    let fragments = [packet(&[0x7c, 0x05, 2], 0, false), packet(&[0x7c, 0x45, 3], 0, true)];
    let slices = [packet(&[0x65, OTHER, 2], 0, false), packet(&[0x65, OTHER, 3], 0, true)];
    for rest in [&fragments, &slices] {
        assert_eq!(avc(&[rest, &[small(3)][..]].concat()), [small_told(3)]);
    }
}

#[test]
fn loss_costs_the_pictures_that_it_may_have_torn_and_is_told_with_the_next() {
    let begun = packet(&[0x7c, 0x81, FIRST, 1], 10, false);
    let end = packet(&[0x7c, 0x41, 3], 10, true);
    let after = |lost, told: Told| told.map(|(elapsed, sync, _, nals)| (elapsed, sync, lost, nals));
    // Within a picture; its beginning; its end, and the beginning of the next; between two slices.
    let cases = [
        vec![begun.clone(), after_loss(2, end.clone())],
        vec![after_loss(2, end)],
        vec![
            begun,
            after_loss(1, packet(&[0x7c, 0x41, 3], 11, false)),
            after_loss(1, packet(&[0x7c, 0x41], 11, true)),
        ],
        vec![packet(&[0x41, FIRST, 1], 10, false), after_loss(2, packet(&[0x41, OTHER, 1], 10, true))],
        vec![packet(&[0x41, FIRST, 1], 10, false), after_loss(2, packet(&[0x41, OTHER, 1], 11, true))],
    ];
    for case in cases {
        let told = avc(&[vec![small(7)], case, vec![small(13), small(16)]].concat());
        assert_eq!(told, [small_told(7), after(2, small_told(13)), small_told(16)]);
    }
    // Nothing of what came is torn.
    let told = avc(&[small(7), after_loss(9, small(10)), small(13)]);
    assert_eq!(told, [small_told(7), after(9, small_told(10)), small_told(13)]);
}

#[test]
fn where_rtp_time_stands_markers_alone_part_pictures_and_slips() {
    let lost_end = packet(&[0x7c, 0x01, 2], 0, true);
    let told = avc(&[small(0), small(0), lost_end.clone(), small(0), lost_end, small(0)]);
    let whole = small_told(0);
    assert_eq!(told.iter().filter(|told| **told == whole).count(), 4, "{told:?}");
    assert_eq!(told.len(), 6);
}

#[test]
fn a_picture_without_an_end_is_told_before_it_fills_the_memory() {
    let mut pictures = Pictures::avc();
    let mut found = VecDeque::new();
    let megabyte = [&[0x7c, 0x01][..], &[9; 1 << 20]].concat();
    pictures.push(&packet(&[0x7c, 0x81, FIRST], 0, false), &mut found);
    for _ in 0..40 {
        pictures.push(&packet(&megabyte, 0, false), &mut found);
    }
    assert_eq!(found, [Found::Endless]);
}

#[test]
fn parameter_sets_without_a_picture_do_not_fill_the_memory_either() {
    let (mut pictures, mut found) = (Pictures::avc(), VecDeque::new());
    for count in 0..1_000_u16 {
        let [high, low] = count.to_be_bytes();
        pictures.push(&packet(&[0x68, 0xc0, high, low, 1], 10, false), &mut found);
    }
    pictures.push(&packet(&[0x65, FIRST, 7], 10, true), &mut found);
    let Some(Found::Whole(unit)) = found.pop_front() else { panic!("a picture") };
    assert_eq!((unit.sets.len(), unit.sets_before), (MOST_SETS, MOST_SETS));
    assert_eq!((nals(&unit.data), found.len()), (vec![vec![0x65, FIRST, 7]], 0));
}

/// The two bytes of a header of H.265, and the head of a slice: first in its picture, PPS 0.
fn hevc_slice(unit: u8) -> [u8; 4] {
    let first = if (16..24).contains(&unit) { 0b1010_0000 } else { 0b1100_0000 };
    [unit << 1, 1, first, 0x80 | unit]
}

#[test]
fn h265_comes_in_single_units_aggregates_and_fragments_too() {
    let (vps, idr) = ([0x40, 1, 9], hevc_slice(19));
    let aggregate = [&[48 << 1, 1, 0, 3][..], &vps, &[0, 4], &idr].concat();
    let whole = [idr[0], idr[1], idr[2], 1, 2, 3];
    let told = pushed(
        Pictures::hevc(),
        &[
            packet(&aggregate, 0, true),
            packet(&[49 << 1, 1, 0x80 | 19, whole[2], whole[3]], 3, false),
            packet(&[49 << 1, 1, 19, whole[4]], 3, false),
            packet(&[49 << 1, 1, 0x40 | 19, whole[5]], 3, true),
            packet(&[49 << 1, 1, 19, 7], 6, true),
            packet(&hevc_slice(1), 9, true),
        ],
    );
    let slip = Err("a fragment without its beginning");
    let last = picture(9, false, &[&hevc_slice(1)]);
    assert_eq!(told, [picture(0, true, &[&idr]), picture(3, true, &[&whole]), slip, last]);
}

/// The times of those of `units` that are told, one picture each; before some of them a packet is lost.
fn hevc_times(units: &[(u8, bool)]) -> Vec<i64> {
    let packets: Vec<_> = (0..)
        .zip(units)
        .map(|(time, (unit, lost))| after_loss(u16::from(*lost), packet(&hevc_slice(*unit), time, true)))
        .collect();
    let told = pushed(Pictures::hevc(), &packets);
    told.into_iter().map(|told| told.expect("no slip").0).collect()
}

#[test]
fn pictures_that_refer_to_what_was_never_seen_are_left_out() {
    const CRA: (u8, bool) = (21, false);
    const RASL: (u8, bool) = (8, false);
    const RADL: (u8, bool) = (6, false);
    const TRAIL: (u8, bool) = (1, false);
    // At the beginning, and no more behind the next one; with what can be decoded among them.
    assert_eq!(hevc_times(&[CRA, RASL, RADL, RASL, TRAIL, CRA, RASL, TRAIL]), [0, 2, 4, 5, 6, 7]);
    // After loss: what came before cannot be relied on.
    assert_eq!(hevc_times(&[CRA, TRAIL, (1, true), CRA, RASL, TRAIL, CRA, RASL]), [0, 1, 2, 3, 5, 6, 7]);
    // An IDR picture has none, and one that says that its own are broken keeps none.
    assert_eq!(hevc_times(&[(19, false), TRAIL, (16, false), RASL, TRAIL]), [0, 1, 2, 4]);
}
