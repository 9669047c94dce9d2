//! Conditional requests and ranges (RFC 9110, 13 and 14): applied to any answer that has an ETag.

use hyper::body::Body as _;
use hyper::header::{
    ACCEPT_RANGES, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderMap,
    HeaderValue, IF_NONE_MATCH, IF_RANGE, RANGE,
};

use hyper::{Method, StatusCode};

use super::answer::{Answer, error};
use super::body::Body;

/// What of a body is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    /// All: no range, or none that is understood.
    All,
    /// From the first byte to before the second.
    Part(u64, u64),
    /// Nothing that there is.
    Nothing,
}

/// Gives an answer a name for exactly its bytes.
pub fn tagged(mut answer: Answer, tag: &str) -> Answer {
    if let Ok(tag) = HeaderValue::try_from(format!("\"{tag}\"")) {
        answer.headers_mut().insert(ETAG, tag);
    }
    answer
}

/// Marks a tagged answer as one that can be fetched in ranges.
pub fn in_ranges(mut answer: Answer) -> Answer {
    answer.headers_mut().insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    answer
}

/// The answer to HEAD: what GET would get, without its body (RFC 9110, 9.3.2). hyper sees to that in HTTP/1.1 alone, and
/// a client of HTTP/2 takes a body for an offence.
pub fn bodiless(answer: Answer) -> Answer {
    let (mut parts, body) = answer.into_parts();
    if let Some(length) = body.size_hint().exact().filter(|length| *length > 0) {
        parts.headers.entry(CONTENT_LENGTH).or_insert(length.into());
    }
    Answer::from_parts(parts, Body::default())
}

/// What the request's conditions and ranges leave of a good answer; ranges are for GET alone.
pub fn deliver(method: &Method, request: &HeaderMap, answer: Answer) -> Answer {
    let Some(tag) = answer.headers().get(ETAG).cloned() else { return answer };
    if answer.status() != StatusCode::OK {
        return answer;
    }
    if knows(request, &tag) {
        return not_modified(answer);
    }
    if method != Method::GET
        || !answer.headers().contains_key(ACCEPT_RANGES)
        || request.get(IF_RANGE).is_some_and(|known| *known != tag)
    {
        return answer;
    }
    let length = answer.body().left();
    let range = request.get(RANGE).and_then(|range| range.to_str().ok());
    match range.map_or(Wanted::All, |range| wanted(range, length)) {
        Wanted::All => answer,
        Wanted::Part(start, end) => partial(answer, start, end, length),
        Wanted::Nothing => {
            let mut answer = error(StatusCode::RANGE_NOT_SATISFIABLE, "that range lies beyond the end");
            set_range(&mut answer, format!("bytes */{length}"));
            answer
        }
    }
}

fn knows(request: &HeaderMap, tag: &HeaderValue) -> bool {
    let lists = request.get_all(IF_NONE_MATCH).iter().filter_map(|list| list.to_str().ok());
    // Weak comparison (RFC 9110, 13.1.2): a cache in between may have weakened our tag.
    lists
        .flat_map(|list| list.split(','))
        .map(str::trim)
        .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known).as_bytes() == tag.as_bytes())
}

fn not_modified(answer: Answer) -> Answer {
    let (mut parts, _) = answer.into_parts();
    parts.status = StatusCode::NOT_MODIFIED;
    parts.headers.remove(CONTENT_TYPE);
    parts.headers.remove(CONTENT_ENCODING);
    Answer::from_parts(parts, Body::default())
}

fn partial(answer: Answer, start: u64, end: u64, length: u64) -> Answer {
    let (mut parts, body) = answer.into_parts();
    parts.status = StatusCode::PARTIAL_CONTENT;
    let mut answer = Answer::from_parts(parts, body.range(start, end));
    set_range(&mut answer, format!("bytes {start}-{}/{length}", end - 1));
    answer
}

fn set_range(answer: &mut Answer, text: String) {
    if let Ok(range) = HeaderValue::try_from(text) {
        answer.headers_mut().insert(CONTENT_RANGE, range);
    }
}

