//! Names of cameras and renditions.

use std::fmt;
use std::str::FromStr;

/// Longest name in bytes.
const MAX_LEN: usize = 64;

/// The name of a camera or of a rendition: `[a-z0-9][a-z0-9_-]{0,63}`, so that it can stand in a path, a
/// file name and a label as it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

/// A text is no [`Name`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a name; names have 1 to 64 characters out of a-z, 0-9, '-' and '_', \
     and begin with a letter or a digit"
)]
pub struct BadName;

impl Name {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name for people: `front-door` becomes `Front door`.
    pub fn title(&self) -> String {
        let mut title = self.0.replace(['-', '_'], " ");
        title[..1].make_ascii_uppercase(); // a name begins with one ASCII letter or digit
        title
    }
}

impl FromStr for Name {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
        let begins = text.bytes().next().is_some_and(plain);
        let goes_on = text.bytes().all(|c| plain(c) || c == b'-' || c == b'_');
        if begins && goes_on && text.len() <= MAX_LEN { Ok(Self(text.to_owned())) } else { Err(BadName) }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_can_stand_in_a_path() {
        let longest = "a".repeat(64);
        for good in ["a", "0", "front-door", "front_door-2", longest.as_str()] {
            assert_eq!(good.parse::<Name>().map(String::from), Ok(good.to_owned()));
        }
        let too_long = "a".repeat(65);
        for bad in ["", "-a", "_a", "Front", "front door", "a/b", "a.b", "ä", "a\n", too_long.as_str()] {
            assert_eq!(bad.parse::<Name>(), Err(BadName), "{bad:?}");
        }
    }

    #[test]
    fn a_title_is_the_name_for_people() {
        for (name, title) in [("front-door", "Front door"), ("a", "A"), ("2nd_floor", "2nd floor")] {
            assert_eq!(name.parse::<Name>().unwrap().title(), title);
        }
    }
}
