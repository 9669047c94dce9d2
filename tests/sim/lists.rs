//! The playlists of one track over time, as a viewer that misses nothing sees them.

use std::fmt;
use std::sync::Arc;

use belvedere::hls::List;
use belvedere::hls::media::{Form, render};
use belvedere::live::{Channel, Segment, Snapshot};
use belvedere::media::{Ticks, TrackKind};
use belvedere::stats::RenditionStats;

use crate::blocking;
use crate::iframes::IFrames;
use crate::leaving::Leaving;
use crate::pieces::Pieces;
use crate::plan::{Event, Scene, Sound, Stream};
use crate::renditions::Rendition;
use crate::support::checker::{Expected, check_next};
use crate::support::playlist::{self, Playlist, parse};
use crate::world::{Faults, Seen};

/// One in so many looks at an unchanged ring makes sure that the text did not change either.
const RELOOK: u32 = 61;
/// Dates of two segments may overlap by less than this (RFC 8216bis 6.2.1), in milliseconds.
const MOST_OVERLAP: f64 = 1_000.0;
/// Most that dates may jump ahead where a camera pauses without a break, and the decode line goes on: see
/// `ingest`'s pace and `live`'s fit.
const PAUSE_SLACK: f64 = 4_000.0;
/// Sound goes out in chunks of so much, if its frames are not longer.
const SOUND_CHUNK_MS: i64 = 75;
/// What sound may lag behind the picture beside its own parts and frames: a chunk of it, and the network.
const SOUND_SLACK_MS: i64 = SOUND_CHUNK_MS + 100;

/// Sound that begins this much later than its picture is too late for its segment, in ticks.
const LATEST_SOUND: i64 = 18_000;

/// Sound that may be lost where a break ends its segment, in ticks.
const MOST_LOST_AT_BREAK: i64 = 90_000;

/// A segment of sound that starts later than this is a gap, give or take a frame of it.
const SEGMENT_SLACK_MS: f64 = 200.0 + 256.0;

/// The live list and the long one.
pub struct Lists {
    name: Name,
    channel: Arc<Channel>,
    stats: Arc<RenditionStats>,
    stream: Stream,
    state: Option<(u64, bool)>,
    looks: u32,
    live: Url,
    dvr: Url,
    pieces: Pieces,
    leaving: Leaving,
    iframes: IFrames,
    snapshot: Option<Snapshot>,
    date_slack: (f64, f64),
    /// True when the newest look found another finished segment.
    longer: bool,
    seen: Seen,
}

/// Which one, for people.
#[derive(Clone, Copy)]
pub struct Name {
    rendition: usize,
    track: TrackKind,
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let track = if self.track == TrackKind::Video { "video" } else { "audio" };
        write!(f, "{track} of {}", self.rendition)
    }
}

/// What one URL gave last.
#[derive(Default)]
struct Url {
    before: Option<Playlist>,
    /// Where that ended which left the list, by its date, in seconds.
    gone: Option<f64>,
}

impl Lists {
    /// Nothing was seen yet.
    pub fn new(index: usize, rendition: &Rendition, track: TrackKind) -> Self {
        let stream = &rendition.stream;
        let steady = stream.is_calm() && stream.scenes.len() == 1;
        let jitter = f64::from(4 * stream.longest_interval_ms() + 2 * stream.delay_ms + 100);
        let date_slack =
            if steady { (jitter.min(MOST_OVERLAP), jitter) } else { (MOST_OVERLAP, jitter + PAUSE_SLACK) };
        Self {
            name: Name { rendition: index, track },
            channel: rendition.channel.clone(),
            stats: rendition.stats.clone(),
            stream: stream.clone(),
            state: None,
            looks: 0,
            live: Url::default(),
            dvr: Url::default(),
            pieces: Pieces::new(rendition, track),
            leaving: Leaving::new(rendition, track),
            iframes: IFrames::new(rendition.channel.clone()),
            snapshot: None,
            date_slack,
            longer: false,
            seen: Seen::default(),
        }
    }

