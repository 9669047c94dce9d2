//! The description of one rendition (RFC 8866; for RTSP, RFC 2326, appendix C).

use std::fmt::Write;
use std::net::IpAddr;

use super::base64;
use super::clip::Clip;

/// RTP payload type of the video, from the dynamic range.
pub(super) const VIDEO_TYPE: u8 = 96;
/// RTP payload type of the audio.
pub(super) const AUDIO_TYPE: u8 = 97;
/// Last part of the video's control URL.
pub(super) const VIDEO_CONTROL: &str = "video";
/// Last part of the audio's control URL.
pub(super) const AUDIO_CONTROL: &str = "audio";
/// Hz of every video's RTP clock (RFC 6184, section 8.2.1).
pub(super) const VIDEO_RATE: u32 = 90_000;

/// The SDP text, with `audio_config` and `audio_clock` in the place of the clip's, and parameter sets if `sets` says so. Live media have no end, hence
/// `npt=now-`.
pub(super) fn describe(
    clip: &Clip,
    host: IpAddr,
    audio_config: Option<&[u8]>,
    audio_clock: Option<u32>,
    sets: bool,
) -> String {
    let family = if host.is_ipv4() { "IP4" } else { "IP6" };
    let any = if host.is_ipv4() { "0.0.0.0" } else { "::" };
    let level: String = clip.sps.iter().skip(1).take(3).fold(String::new(), |text, byte| text + &hex(*byte));
    let config: String = audio_config
        .unwrap_or(&clip.audio_config)
        .iter()
        .fold(String::new(), |text, byte| text + &hex(*byte));
    let rate = audio_clock.unwrap_or(clip.audio.timescale);
    let channels = clip.channels;
    let sets = match sets {
        true => format!(";sprop-parameter-sets={},{}", base64::encode(&clip.sps), base64::encode(&clip.pps)),
        false => String::new(),
    };
    let lines = [
        "v=0".to_owned(),
        format!("o=- 1 1 IN {family} {host}"),
        format!("s=Belvedere demo, {}", clip.name),
        format!("c=IN {family} {any}"),
        "t=0 0".to_owned(),
        "a=control:*".to_owned(),
        "a=range:npt=now-".to_owned(),
        format!("m=video 0 RTP/AVP {VIDEO_TYPE}"),
        format!("a=rtpmap:{VIDEO_TYPE} H264/{VIDEO_RATE}"),
        format!("a=fmtp:{VIDEO_TYPE} packetization-mode=1;profile-level-id={level}{sets}"),
        "a=framerate:25".to_owned(),
        format!("a=control:{VIDEO_CONTROL}"),
        format!("m=audio 0 RTP/AVP {AUDIO_TYPE}"),
        format!("a=rtpmap:{AUDIO_TYPE} mpeg4-generic/{rate}/{channels}"),
        // High bit rate AAC, RFC 3640, section 3.3.6.
        format!(
            "a=fmtp:{AUDIO_TYPE} streamtype=5;profile-level-id=1;mode=AAC-hbr;\
             sizelength=13;indexlength=3;indexdeltalength=3;config={config}"
        ),
        format!("a=control:{AUDIO_CONTROL}"),
    ];
    lines.iter().fold(String::new(), |mut text, line| {
        let _ = write!(text, "{line}\r\n"); // writing to a String cannot fail
        text
    })
}

fn hex(byte: u8) -> String {
    format!("{byte:02x}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn the_description_names_both_tracks_and_their_parameters() {
        let clips = super::super::clip::all().unwrap();
        let text = describe(&clips[1], IpAddr::from([127, 0, 0, 1]), None, None, true);
        for line in [
            "v=0",
            "a=rtpmap:96 H264/90000",
            "a=rtpmap:97 mpeg4-generic/32000/1",
            "a=control:video",
            "a=control:audio",
            "a=range:npt=now-",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} in\n{text}");
        }
        assert!(text.contains("packetization-mode=1;profile-level-id=4d40"), "{text}");
        assert!(text.contains("config=1288"), "AAC-LC, 32 kHz, mono:\n{text}");
        assert!(text.ends_with("\r\n"));
    }
}
