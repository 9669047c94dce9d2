//! Descriptions in words that the RTSP library takes: it knows nothing of high-efficiency AAC, though its packets are
//! those of other AAC. What was said first stands in an attribute of our own, for [`told`]. Pure.

use crate::media::aac;

/// The name of that attribute.
const ATTRIBUTE: &str = "a=x-belvedere-config";

/// The description `sdp` as it is to be told; `None` if it can stay as it is.
pub fn retell(sdp: &str) -> Option<String> {
    let mut changed = false;
    let lines = sdp.lines().flat_map(|line| match high_efficiency(line) {
        Some((payload_type, config, core)) => {
            changed = true;
            vec![line.replace(config, &core), format!("{ATTRIBUTE}:{payload_type} {config}")]
        }
        // Nobody else says such a thing.
        None if line.starts_with(ATTRIBUTE) => Vec::new(),
        None => vec![line.to_owned()],
    });
    let told = lines.fold(String::new(), |text, line| text + &line + "\r\n");
    changed.then_some(told)
}

/// The AudioSpecificConfig of a payload type before it was retold.
pub fn told(sdp: &str, payload_type: u8) -> Option<Vec<u8>> {
    let prefix = format!("{ATTRIBUTE}:{payload_type} ");
    hex(sdp.lines().find_map(|line| line.trim().strip_prefix(prefix.as_str()))?)
}

/// The payload type, the configuration, and that of the AAC within, if a line is of such AAC (RFC 3640, 4.1).
fn high_efficiency(line: &str) -> Option<(&str, &str, String)> {
    let (payload_type, parameters) = line.trim().strip_prefix("a=fmtp:")?.split_once(' ')?;
    let mut named = parameters.split(';').filter_map(|one| one.trim().split_once('='));
    let (_, config) = named.find(|(name, _)| name.eq_ignore_ascii_case("config"))?;
    let core = aac::high_efficiency(&hex(config)?)?.core;
    Some((payload_type, config, core.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))))
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|digit| digit.to_digit(16).map(|digit| digit as u8)).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "v=0\r\nm=audio 0 RTP/AVP 97\r\na=rtpmap:97 mpeg4-generic/48000/2\r\n";

    #[test]
    fn high_efficiency_aac_is_told_as_what_is_within_and_what_was_said_first_is_kept() {
        let fmtp = "a=fmtp:97 streamtype=5; mode=AAC-hbr; config=2B118800; sizelength=13";
        let told_sdp = retell(&format!("{HEAD}{fmtp}\r\na=control:audio\r\n")).expect("it is retold");
        let expected = fmtp.replace("2B118800", "131000");
        assert!(told_sdp.starts_with(HEAD) && told_sdp.ends_with("a=control:audio\r\n"), "{told_sdp}");
        assert!(
            told_sdp.lines().any(|line| line.starts_with(expected.trim_end_matches("00; sizelength=13"))),
            "{told_sdp}"
        );
        assert_eq!(told(&told_sdp, 97), Some(vec![0x2b, 0x11, 0x88, 0]));
        assert_eq!(told(&told_sdp, 98), None);
        assert_eq!(retell(&told_sdp), None, "once is enough");
    }

    #[test]
    fn what_the_library_takes_stays_as_it_is() {
        for config in ["1190", "119056e500", "2", "zz", ""] {
            assert_eq!(retell(&format!("{HEAD}a=fmtp:97 config={config}\r\n")), None, "{config}");
        }
    }
}
