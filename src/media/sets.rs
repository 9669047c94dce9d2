//! Parameter sets by their ids, whatever the codec: which there are, and which of them a picture is decoded by.

use bytes::{BufMut, Bytes};

/// The most of one kind. The standards allow more and a record counts up to 31; no camera has that many in use, and
/// of those that count up their ids the newest are what matters.
const MOST: usize = 31;

/// One parameter set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set {
    /// Its id among those of its kind.
    pub id: u32,
    /// The id of the set that it refers to; 0 for those that refer to none.
    pub refers_to: u32,
    /// The NAL unit.
    pub nal: Bytes,
    /// Its bits without the ids: equal for sets that say the same.
    pub says: Vec<u8>,
}

/// The sets of one kind, in the order of their first appearance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shelf(Vec<Set>);

impl Shelf {
    /// True if this very set is there.
    pub fn holds(&self, nal: &[u8]) -> bool {
        self.0.iter().any(|set| set.nal == nal)
    }

    /// Puts a set in the place of the one with its id, or behind the others. The oldest goes where there are too many.
    pub fn put(&mut self, set: Set) {
        match self.0.iter_mut().find(|other| other.id == set.id) {
            Some(same) => *same = set,
            None => {
                if self.0.len() >= MOST {
                    self.0.remove(0);
                }
                self.0.push(set);
            }
        }
    }

    /// The set with this id.
    pub fn get(&self, id: u32) -> Option<&Set> {
        self.0.iter().find(|set| set.id == id)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Set> + Clone {
        self.0.iter()
    }

    /// Those that refer to `id`.
    pub fn of(&self, id: u32) -> impl Iterator<Item = &Set> {
        self.0.iter().filter(move |set| set.refers_to == id)
    }

    /// All of them, that with the id `first` before the others.
    pub fn from(&self, first: u32) -> impl Iterator<Item = &Set> + Clone {
        let others = self.0.iter().filter(move |set| set.id != first);
        self.0.iter().filter(move |set| set.id == first).chain(others)
    }
}

/// What pictures are decoded by from one sync sample on: a sequence's sets, and all picture parameter sets that refer
/// to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InForce {
    /// The SPS; in H.265 its VPS before it.
    pub sequence: Vec<Set>,
    /// The PPS.
    pub pictures: Vec<Set>,
}

impl InForce {
    /// The SPS.
    pub fn sps(&self) -> Option<&Set> {
        self.sequence.last()
    }

    /// All sets; those of the sequence first.
    pub fn sets(&self) -> impl Iterator<Item = &Set> {
        self.sequence.iter().chain(&self.pictures)
    }

    /// True if `nal` is one of them.
    pub fn holds(&self, nal: &[u8]) -> bool {
        self.sets().any(|set| set.nal == nal)
    }

    /// How pictures that are decoded by `next` get on with what a decoder was told of `self`.
    pub fn to(&self, next: &Self) -> Step {
        let known = |set: &Set| self.holds(&set.nal);
        if next.sets().all(known) {
            return Step::Same;
        }
        let [sequence, pictures] =
            [(&self.sequence, &next.sequence), (&self.pictures, &next.pictures)].map(|(old, new)| {
                new.iter().all(|set| {
                    let overwrites = old
                        .iter()
                        .any(|other| other.id == set.id && other.says != set.says && kind(other, set));
                    !overwrites && old.iter().any(|other| other.says == set.says && kind(other, set))
                })
            });
        if sequence && pictures { Step::Renumbered } else { Step::Changed }
    }
}

/// True for two of one kind: NAL units of one type have the same first byte, but for the importance in H.264.
fn kind(one: &Set, other: &Set) -> bool {
    let kind = |set: &Set| set.nal.first().map(|byte| byte & 0x9f);
    kind(one) == kind(other)
}

/// From the sets of one sync sample to those of the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing is new.
    Same,
    /// They say the same under other ids.
    Renumbered,
    /// They say something else.
    Changed,
}

/// A NAL unit behind its length of 16 bits, as records have it; `None` when it is longer than that.
pub(super) fn put(out: &mut Vec<u8>, nal: &[u8]) -> Option<()> {
    out.put_u16(u16::try_from(nal.len()).ok()?);
    out.extend_from_slice(nal);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(header: u8, id: u32, says: &[u8]) -> Set {
        let nal = [&[header, id as u8], says].concat();
        Set { id, refers_to: 0, nal: nal.into(), says: says.to_vec() }
    }

    fn in_force(sps: (u32, &[u8]), pps: &[(u32, &[u8])]) -> InForce {
        InForce {
            sequence: vec![set(0x67, sps.0, sps.1)],
            pictures: pps.iter().map(|(id, says)| set(0x68, *id, says)).collect(),
        }
    }

    #[test]
    fn only_sets_that_say_something_else_are_a_change() {
        let first = in_force((0, b"a"), &[(0, b"p"), (1, b"q")]);
        let cases = [
            (in_force((0, b"a"), &[(0, b"p"), (1, b"q")]), Step::Same),
            (in_force((0, b"a"), &[(1, b"q")]), Step::Same),
            (in_force((1, b"a"), &[(2, b"p")]), Step::Renumbered),
            (in_force((0, b"a"), &[(0, b"p"), (1, b"q"), (2, b"q")]), Step::Renumbered),
            (in_force((0, b"b"), &[(0, b"p"), (1, b"q")]), Step::Changed),
            (in_force((1, b"b"), &[(0, b"p")]), Step::Changed),
            (in_force((0, b"a"), &[(0, b"q"), (1, b"q")]), Step::Changed),
            (in_force((0, b"a"), &[(0, b"p"), (2, b"r")]), Step::Changed),
        ];
        for (next, step) in cases {
            assert_eq!(first.to(&next), step, "{next:?}");
        }
    }

    #[test]
    fn a_shelf_keeps_the_newest() {
        let mut shelf = Shelf::default();
        (0..40).for_each(|id| shelf.put(set(0x67, id, b"a")));
        assert_eq!((shelf.iter().count(), shelf.get(8).is_some(), shelf.get(9).is_some()), (31, false, true));
        shelf.put(set(0x67, 20, b"b"));
        assert_eq!(shelf.iter().position(|set| set.id == 20), Some(11), "in its old place");
        assert_eq!(shelf.from(20).map(|set| set.id).take(3).collect::<Vec<_>>(), [20, 9, 10]);
    }
}
