//! Presentation times to decode times and durations. Pure.
//!
//! No frame is held back to learn how long it lasts, so its duration is predicted, and the next
//! decode time is this one plus that prediction: decode times have neither holes nor overlaps.
//! The true instant stands in the composition offset (signed, ISO/IEC 14496-12, 8.6.1.3).

use std::collections::VecDeque;

use bytes::Bytes;

use crate::media::{Frame, Ticks, TrackKind};

/// Longest predicted duration of a picture: 2 s. A slower camera is handled as a chain of breaks;
/// no browser plays such a stream smoothly anyway.
pub const MAX_DURATION: Ticks = Ticks(2 * 90_000);

/// A hole between presentation times longer than this, and than three intervals, is a break.
const BREAK_AFTER: Ticks = Ticks(2 * 90_000);

/// A hole is carried over, where the picture behind it can be decoded, if that is shown no later than this after the line
/// has come to it: the segment behind the hole begins there, and is dated so, which is wrong by as much.
const LONGEST_HOLE: Ticks = Ticks(3 * 90_000);

/// What an interval is taken for while neither the stream nor its SPS has told: 25 pictures a second.
const FIRST_INTERVAL: Ticks = Ticks(3_600);

/// Presentation times that are remembered. H.264 and H.265 reorder at most 16 pictures.
const MEMORY: usize = 17;

/// Of them, in the order in which they are shown, so many tell how fast pictures come now.
const NEWEST_TIMES: usize = 6;

/// After this many pictures in order the stream is taken for one without B-pictures again.
const REORDER_MEMORY: u32 = 64;

/// The share of the error that one picture takes away, as a divisor.
const GAIN: i64 = 4;

/// The same for reordered streams, where the error is the least of many and so known less well.
const REORDERED_GAIN: i64 = 16;

/// The same while pictures of reordered streams are due before they are decoded.
const EARLY_GAIN: i64 = 2;

/// How far before its first picture's presentation the decode line must start, so that no picture is
/// due before it is decoded; `presentations` are the first ones in decode order. Nothing for streams
/// without B-pictures.
pub fn reorder_lag(presentations: &[Ticks]) -> Ticks {
    if presentations.is_sorted() {
        return Ticks(0);
    }
    let mut sorted = presentations.to_vec();
    sorted.sort_unstable();
    let mut steps: Vec<i64> = sorted.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    steps.sort_unstable();
    let interval = steps[steps.len() / 2].clamp(1, MAX_DURATION.0);
    let due = (0..).map(|n| presentations[0].0 + n * interval);
    let lag = due.zip(presentations).map(|(due, presentation)| due - presentation.0).max().unwrap_or(0);
    Ticks(lag.clamp(0, MEMORY as i64 * interval))
}

/// Among this many pictures there is one that is shown as soon as it is decoded.
const FEWEST_OFFSETS: usize = 8;

/// Where a picture stands in its track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paced {
    /// The decode time: that of the picture before plus its duration.
    pub decode: Ticks,
    /// The predicted duration; at least a quarter of the interval and at least one tick.
    pub duration: Ticks,
    /// Presentation less decode time.
    pub composition: Ticks,
}

impl Paced {
    /// The picture as a frame.
    pub fn frame(self, sync: bool, data: Bytes) -> Frame {
        // Offsets and durations are seconds at most; what does not fit is cut off.
        let narrow = |ticks: Ticks| ticks.0.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32;
        Frame {
            track: TrackKind::Video,
            decode_time: self.decode.0.unsigned_abs(),
            duration: narrow(self.duration).unsigned_abs(),
            composition_offset: narrow(self.composition),
            sync,
            data,
        }
    }
}

/// The decode line of one epoch of a video track.
#[derive(Debug)]
pub struct VideoPace {
    next: Ticks,
    /// Presentation times in decode order, the newest last.
    recent: VecDeque<i64>,
    hint: Option<Ticks>,
    highest: i64,
    in_order: u32,
    /// Composition offsets of the recent reordered pictures, less what was corrected since.
    offsets: VecDeque<i64>,
}

impl VideoPace {
    /// Starts a decode line at `start`. `hint` is the interval between pictures that the SPS
    /// tells, if it does; `reordered` says that B-pictures are known to come.
    pub fn new(start: Ticks, hint: Option<Ticks>, reordered: bool) -> Self {
        let hint = hint.filter(|hint| hint.0 > 0 && *hint <= MAX_DURATION);
        Self {
            next: start,
            recent: VecDeque::with_capacity(MEMORY),
            hint,
            highest: i64::MIN,
            in_order: if reordered { 0 } else { REORDER_MEMORY },
            offsets: VecDeque::with_capacity(MEMORY),
        }
    }

