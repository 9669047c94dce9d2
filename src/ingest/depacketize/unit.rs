//! An access unit from its NAL units, as packets bring them, whatever the codec.
//!
//! A unit ends with the marker bit, or where another RTP time begins. Cameras set the marker behind parameter sets
//! too, and give those a time of their own: what has no slice yet is no unit. What is wrong within a unit costs all of
//! it, and nothing else: the rest of it is passed over.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;

use super::{Found, Packet};
use crate::media::nal::{self, SliceHead};

/// Most bytes of one access unit. The largest that real cameras send have some megabytes.
pub const MOST: usize = 32 << 20;

/// Most parameter sets of one unit, and most that it may refer to: as many as there are ids (ITU-T H.264, 7.4.2.2).
const MOST_SETS: usize = 256;

/// Bytes of the length before each NAL unit.
const LENGTH: usize = 4;

/// What a NAL unit is to the collector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A parameter set.
    Set,
    /// A piece of a picture.
    Slice(Slice),
    /// Anything else.
    Other,
}

/// What a slice says of its picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    /// Decoding may begin with its picture.
    pub sync: bool,
    /// Pictures that are decoded after this one and shown before it may refer to what was before it.
    pub open: bool,
    /// Those pictures cannot be decoded, come what may.
    pub cut: bool,
    /// Its picture is one of those.
    pub refers_back: bool,
    /// `None` where it cannot be read.
    pub head: Option<SliceHead>,
}

/// One picture, with all that belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessUnit {
    /// NAL units with 4-byte lengths, without parameter sets.
    pub data: Bytes,
    /// The parameter sets that came with it.
    pub sets: Vec<Bytes>,
    /// How many of them came before its slices.
    pub sets_before: usize,
    /// The PPS that its slices refer to, each once.
    pub pps: Vec<u32>,
    /// True for IDR (H.264) and IRAP (H.265) pictures.
    pub sync: bool,
    /// RTP time since the start of the session, in units of the stream's clock.
    pub elapsed: i64,
    /// When its first packet came.
    pub arrival: Instant,
    /// Packets lost before it.
    pub lost: u16,
}

/// The unit that is on its way.
#[derive(Debug)]
struct Unit {
    data: Vec<u8>,
    sets: Vec<Bytes>,
    sets_before: usize,
    pps: Vec<u32>,
    slices: bool,
    sync: bool,
    open: bool,
    cut: bool,
    refers_back: bool,
    elapsed: i64,
    arrival: Instant,
    /// Packets may be missing before it: those of its own beginning, too.
    torn: bool,
    /// Where the length of a NAL unit stands that comes in fragments.
    fragment: Option<usize>,
}

/// Collects access units.
#[derive(Debug)]
pub struct Collector {
    kind: fn(&[u8]) -> Kind,
    unit: Option<Unit>,
    /// The time and arrival of the packet that is read.
    now: Option<(i64, Instant)>,
    /// The rest of the unit with this time is not wanted.
    skip: Option<i64>,
    /// The time of a unit whose slip was told.
    told: Option<i64>,
    /// Packets lost since the last unit.
    lost: u16,
    /// The next unit may lack its beginning.
    torn: bool,
    /// Something is missing since the last sync sample.
    broken: bool,
    /// Pictures that refer to what was before the last sync sample cannot be decoded.
    no_way_back: bool,
    /// Bytes of the last unit.
    usual: usize,
}

impl Collector {
    /// Nothing has come yet.
    pub fn new(kind: fn(&[u8]) -> Kind) -> Self {
        Self {
            kind,
            unit: None,
            now: None,
            skip: None,
            told: None,
            lost: 0,
            torn: true,
            broken: true,
            no_way_back: true,
            usual: 0,
        }
    }

