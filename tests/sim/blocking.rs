//! What a blocking request would get, held against what the list shows (RFC 8216bis 6.2.5.2).

use std::fmt::Display;

use belvedere::hls::{Reload, Want, decide};
use belvedere::live::Channel;
use belvedere::media::TrackKind;
use futures_util::FutureExt;

use crate::support::playlist::Playlist;
use crate::world::Faults;

/// Asks for what is listed, for what comes next, and for what is too far away.
pub fn check(
    channel: &Channel,
    playlist: &Playlist,
    track: TrackKind,
    name: &dyn Display,
    faults: &mut Faults,
) {
    let Some(line) = channel.tip().line(track) else { return };
    let part_target = channel.part_target(track).unwrap_or_default();
    let (msn, part) = playlist.next_part();
    let part = part as u32;
    let of_last = playlist.segments.last().map_or(0, |segment| segment.parts.len()) as u32;
    let listed = !playlist.segments.is_empty();
    let mut wants = vec![
        (msn, Some(part), Reload::Wait),
        (msn, None, if part > 0 { Reload::Serve } else { Reload::Wait }),
        (msn + 1, None, Reload::Wait),
        (msn + 1, Some(0), Reload::Wait),
        (msn + 2, None, Reload::Reject),
        (msn + 2, Some(0), Reload::Reject),
        (msn, Some(part + 1000), Reload::Reject),
    ];
    // The Advance Part Limit (RFC 8216bis 6.2.5.2).
    let seconds = part_target.as_secs_f64();
    let limit = if seconds > 0.0 && seconds < 1.0 { (3.0 / seconds - 1e-9).ceil() as u32 } else { 3 };
    wants.extend([
        (msn, Some(part + limit - 1), Reload::Wait),
        (msn, Some(part + limit), Reload::Reject),
        (msn + 1, Some(limit - 1), Reload::Wait),
        (msn + 1, Some(limit), Reload::Reject),
    ]);
    if part > 0 {
        wants.push((msn, Some(part - 1), Reload::Serve));
    }
    if listed {
        wants.push((msn - 1, None, Reload::Serve));
        // Behind the last part of a finished segment comes the first of the next.
        let next = if part > 0 { Reload::Serve } else { Reload::Wait };
        wants.push((msn - 1, Some(of_last + 1000), next));
        if of_last > 0 {
            wants.push((msn - 1, Some(of_last - 1), Reload::Serve));
            wants.push((msn - 1, Some(of_last), next));
        }
    }
    for (msn, part, expected) in wants {
        let decided = decide(line, part_target, Want { msn, part });
        faults.unless(decided == expected, "N75", name, || {
            format!("{msn} {part:?} is answered with {decided:?} and not {expected:?} for\n{}", playlist.text)
        });
    }
    let woken = channel.until(|tip| tip.line(track).is_some_and(|tip| tip.version >= line.version));
    faults.unless(woken.now_or_never().is_some(), "N66", name, || {
        format!("nobody was told of version {}", line.version)
    });
}