    /// The decode time of the next picture.
    pub fn end(&self) -> Ticks {
        self.next
    }

    /// True when a picture at `presentation` would follow such a hole (or lie so far back) that
    /// the decode line cannot be carried on.
    pub fn breaks(&self, presentation: Ticks) -> bool {
        if self.recent.is_empty() {
            return false;
        }
        let limit = BREAK_AFTER.0.max(3 * self.interval(0));
        let step = presentation.0 - self.highest;
        step > limit || step < -limit
    }

    /// True when the line can be carried on to a picture at `presentation` although it [breaks](Self::breaks) there:
    /// pictures behind the hole last longer until the line has caught up.
    pub fn bridges(&self, presentation: Ticks) -> bool {
        presentation.0 >= self.highest && presentation.0 - self.next.0 <= LONGEST_HOLE.0
    }

    /// Places the next picture in decode order.
    pub fn place(&mut self, presentation: Ticks) -> Paced {
        self.remember(presentation.0);
        let decode = self.next;
        let composition = presentation.0 - decode.0;
        let interval = self.interval(composition);
        let duration =
            (interval + self.correction(composition, interval)).max(interval / 4).clamp(1, MAX_DURATION.0);
        self.next = Ticks(decode.0 + duration);
        Paced { decode, duration: Ticks(duration), composition: Ticks(composition) }
    }

    fn reordered(&self) -> bool {
        self.in_order < REORDER_MEMORY
    }

    fn remember(&mut self, presentation: i64) {
        if presentation < self.highest {
            if !self.reordered() {
                self.offsets.clear();
            }
            self.in_order = 0;
        } else {
            self.in_order = self.in_order.saturating_add(1);
        }
        self.highest = self.highest.max(presentation);
        if self.recent.len() == MEMORY {
            self.recent.pop_front();
        }
        self.recent.push_back(presentation);
    }

    /// The interval between pictures, in ticks: the median of the last three steps, or of the last five
    /// between the sorted recent times when pictures are reordered. Less where the line is far ahead of what
    /// is shown, by `composition`: then pictures come faster than they did, and each that is taken for long
    /// leads it further astray.
    fn interval(&self, composition: i64) -> i64 {
        let mut times: Vec<i64> = if self.reordered() {
            self.recent.iter().copied().collect()
        } else {
            self.recent.iter().rev().take(4).rev().copied().collect()
        };
        times.sort_unstable();
        times.drain(..times.len().saturating_sub(NEWEST_TIMES));
        let mut steps: Vec<i64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        steps.sort_unstable();
        let median = match (steps.len(), self.hint) {
            (0, hint) => hint.unwrap_or(FIRST_INTERVAL).0,
            // The first step of a stream with B-pictures spans several of them.
            (_, Some(hint)) if self.recent.len() < 5 => steps[0].min(hint.0),
            // Of two steps the shorter: a decode line that lags is harmless, one that runs ahead is not.
            (count, _) => steps[(count - 1) / 2],
        };
        let median = median.clamp(1, MAX_DURATION.0);
        match steps.first() {
            Some(shortest) if composition < -median / 2 => median.min((*shortest).max(median / 16)).max(1),
            _ => median,
        }
    }

    /// What to add to the interval so that the offset shrinks: a fixed share of it, and never
    /// more than half an interval, so that the line neither overshoots nor swings.
    fn correction(&mut self, composition: i64, interval: i64) -> i64 {
        let bound = interval / 2;
        if !self.reordered() {
            self.offsets.clear();
            return (composition / GAIN).clamp(-bound, bound);
        }
        if self.offsets.len() == MEMORY - 1 {
            self.offsets.pop_front();
        }
        self.offsets.push_back(composition);
        // No picture may be due before it is decoded: players that read a chunk at a time would show
        // it late. So the least offset is what goes to nothing, and what is below nothing goes fast.
        let least = self.offsets.iter().copied().min().unwrap_or(0);
        let correction = match least {
            ..0 => least / EARLY_GAIN,
            // Of a few pictures none may be one of those that are due at once.
            _ if self.offsets.len() < FEWEST_OFFSETS => 0,
            _ => least / REORDERED_GAIN,
        };
        let correction = correction.clamp(-bound, bound);
        // What is corrected now is no longer owed by the pictures already counted; without this
        // the least would ask for the same correction again and again, and the line would swing.
        self.offsets.iter_mut().for_each(|offset| *offset -= correction);
        correction
    }
}

