//! What somebody may do, and what a request needs. Pure.

use std::collections::BTreeSet;

use serde::{Deserialize, Deserializer, Serialize};

use super::options::Groups;

/// All cameras.
pub const ALL: &str = "*";
/// What the name of a group begins with.
pub const GROUP: char = '@';

/// What is given to somebody, in words: names of cameras, `@group`, or `*`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Cameras it may watch.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_many")]
    pub watch: Vec<String>,
    /// Cameras it may push video for.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_many")]
    pub publish: Vec<String>,
    /// Whether it may do everything.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub admin: bool,
}

/// `"a"` and `["a"]` are the same.
fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Words {
        One(String),
        Many(Vec<String>),
    }
    Ok(match Words::deserialize(deserializer)? {
        Words::One(word) => vec![word],
        Words::Many(words) => words,
    })
}

/// Some cameras, or all.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Scope {
    All,
    Of(BTreeSet<String>),
}

impl Scope {
    /// Unknown groups are nothing: the words may come from a token.
    fn new(words: &[String], groups: &Groups) -> Self {
        if words.iter().any(|word| word == ALL) {
            return Self::All;
        }
        let mut cameras = BTreeSet::new();
        for word in words {
            match word.strip_prefix(GROUP) {
                Some(group) => cameras.extend(groups.get(group).into_iter().flatten().cloned()),
                None => drop(cameras.insert(word.clone())),
            }
        }
        Self::Of(cameras)
    }

    fn has(&self, camera: &str) -> bool {
        match self {
            Self::All => true,
            Self::Of(cameras) => cameras.contains(camera),
        }
    }

    fn is_empty(&self) -> bool {
        matches!(self, Self::Of(cameras) if cameras.is_empty())
    }
}

/// What a request needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing: it is everybody's.
    Nothing,
    /// To be somebody: what is not for the asker is left out of the answer.
    Identity,
    /// To watch a camera.
    Watch(String),
    /// To push video for a camera.
    Publish(String),
    /// To change cameras and to read what the server says of itself.
    Administer,
}

/// What somebody may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rights {
    watch: Scope,
    publish: Scope,
    admin: bool,
}

impl Rights {
    /// Everything.
    pub fn everything() -> Self {
        Self { watch: Scope::All, publish: Scope::All, admin: true }
    }

    /// What the words of a grant come to.
    pub fn new(grant: &Grant, groups: &Groups) -> Self {
        if grant.admin {
            return Self::everything();
        }
        let (watch, publish) = (Scope::new(&grant.watch, groups), Scope::new(&grant.publish, groups));
        Self { watch, publish, admin: false }
    }

    /// To watch these cameras and nothing else.
    pub fn to_watch(words: &[String], groups: &Groups) -> Self {
        Self::new(&Grant { watch: words.to_vec(), ..Grant::default() }, groups)
    }

    /// Whether they are enough.
    pub fn cover(&self, need: &Need) -> bool {
        match need {
            Need::Nothing => true,
            Need::Identity => self.admin || !self.watch.is_empty() || !self.publish.is_empty(),
            Need::Watch(camera) => self.watch.has(camera),
            Need::Publish(camera) => self.publish.has(camera),
            Need::Administer => self.admin,
        }
    }

    /// Whether they are enough to watch a camera.
    pub fn watch(&self, camera: &str) -> bool {
        self.watch.has(camera)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn rights_are_what_is_granted_and_no_more() {
        let outside = BTreeSet::from(["garden".to_owned(), "gate".to_owned()]);
        let groups = Groups::from([("outside".to_owned(), outside)]);
        let grant = |watch, publish, admin| Grant { watch: words(watch), publish: words(publish), admin };
        // What is granted, and whether it is enough: to be somebody, watch gate, watch hall, publish gate, administer.
        for (grant, enough) in [
            (grant("", "", false), [false; 5]),
            (grant("gate", "", false), [true, true, false, false, false]),
            (grant("@outside", "", false), [true, true, false, false, false]),
            (grant("@nowhere", "", false), [false; 5]),
            (grant("outside", "", false), [true, false, false, false, false]),
            (grant("*", "", false), [true, true, true, false, false]),
            (grant("", "@outside", false), [true, false, false, true, false]),
            (grant("hall", "*", false), [true, false, true, true, false]),
            (grant("", "", true), [true; 5]),
        ] {
            let rights = Rights::new(&grant, &groups);
            let needs = [
                Need::Identity,
                Need::Watch("gate".into()),
                Need::Watch("hall".into()),
                Need::Publish("gate".into()),
                Need::Administer,
            ];
            assert_eq!(needs.map(|need| rights.cover(&need)), enough, "{grant:?}");
            assert!(rights.cover(&Need::Nothing));
        }
    }

    #[test]
    fn a_grant_is_read_from_one_word_or_many() {
        let read = |text| serde_json::from_str::<Grant>(text).expect("good");
        assert_eq!(read(r#"{"watch":"gate"}"#), read(r#"{"watch":["gate"],"other":5}"#));
        assert!(serde_json::from_str::<Grant>(r#"{"watch":5}"#).is_err());
    }
}
