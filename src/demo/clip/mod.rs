//! The embedded clip: `make.sh` draws it, this reads the MP4's sample tables (ISO/IEC 14496-12, section 8).

use bytes::Buf;
use mp4_atom::{Atom, Codec, Decode, DecodeAtom, Header, Moov, Stbl, StszSamples, Trak};

/// The renditions there are, best first, with their files.
const FILES: [(&str, &[u8]); 2] = [("main", include_bytes!("main.mp4")), ("sub", include_bytes!("sub.mp4"))];

/// Every track is exactly one minute long, so that the clip's clock is the wall clock's.
const ROUND: i64 = 60_000_000_000;

/// Why an embedded clip cannot be used; only a fault in the build can cause it.
#[derive(Debug, thiserror::Error)]
pub(super) enum ClipError {
    #[error("its boxes cannot be read")]
    Boxes(#[from] mp4_atom::Error),
    #[error("it has no `{0}`")]
    Lacks(&'static str),
    #[error("its {0} samples do not fill one minute evenly")]
    Uneven(&'static str),
    #[error("a {0} sample lies outside of the file")]
    Outside(&'static str),
}

/// One rendition.
#[derive(Debug)]
pub(super) struct Clip {
    /// The first part of its path in RTSP URLs.
    pub(super) name: &'static str,
    /// H.264 in Annex B's sense of units, each with a length of four bytes before it; all samples of equal length.
    pub(super) video: Track,
    /// AAC-LC, one access unit a sample.
    pub(super) audio: Track,
    /// Sequence parameter set.
    pub(super) sps: Vec<u8>,
    /// Picture parameter set.
    pub(super) pps: Vec<u8>,
    /// The AudioSpecificConfig (ISO/IEC 14496-3).
    pub(super) audio_config: Vec<u8>,
    /// Channels of sound.
    pub(super) channels: u16,
}

/// The samples of one track, played round and round. Unit `k` is the one that starts `k` periods after the clip's
/// clock read zero, so for all time there is one numbering.
#[derive(Debug)]
pub(super) struct Track {
    /// Nanoseconds from one unit to the next.
    period: i64,
    /// Ticks a second of the MP4; for audio the sampling rate.
    pub(super) timescale: u32,
    samples: Vec<Sample>,
}

#[derive(Debug)]
struct Sample {
    data: &'static [u8],
    sync: bool,
}

/// All renditions.
pub(super) fn all() -> Result<Vec<Clip>, ClipError> {
    FILES.iter().map(|(name, file)| Clip::read(name, file)).collect()
}

impl Clip {
    fn read(name: &'static str, file: &'static [u8]) -> Result<Self, ClipError> {
        let moov = moov(file)?;
        let mut video = None;
        let mut audio = None;
        for trak in &moov.trak {
            match trak.mdia.minf.stbl.stsd.codecs.first() {
                Some(Codec::Avc1(avc1)) => video = Some((Track::read("video", trak, file)?, &avc1.avcc)),
                Some(Codec::Mp4a(mp4a)) => audio = Some((Track::read("audio", trak, file)?, mp4a)),
                _ => {}
            }
        }
        let (video, avcc) = video.ok_or(ClipError::Lacks("avc1"))?;
        let (audio, mp4a) = audio.ok_or(ClipError::Lacks("mp4a"))?;
        let config = mp4a.esds.es_desc.dec_config.dec_specific.as_ref();
        let config = config.ok_or(ClipError::Lacks("AudioSpecificConfig"))?;
        Ok(Self {
            name,
            video,
            audio,
            sps: avcc.sequence_parameter_sets.first().cloned().ok_or(ClipError::Lacks("SPS"))?,
            pps: avcc.picture_parameter_sets.first().cloned().ok_or(ClipError::Lacks("PPS"))?,
            audio_config: config.raw.clone(),
            // The count in `mp4a` itself may be a placeholder of 2; up to 6, the configuration's number is the count.
            channels: config.chan_conf.into(),
        })
    }
}

impl Track {
    fn read(kind: &'static str, trak: &Trak, file: &'static [u8]) -> Result<Self, ClipError> {
        let stbl = &trak.mdia.minf.stbl;
        let timescale = trak.mdia.mdhd.timescale;
        let [step] = stbl.stts.entries.as_slice() else { return Err(ClipError::Uneven(kind)) };
        let samples = samples(kind, stbl, file)?;
        let period = i64::from(step.sample_delta) * 1_000_000_000 / i64::from(timescale.max(1));
        if period * samples.len() as i64 != ROUND || !samples.first().is_some_and(|first| first.sync) {
            return Err(ClipError::Uneven(kind));
        }
        Ok(Self { period, timescale, samples })
    }

    /// The unit that is on at `clip_time` nanoseconds.
    pub(super) fn unit_at(&self, clip_time: i64) -> i64 {
        clip_time.div_euclid(self.period)
    }

    /// The first unit that starts at `clip_time` nanoseconds or later.
    pub(super) fn unit_from(&self, clip_time: i64) -> i64 {
        self.unit_at(clip_time + self.period - 1)
    }

    /// When `unit` starts, in nanoseconds on the clip's clock.
    pub(super) fn start_of(&self, unit: i64) -> i64 {
        unit * self.period
    }

    /// The newest unit up to `unit` that can be decoded without those before it.
    pub(super) fn sync_before(&self, unit: i64) -> i64 {
        let index = self.index(unit);
        let back = self.samples[..=index].iter().rev().position(|sample| sample.sync);
        unit - back.unwrap_or(index) as i64
    }

    /// True if `unit` can be decoded without those before it.
    pub(super) fn is_sync(&self, unit: i64) -> bool {
        self.samples[self.index(unit)].sync
    }

    /// The bytes of `unit`.
    pub(super) fn data(&self, unit: i64) -> &'static [u8] {
        self.samples[self.index(unit)].data
    }

    fn index(&self, unit: i64) -> usize {
        unit.rem_euclid(self.samples.len() as i64) as usize
    }
}

/// Finds and reads the `moov` box without reading the media before or after it.
fn moov(mut file: &'static [u8]) -> Result<Moov, ClipError> {
    while file.len() >= 8 {
        let header = Header::decode(&mut file)?;
        if header.kind == Moov::KIND {
            return Ok(Moov::decode_atom(&header, &mut file)?);
        }
        file.advance(header.size.unwrap_or(file.len()).min(file.len()));
    }
    Err(ClipError::Lacks("moov"))
}

/// Cuts `file` into samples: sizes from `stsz`, places from `stsc` and `stco`, sync samples from `stss`.
fn samples(kind: &'static str, stbl: &Stbl, file: &'static [u8]) -> Result<Vec<Sample>, ClipError> {
    let StszSamples::Different { sizes } = &stbl.stsz.samples else { return Err(ClipError::Uneven(kind)) };
    let offsets = &stbl.stco.as_ref().ok_or(ClipError::Lacks("stco"))?.entries;
    let mut sizes = sizes.iter();
    let mut samples = Vec::with_capacity(sizes.len());
    for (chunk, offset) in (1..).zip(offsets) {
        let run = stbl.stsc.entries.iter().rfind(|entry| entry.first_chunk <= chunk);
        let mut start = *offset as usize;
        for size in sizes.by_ref().take(run.map_or(0, |run| run.samples_per_chunk as usize)) {
            let end = start + *size as usize;
            let data = file.get(start..end).ok_or(ClipError::Outside(kind))?;
            let number = samples.len() as u32 + 1;
            let sync = stbl.stss.as_ref().is_none_or(|stss| stss.entries.contains(&number));
            samples.push(Sample { data, sync });
            start = end;
        }
    }
    Ok(samples)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn both_renditions_last_one_minute_at_25_frames_and_32_khz() {
        for clip in all().unwrap() {
            assert_eq!((clip.video.samples.len(), clip.video.period), (1500, 40_000_000), "{}", clip.name);
            assert_eq!((clip.audio.samples.len(), clip.audio.period), (1875, 32_000_000), "{}", clip.name);
            assert_eq!((clip.audio.timescale, clip.channels), (32_000, 1));
            assert_eq!((clip.sps[0] & 31, clip.pps[0] & 31), (7, 8), "NAL unit types of SPS and PPS");
        }
    }

    #[test]
    fn every_fiftieth_frame_is_an_idr_frame_and_no_other() {
        for clip in all().unwrap() {
            for unit in 0..1500 {
                assert_eq!(clip.video.is_sync(unit), unit % 50 == 0);
                let first_nal = clip.video.data(unit)[4] & 31;
                assert_eq!(first_nal, if unit % 50 == 0 { 5 } else { 1 });
            }
        }
    }

    #[test]
    fn units_are_numbered_for_all_time_and_the_clip_goes_round() {
        let clips = all().unwrap();
        let video = &clips[0].video;
        assert_eq!(video.unit_at(60_000_000_000), 1500);
        assert_eq!(video.data(1500), video.data(0));
        assert_eq!(video.sync_before(1499), 1450);
        assert_eq!(video.sync_before(1500), 1500);
        assert_eq!(video.unit_at(39_999_999), 0);
        assert_eq!((video.unit_from(1), video.unit_from(40_000_000)), (1, 1));
    }

    #[test]
    fn the_program_grows_by_less_than_two_and_a_half_megabytes() {
        let sum: usize = FILES.iter().map(|(_, file)| file.len()).sum();
        assert!(sum < 2_500_000, "{sum} bytes");
    }
}
