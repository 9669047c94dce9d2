//! `[auth]`: who may watch. No complaint here quotes a value: the wrong one may be a secret.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use toml::de::DeValue;
use url::Url;

use super::cameras::read_secret;
use super::section::Section;
use super::value::{self, Checked};
use super::{Name, file};
use crate::web::access::{
    ALL, Auth, Cors, GROUP, Grant, Groups, Jwks, Key, Rules, SHORTEST_SECRET, User, Webhook, is_password_hash,
};

/// Shorter than a minute is no login; a year is for a screen on a wall.
const SESSION: RangeInclusive<Duration> = Duration::from_secs(60)..=Duration::from_secs(366 * 24 * 3600);
/// How long an answer of the hook may hold: it cannot be called back.
const CACHE: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(3600);
/// Viewers wait for the hook.
const HOOK_TIMEOUT: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(60);
/// Until it is said otherwise.
const DEFAULT_CACHE: Duration = Duration::from_secs(60);
/// Until it is said otherwise.
const DEFAULT_HOOK_TIMEOUT: Duration = Duration::from_secs(5);

/// What stands under `auth`: the word `none`, or a table.
pub(super) fn read(root: &mut Section<'_, '_>, base_dir: &Path) -> Auth {
    match root.word_or_section("auth", "none") {
        None => Auth::Unset,
        Some(Ok(())) => Auth::Open,
        Some(Err(section)) => Auth::Rules(Box::new(rules(section, base_dir))),
    }
}

fn rules(mut section: Section<'_, '_>, base_dir: &Path) -> Rules {
    let mut rules = Rules::default();
    // Groups first: the others name them.
    if let Some(groups) = section.section("groups") {
        rules.groups = read_groups(groups);
    }
    section.set(&mut rules.session, "session", |value| value::duration(value, &SESSION));
    section.set(&mut rules.public, "public", |value| words(value, &rules.groups));
    if let Some(users) = section.section("users") {
        let users = users.named_sections().into_iter();
        rules.users = users.filter_map(|(name, section)| user(name, section, &rules.groups)).collect();
    }
    if let Some(keys) = section.section("keys") {
        let keys = keys.named_sections().into_iter();
        rules.keys = keys.filter_map(|(name, section)| key(&name, section, base_dir)).collect();
    }
    rules.jwks = section.section("jwks").and_then(|section| jwks(section, base_dir));
    rules.webhook = section.section("webhook").and_then(webhook);
    section.finish();
    rules
}

fn read_groups(section: Section<'_, '_>) -> Groups {
    let mut groups = Groups::new();
    for entry in section.named_values(|value| value::strings(value, |text| name(text).map(|_| ()))) {
        let (key, cameras) = entry;
        groups.insert(key, cameras.into_iter().collect::<BTreeSet<_>>());
    }
    groups
}

fn user(name: String, mut section: Section<'_, '_>, groups: &Groups) -> Option<User> {
    let plain = |c: char| c.is_alphanumeric() || "-_.@+".contains(c);
    if name.is_empty() || name.len() > 64 || !name.chars().all(plain) {
        section.own_problem("a user's name has 1 to 64 letters, digits, '-', '_', '.', '@' and '+'");
    }
    let password = section.require("password", |value| {
        let text = value::string(value)?;
        if is_password_hash(&text) {
            return Ok(SecretString::from(text));
        }
        Err("must be a hash as `belvedere hash-password` prints it, not the password itself".to_owned())
    });
    let grant = Grant {
        watch: section
            .get("watch", |value| words(value, groups))
            .map(|entry| entry.value)
            .unwrap_or_default(),
        publish: section
            .get("publish", |value| words(value, groups))
            .map(|entry| entry.value)
            .unwrap_or_default(),
        admin: section.get("admin", value::boolean).is_some_and(|entry| entry.value),
    };
    section.finish();
    Some(User { name, password: password?.value, grant })
}

