//! The media playlist: text from a snapshot.

use std::fmt::{self, Write};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use jiff::{RoundMode, Timestamp, TimestampRound, Unit};

use super::names::{List, Name, Piece};
use super::tags::{
    ByteRange, HintType, Length, PartInf, PartTag, PreloadHint, RenditionReport, ServerControl, Skip,
};
use crate::live::line::FEWEST_LISTED;
use crate::live::{Epoch, Part, PartId, Segment, Snapshot};
use crate::media::fmp4::SEGMENT_TYPE;
use crate::media::time::TICKS_PER_SECOND;
use crate::media::{Ticks, TrackKind};

/// Parts further than this many target durations from the end are no longer listed
/// (RFC 8216bis 6.2.2).
const PARTS_WITHIN: i64 = 3;
/// Version 6 is the lowest that knows EXT-X-MAP in such lists (RFC 8216bis 8).
const VERSION: u32 = 6;
/// Version 5 is the lowest that knows it in a list of I-frames.
const IFRAMES_VERSION: u32 = 5;
/// Version 9 is the lowest that knows EXT-X-SKIP.
const DELTA_VERSION: u32 = 9;
/// The skip boundary, in target durations: the least that is allowed (RFC 8216bis 4.4.3.8).
const SKIP_BOUNDARY: i64 = 6;
/// Lists longer than this offer delta updates (Apple's authoring specification, 14.4).
const SKIP_FROM: Duration = Duration::from_secs(120);
/// How far back the live list goes, where the ring goes further.
const LIVE_WINDOW: Ticks = Ticks(30 * TICKS_PER_SECOND as i64);

/// Which form of a media playlist is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Form {
    /// How far back.
    pub list: List,
    /// Leave out what the client has, where that is offered.
    pub delta: bool,
}

/// Writes the media playlist. `reports` tell how far the camera's other playlists have come.
pub fn render(snapshot: &Snapshot, form: Form, reports: &[RenditionReport]) -> String {
    let segments = match form.list {
        List::Dvr | List::IFrames => &snapshot.segments[..],
        List::Live => live(snapshot),
    };
    // A list that has ended gives none (RFC 8216bis 6.2.5.1).
    let can_skip = form.list != List::Live && snapshot.window > SKIP_FROM && !snapshot.closed;
    let mut text = String::with_capacity(4096);
    let iframes = form.list == List::IFrames;
    let mut writer = Writer { snapshot, segments, iframes, can_skip, out: &mut text, epoch: None };
    // Writing to a String cannot fail.
    let _ = writer.playlist(form.delta && can_skip, reports);
    text
}

/// The newest segments, as many as the live list shows: those of the last while, and what a list must have. Where the
/// source paused, what was before is soon off the list, as in other renditions. What left it never comes back.
fn live(snapshot: &Snapshot) -> &[Arc<Segment>] {
    let segments = &snapshot.segments;
    let end = |segment: &Segment| segment.start + segment.duration;
    let least = Ticks::from_timescale(3 * i64::from(snapshot.targets.duration), 1);
    let enough = LIVE_WINDOW.max(least);
    let newest = segments.last().map_or(Ticks(0), |newest| end(newest));
    let mut length = Ticks(0);
    let count = segments.iter().rev().take_while(|segment| {
        let shown = length < least || newest - end(segment) < enough;
        length += segment.duration;
        shown
    });
    let count = count.count().max(FEWEST_LISTED).min(segments.len());
    &segments[segments.len() - count..]
}

struct Writer<'a> {
    snapshot: &'a Snapshot,
    segments: &'a [Arc<Segment>],
    /// True for a list of I-frames: finished segments alone, and of these their beginning.
    iframes: bool,
    can_skip: bool,
    out: &'a mut String,
    /// The epoch whose EXT-X-MAP was written last.
    epoch: Option<u32>,
}

