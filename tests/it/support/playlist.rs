//! A media playlist, read by `quick-m3u8`, which knows the tags of low latency. What it does not know, or finds wrong,
//! is an error: nothing in our playlists should be beyond it.

use quick_m3u8::config::ParsingOptionsBuilder;
use quick_m3u8::tag::KnownTag;
use quick_m3u8::tag::hls::{EnumeratedString, PreloadHintType, Tag};
use quick_m3u8::{HlsLine, Reader};

/// What a playlist says.
#[derive(Clone, Debug, Default)]
pub struct Playlist {
    pub text: String,
    pub version: Option<u64>,
    pub target: Option<u64>,
    pub part_target: Option<f64>,
    pub part_hold_back: Option<f64>,
    pub can_block: bool,
    pub can_skip_until: Option<f64>,
    /// How many segments at the head of `segments` a delta update leaves out.
    pub skipped: u64,
    pub msn: Option<u64>,
    pub discontinuity_sequence: Option<u64>,
    /// The finished segments.
    pub segments: Vec<Segment>,
    /// The one that grows: its duration is that of its parts.
    pub open: Segment,
    /// The part that comes next.
    pub hints: Vec<String>,
    /// The init segment of what comes next, if it is another one.
    pub map_hints: Vec<String>,
    pub reports: Vec<Report>,
    pub ended: bool,
    /// True where segments are I-frames.
    pub iframes: bool,
    /// Tags in the order in which they came, by name.
    pub order: Vec<&'static str>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Segment {
    pub msn: u64,
    pub uri: String,
    pub duration: f64,
    pub parts: Vec<Part>,
    /// How many EXT-X-DISCONTINUITY stand before it.
    pub discontinuities: u64,
    pub gap: bool,
    /// How many bytes of it, and from where on.
    pub range: Option<(usize, usize)>,
    /// The URI of the init segment in force.
    pub map: Option<String>,
    /// PROGRAM-DATE-TIME in milliseconds since 1970.
    pub wall: Option<i64>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    pub uri: String,
    pub duration: f64,
    pub independent: bool,
    pub gap: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    pub uri: String,
    pub last_msn: u64,
    pub last_part: Option<u64>,
}

impl Playlist {
    /// The finished segments and the one that grows, if it has any part.
    pub fn all(&self) -> impl Iterator<Item = &Segment> {
        self.segments.iter().chain(Some(&self.open).filter(|open| !open.parts.is_empty()))
    }

    /// Number of the segment that grows, or of the next one.
    pub fn next_msn(&self) -> u64 {
        self.open.msn
    }

    /// Number and part that come next.
    pub fn next_part(&self) -> (u64, usize) {
        (self.open.msn, self.open.parts.len())
    }

    /// The segment with this number, if anything of it is listed.
    pub fn numbered(&self, msn: u64) -> Option<&Segment> {
        let index = msn.checked_sub(self.msn.unwrap_or(0)).and_then(|index| usize::try_from(index).ok())?;
        self.all().nth(index)
    }

    /// The part with this number, if it is listed.
    pub fn part(&self, msn: u64, part: usize) -> Option<&Part> {
        self.numbered(msn)?.parts.get(part)
    }

    /// Seconds of the finished segments.
    pub fn length(&self) -> f64 {
        self.segments.iter().map(|segment| segment.duration).sum()
    }
}

/// Reads a playlist; panics where it cannot be read.
pub fn parse(text: &str) -> Playlist {
    let mut playlist = Playlist { text: text.to_owned(), ..Playlist::default() };
    let mut reader = Reader::from_str(text, ParsingOptionsBuilder::new().with_parsing_for_all_tags().build());
    let mut segment = Segment::default();
    let mut map = None;
    loop {
        match reader.read_line() {
            Ok(None) => break,
            Ok(Some(HlsLine::Uri(uri))) => {
                segment.uri = uri.into_owned();
                segment.map.clone_from(&map);
                playlist.segments.push(std::mem::take(&mut segment));
            }
            Ok(Some(HlsLine::KnownTag(KnownTag::Hls(tag)))) => {
                take(tag, &mut playlist, &mut segment, &mut map);
            }
            Ok(Some(other)) => panic!("an unknown line, {other:?}, in\n{text}"),
            Err(error) => panic!("{error} in\n{text}"),
        }
    }
    segment.map = map;
    playlist.open = segment;
    let first = playlist.msn.unwrap_or(0) + playlist.skipped;
    for (msn, segment) in (first..).zip(playlist.segments.iter_mut().chain([&mut playlist.open])) {
        segment.msn = msn;
    }
    playlist
}

