//! The media behind the playlists: every chunk of every part, in order.

use std::collections::VecDeque;
use std::fmt::Display;
use std::sync::Arc;

use belvedere::live::{Channel, Chunk, Epoch, Part, Segment, Snapshot};
use belvedere::media::{Ticks, TrackKind};
use belvedere::stats::RenditionStats;

use crate::renditions::{Rendition, Tap};
use crate::support::checker::check_lengths;
use crate::support::media;
use crate::support::playlist::{self, Playlist};
use crate::world::{Faults, Seen};

/// A millisecond, in ticks: pictures start, end and are shown on whole ones.
const MS: i64 = 90;

/// Times are rounded to ticks at both ends.
const ROUNDING: i64 = 2;

/// Most that a date may be later than what it dates, in ticks.
const MOST_LATE: i64 = 45 * 9_000;

/// How far the media of one track was read.
pub struct Pieces {
    channel: Arc<Channel>,
    stats: Arc<RenditionStats>,
    tap: Arc<Tap>,
    track: TrackKind,
    /// The segment to go on in.
    msn: u64,
    /// Its parts that were read.
    parts: Vec<Arc<Part>>,
    /// Where the next sample starts, in the track's timescale.
    expected: Option<u64>,
    /// Number of the next picture, counted from 0 over all that were taken.
    picture: usize,
    kept: VecDeque<Kept>,
    /// From when to when the media of listed segments lasts, in seconds, by number.
    spans: VecDeque<(u64, f64, f64)>,
}

/// How long a segment must be loadable (RFC 8216bis 6.2.2).
struct Kept {
    msn: u64,
    listed_at: i64,
    duration: i64,
    /// The longest list that held it.
    longest: i64,
    gap: bool,
}

/// A segment, finished or not.
struct Piece<'a> {
    msn: u64,
    epoch: &'a Epoch,
    discontinuities: u64,
    start: Ticks,
    presentation: Ticks,
    parts: &'a [Arc<Part>],
    part_target: Ticks,
    /// False for pictures that are longer than a part: they can only be loaded together.
    in_parts: bool,
}

impl Pieces {
    /// Nothing was read yet.
    pub fn new(rendition: &Rendition, track: TrackKind) -> Self {
        Self {
            channel: rendition.channel.clone(),
            stats: rendition.stats.clone(),
            tap: rendition.tap.clone(),
            track,
            msn: 0,
            parts: Vec::new(),
            expected: None,
            picture: 0,
            kept: VecDeque::new(),
            spans: VecDeque::new(),
        }
    }

    /// Reads what is new in the ring.
    pub fn read(&mut self, snapshot: &Snapshot, name: &dyn Display, faults: &mut Faults, seen: &mut Seen) {
        if let Some(open) = &snapshot.open {
            // A list may hint at it before its first part is there.
            let there = self.channel.epoch_numbered(open.epoch.number).is_some();
            faults.unless(there, "N66", name, || {
                format!("init {} is hinted at and cannot be loaded", open.epoch.number)
            });
        }
        let from = snapshot.segments.partition_point(|segment| segment.msn < self.msn);
        for segment in &snapshot.segments[from..] {
            let known = self.channel.segment(self.track, segment.msn);
            faults.unless(known.is_some_and(|known| Arc::ptr_eq(&known, segment)), "N32", name, || {
                format!("segment {} is listed and cannot be loaded", segment.msn)
            });
            seen.breaks += segment.discontinuities;
            if segment.gap {
                seen.gaps += 1;
                (self.expected, self.msn) = (None, segment.msn + 1);
                self.parts.clear();
            } else {
                let piece = Piece {
                    msn: segment.msn,
                    epoch: &segment.epoch,
                    discontinuities: segment.discontinuities,
                    start: segment.start,
                    presentation: segment.presentation,
                    parts: &segment.parts,
                    part_target: snapshot.part_target,
                    in_parts: !segment.whole,
                };
                self.piece(&piece, name, faults, seen);
                let same = self.parts.len() == segment.parts.len();
                faults.unless(same, "N6", name, || {
                    format!(
                        "segment {} ends with {} parts of {}",
                        segment.msn,
                        segment.parts.len(),
                        self.parts.len()
                    )
                });
                self.parts.clear();
                self.msn = segment.msn + 1;
                self.spans.extend(self.span(segment));
            }
            seen.segments += 1;
            // The first list shows what could have been listed before.
            let newest = snapshot.segments.last().map_or(0, |last| last.start.0 + last.duration.0);
            let since = newest - segment.start.0 - segment.duration.0;
            self.kept.push_back(Kept {
                msn: segment.msn,
                listed_at: faults.now - since,
                duration: segment.duration.0,
                longest: 0,
                gap: segment.gap,
            });
        }
        if let Some(open) = snapshot.open.as_ref().filter(|open| !open.parts.is_empty()) {
            let piece = Piece {
                msn: open.msn,
                epoch: &open.epoch,
                discontinuities: open.discontinuities,
                start: open.start,
                presentation: open.presentation,
                parts: &open.parts,
                part_target: snapshot.part_target,
                in_parts: !open.whole,
            };
            self.piece(&piece, name, faults, seen);
        }
        self.keep(snapshot, name, faults);
    }

