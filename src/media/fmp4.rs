//! Writing fragmented MP4 (ISO/IEC 14496-12) as CMAF wants it (ISO/IEC 23000-19).
//!
//! Boxes are encoded by `mp4-atom`; the samples are copied once, behind the boxes that describe
//! them, and from then on every output shares those bytes.

use bytes::Bytes;
use mp4_atom::{
    Atom, Audio, Avc1, Avcc, Codec, Dfla, Dinf, Dref, Encode, Esds, Flac, FourCC, Ftyp, Hdlr, Header, Hvc1,
    Hvcc, Mdat, Mdhd, Mdia, Mfhd, Minf, Moof, Moov, Mp4a, Mvex, Mvhd, Pasp, Smhd, Stbl, Stco, Stsd, Tfdt,
    Tfhd, Tkhd, Traf, Trak, Trex, Trun, TrunEntry, Url, Visual, Vmhd,
    esds::{DecoderConfig, DecoderSpecific, EsDescriptor, SLConfig},
};

use super::{AudioCodec, AudioTrack, Frame, Framed, TrackKind, Tracks, VideoCodec, VideoTrack};

/// Flags of a sample that depends on no other (ISO/IEC 14496-12, 8.8.3.1).
const SYNC_SAMPLE: u32 = 0x0200_0000;
/// Flags of a sample that depends on others and is no sync sample.
const OTHER_SAMPLE: u32 = 0x0101_0000;
/// Bytes of a `moof` with one `traf` and an empty `trun`, and of the `mdat` header behind it.
const CHUNK_OVERHEAD: usize = 100;
/// Where a chunk's decode time stands, behind the headers of `moof`, `mfhd`, `traf`, `tfhd` and `tfdt`.
const DECODE_TIME: std::ops::Range<usize> = 64..72;
/// Bytes one sample adds to the `trun`: duration, size, composition offset.
const TRUN_ENTRY: usize = 12;

/// The `styp` before the first part of a segment; the same for all.
pub const SEGMENT_TYPE: &[u8] = b"\0\0\0\x18stypmsdh\0\0\0\0msdhmsix";

/// A codec record that cannot be read, so that no init segment can be written for it.
#[derive(Debug, thiserror::Error)]
#[error("the {what} cannot be used: {cause}")]
pub struct InitError {
    what: &'static str,
    cause: mp4_atom::Error,
}

impl InitError {
    fn of(what: &'static str) -> impl Fn(mp4_atom::Error) -> Self {
        move |cause| Self { what, cause }
    }
}

/// The init segments of one epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inits {
    /// All tracks: for the MSE feed and MP4 downloads.
    pub all: Framed,
    /// Video alone: for the HLS video playlist, and for viewers who cannot play the sound.
    pub video: Framed,
    /// Audio alone: for the HLS audio playlist.
    pub audio: Option<Bytes>,
}

impl Inits {
    /// Writes the init segments for `tracks`.
    ///
    /// # Errors
    /// The decoder configuration of a track is damaged.
    pub fn new(tracks: &Tracks) -> Result<Self, InitError> {
        let video = video_trak(&tracks.video)?;
        let audio = tracks.audio.as_deref().map(audio_trak).transpose()?;
        let alone = |trak: &Trak| init(std::slice::from_ref(trak));
        Ok(Self {
            video: framed(&alone(&video)?),
            audio: audio.as_ref().map(alone).transpose()?,
            all: framed(&match audio {
                Some(audio) => init(&[video, audio])?,
                None => init(&[video])?,
            }),
        })
    }
}

fn framed(init: &Bytes) -> Framed {
    Framed::new(init.len(), |out| out.extend_from_slice(init))
}

/// One CMAF chunk: `moof` and `mdat` of consecutive frames of one track.
///
/// `sequence` becomes the `mfhd` sequence number. An empty slice gives an empty chunk.
pub fn chunk(sequence: u32, frames: &[Frame]) -> Framed {
    let Some(first) = frames.first() else { return Framed::default() };
    let payload: usize = frames.iter().map(|frame| frame.data.len()).sum();
    let data_offset = CHUNK_OVERHEAD + TRUN_ENTRY * frames.len();
    let moof = Moof {
        mfhd: Mfhd { sequence_number: sequence },
        traf: vec![Traf {
            tfhd: Tfhd {
                track_id: first.track.id(),
                default_sample_flags: Some(if first.sync { SYNC_SAMPLE } else { OTHER_SAMPLE }),
                default_base_is_moof: true,
                ..Tfhd::default()
            },
            tfdt: Some(Tfdt { base_media_decode_time: first.decode_time }),
            trun: vec![Trun {
                data_offset: Some(data_offset as i32),
                samples: frames.iter().map(trun_entry).collect::<Vec<_>>().into(),
            }],
            ..Traf::default()
        }],
    };
    let header = Header { kind: Mdat::KIND, size: Some(payload) };
    Framed::new(data_offset + payload, |out| {
        let begin = out.len();
        moof.encode(out)
            .and_then(|()| header.encode(out))
            .expect("a Vec grows, and a moof of one traf has no field that could be out of range");
        debug_assert_eq!(out.len() - begin, data_offset, "the data offset must point behind the mdat header");
        for frame in frames {
            out.extend_from_slice(&frame.data);
        }
    })
}

