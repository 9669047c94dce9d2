//! What is made of a session's damage: when it is too much, and what may be told of it. Pure.

use std::time::{Duration, Instant};

use secrecy::ExposeSecret;

use super::Source;
use super::error::Failure;

/// So many damaged frames within [`DAMAGE_WINDOW`] end the session.
const DAMAGE_LIMIT: usize = 50;

/// See [`DAMAGE_LIMIT`].
const DAMAGE_WINDOW: Duration = Duration::from_secs(10);

/// Damaged frames of late.
#[derive(Debug, Default)]
pub struct Damage {
    since: Option<Instant>,
    count: usize,
    last: Option<String>,
}

impl Damage {
    /// Takes note of a frame that could not be read at `now`; an error when it is one too many.
    pub fn add(&mut self, now: Instant, why: String) -> Result<(), Failure> {
        let since = *self.since.get_or_insert(now);
        if now.saturating_duration_since(since) > DAMAGE_WINDOW {
            (self.since, self.count) = (Some(now), 0);
        }
        self.count += 1;
        if self.count >= DAMAGE_LIMIT {
            return Err(Failure::Damaged { count: self.count, within: DAMAGE_WINDOW, why });
        }
        self.last = Some(why);
        Ok(())
    }

    /// Why the stream ended: by the damage just before, or because the camera closed it.
    pub fn ended(&mut self) -> Failure {
        match self.last.take() {
            Some(why) => Failure::Broken { why },
            None => Failure::Closed,
        }
    }
}

/// Takes the parts of a source that may hold secrets out of foreign texts. Some cameras carry the
/// password in the path or the query of the URL.
#[derive(Debug)]
pub struct Scrub(Vec<String>);

impl Scrub {
    /// What must not be told about `source`.
    pub fn of(source: &Source) -> Self {
        let url = &source.url;
        let mut words = vec![url.as_str().to_owned(), url.path().to_owned()];
        words.extend(url.query().map(str::to_owned));
        words.extend(source.password.as_ref().map(|password| password.expose_secret().to_owned()));
        words.retain(|word| word.len() > 1);
        Self(words)
    }

    /// Nor of the same camera under another name.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        // A word in another one goes after it, or the rest of that would stay.
        self.0.sort_by_key(|word| std::cmp::Reverse(word.len()));
        self
    }

    /// The first line of a foreign error's text: the rest names bytes and packets.
    pub fn first_line(&self, text: &str) -> String {
        let line = text.lines().next().unwrap_or_default().trim_end_matches([':', ' ']).to_owned();
        self.0.iter().fold(line, |line, word| line.replace(word.as_str(), "…"))
    }
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;
    use url::Url;

    use super::*;
    use crate::ingest::Transport;

    #[test]
    fn fifty_damaged_frames_in_ten_seconds_are_too_many_and_in_a_minute_are_not() {
        let now = crate::clock::now().instant;
        for (step_ms, ends) in [(100, Some(50)), (1_000, None)] {
            let mut damage = Damage::default();
            let end = (1..=200u32)
                .find(|n| damage.add(now + Duration::from_millis(step_ms) * *n, "bad".into()).is_err());
            assert_eq!(end, ends, "one each {step_ms} ms");
        }
    }

    #[test]
    fn a_stream_that_ends_after_damage_says_so() {
        let mut damage = Damage::default();
        assert_eq!(damage.ended(), Failure::Closed);
        damage.add(crate::clock::now().instant, "bad NAL".into()).expect("one is not too many");
        assert_eq!(damage.ended(), Failure::Broken { why: "bad NAL".into() });
    }

    #[test]
    fn secrets_in_url_and_password_do_not_reach_the_log() {
        let source = Source {
            url: Url::parse("rtsp://10.0.0.7/user=admin&password=hunter2?channel=1").expect("a URL"),
            transport: Transport::Tcp,
            trust: crate::ingest::Trust::default(),
            username: Some("admin".into()),
            password: Some(SecretString::from("tr0ub4dor")),
            audio: true,
            video: true,
        };
        let scrub = Scrub::of(&source);
        for text in [
            "Bad URL rtsp://10.0.0.7/user=admin&password=hunter2?channel=1; only\nmore",
            "cannot log in with tr0ub4dor at /user=admin&password=hunter2",
        ] {
            let line = scrub.first_line(text);
            assert!(!line.contains("hunter2") && !line.contains("tr0ub4dor"), "{line}");
            assert!(!line.contains("more"), "{line}");
        }
        let url =
            Url::parse("rtsp://127.0.0.1:8554/word/user=admin&password=hunter2?channel=1").expect("a URL");
        let both = Scrub::of(&source).and(Scrub::of(&Source { url, ..source.clone() }));
        for text in [
            "no rtsp://127.0.0.1:8554/word/user=admin&password=hunter2?channel=1",
            "bad Content-Base \"10.0.0.7:abc/user=admin&password=hunter2\"",
            "cannot log in with tr0ub4dor at /word/user=admin&password=hunter2",
        ] {
            let line = both.first_line(text);
            assert!(!line.contains("hunter2") && !line.contains("tr0ub4dor"), "{line}");
        }
    }
}
