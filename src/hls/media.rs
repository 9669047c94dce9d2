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
mod tests {
    use super::*;
    use crate::live::testing::FakeCamera;
    use crate::media::track::testing;

    const LIVE: Form = Form { list: List::Live, delta: false };

    fn text(camera: &FakeCamera, track: TrackKind) -> String {
        camera.camera.promise();
        render(&camera.channel.snapshot(track).expect("a started playlist"), LIVE, &[])
    }

    #[test]
    fn a_playlist_lists_segments_parts_and_the_part_to_come() {
        let mut camera = FakeCamera::silent(50);
        camera.play(64);
        let report = RenditionReport { uri: "../sub/video.m3u8".into(), last_msn: 101, last_part: Some(0) };
        camera.camera.promise();
        let snapshot = camera.channel.snapshot(TrackKind::Video).expect("a started playlist");
        let expected = "\
#EXTM3U
#EXT-X-VERSION:6
#EXT-X-TARGETDURATION:4
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.50000
#EXT-X-PART-INF:PART-TARGET=0.50000
#EXT-X-MEDIA-SEQUENCE:100
#EXT-X-DISCONTINUITY-SEQUENCE:0
#EXT-X-MAP:URI=\"abc/video-init-1.mp4\"
#EXT-X-PROGRAM-DATE-TIME:2001-09-09T01:46:40.000Z
#EXT-X-PART:DURATION=0.48000,URI=\"abc/video-100.0.m4s\",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.48000,URI=\"abc/video-100.1.m4s\"
#EXT-X-PART:DURATION=0.48000,URI=\"abc/video-100.2.m4s\"
#EXT-X-PART:DURATION=0.48000,URI=\"abc/video-100.3.m4s\"
#EXT-X-PART:DURATION=0.08000,URI=\"abc/video-100.4.m4s\"
#EXTINF:2.00000,
abc/video-100.m4s
#EXT-X-PROGRAM-DATE-TIME:2001-09-09T01:46:42.000Z
#EXT-X-PART:DURATION=0.16000,URI=\"abc/video-101.0.m4s\",INDEPENDENT=YES
#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"abc/video-101.1.m4s\"
#EXT-X-RENDITION-REPORT:URI=\"../sub/video.m3u8\",LAST-MSN=101,LAST-PART=0
";
        assert_eq!(render(&snapshot, LIVE, &[report]), expected);
    }

    #[test]
    fn a_break_is_a_discontinuity_with_its_own_map_in_both_playlists() {
        let mut camera = FakeCamera::new(50, testing::tracks());
        camera.play(60).break_off(10, testing::tracks()).play(60);
        for (track, name) in [(TrackKind::Video, "video"), (TrackKind::Audio, "audio")] {
            let text = text(&camera, track);
            let map = format!(
                "#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"abc/{name}-init-2.mp4\"\n#EXT-X-PROGRAM-DATE-TIME:"
            );
            assert!(text.contains(&map), "{text}");
            assert_eq!(text.matches("#EXT-X-DISCONTINUITY\n").count(), 1, "{text}");
            assert!(text.contains("#EXT-X-DISCONTINUITY-SEQUENCE:0\n"), "{text}");
        }
    }

    #[test]
    fn the_init_of_the_next_part_is_hinted_at_before_that_part_is_there() {
        let mut camera = FakeCamera::new(50, testing::tracks());
        camera.play(60).break_off(10, testing::tracks()).play(1);
        for (track, name) in [(TrackKind::Video, "video"), (TrackKind::Audio, "audio")] {
            let text = text(&camera, track);
            let hints = format!(
                "#EXT-X-PRELOAD-HINT:TYPE=MAP,URI=\"abc/{name}-init-2.mp4\"\n\
                 #EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"abc/{name}-102.0.m4s\"\n"
            );
            assert_eq!(text.contains(&hints), track == TrackKind::Video, "{text}");
        }
        camera.play(30);
        assert!(!text(&camera, TrackKind::Video).contains("TYPE=MAP"), "it is listed now");
    }