fn key(id: &str, mut section: Section<'_, '_>, base_dir: &Path) -> Option<Key> {
    let good = id.parse::<Name>().map_err(|error| section.own_problem(error.to_string())).is_ok();
    let secret = section.get("secret", |value| long_enough(value::string(value)?.into()));
    let from_file = section.get("secret_file", |value| {
        let path = file::path(value, base_dir)?;
        Ok((long_enough(read_secret(&path, base_dir)?)?, path))
    });
    match (&secret, &from_file) {
        (Some(_), Some(file)) => {
            section.problem(file.at, "secret_file", "secret is there already; keep one of them");
        }
        (None, None) if !section.asked_for("secret") && !section.asked_for("secret_file") => {
            section.missing("secret_file", "missing; a key needs secret_file or secret");
        }
        _ => {}
    }
    section.finish();
    let (secret, file) = match (secret, from_file) {
        (Some(secret), _) => (secret.value, None),
        (None, from_file) => from_file.map(|entry| (entry.value.0, Some(entry.value.1)))?,
    };
    good.then(|| Key { id: id.to_owned(), secret, file })
}

fn long_enough(secret: SecretString) -> Checked<SecretString> {
    if secret.expose_secret().len() >= SHORTEST_SECRET {
        return Ok(secret);
    }
    Err(format!(
        "must have at least {SHORTEST_SECRET} characters, made by chance: `openssl rand -hex 32` prints good ones"
    ))
}

fn jwks(mut section: Section<'_, '_>, base_dir: &Path) -> Option<Jwks> {
    let file = section.require("file", |value| file::path(value, base_dir));
    let issuer = section.get("issuer", value::non_empty).map(|entry| entry.value);
    let audience = section.get("audience", value::non_empty).map(|entry| entry.value);
    section.finish();
    Some(Jwks { file: file?.value, issuer, audience })
}

fn webhook(mut section: Section<'_, '_>) -> Option<Webhook> {
    let url = section.require("url", hook_url);
    let (mut cache, mut timeout) = (DEFAULT_CACHE, DEFAULT_HOOK_TIMEOUT);
    section.set(&mut cache, "cache", |value| value::duration(value, &CACHE));
    section.set(&mut timeout, "timeout", |value| value::duration(value, &HOOK_TIMEOUT));
    section.finish();
    Some(Webhook { url: url?.value, cache, timeout })
}

fn hook_url(value: &DeValue<'_>) -> Checked<Url> {
    const EXPECTED: &str =
        "must be a URL like \"http://127.0.0.1:9000/auth\", without TLS, user name and password";
    let url = Url::parse(&value::string(value)?).map_err(|_| EXPECTED.to_owned())?;
    let good =
        url.scheme() == "http" && url.has_host() && url.username().is_empty() && url.password().is_none();
    if good { Ok(url) } else { Err(EXPECTED.to_owned()) }
}

/// Names of cameras, `@group` or `*`: a list, or one of them.
fn words(value: &DeValue<'_>, groups: &Groups) -> Checked<Vec<String>> {
    value::strings(value, |text| match text.strip_prefix(GROUP) {
        _ if text == ALL => Ok(()),
        Some(group) if groups.contains_key(group) => Ok(()),
        Some(_) => Err("there is no such group under auth.groups".to_owned()),
        None => name(text).map(|_| ()),
    })
}

fn name(text: &str) -> Checked<Name> {
    text.parse::<Name>().map_err(|_| {
        "must be names of cameras (and \"@group\" or \"*\" where groups are not being made)".to_owned()
    })
}

/// `[server.cors]`.
pub(super) fn read_cors(mut section: Section<'_, '_>) -> Cors {
    let mut cors = Cors::default();
    let public = section
        .get("public", |value| value::strings(value, |text| if text == ALL { Ok(()) } else { origin(text) }));
    cors.public = public.map(|public| public.value);
    section.set(&mut cors.credentials, "credentials", |value| value::strings(value, origin));
    section.finish();
    cors
}

/// `server.hosts`.
pub(super) fn hosts(value: &DeValue<'_>) -> Checked<Vec<String>> {
    value::strings(value, |text| {
        let same = |url: Url| url.host_str().is_some_and(|host| host.eq_ignore_ascii_case(text));
        let good = Url::parse(&format!("http://{text}/")).is_ok_and(same);
        if good {
            Ok(())
        } else {
            Err("must be names like \"cams.example.org\", with no port and no path".to_owned())
        }
    })
}

fn origin(text: &str) -> Checked<()> {
    let good = Url::parse(text).is_ok_and(|url| {
        ["http", "https"].contains(&url.scheme()) && url.origin().ascii_serialization() == text
    });
    if good { Ok(()) } else { Err("must be origins like \"https://example.org\", with no path".to_owned()) }
}
