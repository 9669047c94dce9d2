//! What texts of the RTSP library mean, in words for a camera's owner. Pure.

/// How the library tells of packets of another source (SSRC) than those before.
pub const STRANGER: &str = "wrong ssrc after";

/// What its texts hold, and what they mean.
const MEANINGS: [(&str, &str); 7] = [
    (
        "No parseable streams",
        "its description (SDP) names no stream that can be understood; restart the camera, or update its firmware",
    ),
    (
        "Invalid formatted line",
        "its description (SDP) is garbled; restart the camera, or update its firmware",
    ),
    (
        "clock_rate=0 rejected",
        "its description (SDP) gives a stream a clock of 0 Hz; restart the camera, or update its firmware",
    ),
    ("RTSP framing error", "something came that is no RTSP; check the port, and restart the camera"),
    (
        "EOF while expecting response",
        "the camera hung up instead of an answer; restart it, or close other viewers of it",
    ),
    (STRANGER, "packets of another source (SSRC) than before"),
    ("corrupt RTP header", "packets that are no RTP"),
];

/// What `text` means, if that is known.
pub fn of(text: &str) -> Option<&'static str> {
    MEANINGS.iter().find(|(part, _)| text.contains(part)).map(|(_, meaning)| *meaning)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_texts_are_told_in_plain_words_and_others_are_left() {
        let stranger =
            "wrong ssrc after 12 RTP pkts + 1 RTCP pkts; expecting ssrc=Some(Ssrc { init: RtpPacket })";
        assert_eq!(of(stranger), Some("packets of another source (SSRC) than before"));
        let garbled = "200 response to DESCRIBE CSeq=2: Unable to parse SDP: Invalid formatted line 3: \"x\"";
        assert!(of(garbled).is_some_and(|words| words.contains("garbled")));
        assert_eq!(of("bad Content-Base"), None);
    }
}