    #[test]
    fn slow_pictures_are_listed_as_whole_segments_without_parts_or_a_hint() {
        let mut camera = FakeCamera::silent(50);
        camera.play(110);
        // One long picture is made up for by the next; more of them are not.
        let mut slow = text(&camera, TrackKind::Video);
        while slow.contains("PRELOAD-HINT") {
            camera.play_slowly(1, 25);
            slow = text(&camera, TrackKind::Video);
        }
        assert!(!slow.contains("#EXT-X-PART:"), "{slow}");
        assert!(slow.ends_with(".m4s\n"), "all that had parts is listed as a whole: {slow}");
        camera.play_slowly(7, 25);
        let slow = text(&camera, TrackKind::Video);
        assert!(!slow.contains("PRELOAD-HINT"), "no part is to come: {slow}");
        assert!(!slow.contains("#EXT-X-PART:"), "no part is at the live edge: {slow}");
        assert!(slow.contains("#EXT-X-PART-INF:PART-TARGET=0.50000\n"), "{slow}");
        assert!(slow.matches("#EXTINF:2.").count() >= 5, "{slow}");
        assert!(!slow.contains("DISCONTINUITY\n"), "{slow}");
        camera.play(100);
        let fast = text(&camera, TrackKind::Video);
        assert!(fast.contains("PRELOAD-HINT") && fast.ends_with("m4s\"\n"), "{fast}");
        assert!(fast.rsplit_once("#EXTINF").expect("segments").1.contains("#EXT-X-PART:"), "{fast}");
        let (_, since) = fast.split_once("#EXT-X-PART:").expect("parts");
        assert!(since.matches("#EXTINF").count() <= 2, "parts that were taken off never come back: {fast}");
    }

    #[test]
    fn parts_stay_full_when_the_frame_rate_falls() {
        let mut camera = FakeCamera::silent(50);
        // From 25 pictures a second to 5.
        camera.play(110).play_slowly(60, 5);
        let text = text(&camera, TrackKind::Video);
        let lengths = text.lines().filter_map(|line| line.strip_prefix("#EXT-X-PART:DURATION="));
        let lengths: Vec<f64> = lengths
            .map(|rest| rest.split(',').next().and_then(|length| length.parse().ok()).expect("a number"))
            .collect();
        assert!(lengths.len() > 10, "{text}");
        let short = lengths.iter().filter(|length| **length < 0.425).count();
        let may_be_short = text.matches("INDEPENDENT=YES").count() + text.matches("#EXTINF").count();
        assert!(short <= may_be_short, "only at the ends of segments: {text}");
        assert!(lengths.iter().all(|length| *length <= 0.5), "{text}");
    }

    #[test]
    fn sound_that_is_gone_leaves_gaps_and_keeps_the_numbers_in_step() {
        let mut camera = FakeCamera::new(50, testing::tracks());
        camera.play(60).break_off(10, testing::video_only()).play(260);
        let audio = text(&camera, TrackKind::Audio);
        assert!(audio.contains("#EXT-X-GAP\n#EXTINF:2.00000,\nabc/audio-103.m4s\n"), "{audio}");
        assert!(!audio.contains("audio-init-2"), "there is no sound to initialize: {audio}");
        assert!(text(&camera, TrackKind::Video).contains("abc/video-103.m4s\n"));
    }

    #[test]
    fn only_the_last_three_target_durations_list_their_parts() {
        let mut camera = FakeCamera::silent(50);
        camera.play(25 * 30 + 1);
        let text = text(&camera, TrackKind::Video);
        let first = text.find("#EXT-X-PART:").expect("parts");
        let without = text[..first].matches("#EXTINF").count();
        assert_eq!(without, 15 - 6, "{text}");
    }

    /// Half an hour of a camera that keeps ten minutes.
    fn long() -> Snapshot {
        let mut camera = FakeCamera::with_window(50, Duration::from_secs(600));
        camera.play(25 * 1800 + 30);
        camera.camera.promise();
        camera.channel.snapshot(TrackKind::Video).expect("a started playlist")
    }

