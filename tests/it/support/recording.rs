//! What players of the shared server's four media playlists got, written down once for all tests that look at it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::client::{Answer, Client, join};
use super::playlist::Playlist;
use super::site::shared;

/// The media playlists of the built-in camera.
pub const PATHS: [&str; 4] = [
    "/hls/demo/main/video.m3u8",
    "/hls/demo/main/audio.m3u8",
    "/hls/demo/sub/video.m3u8",
    "/hls/demo/sub/audio.m3u8",
];

/// For how long the players reload: ten segments and more.
const LENGTH: Duration = Duration::from_secs(21);

/// One player's view.
pub struct Track {
    pub path: &'static str,
    /// Each reload: when it was asked for, when it was answered, and the answer.
    pub reloads: Vec<(Instant, Instant, Playlist)>,
    /// What was loaded in the end, by path: all that the last playlist lists.
    pub media: BTreeMap<String, Answer>,
}

impl Track {
    pub fn playlists(&self) -> Vec<Playlist> {
        self.reloads.iter().map(|(_, _, playlist)| playlist.clone()).collect()
    }

    pub fn last(&self) -> &Playlist {
        &self.reloads.last().expect("the player reloaded").2
    }

    /// The bytes of what the playlist calls `uri`.
    pub fn bytes(&self, uri: &str) -> &Bytes {
        &self.media[&join(self.path, uri)].body
    }

    pub fn is_video(&self) -> bool {
        self.path.ends_with("video.m3u8")
    }
}

/// The recording; made by whoever asks first.
pub fn recording() -> &'static [Track] {
    static RECORDING: OnceLock<Vec<Track>> = OnceLock::new();
    RECORDING.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(futures_util::future::join_all(PATHS.map(|path| record(shared(), path))))
    })
}

/// The track with this path.
pub fn track(path: &str) -> &'static Track {
    recording().iter().find(|track| track.path == path).expect("the path is one of those recorded")
}

/// What a player's reloads of one media playlist give in `length`: when each was asked for, when answered, the answer.
pub async fn reloads(client: Client, path: &str, length: Duration) -> Vec<(Instant, Instant, Playlist)> {
    let start = Instant::now();
    let mut reloads = Vec::new();
    let mut next = path.to_owned();
    while start.elapsed() < length {
        let asked = Instant::now();
        let playlist = client.playlist(&next).await;
        let (msn, part) = playlist.next_part();
        next = format!("{path}?_HLS_msn={msn}&_HLS_part={part}");
        reloads.push((asked, Instant::now(), playlist));
    }
    reloads
}

async fn record(client: Client, path: &'static str) -> Track {
    let reloads = reloads(client, path, LENGTH).await;
    let mut media = BTreeMap::new();
    let last: Playlist = reloads.last().expect("the player reloaded").2.clone();
    for segment in last.all() {
        let parts = segment.parts.iter().map(|part| part.uri.as_str());
        let own = [segment.uri.as_str(), segment.map.as_deref().unwrap_or_default()];
        for uri in parts.chain(own).filter(|uri| !uri.is_empty()) {
            let path = join(path, uri);
            if let Entry::Vacant(place) = media.entry(path) {
                let answer = client.found(place.key()).await;
                place.insert(answer);
            }
        }
    }
    Track { path, reloads, media }
}
