//! What was counted, as Prometheus reads it (text format 0.0.4).

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, prometheus_text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use super::answer::{Answer, Cache, ok};
use crate::live::{Camera, Rendition, State};
use crate::stats::RenditionStats;

/// What is said of some cameras, and how many connections are open.
pub fn metrics<'a>(cameras: impl Iterator<Item = &'a Camera>, connections: usize) -> Answer {
    let mut registry = Registry::with_prefix("belvedere");
    registry.register("connections", "Connections that are open", ConstGauge::new(connections as u64));
    let renditions = cameras.flat_map(|camera| camera.renditions.iter().map(|one| Said::of(camera, one)));
    registry.register_collector(Box::new(All(renditions.collect())));
    let mut text = String::new();
    prometheus_text::encode(&mut text, &registry).expect("a String takes all that is written to it");
    ok(prometheus_text::CONTENT_TYPE, Cache::Never, text)
}

/// A number, what it is called, and what it tells.
type Named<T> = (&'static str, &'static str, T);

/// What is said of a rendition.
#[derive(Debug)]
struct Said {
    labels: [(&'static str, String); 2],
    counters: [Named<u64>; 17],
    gauges: [Named<u64>; 2],
}

impl Said {
    fn of(camera: &Camera, rendition: &Rendition) -> Self {
        let channel = &rendition.channel;
        let live = channel.status().state == State::Live;
        Self {
            labels: [("camera", camera.name.clone()), ("rendition", rendition.name.clone())],
            counters: counters(channel.stats()),
            gauges: [
                ("live", "1 while the camera delivers", u64::from(live)),
                ("bits_per_second", "Bit rate of what the ring holds", channel.bit_rates().average),
            ],
        }
    }
}

/// All of them: a new one does not compile until it has a name here.
fn counters(stats: &RenditionStats) -> [Named<u64>; 17] {
    let RenditionStats {
        frames,
        bytes,
        segments_evicted_early,
        segments_without_parts,
        segments_cut,
        frames_dropped,
        frames_too_large,
        packets_lost,
        sessions,
        breaks,
        panics,
        viewers_joined,
        viewer_skips,
        chunks_skipped,
        viewers_lowered,
        viewers_raised,
        viewers_stalled,
    } = stats;
    [
        ("frames", "Frames that reached the ring", frames),
        ("media_bytes", "Bytes of those frames", bytes),
        (
            "segments_evicted_early",
            "Segments that left before their time for want of bytes",
            segments_evicted_early,
        ),
        (
            "segments_without_parts",
            "Segments whose frames last longer than a part may",
            segments_without_parts,
        ),
        ("segments_cut", "Segments that begin between two key frames", segments_cut),
        ("frames_dropped", "Frames that could not be used", frames_dropped),
        ("frames_too_large", "Of those, frames that are too large for the ring", frames_too_large),
        ("packets_lost", "RTP packets that never arrived", packets_lost),
        ("sessions", "RTSP sessions that were opened", sessions),
        ("breaks", "Breaks of the timeline within a session", breaks),
        ("panics", "Panics that were contained", panics),
        ("viewers_joined", "Viewers of the MSE feed and of live.mp4 that came", viewers_joined),
        ("viewer_skips", "Times that a slow viewer went on at a newer sync sample", viewer_skips),
        ("chunks_skipped", "Chunks that were left out in those skips", chunks_skipped),
        ("viewers_lowered", "Viewers that were given a lighter rendition", viewers_lowered),
        ("viewers_raised", "Viewers that were given a heavier rendition", viewers_raised),
        (
            "viewers_stalled",
            "Viewers of the MSE feed that were cut off, as they took nothing",
            viewers_stalled,
        ),
    ]
    .map(|(name, help, counter)| (name, help, counter.get()))
}

#[derive(Debug)]
struct All(Vec<Said>);

impl Collector for All {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        family(&mut encoder, &self.0, MetricType::Counter, |said| &said.counters, ConstCounter::new)?;
        family(&mut encoder, &self.0, MetricType::Gauge, |said| &said.gauges, ConstGauge::new)
    }
}

/// Writes each number for all renditions at once, as the format wants it.
fn family<const N: usize, M: EncodeMetric>(
    encoder: &mut DescriptorEncoder<'_>,
    all: &[Said],
    kind: MetricType,
    numbers: fn(&Said) -> &[Named<u64>; N],
    metric: fn(u64) -> M,
) -> fmt::Result {
    let Some(first) = all.first() else { return Ok(()) };
    for (index, (name, help, _)) in numbers(first).iter().enumerate() {
        let mut encoder = encoder.encode_descriptor(name, help, None, kind)?;
        for said in all {
            metric(numbers(said)[index].2).encode(encoder.encode_family(&said.labels)?)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::testing::FakeCamera;
    use http_body_util::BodyExt;

    async fn text(cameras: &[&Camera]) -> String {
        let answer = metrics(cameras.iter().copied(), 7);
        assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
        assert_eq!(answer.headers()["cache-control"], "no-store");
        let body = answer.into_body().collect().await.expect("it is there").to_bytes();
        String::from_utf8(body.to_vec()).expect("it is text")
    }

    #[tokio::test]
    async fn every_number_of_every_rendition_stands_under_its_name() {
        let mut fake = FakeCamera::silent(25);
        fake.play(50);
        fake.camera.renditions[0].channel.stats().viewer_skips.add(3);
        fake.camera.renditions[0].channel.stats().panics.add(2);
        let text = text(&[&fake.camera]).await;
        let value = |line: &str| {
            let found = text.lines().find_map(|one| one.strip_prefix(line)?.trim().parse::<u64>().ok());
            found.unwrap_or_else(|| panic!("no {line} in:\n{text}"))
        };
        let of_main = "{camera=\"door\",rendition=\"main\"}";
        assert_eq!(value("belvedere_connections "), 7);
        assert_eq!(value(&format!("belvedere_frames_total{of_main}")), 50);
        assert_eq!(value(&format!("belvedere_viewer_skips_total{of_main}")), 3);
        assert_eq!(value(&format!("belvedere_panics_total{of_main}")), 2);
        assert_eq!(value(&format!("belvedere_live{of_main}")), 0, "nobody said that it lives");
        assert!(value(&format!("belvedere_bits_per_second{of_main}")) > 0);
        assert_eq!(text.matches("# TYPE belvedere_").count(), 1 + 17 + 2);
    }

    #[tokio::test]
    async fn a_family_is_told_once_for_all_cameras() {
        let (one, other) = (FakeCamera::silent(25), FakeCamera::silent(25));
        let all = text(&[&one.camera, &other.camera]).await;
        assert_eq!(all.matches("# TYPE belvedere_sessions_total counter").count(), 1);
        assert_eq!(all.matches("\nbelvedere_sessions_total{").count(), 2);
        assert!(!text(&[]).await.contains("camera="));
    }
}