    /// Looks at the lists, if anything changed.
    pub fn look(&mut self, faults: &mut Faults) {
        self.longer = false;
        let tip = self.channel.tip();
        let Some(line) = tip.line(self.name.track).filter(|line| line.started) else { return };
        let state = Some((line.version, tip.closed));
        if state == self.state {
            self.looks += 1;
            if self.looks.is_multiple_of(RELOOK) {
                self.relook(faults);
            }
            return;
        }
        self.state = state;
        let Some(snapshot) = self.channel.snapshot(self.name.track) else {
            return faults.unless(false, "started", &self.name, || "a started list cannot be had".into());
        };
        let newest = |snapshot: &Snapshot| snapshot.segments.last().map(|last| last.msn);
        self.longer = newest(&snapshot) > self.snapshot.as_ref().and_then(newest);
        self.read(&snapshot, faults);
        self.pieces.read(&snapshot, &self.name, faults, &mut self.seen);
        if let Some(dvr) = self.dvr.before.as_ref().filter(|_| self.longer) {
            self.pieces.lengths(dvr, &self.name, faults);
            if self.name.track == TrackKind::Video {
                let expected = Expected { date_slack: self.date_slack, parts: false };
                let full = self.stats.segments_evicted_early.get() > 0;
                self.seen.iframes += self.iframes.look(&snapshot, dvr, (expected, full), &self.name, faults);
            }
        }
        self.snapshot = Some(snapshot);
    }

    /// The same state must give the same text, since it is rendered once and shared.
    fn relook(&self, faults: &mut Faults) {
        let Some(snapshot) = self.channel.snapshot(self.name.track) else { return };
        for (list, url) in [(List::Live, &self.live), (List::Dvr, &self.dvr)] {
            let text = render(&snapshot, Form { list, delta: false }, &[]);
            let before = url.before.as_ref().map_or("", |before| &before.text);
            faults.unless(before == text, "version", &self.name, || {
                format!("the list changed and its version did not:\n{before}\nbecame\n{text}")
            });
        }
    }

    fn read(&mut self, snapshot: &Snapshot, faults: &mut Faults) {
        let text = |list, delta| render(snapshot, Form { list, delta }, &[]);
        let live = parse(&text(List::Live, false));
        let long = text(List::Dvr, false);
        let dvr = if long == live.text { live.clone() } else { parse(&long) };
        if long.contains("CAN-SKIP-UNTIL") {
            self.delta(&dvr, &text(List::Dvr, true), faults);
        }
        blocking::check(&self.channel, &live, self.name.track, &self.name, faults);
        let whole = snapshot.open.as_ref().is_some_and(|open| open.whole);
        let expected = Expected { date_slack: self.date_slack, parts: !whole };
        let same = dvr.text == live.text && same_before(&self.live, &self.dvr);
        // Both list the same parts: those near the end.
        self.seen.left += self.leaving.look(self.live.before.as_ref(), &live, &self.name, faults);
        for (url, playlist) in
            [(&mut self.live, live), (&mut self.dvr, dvr)].into_iter().take(2 - usize::from(same))
        {
            self.seen.playlists += 1;
            for violation in check_next(url.before.as_ref(), &playlist, expected) {
                // A full ring lets go of what it should keep.
                let full = self.stats.segments_evicted_early.get() > 0;
                faults.unless(full && violation.rule == "N38", violation.rule, &self.name, || {
                    format!("{}\n{}", violation.what, playlist.text)
                });
            }
            let msn = playlist.msn.unwrap_or(0);
            let left = url.before.iter().flat_map(|before| &before.segments).filter(|one| one.msn < msn);
            url.gone =
                left.map(end_of).fold(url.gone, |gone, end| Some(gone.map_or(end, |gone| gone.max(end))));
            url.before = Some(playlist);
        }
        if same {
            self.dvr.before.clone_from(&self.live.before);
            self.dvr.gone = self.live.gone;
        }
    }

