//! Playlists as bytes: plain and zipped, each made once and shared by all who ask.

use std::hash::{DefaultHasher, Hasher};
use std::io::Write;
use std::sync::OnceLock;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderMap, HeaderName, HeaderValue, VARY};

use super::answer::{Answer, Cache, Urgency, ok, urgent};
use super::delivery::tagged;

const PLAYLIST: &str = "application/vnd.apple.mpegurl";
/// gzip level: a playlist is written once, but twice a second.
const GZIP_LEVEL: u32 = 4;

/// How far a media playlist has come, as `MSN.PART` of the part or `MSN` of the segment that comes next: so that a
/// wrong answer of a cache can be seen without reading it.
const NEXT: HeaderName = HeaderName::from_static("x-playlist-next");

/// A playlist, written once for all who ask.
pub struct Rendered {
    next: Option<HeaderValue>,
    plain: Encoded,
    gzip: OnceLock<Encoded>,
}

impl Rendered {
    /// Takes the text; it is zipped when somebody asks for that.
    pub fn new(text: String) -> Self {
        Self { next: None, plain: Encoded::new(text.into()), gzip: OnceLock::new() }
    }

    /// A media playlist, and what comes next in it.
    pub fn media(text: String, next: &str) -> Self {
        Self { next: HeaderValue::try_from(next).ok(), ..Self::new(text) }
    }

    /// Bytes of the text.
    pub fn len(&self) -> usize {
        self.plain.bytes.len()
    }

    /// The playlist in the encoding that the request wants.
    pub fn answer(&self, headers: &HeaderMap, cache: Cache) -> Answer {
        let zipped = accepts_gzip(headers);
        let encoded = if zipped {
            self.gzip.get_or_init(|| Encoded::new(gzip(&self.plain.bytes)))
        } else {
            &self.plain
        };
        let answer = tagged(ok(PLAYLIST, cache, encoded.bytes.clone()), &encoded.tag);
        let mut answer = urgent(answer, Urgency::Playlist);
        answer.headers_mut().insert(VARY, HeaderValue::from_static("Accept-Encoding"));
        if let Some(next) = &self.next {
            answer.headers_mut().insert(NEXT, next.clone());
        }
        if zipped {
            answer.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        answer
    }
}

/// One encoding of a playlist, with a strong name for exactly these bytes.
struct Encoded {
    bytes: Bytes,
    tag: String,
}

impl Encoded {
    fn new(bytes: Bytes) -> Self {
        let mut hasher = DefaultHasher::new();
        hasher.write(&bytes);
        Self { bytes, tag: format!("{:016x}", hasher.finish()) }
    }
}

fn gzip(plain: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 4 + 64), Compression::new(GZIP_LEVEL));
    encoder
        .write_all(plain)
        .and_then(|()| encoder.finish())
        .expect("a Vec takes all that is written to it")
        .into()
}

fn accepts_gzip(headers: &HeaderMap) -> bool {
    let offers = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    offers.flat_map(|value| value.split(',')).any(|offer| {
        let (coding, quality) = offer.split_once(';').unwrap_or((offer, ""));
        let refused = quality.trim().strip_prefix("q=").is_some_and(|q| q.trim().parse::<f32>() == Ok(0.0));
        matches!(coding.trim(), "gzip" | "x-gzip" | "*") && !refused
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_used_where_it_is_accepted() {
        for (offer, accepted) in [
            ("gzip", true),
            ("deflate, gzip;q=0.5", true),
            ("*", true),
            ("gzip;q=0", false),
            ("gzip; q=0.0", false),
            ("br", false),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(offer))]);
            assert_eq!(accepts_gzip(&headers), accepted, "{offer}");
        }
        assert!(!accepts_gzip(&HeaderMap::new()));
    }
}
