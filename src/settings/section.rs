//! One table of the file, read key by key: what nobody asked for is an unknown key, and what a problem says
//! about its place is worked out here.

use std::cell::RefCell;
use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::error::{Place, Problem};
use super::value::{Checked, wrong_type};

/// The text that is being read, and what is wrong with it so far.
pub(super) struct Report<'t> {
    file: &'t str,
    text: &'t str,
    found: RefCell<Vec<(usize, Problem)>>,
}

impl<'t> Report<'t> {
    pub(super) fn new(file: &'t str, text: &'t str) -> Self {
        Self { file, text, found: RefCell::default() }
    }

    /// Notes a problem with `key` at a byte of the text.
    pub(super) fn problem(&self, at: usize, key: &str, text: impl Into<String>) {
        let before = self.text.get(..at).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let place = Place::File {
            file: self.file.to_owned(),
            line: 1 + before.matches('\n').count(),
            column: 1 + before[line_start..].chars().count(),
            key: key.to_owned(),
        };
        self.found.borrow_mut().push((at, Problem { place, text: text.into() }));
    }

    /// All problems, in the order of the text.
    pub(super) fn into_problems(self) -> Vec<Problem> {
        let mut found = self.found.into_inner();
        found.sort_by_key(|(at, _)| *at);
        found.into_iter().map(|(_, problem)| problem).collect()
    }
}

/// A value with the place of its key.
pub(super) struct Entry<T> {
    pub(super) at: usize,
    pub(super) value: T,
}

/// A table whose keys are taken out one after the other.
pub(super) struct Section<'r, 't> {
    report: &'r Report<'t>,
    /// Keys from the root to here, joined by dots.
    path: String,
    /// Where the table's own key stands.
    at: usize,
    table: DeTable<'t>,
    asked: Vec<&'static str>,
    found: Vec<&'static str>,
}

impl<'r, 't> Section<'r, 't> {
    /// The whole file.
    pub(super) fn root(report: &'r Report<'t>, table: DeTable<'t>) -> Self {
        Self { report, path: String::new(), at: 0, table, asked: Vec::new(), found: Vec::new() }
    }

