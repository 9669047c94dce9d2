//! What a made-up camera is going to do. Plain values, so that a plan that breaks a rule can be shown and made smaller.

use belvedere::live::Options;

/// A camera and its one viewer.
#[derive(Clone, Debug)]
pub struct Plan {
    pub options: Options,
    pub renditions: Vec<Stream>,
    /// When the first playlist is asked for, in milliseconds.
    pub viewer_ms: u32,
    /// Seed of everything that jitters.
    pub noise: u64,
}

/// One stream of the camera.
#[derive(Clone, Debug)]
pub struct Stream {
    pub begin_ms: u32,
    pub scenes: Vec<Scene>,
    /// How far the stamps of pictures are off, in percent of their interval.
    pub stamp_jitter: u32,
    /// How much longer than others packets may take, in milliseconds.
    pub delay_ms: u32,
    /// B-pictures between two others.
    pub b_pictures: u32,
    /// Does the SPS tell the frame rate of the first scene?
    pub tells_rate: bool,
    /// Does it send sender reports?
    pub reports: bool,
    /// Bytes of a picture.
    pub bytes: usize,
    pub sound: Option<Sound>,
}

/// A while of steady pictures.
#[derive(Clone, Copy, Debug)]
pub struct Scene {
    pub first: Event,
    pub ms: u32,
    /// Pictures in 1000 s.
    pub rate: u32,
    /// Length of GOPs in milliseconds; one picture at least.
    pub gop_ms: u32,
}

/// What happens at the beginning of a scene.
#[derive(Clone, Copy, Debug)]
pub enum Event {
    /// Nothing but that rate and GOP may change.
    Nothing,
    /// The camera takes no pictures and hears nothing.
    Freeze { ms: u32 },
    /// The network holds everything back, and then delivers it at once.
    Clog { ms: u32 },
    /// The encoder starts anew with other parameters.
    Parameters,
    /// The session is lost; the next one begins after this time.
    Lost { ms: u32 },
}

/// What is heard.
#[derive(Clone, Debug)]
pub struct Sound {
    pub rate: u32,
    /// Samples of a frame.
    pub samples: u32,
    /// From when to when there is sound, in milliseconds; in order.
    pub heard: Vec<(u32, u32)>,
}

impl Stream {
    /// When everything is over, in milliseconds.
    pub fn end_ms(&self) -> u32 {
        self.begin_ms + self.scenes.iter().map(|scene| scene.ms + scene.first.pause_ms()).sum::<u32>()
    }

    /// The longest time between two pictures while the camera works.
    pub fn longest_interval_ms(&self) -> u32 {
        self.scenes.iter().map(|scene| 1_000_000 / scene.rate).max().unwrap_or(0)
    }

    /// True if everything comes when it should, from the first picture to the last.
    pub fn is_calm(&self) -> bool {
        self.scenes.iter().all(|scene| matches!(scene.first, Event::Nothing))
    }
}

impl Event {
    /// For how long there are no pictures.
    pub fn pause_ms(self) -> u32 {
        match self {
            Self::Freeze { ms } | Self::Lost { ms } => ms,
            Self::Nothing | Self::Clog { .. } | Self::Parameters => 0,
        }
    }
}
