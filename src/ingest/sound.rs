//! The sound of one epoch: its decode line, and silence where it stops. Pure.

use std::sync::Arc;

use bytes::Bytes;

use super::pace::{AudioPace, PacedAudio};
use crate::media::time::TICKS_PER_SECOND;
use crate::media::{AudioTrack, Frame, Ticks, TrackKind, silence};

/// Sound that has not come for so long, while pictures did, has stopped. Cameras send it in packets of 200 ms
/// at most, and no player has more than this in stock.
const QUIET: Ticks = Ticks(TICKS_PER_SECOND as i64 / 2);

/// The same where sound is placed by its arrival: its line would come back to it with a hole.
const QUIET_BY_ARRIVAL: Ticks = Ticks(TICKS_PER_SECOND as i64 / 10);

/// What sound may lag behind its pictures without being taken for stopped.
const MOST_BEHIND: Ticks = Ticks(2 * TICKS_PER_SECOND as i64);

/// Silent frames between two pictures at most: some seconds of them.
const MOST_AT_ONCE: i64 = 250;

/// The sound of one epoch.
#[derive(Debug)]
pub struct SoundLine {
    track: Arc<AudioTrack>,
    silence: Option<Bytes>,
    pace: Option<AudioPace>,
    first: Ticks,
    /// Arrival of the last frame that had a place.
    heard: Ticks,
    /// The newest picture's presentation.
    picture: Ticks,
    /// How far the sound was behind the newest picture when it last came.
    behind: Ticks,
    quiet: bool,
    /// The last frame was placed by its arrival.
    by_arrival: bool,
}

impl SoundLine {
    /// A line for `track` in an epoch that begins at `first`, of a camera whose sound was heard lately at `heard`;
    /// never heard, it begins with silence.
    pub fn new(track: Arc<AudioTrack>, first: Ticks, heard: Option<Ticks>) -> Self {
        let (silence, behind, quiet) = (silence::frame(&track), Ticks(0), heard.is_none());
        let heard = heard.unwrap_or(first);
        Self { track, silence, pace: None, first, heard, picture: first, behind, quiet, by_arrival: false }
    }

    /// Where the sound has come to: where the epoch begins, before there is any.
    pub fn end(&self) -> Ticks {
        let end = |pace: &AudioPace| Ticks::from_timescale(pace.end(), self.track.sample_rate);
        self.pace.as_ref().map_or(self.first, end)
    }

    /// Places a frame that the camera plays at `presentation` and that came at `now`; `None` where the line is
    /// ahead of it. `end` is where the sound of earlier epochs ended.
    pub fn place(&mut self, presentation: Ticks, now: Ticks, end: Ticks, data: Bytes) -> Option<Frame> {
        (self.quiet, self.by_arrival) = (false, false);
        self.behind = Ticks((self.picture - presentation).0.clamp(0, MOST_BEHIND.0));
        let samples = presentation.to_timescale(self.track.sample_rate);
        let paced = self.pace(samples, end).place(samples);
        self.paced(paced, now, data)
    }

    /// Places a frame whose stamp means nothing, and that came at `now`, when the pictures were at `at`; else as
    /// [`place`](Self::place).
    pub fn follow(&mut self, at: Ticks, now: Ticks, end: Ticks, data: Bytes) -> Option<Frame> {
        (self.quiet, self.by_arrival, self.behind) = (false, true, Ticks(0));
        let samples = at.to_timescale(self.track.sample_rate);
        let paced = self.pace(samples, end).arrive(samples);
        self.paced(paced, now, data)
    }

    /// What is left out is not heard: where that goes on, silence takes its place.
    fn paced(&mut self, paced: PacedAudio, now: Ticks, data: Bytes) -> Option<Frame> {
        let PacedAudio::At(decode_time) = paced else { return None };
        self.heard = now;
        Some(self.frame(decode_time, data))
    }

