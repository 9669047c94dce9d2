//! The list of I-frames over time, beside the long list of all pictures.

use std::fmt::Display;
use std::sync::Arc;

use belvedere::hls::media::{Form, render};
use belvedere::hls::{List, Reload, Want, decide_finished};
use belvedere::live::{Channel, Segment, Snapshot};
use belvedere::media::TrackKind;
use belvedere::media::fmp4::SEGMENT_TYPE;

use crate::support::checker::{Expected, check_iframe, check_iframes, check_next};
use crate::support::playlist::{Playlist, parse};
use crate::world::Faults;

/// What its URL gave last.
pub struct IFrames {
    channel: Arc<Channel>,
    before: Option<Playlist>,
}

impl IFrames {
    /// Nothing was seen yet.
    pub fn new(channel: Arc<Channel>) -> Self {
        Self { channel, before: None }
    }

    /// Holds it against the rules, and against `dvr`, which is of the same moment. How many new I-frames there are.
    pub fn look(
        &mut self,
        snapshot: &Snapshot,
        dvr: &Playlist,
        (expected, full): (Expected, bool),
        name: &dyn Display,
        faults: &mut Faults,
    ) -> u64 {
        let playlist = parse(&render(snapshot, Form { list: List::IFrames, delta: false }, &[]));
        let mut broken = check_next(self.before.as_ref(), &playlist, Expected { parts: false, ..expected });
        // A full ring lets go of what it should keep.
        broken.retain(|violation| !full || violation.rule != "N38");
        broken.extend(check_iframes(&playlist, dvr));
        let known = self.before.as_ref().map_or(0, Playlist::next_msn);
        let mut seen = 0;
        for (listed, segment) in playlist.segments.iter().zip(&snapshot.segments) {
            if listed.msn >= known {
                broken.extend(check_iframe(listed, &bytes(segment)));
                let starts = segment.parts.first().is_some_and(|part| part.chunks[0].sync);
                faults.unless(listed.range.is_some() == (starts && !segment.gap), "N56", name, || {
                    format!("segment {} starts with a sync sample: {starts}\n{}", listed.msn, playlist.text)
                });
                seen += u64::from(listed.range.is_some());
            }
        }
        for violation in broken {
            let what = || format!("{}\n{}", violation.what, playlist.text);
            faults.unless(false, violation.rule, &format!("I-frames of {name}"), what);
        }
        self.waits(&playlist, name, faults);
        self.before = Some(playlist);
        seen
    }

    /// What is asked for by number is answered once it is listed (RFC 8216bis 6.2.5.2).
    fn waits(&self, playlist: &Playlist, name: &dyn Display, faults: &mut Faults) {
        let Some(line) = self.channel.tip().line(TrackKind::Video) else { return };
        let next = playlist.next_msn();
        for (msn, expected) in [
            (next - 1, Reload::Serve),
            (next, Reload::Wait),
            (next + 1, Reload::Wait),
            (next + 2, Reload::Reject),
        ] {
            let decided = decide_finished(line, Want { msn, part: None });
            faults.unless(decided == expected, "N74", name, || {
                format!("I-frame {msn} is answered with {decided:?} for\n{}", playlist.text)
            });
        }
    }
}

/// What a segment's URI gives.
fn bytes(segment: &Segment) -> Vec<u8> {
    let chunks = segment.parts.iter().flat_map(|part| &part.chunks).map(|chunk| &chunk.bytes[..]);
    std::iter::once(SEGMENT_TYPE).chain(chunks).collect::<Vec<_>>().concat()
}