    /// A delta is the full list without what lies behind the skip boundary (RFC 8216bis 6.2.5.1).
    fn delta(&mut self, full: &Playlist, delta: &str, faults: &mut Faults) {
        let skipped = delta.lines().find_map(|line| line.strip_prefix("#EXT-X-SKIP:SKIPPED-SEGMENTS="));
        let Some(skipped) = skipped.and_then(|count| count.parse::<usize>().ok()) else {
            faults.unless(delta == full.text, "N73", &self.name, || {
                format!("a delta without a skip:\n{delta}")
            });
            return;
        };
        self.seen.deltas += 1;
        let boundary = 6.0 * full.target.unwrap_or(0) as f64;
        let kept: f64 = full.segments.iter().skip(skipped).map(|segment| segment.duration).sum();
        let first = full.segments.get(skipped).map_or(0.0, |segment| segment.duration);
        faults.unless(kept + 0.001 >= boundary && kept - first < boundary + 0.001, "N73", &self.name, || {
            format!("{skipped} segments are skipped, {kept} s are left")
        });
        let Some(last) = skipped.checked_sub(1).and_then(|last| full.segments.get(last)) else { return };
        let behind = full.text.find(&format!("\n{}\n", last.uri)).map(|at| at + last.uri.len() + 2);
        let tail = behind.and_then(|at| full.text.get(at..)).unwrap_or_default();
        let body = delta.split_once("#EXT-X-SKIP:").and_then(|(_, rest)| rest.split_once('\n'));
        let body = body.map_or("", |(_, body)| body);
        // The init in force is said again.
        let again = last.map.as_ref().map(|map| format!("#EXT-X-MAP:URI=\"{map}\"\n")).unwrap_or_default();
        let good = body.replacen(&again, "", 1) == tail || body == tail;
        faults.unless(good, "N73", &self.name, || format!("{body}\nis not\n{tail}"));
        // There is nothing to initialize for a gap.
        let open = Some(&full.open).filter(|open| !open.parts.is_empty());
        let next = full.segments[skipped..].iter().find(|segment| !segment.gap).or(open);
        let map = next.and_then(|next| next.map.as_ref());
        let mapped = map.is_none_or(|map| body.contains(&format!("#EXT-X-MAP:URI=\"{map}\"")));
        faults.unless(mapped, "N4", &self.name, || format!("a delta without MAP:\n{body}"));
    }

    /// Where the list ends, in media time.
    fn end(&self) -> Option<i64> {
        let snapshot = self.snapshot.as_ref()?;
        let open = snapshot.open.as_ref().filter(|open| !open.parts.is_empty());
        let parts =
            open.map(|open| open.start.0 + open.parts.iter().map(|part| part.duration.0).sum::<i64>());
        parts.or_else(|| snapshot.segments.last().map(|segment| segment.start.0 + segment.duration.0))
    }

    /// Where the newest stretch begins that the list shows.
    fn newest_stretch(&self) -> Option<i64> {
        let snapshot = self.snapshot.as_ref()?;
        let open = snapshot.open.iter().filter(|open| !open.parts.is_empty());
        let open = open.map(|open| (open.stretch, open.start.0));
        let all: Vec<_> =
            snapshot.segments.iter().map(|segment| (segment.stretch, segment.start.0)).chain(open).collect();
        let newest = all.last()?.0;
        all.iter().find(|(stretch, _)| *stretch == newest).map(|(_, start)| *start)
    }