    /// The silence that is due with a picture at `picture` that came at `now`, if the sound has stopped.
    pub fn silence(&mut self, picture: Ticks, now: Ticks, end: Ticks) -> Vec<Frame> {
        self.picture = Ticks(self.picture.0.max(picture.0));
        let Some(data) = self.silence.clone() else { return Vec::new() };
        let due = self.picture - self.behind;
        // How late the sound comes is not known before it came.
        let (unheard, patience) = match (self.by_arrival, &self.pace) {
            (true, _) => (Ticks(0), QUIET_BY_ARRIVAL),
            (false, Some(_)) => (QUIET, QUIET),
            (false, None) => (MOST_BEHIND, MOST_BEHIND),
        };
        self.quiet |= now - self.heard >= unheard && due - self.end() >= patience;
        if !self.quiet {
            return Vec::new();
        }
        let (rate, first) = (self.track.sample_rate, self.first);
        let samples = i64::from(self.track.frame_samples);
        let pace = self.pace(first.to_timescale(rate), end);
        let count = ((due.to_timescale(rate) - pace.end()) / samples).clamp(0, MOST_AT_ONCE);
        let times: Vec<u64> = (0..count).map(|_| pace.follow()).collect();
        times.into_iter().map(|decode_time| self.frame(decode_time, data.clone())).collect()
    }

    /// Silence for the hole between `end`, where the sound ended before, and `next`, if a player would wait in it.
    pub fn fill(&self, end: Ticks, next: &Frame) -> Vec<Frame> {
        let Some(data) = self.silence.as_ref().filter(|_| end > self.first) else { return Vec::new() };
        // Rounded up, so that it is no earlier.
        let start = end.to_timescale(self.track.sample_rate) + 1;
        let hole = next.decode_time as i64 - start;
        let count = (hole / i64::from(self.track.frame_samples)).clamp(0, MOST_AT_ONCE);
        if Ticks::from_timescale(hole, self.track.sample_rate) < QUIET_BY_ARRIVAL {
            return Vec::new();
        }
        // Its end is that of the hole.
        let times = (1..=count).rev().map(|n| next.decode_time - n as u64 * u64::from(next.duration));
        times.map(|decode_time| self.frame(decode_time, data.clone())).collect()
    }

    fn pace(&mut self, start: i64, end: Ticks) -> &mut AudioPace {
        let (rate, frame) = (self.track.sample_rate, self.track.frame_samples);
        self.pace.get_or_insert_with(|| {
            // Rounded up, so that it is no earlier.
            let end = end.to_timescale(rate) + i64::from(end.0 > 0);
            AudioPace::new(start.max(end), rate, frame)
        })
    }

