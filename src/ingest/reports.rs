//! What the sender reports of one track say (RFC 3550, 6.4.1), and what is believed of it. Pure.

/// Reports that differ by more than this do not agree.
const AGREES: i64 = 250 * 90;

/// The sender reports of one track, as NTP less elapsed: constant but for drift.
#[derive(Debug, Default)]
pub struct Reports {
    /// Of the last report that agreed with the one before it, or of the first.
    pub base: Option<i64>,
    candidate: Option<i64>,
    /// Of the camera's clock when the base was heard last.
    pub generation: u32,
}

/// What a report is beside those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Like them.
    Steady,
    /// Unlike the one before: wait for another.
    Unsettled,
    /// Twice the same, but unlike those before.
    Stepped,
}

impl Reports {
    /// Takes the next one.
    pub fn add(&mut self, base: i64, generation: u32) -> Heard {
        let near = |other: i64| (base - other).abs() <= AGREES;
        if self.base.is_none_or(near) {
            (self.base, self.candidate, self.generation) = (Some(base), None, generation);
            return Heard::Steady;
        }
        if self.candidate.is_some_and(near) {
            (self.base, self.candidate, self.generation) = (Some(base), None, generation);
            return Heard::Stepped;
        }
        self.candidate = Some(base);
        Heard::Unsettled
    }
}
