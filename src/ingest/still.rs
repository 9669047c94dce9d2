//! Pictures for sound that plays alone (`video = "off"`): a still, each time the sound has come so far. Pure.

use std::sync::Arc;

use super::event::{Picture, Sound};
use crate::media::{Ticks, VideoTrack, still};

/// From one picture to the next at least; sound of 20 to 64 ms a frame makes some 15 a second of it, for which HLS
/// has short parts.
const INTERVAL: Ticks = Ticks(90 * 40);

/// The still of one session.
#[derive(Debug)]
pub struct Still {
    track: Arc<VideoTrack>,
    last: Option<Ticks>,
    shown: usize,
}

impl Still {
    /// A still that was not shown yet; `None` if there is none.
    pub fn new() -> Option<Self> {
        Some(Self { track: Arc::new(still::track()?), last: None, shown: 0 })
    }

    /// Its parameters.
    pub fn track(&self) -> Arc<VideoTrack> {
        Arc::clone(&self.track)
    }

    /// The picture that is due before `sound`: with its times, so that the two are together whatever its clock does.
    pub fn before(&mut self, sound: &Sound) -> Option<Picture> {
        if self.last.is_some_and(|last| (sound.elapsed - last).0.abs() < INTERVAL.0) {
            return None;
        }
        self.last = Some(sound.elapsed);
        self.shown += 1;
        Some(Picture {
            data: still::picture(self.shown),
            elapsed: sound.elapsed,
            arrival: sound.arrival,
            sync: true,
            lost: 0,
            track: Some(self.track()),
            interval: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    #[test]
    fn pictures_keep_to_the_sound_wherever_its_clock_goes() {
        let mut still = Still::new().expect("there is one");
        let arrival = crate::clock::now().instant;
        let mut shown = |ms: i64| {
            let sound = Sound { data: Bytes::new(), elapsed: Ticks(ms * 90), arrival, lost: 0 };
            still.before(&sound).map(|picture| (picture.elapsed.0 / 90, picture.data))
        };
        let shown: Vec<_> =
            [0, 20, 40, 61, 85, 9_000, 9_020, 100, 139].map(&mut shown).into_iter().flatten().collect();
        assert_eq!(shown.iter().map(|(ms, _)| *ms).collect::<Vec<_>>(), [0, 40, 85, 9_000, 100]);
        assert!(shown.windows(2).all(|pair| pair[0].1 != pair[1].1), "no two alike in a row");
    }
}
