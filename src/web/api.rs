//! The cameras as JSON, and whether they deliver.

use serde::Serialize;

use hyper::StatusCode;

use super::answer::{Answer, Cache, error, ok};
use crate::clock;
use crate::live::{Camera, Catalog, Rendition, State};

#[derive(Serialize)]
struct CameraList {
    cameras: Vec<CameraView>,
}

#[derive(Serialize)]
struct CameraView {
    name: String,
    title: String,
    state: &'static str,
    reason: String,
    /// Seconds until the next attempt.
    retry_in: Option<f64>,
    renditions: Vec<RenditionView>,
}

#[derive(Serialize)]
struct RenditionView {
    name: String,
    state: &'static str,
    reason: String,
    /// Seconds from the failure to the next attempt.
    retry_seconds: Option<f64>,
    /// Seconds that are left of them.
    retry_in: Option<f64>,
    codecs: Option<String>,
    width: Option<u16>,
    height: Option<u16>,
    frame_rate: Option<f64>,
    /// The longest time from key frame to key frame so far, in seconds.
    key_frame_interval: Option<f64>,
    /// Bits a second, on average over the ring.
    bit_rate: Option<u64>,
    /// True when a player may switch between this rendition and the default one.
    aligned: bool,
    /// Distance of the pictures from where the camera's sender reports place them, in milliseconds.
    skew: Option<f64>,
    /// RTP packets that never came, since the start.
    packets_lost: u64,
    /// Frames that could not be used, since the start.
    frames_dropped: u64,
    /// Panics while its stream was read, since the start: each was contained, and the camera connected again.
    panics: u64,
}

impl RenditionView {
    fn new(camera: &Camera, rendition: &Rendition) -> Self {
        let channel = &rendition.channel;
        let (status, epoch) = (channel.status(), channel.epoch());
        Self {
            name: rendition.name.clone(),
            state: status.state.word(),
            retry_seconds: status.state.pause().map(|pause| (pause.as_secs_f64() * 10.0).round() / 10.0),
            retry_in: status.retry_in(clock::now().instant),
            reason: status.reason,
            codecs: epoch.as_ref().map(|epoch| epoch.tracks.codecs()),
            width: epoch.as_ref().map(|epoch| epoch.tracks.video.width),
            height: epoch.as_ref().map(|epoch| epoch.tracks.video.height),
            frame_rate: channel.frame_rate().map(|rate| (rate * 100.0).round() / 100.0),
            key_frame_interval: Some(channel.measured().longest_gop)
                .filter(|gop| gop.0 > 0)
                .map(|gop| (gop.as_secs_f64() * 100.0).round() / 100.0),
            bit_rate: epoch.map(|_| channel.bit_rates().average),
            aligned: camera.is_aligned(rendition),
            skew: channel.skew().map(|skew| (skew.as_secs_f64() * 1e6).round() / 1e3),
            packets_lost: channel.stats().packets_lost.get(),
            frames_dropped: channel.stats().frames_dropped.get(),
            panics: channel.stats().panics.get(),
        }
    }
}

impl From<&Camera> for CameraView {
    fn from(camera: &Camera) -> Self {
        // One live rendition is enough for a camera to be live.
        let statuses: Vec<_> = camera.renditions.iter().map(|rendition| rendition.channel.status()).collect();
        let best = statuses.iter().find(|status| status.state == State::Live).or(statuses.first());
        Self {
            name: camera.name.clone(),
            title: camera.title.clone(),
            state: best.map_or("idle", |status| status.state.word()),
            reason: best.map(|status| status.reason.clone()).unwrap_or_default(),
            retry_in: best.and_then(|status| status.retry_in(clock::now().instant)),
            renditions: camera.renditions.iter().map(|one| RenditionView::new(camera, one)).collect(),
        }
    }
}

/// Some cameras.
pub fn cameras<'a>(cameras: impl Iterator<Item = &'a Camera>) -> Answer {
    json(&CameraList { cameras: cameras.map(CameraView::from).collect() })
}

/// One camera.
pub fn camera(camera: &Camera) -> Answer {
    json(&CameraView::from(camera))
}

/// An error as `application/problem+json` (RFC 9457).
pub fn problem(status: StatusCode, detail: &str) -> Answer {
    #[derive(Serialize)]
    struct Problem<'a> {
        title: &'a str,
        status: u16,
        detail: &'a str,
    }
    let title = status.canonical_reason().unwrap_or("error");
    let text = to_text(&Problem { title, status: status.as_u16(), detail });
    let mut answer = ok("application/problem+json", Cache::Never, text);
    *answer.status_mut() = status;
    answer
}

/// Whether every camera that is always on delivers; names those that do not, if names are for everybody.
pub fn ready(catalog: &Catalog, names: bool) -> Answer {
    let waiting: Vec<_> = catalog
        .all()
        .iter()
        .filter(|camera| camera.always_on)
        .filter(|camera| camera.renditions.iter().all(|rendition| rendition.channel.epoch().is_none()))
        .map(|camera| camera.name.clone())
        .collect();
    if waiting.is_empty() {
        return ok("text/plain; charset=utf-8", Cache::Never, "ready\n".to_owned());
    }
    let waiting = if names { waiting.join(", ") } else { format!("{} of the cameras", waiting.len()) };
    error(StatusCode::SERVICE_UNAVAILABLE, format!("no picture yet from: {waiting}"))
}

fn json(view: &impl Serialize) -> Answer {
    ok("application/json", Cache::Never, to_text(view))
}

fn to_text(view: &impl Serialize) -> String {
    serde_json::to_string(view).expect("strings and finite numbers are always JSON")
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;
    use crate::live::Status;
    use crate::live::testing::FakeCamera;

    async fn read(answer: Answer) -> serde_json::Value {
        let body = answer.into_body().collect().await.expect("it is there").to_bytes();
        serde_json::from_slice(&body).expect("it is JSON")
    }

    #[tokio::test]
    async fn what_was_contained_and_when_the_next_attempt_comes_is_told() {
        let fake = FakeCamera::silent(25);
        fake.camera.renditions[0].channel.stats().panics.add(2);
        let pause = std::time::Duration::from_secs(3600);
        let status = Status::because(State::Retrying(pause), "an internal error");
        fake.publisher.set_status(status.until(clock::now().instant + pause));
        let told = read(camera(&fake.camera)).await;
        let rendition = &told["renditions"][0];
        assert_eq!(
            (rendition["panics"].as_u64(), rendition["retry_seconds"].as_f64()),
            (Some(2), Some(3600.0))
        );
        for entry in [rendition, &told] {
            assert!(
                entry["retry_in"].as_f64().is_some_and(|left| (3000.0..=3600.0).contains(&left)),
                "{told}"
            );
            assert_eq!(
                (&entry["state"], &entry["reason"]),
                (&"retrying".into(), &"an internal error".into())
            );
        }
    }
}
