//! HLS requests: waiting, playlists written once and shared, media as it lies in the ring.

mod multivariant;
mod wait;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::HeaderMap;
use moka::sync::Cache as SharedCache;

use super::answer::{Answer, Cache, Urgency, error, ok, urgent};
use super::body::Body;
use super::delivery::{in_ranges, tagged};
use super::rendered::Rendered;
use crate::hls::media::Form;
use crate::hls::{List, Name, Options, Piece, RenditionReport, directives, media, wants_delta};
use crate::live::targets::SHORTEST_TARGET_DURATION;
use crate::live::{Camera, Channel, LineTip, PartId, Rendition, Snapshot, State, Tip};
use crate::media::TrackKind;
use crate::media::fmp4::SEGMENT_TYPE;
use wait::{Waited, reload, wait};

const SEGMENT: &str = "video/iso.segment";
/// Most bytes of rendered playlists that are kept.
const CACHED_BYTES: u64 = 32 << 20;
/// Playlists that nobody asked for in this time are let go.
const CACHED_IDLE: Duration = Duration::from_secs(30);

/// One state of one playlist.
#[derive(PartialEq, Eq, Hash)]
enum Key {
    Media { channel: u64, track: TrackKind, form: Form, version: u64, closed: bool },
    Multivariant(multivariant::Key),
}

/// The HLS side of the web server.
pub struct Hls {
    options: Options,
    playlists: SharedCache<Key, Arc<Rendered>>,
}

impl Hls {
    /// With an empty cache of playlists.
    pub fn new(options: Options) -> Self {
        let playlists = SharedCache::builder()
            .max_capacity(CACHED_BYTES)
            .weigher(|_, rendered: &Arc<Rendered>| u32::try_from(rendered.len() * 2).unwrap_or(u32::MAX))
            .time_to_idle(CACHED_IDLE)
            .build();
        Self { options, playlists }
    }

    /// How long a request waits for a camera that has not delivered yet.
    pub fn start_timeout(&self) -> Duration {
        self.options.start_timeout
    }

    /// A media playlist or a piece of media.
    pub async fn named(
        &self,
        camera: &Camera,
        rendition: &Rendition,
        name: Name,
        request: Request<'_>,
    ) -> Answer {
        match name {
            Name::Playlist(track, list) => {
                self.media_playlist(camera, rendition, (track, list), request).await
            }
            Name::Media(run, ..) if run != rendition.channel.run() => gone(),
            Name::Media(_, track, piece) => {
                let channel = &rendition.channel;
                let answer = match piece {
                    Piece::Init(epoch) => init(camera, channel, track, epoch),
                    Piece::Segment(msn) => segment(camera, channel, track, msn),
                    Piece::Part(id) => part(camera, rendition, track, id).await,
                };
                // The name stands for these bytes and no others, for ever.
                if answer.status() == StatusCode::OK {
                    urgent(in_ranges(tagged(answer, &name.to_string())), urgency(track, piece))
                } else {
                    answer
                }
            }
        }
    }

    async fn media_playlist(
        &self,
        camera: &Camera,
        rendition: &Rendition,
        (track, list): (TrackKind, List),
        request: Request<'_>,
    ) -> Answer {
        let want = match directives(request.query) {
            Ok(want) => want,
            Err(problem) => return error(StatusCode::BAD_REQUEST, problem.to_string()),
        };
        let channel = &rendition.channel;
        let silent = channel.epoch().is_some_and(|epoch| epoch.tracks.audio.is_none());
        if track == TrackKind::Audio && silent && channel.tip().audio.is_none() {
            return error(StatusCode::NOT_FOUND, "this rendition has no sound");
        }
        // A list without a finished segment is no list to players that know no parts.
        if channel.status().state == State::Disabled {
            return not_delivering(camera);
        }
        let finished = |tip: &Tip| tip.line(track).is_some_and(|line| line.finished);
        let patience = self.options.start_timeout;
        if wait(camera, rendition, track, patience, finished).await == Waited::StandIn {
            return stood_in_for(rendition);
        }
        if !channel.tip().line(track).is_some_and(|line| line.started) {
            return not_delivering(camera);
        }
        let targets = camera.promise();
        if let Some(want) = want
            && let Some(refusal) = reload(camera, rendition, track, want, targets.duration).await
        {
            return refusal;
        }
        let form = Form { list, delta: wants_delta(request.query) };
        let Some(rendered) = self.render(camera, rendition, track, form) else {
            return not_delivering(camera);
        };
        let cache = Cache::For(if want.is_some() {
            seconds(targets.duration * 6)
        } else {
            seconds(targets.duration) / 2
        });
        rendered.answer(request.headers, cache)
    }

