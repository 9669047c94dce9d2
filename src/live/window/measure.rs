//! What a ring tells of its camera.

use super::Window;
use crate::live::line::{BitRates, Line};
use crate::live::targets::Measured;
use crate::media::Ticks;

impl Window {
    /// Bit rates over the finished segments, or over what there is before the first of them.
    pub fn bit_rates(&self) -> BitRates {
        let lines = [Some(&self.video), self.audio.as_ref()].into_iter().flatten();
        let rates: Vec<_> = lines.map(Line::bit_rates).collect();
        if rates.iter().all(|rate| rate.peak > 0) {
            return BitRates {
                peak: rates.iter().map(|rate| rate.peak).sum(),
                average: rates.iter().map(|rate| rate.average).sum(),
            };
        }
        let rate = self.ring.bit_rate();
        BitRates { peak: rate, average: rate }
    }

    /// Those of the sound alone.
    pub fn sound_bit_rates(&self) -> BitRates {
        self.audio.as_ref().map(Line::bit_rates).unwrap_or_default()
    }

    /// Those of the sync samples alone that segments start with; before the first of them, of all that there is.
    pub fn sync_bit_rates(&self) -> BitRates {
        let rates = self.video.sync_bit_rates();
        if rates.peak > 0 { rates } else { self.bit_rates() }
    }

    /// What this ring knows of its camera.
    pub fn measured(&self) -> Measured {
        let newest = self.ring.newest().map(|chunk| chunk.end);
        let open_gop = match (newest, self.gop_start) {
            (Some(newest), Some(start)) => newest - start,
            _ => Ticks(0),
        };
        let longest_segment = [Some(&self.video), self.audio.as_ref()]
            .into_iter()
            .flatten()
            .map(Line::longest)
            .max()
            .unwrap_or_default();
        let part_target = self.part_target.max(self.audio_part_target);
        let independent = self.video.is_independent();
        Measured { longest_gop: self.longest_gop, open_gop, longest_segment, part_target, independent }
    }
}
