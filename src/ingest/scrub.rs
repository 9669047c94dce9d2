//! What may be told of foreign texts: they may quote what is secret. Pure.

use std::sync::{Arc, Mutex, PoisonError};

use secrecy::ExposeSecret;
use url::Url;

use super::Source;

/// Shorter words are taken out only where they stand alone: they may be parts of others.
const LONG: usize = 6;

/// Shorter values in a URL tell nothing, unless their names say that they are secret.
const TELLING: usize = 4;

/// Most signs of a foreign text that are told.
const MOST: usize = 300;

/// URLs of a description that are read: no camera has as many streams.
const MOST_URLS: usize = 64;

/// Pieces of a path that are so long and hold a digit may be keys, as those of UniFi are.
const KEY: usize = 8;

/// What names of secret values have in common.
const SECRET_NAMES: [&str; 6] = ["pass", "pwd", "token", "key", "auth", "secret"];

/// Takes what may be secret out of foreign texts: URLs whatever they are, and the parts of known ones that may hold
/// secrets. Some cameras carry the password in the path or the query of the URL. Clones know what the others learn.
///
/// A password of one sign is left alone: no text would be left.
#[derive(Clone, Debug, Default)]
pub struct Scrub(Arc<Mutex<Vec<String>>>);

impl Scrub {
    /// What must not be told about `source`.
    pub fn of(source: &Source) -> Self {
        let scrub = Self::default();
        scrub.learn(&source.url);
        if let Some(password) = &source.password {
            scrub.learn_password(password.expose_secret());
        }
        scrub
    }

    /// Nor of another URL, as one that a camera redirects to.
    pub fn learn(&self, url: &Url) {
        let mut words = vec![url.as_str().to_owned(), url.path().to_owned()];
        words.extend(url.query().map(str::to_owned));
        words.extend(url.path().split('/').filter(|piece| may_be_key(piece)).map(str::to_owned));
        let pairs =
            url.path().split('/').chain(url.query()).flat_map(|piece| piece.split(['&', ';', '?', '_']));
        words.extend(pairs.filter_map(secret_value).map(str::to_owned));
        self.add(words);
        if let Some(password) = url.password() {
            self.learn_password(password);
        }
    }

    /// Nor of a description: control URLs may have names and passwords in them.
    pub fn learn_description(&self, sdp: &str) {
        let urls = sdp.lines().filter_map(|line| line.trim().strip_prefix("a=control:"));
        urls.filter(|url| url.contains("://"))
            .take(MOST_URLS)
            .filter_map(|url| Url::parse(url).ok())
            .for_each(|url| self.learn(&url));
    }

    /// As it is, and as it stands in URLs.
    fn learn_password(&self, password: &str) {
        let coded = |write: fn(u8) -> String| {
            password.bytes().fold(String::new(), |all, byte| match byte.is_ascii_alphanumeric() {
                true => all + &char::from(byte).to_string(),
                false => all + &write(byte),
            })
        };
        let mut words = vec![password.to_owned()];
        words.extend([coded(|byte| format!("%{byte:02X}")), coded(|byte| format!("%{byte:02x}"))]);
        if let Ok(mut url) = Url::parse("rtsp://host/")
            && url.set_password(Some(password)).is_ok()
        {
            words.extend(url.password().map(str::to_owned));
        }
        self.add(words);
    }

    fn add(&self, mut words: Vec<String>) {
        words.retain(|word| word.len() > 1);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.extend(words);
        // A word in another one goes after it, or the rest of that would stay.
        all.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
        all.dedup();
    }

    /// The first line of a foreign error's text, if it is not too long: the rest names bytes and packets.
    pub fn first_line(&self, text: &str) -> String {
        let line = without_urls(&plain(text.lines().next().unwrap_or_default()));
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let line = all.iter().fold(line, |line, word| without(&line, word));
        clipped(line.trim_end_matches([':', ' ']), MOST)
    }
}

