//! The playlist tags of low latency, which `m3u8-rs` does not know, and the numbers in all tags.

use std::fmt;

use crate::media::Ticks;

/// What is written is in hundred-thousandths of a second.
const PER_SECOND: u32 = 100_000;

/// Seconds with five decimals, rounded down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seconds(pub Ticks);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Length { start: Ticks(0), end: self.0 }.fmt(f)
    }
}

/// How long something lasts, in seconds with five decimals. Its ends are rounded down, and not its length: so the
/// lengths of what follows each other add up to what all of it lasts, however much that is (Apple's authoring
/// specification, 8.1). What keeps a bound that is [writable](crate::live::targets) is not written longer either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Length {
    /// Decode time at which it begins.
    pub start: Ticks,
    /// Decode time behind it.
    pub end: Ticks,
}

impl Length {
    /// From `start` on.
    pub fn of(start: Ticks, duration: Ticks) -> Self {
        Self { start, end: start + duration }
    }
}

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let length = (self.end.to_timescale(PER_SECOND) - self.start.to_timescale(PER_SECOND)).max(0);
        let unit = i64::from(PER_SECOND);
        write!(f, "{}.{:05}", length / unit, length % unit)
    }
}

/// EXT-X-SERVER-CONTROL (RFC 8216bis 4.4.3.8).
pub struct ServerControl {
    /// PART-HOLD-BACK.
    pub part_hold_back: Ticks,
    /// CAN-SKIP-UNTIL, where delta updates are offered.
    pub can_skip_until: Option<Ticks>,
}

impl fmt::Display for ServerControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hold_back = Seconds(self.part_hold_back);
        write!(f, "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK={hold_back}")?;
        self.can_skip_until.map_or(Ok(()), |until| write!(f, ",CAN-SKIP-UNTIL={}", Seconds(until)))
    }
}

/// EXT-X-PART-INF (RFC 8216bis 4.4.3.7).
pub struct PartInf {
    /// PART-TARGET.
    pub part_target: Ticks,
}

impl fmt::Display for PartInf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#EXT-X-PART-INF:PART-TARGET={}", Seconds(self.part_target))
    }
}

/// EXT-X-SKIP (RFC 8216bis 4.4.5.2).
pub struct Skip {
    /// SKIPPED-SEGMENTS.
    pub segments: usize,
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#EXT-X-SKIP:SKIPPED-SEGMENTS={}", self.segments)
    }
}

/// EXT-X-PART (RFC 8216bis 4.4.4.9).
pub struct PartTag<'a> {
    /// URI.
    pub uri: &'a dyn fmt::Display,
    /// DURATION.
    pub length: Length,
    /// INDEPENDENT=YES.
    pub independent: bool,
}

impl fmt::Display for PartTag<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#EXT-X-PART:DURATION={},URI=\"{}\"", self.length, self.uri)?;
        f.write_str(if self.independent { ",INDEPENDENT=YES" } else { "" })
    }
}

/// EXT-X-BYTERANGE (RFC 8216bis 4.4.4.2), from the beginning on.
pub struct ByteRange {
    /// Bytes.
    pub length: usize,
}

impl fmt::Display for ByteRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#EXT-X-BYTERANGE:{}@0", self.length)
    }
}

/// TYPE of EXT-X-PRELOAD-HINT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HintType {
    /// An init segment.
    Map,
    /// A part.
    Part,
}

/// EXT-X-PRELOAD-HINT for a part (RFC 8216bis 4.4.5.3).
pub struct PreloadHint<'a> {
    /// What will come.
    pub kind: HintType,
    /// URI.
    pub uri: &'a dyn fmt::Display,
}

impl fmt::Display for PreloadHint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            HintType::Map => "MAP",
            HintType::Part => "PART",
        };
        write!(f, "#EXT-X-PRELOAD-HINT:TYPE={kind},URI=\"{}\"", self.uri)
    }
}