/// Reads a Range header. Several ranges at once are answered with all, which is allowed and simple.
fn wanted(range: &str, length: u64) -> Wanted {
    let Some((first, last)) = range.trim().strip_prefix("bytes=").and_then(|range| range.split_once('-'))
    else {
        return Wanted::All;
    };
    let (first, last) = (first.trim(), last.trim());
    let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?;
    match (number(first), number(last)) {
        (Some(start), _) if last.is_empty() && start < length => Wanted::Part(start, length),
        (Some(start), Some(end)) if start <= end && start < length => {
            Wanted::Part(start, length.min(u64::saturating_add(end, 1)))
        }
        (None, Some(0)) if first.is_empty() => Wanted::Nothing,
        (None, Some(count)) if first.is_empty() && length > 0 => {
            Wanted::Part(length.saturating_sub(count), length)
        }
        (Some(start), Some(end)) if start > end => Wanted::All,
        (Some(_), _) if last.is_empty() || number(last).is_some() => Wanted::Nothing,
        _ => Wanted::All,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http_body_util::BodyExt;

    use super::*;
    use crate::web::answer::{Cache, ok};

    fn media() -> Answer {
        let pieces = [&b"0123"[..], b"4567", b"89"].map(Bytes::from_static);
        in_ranges(tagged(ok("video/mp4", Cache::Never, Body::from_iter(pieces)), "x"))
    }

    fn asking(headers: &[(hyper::header::HeaderName, &'static str)]) -> HeaderMap {
        headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    async fn text(answer: Answer) -> String {
        String::from_utf8(answer.into_body().collect().await.expect("cannot fail").to_bytes().to_vec())
            .expect("text")
    }

    #[tokio::test]
    async fn a_range_across_pieces_is_cut_out_of_them() {
        let answer = deliver(&Method::GET, &asking(&[(RANGE, "bytes=2-8")]), media());
        assert_eq!(answer.status(), StatusCode::PARTIAL_CONTENT);
        assert_eq!(answer.headers()[CONTENT_RANGE], "bytes 2-8/10");
        assert_eq!(text(answer).await, "2345678");
    }

    #[test]
    fn ranges_are_read_as_rfc_9110_says() {
        for (range, expected) in [
            ("bytes=0-", Wanted::Part(0, 10)),
            ("bytes=4-9007199254740991", Wanted::Part(4, 10)),
            ("bytes=-3", Wanted::Part(7, 10)),
            ("bytes=-30", Wanted::Part(0, 10)),
            ("bytes=10-", Wanted::Nothing),
            ("bytes=10-12", Wanted::Nothing),
            ("bytes=-0", Wanted::Nothing),
            ("bytes=3-2", Wanted::All),
            ("bytes=0-1,3-4", Wanted::All),
            ("bytes=x-", Wanted::All),
            ("lines=0-1", Wanted::All),
        ] {
            assert_eq!(wanted(range, 10), expected, "{range}");
        }
    }

    #[tokio::test]
    async fn what_is_known_is_not_sent_again() {
        for known in ["\"x\"", "W/\"x\"", "\"a\", \"x\"", "*"] {
            let answer = deliver(&Method::GET, &asking(&[(IF_NONE_MATCH, known)]), media());
            assert_eq!(answer.status(), StatusCode::NOT_MODIFIED, "{known}");
            assert_eq!(answer.headers()[ETAG], "\"x\"");
            assert_eq!(text(answer).await, "");
        }
        assert_eq!(
            deliver(&Method::GET, &asking(&[(IF_NONE_MATCH, "\"y\"")]), media()).status(),
            StatusCode::OK
        );
    }

    #[test]
    fn a_range_of_other_bytes_is_not_cut_out_of_these() {
        let answer = deliver(&Method::GET, &asking(&[(RANGE, "bytes=0-1"), (IF_RANGE, "\"y\"")]), media());
        assert_eq!(answer.status(), StatusCode::OK);
    }

    #[test]
    fn playlists_ignore_ranges() {
        let playlist = tagged(ok("text/plain", Cache::Never, Bytes::from_static(b"0123456789")), "x");
        assert_eq!(
            deliver(&Method::GET, &asking(&[(RANGE, "bytes=0-1")]), playlist).status(),
            StatusCode::OK
        );
    }
}
