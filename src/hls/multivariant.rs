//! The multivariant playlist: one variant a rendition, and the sound that plays along as a group of its own.
//!
//! All variants may share one group (RFC 8216bis 6.2.4): a player that changes the picture keeps the sound, and loads
//! nothing of it twice. Where there are several, names and languages are alike, so that none is taken for another choice.

use std::sync::Arc;

use m3u8_rs::{AlternativeMedia, AlternativeMediaType, MasterPlaylist, Resolution, VariantStream};

use super::names::{List, Name};
use crate::live::line::BitRates;
use crate::media::TrackKind;
use crate::media::track::{AudioTrack, VideoTrack};

/// What the playlist says of one rendition.
#[derive(Clone, Debug)]
pub struct Variant {
    /// Where its playlists are, seen from this one, with a slash at the end or empty.
    pub folder: String,
    /// Its pictures.
    pub video: Arc<VideoTrack>,
    /// Highest bit rate of any segment, with the sound that plays along, in bit/s.
    pub peak: u64,
    /// Bit rate over all segments, with the sound that plays along, in bit/s.
    pub average: u64,
    /// Frames a second, once measured.
    pub frame_rate: Option<f64>,
    /// The sound that plays along.
    pub sound: Option<Sound>,
    /// How far back its playlists go.
    pub list: List,
    /// Bit rates of its I-frames alone, where the list of them is offered.
    pub iframes: Option<BitRates>,
}

/// The sound of a variant, its own or that of another rendition.
#[derive(Clone, Debug)]
pub struct Sound {
    /// Name of the rendition that it is from.
    pub name: String,
    /// Where that rendition's playlists are, as in [`Variant::folder`].
    pub folder: String,
    /// The sound itself.
    pub audio: Arc<AudioTrack>,
    /// How far back its playlist goes.
    pub list: List,
}

/// Writes the multivariant playlist; the variant to start with comes first. `independent` promises
/// that every segment can be decoded alone (RFC 8216bis 4.4.2.1).
pub fn render(variants: &[Variant], independent: bool) -> String {
    let mut sounds: Vec<&Sound> = Vec::new();
    for sound in variants.iter().filter_map(|variant| variant.sound.as_ref()) {
        if sounds.iter().all(|known| known.name != sound.name) {
            sounds.push(sound);
        }
    }
    let playlist = MasterPlaylist {
        version: Some(6),
        variants: variants.iter().map(stream).chain(variants.iter().filter_map(iframes)).collect(),
        independent_segments: independent,
        alternatives: sounds.into_iter().map(media).collect(),
        ..MasterPlaylist::default()
    };
    let mut text = Vec::new();
    playlist.write_to(&mut text).expect("a Vec takes all that is written to it");
    String::from_utf8(text).expect("all that goes in is text")
}

fn uri(folder: &str, track: TrackKind, list: List) -> String {
    format!("{folder}{}", Name::Playlist(track, list))
}

fn stream(variant: &Variant) -> VariantStream {
    let (video, sound) = (&variant.video, variant.sound.as_ref());
    let codecs = [Some(&video.rfc6381), sound.map(|sound| &sound.audio.rfc6381)];
    VariantStream {
        uri: uri(&variant.folder, TrackKind::Video, variant.list),
        bandwidth: variant.peak,
        average_bandwidth: Some(variant.average),
        codecs: Some(codecs.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(",")),
        resolution: Some(resolution(video)),
        frame_rate: variant.frame_rate.map(nominal),
        audio: sound.map(|sound| sound.name.clone()),
        ..VariantStream::default()
    }
}

/// The rate that a measured one stands for, within 3 %, with three decimals at most (RFC 8216bis 4.4.6.2).
///
/// Cameras meant to run at 25 measure as 24.97 and 25.02, and to hls.js those are two rates: it goes up to no variant with
/// fewer frames a second and down to none with more, so that a hair's breadth would end all adapting.
fn nominal(rate: f64) -> f64 {
    let step = (rate.log2().floor().exp2() / 16.0).min(1.0);
    ((rate / step).round() * step * 1000.0).round() / 1000.0
}

fn resolution(video: &VideoTrack) -> Resolution {
    Resolution { width: video.width.into(), height: video.height.into() }
}

/// EXT-X-I-FRAME-STREAM-INF (RFC 8216bis 4.4.6.3).
fn iframes(variant: &Variant) -> Option<VariantStream> {
    let rates = variant.iframes?;
    Some(VariantStream {
        is_i_frame: true,
        uri: uri(&variant.folder, TrackKind::Video, List::IFrames),
        bandwidth: rates.peak,
        average_bandwidth: Some(rates.average),
        codecs: Some(variant.video.rfc6381.clone()),
        resolution: Some(resolution(&variant.video)),
        ..VariantStream::default()
    })
}