    /// Begins with a packet; false if it belongs to a unit that is passed over.
    pub fn begins(&mut self, packet: &Packet, found: &mut VecDeque<Found<AccessUnit>>) -> bool {
        self.now = Some((packet.elapsed, packet.arrival));
        self.lost = self.lost.saturating_add(packet.lost);
        let same = self.unit.as_ref().map(|unit| unit.elapsed == packet.elapsed);
        if packet.lost > 0 {
            (self.torn, self.broken) = (true, true);
            // What is lost may be the end of the unit before, or the beginning of the next one.
            if self.unit.take().is_some() && same == Some(true) {
                self.skip = Some(packet.elapsed);
            }
        } else if same == Some(false) {
            self.another_time(packet, found);
        }
        if self.told.is_some_and(|told| told != packet.elapsed) {
            self.told = None;
        }
        self.skip = self.skip.filter(|skip| *skip == packet.elapsed);
        self.skip.is_none()
    }

    fn another_time(&mut self, packet: &Packet, found: &mut VecDeque<Found<AccessUnit>>) {
        match &mut self.unit {
            Some(unit) if unit.fragment.is_some() => {
                let before = unit.elapsed;
                self.unit = None;
                self.tell(before, "another picture begins within a NAL unit", found);
            }
            Some(unit) if unit.slices => self.complete(found),
            Some(unit) => unit.elapsed = packet.elapsed,
            None => {}
        }
    }

    /// Ends with the packet that was read.
    pub fn ends(&mut self, packet: &Packet, found: &mut VecDeque<Found<AccessUnit>>) {
        if self.unit.as_ref().is_some_and(|unit| unit.data.len() > MOST) {
            self.unit = None;
            self.skip = Some(packet.elapsed);
            found.push_back(Found::Endless);
        }
        if packet.mark {
            self.skip = None;
            // Where a fragment is missing its end the marker is a lie, or else the next packet tells.
            if self.unit.as_ref().is_some_and(|unit| unit.slices && unit.fragment.is_none()) {
                self.complete(found);
            }
        }
    }

    /// What is wrong with the packet that was read costs its unit.
    pub fn slip(&mut self, why: &'static str, found: &mut VecDeque<Found<AccessUnit>>) {
        self.unit = None;
        let Some((elapsed, _)) = self.now else { return };
        self.skip = Some(elapsed);
        self.tell(elapsed, why, found);
    }

    fn tell(&mut self, elapsed: i64, why: &'static str, found: &mut VecDeque<Found<AccessUnit>>) {
        self.broken = true;
        if self.told != Some(elapsed) {
            self.told = Some(elapsed);
            found.push_back(Found::Slip(why));
        }
    }

