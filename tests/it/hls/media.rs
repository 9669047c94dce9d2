//! Segments, parts and init segments: what a decoder gets.

use crate::support::checker::check_lengths;
use crate::support::media::{AUDIO, Chunk, VIDEO, chunks, init};
use crate::support::playlist::Segment;
use crate::support::recording::{Track, recording, track};

fn own_track(track: &Track) -> u32 {
    if track.is_video() { VIDEO } else { AUDIO }
}

fn timescale(track: &Track) -> f64 {
    let map = track.last().open.map.as_deref().or(track.last().segments[0].map.as_deref());
    f64::from(init(track.bytes(map.expect("a MAP"))).timescale(own_track(track)))
}

#[test]
fn an_init_segment_holds_the_one_track_of_its_playlist() {
    for track in recording() {
        for segment in &track.last().segments {
            let init = init(track.bytes(segment.map.as_deref().expect("a MAP")));
            assert_eq!(init.ids(), [own_track(track)], "{}", track.path);
        }
    }
}

#[test]
fn the_parts_of_a_segment_are_the_segment() {
    for track in recording() {
        let with_parts: Vec<_> =
            track.last().segments.iter().filter(|segment| !segment.parts.is_empty()).collect();
        assert!(with_parts.len() >= 4, "{}: {} segments with parts", track.path, with_parts.len());
        for segment in with_parts {
            let joined: Vec<u8> =
                segment.parts.iter().flat_map(|part| track.bytes(&part.uri).to_vec()).collect();
            assert!(joined == **track.bytes(&segment.uri), "{}: segment {}", track.path, segment.msn);
        }
    }
}

#[test]
fn a_part_lasts_as_long_as_the_playlist_says() {
    for track in recording() {
        let scale = timescale(track);
        for part in track.last().all().flat_map(|segment| &segment.parts) {
            let chunks = chunks(track.bytes(&part.uri));
            let length = chunks.iter().map(Chunk::duration).sum::<u64>() as f64 / scale;
            assert!((length - part.duration).abs() < 0.001, "{}: {length} of {}", part.uri, part.duration);
            assert!(chunks.iter().all(|chunk| chunk.track == own_track(track)), "one track a playlist");
        }
    }
}

#[test]
fn parts_say_that_they_are_independent_exactly_where_they_hold_a_sync_sample() {
    for track in recording() {
        for part in track.last().all().flat_map(|segment| &segment.parts) {
            let sync = chunks(track.bytes(&part.uri)).iter().any(|chunk| chunk.samples[0].sync);
            assert_eq!(part.independent, sync, "{}", part.uri);
        }
    }
}

#[test]
fn each_video_segment_starts_with_a_sync_sample_and_lasts_whole_gops() {
    for track in recording().iter().filter(|track| track.is_video()) {
        for segment in &track.last().segments {
            let chunks = chunks(track.bytes(&segment.uri));
            assert!(chunks[0].starts_picture(), "{}", segment.uri);
            assert!((1.9..=2.1).contains(&segment.duration), "the demo's GOPs last two seconds: {segment:?}");
            let idr = chunks[0].samples[0].data.get(4).map(|byte| byte & 0x1f);
            assert_eq!(idr, Some(5), "the first NAL unit is of an IDR picture");
        }
    }
}

#[test]
fn decode_times_go_on_without_hole_or_overlap_from_segment_to_segment() {
    for track in recording() {
        let mut expected = None;
        let mut samples = 0;
        for segment in &track.last().segments {
            for chunk in chunks(track.bytes(&segment.uri)) {
                if let Some(expected) = expected {
                    assert_eq!(chunk.start, expected, "{}", segment.uri);
                }
                expected = Some(chunk.end());
                samples += chunk.samples.len();
            }
        }
        assert!(samples > 300, "{}: {samples} samples", track.path);
    }
}

#[test]
fn the_lengths_in_a_playlist_add_up_to_the_media_within_a_frame() {
    for track in recording() {
        let segments = &track.last().segments;
        let ends = |segment: &Segment| {
            let chunks = chunks(track.bytes(&segment.uri));
            (chunks[0].start, chunks[chunks.len() - 1].end())
        };
        let (start, end) = (ends(&segments[0]).0, ends(&segments[segments.len() - 1]).1);
        let real = (end - start) as f64 / timescale(track);
        assert!((real - track.last().length()).abs() < 0.032, "{}: {real} s", track.path);
        let scale = timescale(track);
        let lasts = |segment: &Segment| {
            let (start, end) = ends(segment);
            Some((start as f64 / scale, end as f64 / scale))
        };
        assert_eq!(check_lengths(track.last(), lasts), [], "{}", track.path);
    }
}

#[test]
fn main_and_sub_show_the_same_instant_at_the_same_time() {
    let [main, sub] = ["main", "sub"].map(|name| track(&format!("/hls/demo/{name}/video.m3u8")));
    let starts = |track: &Track| -> Vec<(i64, i64)> {
        let start = |segment: &Segment| {
            (chunks(track.bytes(&segment.uri))[0].presentation(), segment.wall.expect("a date"))
        };
        track.last().segments.iter().map(start).collect()
    };
    let (main, sub) = (starts(main), starts(sub));
    let mut compared = 0;
    for (time, date) in &main {
        // Both have their sync samples at even seconds of the camera's clock.
        let Some((other, other_date)) = sub.iter().min_by_key(|(other, _)| (other - time).abs()) else {
            continue;
        };
        if (other - time).abs() > 90_000 {
            continue; // one of the lists reaches further back
        }
        assert!((other - time).abs() < 3_600, "{} ticks from main to sub", other - time);
        assert!((other_date - date).abs() < 80, "{} ms from main to sub by date", other_date - date);
        compared += 1;
    }
    assert!(compared >= 6, "{compared} sync samples were compared");
}