fn media(sound: &Sound) -> AlternativeMedia {
    AlternativeMedia {
        media_type: AlternativeMediaType::Audio,
        uri: Some(uri(&sound.folder, TrackKind::Audio, sound.list)),
        group_id: sound.name.clone(),
        language: Some("und".into()),
        name: "Camera".into(),
        default: true,
        autoselect: true,
        channels: Some(sound.audio.channels.to_string()),
        ..AlternativeMedia::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::track::testing;

    fn variant(name: &str, sound: Option<&str>) -> Variant {
        let audio = || testing::tracks().audio.expect("sound");
        let folder = |name: &str| format!("{name}/");
        Variant {
            folder: folder(name),
            video: testing::tracks().video,
            peak: 2_200_000,
            average: 2_000_000,
            frame_rate: Some(24.99961),
            sound: sound.map(|name| Sound {
                name: name.into(),
                folder: folder(name),
                audio: audio(),
                list: List::Live,
            }),
            list: List::Live,
            iframes: None,
        }
    }

    #[test]
    fn each_rendition_is_a_variant_with_its_own_sound() {
        let text = render(&[variant("main", Some("main")), variant("sub", Some("sub"))], true);
        let expected = "\
#EXTM3U
#EXT-X-VERSION:6
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MEDIA:TYPE=AUDIO,URI=\"main/audio.m3u8\",GROUP-ID=\"main\",LANGUAGE=\"und\",NAME=\"Camera\",\
DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"2\"
#EXT-X-MEDIA:TYPE=AUDIO,URI=\"sub/audio.m3u8\",GROUP-ID=\"sub\",LANGUAGE=\"und\",NAME=\"Camera\",\
DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"2\"
#EXT-X-STREAM-INF:BANDWIDTH=2200000,AVERAGE-BANDWIDTH=2000000,CODECS=\"avc1.42c00d,mp4a.40.2\",\
RESOLUTION=320x180,FRAME-RATE=25,AUDIO=\"main\"
main/video.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=2200000,AVERAGE-BANDWIDTH=2000000,CODECS=\"avc1.42c00d,mp4a.40.2\",\
RESOLUTION=320x180,FRAME-RATE=25,AUDIO=\"sub\"
sub/video.m3u8
";
        assert_eq!(text, expected);
    }

    #[test]
    fn rates_that_were_meant_to_be_one_are_written_as_one() {
        let rates = [24.97, 25.02, 24.6, 29.97, 12.49, 12.51, 15.1, 59.94, 7.49, 1.01, 0.99, 0.2];
        let written = [25.0, 25.0, 25.0, 30.0, 12.5, 12.5, 15.0, 60.0, 7.5, 1.0, 1.0, 0.203];
        assert_eq!(rates.map(nominal), written);
        for hundredths in 1..24_000 {
            let rate = f64::from(hundredths) / 100.0;
            // Half a thousandth is what the decimals allowed are good for.
            assert!(
                (nominal(rate) - rate).abs() <= rate / 32.0 + 0.0005,
                "{rate} is written as {}",
                nominal(rate)
            );
        }
    }

    #[test]
    fn i_frames_are_offered_of_pictures_alone() {
        let iframes = Some(BitRates { peak: 300_000, average: 250_000 });
        let text = render(&[Variant { list: List::Dvr, iframes, ..variant("main", Some("main")) }], true);
        let expected = "main/dvr-video.m3u8\n\
            #EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=300000,AVERAGE-BANDWIDTH=250000,CODECS=\"avc1.42c00d\",\
            RESOLUTION=320x180,URI=\"main/iframes.m3u8\"\n";
        assert!(text.ends_with(expected), "{text}");
    }

    #[test]
    fn a_sound_that_two_renditions_share_is_one_group() {
        let text = render(&[variant("main", Some("main")), variant("sub", Some("main"))], true);
        assert_eq!(text.matches("#EXT-X-MEDIA:").count(), 1, "{text}");
        assert_eq!(text.matches(",AUDIO=\"main\"\n").count(), 2, "{text}");
    }

    #[test]
    fn without_sound_there_is_no_group_and_no_codec_of_it() {
        let text = render(&[variant("main", None)], true);
        assert!(!text.contains("EXT-X-MEDIA") && !text.contains("AUDIO="), "{text}");
        assert!(text.contains("CODECS=\"avc1.42c00d\","), "{text}");
    }
}