    #[test]
    fn a_list_that_has_ended_is_given_whole() {
        let snapshot = Snapshot { closed: true, ..long() };
        let [full, delta] =
            [false, true].map(|delta| render(&snapshot, Form { list: List::Dvr, delta }, &[]));
        assert_eq!(delta, full, "RFC 8216bis 6.2.5.1");
        assert!(full.ends_with("#EXT-X-ENDLIST\n") && !full.contains("CAN-SKIP-UNTIL"), "{full}");
    }

    #[test]
    fn the_live_list_stays_short_and_the_other_goes_back_as_far_as_the_ring() {
        let snapshot = long();
        let live = render(&snapshot, LIVE, &[]);
        assert_eq!(live.matches("#EXTINF").count(), 15);
        assert!(!live.contains("CAN-SKIP-UNTIL"));
        let dvr = render(&snapshot, Form { list: List::Dvr, delta: false }, &[]);
        assert_eq!(dvr.matches("#EXTINF").count(), 300);
        assert!(dvr.contains(",CAN-SKIP-UNTIL=24.00000\n"));
        let tail = |text: &str| text.find("#EXT-X-PART:").map(|at| text[at..].to_owned());
        assert_eq!(tail(&live), tail(&dvr));
    }

    #[test]
    fn a_delta_leaves_out_what_lies_behind_the_skip_boundary_and_says_how_much() {
        let snapshot = long();
        let full = render(&snapshot, Form { list: List::Dvr, delta: false }, &[]);
        let delta = render(&snapshot, Form { list: List::Dvr, delta: true }, &[]);
        assert!(delta.contains("#EXT-X-VERSION:9\n"), "{delta}");
        assert!(delta.contains("\n#EXT-X-SKIP:SKIPPED-SEGMENTS=288\n#EXT-X-MAP:"), "{delta}");
        assert_eq!(delta.matches("#EXTINF").count(), 12);
        let sequence = |text: &str| {
            text.lines().find(|line| line.starts_with("#EXT-X-MEDIA-SEQUENCE")).map(str::to_owned)
        };
        assert_eq!(sequence(&delta), sequence(&full));
        let kept = delta.split_once("#EXT-X-PROGRAM-DATE-TIME").expect("a first segment").1;
        assert!(full.ends_with(kept), "the rest is the same");
    }

    #[test]
    fn a_list_of_i_frames_shows_how_much_of_each_finished_segment_is_one() {
        let mut camera = FakeCamera::silent(50);
        camera.play(64).break_off(10, testing::video_only()).play(51);
        camera.camera.promise();
        let snapshot = camera.channel.snapshot(TrackKind::Video).expect("a started playlist");
        let length = 24 + snapshot.segments[0].sync_sample().expect("a sync sample").bytes.len();
        assert!((1_100..1_200).contains(&length), "a picture of a thousand bytes");
        let form = Form { list: List::IFrames, delta: false };
        let expected = format!(
            "\
#EXTM3U
#EXT-X-VERSION:5
#EXT-X-TARGETDURATION:4
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.50000
#EXT-X-I-FRAMES-ONLY
#EXT-X-MEDIA-SEQUENCE:100
#EXT-X-DISCONTINUITY-SEQUENCE:0
#EXT-X-MAP:URI=\"abc/video-init-1.mp4\"
#EXT-X-PROGRAM-DATE-TIME:2001-09-09T01:46:40.000Z
#EXTINF:2.00000,
#EXT-X-BYTERANGE:{length}@0
abc/video-100.m4s
#EXT-X-PROGRAM-DATE-TIME:2001-09-09T01:46:42.000Z
#EXTINF:0.56000,
#EXT-X-BYTERANGE:{length}@0
abc/video-101.m4s
#EXT-X-DISCONTINUITY
#EXT-X-MAP:URI=\"abc/video-init-2.mp4\"
#EXT-X-PROGRAM-DATE-TIME:2001-09-09T01:46:54.000Z
#EXTINF:2.00000,
#EXT-X-BYTERANGE:{length}@0
abc/video-102.m4s
"
        );
        assert_eq!(render(&snapshot, form, &[]), expected);
        let parsed = m3u8_rs::parse_media_playlist_res(expected.as_bytes()).expect("a media playlist");
        assert!(parsed.i_frames_only);
        camera.publisher.close();
        let snapshot = camera.channel.snapshot(TrackKind::Video).expect("a started playlist");
        assert!(render(&snapshot, form, &[]).ends_with("abc/video-103.m4s\n#EXT-X-ENDLIST\n"));
    }