impl Writer<'_> {
    fn playlist(&mut self, delta: bool, reports: &[RenditionReport]) -> fmt::Result {
        let skipped = if delta { self.skippable() } else { 0 };
        self.header(match (skipped, self.iframes) {
            (1.., _) => DELTA_VERSION,
            (_, true) => IFRAMES_VERSION,
            (_, false) => VERSION,
        })?;
        if skipped > 0 {
            writeln!(self.out, "{}", Skip { segments: skipped })?;
        }
        let parts_from = if self.iframes { self.segments.len() } else { self.first_with_parts() };
        for (index, segment) in self.segments.iter().enumerate().skip(skipped) {
            self.segment(segment, index >= parts_from)?;
        }
        let grows = self.snapshot.open.as_ref().filter(|open| !self.iframes && !open.parts.is_empty());
        if let Some(open) = grows {
            let first = self.snapshot.date(open.stretch, open.presentation);
            self.opening(&open.epoch, open.discontinuities, first)?;
            self.parts(open.msn, &open.parts)?;
        }
        if self.snapshot.closed {
            return writeln!(self.out, "#EXT-X-ENDLIST");
        }
        if !self.iframes {
            self.hints()?;
        }
        reports.iter().try_for_each(|report| writeln!(self.out, "{report}"))
    }

    /// What comes next, if it is known (RFC 8216bis 4.4.5.3).
    fn hints(&mut self) -> fmt::Result {
        let open = self.snapshot.open.as_ref();
        if let Some(open) = open
            && self.epoch != Some(open.epoch.number)
            && self.has_init(&open.epoch)
        {
            let uri = self.media(Piece::Init(open.epoch.number));
            writeln!(self.out, "{}", PreloadHint { kind: HintType::Map, uri: &uri })?;
        }
        if open.is_some_and(|open| open.whole) {
            return Ok(());
        }
        let part = open.map_or(0, |open| open.parts.len() as u32);
        let uri = self.media(Piece::Part(PartId { msn: self.snapshot.open_msn, part }));
        writeln!(self.out, "{}", PreloadHint { kind: HintType::Part, uri: &uri })
    }

    fn header(&mut self, version: u32) -> fmt::Result {
        let Snapshot { targets, part_target, open, open_msn, stretch, .. } = self.snapshot;
        let first = self.segments.first();
        let msn = first.map_or(*open_msn, |segment| segment.msn);
        // The number before the first listed segment's own EXT-X-DISCONTINUITY, if it has one.
        let stretch = match (first, open) {
            (Some(segment), _) => segment.stretch - segment.discontinuities,
            (None, Some(open)) => open.stretch - open.discontinuities,
            (None, None) => *stretch,
        };
        writeln!(self.out, "#EXTM3U\n#EXT-X-VERSION:{version}\n#EXT-X-TARGETDURATION:{}", targets.duration)?;
        let can_skip_until = self.can_skip.then(|| self.target_durations(SKIP_BOUNDARY));
        let control = ServerControl { part_hold_back: targets.part_hold_back, can_skip_until };
        writeln!(self.out, "{control}")?;
        match self.iframes {
            true => writeln!(self.out, "#EXT-X-I-FRAMES-ONLY")?,
            false => writeln!(self.out, "{}", PartInf { part_target: *part_target })?,
        }
        writeln!(self.out, "#EXT-X-MEDIA-SEQUENCE:{msn}\n#EXT-X-DISCONTINUITY-SEQUENCE:{stretch}")
    }

    fn target_durations(&self, count: i64) -> Ticks {
        Ticks::from_timescale(count * i64::from(self.snapshot.targets.duration), 1)
    }

    /// How many segments lie behind the skip boundary (RFC 8216bis 6.2.5.1).
    fn skippable(&self) -> usize {
        let boundary = self.target_durations(SKIP_BOUNDARY);
        let mut from_end = Ticks(0);
        let kept = self.segments.iter().rev().take_while(|segment| {
            let inside = from_end < boundary;
            from_end += segment.duration;
            inside
        });
        self.segments.len() - kept.count()
    }

    /// Index of the first finished segment whose parts are listed: within three target durations from the end, and
    /// behind the last segment that has none. Older parts are no longer at the live edge, and a player that went by
    /// them would ask for a part that never comes (RFC 8216bis 6.2.1 lets them be removed; hls.js takes the end of
    /// the last part for the end of the list). A list without parts needs no hint (RFC 8216bis B.1).
    fn first_with_parts(&self) -> usize {
        let open = self.snapshot.open.as_ref();
        if open.is_some_and(|open| open.whole) {
            return self.segments.len();
        }
        let within =
            Ticks(PARTS_WITHIN * i64::from(self.snapshot.targets.duration) * i64::from(TICKS_PER_SECOND));
        let mut from_end = Ticks(open.iter().flat_map(|open| &open.parts).map(|part| part.duration.0).sum());
        let listed = self.segments.iter().rev().take_while(|segment| {
            from_end += segment.duration;
            from_end <= within && segment.in_parts()
        });
        self.segments.len() - listed.count()
    }

    fn segment(&mut self, segment: &Segment, with_parts: bool) -> fmt::Result {
        let first = self.snapshot.date(segment.stretch, segment.presentation);
        self.opening(&segment.epoch, segment.discontinuities, first)?;
        if with_parts {
            self.parts(segment.msn, &segment.parts)?;
        }
        let iframe = segment.sync_sample().filter(|_| self.iframes);
        // A segment that was cut out of a long GOP has no picture to show alone. Left out, it would make the one
        // before it last longer than the target duration.
        if segment.gap || self.iframes && iframe.is_none() {
            writeln!(self.out, "#EXT-X-GAP")?;
        }
        writeln!(self.out, "#EXTINF:{},", Length::of(segment.start, segment.duration))?;
        if let Some(picture) = iframe {
            // A chunk is a picture.
            let length = SEGMENT_TYPE.len() + picture.bytes.len();
            writeln!(self.out, "{}", ByteRange { length })?;
        }
        writeln!(self.out, "{}", self.media(Piece::Segment(segment.msn)))
    }

    /// The tags that come before a segment's first part (RFC 8216bis 4.4.4.9).
    fn opening(&mut self, epoch: &Arc<Epoch>, discontinuities: u64, first: SystemTime) -> fmt::Result {
        for _ in 0..discontinuities {
            writeln!(self.out, "#EXT-X-DISCONTINUITY")?;
        }
        // A gap has nothing to initialize: where its epoch has no such track, the old init stays.
        if self.epoch != Some(epoch.number) && self.has_init(epoch) {
            self.epoch = Some(epoch.number);
            let uri = self.media(Piece::Init(epoch.number));
            writeln!(self.out, "#EXT-X-MAP:URI=\"{uri}\"")?;
        }
        writeln!(self.out, "#EXT-X-PROGRAM-DATE-TIME:{}", date_time(first, self.snapshot.track))
    }

    fn has_init(&self, epoch: &Epoch) -> bool {
        match self.snapshot.track {
            TrackKind::Video => true,
            TrackKind::Audio => epoch.inits.audio.is_some(),
        }
    }

    fn parts(&mut self, msn: u64, parts: &[Arc<Part>]) -> fmt::Result {
        for (index, part) in (0..).zip(parts) {
            let uri = self.media(Piece::Part(PartId { msn, part: index }));
            let length = Length::of(part.start, part.duration);
            writeln!(self.out, "{}", PartTag { uri: &uri, length, independent: part.independent })?;
        }
        Ok(())
    }

    fn media(&self, piece: Piece) -> Name {
        Name::Media(self.snapshot.run, self.snapshot.track, piece)
    }
}

/// RFC 3339 with milliseconds, which is all that players read.
///
/// Sound is dated down and the picture up: a player that lines up the one by the other then never
/// expects sound later than it comes. One that does may take the next part for one it has.
fn date_time(wall: SystemTime, track: TrackKind) -> String {
    let mode = match track {
        TrackKind::Video => RoundMode::Ceil,
        TrackKind::Audio => RoundMode::Floor,
    };
    let to_milliseconds = TimestampRound::new().smallest(Unit::Millisecond).mode(mode);
    match Timestamp::try_from(wall).and_then(|timestamp| timestamp.round(to_milliseconds)) {
        Ok(timestamp) => format!("{timestamp:.3}"),
        // A clock beyond the year 9999 or before -9999.
        Err(_) => "1970-01-01T00:00:00.000Z".into(),
    }
}

#[cfg(test)]
#[path = "media_tests.rs"]
mod tests;