    /// The playlist as it is now: from the cache, or written once while others who ask wait for it.
    fn render(
        &self,
        camera: &Camera,
        rendition: &Rendition,
        track: TrackKind,
        form: Form,
    ) -> Option<Arc<Rendered>> {
        let channel = &rendition.channel;
        let tip = channel.tip();
        let key = |version, closed| Key::Media { channel: channel.id(), track, form, version, closed };
        if let Some(rendered) = self.playlists.get(&key(tip.line(track)?.version, tip.closed)) {
            return Some(rendered);
        }
        // The snapshot is what counts: the ring may have moved on since the tip was read.
        let snapshot = channel.snapshot(track)?;
        Some(self.playlists.get_with(key(snapshot.version, snapshot.closed), || {
            let reports = reports(camera, rendition, track, form.list);
            Arc::new(Rendered::media(media::render(&snapshot, form, &reports), &next(&snapshot)))
        }))
    }
}

/// What of a request HLS looks at.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The query string.
    pub query: &'a str,
    /// The headers.
    pub headers: &'a HeaderMap,
}

/// How far the camera's other playlists have come.
fn reports(camera: &Camera, own: &Rendition, own_track: TrackKind, list: List) -> Vec<RenditionReport> {
    let mut reports = Vec::new();
    for rendition in &camera.renditions {
        let tip = rendition.channel.tip();
        for track in [TrackKind::Video, TrackKind::Audio] {
            let same_rendition = rendition.name == own.name;
            let Some(line) = tip.line(track).filter(|line| line.started) else { continue };
            if same_rendition && track == own_track {
                continue;
            }
            let folder = if same_rendition { String::new() } else { format!("../{}/", rendition.name) };
            let (last_msn, last_part) = last(line);
            reports.push(RenditionReport {
                uri: format!("{folder}{}", Name::Playlist(track, list)),
                last_msn,
                last_part,
            });
        }
    }
    reports
}

fn next(snapshot: &Snapshot) -> String {
    match &snapshot.open {
        Some(open) if open.whole => open.msn.to_string(),
        open => format!("{}.{}", snapshot.open_msn, open.as_ref().map_or(0, |open| open.parts.len())),
    }
}

fn last(line: LineTip) -> (u64, Option<u32>) {
    match line.open_parts.checked_sub(1) {
        Some(part) => (line.open_msn, Some(part)),
        None => (line.open_msn - 1, line.last_listed_parts.checked_sub(1)),
    }
}

fn init(camera: &Camera, channel: &Channel, track: TrackKind, epoch: u32) -> Answer {
    let bytes = channel.epoch_numbered(epoch).and_then(|epoch| match track {
        TrackKind::Video => Some(epoch.inits.video.bytes.clone()),
        TrackKind::Audio => epoch.inits.audio.clone(),
    });
    bytes.map_or_else(gone, |bytes| ok("video/mp4", kept(camera), bytes))
}

