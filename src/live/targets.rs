//! The promises of a camera's playlists: chosen once, from what was measured, and kept.

use super::Options;
use super::fit::FULL_PERCENT;
use super::muxer::LONGEST_AUDIO_RUN;
use crate::media::Ticks;
use crate::media::time::TICKS_PER_SECOND;

/// Target durations to choose from, in seconds. Few and coarse, so that a restart finds the same
/// one again; 4 s and more, since players cap their waits by it.
const TARGET_DURATIONS: [u32; 5] = [4, 6, 8, 10, 12];
/// A segment may be this much longer than the target duration: EXTINF is compared rounded to whole
/// seconds (RFC 8216bis 4.4.3.1), and a camera's GOP is never exact.
const SEGMENT_SLACK: Ticks = Ticks(TICKS_PER_SECOND as i64 * 24 / 100);
/// A segment that reaches this share of its target at a sync sample is long enough: GOPs jitter.
const ENOUGH_PERCENT: i64 = 90;
/// Segment target by default: two seconds.
const SEGMENT_TARGET: Ticks = Ticks(2 * TICKS_PER_SECOND as i64);
/// A short part target needs frames at most this long, 15 a second with a tenth of tolerance: then
/// a part is filled to 85 % at least (RFC 8216bis 4.4.4.9).
const STEADY_INTERVAL: Ticks = Ticks(TICKS_PER_SECOND as i64 / 15 * 11 / 10);
/// Playlists tell times in hundred-thousandths of a second, of which this many ticks are whole ones. What is promised
/// of parts is so many, since a part may be written as the next hundred-thousandth above what it lasts.
const WRITABLE: i64 = TICKS_PER_SECOND as i64 / 10_000;
const CENTISECOND: i64 = TICKS_PER_SECOND as i64 / 100;
const HALF_SECOND: Ticks = Ticks(TICKS_PER_SECOND as i64 / 2);
/// Frames up to this long fill parts of a second to 85 % at least, whatever their jitter.
const SLOW_INTERVAL: Ticks = Ticks(TICKS_PER_SECOND as i64 * 15 / 100);
const ONE_SECOND: Ticks = Ticks(TICKS_PER_SECOND as i64);

/// What all playlists of a camera promise for as long as its channels live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Targets {
    /// EXT-X-TARGETDURATION in seconds, the same in all playlists.
    pub duration: u32,
    /// PART-HOLD-BACK, the same in all playlists: three times the longest part target.
    pub part_hold_back: Ticks,
}

/// What one rendition's ring knows of its camera.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measured {
    /// The longest finished GOP.
    pub longest_gop: Ticks,
    /// The length so far of the GOP that is coming in.
    pub open_gop: Ticks,
    /// The longest segment, finished or not, that is in the ring.
    pub longest_segment: Ticks,
    /// The part target, once it is chosen.
    pub part_target: Option<Ticks>,
    /// True when every segment of pictures in the ring starts with a sync sample.
    pub independent: bool,
}

impl Targets {
    /// Chooses the promises of a camera from what its renditions measured so far.
    pub fn choose(options: &Options, renditions: &[Measured]) -> Self {
        let need = renditions
            .iter()
            .map(|measured| {
                let gop = measured.longest_gop.max(measured.open_gop);
                longest_segment(gop, segment_target(options)).max(measured.longest_segment)
            })
            .max()
            .unwrap_or_default();
        let duration = TARGET_DURATIONS
            .into_iter()
            .find(|&duration| need <= segment_limit(duration))
            .unwrap_or(LONGEST_TARGET_DURATION);
        let part = renditions.iter().filter_map(|measured| measured.part_target).max().unwrap_or(ONE_SECOND);
        Self { duration, part_hold_back: Ticks(part.0 * 3) }
    }

    /// The longest part target that the hold-back allows.
    pub fn longest_part(&self) -> Ticks {
        Ticks(self.part_hold_back.0 / 3)
    }
}

/// The least a camera is promised.
pub const SHORTEST_TARGET_DURATION: u32 = TARGET_DURATIONS[0];
/// The most a camera can be promised; until the promise is made, segments are held to this.
pub const LONGEST_TARGET_DURATION: u32 = TARGET_DURATIONS[TARGET_DURATIONS.len() - 1];

/// The longest segment that keeps the promise of `duration` seconds.
pub fn segment_limit(duration: u32) -> Ticks {
    Ticks(i64::from(duration) * i64::from(TICKS_PER_SECOND)) + SEGMENT_SLACK
}

/// The length from which on a segment ends at the next sync sample.
pub fn segment_enough(options: &Options) -> Ticks {
    Ticks(segment_target(options).0 * ENOUGH_PERCENT / 100)
}

