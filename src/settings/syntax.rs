//! From text to a table, or to what keeps it from being TOML.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::section::Report;

/// The table of the text, or `None` after reporting why there is none.
///
/// The parser's own Display quotes the line, so only its message and its place are used.
pub(super) fn parse<'t>(text: &'t str, report: &Report<'t>) -> Option<DeTable<'t>> {
    let (table, errors) = DeTable::parse_recoverable(text);
    let table = table.into_inner();
    // One slip of the pen can upset all that follows: the first error is the true one.
    let Some(error) = errors.into_iter().min_by_key(|error| error.span().map(|span| span.start)) else {
        return Some(table);
    };
    let span = error.span().unwrap_or_default();
    let key = if error.message().starts_with("duplicate key") {
        second_key(text, &span) // the table holds the first one
    } else {
        let line = line_start(text, span.start);
        let here = |start| {
            start <= span.start && text.get(line..start).is_some_and(|before| bare(before.trim_start()))
        };
        key_where(&table, "", &here).map(|(_, key)| key).filter(|key| bare(key))
    };
    report.problem(span.start, &key.unwrap_or_default(), format!("not TOML: {}", error.message()));
    None
}

fn line_start(text: &str, at: usize) -> usize {
    text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1)
}

/// True for a key, or keys joined by dots, without quotes.
///
/// In broken text a value can pass for a key: `password."secret"`, or what follows a wrong quote. Only what
/// begins a line and is bare is worth showing.
fn bare(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

/// The last key that begins where `here` says, with its tables.
fn key_where(table: &DeTable<'_>, path: &str, here: &dyn Fn(usize) -> bool) -> Option<(usize, String)> {
    let found = table.iter().filter_map(|(key, value)| {
        let start = key.span().start;
        let path =
            if path.is_empty() { key.get_ref().to_string() } else { format!("{path}.{}", key.get_ref()) };
        let below = match value.get_ref() {
            DeValue::Table(table) => key_where(table, &path, here),
            _ => None,
        };
        below.or(here(start).then_some((start, path)))
    });
    found.max_by_key(|(start, _)| *start)
}

/// A key that is there for the second time, with the table header above it.
fn second_key(text: &str, key: &Range<usize>) -> Option<String> {
    let header = |line: &str| line.trim().strip_prefix('[')?.split(']').next().map(str::to_owned);
    let start = line_start(text, key.start);
    let own = text[start..].lines().next().and_then(header);
    let path = own.or_else(|| {
        let key = text.get(key.clone())?;
        let above = text[..start].lines().rev().find_map(header);
        Some(above.map_or_else(|| key.to_owned(), |above| format!("{above}.{key}")))
    });
    path.filter(|path| bare(path))
}
