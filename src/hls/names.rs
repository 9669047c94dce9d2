//! The URIs under `/hls/{camera}/{rendition}/`: written and read here, and nowhere else.
//!
//! A media URI names its run and counts up, so it never stands for other bytes: a cache may keep it
//! for ever, also over a restart. Playlist URIs name no run: players go on over a restart.

use std::fmt;
use std::str::FromStr;

use crate::live::{PartId, RunId};
use crate::media::TrackKind;

/// What a URI below a rendition stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Name {
    /// A media playlist.
    Playlist(TrackKind, List),
    /// A piece of media of one run.
    Media(RunId, TrackKind, Piece),
}

/// How far back a media playlist goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum List {
    /// A short while: what players load again and again.
    Live,
    /// As far as the ring does.
    Dvr,
    /// As far, and of each segment of pictures nothing but the one that it begins with, if that needs no other
    /// (RFC 8216bis 4.4.3.6): for thumbnails. There is none of sound.
    IFrames,
}

/// All media playlists that there are.
const PLAYLISTS: [Name; 5] = [
    Name::Playlist(TrackKind::Video, List::Live),
    Name::Playlist(TrackKind::Audio, List::Live),
    Name::Playlist(TrackKind::Video, List::Dvr),
    Name::Playlist(TrackKind::Audio, List::Dvr),
    Name::Playlist(TrackKind::Video, List::IFrames),
];

/// A piece of media.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Piece {
    /// The init segment of an epoch.
    Init(u32),
    /// A segment.
    Segment(u64),
    /// A part.
    Part(PartId),
}

/// The text names nothing here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownName;

fn word(track: TrackKind) -> &'static str {
    match track {
        TrackKind::Video => "video",
        TrackKind::Audio => "audio",
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Playlist(track, List::Live) => write!(f, "{}.m3u8", word(*track)),
            Self::Playlist(track, List::Dvr) => write!(f, "dvr-{}.m3u8", word(*track)),
            Self::Playlist(_, List::IFrames) => f.write_str("iframes.m3u8"),
            Self::Media(run, track, Piece::Init(epoch)) => {
                write!(f, "{run}/{}-init-{epoch}.mp4", word(*track))
            }
            Self::Media(run, track, Piece::Segment(msn)) => write!(f, "{run}/{}-{msn}.m4s", word(*track)),
            Self::Media(run, track, Piece::Part(PartId { msn, part })) => {
                write!(f, "{run}/{}-{msn}.{part}.m4s", word(*track))
            }
        }
    }
}

impl FromStr for Name {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        let name = read(text).ok_or(UnknownName)?;
        // Only the one spelling that is written counts: caches must not hold one thing twice.
        if name.to_string() == text { Ok(name) } else { Err(UnknownName) }
    }
}

fn read(text: &str) -> Option<Name> {
    let Some((run, file)) = text.split_once('/') else {
        return PLAYLISTS.into_iter().find(|playlist| playlist.to_string() == text);
    };
    let (track, file) = match file.split_once('-')? {
        ("video", file) => (TrackKind::Video, file),
        ("audio", file) => (TrackKind::Audio, file),
        _ => return None,
    };
    let piece = if let Some(epoch) = file.strip_prefix("init-") {
        Piece::Init(epoch.strip_suffix(".mp4")?.parse().ok()?)
    } else {
        let file = file.strip_suffix(".m4s")?;
        match file.split_once('.') {
            Some((msn, part)) => Piece::Part(PartId { msn: msn.parse().ok()?, part: part.parse().ok()? }),
            None => Piece::Segment(file.parse().ok()?),
        }
    };
    Some(Name::Media(run.parse().ok()?, track, piece))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_back_as_it_was_written() {
        let run = RunId(0x19a_bcde);
        assert!(PLAYLISTS.iter().all(|name| name.to_string().parse() == Ok(*name)));
        for track in [TrackKind::Video, TrackKind::Audio] {
            for name in [
                Name::Media(run, track, Piece::Init(3)),
                Name::Media(run, track, Piece::Segment(1_795_000_000)),
                Name::Media(run, track, Piece::Part(PartId { msn: 1_795_000_000, part: 4 })),
            ] {
                assert_eq!(name.to_string().parse(), Ok(name));
            }
        }
    }

    #[test]
    fn other_spellings_and_nonsense_name_nothing() {
        for text in [
            "",
            "video",
            "other.m3u8",
            "1/video-05.m4s",
            "01/video-5.m4s",
            "1/video-5.m4s/",
            "1/video-+5.m4s",
            "1/video-5.1.2.m4s",
            "1/video-init-.mp4",
            "A/video-5.m4s",
            "1/../video-5.m4s",
        ] {
            assert_eq!(text.parse::<Name>(), Err(UnknownName), "{text:?}");
        }
    }
}