/// The part target for frames that are `interval` long (RFC 8216bis 4.4.3.7).
pub fn part_target(options: &Options, interval: Ticks) -> Ticks {
    match options.part_target {
        Some(duration) => writable(Ticks::from_duration(duration)),
        None if interval <= STEADY_INTERVAL => HALF_SECOND,
        None if interval <= SLOW_INTERVAL => ONE_SECOND,
        None => {
            // So few frames that one less would leave the part too empty: as many as make about a
            // second, and room for their jitter.
            let frames = ((ONE_SECOND.0 + interval.0 / 2) / interval.0).max(1);
            let roomy = frames * interval.0 * 11 / 10;
            Ticks((roomy + CENTISECOND - 1) / CENTISECOND * CENTISECOND)
        }
    }
}

/// The part target of the sound beside a video's of `video`, where one frame of sound is `frame`
/// long: the video's, unless whole frames cannot fill that to 85 %.
pub fn audio_part_target(video: Ticks, frame: Ticks) -> Ticks {
    let chunk = frame.max(LONGEST_AUDIO_RUN);
    if chunk.0 * 100 <= video.0 * (100 - FULL_PERCENT) {
        return video;
    }
    let most = video.0 / frame.0.max(1) * frame.0;
    if most * 100 >= video.0 * FULL_PERCENT {
        return video;
    }
    // One tick more, since a sum of frames is rounded to ticks at both ends.
    writable(Ticks(most.max(frame.0) + 1))
}

/// The next length of time that playlists can tell exactly.
fn writable(length: Ticks) -> Ticks {
    Ticks((length.0 + WRITABLE - 1) / WRITABLE * WRITABLE)
}

/// How much of the first frames must be seen before their rate is believed.
pub fn part_target_evidence(options: &Options) -> Ticks {
    options.part_target.map_or(HALF_SECOND, Ticks::from_duration).min(HALF_SECOND)
}

fn segment_target(options: &Options) -> Ticks {
    options.segment_target.map_or(SEGMENT_TARGET, Ticks::from_duration)
}

/// How long segments get that are made of whole GOPs until they are long enough.
fn longest_segment(gop: Ticks, target: Ticks) -> Ticks {
    let enough = target.0 * ENOUGH_PERCENT / 100;
    let gops = if gop.0 <= 0 { 1 } else { (enough + gop.0 - 1) / gop.0 };
    Ticks((gop.0 * gops.max(1)).max(enough))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(secs: f64) -> Ticks {
        Ticks((secs * f64::from(TICKS_PER_SECOND)) as i64)
    }

    fn duration_for_gop(gop: f64) -> u32 {
        let measured = Measured { longest_gop: secs(gop), ..Measured::default() };
        Targets::choose(&Options::default(), &[measured]).duration
    }

    #[test]
    fn the_target_duration_holds_whole_gops() {
        for (gop, duration) in
            [(0.0, 4), (0.04, 4), (1.0, 4), (1.9, 4), (2.01, 4), (4.02, 4), (4.6, 6), (10.0, 10), (60.0, 12)]
        {
            assert_eq!(duration_for_gop(gop), duration, "GOP of {gop} s");
        }
    }

    #[test]
    fn what_is_in_the_ring_already_is_never_longer_than_the_promise() {
        let measured = Measured { longest_segment: secs(9.0), ..Measured::default() };
        assert_eq!(Targets::choose(&Options::default(), &[measured]).duration, 10);
    }

    #[test]
    fn parts_of_sound_can_always_be_filled() {
        let frame = |rate: i64| Ticks(1024 * 90_000 / rate);
        for rate in [96_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025] {
            assert_eq!(audio_part_target(HALF_SECOND, frame(rate)), HALF_SECOND, "{rate} Hz");
        }
        assert_eq!(audio_part_target(HALF_SECOND, frame(8_000)), Ticks(3 * 11_520 + 9));
        assert_eq!(audio_part_target(ONE_SECOND, frame(8_000)), ONE_SECOND);
        assert_eq!(audio_part_target(secs(0.1), frame(8_000)), Ticks(11_529));
    }

    #[test]
    fn the_hold_back_is_three_times_the_longest_part_target_of_all_renditions() {
        let fast = Measured { part_target: Some(HALF_SECOND), ..Measured::default() };
        let slow = Measured { part_target: Some(ONE_SECOND), ..Measured::default() };
        let hold_back = |all: &[Measured]| Targets::choose(&Options::default(), all).part_hold_back;
        assert_eq!(hold_back(&[fast]), secs(1.5));
        assert_eq!(hold_back(&[fast, slow]), secs(3.0));
    }

    #[test]
    fn the_part_target_is_half_a_second_from_15_frames_a_second_on() {
        let options = Options::default();
        assert_eq!(part_target(&options, secs(1.0 / 25.0)), HALF_SECOND);
        assert_eq!(part_target(&options, secs(1.0 / 15.0)), HALF_SECOND);
        assert_eq!(part_target(&options, secs(1.0 / 12.0)), ONE_SECOND);
        assert_eq!(part_target(&options, secs(0.2)), secs(1.1));
        assert_eq!(part_target(&options, secs(1.0)), secs(1.1));
        assert_eq!(part_target(&options, secs(2.0)), secs(2.2));
    }
}
