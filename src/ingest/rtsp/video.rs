//! Access units of a session to pictures: by which parameter sets they are decoded, and when those change.
//!
//! A sample entry holds the sets that the pictures of an epoch are decoded by, and only a sync sample may bring others.
//! Sets that come between two of them stay where they are, in the picture: decoders read them there, though writers of
//! files are told not to count on it. So do those that say the same under ever new ids.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use retina::client::Stream;
use retina::codec::h26x::Framing;
use retina::codec::h264::parameters_from_sps_and_pps;
use retina::codec::{Depacketizer, ParametersRef, VideoParameters};

use super::tracks::{attribute, section};
use crate::ingest::depacketize::{AccessUnit, Pictures};
use crate::ingest::event::Picture;
use crate::media::sets::{InForce, Step};
use crate::media::time::TICKS_PER_SECOND;
use crate::media::{Ticks, VideoCodec, VideoTrack, avc, hevc, nal};

/// Ticks a second of the RTP clock of video (RFC 6184, 8.2.1; RFC 7798, 7.1).
const CLOCK: u32 = 90_000;

/// The parameter sets of a stream.
#[derive(Debug)]
enum Sets {
    Avc(avc::ParameterSets),
    Hevc(hevc::ParameterSets),
}

impl Sets {
    fn add(&mut self, nal: &[u8]) {
        match self {
            Self::Avc(sets) => sets.add(nal),
            Self::Hevc(sets) => sets.add(nal),
        }
    }

    fn first(&self) -> Option<u32> {
        match self {
            Self::Avc(sets) => sets.first(),
            Self::Hevc(sets) => sets.first(),
        }
    }

    fn in_force(&self, pps: u32) -> Option<InForce> {
        match self {
            Self::Avc(sets) => sets.in_force(pps),
            Self::Hevc(sets) => sets.in_force(pps),
        }
    }

    /// The track of pictures that refer to `pps`, and the interval between them as the SPS tells it; `None` if the
    /// sets cannot be read.
    fn track(&self, pps: u32) -> Option<(VideoTrack, Option<Ticks>)> {
        let in_force = self.in_force(pps)?;
        let (codec, record, parameters) = match self {
            Self::Avc(sets) => {
                let (sps, pps_nal) = (in_force.sps()?, in_force.pictures.first()?);
                let read = parameters_from_sps_and_pps(&sps.nal, &pps_nal.nal, Framing::FourByteLength);
                (VideoCodec::H264, sets.record(pps)?, read.ok()?)
            }
            Self::Hevc(sets) => (VideoCodec::H265, sets.record(pps)?, hevc_parameters(&in_force)?),
        };
        let rfc6381 = match codec {
            VideoCodec::H264 => parameters.rfc6381_codec().to_ascii_lowercase(),
            VideoCodec::H265 => parameters.rfc6381_codec().to_owned(),
        };
        let (width, height) = parameters.pixel_dimensions();
        let pixel_aspect = parameters.pixel_aspect_ratio();
        let track = VideoTrack {
            codec,
            record,
            rfc6381,
            width: u16::try_from(width).ok()?,
            height: u16::try_from(height).ok()?,
            pixel_aspect: pixel_aspect
                .and_then(|(h, v)| Some((u16::try_from(h).ok()?, u16::try_from(v).ok()?))),
        };
        Some((track, interval(&parameters)))
    }
}

/// What the library says of sets of H.265, which it reads from a description alone.
fn hevc_parameters(sets: &InForce) -> Option<VideoParameters> {
    let [vps, sps] = sets.sequence.as_slice() else { return None };
    let [vps, sps, pps] = [vps, sps, sets.pictures.first()?].map(|set| STANDARD.encode(&set.nal));
    let described = format!("sprop-vps={vps};sprop-sps={sps};sprop-pps={pps}");
    let reader = Depacketizer::new("video", "h265", CLOCK, None, Some(&described)).ok()?;
    match reader.parameters() {
        Some(ParametersRef::Video(parameters)) => Some(parameters.clone()),
        _ => None,
    }
}

fn interval(parameters: &VideoParameters) -> Option<Ticks> {
    let (units, rate) = parameters.frame_rate().filter(|(_, rate)| *rate > 0)?;
    Some(Ticks(i64::from(units) * i64::from(TICKS_PER_SECOND) / i64::from(rate)))
}

/// Makes pictures of the access units of one stream.
#[derive(Debug)]
pub struct VideoReader {
    /// Makes access units of its packets.
    pub pictures: Pictures,
    sets: Sets,
    /// What the track was made of.
    in_force: Option<InForce>,
    track: Option<Arc<VideoTrack>>,
    interval: Option<Ticks>,
    /// No sync sample has come: what is known of sets is from the description.
    untold: bool,
    /// Sets behind the slices of the last picture: they are for the next one.
    behind: Vec<Bytes>,
}