/// A chunk with its decode time earlier by `units` of its track's timescale, but not before 0: a `moof` of its own, and
/// the media as it lies in memory.
pub fn earlier(chunk: &Bytes, units: u64) -> [Bytes; 2] {
    let size = chunk.first_chunk().map_or(0, |size| u32::from_be_bytes(*size) as usize);
    let mut moof = chunk[..size.min(chunk.len())].to_vec();
    debug_assert_eq!(moof.get(56..60), Some(&b"tfdt"[..]), "all chunks are written alike");
    if let Some(time) = moof.get_mut(DECODE_TIME).and_then(|time| time.first_chunk_mut::<8>()) {
        *time = u64::from_be_bytes(*time).saturating_sub(units).to_be_bytes();
    }
    [moof.into(), chunk.slice(size.min(chunk.len())..)]
}

fn trun_entry(frame: &Frame) -> TrunEntry {
    TrunEntry {
        duration: Some(frame.duration),
        size: Some(frame.data.len() as u32),
        flags: None,
        cts: Some(frame.composition_offset.into()),
    }
}

/// `ftyp` and `moov`. The boxes of `moov` are written one by one, since `mvex` belongs last.
fn init(traks: &[Trak]) -> Result<Bytes, InitError> {
    let failed = InitError::of("codec configuration");
    let ftyp = Ftyp {
        major_brand: FourCC::new(b"iso6"),
        minor_version: 0,
        compatible_brands: [b"iso6", b"cmfc", b"mp41"].map(FourCC::new).to_vec(),
    };
    let mvhd =
        Mvhd { timescale: 1000, rate: 1.into(), volume: 1.into(), next_track_id: 3, ..Mvhd::default() };
    let mvex = Mvex {
        trex: traks
            .iter()
            .map(|trak| Trex {
                track_id: trak.tkhd.track_id,
                default_sample_description_index: 1,
                ..Trex::default()
            })
            .collect(),
        ..Mvex::default()
    };
    let mut body = Vec::new();
    mvhd.encode(&mut body).map_err(&failed)?;
    for trak in traks {
        trak.encode(&mut body).map_err(&failed)?;
    }
    mvex.encode(&mut body).map_err(&failed)?;
    let mut out = Vec::with_capacity(body.len() + 64);
    ftyp.encode(&mut out).map_err(&failed)?;
    Header { kind: Moov::KIND, size: Some(body.len()) }.encode(&mut out).map_err(&failed)?;
    out.extend_from_slice(&body);
    Ok(out.into())
}

fn video_trak(track: &VideoTrack) -> Result<Trak, InitError> {
    let visual =
        Visual { data_reference_index: 1, width: track.width, height: track.height, ..Visual::default() };
    let pasp = track
        .pixel_aspect
        .map(|(h, v)| Pasp { h_spacing: h.into(), v_spacing: v.into() })
        .filter(|pasp| pasp.h_spacing != pasp.v_spacing);
    let record = &mut track.record.as_ref();
    let entry = match track.codec {
        VideoCodec::H264 => {
            let avcc = Avcc::decode_body(record).map_err(InitError::of("H.264 configuration"))?;
            Codec::from(Avc1 { visual, avcc, pasp, ..Avc1::default() })
        }
        VideoCodec::H265 => {
            let hvcc = Hvcc::decode_body(record).map_err(InitError::of("H.265 configuration"))?;
            Codec::from(Hvc1 { visual, hvcc, pasp, ..Hvc1::default() })
        }
    };
    // The display size: the pixels, stretched by the aspect ratio of one of them.
    let (h, v) = track.pixel_aspect.filter(|(h, v)| *h > 0 && *v > 0).unwrap_or((1, 1));
    let display_width = u32::from(track.width) * u32::from(h) / u32::from(v);
    Ok(trak(
        Tkhd {
            width: u16::try_from(display_width).unwrap_or(track.width).into(),
            height: track.height.into(),
            ..tkhd(TrackKind::Video)
        },
        VideoTrack::TIMESCALE,
        Hdlr { handler: FourCC::new(b"vide"), name: "video".into() },
        Minf { vmhd: Some(Vmhd::default()), ..minf(entry) },
    ))
}

