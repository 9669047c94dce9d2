//! Answers: one way to make them, so that none leaves without a cache rule and the headers that
//! players on other origins need.

use std::time::Duration;

use hyper::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName,
    HeaderValue, LOCATION, RETRY_AFTER,
};
use hyper::{Response, StatusCode};

use super::body::Body;

/// How long an answer may be kept by caches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cache {
    /// Not at all.
    Never,
    /// For a while; asked for again after it.
    For(Duration),
    /// For a while; the name never stands for other bytes, so it need not be asked for again.
    Immutable(Duration),
}

impl Cache {
    fn header(self) -> HeaderValue {
        let text = match self {
            Self::Never => return HeaderValue::from_static("no-store"),
            Self::For(time) if time.as_secs() == 0 => return HeaderValue::from_static("no-cache"),
            Self::For(time) => format!("public, max-age={}", time.as_secs()),
            Self::Immutable(time) => format!("public, max-age={}, immutable", time.as_secs()),
        };
        HeaderValue::try_from(text).expect("digits and letters are a header value")
    }
}

/// A response whose body is made of shared pieces.
pub type Answer = Response<Body>;

/// How urgent an answer is beside others of its connection (RFC 9218; RFC 8216bis B.1): for HTTP/2 and HTTP/3 stacks
/// and proxies that send what matters first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// What tells of all the rest.
    Playlist,
    /// Little, and nothing plays without it.
    InitOrSound,
    /// Most of the bytes.
    Pictures,
}

/// Says how urgent an answer is.
pub fn urgent(mut answer: Answer, urgency: Urgency) -> Answer {
    let value = match urgency {
        Urgency::Playlist => "u=1",
        Urgency::InitOrSound => "u=2",
        Urgency::Pictures => "u=3",
    };
    answer.headers_mut().insert(HeaderName::from_static("priority"), HeaderValue::from_static(value));
    answer
}

/// A good answer.
pub fn ok(content_type: &'static str, cache: Cache, body: impl Into<Body>) -> Answer {
    answer(StatusCode::OK, content_type, cache, body.into())
}

/// An error in one plain sentence.
pub fn error(status: StatusCode, sentence: impl Into<String>) -> Answer {
    let mut text: String = sentence.into();
    text.push('\n');
    let cache = match status {
        // A name that is unknown now may be known in a moment: no cache may stall it for long.
        StatusCode::NOT_FOUND => Cache::For(Duration::from_secs(1)),
        _ => Cache::Never,
    };
    let mut answer = answer(status, "text/plain; charset=utf-8", cache, text.into());
    if status == StatusCode::SERVICE_UNAVAILABLE {
        answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    answer
}

/// Sends a page's reader elsewhere; `location` is relative to the address that was asked for.
pub fn see_other(location: &str) -> Answer {
    let mut answer = error(StatusCode::SEE_OTHER, "go on there");
    if let Ok(location) = HeaderValue::try_from(location) {
        answer.headers_mut().insert(LOCATION, location);
    }
    answer
}

/// Keeps an answer from caches that serve many.
pub fn make_private(answer: &mut Answer) {
    let cache = answer.headers().get(CACHE_CONTROL).and_then(|cache| cache.to_str().ok());
    if let Some(rule) = cache.and_then(|cache| cache.strip_prefix("public"))
        && let Ok(rule) = HeaderValue::try_from(format!("private{rule}"))
    {
        answer.headers_mut().insert(CACHE_CONTROL, rule);
    }
}

/// Lets caches keep an answer no longer than this.
pub fn keep_at_most(answer: &mut Answer, time: Duration) {
    let cache = answer.headers().get(CACHE_CONTROL).and_then(|cache| cache.to_str().ok());
    let Some((before, age)) = cache.and_then(|cache| cache.split_once("max-age=")) else { return };
    let digits = age.find(|c: char| !c.is_ascii_digit()).unwrap_or(age.len());
    let (age, after) = age.split_at(digits);
    // A name whose bytes are known is asked for again all the same.
    let after = after.strip_prefix(", immutable").unwrap_or(after);
    if age.parse::<u64>().is_ok_and(|age| age > time.as_secs())
        && let Ok(rule) = HeaderValue::try_from(format!("{before}max-age={}{after}", time.as_secs()))
    {
        answer.headers_mut().insert(CACHE_CONTROL, rule);
    }
}

/// 405 with what would have been allowed.
pub fn method_not_allowed(allowed: &'static str) -> Answer {
    let mut answer = error(StatusCode::METHOD_NOT_ALLOWED, format!("only {allowed} is answered here"));
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    answer
}

/// The answer to a browser that asks whether another origin may read here.
pub fn preflight() -> Answer {
    let mut answer = answer(StatusCode::NO_CONTENT, "", Cache::Never, Body::default());
    let headers = answer.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, HEAD, OPTIONS"));
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("Authorization, Range"));
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    answer
}

fn answer(status: StatusCode, content_type: &'static str, cache: Cache, body: Body) -> Answer {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    if !content_type.is_empty() {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    headers.insert(CACHE_CONTROL, cache.header());
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    let exposed = HeaderValue::from_static("Age, Date, Content-Length, Retry-After");
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    headers.insert(HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_answer_is_kept_beyond_the_time_that_it_may() {
        let long = Duration::from_secs(600);
        for (cache, left, expected) in [
            (Cache::Immutable(long), 3600, "public, max-age=600, immutable"),
            (Cache::Immutable(long), 600, "public, max-age=600, immutable"),
            (Cache::Immutable(long), 20, "public, max-age=20"),
            (Cache::For(long), 20, "public, max-age=20"),
            (Cache::For(long), 0, "public, max-age=0"),
            (Cache::Never, 20, "no-store"),
            (Cache::For(Duration::ZERO), 20, "no-cache"),
        ] {
            let mut answer = ok("text/plain", cache, String::new());
            keep_at_most(&mut answer, Duration::from_secs(left));
            assert_eq!(answer.headers()[CACHE_CONTROL], expected, "{cache:?} {left}");
        }
    }
}
