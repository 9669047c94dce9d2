use std::time::SystemTime;

use rtp_types::RtpPacket;

use super::*;
use crate::clock::Now;

/// A whole minute since 1970, plus `ms`.
fn minute(ms: u64) -> Now {
    let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(60 * 29_000_000) + Duration::from_millis(ms);
    Now { instant: crate::clock::now().instant, wall }
}

fn player(now: Now, kinds: &[Kind]) -> Player {
    let clip = Arc::new(super::super::clip::all().unwrap().remove(1));
    let other = Arc::clone(&clip);
    let streams =
        (0..).zip(kinds).map(|(i, kind)| Stream::new(*kind, Outlet::Tcp { rtp: 2 * i, rtcp: 2 * i + 1 }));
    let streams = streams.collect();
    Player::new(clip, other, Timebase::new(now, Duration::ZERO), streams, now.instant, &Faults::default())
}

/// What `tcp` holds: channel and packet.
fn packets(mut tcp: &[u8]) -> Vec<(u8, &[u8])> {
    let mut packets = Vec::new();
    while let [b'$', channel, high, low, rest @ ..] = tcp {
        let (packet, rest) = rest.split_at(usize::from(u16::from_be_bytes([*high, *low])));
        packets.push((*channel, packet));
        tcp = rest;
    }
    packets
}

/// Takes turns until nothing is due at `now` any more; RTP times of pictures, each once.
fn pictures(player: &mut Player, now: Instant, faults: &Faults) -> Vec<u32> {
    let mut tcp = Vec::new();
    while player.wake().unwrap() <= now + TURN {
        let before = tcp.len();
        player.turn(now, faults, &mut tcp).unwrap();
        if tcp.len() == before {
            break;
        }
    }
    let rtp = packets(&tcp).into_iter().filter(|(channel, _)| *channel == 0);
    let mut times: Vec<u32> = rtp.map(|(_, packet)| RtpPacket::parse(packet).unwrap().timestamp()).collect();
    times.dedup();
    times
}

#[test]
fn a_session_starts_at_the_newest_idr_frame_with_all_frames_since() {
    let now = minute(58_999);
    let mut player = player(now, &[Kind::Video]);
    let start = player.streams[0].rtp_start;
    let times = pictures(&mut player, now.instant, &Faults::default());
    let expected: Vec<u32> = (0..25).map(|i| start.wrapping_add(3600 * i)).collect();
    assert_eq!(times, expected, "58.00 to 58.96");
}

#[test]
fn rtp_time_goes_on_evenly_over_the_seam() {
    let now = minute(59_900);
    let mut player = player(now, &[Kind::Video]);
    pictures(&mut player, now.instant, &Faults::default());
    let times = pictures(&mut player, now.instant + Duration::from_millis(300), &Faults::default());
    assert_eq!(times.len(), 8, "59.92 to 60.20");
    assert!(times.windows(2).all(|pair| pair[1].wrapping_sub(pair[0]) == 3600));
}

#[test]
fn each_stream_opens_with_a_sender_report_for_the_instant_of_its_sending() {
    let now = minute(1_500);
    let mut player = player(now, &[Kind::Video, Kind::Audio]);
    let mut tcp = Vec::new();
    player.turn(now.instant, &Faults::default(), &mut tcp).unwrap();
    let packets = packets(&tcp);
    for (index, rate) in [(0, 90_000), (1, 32_000)] {
        let channel = 2 * index as u8;
        let (first, report) = packets.iter().find(|(c, _)| c / 2 == index as u8).unwrap();
        assert_eq!((*first, report[1]), (channel + 1, 200), "RTCP first, and an SR");
        let word = |at: usize| u32::from_be_bytes(report[at..at + 4].try_into().unwrap());
        assert_eq!(word(8), (29_000_000u64 * 60 + 1 + 2_208_988_800) as u32);
        assert_eq!(word(12), 1 << 31, "half a second");
        assert_eq!(word(16).wrapping_sub(player.streams[index].rtp_start), rate * 3 / 2);
    }
}

#[test]
fn skipped_frames_leave_a_hole_in_time_and_none_in_numbers() {
    let now = minute(0);
    let faults = Faults::default();
    let mut player = player(now, &[Kind::Video]);
    let sequence = |player: &Player| player.streams[0].packetizer.sequence;
    let first = pictures(&mut player, now.instant, &faults);
    let before = sequence(&player);
    faults.skip_video_frames(2);
    let rest = pictures(&mut player, now.instant + Duration::from_millis(120), &faults);
    assert_eq!(rest, [first[0].wrapping_add(3 * 3600)]);
    assert_eq!(sequence(&player), before.wrapping_add(1));
}

#[test]
fn after_a_stall_the_stream_goes_on_at_the_present() {
    let now = minute(0);
    let faults = Faults::default();
    let mut player = player(now, &[Kind::Video]);
    let first = pictures(&mut player, now.instant, &faults);
    faults.stall(true);
    assert!(pictures(&mut player, now.instant + Duration::from_secs(9), &faults).is_empty());
    faults.stall(false);
    let rest = pictures(&mut player, now.instant + Duration::from_millis(9_040), &faults);
    assert_eq!(rest, [first[0].wrapping_add(226 * 3600)]);
}

#[test]
fn a_shift_moves_rtp_time_once() {
    let now = minute(0);
    let faults = Faults::default();
    let mut player = player(now, &[Kind::Video]);
    let first = pictures(&mut player, now.instant, &faults);
    faults.shift_rtp_time(Duration::from_secs(10));
    let rest = pictures(&mut player, now.instant + Duration::from_millis(80), &faults);
    assert_eq!(rest[0], first[0].wrapping_add(3600 + 900_000));
    assert_eq!(rest[1], rest[0].wrapping_add(3600));
}
