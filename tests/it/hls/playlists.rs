//! Media playlists over time.

use std::time::Duration;

use crate::support::checker::assert_good;
use crate::support::recording::{recording, track};

#[test]
fn no_playlist_of_a_long_watch_breaks_a_rule() {
    for track in recording() {
        assert!(track.reloads.len() > 30, "{}: {} reloads", track.path, track.reloads.len());
        assert_good(track.path, &track.playlists());
    }
}

#[test]
fn another_parser_reads_the_same() {
    for track in recording() {
        let ours = track.last();
        let theirs = m3u8_rs::parse_media_playlist_res(ours.text.as_bytes()).expect("m3u8-rs reads it");
        assert_eq!(Some(theirs.target_duration), ours.target);
        assert_eq!(Some(theirs.media_sequence), ours.msn);
        assert_eq!(Some(theirs.discontinuity_sequence), ours.discontinuity_sequence);
        // It takes what follows the last EXTINF for a segment without a URI.
        let segments: Vec<_> = theirs.segments.iter().filter(|segment| !segment.uri.is_empty()).collect();
        assert_eq!(segments.len(), ours.segments.len());
        for (theirs, ours) in segments.iter().zip(&ours.segments) {
            assert_eq!(theirs.uri, ours.uri);
            assert!((f64::from(theirs.duration) - ours.duration).abs() < 1e-4);
            assert_eq!(theirs.program_date_time.map(|time| time.timestamp_millis()), ours.wall);
        }
    }
}

#[test]
fn the_list_is_a_rolling_one_of_at_least_three_target_durations() {
    for track in recording() {
        let last = track.last();
        assert!(!last.ended && !last.text.contains("EXT-X-PLAYLIST-TYPE"), "{}", last.text);
        assert!(last.segments.len() >= 6 && last.length() >= 12.0, "{}: {} s", track.path, last.length());
    }
}

#[test]
fn a_new_part_comes_within_a_part_target_and_a_new_segment_within_one_and_a_half_target_durations() {
    for track in recording() {
        // A third of a second for a machine that is busy with other tests; for the one or the other part more.
        let (slack, most_slack) = (Duration::from_millis(350), Duration::from_secs(3));
        let mut late = Vec::new();
        let part_target = Duration::from_secs_f64(track.last().part_target.unwrap());
        let target = Duration::from_secs(track.last().target.unwrap());
        let mut segments = Vec::new();
        for pair in track.reloads.windows(2) {
            let [(_, before, old), (_, after, new)] = pair else { unreachable!("pairs have two") };
            assert!(new.next_part() > old.next_part(), "{}: a reload that waited brings news", track.path);
            late.push((*after - *before).saturating_sub(part_target));
            if new.next_msn() > old.next_msn() {
                segments.push(*after);
            }
        }
        late.sort();
        let nearly_all = late[late.len() * 9 / 10];
        assert!(nearly_all <= slack, "{}: one part in ten is {nearly_all:?} late", track.path);
        assert!(late[late.len() - 1] <= most_slack, "{}: {late:?}", track.path);
        assert!(segments.len() >= 8, "{}: {} segments", track.path, segments.len());
        let longest = segments.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
        assert!(longest <= target * 3 / 2, "{}: {longest:?} from segment to segment", track.path);
    }
}

#[test]
fn each_playlist_reports_how_far_the_three_others_have_come() {
    let names = |path: &str| path.strip_prefix("/hls/demo/").unwrap().to_owned();
    for own in recording() {
        for (_, _, playlist) in &own.reloads {
            let mut reported: Vec<_> = playlist
                .reports
                .iter()
                .map(|report| names(&crate::support::client::join(own.path, &report.uri)))
                .collect();
            reported.sort();
            let mut others: Vec<_> = recording()
                .iter()
                .map(|track| names(track.path))
                .filter(|name| *name != names(own.path))
                .collect();
            others.sort();
            assert_eq!(reported, others);
        }
    }
}

#[test]
fn a_report_never_names_a_part_that_is_not_there_yet() {
    let own = track("/hls/demo/main/video.m3u8");
    let mut compared = 0;
    for (_, answered, playlist) in &own.reloads {
        for report in &playlist.reports {
            let path = crate::support::client::join(own.path, &report.uri);
            // The other player's first reload that was asked for after this one was answered.
            let later = track(&path).reloads.iter().find(|(asked, _, _)| asked >= answered);
            let Some((_, _, other)) = later else { continue };
            let (msn, part) = (report.last_msn, report.last_part.expect("all segments have parts") as usize);
            assert!((msn, part) < other.next_part(), "{path}: {report:?}\n{}", other.text);
            compared += 1;
        }
    }
    assert!(compared > 60, "{compared} reports were compared");
}

#[test]
fn all_playlists_make_the_same_promises() {
    let promises: Vec<_> = recording()
        .iter()
        .map(|track| {
            let list = track.last();
            let bits = |seconds: Option<f64>| seconds.map(f64::to_bits);
            (list.target, bits(list.part_hold_back), bits(list.can_skip_until), list.can_block)
        })
        .collect();
    assert!(promises.iter().all(|promise| *promise == promises[0]), "{promises:?}");
}

#[test]
fn sound_has_the_segment_numbers_and_the_dates_of_its_picture() {
    for name in ["main", "sub"] {
        let video = track(&format!("/hls/demo/{name}/video.m3u8")).last();
        let audio = track(&format!("/hls/demo/{name}/audio.m3u8")).last();
        let mut compared = 0;
        for heard in &audio.segments {
            let Some(seen) = video.segments.iter().find(|segment| segment.msn == heard.msn) else { continue };
            let off = heard.wall.unwrap() - seen.wall.unwrap();
            // A segment of sound starts with the first unit behind the picture's start: a chunk of them at most.
            assert!((-100..=100).contains(&off), "segment {} is heard {off} ms off", heard.msn);
            assert!(
                (heard.duration - seen.duration).abs() < 0.15,
                "{} and {}",
                heard.duration,
                seen.duration
            );
            compared += 1;
        }
        assert!(compared >= 6, "{compared} segments were compared");
    }
}