fn audio_trak(track: &AudioTrack) -> Result<Trak, InitError> {
    let audio = Audio {
        data_reference_index: 1,
        channel_count: track.channels,
        sample_size: 16,
        // The field has 16 bits; rates that do not fit are said by the codec's configuration alone.
        sample_rate: u16::try_from(track.sample_rate).unwrap_or(0).into(),
    };
    let entry = match track.codec {
        AudioCodec::Aac => aac_entry(audio, track),
        AudioCodec::Flac => flac_entry(audio, track)?,
    };
    Ok(trak(
        Tkhd { volume: 1.into(), alternate_group: 1, ..tkhd(TrackKind::Audio) },
        track.sample_rate,
        Hdlr { handler: FourCC::new(b"soun"), name: "audio".into() },
        Minf { smhd: Some(Smhd::default()), ..minf(entry) },
    ))
}

fn aac_entry(audio: Audio, track: &AudioTrack) -> Codec {
    // The other fields only restate the configuration, which is written as it came.
    let specific = DecoderSpecific { raw: track.config.to_vec(), profile: 0, freq_index: 0, chan_conf: 0 };
    let dec_config = DecoderConfig {
        object_type_indication: 0x40, // ISO/IEC 14496-3 audio
        stream_type: 5,               // audio stream
        dec_specific: Some(specific),
        ..DecoderConfig::default()
    };
    let es_desc =
        EsDescriptor { es_id: 0, dec_config, sl_config: SLConfig::default(), ..EsDescriptor::default() };
    Codec::from(Mp4a { audio, esds: Esds { es_desc }, btrt: None, taic: None })
}

/// `fLaC` with `dfLa`, as "Encapsulation of FLAC in ISO Base Media File Format" 3.3 has them.
fn flac_entry(audio: Audio, track: &AudioTrack) -> Result<Codec, InitError> {
    // Version and flags, then the header of a metadata block: the last one, of type STREAMINFO.
    let length = u8::try_from(track.config.len()).unwrap_or(u8::MAX);
    let record = [&[0, 0, 0, 0, 0x80, 0, 0, length], track.config.as_ref()].concat();
    let dfla = Dfla::decode_body(&mut record.as_slice()).map_err(InitError::of("FLAC configuration"))?;
    Ok(Codec::from(Flac { audio, dfla }))
}

fn tkhd(kind: TrackKind) -> Tkhd {
    Tkhd { track_id: kind.id(), enabled: true, in_movie: true, ..Tkhd::default() }
}

fn trak(tkhd: Tkhd, timescale: u32, hdlr: Hdlr, minf: Minf) -> Trak {
    let mdhd = Mdhd { timescale, language: "und".into(), ..Mdhd::default() };
    Trak { tkhd, mdia: Mdia { mdhd, hdlr, minf }, ..Trak::default() }
}

fn minf(entry: Codec) -> Minf {
    Minf {
        dinf: Dinf { dref: Dref { entries: vec![Url::default().into()] } },
        stbl: Stbl { stsd: Stsd { codecs: vec![entry] }, stco: Some(Stco::default()), ..Stbl::default() },
        ..Minf::default()
    }
}

#[cfg(test)]
mod tests {
    use mp4_atom::{Any, Decode};

    use super::*;
    use crate::media::track::testing;

    fn frame(track: TrackKind, decode_time: u64, data: &'static [u8]) -> Frame {
        Frame {
            track,
            decode_time,
            duration: 3000,
            composition_offset: -7,
            sync: true,
            data: Bytes::from_static(data),
        }
    }

    /// The boxes of `bytes`, read back by a parser that did not write them by hand.
    fn boxes(mut bytes: &[u8]) -> Vec<Any> {
        let mut found = Vec::new();
        while !bytes.is_empty() {
            found.push(Any::decode(&mut bytes).expect("a whole box"));
        }
        found
    }

    #[test]
    fn a_chunk_is_a_moof_and_an_mdat_whose_offset_points_at_the_first_sample() {
        let frames =
            [frame(TrackKind::Audio, 1 << 40, b"one"), frame(TrackKind::Audio, (1 << 40) + 3000, b"three")];
        let bytes = chunk(9, &frames).bytes;
        let boxes = boxes(&bytes);
        let [Any::Moof(moof), Any::Mdat(mdat)] = boxes.as_slice() else { panic!("not moof and mdat") };
        assert_eq!(moof.mfhd.sequence_number, 9);
        let traf = &moof.traf[0];
        assert_eq!(traf.tfhd.track_id, 2);
        assert!(traf.tfhd.default_base_is_moof);
        assert_eq!(traf.tfdt.as_ref().map(|tfdt| tfdt.base_media_decode_time), Some(1 << 40));
        assert_eq!(mdat.data, b"onethree");
        let offset = traf.trun[0].data_offset.expect("a data offset") as usize;
        assert_eq!(&bytes[offset..offset + 3], b"one");
        let entries: Vec<_> = traf.trun[0].samples.iter().collect();
        assert_eq!(entries.len(), 2);
        assert_eq!((entries[1].size, entries[1].duration, entries[1].cts), (Some(5), Some(3000), Some(-7)));
    }

