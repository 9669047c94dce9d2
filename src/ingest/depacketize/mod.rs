//! `depacketize`: RTP packets to access units and frames of sound. Pure.
//!
//! Belongs here: what packets of each encoding hold, the lies that cameras tell in them, and what a slip costs: its
//! own access unit, never the session.
//! Does not belong here: where packets come from (`rtsp.rs`), what parameter sets say (`media`), times (`timeline.rs`).
//! Read first: `unit.rs`, which collects an access unit whatever the codec; `avc.rs` and `hevc.rs` say what is in their
//! packets, `aac.rs` and `plain.rs` what is in those of sound.

mod aac;
mod avc;
mod hevc;
mod plain;
mod unit;

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;

pub use self::aac::{Aac, Described};
pub use self::unit::{AccessUnit, MOST};

use self::unit::Collector;

/// One packet of one stream, in the order of sequence numbers.
#[derive(Clone, Debug)]
pub struct Packet {
    /// What is behind the header, padding left out.
    pub payload: Bytes,
    /// RTP time since the start of the session, in units of the stream's clock.
    pub elapsed: i64,
    /// The marker bit (RFC 3550, 5.1).
    pub mark: bool,
    /// Packets lost before it.
    pub lost: u16,
    /// When it came.
    pub arrival: Instant,
}

/// What is in packets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found<T> {
    /// Something whole.
    Whole(T),
    /// Something that cannot be read, told once for all of it; why, in words for the log.
    Slip(&'static str),
    /// An access unit of more than [`MOST`] bytes that goes on.
    Endless,
}

/// One frame of sound, or a packet of samples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// As the encoding has it.
    pub data: Bytes,
    /// RTP time since the start of the session, in units of the stream's clock.
    pub elapsed: i64,
    /// When its packet came.
    pub arrival: Instant,
    /// Packets lost before it.
    pub lost: u16,
}

/// Packets of video.
#[derive(Debug)]
pub struct Pictures {
    collector: Collector,
    read: fn(&mut Collector, &[u8]) -> Result<(), &'static str>,
}

impl Pictures {
    /// Of H.264 (RFC 6184).
    pub fn avc() -> Self {
        Self { collector: Collector::new(avc::kind), read: avc::read }
    }

    /// Of H.265 (RFC 7798).
    pub fn hevc() -> Self {
        Self { collector: Collector::new(hevc::kind), read: hevc::read }
    }

    /// Takes a packet, and adds what is complete with it to `found`.
    pub fn push(&mut self, packet: &Packet, found: &mut VecDeque<Found<AccessUnit>>) {
        if self.collector.begins(packet, found)
            // Packets of padding alone keep connections open.
            && !packet.payload.is_empty()
            && let Err(why) = (self.read)(&mut self.collector, &packet.payload)
        {
            self.collector.slip(why, found);
        }
        self.collector.ends(packet, found);
    }
}

/// Packets of sound.
#[derive(Debug)]
pub enum Sounds {
    /// AAC (RFC 3640).
    Aac(Aac),
    /// Samples, and nothing but them (RFC 3551, 4.5).
    Plain,
}

impl Sounds {
    /// Takes a packet, and adds what is complete with it to `found`.
    pub fn push(&mut self, packet: &Packet, found: &mut VecDeque<Found<Heard>>) {
        match self {
            Self::Aac(aac) => aac.push(packet, found),
            Self::Plain => plain::push(packet, found),
        }
    }
}