    fn frame(&self, decode_time: u64, data: Bytes) -> Frame {
        Frame {
            track: TrackKind::Audio,
            decode_time,
            duration: self.track.frame_samples,
            composition_offset: 0,
            sync: true,
            data,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::track::testing;

    const SECOND: i64 = 90_000;
    /// One frame of sound.
    const FRAME: i64 = 1_920;

    /// Sound until `until`, beside pictures each 40 ms until `end`; `behind` is how late the sound comes.
    fn play(line: &mut SoundLine, until: i64, end: i64, behind: i64) -> Vec<Frame> {
        let mut frames = Vec::new();
        let mut sound = line.end().0;
        for picture in (0..end).step_by(3_600) {
            frames.extend(line.silence(Ticks(picture), Ticks(picture), Ticks(0)));
            while sound + behind <= picture && sound < until {
                frames.extend(line.place(
                    Ticks(sound),
                    Ticks(picture),
                    Ticks(0),
                    Bytes::from_static(b"loud"),
                ));
                sound += FRAME;
            }
        }
        frames
    }

    fn line() -> SoundLine {
        SoundLine::new(Arc::new(testing::audio(48_000)), Ticks(0), Some(Ticks(0)))
    }

    fn loud(frames: &[Frame]) -> usize {
        frames.iter().filter(|frame| frame.data == "loud").count()
    }

    #[test]
    fn while_there_is_sound_there_is_no_silence_however_late_it_comes() {
        for behind in [0, SECOND / 10, SECOND] {
            let frames = play(&mut line(), i64::MAX, 20 * SECOND, behind);
            assert_eq!(loud(&frames), frames.len(), "{behind} ticks late");
        }
    }

    #[test]
    fn silence_takes_over_after_half_a_second_without_a_hole_and_keeps_up() {
        let mut line = line();
        let frames = play(&mut line, 2 * SECOND, 10 * SECOND, SECOND / 10);
        assert!(frames.windows(2).all(|pair| pair[1].decode_time == pair[0].decode_time + 1_024));
        assert_eq!(loud(&frames), 94);
        let lag = 10 * SECOND - line.end().0;
        assert!(lag <= SECOND / 10 + 2 * 3_600 + FRAME, "{lag} ticks behind the pictures");
    }

    #[test]
    fn sound_that_comes_back_goes_on_where_the_silence_has_come_to() {
        let mut line = line();
        play(&mut line, SECOND, 5 * SECOND, 0);
        let end = line.end();
        let back = line.place(end + Ticks(900), Ticks(5 * SECOND), Ticks(0), Bytes::from_static(b"loud"));
        assert_eq!(back.map(|frame| frame.decode_time as i64), Some(end.to_timescale(48_000)));
        assert!(line.silence(Ticks(5 * SECOND + 3_600), Ticks(5 * SECOND + 3_600), Ticks(0)).is_empty());
    }

    #[test]
    fn before_any_sound_silence_goes_along_with_the_pictures_and_sound_takes_over_in_step() {
        for behind in [0, SECOND / 10, SECOND / 2] {
            let mut line = SoundLine::new(Arc::new(testing::audio(48_000)), Ticks(0), None);
            let mut frames = Vec::new();
            for picture in (0..SECOND).step_by(3_600) {
                frames.extend(line.silence(Ticks(picture), Ticks(picture), Ticks(0)));
                assert!(picture - line.end().0 < FRAME, "no player waits: {picture} and {}", line.end().0);
            }
            let mut sound = SECOND;
            for picture in (SECOND..4 * SECOND).step_by(3_600) {
                frames.extend(line.silence(Ticks(picture), Ticks(picture), Ticks(0)));
                while sound + behind <= picture {
                    let loud = Bytes::from_static(b"loud");
                    frames.extend(line.place(Ticks(sound), Ticks(picture), Ticks(0), loud));
                    sound += FRAME;
                }
            }
            assert!(frames.windows(2).all(|pair| pair[1].decode_time == pair[0].decode_time + 1_024));
            assert!(loud(&frames) > 85, "{} of some 94 to 140, {behind} ticks late", loud(&frames));
            assert!((line.end().0 - sound).abs() <= SECOND / 25, "{} and {sound}", line.end().0);
        }
    }

    #[test]
    fn a_network_that_held_all_back_is_no_silence() {
        let mut line = line();
        play(&mut line, SECOND, SECOND, 0);
        // Three seconds later the pictures of the first second come, and the sound between them.
        let now = Ticks(4 * SECOND);
        for n in 0..25 {
            assert!(line.silence(Ticks(SECOND + n * 3_600), now, Ticks(0)).is_empty());
            for half in 0..2 {
                let presentation = Ticks(SECOND + n * 3_600 + half * 1_800);
                line.place(presentation, now, Ticks(0), Bytes::from_static(b"loud"));
            }
        }
    }

    #[test]
    fn a_hole_that_a_player_would_wait_in_is_filled_up_to_the_sound_behind_it() {
        let mut line = line();
        play(&mut line, SECOND, SECOND, 0);
        for (hole, frames) in [(SECOND / 20, 0), (SECOND / 2, 23), (SECOND, 46)] {
            let end = line.end();
            let next = line.frame((end + Ticks(hole)).to_timescale(48_000) as u64, Bytes::new());
            let filled = line.fill(end, &next);
            assert_eq!(filled.len(), frames, "{hole}");
            let times: Vec<u64> = filled.iter().chain([&next]).map(|frame| frame.decode_time).collect();
            assert!(times.windows(2).all(|pair| pair[1] == pair[0] + 1_024));
            assert!(times[0] >= end.to_timescale(48_000) as u64);
        }
    }

    #[test]
    fn sound_that_is_not_known_in_silence_just_stops() {
        let track = AudioTrack { config: Bytes::from_static(&[0x2b]), ..testing::audio(48_000) };
        let mut line = SoundLine::new(Arc::new(track), Ticks(0), Some(Ticks(0)));
        assert_eq!(play(&mut line, SECOND, 5 * SECOND, 0).len(), 47);
    }
}