    /// The value of `key` if it is there and good; a bad one is reported and counts as absent.
    pub(super) fn get<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&DeValue<'t>) -> Checked<T>,
    ) -> Option<Entry<T>> {
        let (at, value) = self.take(key)?;
        match read(&value) {
            Ok(value) => Some(Entry { at, value }),
            Err(text) => {
                self.problem(at, key, text);
                None
            }
        }
    }

    /// Like [`get`](Self::get), and reports a key that is not there.
    pub(super) fn require<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&DeValue<'t>) -> Checked<T>,
    ) -> Option<Entry<T>> {
        if !self.has(key) {
            self.missing(key, "missing");
        }
        self.get(key, read)
    }

    /// True if `key` is there and was not taken yet.
    pub(super) fn has(&self, key: &'static str) -> bool {
        self.table.contains_key(key)
    }

    /// Reports, at the place of the table, that `key` is not there.
    pub(super) fn missing(&self, key: &'static str, text: &str) {
        self.problem(self.at, key, text);
    }

    /// Fills an option that has a default.
    pub(super) fn set<T>(
        &mut self,
        option: &mut T,
        key: &'static str,
        read: impl FnOnce(&DeValue<'t>) -> Checked<T>,
    ) {
        if let Some(entry) = self.get(key, read) {
            *option = entry.value;
        }
    }

    /// The table under `key`.
    pub(super) fn section(&mut self, key: &'static str) -> Option<Section<'r, 't>> {
        let (at, value) = self.take(key)?;
        self.below(at, key, value)
    }

    /// What is under `key`: `Ok` if it is `word`, else a table.
    pub(super) fn word_or_section(
        &mut self,
        key: &'static str,
        word: &str,
    ) -> Option<Result<(), Section<'r, 't>>> {
        let (at, value) = self.take(key)?;
        match value {
            DeValue::String(text) if text == word => Some(Ok(())),
            DeValue::Table(_) => self.below(at, key, value).map(Err),
            _ => {
                self.problem(at, key, format!("must be \"{word}\" or a table"));
                None
            }
        }
    }

    /// What is under `key`: one thing or a list of them, each a value or a table. `None` if the key is not there, or if
    /// one of them cannot be read, which is reported.
    pub(super) fn items<T>(
        &mut self,
        key: &'static str,
        value: impl Fn(&DeValue<'t>) -> Checked<T>,
        table: impl Fn(Section<'r, 't>) -> Option<T>,
    ) -> Option<Vec<Entry<T>>> {
        let (at, all) = self.take(key)?;
        let all = match all {
            DeValue::Array(items) => {
                items.into_iter().map(|item| (item.span().start, item.into_inner())).collect()
            }
            one => vec![(at, one)],
        };
        let read = |(at, item)| match item {
            DeValue::Table(_) => table(self.below(at, key, item)?).map(|value| Entry { at, value }),
            item => match value(&item) {
                Ok(value) => Some(Entry { at, value }),
                Err(text) => {
                    self.problem(at, key, text);
                    None
                }
            },
        };
        // All of them are read, so that all problems are found.
        let all: Vec<_> = all.into_iter().map(read).collect();
        all.into_iter().collect()
    }

    /// True if `key` was there.
    pub(super) fn asked_for(&self, key: &'static str) -> bool {
        self.found.contains(&key)
    }

    /// Takes all that is left as values with names of the user's choice.
    pub(super) fn named_values<T>(mut self, read: impl Fn(&DeValue<'t>) -> Checked<T>) -> Vec<(String, T)> {
        let table = std::mem::take(&mut self.table);
        let entries = table.into_iter().filter_map(|(key, value)| match read(value.get_ref()) {
            Ok(value) => Some((key.into_inner().into_owned(), value)),
            Err(text) => {
                self.problem(key.span().start, key.get_ref(), text);
                None
            }
        });
        entries.collect()
    }

    /// Takes all that is left as tables with names of the user's choice, in the order of the file.
    pub(super) fn named_sections(mut self) -> Vec<(String, Section<'r, 't>)> {
        let table = std::mem::take(&mut self.table);
        let mut all: Vec<_> = table
            .into_iter()
            .map(|(key, value)| (first_mention(&key.span(), value.get_ref()), key, value.into_inner()))
            .collect();
        all.sort_by_key(|(first, ..)| *first);
        let sections = all.into_iter().filter_map(|(_, key, value)| {
            let at = key.span().start;
            let name = key.into_inner().into_owned();
            self.below(at, &name, value).map(|section| (name, section))
        });
        sections.collect()
    }

    fn below(&self, at: usize, key: &str, value: DeValue<'t>) -> Option<Section<'r, 't>> {
        match value {
            DeValue::Table(table) => Some(Section {
                report: self.report,
                path: self.path_to(key),
                at,
                table,
                asked: Vec::new(),
                found: Vec::new(),
            }),
            other => {
                self.problem(at, key, wrong_type("a table", &other));
                None
            }
        }
    }

    /// Reports a problem with a key of this table.
    pub(super) fn problem(&self, at: usize, key: &str, text: impl Into<String>) {
        self.report.problem(at, &self.path_to(key), text);
    }

    /// Reports a problem with the table itself.
    pub(super) fn own_problem(&self, text: impl Into<String>) {
        self.report.problem(self.at, &self.path, text);
    }

    /// True if there is no key in the table, asked for or not.
    pub(super) fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Reports every key that nobody asked for.
    pub(super) fn finish(self) {
        for key in self.table.keys() {
            let hint = match nearest(key.get_ref(), &self.asked) {
                Some(known) => format!("did you mean \"{known}\"?"),
                None => format!("known here: {}", self.asked.join(", ")),
            };
            self.problem(key.span().start, key.get_ref(), format!("unknown key; {hint}"));
        }
    }

    fn take(&mut self, key: &'static str) -> Option<(usize, DeValue<'t>)> {
        self.asked.push(key);
        let (name, value) = self.table.remove_entry(key)?;
        self.found.push(key);
        Some((name.span().start, value.into_inner()))
    }

    fn path_to(&self, key: &str) -> String {
        let key = shown(key);
        if self.path.is_empty() { key } else { format!("{}.{key}", self.path) }
    }
}

/// A key as it may be shown: one with the signs of a URL could be a misplaced source, credentials and all.
fn shown(key: &str) -> String {
    let harmless = |c: char| c.is_alphanumeric() || "-_. ".contains(c);
    if key.len() > 100 || !key.chars().all(harmless) {
        return "\"…\"".to_owned();
    }
    let bare = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    if !key.is_empty() && key.chars().all(bare) { key.to_owned() } else { format!("\"{key}\"") }
}

/// The known key that was most likely meant.
fn nearest<'k>(key: &str, known: &[&'k str]) -> Option<&'k str> {
    let distance = |known: &str| strsim::damerau_levenshtein(key, known);
    let best = known.iter().min_by_key(|known| distance(known))?;
    (distance(best) <= 1 + best.len() / 4).then_some(*best)
}

/// Where a key is first named: `[a.b]` names `a`, though the parser gives `a` the place of a later `[a]`.
fn first_mention(key: &Range<usize>, value: &DeValue<'_>) -> usize {
    let below = match value {
        DeValue::Table(table) => {
            table.iter().map(|(key, value)| first_mention(&key.span(), value.get_ref())).min()
        }
        _ => None,
    };
    below.map_or(key.start, |below| below.min(key.start))
}