impl VideoReader {
    /// With what the description says of `stream`.
    pub fn new(sdp: &str, stream: &Stream) -> Self {
        let (section, payload_type) = (section(sdp, stream), stream.rtp_payload_type());
        match stream.encoding_name() {
            "h265" => Self::hevc(sprops(section, payload_type, &["sprop-vps", "sprop-sps", "sprop-pps"])),
            _ => Self::avc(sprops(section, payload_type, &["sprop-parameter-sets"])),
        }
    }

    fn avc(described: Vec<Vec<u8>>) -> Self {
        Self::with(Pictures::avc(), Sets::Avc(avc::ParameterSets::default()), described)
    }

    fn hevc(described: Vec<Vec<u8>>) -> Self {
        Self::with(Pictures::hevc(), Sets::Hevc(hevc::ParameterSets::default()), described)
    }

    fn with(pictures: Pictures, sets: Sets, described: Vec<Vec<u8>>) -> Self {
        let mut reader = Self {
            pictures,
            sets,
            in_force: None,
            track: None,
            interval: None,
            untold: true,
            behind: Vec::new(),
        };
        described.iter().for_each(|nal| reader.sets.add(nal));
        if let Some(pps) = reader.sets.first() {
            reader.enter(pps);
        }
        reader
    }

    /// The parameters in force; the same `Arc` as before unless they changed.
    pub fn track(&self) -> Option<Arc<VideoTrack>> {
        self.track.clone()
    }

    /// The picture that an access unit is.
    pub fn picture(&mut self, unit: AccessUnit) -> Picture {
        let (before, behind) = unit.sets.split_at(unit.sets_before.min(unit.sets.len()));
        let mut new = std::mem::replace(&mut self.behind, behind.to_vec());
        new.extend_from_slice(before);
        new.iter().for_each(|nal| self.sets.add(nal));
        let mut track = self.track();
        if unit.sync {
            track = match self.follow(&unit) {
                Some(others) => {
                    new = others;
                    self.track()
                }
                // Whoever began with it would see nothing.
                None => None,
            };
        } else if let Some(in_force) = &self.in_force {
            new.retain(|nal| !in_force.holds(nal));
        }
        Picture {
            data: if new.is_empty() { unit.data } else { with_sets(&new, &unit.data) },
            elapsed: Ticks::from_timescale(unit.elapsed, CLOCK),
            arrival: unit.arrival,
            sync: unit.sync,
            lost: unit.lost,
            track,
            interval: self.interval,
        }
    }

    /// Takes over the sets by which a sync sample is decoded; those that it has to bring itself, or `None` while some
    /// are missing or cannot be read.
    fn follow(&mut self, unit: &AccessUnit) -> Option<Vec<Bytes>> {
        let pps = unit.pps.first().copied().or_else(|| self.sets.first())?;
        let next = self.sets.in_force(pps)?;
        // The first record holds all there is to know by then.
        let before = self.in_force.as_ref().filter(|_| !self.untold);
        let step = before.map_or(Step::Changed, |before| before.to(&next));
        self.untold = false;
        match (step, &self.in_force) {
            (Step::Renumbered, Some(before)) => {
                let others = next.sets().filter(|set| !before.holds(&set.nal));
                Some(others.map(|set| set.nal.clone()).collect())
            }
            (Step::Changed, _) => self.enter(pps).then(Vec::new),
            _ => Some(Vec::new()),
        }
    }

    /// Begins with the sets of `pps`; false if they cannot be read.
    fn enter(&mut self, pps: u32) -> bool {
        let Some((track, interval)) = self.sets.track(pps) else { return false };
        if self.track.as_deref() != Some(&track) {
            self.track = Some(Arc::new(track));
        }
        (self.interval, self.in_force) = (interval, self.sets.in_force(pps));
        true
    }
}

/// A picture behind sets, all with their lengths.
fn with_sets(sets: &[Bytes], picture: &Bytes) -> Bytes {
    let mut out = Vec::with_capacity(sets.iter().map(|set| 4 + set.len()).sum::<usize>() + picture.len());
    for set in sets {
        out.extend_from_slice(&(set.len() as u32).to_be_bytes());
        out.extend_from_slice(set);
    }
    out.extend_from_slice(picture);
    out.into()
}

/// The NAL units in parameters of a payload type (RFC 6184, 8.1; RFC 7798, 7.1), in the order of `names`, start codes
/// left out.
fn sprops(section: &str, payload_type: u8, names: &[&str]) -> Vec<Vec<u8>> {
    let parameters = || attribute(section, "fmtp", payload_type).flat_map(|all| all.split(';'));
    let named = |name: &'_ str| {
        let name = name.to_owned();
        parameters().filter_map(move |one| {
            let (other, value) = one.trim().split_once('=')?;
            other.eq_ignore_ascii_case(&name).then_some(value)
        })
    };
    let values = names.iter().flat_map(|name| named(name)).flat_map(|value| value.split(','));
    let decoded = values.filter_map(|set| STANDARD.decode(set.trim()).ok());
    decoded.flat_map(|set| nal::between_start_codes(&set).map(<[u8]>::to_vec).collect::<Vec<_>>()).collect()
}

#[cfg(test)]
#[path = "video_tests.rs"]
mod tests;
