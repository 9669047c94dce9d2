//! Which rendition of a camera suits a viewer in `auto`.

use super::codecs::Decodable;
use super::messages::{ServerText, Why};
use crate::live::{Camera, Rendition, State};

/// A lighter rendition has at most this share of the bit rate of the one before.
const LIGHTER: f64 = 0.8;

/// A rendition with what counts for the choice.
#[derive(Clone, Copy, Debug)]
pub struct Rung<'a> {
    /// The rendition.
    pub rendition: &'a Rendition,
    /// Bits a second of what is in the ring.
    pub bit_rate: u64,
    /// True unless it is known that the client cannot decode it.
    playable: bool,
    live: bool,
}

/// All renditions of the camera, in the order of the configuration.
pub fn rungs<'a>(camera: &'a Camera, decodable: &Decodable) -> Vec<Rung<'a>> {
    let rung = |rendition: &'a Rendition| {
        let channel = &rendition.channel;
        let epoch = channel.epoch();
        Rung {
            rendition,
            bit_rate: channel.bit_rates().average,
            playable: epoch.is_none_or(|epoch| decodable.playable(&epoch.tracks).is_some()),
            live: channel.status().state == State::Live,
        }
    };
    camera.renditions.iter().map(rung).collect()
}

impl Rung<'_> {
    fn good(&self) -> bool {
        self.playable && self.live
    }

    fn is(&self, name: &str) -> bool {
        self.rendition.name == name
    }
}

/// The one to start with, as nothing is known of the connection: the first that the client can decode, a live one
/// before one that is not. With it the reason, if that is not the first of all.
pub fn first<'r, 'a>(rungs: &'r [Rung<'a>]) -> (&'r Rung<'a>, Option<ServerText>) {
    let found = rungs.iter().find(|rung| rung.good());
    let chosen = found.or_else(|| rungs.iter().find(|rung| rung.playable)).unwrap_or(&rungs[0]);
    let reason = rungs.iter().next().filter(|first| !first.is(&chosen.rendition.name)).map(|passed| {
        let why = if passed.playable { Why::Offline } else { Why::Codec };
        preface(why, passed, chosen)
    });
    (chosen, reason)
}

/// The heaviest of those that are lighter than `current`.
pub fn lighter<'r, 'a>(rungs: &'r [Rung<'a>], current: &str) -> Option<&'r Rung<'a>> {
    let most = rungs.iter().find(|rung| rung.is(current))?.bit_rate as f64 * LIGHTER;
    rungs.iter().filter(|rung| rung.good() && (rung.bit_rate as f64) < most).max_by_key(|rung| rung.bit_rate)
}

/// The next one on the way back from `current` to the one that a viewer on a good connection has.
pub fn heavier<'r, 'a>(rungs: &'r [Rung<'a>], current: &str) -> Option<&'r Rung<'a>> {
    let best = rungs.iter().find(|rung| rung.good()).filter(|best| !best.is(current))?;
    let least = rungs.iter().find(|rung| rung.is(current))?.bit_rate;
    let between = |rung: &&Rung<'_>| rung.good() && rung.bit_rate > least && rung.bit_rate <= best.bit_rate;
    Some(rungs.iter().filter(between).min_by_key(|rung| rung.bit_rate).unwrap_or(best))
}

/// One that is delivered, while `current` is not.
pub fn instead<'r, 'a>(rungs: &'r [Rung<'a>], current: &str) -> Option<&'r Rung<'a>> {
    rungs.iter().find(|rung| rung.good() && !rung.is(current))
}

/// What the viewer is told of the change from `before` to `after`.
pub fn preface(why: Why, before: &Rung<'_>, after: &Rung<'_>) -> ServerText {
    let (old, new) = (&before.rendition.name, &after.rendition.name);
    let reason = match why {
        Why::Codec => {
            let epoch = before.rendition.channel.epoch();
            let codec = epoch.map_or_else(String::new, |epoch| epoch.tracks.video.rfc6381.clone());
            format!("this client cannot decode {codec}, which the camera sends as {old}")
        }
        Why::Link => format!("this connection is too slow for {old}"),
        Why::Offline => format!("the camera does not deliver {old}"),
        Why::Calm => format!("this connection seems to carry {new} again"),
    };
    ServerText::Rendition { name: new.clone(), why, reason }
}
