//! Cameras by name, and their renditions.

use std::sync::{Arc, OnceLock};

use dashmap::DashMap;

use super::Options;
use super::channel::Channel;
use super::targets::{Measured, Targets};
use crate::media::Ticks;
use crate::media::time::TICKS_PER_SECOND;

/// One camera: its renditions in the order of the configuration, the default first.
#[derive(Debug)]
pub struct Camera {
    /// Its name in URLs.
    pub name: String,
    /// Its name for people.
    pub title: String,
    /// Place among the cameras, for lists.
    pub order: usize,
    /// Its renditions; never empty.
    pub renditions: Vec<Rendition>,
    /// Options of its rings.
    pub options: Options,
    /// False for a camera that is connected only while somebody watches, or not at all.
    pub always_on: bool,
    promise: OnceLock<Targets>,
}

/// One rendition of a camera.
#[derive(Clone, Debug)]
pub struct Rendition {
    /// Its name in URLs.
    pub name: String,
    /// Its ring.
    pub channel: Arc<Channel>,
}

impl Camera {
    /// A camera whose playlists promise nothing yet. `renditions` must not be empty.
    pub fn new(
        name: String,
        title: String,
        order: usize,
        renditions: Vec<Rendition>,
        options: Options,
    ) -> Self {
        Self { name, title, order, renditions, options, always_on: true, promise: OnceLock::new() }
    }

    /// The rendition with this name, or the default one for `None`.
    pub fn rendition(&self, name: Option<&str>) -> Option<&Rendition> {
        match name {
            None => self.renditions.first(),
            Some(name) => self.renditions.iter().find(|rendition| rendition.name == name),
        }
    }

    /// True when `rendition` and the default one are proved to show the same instant at the same
    /// time, to less than a frame: only then may a player switch between them.
    pub fn is_aligned(&self, rendition: &Rendition) -> bool {
        let proved = |rendition: &Rendition| {
            let frame =
                Ticks((f64::from(TICKS_PER_SECOND) / rendition.channel.frame_rate().unwrap_or(25.0)) as i64);
            rendition.channel.skew().is_some_and(|skew| skew.0.abs() < frame.0)
        };
        let default = &self.renditions[0];
        rendition.name == default.name || (proved(default) && proved(rendition))
    }

    /// What this camera's playlists promise, once they do.
    pub fn targets(&self) -> Option<Targets> {
        self.promise.get().copied()
    }

    /// What this camera's playlists promise, from the first call on until the camera is removed.
    ///
    /// All rings are locked while the promise is made, so that none can break it meanwhile.
    pub fn promise(&self) -> Targets {
        *self.promise.get_or_init(|| {
            let targets = self.make_promise();
            self.renditions.iter().for_each(|rendition| rendition.channel.announce());
            targets
        })
    }

    fn make_promise(&self) -> Targets {
        let mut windows: Vec<_> =
            self.renditions.iter().map(|rendition| rendition.channel.window()).collect();
        let measured: Vec<Measured> = windows.iter().map(|window| window.measured()).collect();
        let targets = Targets::choose(&self.options, &measured);
        windows.iter_mut().for_each(|window| window.promise(targets));
        targets
    }
}

/// All cameras by name.
#[derive(Debug, Default)]
pub struct Catalog {
    cameras: DashMap<String, Arc<Camera>>,
}

impl Catalog {
    /// Adds a camera, or puts it in the place of its namesake.
    pub fn insert(&self, camera: Camera) -> Arc<Camera> {
        let camera = Arc::new(camera);
        self.cameras.insert(camera.name.clone(), Arc::clone(&camera));
        camera
    }

    /// The camera with this name.
    pub fn get(&self, name: &str) -> Option<Arc<Camera>> {
        self.cameras.get(name).map(|camera| camera.value().clone())
    }

    /// All cameras, in the order of the configuration.
    pub fn all(&self) -> Vec<Arc<Camera>> {
        let mut all: Vec<_> = self.cameras.iter().map(|camera| camera.value().clone()).collect();
        all.sort_by(|a, b| (a.order, &a.name).cmp(&(b.order, &b.name)));
        all
    }
}
