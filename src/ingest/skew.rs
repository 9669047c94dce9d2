//! Whether what a camera says of its sound agrees with how it arrives. Pure.

use crate::media::Ticks;

const MILLISECOND: i64 = 90;

/// An honest camera's sound may arrive so much earlier or later than the pictures of the same instant: encoding takes
/// some 100 ms of either. What would mean more is no longer believed, and is again where it means clearly less.
const MOST: i64 = 300 * MILLISECOND;
const CLEARLY_LESS: i64 = 200 * MILLISECOND;

/// The same while a session begins, with pictures from before its time, and frames that a network held back.
const MOST_AT_FIRST: i64 = 1_000 * MILLISECOND;

/// So long that is. By then an epoch has opened, and old pictures are over.
const AT_FIRST: Ticks = Ticks(2_000 * MILLISECOND);

/// How much later sound arrives than the pictures of the same instant, in ticks, as far as that is known.
#[derive(Debug, Default)]
pub struct Skew {
    /// By RTP-Info: known once that has proved to be believable. Nothing once it has not, or once a track has jumped.
    told: Option<i64>,
    /// The reports of the sound put it where it cannot be.
    doubted: bool,
}

impl Skew {
    /// Nothing that was said at the beginning relates the tracks any more.
    pub fn forget(&mut self) {
        self.told = Some(0);
    }

    /// True while the reports of the sound are not believed.
    pub fn is_doubted(&self) -> bool {
        self.doubted
    }

    /// True if the reports of the sound are to be believed although it then arrives `later` than the pictures, after
    /// both were `watched` for so long.
    pub fn believes(&mut self, later: i64, watched: Ticks) -> bool {
        let most = match (watched >= AT_FIRST, self.doubted) {
            (false, _) => MOST_AT_FIRST,
            (true, false) => MOST,
            (true, true) => CLEARLY_LESS,
        };
        self.doubted = later.abs() > most;
        !self.doubted
    }

    /// By how much sound arrives later by RTP-Info (RFC 2326, 12.33), where it is `later` if that is right, and the
    /// tracks are `related` by it at all.
    pub fn told(&mut self, later: i64, related: bool, watched: Ticks) -> i64 {
        if let Some(told) = self.told {
            return told;
        }
        let settled = watched >= AT_FIRST;
        let most = if settled { MOST } else { MOST_AT_FIRST };
        let told = if related && later.abs() <= most { later } else { 0 };
        self.told = (settled || !related).then_some(told);
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Ticks = Ticks(10_000 * MILLISECOND);

    #[test]
    fn reports_that_put_sound_where_it_cannot_be_are_believed_again_only_where_they_are_clearly_right() {
        let mut skew = Skew::default();
        assert!(skew.believes(900 * MILLISECOND, Ticks(0)), "at first anything may have held it back");
        for (later, believed) in
            [(290, true), (-290, true), (310, false), (290, false), (-190, true), (290, true)]
        {
            assert_eq!(skew.believes(later * MILLISECOND, LONG), believed, "{later} ms");
            assert_eq!(skew.is_doubted(), !believed);
        }
    }

    #[test]
    fn rtp_info_is_judged_once_by_what_came_in_some_seconds() {
        let told = |later: [i64; 3], related| {
            let mut skew = Skew::default();
            let [first, then, ever] = later.map(|later| later * MILLISECOND);
            let told = [
                skew.told(first, related, Ticks(0)),
                skew.told(then, related, LONG),
                skew.told(ever, related, LONG),
            ];
            told.map(|told| told / MILLISECOND)
        };
        assert_eq!(told([900, 250, 400], true), [900, 250, 250]);
        assert_eq!(told([900, 310, 100], true), [900, 0, 0]);
        assert_eq!(told([1_100, 310, 100], true), [0, 0, 0]);
        assert_eq!(told([100, 100, 100], false), [0, 0, 0]);
    }
}