    /// Takes a whole NAL unit, or several in a byte stream.
    ///
    /// # Errors
    /// One that came before has not ended.
    pub fn whole(&mut self, nal: &[u8]) -> Result<(), &'static str> {
        let start = self.open()?;
        let Some(unit) = &mut self.unit else { return Ok(()) };
        unit.data.extend_from_slice(nal);
        self.close(start);
        Ok(())
    }

    /// Takes a piece of a NAL unit: the header it shall have, what is behind the header, and whether it is the first
    /// piece and the last.
    ///
    /// # Errors
    /// It has no beginning, or one that came before has not ended.
    pub fn piece(&mut self, header: &[u8], piece: &[u8], ends: [bool; 2]) -> Result<(), &'static str> {
        let [first, last] = ends;
        if first {
            let start = self.open()?;
            let Some(unit) = &mut self.unit else { return Ok(()) };
            unit.data.extend_from_slice(header);
            unit.fragment = Some(start);
        } else if self.unit.as_ref().is_none_or(|unit| unit.fragment.is_none()) {
            // Whoever joins, and whoever has lost packets, comes in the middle: no fault of the camera.
            let torn = self.unit.take().map_or(self.torn, |unit| unit.torn);
            if torn {
                self.skip = self.now.map(|(elapsed, _)| elapsed);
                return Ok(());
            }
            return Err("a fragment without its beginning");
        }
        let Some(unit) = &mut self.unit else { return Ok(()) };
        unit.data.extend_from_slice(piece);
        if last && let Some(start) = unit.fragment.take() {
            self.close(start);
        }
        Ok(())
    }

    /// Makes room for the length of a NAL unit; where that is.
    fn open(&mut self) -> Result<usize, &'static str> {
        let Some((elapsed, arrival)) = self.now else { return Err("no packet") };
        let (torn, usual) = (self.torn, self.usual);
        let unit = self.unit.get_or_insert_with(|| Unit {
            data: Vec::with_capacity(usual + usual / 8),
            sets: Vec::new(),
            sets_before: 0,
            pps: Vec::new(),
            slices: false,
            sync: true,
            open: false,
            cut: false,
            refers_back: false,
            elapsed,
            arrival,
            torn,
            fragment: None,
        });
        self.torn = false;
        if unit.fragment.is_some() {
            return Err("a NAL unit without its end");
        }
        let start = unit.data.len();
        unit.data.extend_from_slice(&[0; LENGTH]);
        Ok(start)
    }

    /// Ends the NAL unit whose length stands at `start`.
    fn close(&mut self, start: usize) {
        let Some(unit) = &mut self.unit else { return };
        let nal = &unit.data[start + LENGTH..];
        if nal::start_code(nal).is_some() {
            let stream = unit.data.split_off(start);
            for nal in nal::between_start_codes(&stream[LENGTH..]) {
                let start = unit.data.len();
                unit.data.extend_from_slice(&[0; LENGTH]);
                unit.data.extend_from_slice(nal);
                unit.note(start, self.kind);
            }
        } else {
            let length = nal::without_zeros_behind(nal).len();
            unit.data.truncate(start + LENGTH + length);
            unit.note(start, self.kind);
        }
        // Without its first slice it is the rest of a picture.
        if unit.torn && unit.rest() {
            self.skip = Some(unit.elapsed);
            self.unit = None;
        }
    }

    fn complete(&mut self, found: &mut VecDeque<Found<AccessUnit>>) {
        let Some(unit) = self.unit.take() else { return };
        self.told = None;
        self.usual = unit.data.len();
        if unit.sync {
            self.no_way_back = unit.cut || unit.open && self.broken;
            self.broken = false;
        }
        // No decoder is to see what it would have to leave out (ITU-T H.265, 8.1.3).
        if unit.refers_back && self.no_way_back {
            return;
        }
        found.push_back(Found::Whole(AccessUnit {
            data: unit.data.into(),
            sets: unit.sets,
            sets_before: unit.sets_before,
            pps: unit.pps,
            sync: unit.sync,
            elapsed: unit.elapsed,
            arrival: unit.arrival,
            lost: std::mem::take(&mut self.lost),
        }));
    }
}

impl Unit {
    /// Takes note of the last NAL unit, whose length is to stand at `start`.
    fn note(&mut self, start: usize, kind: fn(&[u8]) -> Kind) {
        let nal = &self.data[start + LENGTH..];
        let length = nal.len() as u32;
        match kind(nal) {
            _ if nal.is_empty() => return self.data.truncate(start),
            Kind::Set => {
                if self.sets.len() < MOST_SETS {
                    self.sets.push(Bytes::copy_from_slice(nal));
                    self.sets_before += usize::from(!self.slices);
                }
                return self.data.truncate(start);
            }
            Kind::Slice(slice) => self.note_slice(slice),
            Kind::Other => {}
        }
        self.data[start..start + LENGTH].copy_from_slice(&length.to_be_bytes());
    }

    fn note_slice(&mut self, slice: Slice) {
        let first = slice.head.is_none_or(|head| head.first);
        // The rest of a picture is no picture.
        self.torn &= !self.slices && !first;
        self.slices = true;
        self.sync &= slice.sync;
        self.open |= slice.open;
        self.cut |= slice.cut;
        self.refers_back |= slice.refers_back;
        if let Some(head) = slice.head
            && self.pps.len() < MOST_SETS
            && !self.pps.contains(&head.pps)
        {
            self.pps.push(head.pps);
        }
    }

    /// True for what begins with a slice that is not the first.
    fn rest(&self) -> bool {
        self.slices && self.torn
    }
}

#[cfg(test)]
#[path = "unit_tests.rs"]
mod tests;