    fn piece(&mut self, piece: &Piece<'_>, name: &dyn Display, faults: &mut Faults, seen: &mut Seen) {
        if piece.msn != self.msn {
            // The first segment that is seen, or one behind some that a full ring let go of unseen.
            self.expected = None;
            self.parts.clear();
            self.msn = piece.msn;
        }
        let kept = self.parts.iter().zip(piece.parts).all(|(old, new)| Arc::ptr_eq(old, new));
        faults.unless(kept, "N6", name, || format!("parts of segment {} were replaced", piece.msn));
        for index in self.parts.len()..piece.parts.len() {
            let part = &piece.parts[index];
            if index == 0 {
                self.first_part(piece, name, faults);
            }
            let known = self.channel.part(self.track, piece.msn, index as u32);
            let same = known.as_ref().is_some_and(|known| Arc::ptr_eq(known, part));
            faults.unless(same == piece.in_parts, "N66", name, || {
                format!("part {}.{index} can be loaded: {}", piece.msn, known.is_some())
            });
            seen.parts += 1;
            self.part(piece, part, index, name, faults, seen);
            self.parts.push(part.clone());
        }
    }

    fn first_part(&mut self, piece: &Piece<'_>, name: &dyn Display, faults: &mut Faults) {
        if piece.discontinuities > 0 {
            self.expected = None;
        }
        let init = self.channel.epoch_numbered(piece.epoch.number);
        faults.unless(init.is_some(), "N4", name, || {
            format!("the init segment {} of segment {} is gone", piece.epoch.number, piece.msn)
        });
        let Some(chunk) = piece.parts[0].chunks.first() else { return };
        faults.unless(chunk.start == piece.start, "N5", name, || {
            format!("segment {} starts at {:?} and its chunk at {:?}", piece.msn, piece.start, chunk.start)
        });
        // Dates go on by durations: a picture may be later for a while, where the decode line lags.
        let late = (piece.presentation - chunk.presentation).0;
        faults.unless((-MOST_LATE..=MOST_LATE).contains(&late), "date", name, || {
            format!(
                "segment {} is dated {:?}, its chunk {:?}",
                piece.msn, piece.presentation, chunk.presentation
            )
        });
    }

    fn part(
        &mut self,
        piece: &Piece<'_>,
        part: &Part,
        index: usize,
        name: &dyn Display,
        faults: &mut Faults,
        seen: &mut Seen,
    ) {
        let id = || format!("part {}.{index}", piece.msn);
        let (mut independent, mut length, mut holes, mut before) = (false, 0, 0, 0);
        let timescale = piece.epoch.tracks.timescale(self.track).unwrap_or(1);
        for chunk in &part.chunks {
            faults.unless(chunk.epoch.number == piece.epoch.number, "N12", name, || {
                format!("{} has a chunk of epoch {}, not {}", id(), chunk.epoch.number, piece.epoch.number)
            });
            let read = media::one(&chunk.bytes);
            seen.samples += read.samples.len() as u64;
            independent |= read.samples[0].sync;
            let hole = self.follows(&read, &id, name, faults);
            match length {
                0 => before = hole,
                _ => holes += hole,
            }
            length += read.duration();
            self.times(chunk, &read, timescale, &id, name, faults);
        }
        let ticks = |units: u64| Ticks::from_timescale(units as i64, timescale).0;
        // Silence counts to the part behind it, unless that starts a segment, or no part can hold it.
        let (own, all) = (ticks(length + holes), ticks(length + holes + before));
        let counts = index > 0 && all <= piece.part_target.0 + ROUNDING;
        let length = if counts { all } else { own };
        faults.unless((length - part.duration.0).abs() <= ROUNDING, "N23", name, || {
            format!("{} holds {length} ticks and says {:?}", id(), part.duration)
        });
        faults.unless(independent == part.independent, "N63", name, || {
            format!("{} says INDEPENDENT {}", id(), part.independent)
        });
        let bytes: usize = part.chunks.iter().map(|chunk| chunk.bytes.len()).sum();
        faults.unless(bytes == part.bytes, "N6", name, || format!("{} has {bytes} bytes", id()));
    }

    /// Decode times go on where they ended (AS 7.3). Sound may leave holes, never overlap; their length.
    fn follows(
        &mut self,
        chunk: &media::Chunk,
        id: &dyn Fn() -> String,
        name: &dyn Display,
        faults: &mut Faults,
    ) -> u64 {
        let expected = self.expected.replace(chunk.end()).unwrap_or(chunk.start);
        let good = match self.track {
            TrackKind::Video => chunk.start == expected,
            TrackKind::Audio => chunk.start >= expected,
        };
        faults.unless(good, "N5", name, || format!("{} goes on at {} and not {expected}", id(), chunk.start));
        chunk.start.saturating_sub(expected)
    }