/// Where an audio frame stands in its track, in samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PacedAudio {
    /// Publish it at this decode time.
    At(u64),
    /// Leave it out: the line is ahead of the camera.
    Drop,
}

/// The decode line of an audio track: frames follow each other exactly, and the line is
/// re-anchored only when it is clearly off.
#[derive(Debug)]
pub struct AudioPace {
    next: i64,
    rate: i64,
    frame: i64,
    /// Off by more than this for [`Self::PATIENCE`] frames: re-anchored.
    tolerance: i64,
    /// Frames in a row that were.
    off: u32,
    dropping: bool,
    /// How far frames that are placed by arrival were ahead of it at least, and of how many.
    ahead: (i64, u32),
    /// So many of them are still to be left out.
    shed: i64,
}

impl AudioPace {
    /// The tolerance. Nobody sees lips move wrongly by 40 ms, of which the rest is left to what the times of the
    /// two tracks are off by themselves. More only where a frame that is left out moves the line by so much.
    const TOLERANCE_MS: std::ops::RangeInclusive<i64> = 30..=40;
    /// Off by this much: re-anchored at once.
    const AT_ONCE_MS: i64 = 200;
    /// Frames in a row that must be off before a small error counts.
    const PATIENCE: u32 = 8;
    /// A line of frames that come in packets, and each of them late, may be ahead of their arrival by so much.
    const AHEAD_MS: i64 = 300;
    /// Of so many frames one has come in time.
    const ARRIVALS: u32 = 32;

    /// Starts a line at `start` (in samples) for a track of `rate` samples a second and `frame`
    /// samples a frame; both are positive.
    pub fn new(start: i64, rate: u32, frame: u32) -> Self {
        let (rate, frame) = (i64::from(rate), i64::from(frame));
        let [least, most] =
            [Self::TOLERANCE_MS.start(), Self::TOLERANCE_MS.end()].map(|ms| ms * rate / 1_000);
        let tolerance = (frame * 5 / 8).clamp(least, most);
        Self {
            next: start.max(0),
            rate,
            frame,
            tolerance,
            off: 0,
            dropping: false,
            ahead: (i64::MAX, 0),
            shed: 0,
        }
    }

    /// The end of the line so far, in samples.
    pub fn end(&self) -> i64 {
        self.next
    }

    /// Places the next frame, which the camera plays at `presentation` (in samples).
    pub fn place(&mut self, presentation: i64) -> PacedAudio {
        let error = presentation - self.next;
        let error_ms = error.abs() * 1_000 / self.rate;
        self.off = if error.abs() > self.tolerance { self.off + 1 } else { 0 };
        if error_ms > Self::AT_ONCE_MS || self.off >= Self::PATIENCE {
            self.off = 0;
            if error > 0 {
                self.next = presentation;
            } else {
                self.dropping = true;
            }
        }
        if self.dropping {
            if error < -self.frame / 2 {
                return PacedAudio::Drop;
            }
            self.dropping = false;
        }
        PacedAudio::At(self.follow())
    }

    /// Places the next frame, of which no more is known than that it came at `at` (in samples): right behind the one
    /// before, as long as that is about where frames come.
    pub fn arrive(&mut self, at: i64) -> PacedAudio {
        let [at_once, most] = [Self::AT_ONCE_MS, Self::AHEAD_MS].map(|ms| ms * self.rate / 1_000);
        self.next = if at - self.next > at_once { at } else { self.next };
        let ahead = self.next - at;
        self.ahead = (self.ahead.0.min(ahead), self.ahead.1 + 1);
        if self.ahead.1 == Self::ARRIVALS {
            let (least, _) = std::mem::replace(&mut self.ahead, (i64::MAX, 0));
            self.shed = if least > self.tolerance { least / self.frame } else { 0 };
        }
        if self.shed > 0 || ahead > most {
            self.shed = (self.shed - 1).max(0);
            return PacedAudio::Drop;
        }
        PacedAudio::At(self.follow())
    }

    /// Places a frame right behind the one before, whenever the camera plays it.
    pub fn follow(&mut self) -> u64 {
        let at = self.next;
        self.next += self.frame;
        at.unsigned_abs()
    }
}

#[cfg(test)]
#[path = "pace_tests.rs"]
mod tests;
