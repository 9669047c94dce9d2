//! One line in the log for each HLS viewer: what support asks for first.
//!
//! HLS has no sessions, and answers must be the same for all; so a viewer is whoever asks from one
//! address under one name, until nothing was heard of it for a while.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use hyper::Version;
use hyper::header::{HeaderMap, USER_AGENT};
use moka::Entry;
use moka::sync::Cache;
use tracing::info;

/// Most viewers that are remembered; more are logged again and again rather than remembered.
const REMEMBERED: u64 = 10_000;
/// A viewer that asked for nothing in this time is gone.
const GONE_AFTER: Duration = Duration::from_secs(60);
/// The first playlist asks for nothing special; the second tells what the player is made of.
const TELLING_REQUEST: u8 = 2;
/// Longest name that is logged.
const LONGEST_NAME: usize = 120;

/// How a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// From where.
    pub address: IpAddr,
    /// Whether over TLS.
    pub tls: bool,
}

impl Peer {
    /// The address of those whose address is not known: they are one household to whoever counts by address, but not
    /// that of the proxy before them, and never trusted.
    pub const UNKNOWN: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
}

/// The HLS viewers of the last minute.
pub struct Viewers {
    seen: Cache<(IpAddr, String, String), u8>,
}

impl Viewers {
    /// None yet.
    pub fn new() -> Self {
        Self { seen: Cache::builder().max_capacity(REMEMBERED).time_to_idle(GONE_AFTER).build() }
    }

    /// Notes a request for a media playlist, and logs the viewer once it is known how it plays.
    pub fn note(&self, camera: &str, peer: Peer, version: Version, headers: &HeaderMap, low_latency: bool) {
        let name = name(headers);
        let key = (peer.address, name, camera.to_owned());
        if self.seen.get(&key).is_some_and(|requests| requests >= TELLING_REQUEST) {
            return;
        }
        let name = key.1.clone();
        let count = |old: Option<Entry<_, u8>>| old.map_or(1, |old| old.into_value().saturating_add(1));
        // One at a time: of requests that come at once only one is the second.
        if self.seen.entry(key).and_upsert_with(count).into_value() == TELLING_REQUEST {
            let transport = if peer.tls { "TLS" } else { "no TLS" };
            info!("{}", line(camera, &name, version, transport, low_latency));
        }
    }
}

fn line(camera: &str, name: &str, version: Version, transport: &str, low_latency: bool) -> String {
    let latency = if low_latency { "low latency" } else { "regular latency" };
    format!("camera {camera}: HLS viewer {name}, {version:?}, {transport}, {latency}")
}

/// The player, and the session id that Apple's sends.
fn name(headers: &HeaderMap) -> String {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let player = text(USER_AGENT.as_str()).unwrap_or("of no name");
    let mut name: String = player.chars().take(LONGEST_NAME).collect();
    if let Some(session) = text("x-playback-session-id") {
        name.extend(" session ".chars().chain(session.chars().take(LONGEST_NAME)));
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    #[test]
    fn a_viewer_is_named_by_its_player_and_session() {
        let mut headers = HeaderMap::new();
        assert_eq!(name(&headers), "of no name");
        headers.insert(USER_AGENT, HeaderValue::from_static("AppleCoreMedia/1.0.0"));
        headers.insert("x-playback-session-id", HeaderValue::from_static("A1B2"));
        assert_eq!(
            line("door", &name(&headers), Version::HTTP_2, "TLS", true),
            "camera door: HLS viewer AppleCoreMedia/1.0.0 session A1B2, HTTP/2.0, TLS, low latency"
        );
    }

    #[test]
    fn a_viewer_is_told_apart_by_address_name_and_camera_and_forgotten_requests_count_from_one() {
        let viewers = Viewers::new();
        let peer = Peer { address: IpAddr::from([127, 0, 0, 1]), tls: false };
        for camera in ["a", "a", "a", "b"] {
            viewers.note(camera, peer, Version::HTTP_11, &HeaderMap::new(), false);
        }
        let count = |camera: &str| viewers.seen.get(&(peer.address, "of no name".into(), camera.into()));
        assert_eq!((count("a"), count("b"), count("c")), (Some(2), Some(1), None));
    }
}
