//! The renditions of one camera beside each other.

use crate::support::client::join;
use crate::support::media::chunks;
use crate::support::playlist::Playlist;
use crate::support::recording::{recording, track};

const MAIN: &str = "/hls/demo/main/video.m3u8";
const SUB: &str = "/hls/demo/sub/video.m3u8";

/// Milliseconds between pictures.
const PICTURE: f64 = 40.0;

#[test]
fn the_same_decode_time_has_the_same_date_in_all_renditions() {
    recording();
    let dated = [MAIN, SUB].map(|path| {
        let last = track(path).last();
        let ahead = last.segments.iter().map(|segment| {
            let start = chunks(track(path).bytes(&segment.uri))[0].start;
            segment.wall.unwrap() as f64 - start as f64 / 90.0
        });
        ahead.collect::<Vec<_>>()
    });
    assert!(dated.iter().all(|ahead| ahead.len() >= 6), "{dated:?}");
    let all: Vec<f64> = dated.concat();
    let (least, most) =
        all.iter().fold((f64::MAX, f64::MIN), |(least, most), one| (least.min(*one), most.max(*one)));
    assert!(most - least < PICTURE, "N45, N49: dates less decode times go from {least} to {most} ms");
}

/// When the part ends that has this number, by the dates of a list that shows it.
fn end_of(playlists: &[Playlist], msn: u64, part: usize) -> Option<f64> {
    let shown = playlists.iter().find(|playlist| playlist.part(msn, part).is_some())?;
    let segment = shown.numbered(msn)?;
    let length: f64 = segment.parts[..=part].iter().map(|part| part.duration).sum();
    Some(segment.wall? as f64 / 1000.0 + length)
}

#[test]
fn renditions_go_on_within_a_part_of_each_other() {
    let (main, sub) = (track(MAIN), track(SUB));
    let part_target = main.last().part_target.unwrap().max(sub.last().part_target.unwrap());
    let lists = [main, sub].map(|track| (track.path, track.playlists()));
    let mut apart = Vec::new();
    for (own, other) in [(&lists[0], &lists[1]), (&lists[1], &lists[0])] {
        for playlist in &own.1 {
            // What a list reports of the other one is said at the moment at which it says how far it has come itself.
            let report = playlist.reports.iter().find(|report| join(own.0, &report.uri) == other.0);
            let report = report.expect("a report of the other rendition");
            let Some(last) = playlist.all().filter(|segment| !segment.parts.is_empty()).last() else {
                continue;
            };
            let ends = (
                end_of(&own.1, last.msn, last.parts.len() - 1),
                end_of(
                    &other.1,
                    report.last_msn,
                    report.last_part.expect("all segments have parts") as usize,
                ),
            );
            if let (Some(own), Some(other)) = ends {
                apart.push((own - other).abs());
            }
        }
    }
    assert!(apart.len() > 60, "{} reports were compared", apart.len());
    apart.sort_by(f64::total_cmp);
    // A machine that is busy with other tests may take up the one stream later than the other.
    let (nearly_all, most) = (apart[apart.len() * 9 / 10], apart[apart.len() - 1]);
    assert!(nearly_all <= part_target + 0.35, "N110: one report in ten is {nearly_all} s off");
    assert!(most <= part_target + 3.0, "N110: a report is {most} s off");
}
