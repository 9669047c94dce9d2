//! Numbers that differ from one session to the next.

use std::hash::{BuildHasher, Hasher, RandomState};

/// A number nobody can guess cheaply. The standard library seeds each hasher from the system's random source, which
/// is as much as SSRCs, timestamp offsets, session ids and nonces of a demo camera need.
pub(super) fn number() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// The same, cut to the width of an SSRC or an RTP timestamp.
pub(super) fn number32() -> u32 {
    (number() >> 32) as u32
}

/// The same, cut to the width of an RTP sequence number.
pub(super) fn number16() -> u16 {
    (number() >> 48) as u16
}