    /// What the ring says of a chunk is what stands in it, and each picture is shown when it was taken; the decode line
    /// stands on whole milliseconds.
    fn times(
        &mut self,
        chunk: &Chunk,
        read: &media::Chunk,
        timescale: u32,
        id: &dyn Fn() -> String,
        name: &dyn Display,
        faults: &mut Faults,
    ) {
        let ticks = |time: i64| Ticks::from_timescale(time, timescale);
        let said = (chunk.start, chunk.end, chunk.presentation, chunk.sync);
        let (start, end) = (ticks(read.start as i64), ticks(read.end() as i64));
        let stands = (start, end, ticks(read.presentation()), read.samples[0].sync);
        faults.unless(said == stands, "N6", name, || format!("{}: {said:?} is in truth {stands:?}", id()));
        faults.unless(read.track == self.track.id(), "N2", name, || {
            format!("{} is of track {}", id(), read.track)
        });
        if self.track == TrackKind::Video {
            let whole = [read.start, read.end()].iter().all(|at| at.is_multiple_of(MS as u64));
            faults
                .unless(whole, "line", name, || format!("{} is from {} to {}", id(), read.start, read.end()));
            self.shown(read.presentation(), id, name, faults);
        }
    }

    fn shown(&mut self, presentation: i64, id: &dyn Fn() -> String, name: &dyn Display, faults: &mut Faults) {
        let next = self.picture;
        let found = (next..)
            .take_while(|n| self.tap.shown(*n).is_some())
            .find(|n| self.places(*n).contains(&Some(presentation)));
        let Some(found) = found else {
            return faults.unless(false, "shown", name, || {
                format!("{} shows a picture at {presentation} that was not taken then", id())
            });
        };
        self.picture = found + 1;
    }

    /// When the picture with this number may be shown: at the nearest millisecond, or at the next one if it was taken so
    /// shortly after the one before that both would be shown at once.
    fn places(&self, number: usize) -> [Option<i64>; 2] {
        let taken = self.tap.shown(number);
        let before = number.checked_sub(1).and_then(|before| self.tap.shown(before));
        let shortly =
            taken.zip(before).is_some_and(|(taken, before)| (1..2 * MS).contains(&(taken - before)));
        let nearest = taken.map(|taken| (taken + MS / 2) / MS * MS);
        [nearest, nearest.filter(|_| shortly).map(|nearest| nearest + MS)]
    }

    /// What left the list can be loaded for a while.
    fn keep(&mut self, snapshot: &Snapshot, name: &dyn Display, faults: &mut Faults) {
        let first = snapshot.segments.first().map_or(snapshot.open_msn, |segment| segment.msn);
        let length: i64 = snapshot.segments.iter().map(|segment| segment.duration.0).sum();
        let full = self.stats.segments_evicted_early.get() > 0;
        for kept in &mut self.kept {
            if kept.msn >= first {
                kept.longest = kept.longest.max(length);
            } else if !kept.gap && !full && faults.now < kept.listed_at + kept.duration + kept.longest {
                let there = self.channel.segment(self.track, kept.msn).is_some();
                faults.unless(there, "N39", name, || format!("segment {} is gone too early", kept.msn));
            }
        }
        let over =
            |kept: &Kept| kept.msn < first && faults.now >= kept.listed_at + kept.duration + kept.longest;
        while self.kept.front().is_some_and(over) {
            self.kept.pop_front();
        }
        while self.spans.front().is_some_and(|(msn, ..)| *msn < first) {
            self.spans.pop_front();
        }
    }

    /// From when to when the media of a segment lasts, by its own bytes.
    fn span(&self, segment: &Segment) -> Option<(u64, f64, f64)> {
        let (first, last) = (segment.parts.first()?.chunks.first()?, segment.parts.last()?.chunks.last()?);
        let timescale = f64::from(segment.epoch.tracks.timescale(self.track)?);
        let (start, end) = (media::one(&first.bytes).start, media::one(&last.bytes).end());
        Some((segment.msn, start as f64 / timescale, end as f64 / timescale))
    }

    /// Holds the durations in a list against its media.
    pub fn lengths(&self, playlist: &Playlist, name: &dyn Display, faults: &mut Faults) {
        let span = |listed: &playlist::Segment| {
            let at = self.spans.binary_search_by_key(&listed.msn, |(msn, ..)| *msn).ok()?;
            let (_, start, end) = self.spans[at];
            Some((start, end))
        };
        for violation in check_lengths(playlist, span) {
            faults.unless(false, violation.rule, name, || format!("{}\n{}", violation.what, playlist.text));
        }
    }
}
