//! Which codecs a client can decode, by its own word.

use crate::media::{AudioTrack, TrackKind, Tracks};

/// The `codecs` of a client: RFC 6381 strings, or nothing known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decodable(Option<Vec<String>>);

impl Decodable {
    /// Reads a comma list; `None` stands for a client that said nothing and gets everything.
    pub fn new(list: Option<&str>) -> Self {
        Self(list.map(|list| list.split(',').map(|codec| codec.trim().to_ascii_lowercase()).collect()))
    }

    /// True when the client can decode `codec`, an RFC 6381 string.
    ///
    /// Levels do not count: browsers list a few and decode more, and the client has the last word
    /// when it sees the exact string.
    pub fn plays(&self, codec: &str) -> bool {
        let Some(list) = &self.0 else { return true };
        let codec = codec.to_ascii_lowercase();
        list.iter().any(|listed| *listed == codec || family(listed) == family(&codec))
    }

    /// The tracks of `tracks` that the client can play; `None` when it cannot decode the picture.
    pub fn playable(&self, tracks: &Tracks) -> Option<Tracks> {
        let sound = |audio: &&std::sync::Arc<AudioTrack>| self.plays(&audio.rfc6381);
        self.plays(&tracks.video.rfc6381).then(|| Tracks {
            video: tracks.video.clone(),
            audio: tracks.audio.as_ref().filter(sound).cloned(),
        })
    }
}

/// The codec and its profile, without the level: what decides whether it is decoded at all.
fn family(codec: &str) -> &str {
    let end = match codec.split_once('.') {
        Some(("avc1" | "avc3", profile)) => 5 + profile.len().min(2),
        Some((name @ ("hvc1" | "hev1"), rest)) => name.len() + 1 + rest.find('.').unwrap_or(rest.len()),
        _ => codec.len(),
    };
    codec.get(..end).unwrap_or(codec)
}

/// True for the chunks of tracks that are part of `tracks`.
pub fn carries(tracks: &Tracks, track: TrackKind) -> bool {
    track == TrackKind::Video || tracks.audio.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::track::testing;

    #[test]
    fn a_client_that_says_nothing_gets_everything() {
        assert_eq!(Decodable::new(None).playable(&testing::tracks()), Some(testing::tracks()));
    }

    #[test]
    fn levels_do_not_count_but_profiles_do() {
        let list = Decodable::new(Some("avc1.42E01E, hvc1.1.6.L93.B0,mp4a.40.2"));
        assert!(list.plays("avc1.42c033"));
        assert!(list.plays("hvc1.1.6.L186.90"));
        assert!(!list.plays("hvc1.2.4.L120.B0"));
        assert!(!list.plays("avc1.640028"));
        assert!(list.plays("mp4a.40.2"));
        assert!(!list.plays("mp4a.40.5"));
    }

    #[test]
    fn sound_that_cannot_be_played_is_left_out_and_a_picture_that_cannot_leaves_nothing() {
        let silent = Decodable::new(Some("avc1.42E01E")).playable(&testing::tracks());
        assert_eq!(silent, Some(testing::video_only()));
        assert_eq!(Decodable::new(Some("hvc1.1.6.L93.B0")).playable(&testing::tracks()), None);
        assert_eq!(Decodable::new(Some("")).playable(&testing::tracks()), None);
    }
}
