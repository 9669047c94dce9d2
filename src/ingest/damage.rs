//! What is made of a session's damage: when it is too much, and what may be told of it. Pure.

use std::time::{Duration, Instant};

use secrecy::ExposeSecret;

use super::Source;
use super::error::Failure;

/// So long a stream may bring nothing but damage. Cameras slip, and networks do: the next frame may be whole, or the
/// next key frame.
const LONGEST: Duration = Duration::from_secs(8);

/// Fewer slips than this in that time are no stream.
const FEWEST: usize = 8;

/// Damage since the last frame that was whole.
#[derive(Debug, Default)]
pub struct Damage {
    since: Option<Instant>,
    count: usize,
    last: Option<String>,
}

impl Damage {
    /// Takes note of something that could not be read at `now`; an error when nothing else has come for too long.
    pub fn add(&mut self, now: Instant, why: String) -> Result<(), Failure> {
        let since = *self.since.get_or_insert(now);
        self.count += 1;
        let within = now.saturating_duration_since(since);
        if within >= LONGEST && self.count >= FEWEST {
            return Err(Failure::Damaged { count: self.count, within, why });
        }
        self.last = Some(why);
        Ok(())
    }

    /// Takes note of a frame that is whole.
    pub fn whole(&mut self) {
        if self.since.is_some() {
            *self = Self::default();
        }
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
    fn only_a_stream_of_nothing_but_damage_ends_and_does_so_after_some_seconds() {
        let now = crate::clock::now().instant;
        // One slip each so many milliseconds, and a whole frame after each so many slips.
        for (step_ms, whole_after, ends_at) in [
            (10, None, Some(8_010)),
            (10, Some(200), None),
            (1_000, None, Some(9_000)),
            (2_000, None, Some(16_000)),
        ] {
            let mut damage = Damage::default();
            let end = (1..=2_000u32).find(|n| {
                if whole_after.is_some_and(|after| n % after == 0) {
                    damage.whole();
                }
                damage.add(now + Duration::from_millis(step_ms) * *n, "bad".into()).is_err()
            });
            assert_eq!(end.map(|n| u64::from(n) * step_ms), ends_at, "one each {step_ms} ms");
        }
    }

    #[test]
    fn a_stream_that_ends_after_damage_says_so() {
        let mut damage = Damage::default();
        assert_eq!(damage.ended(), Failure::Closed);
        damage.add(crate::clock::now().instant, "bad NAL".into()).expect("one is not too many");
        assert_eq!(damage.ended(), Failure::Broken { why: "bad NAL".into() });
        damage.add(crate::clock::now().instant, "bad NAL".into()).expect("one is not too many");
        damage.whole();
        assert_eq!(damage.ended(), Failure::Closed, "that was long ago");
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
