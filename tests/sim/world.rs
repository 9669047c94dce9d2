//! A plan carried out: one thing happens after the other, and after each the playlists are looked at.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, UNIX_EPOCH};

use belvedere::clock::Now;
use belvedere::ingest::CameraClock;
use belvedere::live::{self, Camera, Origin};
use belvedere::media::TrackKind;
use fastrand::Rng;

use crate::camera::arrivals;
use crate::lists::Lists;
use crate::plan::Plan;
use crate::renditions::{Rendition, Shared};

/// 1 November 2026, when all simulations begin.
const BEGIN: Duration = Duration::from_secs(1_793_491_200);
/// How long a first playlist waits for a finished segment (`hls.start_timeout`).
const START_TIMEOUT: i64 = 10 * 90_000;
const MS: i64 = 90;
/// Faults that are kept: the first ones tell most.
const MOST_FAULTS: usize = 8;

/// What went wrong.
#[derive(Debug, Default)]
pub struct Faults {
    /// Ticks since the simulation began.
    pub now: i64,
    found: Vec<(String, String)>,
}

impl Faults {
    /// Takes note of a broken rule at a place, once.
    pub fn unless(
        &mut self,
        good: bool,
        rule: &str,
        place: &dyn fmt::Display,
        what: impl FnOnce() -> String,
    ) {
        if good || self.found.len() >= MOST_FAULTS {
            return;
        }
        let place = place.to_string();
        let key = format!("{rule} in {place}");
        if self.found.iter().all(|(known, _)| *known != key) {
            self.found.push((key, format!("at {:.3} s: {}", self.now as f64 / 90_000.0, what())));
        }
    }

    /// All that was found, if anything was.
    pub fn into_result(self) -> Result<(), String> {
        if self.found.is_empty() {
            return Ok(());
        }
        let lines: Vec<_> = self.found.iter().map(|(key, what)| format!("{key} {what}")).collect();
        Err(lines.join("\n"))
    }
}

/// What a simulation saw, so that a test can tell that it saw anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    pub playlists: u64,
    pub segments: u64,
    pub parts: u64,
    pub samples: u64,
    pub gaps: u64,
    pub breaks: u64,
    pub deltas: u64,
}

impl std::ops::AddAssign for Seen {
    fn add_assign(&mut self, other: Self) {
        self.playlists += other.playlists;
        self.segments += other.segments;
        self.parts += other.parts;
        self.samples += other.samples;
        self.gaps += other.gaps;
        self.breaks += other.breaks;
        self.deltas += other.deltas;
    }
}

/// Carries out `plan`; what it broke, in words.
pub fn run(plan: &Plan) -> Result<Seen, String> {
    let mut world = World::new(plan);
    while let Some(index) = world.next() {
        world.renditions[index].step();
        world.look();
        // After what it follows, and a moment later.
        world.camera.stand_in();
        world.look();
    }
    world.renditions.iter_mut().for_each(Rendition::close);
    world.look();
    world.finish()
}

struct World {
    renditions: Vec<Rendition>,
    camera: Camera,
    lists: Vec<Lists>,
    viewer: i64,
    faults: Faults,
}

impl World {
    fn new(plan: &Plan) -> Self {
        let began = Instant::now();
        let clock = Arc::new(CameraClock::new(Now { instant: began, wall: UNIX_EPOCH + BEGIN }));
        let shared = Shared { origin: Origin::new(BEGIN, clock.anchor()), clock, began };
        let mut rng = Rng::with_seed(plan.noise);
        let renditions: Vec<_> = plan
            .renditions
            .iter()
            .map(|stream| Rendition::new(stream, arrivals(stream, &mut rng), plan.options, &shared))
            .collect();
        let named = renditions.iter().enumerate().map(|(index, rendition)| live::Rendition {
            name: format!("r{index}"),
            channel: rendition.channel.clone(),
        });
        let camera = Camera::new("sim".into(), "Sim".into(), 0, named.collect(), plan.options);
        let lists = renditions
            .iter()
            .enumerate()
            .flat_map(|(index, rendition)| {
                [TrackKind::Video, TrackKind::Audio].map(|track| Lists::new(index, rendition, track))
            })
            .collect();
        let viewer = i64::from(plan.viewer_ms) * MS;
        Self { renditions, camera, lists, viewer, faults: Faults::default() }
    }

    /// The rendition at which something happens next.
    fn next(&mut self) -> Option<usize> {
        let times = self.renditions.iter().map(Rendition::next_at).enumerate();
        let (at, index) = times.filter_map(|(index, at)| Some((at?, index))).min()?;
        self.faults.now = at;
        Some(index)
    }

    fn look(&mut self) {
        let waited = self.faults.now - self.viewer;
        if self.camera.targets().is_none() {
            let tips = || self.renditions.iter().map(|rendition| rendition.channel.tip().video);
            let good = waited >= 0 && tips().any(|tip| tip.finished);
            let late = waited >= START_TIMEOUT && tips().any(|tip| tip.started);
            if !(good || late) {
                return;
            }
            self.camera.promise();
        }
        for lists in &mut self.lists {
            lists.look(&mut self.faults);
        }
        for pair in self.lists.chunks_mut(2) {
            let [video, audio] = pair else { unreachable!("video and audio of each rendition") };
            audio.compare(video, &mut self.faults);
        }
        // The lists of pictures: those of sound follow them.
        for (own, other) in [(0, 2), (2, 0)] {
            if let (Some(own), Some(other)) = (self.lists.get(own), self.lists.get(other)) {
                own.begins_with(other, &mut self.faults);
            }
        }
    }

    fn finish(mut self) -> Result<Seen, String> {
        let stretches: Vec<_> = self.lists.iter().filter_map(Lists::last_stretch).collect();
        let last = |rendition: &Rendition| rendition.stream.scenes.last().map_or(0, |scene| scene.ms);
        let begins =
            self.renditions.iter().map(|rendition| rendition.stream.end_ms() - last(rendition)).max();
        // Since the last break of any of them each has gone on for long enough to take it over.
        let quiet = |rendition: &Rendition| {
            let gop_ms = rendition.stream.scenes.last().map_or(0, |scene| scene.gop_ms);
            rendition.stream.end_ms().saturating_sub(begins.unwrap_or(0)) > 2 * gop_ms.max(4_000) + 15_000
        };
        if self.renditions.iter().all(quiet) {
            self.faults.unless(
                stretches.windows(2).all(|pair| pair[0] == pair[1]),
                "N46",
                &"all lists",
                || format!("they end with the discontinuity numbers {stretches:?}"),
            );
        }
        let mut seen = Seen::default();
        for lists in self.lists {
            seen += lists.finish(&mut self.faults);
        }
        self.faults.into_result().map(|()| seen)
    }
}