    /// What is listed in one rendition alone lies at the head, and is a target duration long at most, but for what a
    /// list must have (RFC 8216bis 6.2.2 and 6.2.4). One that came later than others has nothing from before.
    pub fn begins_with(&self, other: &Self, faults: &mut Faults) {
        for list in [List::Live, List::Dvr] {
            let (Some(own), Some(others)) = (self.url(list).before.as_ref(), other.url(list).before.as_ref())
            else {
                return;
            };
            // What the other one never had, since it was away, is no matter of where lists begin.
            let (Some(first), Some(gone)) = (own.segments.first(), other.url(list).gone) else { continue };
            let target = own.target.unwrap_or(0) as f64;
            let needed = own.segments.len() <= 6 || own.length() - first.duration < 3.0 * target;
            let Some(wall) = first.wall else { continue };
            let alone = gone - wall as f64 / 1000.0;
            // The live list goes back from its own end, which lies behind where nothing comes any more.
            let end = |list: &Playlist| list.segments.last().map_or(0.0, end_of);
            let behind = if list == List::Live { (end(others) - end(own)).max(0.0) } else { 0.0 };
            let most = target + MOST_OVERLAP / 1000.0 + behind;
            faults.unless(!self.longer || own.ended || needed || alone <= most, "N48", &self.name, || {
                format!("{list:?} begins {alone} s before that of {}\n{}", other.name, own.text)
            });
        }
    }

    fn url(&self, list: List) -> &Url {
        match list {
            List::Live => &self.live,
            List::Dvr | List::IFrames => &self.dvr,
        }
    }

    /// Holds sound against its picture.
    pub fn compare(&mut self, video: &Self, faults: &mut Faults) {
        let (Some(heard), Some(seen)) = (&self.snapshot, &video.snapshot) else { return };
        if let Some(segment) = heard.segments.last()
            && let Some(first) = seen.segments.first()
            && let Some(index) = segment.msn.checked_sub(first.msn)
            && let Some(picture) = seen.segments.get(index as usize)
        {
            let discontinuities = |segment: &Segment| (segment.stretch, segment.discontinuities);
            let same = segment.stretch == picture.stretch;
            faults.unless(same, "N46", &self.name, || {
                let (heard, seen) = (discontinuities(segment), discontinuities(picture));
                format!("segment {}: discontinuities {heard:?} and {seen:?} in the video", segment.msn)
            });
            // By their dates: where pictures come slowly, the decode line may lag behind what is shown.
            let off = Ticks(segment.presentation.0 - picture.presentation.0).as_secs_f64() * 1_000.0;
            let most = video.date_slack.1.max(video.date_slack.0) + SEGMENT_SLACK_MS;
            faults.unless(off.abs() <= most, "N45", &self.name, || {
                format!("segment {} is dated {off} ms after the video's", segment.msn)
            });
        }
        self.begins_in_time(video, heard, faults);
        self.in_time(video, heard, faults);
    }

    /// Is something to be heard all the time?
    fn never_stops(&self) -> bool {
        let heard = self.stream.sound.as_ref().and_then(|sound| sound.heard.first());
        heard.is_some_and(|(from, to)| *from == 0 && *to >= self.stream.end_ms())
    }

    /// The length of a chunk of sound.
    fn chunk(&self) -> i64 {
        let frame = |sound: &Sound| i64::from(sound.samples) * 90_000 / i64::from(sound.rate);
        self.stream.sound.as_ref().map_or(0, frame).max(SOUND_CHUNK_MS * 90)
    }

