//! Descriptions in words that the RTSP library takes: it knows nothing of high-efficiency AAC, though its packets are
//! those of other AAC, nor of AAC whose RTP clock counts otherwise than in its samples, as where the clock is that of
//! the whole and the samples are those within. What was said first stands in an attribute of our own, for [`told`].
//! Pure.

use crate::media::aac::Said;

/// The name of that attribute.
const ATTRIBUTE: &str = "a=x-belvedere-config";

/// The description `sdp` as it is to be told; `None` if it can stay as it is.
pub fn retell(sdp: &str) -> Option<String> {
    let mut changed = false;
    let lines = sdp.lines().flat_map(|line| match told_otherwise(line, sdp) {
        Some((payload_type, config, core)) => {
            changed = true;
            // The configuration is a piece of the line.
            let start = config.as_ptr().addr() - line.as_ptr().addr();
            let (before, after) = (&line[..start], &line[start + config.len()..]);
            vec![format!("{before}{core}{after}"), format!("{ATTRIBUTE}:{payload_type} {config}")]
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

/// The payload type, the configuration, and the one to tell instead, if a line of `sdp` has one that the library does
/// not take (RFC 3640, 4.1).
fn told_otherwise<'a>(line: &'a str, sdp: &str) -> Option<(&'a str, &'a str, String)> {
    let (payload_type, parameters) = line.trim().strip_prefix("a=fmtp:")?.split_once(' ')?;
    let clock = clock(sdp, payload_type)?;
    let mut named = parameters.split(';').filter_map(|one| one.trim().split_once('='));
    let (_, config) = named.find(|(name, _)| name.eq_ignore_ascii_case("config"))?;
    let bytes = hex(config)?;
    let core = Said::of(&bytes)?.core(clock);
    let text = core.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    (core != bytes).then_some((payload_type, config, text))
}

/// Ticks a second of the RTP clock of AAC (RFC 8866, 6.6).
fn clock(sdp: &str, payload_type: &str) -> Option<u32> {
    let prefix = format!("a=rtpmap:{payload_type} ");
    let map = sdp.lines().find_map(|line| line.trim().strip_prefix(prefix.as_str()))?;
    let (encoding, rest) = map.trim().split_once('/')?;
    let rate = rest.split('/').next()?.parse().ok().filter(|rate| (1..1 << 24).contains(rate));
    rate.filter(|_| encoding.eq_ignore_ascii_case("mpeg4-generic"))
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

    /// A description of AAC with that clock and configuration.
    fn sdp(clock: u32, config: &str) -> String {
        format!(
            "v=0\r\nm=audio 0 RTP/AVP 97\r\na=rtpmap:97 MPEG4-GENERIC/{clock}/2\r\n\
             a=fmtp:97 streamtype=5; mode=AAC-hbr; config={config}; sizelength=13\r\na=control:audio\r\n"
        )
    }

    #[test]
    fn high_efficiency_aac_is_told_as_what_is_within_and_what_was_said_first_is_kept() {
        // By the clock of what is within, by that of the whole, and by one that AAC has no number for.
        for (clock, within) in [(24_000, "131000"), (48_000, "17805dc010"), (90_000, "1780afc810")] {
            let said = sdp(clock, "2B118800");
            let retold = retell(&said).expect("it is retold");
            let fmtp = retold.lines().find(|line| line.starts_with("a=fmtp:97 ")).expect("it stays");
            assert!(fmtp.contains(&format!("; config={within}")), "{retold}");
            assert_eq!(told(&retold, 97), Some(vec![0x2b, 0x11, 0x88, 0]));
            assert_eq!(told(&retold, 98), None);
            assert_eq!(retold.lines().count(), said.lines().count() + 1);
            assert_eq!(retell(&retold), None, "once is enough");
        }
    }

    #[test]
    fn aac_that_is_counted_in_what_the_decoder_makes_of_it_is_told_by_its_clock() {
        let retold = retell(&sdp(48_000, "1310")).expect("it is retold");
        assert_eq!(told(&retold, 97), Some(vec![0x13, 0x10]));
    }

    #[test]
    fn what_the_library_takes_stays_as_it_is() {
        for config in ["1190", "119056e500", "2", "zz", ""] {
            assert_eq!(retell(&sdp(48_000, config)), None, "{config}");
        }
        let video = "m=video 0 RTP/AVP 96\r\na=rtpmap:96 MP4V-ES/90000\r\na=fmtp:96 config=1310\r\n";
        assert_eq!(retell(video), None);
    }
}
