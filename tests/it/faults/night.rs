//! Cameras that slow down in the dark.

use std::time::{Duration, Instant};

use super::lost::Watch;
use crate::support::checker::{Expected, check_next};
use crate::support::ffmpeg::plays;
use crate::support::media::Chunk;
use crate::support::playlist::Playlist;
use crate::support::recording::reloads;
use crate::support::site::{Site, camera, rendition};
use crate::support::soon;

const LIST: &str = "/hls/cam/main/video.m3u8";

/// Pictures of a day, of the night behind it, and of the next day.
const DAY: usize = 60;
const NIGHT: usize = 10;
const NEXT_DAY: usize = 250;

/// How far the times of the days and of the night may be apart, in seconds.
const APART: f64 = 0.1;

/// When a picture is shown, less when it came.
fn ahead(chunk: &Chunk, start: Instant) -> f64 {
    chunk.presentation() as f64 / 90_000.0 - start.elapsed().as_secs_f64()
}

/// The most that any of the next pictures is ahead: what is held back by a busy machine is shown late, never early.
async fn most_ahead(watch: &mut Watch, pictures: usize, start: Instant) -> f64 {
    let mut most = f64::NEG_INFINITY;
    for _ in 0..pictures {
        while !watch.step().await {}
        most = most.max(ahead(watch.last[0].as_ref().expect("a picture"), start));
    }
    most
}

#[tokio::test]
async fn a_picture_a_second_at_night_and_all_of_them_by_day_are_one_stretch_of_time() {
    let camera = camera().await;
    let site = Site::start(&rendition("cam", "main", &camera.url("sub"), "")).await;
    let mut watch = Watch::start(site.client, "cam").await;
    watch.until_epochs(1).await;
    let watching = async {
        let start = Instant::now();
        let day = most_ahead(&mut watch, DAY, start).await;
        camera.faults().one_picture_a_second(true);
        let night = most_ahead(&mut watch, NIGHT, start).await;
        camera.faults().one_picture_a_second(false);
        [day, night, most_ahead(&mut watch, NEXT_DAY, start).await]
    };
    let length = Duration::from_secs(NIGHT as u64 + 14);
    let ([day, night, next_day], followed) = tokio::join!(watching, reloads(site.client, LIST, length));
    assert_eq!(watch.epochs.len(), 1, "{:?}", watch.epochs);
    assert!((next_day - day).abs() < APART && night < day + APART, "{day}, {night}, {next_day}");

    let lists: Vec<Playlist> = followed.into_iter().map(|(_, _, list)| list).collect();
    let parts = |list: &Playlist| list.all().any(|segment| !segment.parts.is_empty());
    assert!(parts(&lists[0]) && parts(&lists[lists.len() - 1]), "by day there are parts");
    assert!(lists.iter().any(|list| !parts(list)), "pictures that are longer than parts go without");
    let mut wrongs = Vec::new();
    for (index, list) in lists.iter().enumerate() {
        let before = index.checked_sub(1).map(|before| &lists[before]);
        // Pictures come a second later than those before them let expect.
        let expected = Expected { date_slack: (1_000.0, 1_000.0), parts: !list.hints.is_empty() };
        wrongs.extend(check_next(before, list, expected).iter().map(ToString::to_string));
    }
    wrongs.dedup();
    assert!(wrongs.is_empty(), "{}\n{}", wrongs.join("\n"), lists[lists.len() - 1].text);
    let last = lists.into_iter().next_back().expect("lists");
    assert_eq!(plays(site.client, &[(LIST.into(), last)]).await, "", "ffmpeg, over day and night");
    soon("the end", site.app.stop()).await;
}
