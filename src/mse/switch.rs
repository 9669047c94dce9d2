//! Going over from one rendition to another: when, and at which sync sample.

use std::time::Duration;

use crate::live::Joint;
use crate::media::Ticks;

/// How long who must go over waits for a sync sample where nothing is sent twice: longer than most GOPs. It takes the
/// connection as long to carry what is on its way already, if the change is urgent.
const PATIENCE: Duration = Duration::from_millis(2500);
/// How long the old rendition is held back for the new one to come as far.
const LONGEST_HOLD: Duration = Duration::from_secs(1);

/// How much a change may cost, from little to much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Manner {
    /// Nothing is lost, or the change does not take place.
    Seamless,
    /// Nothing is lost if that is possible soon.
    Wanted,
    /// The connection is too slow for the old rendition, so that no more of it is sent.
    Urgent,
}

/// How far the old rendition has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Decode time of the next picture; `None` when none was sent.
    pub at: Option<Ticks>,
    /// Where the next chunk ends, if there is one.
    pub next_end: Option<Ticks>,
    /// What counts as the same time: half a picture.
    pub tolerance: Ticks,
}

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Go over, to the chunk with this number, or to what comes first.
    Go(Option<u64>),
    /// Send the next chunk of the old rendition.
    Old,
    /// Wait.
    Hold,
    /// Stay with the old rendition.
    GiveUp,
}

/// The next step of a change that has been on for `waited`, and has held back the old rendition for `held`.
///
/// The old rendition is never sent beyond what is known of the new one, so that the sync sample at which both meet
/// cannot be missed, even if the new rendition always comes later than the old one.
pub fn step(manner: Manner, waited: Duration, held: Duration, place: Place, joint: Joint) -> Step {
    let Some(at) = place.at else { return Step::Go(joint.newest) };
    if joint.newest.is_none() {
        return if manner == Manner::Wanted { Step::Go(None) } else { Step::GiveUp };
    }
    if let Some((index, start)) = joint.sync {
        let here = start - at <= place.tolerance;
        let silent = place.next_end.is_none() && held >= LONGEST_HOLD;
        return match place.next_end {
            _ if here || silent || manner == Manner::Urgent => Step::Go(Some(index)),
            Some(_) => Step::Old,
            None => Step::Hold,
        };
    }
    if manner != Manner::Seamless && waited >= PATIENCE {
        return Step::Go(joint.newest);
    }
    match (manner, place.next_end) {
        (Manner::Urgent, _) => Step::Hold,
        (_, Some(end)) if joint.end.is_some_and(|reached| end <= reached + place.tolerance) => Step::Old,
        (Manner::Seamless, _) if held >= LONGEST_HOLD => Step::GiveUp,
        _ => Step::Hold,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Duration = Duration::ZERO;

    fn place(at: i64) -> Place {
        Place { at: Some(Ticks(at)), next_end: Some(Ticks(at + 3600)), tolerance: Ticks(1800) }
    }

    fn joint(sync: Option<i64>, end: i64) -> Joint {
        Joint { sync: sync.map(|start| (7, Ticks(start))), newest: Some(5), end: Some(Ticks(end)) }
    }

    fn all(waited: Duration, place: Place, joint: Joint) -> [Step; 3] {
        [Manner::Seamless, Manner::Wanted, Manner::Urgent].map(|how| step(how, waited, NONE, place, joint))
    }

    #[test]
    fn renditions_meet_at_the_sync_sample_of_the_same_time() {
        for start in [90_000, 90_900, 89_100] {
            assert_eq!(all(NONE, place(90_000), joint(Some(start), 99_000)), [Step::Go(Some(7)); 3]);
        }
    }

    #[test]
    fn the_old_one_goes_on_to_the_sync_sample_unless_the_connection_cannot_carry_it() {
        let steps = all(NONE, place(90_000), joint(Some(180_000), 190_000));
        assert_eq!(steps, [Step::Old, Step::Old, Step::Go(Some(7))]);
    }

    #[test]
    fn the_old_one_is_never_sent_beyond_what_is_known_of_the_new_one() {
        assert_eq!(all(NONE, place(90_000), joint(None, 93_600)), [Step::Old, Step::Old, Step::Hold]);
        assert_eq!(all(NONE, place(90_000), joint(None, 88_000)), [Step::Hold; 3]);
    }

    #[test]
    fn who_must_go_over_goes_to_the_newest_sync_sample_after_a_while_and_who_need_not_stays() {
        let held = |how| step(how, LONGEST_HOLD, LONGEST_HOLD, place(90_000), joint(None, 80_000));
        assert_eq!(held(Manner::Seamless), Step::GiveUp);
        assert_eq!(held(Manner::Wanted), Step::Hold);
        let steps = all(PATIENCE, place(90_000), joint(None, 80_000));
        assert_eq!(steps, [Step::Hold, Step::Go(Some(5)), Step::Go(Some(5))]);
    }

    #[test]
    fn a_rendition_without_a_picture_is_only_waited_for_by_those_who_asked_for_it() {
        let steps = all(NONE, place(90_000), Joint::default());
        assert_eq!(steps, [Step::GiveUp, Step::Go(None), Step::GiveUp]);
    }

    #[test]
    fn who_was_sent_nothing_yet_goes_over_at_once() {
        assert_eq!(all(NONE, Place::default(), joint(None, 0)), [Step::Go(Some(5)); 3]);
    }

    #[test]
    fn an_old_one_that_has_fallen_silent_does_not_hold_the_change_up() {
        let silent = Place { next_end: None, ..place(90_000) };
        let after = |held| step(Manner::Seamless, held, held, silent, joint(Some(180_000), 190_000));
        assert_eq!((after(NONE), after(LONGEST_HOLD)), (Step::Hold, Step::Go(Some(7))));
    }
}
