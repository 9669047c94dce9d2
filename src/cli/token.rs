//! `token` and `hash-password`: what is needed to let somebody in.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use jiff::SignedDuration;
use secrecy::{ExposeSecret, SecretString};

use super::{Action, TokenArgs};
use crate::clock;
use crate::settings::{LoadError, Name, Place, Problem, Settings};
use crate::web::access::{ALL, Auth, GROUP, Grant, hash_password as hash, mint as sign};

/// Longest life of a token: whoever has it cannot be told from its owner.
const LONGEST: Duration = Duration::from_secs(10 * 366 * 24 * 3600);

/// Signs a token with the first key of the configuration; the note shows the link it makes.
pub(super) fn mint(settings: &Settings, args: TokenArgs) -> Result<Action, LoadError> {
    let TokenArgs { cameras, publish, admin, life, name } = args;
    let life = parse_life(&life)
        .ok_or_else(|| problem("--for", "must be a time like \"24h\", \"90m\" or \"30d\""))?;
    if cameras.is_empty() && publish.is_empty() && !admin {
        return Err(problem("--camera", "missing; name what may be watched, \"*\" for all").into());
    }
    let groups = match &settings.web.auth {
        Auth::Rules(rules) => rules.groups.clone(),
        Auth::Unset | Auth::Open => Default::default(),
    };
    for (option, words) in [("--camera", &cameras), ("--publish", &publish)] {
        for word in words {
            let good = word == ALL
                || word.strip_prefix(GROUP).is_some_and(|group| groups.contains_key(group))
                || word.parse::<Name>().is_ok();
            if !good {
                return Err(problem(option, "must be the name of a camera, \"@group\" or \"*\"").into());
            }
        }
    }
    let keys = match &settings.web.auth {
        Auth::Rules(rules) => rules.keys.as_slice(),
        Auth::Unset | Auth::Open => &[],
    };
    let page = cameras.iter().find(|word| word.parse::<Name>().is_ok() && cameras.len() == 1);
    let page = page.map(|camera| format!("watch/{camera}")).unwrap_or_default();
    let token = sign(keys, Grant { watch: cameras, publish, admin }, name, clock::now().wall, life)?;
    let token = token.expose_secret();
    let secure = settings.web.tls.iter().flat_map(|tls| &tls.listen).next();
    let place = secure.or(settings.web.listen.first());
    let path = format!("{}t/{token}/{page}", settings.web.base_path);
    let note = match place {
        Some(place) => place.endpoint.url(secure.is_some(), &path) + "\n",
        None => path + "\n",
    };
    Ok(Action::Say { text: format!("{token}\n").into(), note: note.into() })
}

/// `24h`, `90m`, `1h 30m`, and days and weeks, which have 24 hours here.
fn parse_life(text: &str) -> Option<Duration> {
    let days = |unit: &str, hours: u64| {
        let count = text.strip_suffix(unit)?.trim_end().parse::<u64>().ok()?;
        Some(Duration::from_secs(count.checked_mul(hours)?.checked_mul(3600)?))
    };
    let whole =
        days("days", 24).or_else(|| days("d", 24)).or_else(|| days("weeks", 168)).or_else(|| days("w", 168));
    let other = || Duration::try_from(text.parse::<SignedDuration>().ok()?).ok();
    let life = whole.or_else(other)?;
    (Duration::from_secs(1)..=LONGEST).contains(&life).then_some(life)
}

fn problem(option: &str, text: &str) -> Problem {
    Problem { place: Place::Argument { name: option.to_owned() }, text: text.to_owned() }
}

/// Reads a password: typed twice without being shown, or the first line of what is piped in.
pub(super) fn hash_password() -> Result<Action, LoadError> {
    let password = read_password().map_err(LoadError::NoInput)?;
    let text = hash(&password)? + "\n";
    Ok(Action::Say { text: text.into(), note: SecretString::default() })
}

fn read_password() -> io::Result<SecretString> {
    if !io::stdin().is_terminal() {
        let mut line = String::new();
        io::stdin().read_line(&mut line)?;
        let text = line.strip_suffix('\n').unwrap_or(&line);
        return Ok(text.strip_suffix('\r').unwrap_or(text).into());
    }
    let ask = |prompt: &str| {
        write!(io::stderr(), "{prompt}")?;
        rpassword::read_password().map(SecretString::from)
    };
    let (first, second) = (ask("Password: ")?, ask("Again: ")?);
    if first.expose_secret() != second.expose_secret() {
        return Err(io::Error::other("that was not the same twice"));
    }
    Ok(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_is_a_time_with_units() {
        for (text, seconds) in [
            ("24h", 86_400),
            ("90m", 5_400),
            ("1h 30m", 5_400),
            ("30d", 2_592_000),
            ("2 weeks", 1_209_600),
            ("1s", 1),
        ] {
            assert_eq!(parse_life(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "24", "0s", "-1h", "1000000d", "99999999999999999999d", "h", "soon"] {
            assert_eq!(parse_life(text), None, "{text}");
        }
    }
}