    #[test]
    fn the_decode_time_box_is_version_1_even_for_small_times() {
        let bytes = chunk(1, &[frame(TrackKind::Video, 5, b"x")]).bytes;
        let at = bytes.windows(4).position(|four| four == b"tfdt").expect("a tfdt");
        assert_eq!(bytes[at + 4], 1);
    }

    #[test]
    fn a_chunk_can_be_moved_to_an_earlier_time_without_its_media() {
        let whole = chunk(1, &[frame(TrackKind::Video, 5_000_000_000_000, b"media")]).bytes;
        for (units, expected) in [(4_999_999_999_000, 1000), (6_000_000_000_000, 0), (0, 5_000_000_000_000)] {
            let [moof, media] = earlier(&whole, units);
            assert_eq!(media.as_ptr(), whole[moof.len()..].as_ptr());
            let bytes = [&moof[..], &media].concat();
            let Any::Moof(moof) = boxes(&bytes).remove(0) else { panic!("not a moof") };
            let tfdt = moof.traf[0].tfdt.as_ref().expect("a tfdt");
            assert_eq!(tfdt.base_media_decode_time, expected);
        }
    }

    #[test]
    fn sync_samples_and_others_are_told_apart_by_their_flags() {
        let flags = |sync| {
            let bytes = chunk(1, &[Frame { sync, ..frame(TrackKind::Video, 0, b"x") }]).bytes;
            let Any::Moof(moof) = boxes(&bytes).remove(0) else { panic!("not a moof") };
            moof.traf[0].tfhd.default_sample_flags
        };
        assert_eq!(flags(true), Some(SYNC_SAMPLE));
        assert_eq!(flags(false), Some(OTHER_SAMPLE));
    }

    #[test]
    fn the_init_for_all_tracks_has_both_and_mvex_comes_last() {
        let all = Inits::new(&testing::tracks()).expect("good records").all.bytes;
        let boxes = boxes(&all);
        let [Any::Ftyp(ftyp), Any::Moov(moov)] = boxes.as_slice() else { panic!("not ftyp and moov") };
        assert_eq!(ftyp.major_brand, FourCC::new(b"iso6"));
        assert_eq!(moov.trak.iter().map(|trak| trak.tkhd.track_id).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(moov.trak[1].mdia.mdhd.timescale, 48_000);
        assert_eq!(moov.mvex.as_ref().expect("mvex").trex.len(), 2);
        assert_eq!(moov.mvhd.duration, 0);
        for trak in &moov.trak {
            assert_eq!((trak.tkhd.duration, trak.mdia.mdhd.duration), (0, 0), "all media is in fragments");
            let stbl = &trak.mdia.minf.stbl;
            assert!(stbl.stts.entries.is_empty() && stbl.stsc.entries.is_empty(), "and no sample");
        }
        let place = |name: &[u8]| all.windows(4).rposition(|four| four == name).expect("the box");
        assert!(place(b"mvex") > place(b"trak"));
        let config = testing::tracks().audio.expect("audio").config.clone();
        assert!(all.windows(config.len()).any(|part| part == config), "the AAC configuration as it came");
    }

    #[test]
    fn each_hls_playlist_gets_an_init_with_its_own_track_alone() {
        let inits = Inits::new(&testing::tracks()).expect("good records");
        for (bytes, id) in [(inits.video.bytes, 1), (inits.audio.expect("audio"), 2)] {
            let Any::Moov(moov) = boxes(&bytes).remove(1) else { panic!("not a moov") };
            assert_eq!(moov.trak.len(), 1);
            assert_eq!(moov.trak[0].tkhd.track_id, id);
        }
    }

    #[test]
    fn a_damaged_record_is_an_error_that_names_it() {
        let mut tracks = testing::tracks();
        tracks.video = std::sync::Arc::new(VideoTrack {
            record: Bytes::from_static(b"\x01"),
            ..(*tracks.video).clone()
        });
        let error = Inits::new(&tracks).expect_err("one byte is no record");
        assert!(error.to_string().starts_with("the H.264 configuration cannot be used"), "{error}");
    }
}