    /// The first segment of a stretch is heard too, where sound comes with its pictures: reordered ones, and those that
    /// the network holds back, may have been overtaken by it when a break is seen. Long frames may come too late: the
    /// first one begins up to a frame behind its picture, and where no report says better is taken to be another later.
    fn begins_in_time(&self, video: &Self, heard: &Snapshot, faults: &mut Faults) {
        // A camera that freezes, or gets slower, ends a stretch only when the next picture comes.
        let (scenes, rate) = (&self.stream.scenes, self.stream.scenes[0].rate);
        let late = |scene: &Scene| matches!(scene.first, Event::Clog { .. } | Event::Freeze { .. });
        let clogged = scenes.iter().any(|scene| late(scene) || scene.rate != rate);
        let in_time = 2 * self.chunk() < LATEST_SOUND;
        let together = self.stream.b_pictures == 0 && self.stream.delay_ms == 0 && !clogged && in_time;
        let Some(last) = heard.segments.last().filter(|last| last.gap && last.discontinuities > 0) else {
            return;
        };
        let mut pictures = video.snapshot.iter().flat_map(|seen| &seen.segments);
        let crumb = pictures
            .find(|one| one.msn == last.msn)
            .is_none_or(|one| one.duration.0 < 2 * self.chunk() + MOST_LOST_AT_BREAK);
        faults.unless(!together || !self.never_stops() || crumb, "S18", &self.name, || {
            format!("segment {} begins a stretch with a gap in sound that never stopped", last.msn)
        });
    }

    /// Sound that comes in time is listed within one of its parts behind the picture.
    fn in_time(&self, video: &Self, heard: &Snapshot, faults: &mut Faults) {
        let Some(sound) = self.stream.sound.as_ref().filter(|_| self.stream.is_calm()) else { return };
        let everything = self.never_stops();
        let (Some(end), Some(video_end)) = (self.end(), video.end()) else { return };
        // Pictures that get slow at once leave a hole, which is no time in which anything was heard.
        let end = end.max(video.newest_stretch().unwrap_or(end));
        let frame = i64::from(sound.samples) * 90_000 / i64::from(sound.rate);
        // A segment that is cut by bytes, or before pictures that get slow, may be shorter than a chunk of sound, and
        // have none of its own.
        let crumbs = video
            .snapshot
            .iter()
            .flat_map(|seen| &seen.segments)
            .any(|one| one.duration.0 < 2 * self.chunk());
        // That which begins a stretch is judged for itself.
        let gap = |last: &&Arc<Segment>| {
            last.gap && last.discontinuities == 0 && last.msn > heard.segments[0].msn + 1
        };
        let gap = heard.segments.last().filter(gap);
        faults.unless(!everything || heard.closed || crumbs || gap.is_none(), "S18", &self.name, || {
            "a gap in sound that never stopped".into()
        });
        // B-pictures come when the one behind them has come, and sound is listed when its picture is there. Where
        // pictures come faster again than was predicted, their line is ahead by one.
        let pictures = i64::from(self.stream.longest_interval_ms() * (self.stream.b_pictures + 3)) * 90;
        let most = heard.part_target.0
            + 2 * frame
            + pictures
            + (SOUND_SLACK_MS + i64::from(self.stream.delay_ms)) * 90;
        faults.unless(!everything || heard.closed || video_end - end <= most, "S18", &self.name, || {
            let behind = Ticks(video_end - end).as_secs_f64();
            format!(
                "sound is listed {behind} s behind the picture, {} s are allowed",
                Ticks(most).as_secs_f64()
            )
        });
    }

    /// The discontinuity number at the end of the list.
    pub fn last_stretch(&self) -> Option<u64> {
        self.snapshot.as_ref()?.segments.last().map(|segment| segment.stretch)
    }

    /// What was seen, once all is over.
    pub fn finish(mut self, faults: &mut Faults) -> Seen {
        let last = self.live.before.take();
        faults
            .unless(last.is_none_or(|last| last.ended), "N42", &self.name, || "the list did not end".into());
        self.seen
    }
}

/// Where a segment ends by its date, in seconds.
fn end_of(segment: &playlist::Segment) -> f64 {
    segment.wall.unwrap_or(0) as f64 / 1000.0 + segment.duration
}

fn same_before(live: &Url, dvr: &Url) -> bool {
    match (&live.before, &dvr.before) {
        (Some(live), Some(dvr)) => live.text == dvr.text,
        (None, None) => true,
        _ => false,
    }
}