/// `text` without signs that do something in a terminal or on a page, but cannot be seen.
pub fn plain(text: &str) -> String {
    let unseen = |sign: char| {
        sign.is_control()
            || matches!(sign, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    text.chars().filter(|sign| !unseen(*sign)).collect()
}

/// `text`, or so much of it as fits into `most` signs.
pub fn clipped(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some(_) => text.chars().take(most.saturating_sub(1)).chain(['…']).collect(),
    }
}

/// The value of `name=value`, if it may be secret.
fn secret_value(pair: &str) -> Option<&str> {
    let (name, value) = pair.split_once('=')?;
    let name = name.to_ascii_lowercase();
    let secret = value.len() >= TELLING || SECRET_NAMES.iter().any(|word| name.contains(word));
    secret.then_some(value)
}

fn may_be_key(piece: &str) -> bool {
    piece.contains('=') || piece.len() >= KEY && piece.bytes().any(|byte| byte.is_ascii_digit())
}

/// `line` without `word`.
fn without(line: &str, word: &str) -> String {
    let alone = |at: usize| {
        let joins = |sign: Option<char>| sign.is_some_and(char::is_alphanumeric);
        !joins(line[..at].chars().next_back()) && !joins(line[at + word.len()..].chars().next())
    };
    let (mut told, mut rest) = (String::with_capacity(line.len()), 0);
    for (at, _) in line.match_indices(word) {
        if at >= rest && (word.len() >= LONG || alone(at)) {
            told += &line[rest..at];
            told.push('…');
            rest = at + word.len();
        }
    }
    told + &line[rest..]
}

/// `line` with no URL of RTSP in it, whosever it is.
fn without_urls(line: &str) -> String {
    let (mut told, mut rest) = (String::new(), line);
    while let Some(at) = rest.find("rtsp://").into_iter().chain(rest.find("rtsps://")).min() {
        told += &rest[..at];
        told.push('…');
        let end =
            rest[at..].find(|sign: char| sign.is_whitespace() || matches!(sign, '"' | '\'' | '<' | '>'));
        rest = end.map_or("", |end| &rest[at + end..]);
    }
    told + rest
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;
    use crate::ingest::Transport;

    fn source(url: &str, password: &str) -> Source {
        Source {
            url: Url::parse(url).expect("a URL"),
            transport: Transport::Tcp,
            trust: crate::ingest::Trust::default(),
            username: Some("admin".into()),
            password: Some(SecretString::from(password)),
            audio: true,
            video: true,
        }
    }

    #[test]
    fn secrets_in_url_and_password_do_not_reach_the_log() {
        let source = source("rtsp://10.0.0.7/user=admin&password=hunter2?channel=1", "tr0ub4dor");
        let scrub = Scrub::of(&source);
        for text in [
            "Bad URL rtsp://10.0.0.7/user=admin&password=hunter2?channel=1; only\nmore",
            "cannot log in with tr0ub4dor at /user=admin&password=hunter2",
            "bad control \"user=admin&password=hunter2\"",
            "the password hunter2 is no word",
        ] {
            let line = scrub.first_line(text);
            assert!(!line.contains("hunter2") && !line.contains("tr0ub4dor"), "{line}");
            assert!(!line.contains("more"), "{line}");
        }
        let local = "rtsp://127.0.0.1:8554/word/user=admin&password=hunter2?channel=1";
        scrub.clone().learn(&Url::parse(local).expect("a URL"));
        for text in [
            &format!("no {local}"),
            "bad Content-Base \"10.0.0.7:abc/user=admin&password=hunter2\"",
            "cannot log in with tr0ub4dor at /word/user=admin&password=hunter2",
        ] {
            let line = scrub.first_line(text);
            assert!(!line.contains("hunter2") && !line.contains("tr0ub4dor"), "{line}");
        }
    }

    #[test]
    fn neither_other_spellings_nor_pieces_nor_what_the_camera_says_of_itself_are_told() {
        let scrub = Scrub::of(&source("rtsps://10.0.0.7/aB3dE5fG7h?enableSrtp&pw=x&token=ab", "p@ss/w:rd"));
        scrub.learn(&Url::parse("rtsp://10.0.0.8/s?t0ken=hunter2").expect("a URL"));
        scrub.learn_description("m=video 0 RTP/AVP 96\r\na=control:rtsp://u:s3same@10.0.0.9/track1\r\n");
        for (text, told) in [
            ("password p%40ss%2Fw%3Ard", "password …"),
            ("password p%40ss%2fw%3ard or p@ss/w:rd", "password … or …"),
            ("no stream aB3dE5fG7h", "no stream …"),
            ("cannot SETUP u:s3same@10.0.0.9:554", "cannot SETUP u:…@10.0.0.9:554"),
            ("\"rtsp://u:x@10.0.0.7/a b\" of rtsps://h/c?d: no", "\"… b\" of … no"),
            ("token ab is out of date: abc", "token … is out of date: abc"),
            ("hunter2 is gone", "… is gone"),
        ] {
            assert_eq!(scrub.first_line(text), told);
        }
    }

    #[test]
    fn foreign_texts_are_short_and_hold_nothing_that_cannot_be_seen() {
        let scrub = Scrub::of(&source("rtsp://10.0.0.7/live", "hunter2"));
        let line = scrub.first_line(&format!("\u{1b}[31mno\u{7} hun\u{202e}ter2 {}", "x".repeat(50_000)));
        assert!(line.starts_with("[31mno … x") && line.ends_with("x…"), "{line}");
        assert_eq!(line.chars().count(), MOST);
    }

    #[test]
    fn words_that_only_look_like_pieces_of_the_url_stay() {
        let scrub = Scrub::of(&source("rtsp://10.0.0.7/cam/realmonitor?channel=1&subtype=0", "as"));
        assert_eq!(scrub.first_line("the camera was at channel 1:"), "the camera was at channel 1");
    }
}