fn take(tag: Tag<'_>, playlist: &mut Playlist, segment: &mut Segment, map: &mut Option<String>) {
    let name = match tag {
        Tag::M3u(_) => "M3U",
        Tag::Version(tag) => {
            playlist.version = Some(tag.version());
            "VERSION"
        }
        Tag::Targetduration(tag) => {
            playlist.target = Some(tag.target_duration());
            "TARGETDURATION"
        }
        Tag::ServerControl(tag) => {
            playlist.part_hold_back = tag.part_hold_back();
            playlist.can_block = tag.can_block_reload();
            playlist.can_skip_until = tag.can_skip_until();
            "SERVER-CONTROL"
        }
        Tag::PartInf(tag) => {
            playlist.part_target = Some(tag.part_target());
            "PART-INF"
        }
        Tag::MediaSequence(tag) => {
            playlist.msn = Some(tag.media_sequence());
            "MEDIA-SEQUENCE"
        }
        Tag::DiscontinuitySequence(tag) => {
            playlist.discontinuity_sequence = Some(tag.discontinuity_sequence());
            "DISCONTINUITY-SEQUENCE"
        }
        Tag::Skip(tag) => {
            playlist.skipped = tag.skipped_segments();
            "SKIP"
        }
        Tag::Inf(tag) => {
            segment.duration = tag.duration();
            "INF"
        }
        Tag::Discontinuity(_) => {
            segment.discontinuities += 1;
            "DISCONTINUITY"
        }
        Tag::Gap(_) => {
            segment.gap = true;
            "GAP"
        }
        Tag::Map(tag) => {
            *map = Some(tag.uri().to_owned());
            "MAP"
        }
        Tag::ProgramDateTime(tag) => {
            let text = tag.program_date_time().to_string();
            let time: jiff::Timestamp = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            segment.wall = Some(time.as_millisecond());
            "PROGRAM-DATE-TIME"
        }
        Tag::Part(tag) => {
            segment.parts.push(Part {
                uri: tag.uri().to_owned(),
                duration: tag.duration(),
                independent: tag.independent(),
                gap: tag.gap(),
            });
            "PART"
        }
        Tag::PreloadHint(tag) => {
            let hints = match tag.hint_type() {
                EnumeratedString::Known(PreloadHintType::Part) => &mut playlist.hints,
                EnumeratedString::Known(PreloadHintType::Map) => &mut playlist.map_hints,
                EnumeratedString::Unknown(other) => panic!("a hint at {other}"),
            };
            hints.push(tag.uri().to_owned());
            "PRELOAD-HINT"
        }
        Tag::RenditionReport(tag) => {
            let (uri, last_msn, last_part) = (tag.uri().to_owned(), tag.last_msn(), tag.last_part());
            playlist.reports.push(Report { uri, last_msn, last_part });
            "RENDITION-REPORT"
        }
        Tag::IFramesOnly(_) => {
            playlist.iframes = true;
            "I-FRAMES-ONLY"
        }
        Tag::Byterange(tag) => {
            segment.range = Some((tag.length() as usize, tag.offset().expect("an offset") as usize));
            "BYTERANGE"
        }
        Tag::Endlist(_) => {
            playlist.ended = true;
            "ENDLIST"
        }
        other => panic!("a tag that does not belong here: {other:?}"),
    };
    playlist.order.push(name);
}
