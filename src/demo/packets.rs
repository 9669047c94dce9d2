//! RTP packets (RFC 3550) of H.264 (RFC 6184) and AAC (RFC 3640).

use rtp_types::{RtpPacketBuilder, RtpWriteError};

/// Longest RTP payload in bytes: with all headers below an Ethernet frame's 1500, tunnels included.
const MAX_PAYLOAD: usize = 1400;

/// NAL unit type of a fragment (RFC 6184, section 5.8).
const FU_A: u8 = 28;

/// Numbers the packets of one stream and counts them for its sender reports.
#[derive(Debug)]
pub(super) struct Packetizer {
    /// The stream's synchronization source.
    pub(super) ssrc: u32,
    /// The next packet's sequence number.
    pub(super) sequence: u16,
    /// Packets so far.
    pub(super) packets: u32,
    /// Bytes of payload so far.
    pub(super) octets: u32,
    payload_type: u8,
}

impl Packetizer {
    /// A stream that starts with the given numbers.
    pub(super) fn new(payload_type: u8, ssrc: u32, sequence: u16) -> Self {
        Self { ssrc, sequence, packets: 0, octets: 0, payload_type }
    }

    /// One picture, given as its NAL units: those that fit go out whole, others as FU-A fragments. The picture's last
    /// packet bears the marker if it `ends` there.
    pub(super) fn video<'a>(
        &mut self,
        nals: impl Iterator<Item = &'a [u8]>,
        timestamp: u32,
        ends: bool,
        mut send: impl FnMut(u32, &[u8]),
    ) -> Result<(), RtpWriteError> {
        let mut nals = nals.filter(|nal| !nal.is_empty()).peekable();
        while let Some(nal) = nals.next() {
            let last = ends && nals.peek().is_none();
            if nal.len() <= MAX_PAYLOAD {
                self.packet(&[nal], timestamp, last, &mut send)?;
                continue;
            }
            let mut fragments = nal[1..].chunks(MAX_PAYLOAD - 2).peekable();
            let mut first = true;
            while let Some(fragment) = fragments.next() {
                let end = fragments.peek().is_none();
                let indicator = nal[0] & 0xe0 | FU_A;
                let header = u8::from(first) << 7 | u8::from(end) << 6 | nal[0] & 0x1f;
                self.packet(&[&[indicator, header], fragment], timestamp, last && end, &mut send)?;
                first = false;
            }
        }
        Ok(())
    }

    /// One AAC access unit behind its AU header of 13 bits of size and 3 of index (RFC 3640, section 3.3.6).
    pub(super) fn audio(
        &mut self,
        unit: &[u8],
        timestamp: u32,
        mut send: impl FnMut(u32, &[u8]),
    ) -> Result<(), RtpWriteError> {
        let header_bits = 16u16.to_be_bytes();
        let header = ((unit.len() as u16) << 3).to_be_bytes();
        self.packet(&[&header_bits, &header, unit], timestamp, true, &mut send)
    }

    /// Hands one packet to `send`, with the count of packets up to this one.
    fn packet(
        &mut self,
        payload: &[&[u8]],
        timestamp: u32,
        marker: bool,
        send: &mut impl FnMut(u32, &[u8]),
    ) -> Result<(), RtpWriteError> {
        let builder = RtpPacketBuilder::<&[u8], &[u8]>::new()
            .payload_type(self.payload_type)
            .sequence_number(self.sequence)
            .timestamp(timestamp)
            .ssrc(self.ssrc)
            .marker_bit(marker);
        let packet = payload.iter().fold(builder, |builder, piece| builder.payload(piece)).write_vec()?;
        let octets: usize = payload.iter().map(|piece| piece.len()).sum();
        self.sequence = self.sequence.wrapping_add(1);
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(octets as u32);
        send(self.packets, &packet);
        Ok(())
    }
}

/// The NAL units of an MP4 sample, each behind a length of four bytes (ISO/IEC 14496-15, section 5.3.4.2).
pub(super) fn nals(mut sample: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (length, rest) = sample.split_first_chunk::<4>()?;
        let (nal, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        sample = rest;
        Some(nal)
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use rtp_types::RtpPacket;

    use super::*;

    fn sent(nals: &[&[u8]]) -> Vec<Vec<u8>> {
        let mut packets = Vec::new();
        let mut packetizer = Packetizer::new(96, 7, u16::MAX);
        packetizer
            .video(nals.iter().copied(), 1234, true, |_, packet| packets.push(packet.to_vec()))
            .unwrap();
        packets
    }

    #[test]
    fn a_small_picture_goes_out_nal_by_nal_with_the_marker_on_its_last() {
        let packets = sent(&[&[0x67, 1], &[0x68, 2], &[0x65, 3]]);
        let packets: Vec<_> = packets.iter().map(|p| RtpPacket::parse(p).unwrap()).collect();
        assert_eq!(packets.iter().map(|p| p.marker_bit()).collect::<Vec<_>>(), [false, false, true]);
        assert_eq!(packets.iter().map(|p| p.sequence_number()).collect::<Vec<_>>(), [u16::MAX, 0, 1]);
        assert!(packets.iter().all(|p| p.timestamp() == 1234 && p.ssrc() == 7 && p.payload_type() == 96));
        assert_eq!(packets[2].payload(), [0x65, 3]);
    }

    #[test]
    fn a_long_nal_is_cut_and_its_fragments_join_to_the_same() {
        let nal: Vec<u8> = std::iter::once(0x65).chain((0..4000u32).map(|i| i as u8)).collect();
        let packets = sent(&[&nal]);
        let packets: Vec<_> = packets.iter().map(|p| RtpPacket::parse(p).unwrap()).collect();
        let headers: Vec<_> =
            packets.iter().map(|p| (p.payload()[0], p.payload()[1], p.marker_bit())).collect();
        assert_eq!(headers, [(0x7c, 0x85, false), (0x7c, 0x05, false), (0x7c, 0x45, true)]);
        assert!(packets.iter().all(|p| p.payload().len() <= MAX_PAYLOAD));
        let joined: Vec<u8> = packets.iter().flat_map(|p| &p.payload()[2..]).copied().collect();
        assert_eq!(joined, nal[1..]);
    }

    #[test]
    fn an_access_unit_follows_its_size_in_bits_shifted() {
        let mut packetizer = Packetizer::new(97, 7, 5);
        let mut packets = Vec::new();
        packetizer.audio(&[9; 300], 1, |count, packet| packets.push((count, packet.to_vec()))).unwrap();
        let packet = RtpPacket::parse(&packets[0].1).unwrap();
        assert_eq!(packet.payload()[..4], [0, 16, (300 << 3 >> 8) as u8, (300 << 3 & 255) as u8]);
        assert_eq!((packetizer.packets, packetizer.octets, packetizer.sequence), (1, 304, 6));
    }

    #[test]
    fn a_sample_falls_into_its_nals_and_damage_ends_it() {
        let sample = [0, 0, 0, 2, 1, 2, 0, 0, 0, 1, 3, 0, 0, 0, 9, 4];
        assert_eq!(nals(&sample).collect::<Vec<_>>(), [&[1, 2][..], &[3][..]]);
    }
}
