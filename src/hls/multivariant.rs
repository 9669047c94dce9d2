//! The multivariant playlist: one variant a rendition, its sound as a group of its own.

use m3u8_rs::{AlternativeMedia, AlternativeMediaType, MasterPlaylist, Resolution, VariantStream};

use super::names::{List, Name};
use crate::media::{TrackKind, Tracks};

/// What the playlist says of one rendition.
#[derive(Clone, Debug)]
pub struct Variant {
    /// Name of the rendition.
    pub name: String,
    /// Where its playlists are, seen from this one, with a slash at the end or empty.
    pub folder: String,
    /// Its tracks.
    pub tracks: Tracks,
    /// Highest bit rate of any segment, sound included, in bit/s.
    pub peak: u64,
    /// Bit rate over all segments, sound included, in bit/s.
    pub average: u64,
    /// Frames a second, once measured.
    pub frame_rate: Option<f64>,
    /// How far back its playlists go.
    pub list: List,
}

/// Writes the multivariant playlist; the variant to start with comes first. `independent` promises
/// that every segment can be decoded alone (RFC 8216bis 4.4.2.1).
pub fn render(variants: &[Variant], independent: bool) -> String {
    let playlist = MasterPlaylist {
        version: Some(6),
        variants: variants.iter().map(stream).collect(),
        independent_segments: independent,
        alternatives: variants.iter().filter_map(sound).collect(),
        ..MasterPlaylist::default()
    };
    let mut text = Vec::new();
    playlist.write_to(&mut text).expect("a Vec takes all that is written to it");
    String::from_utf8(text).expect("all that goes in is text")
}

fn uri(variant: &Variant, track: TrackKind) -> String {
    format!("{}{}", variant.folder, Name::Playlist(track, variant.list))
}

fn stream(variant: &Variant) -> VariantStream {
    let video = &variant.tracks.video;
    VariantStream {
        uri: uri(variant, TrackKind::Video),
        bandwidth: variant.peak,
        average_bandwidth: Some(variant.average),
        codecs: Some(variant.tracks.codecs()),
        resolution: Some(Resolution { width: video.width.into(), height: video.height.into() }),
        // Three decimals at most (RFC 8216bis 4.4.6.2).
        frame_rate: variant.frame_rate.map(|rate| (rate * 1000.0).round() / 1000.0),
        audio: variant.tracks.audio.as_ref().map(|_| variant.name.clone()),
        ..VariantStream::default()
    }
}

fn sound(variant: &Variant) -> Option<AlternativeMedia> {
    let audio = variant.tracks.audio.as_ref()?;
    Some(AlternativeMedia {
        media_type: AlternativeMediaType::Audio,
        uri: Some(uri(variant, TrackKind::Audio)),
        group_id: variant.name.clone(),
        language: Some("und".into()),
        name: "Camera".into(),
        default: true,
        autoselect: true,
        channels: Some(audio.channels.to_string()),
        ..AlternativeMedia::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::track::testing;

    fn variant(name: &str, tracks: Tracks) -> Variant {
        Variant {
            name: name.into(),
            folder: format!("{name}/"),
            tracks,
            peak: 2_200_000,
            average: 2_000_000,
            frame_rate: Some(24.99961),
            list: List::Live,
        }
    }

    #[test]
    fn each_rendition_is_a_variant_with_its_own_sound() {
        let text = render(&[variant("main", testing::tracks()), variant("sub", testing::video_only())], true);
        let expected = "\
#EXTM3U
#EXT-X-VERSION:6
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MEDIA:TYPE=AUDIO,URI=\"main/audio.m3u8\",GROUP-ID=\"main\",LANGUAGE=\"und\",NAME=\"Camera\",\
DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"2\"
#EXT-X-STREAM-INF:BANDWIDTH=2200000,AVERAGE-BANDWIDTH=2000000,CODECS=\"avc1.42c00d,mp4a.40.2\",\
RESOLUTION=320x180,FRAME-RATE=25,AUDIO=\"main\"
main/video.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=2200000,AVERAGE-BANDWIDTH=2000000,CODECS=\"avc1.42c00d\",\
RESOLUTION=320x180,FRAME-RATE=25
sub/video.m3u8
";
        assert_eq!(text, expected);
    }
}
