//! Sender reports (RFC 3550, section 6.4.1), each with the CNAME that ties a camera's streams together (6.5.1).

/// The same for all streams of the camera: their clocks are one.
const CNAME: &[u8] = b"belvedere-demo";

/// What a report says.
#[derive(Clone, Copy, Debug)]
pub(super) struct SenderReport {
    /// Whose report it is.
    pub(super) ssrc: u32,
    /// Wall time as an NTP timestamp.
    pub(super) ntp: u64,
    /// The same instant on the stream's RTP clock.
    pub(super) rtp: u32,
    /// Packets sent so far.
    pub(super) packets: u32,
    /// Bytes of payload sent so far.
    pub(super) octets: u32,
}

impl SenderReport {
    /// The compound packet: SR, then SDES, as section 6.1 asks.
    pub(super) fn write(&self) -> Vec<u8> {
        let mut out = vec![0x80, 200, 0, 6];
        out.extend(self.ssrc.to_be_bytes());
        out.extend(self.ntp.to_be_bytes());
        out.extend(self.rtp.to_be_bytes());
        out.extend(self.packets.to_be_bytes());
        out.extend(self.octets.to_be_bytes());
        // One chunk: SSRC, item CNAME (1), at least one zero byte, padded to whole words.
        let chunk = (4 + 2 + CNAME.len() + 1).next_multiple_of(4);
        out.extend([0x81, 202, 0, (chunk / 4) as u8]);
        let end = out.len() + chunk;
        out.extend(self.ssrc.to_be_bytes());
        out.extend([1, CNAME.len() as u8]);
        out.extend(CNAME);
        out.resize(end, 0);
        out
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_an_sr_and_an_sdes_of_whole_words() {
        let report = SenderReport { ssrc: 1, ntp: 2 << 32 | 3, rtp: 4, packets: 5, octets: 6 }.write();
        assert_eq!(report[..8], [0x80, 200, 0, 6, 0, 0, 0, 1]);
        assert_eq!(report[8..28], [0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5, 0, 0, 0, 6]);
        assert_eq!(report[28..32], [0x81, 202, 0, 6]);
        assert_eq!(report.len(), 28 + 4 + 6 * 4);
        assert_eq!(report.last(), Some(&0));
    }
}
