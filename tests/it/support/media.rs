//! What is in fragmented MP4, by a parser that is not ours.

use mp4_atom::{Any, Atom, Codec, Decode, DecodeAtom, Ftyp, Header, Mdat, Moof, Moov, Styp};

pub const VIDEO: u32 = 1;
pub const AUDIO: u32 = 2;

/// Bit 16 of sample flags: is no sync sample (ISO/IEC 14496-12, 8.8.3.1).
const NO_SYNC: u32 = 1 << 16;

/// One `moof` with its `mdat`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    pub track: u32,
    /// `tfdt`, in the track's timescale.
    pub start: u64,
    pub samples: Vec<Sample>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    pub duration: u32,
    /// Presentation less decode time.
    pub offset: i64,
    pub sync: bool,
    pub data: Vec<u8>,
}

impl Chunk {
    pub fn duration(&self) -> u64 {
        self.samples.iter().map(|sample| u64::from(sample.duration)).sum()
    }

    /// The decode time at which the next chunk should start.
    pub fn end(&self) -> u64 {
        self.start + self.duration()
    }

    /// Presentation time of the first sample.
    pub fn presentation(&self) -> i64 {
        self.start as i64 + self.samples[0].offset
    }

    /// True for a chunk of video that can be decoded alone.
    pub fn starts_picture(&self) -> bool {
        self.track == VIDEO && self.samples[0].sync
    }
}

/// What an init segment says.
#[derive(Clone, Debug)]
pub struct Init {
    /// Track id and timescale, in order.
    pub tracks: Vec<(u32, u32)>,
    pub codecs: Vec<Codec>,
}

impl Init {
    pub fn timescale(&self, track: u32) -> u32 {
        self.tracks.iter().find(|(id, _)| *id == track).expect("the init segment has the track").1
    }

    pub fn ids(&self) -> Vec<u32> {
        self.tracks.iter().map(|(id, _)| *id).collect()
    }
}

/// Reads `ftyp` and `moov`, and nothing else.
pub fn init(mut bytes: &[u8]) -> Init {
    let ftyp = Ftyp::decode(&mut bytes).expect("an init segment starts with ftyp");
    let brands: Vec<_> = ftyp.compatible_brands.iter().map(ToString::to_string).collect();
    assert!(brands.iter().any(|brand| brand == "iso6"), "a brand that HLS knows: {brands:?}");
    let moov = Moov::decode(&mut bytes).expect("moov follows");
    assert!(bytes.is_empty(), "nothing comes after moov");
    let mvex = moov.mvex.expect("a fragmented file has mvex");
    // What it describes has no end, and is elsewhere (ISO/IEC 14496-12, 8.8.1).
    assert_eq!(moov.mvhd.duration, 0);
    for trak in &moov.trak {
        let samples = &trak.mdia.minf.stbl;
        assert_eq!(trak.tkhd.duration, 0);
        assert!(
            samples.stts.entries.is_empty() && samples.stsc.entries.is_empty(),
            "samples in an init segment"
        );
    }
    let tracks: Vec<_> =
        moov.trak.iter().map(|trak| (trak.tkhd.track_id, trak.mdia.mdhd.timescale)).collect();
    let extended: Vec<_> = mvex.trex.iter().map(|trex| trex.track_id).collect();
    assert_eq!(extended, tracks.iter().map(|(id, _)| *id).collect::<Vec<_>>(), "a trex for each track");
    let codecs = moov.trak.iter().flat_map(|trak| trak.mdia.minf.stbl.stsd.codecs.clone()).collect();
    Init { tracks, codecs }
}

/// True for an init segment.
pub fn is_init(bytes: &[u8]) -> bool {
    bytes.get(4..8) == Some(b"ftyp")
}

/// True for bytes that end where a box does.
pub fn is_whole(mut bytes: &[u8]) -> bool {
    while !bytes.is_empty() {
        let Ok(header) = Header::decode(&mut bytes) else { return false };
        let Some(rest) = header.size.and_then(|size| bytes.get(size..)) else { return false };
        bytes = rest;
    }
    true
}

/// Reads chunks, with a `styp` before them or without.
pub fn chunks(mut bytes: &[u8]) -> Vec<Chunk> {
    let mut chunks = Vec::new();
    while !bytes.is_empty() {
        let all = bytes;
        let header = Header::decode(&mut bytes).expect("a box");
        if header.kind == Styp::KIND {
            Any::decode_atom(&header, &mut bytes).expect("styp can be read");
            continue;
        }
        assert_eq!(header.kind, Moof::KIND, "a chunk starts with moof");
        let moof = Moof::decode_atom(&header, &mut bytes).expect("moof can be read");
        let to_mdat = all.len() - bytes.len();
        let mdat = Header::decode(&mut bytes).expect("mdat follows");
        assert_eq!(mdat.kind, Mdat::KIND, "mdat follows moof");
        let size = mdat.size.expect("mdat has a size");
        let data_at = all.len() - bytes.len();
        chunks.push(chunk(&moof, data_at, &all[data_at..data_at + size]));
        bytes = &bytes[size..];
        assert!(to_mdat < data_at);
    }
    chunks
}

fn chunk(moof: &Moof, data_at: usize, mut data: &[u8]) -> Chunk {
    let [traf] = moof.traf.as_slice() else { panic!("one track a chunk") };
    let [run] = traf.trun.as_slice() else { panic!("one run a chunk") };
    assert!(traf.tfhd.default_base_is_moof, "addresses are relative to moof");
    assert_eq!(run.data_offset, Some(data_at as i32), "the data offset points at the media");
    let mut samples = Vec::new();
    for entry in run.samples.iter() {
        let size = entry.size.or(traf.tfhd.default_sample_size).expect("samples have a size") as usize;
        let flags = entry.flags.or(traf.tfhd.default_sample_flags).expect("samples have flags");
        samples.push(Sample {
            duration: entry.duration.or(traf.tfhd.default_sample_duration).expect("samples have a duration"),
            offset: entry.cts.unwrap_or(0),
            sync: flags & NO_SYNC == 0,
            data: data[..size].to_vec(),
        });
        data = &data[size..];
    }
    assert!(data.is_empty() && !samples.is_empty(), "the samples fill mdat");
    let start = traf.tfdt.as_ref().expect("a chunk has tfdt").base_media_decode_time;
    Chunk { track: traf.tfhd.track_id, start, samples }
}

/// One chunk, and nothing else.
pub fn one(bytes: &[u8]) -> Chunk {
    let chunks = chunks(bytes);
    assert_eq!(chunks.len(), 1, "one chunk a message");
    chunks.into_iter().next().unwrap()
}