fn segment(camera: &Camera, channel: &Channel, track: TrackKind, msn: u64) -> Answer {
    let Some(segment) = channel.segment(track, msn).filter(|segment| !segment.gap) else {
        return gone();
    };
    let chunks = segment.parts.iter().flat_map(|part| &part.chunks).map(|chunk| chunk.bytes.clone());
    ok(
        SEGMENT,
        kept(camera),
        std::iter::once(Bytes::from_static(SEGMENT_TYPE)).chain(chunks).collect::<Body>(),
    )
}

/// A part; the one that the playlist hints at is waited for (RFC 8216bis 6.2.6).
async fn part(camera: &Camera, rendition: &Rendition, track: TrackKind, id: PartId) -> Answer {
    let channel = &rendition.channel;
    let now = channel.tip_now();
    if channel.part(track, id.msn, id.part).is_none() {
        let position = move |tip: &Tip| {
            let line = tip.line(track).filter(|line| !line.open_whole)?;
            Some((line.open_msn, line.open_parts))
        };
        let hinted = Some((id.msn, id.part));
        if position(&now) != hinted {
            return gone();
        }
        let passed = |tip: &Tip| tip.revision >= now.revision && position(tip) != hinted;
        let patience = seconds(target_duration(camera) * 3);
        match wait(camera, rendition, track, patience, passed).await {
            Waited::Come => {}
            Waited::Late => return late(),
            Waited::StandIn => return stood_in_for(rendition),
        }
    }
    let Some(part) = channel.part(track, id.msn, id.part) else { return gone() };
    let start = (id.part == 0).then(|| Bytes::from_static(SEGMENT_TYPE));
    let chunks = part.chunks.iter().map(|chunk| chunk.bytes.clone());
    ok(SEGMENT, kept(camera), start.into_iter().chain(chunks).collect::<Body>())
}

/// The target duration in seconds, or the shortest there is while nothing is promised yet.
fn target_duration(camera: &Camera) -> u32 {
    camera.targets().map_or(SHORTEST_TARGET_DURATION, |targets| targets.duration)
}

/// The same for pictures of all renditions, so that none of a higher bit rate comes first (RFC 8216bis B.1).
fn urgency(track: TrackKind, piece: Piece) -> Urgency {
    match (track, piece) {
        (_, Piece::Init(_)) | (TrackKind::Audio, _) => Urgency::InitOrSound,
        (TrackKind::Video, _) => Urgency::Pictures,
    }
}

fn seconds(seconds: u32) -> Duration {
    Duration::from_secs(seconds.into())
}

fn kept(camera: &Camera) -> Cache {
    Cache::Immutable(seconds(target_duration(camera) * 6))
}

fn gone() -> Answer {
    error(StatusCode::NOT_FOUND, "no such media, or it is no longer kept")
}

fn late() -> Answer {
    error(StatusCode::SERVICE_UNAVAILABLE, "the camera sent nothing new in time")
}

/// A list that does not grow keeps players from turning to one that does; a refusal makes them.
fn stood_in_for(rendition: &Rendition) -> Answer {
    let status = rendition.channel.status();
    let name = &rendition.name;
    let sentence = format!("rendition {name} is not delivering, and another one of the camera is: {status}");
    error(StatusCode::SERVICE_UNAVAILABLE, sentence)
}

fn not_delivering(camera: &Camera) -> Answer {
    let status = camera.renditions.first().map(|rendition| rendition.channel.status().to_string());
    let status = status.unwrap_or_default();
    error(StatusCode::SERVICE_UNAVAILABLE, format!("camera {} is not delivering: {status}", camera.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_name_the_last_part_of_the_last_segment() {
        let tip = LineTip {
            open_msn: 8,
            open_parts: 2,
            last_parts: 5,
            started: true,
            finished: true,
            ..LineTip::default()
        };
        assert_eq!(last(tip), (8, Some(1)));
        assert_eq!(last(LineTip { open_parts: 0, last_listed_parts: 5, ..tip }), (7, Some(4)));
        assert_eq!(last(LineTip { open_parts: 0, ..tip }), (7, None));
    }
}