    #[test]
    fn segments_without_a_sync_sample_are_gaps_among_i_frames() {
        let mut camera = FakeCamera::silent(10_000);
        camera.play(60);
        camera.camera.promise();
        camera.play(700);
        let snapshot = camera.channel.snapshot(TrackKind::Video).expect("a started playlist");
        let text = render(&snapshot, Form { list: List::IFrames, delta: false }, &[]);
        let entries: Vec<_> = text.split("#EXT-X-PROGRAM-DATE-TIME").skip(1).collect();
        let shown = entries.iter().filter(|entry| entry.contains("#EXT-X-BYTERANGE:"));
        assert_eq!(shown.count(), 1, "{text}");
        assert_eq!(text.matches("#EXT-X-GAP\n").count(), entries.len() - 1, "{text}");
        assert!(entries.len() > 5, "{text}");
    }

    #[test]
    fn a_long_list_of_i_frames_has_deltas_too() {
        let snapshot = long();
        let [full, delta] =
            [false, true].map(|delta| render(&snapshot, Form { list: List::IFrames, delta }, &[]));
        assert!(full.contains(",CAN-SKIP-UNTIL=24.00000\n") && !full.contains("SKIPPED"), "{full}");
        assert!(delta.contains("#EXT-X-VERSION:9\n"), "{delta}");
        assert!(delta.contains("\n#EXT-X-SKIP:SKIPPED-SEGMENTS=288\n#EXT-X-MAP:"), "{delta}");
        assert_eq!((full.matches("#EXTINF").count(), delta.matches("#EXTINF").count()), (300, 12));
    }

    #[test]
    fn sound_is_dated_down_and_the_picture_up() {
        let wall = SystemTime::UNIX_EPOCH + Duration::from_micros(1_000_400);
        assert_eq!(date_time(wall, TrackKind::Audio), "1970-01-01T00:00:01.000Z");
        assert_eq!(date_time(wall, TrackKind::Video), "1970-01-01T00:00:01.001Z");
    }

    #[test]
    fn short_lists_offer_no_deltas_and_give_none() {
        let mut camera = FakeCamera::silent(50);
        camera.play(25 * 100);
        camera.camera.promise();
        let snapshot = camera.channel.snapshot(TrackKind::Video).expect("a started playlist");
        let delta = Form { list: List::Dvr, delta: true };
        assert_eq!(render(&snapshot, delta, &[]), render(&snapshot, LIVE, &[]));
    }

    #[test]
    fn a_closed_channel_ends_its_list_and_hints_at_nothing() {
        let mut camera = FakeCamera::silent(50);
        camera.play(60);
        camera.camera.promise();
        camera.publisher.close();
        let text = text(&camera, TrackKind::Video);
        assert!(text.ends_with("abc/video-101.m4s\n#EXT-X-ENDLIST\n"), "{text}");
        assert!(!text.contains("PRELOAD-HINT"));
    }

    #[test]
    fn other_readers_of_playlists_understand_it() {
        let mut camera = FakeCamera::silent(50);
        camera.play(25 * 40);
        let text = text(&camera, TrackKind::Video);
        let parsed = m3u8_rs::parse_media_playlist_res(text.as_bytes()).expect("a media playlist");
        assert_eq!(parsed.target_duration, 4);
        assert!(parsed.segments.iter().all(|segment| segment.duration == 2.0));
        assert_eq!(parsed.segments.len(), 15);
        assert_eq!(parsed.media_sequence, 104);
    }
}