/// EXT-X-RENDITION-REPORT (RFC 8216bis 4.4.5.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenditionReport {
    /// URI of the other playlist, relative to this one.
    pub uri: String,
    /// LAST-MSN.
    pub last_msn: u64,
    /// LAST-PART; `None` where that segment has no parts.
    pub last_part: Option<u32>,
}

impl fmt::Display for RenditionReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#EXT-X-RENDITION-REPORT:URI=\"{}\",LAST-MSN={}", self.uri, self.last_msn)?;
        self.last_part.map_or(Ok(()), |part| write!(f, ",LAST-PART={part}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_have_five_decimals_and_are_never_rounded_up() {
        assert_eq!(Seconds(Ticks(45_000)).to_string(), "0.50000");
        assert_eq!(Seconds(Ticks(90_001)).to_string(), "1.00001");
        assert_eq!(Seconds(Ticks(44_999)).to_string(), "0.49998");
    }

    #[test]
    fn lengths_add_up_and_keep_bounds_that_can_be_written() {
        let written = |start: i64, end: i64| -> i64 {
            let text = Length { start: Ticks(start), end: Ticks(end) }.to_string();
            text.replace('.', "").parse().expect("a number")
        };
        // 30 000 / 1001 pictures a second for an hour, by the tick.
        let ends: Vec<i64> = (0..108_000).map(|n| 1_000_007 + n * 3_003).collect();
        let sum: i64 = ends.windows(2).map(|pair| written(pair[0], pair[1])).sum();
        assert_eq!(sum, written(ends[0], ends[ends.len() - 1]));
        assert!((0..100).all(|start| written(start, start + 45_000) == 50_000));
        assert!((0..100).all(|start| written(start, start + 44_999) <= 50_000));
        assert!((0..100).all(|start| written(start, start + 1) > 0), "nothing lasts no time");
        assert_eq!(written(-9_000, 9_001), 20_001);
    }

    #[test]
    fn tags_are_written_as_the_draft_says() {
        let tags = [
            ServerControl { part_hold_back: Ticks(135_000), can_skip_until: None }.to_string(),
            ServerControl { part_hold_back: Ticks(135_000), can_skip_until: Some(Ticks(2_160_000)) }
                .to_string(),
            Skip { segments: 12 }.to_string(),
            PartInf { part_target: Ticks(45_000) }.to_string(),
            PartTag {
                uri: &"a.m4s",
                length: Length { start: Ticks(90), end: Ticks(43_290) },
                independent: true,
            }
            .to_string(),
            PartTag {
                uri: &"b.m4s",
                length: Length { start: Ticks(90), end: Ticks(43_290) },
                independent: false,
            }
            .to_string(),
            ByteRange { length: 9_876 }.to_string(),
            PreloadHint { kind: HintType::Part, uri: &"c.m4s" }.to_string(),
            PreloadHint { kind: HintType::Map, uri: &"i.mp4" }.to_string(),
            RenditionReport { uri: "../sub/video.m3u8".into(), last_msn: 7, last_part: Some(2) }.to_string(),
            RenditionReport { uri: "audio.m3u8".into(), last_msn: 7, last_part: None }.to_string(),
        ];
        assert_eq!(
            tags,
            [
                "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.50000",
                "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.50000,CAN-SKIP-UNTIL=24.00000",
                "#EXT-X-SKIP:SKIPPED-SEGMENTS=12",
                "#EXT-X-PART-INF:PART-TARGET=0.50000",
                "#EXT-X-PART:DURATION=0.48000,URI=\"a.m4s\",INDEPENDENT=YES",
                "#EXT-X-PART:DURATION=0.48000,URI=\"b.m4s\"",
                "#EXT-X-BYTERANGE:9876@0",
                "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"c.m4s\"",
                "#EXT-X-PRELOAD-HINT:TYPE=MAP,URI=\"i.mp4\"",
                "#EXT-X-RENDITION-REPORT:URI=\"../sub/video.m3u8\",LAST-MSN=7,LAST-PART=2",
                "#EXT-X-RENDITION-REPORT:URI=\"audio.m3u8\",LAST-MSN=7",
            ]
        );
    }
}
