//! Pages on other origins: who may read what is served here (CORS, as the Fetch standard has it), and who may act in
//! the name of its visitors.

use hyper::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_ORIGIN, HOST, HeaderMap, HeaderValue, ORIGIN, VARY,
};
use hyper::{Request, Response};
use url::Url;

use super::options::Cors;

/// The origin of the page that sends a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// No page of another site: a program, or a page of this server.
    Own,
    /// A page of another site.
    Other(HeaderValue),
}

impl Origin {
    /// What the headers say. `host` is the name under which the client knows this server.
    pub fn of(headers: &HeaderMap, host: Option<&str>) -> Self {
        let Some(origin) = headers.get(ORIGIN) else { return Self::Own };
        let own = origin.to_str().ok().zip(host).is_some_and(|(origin, host)| is_same(origin, host));
        if own { Self::Own } else { Self::Other(origin.clone()) }
    }
}

/// The name under which a client asks for this server: the authority (HTTP/2), or the Host header.
pub fn host<B>(request: &Request<B>) -> Option<&str> {
    let header = || request.headers().get(HOST)?.to_str().ok();
    request.uri().authority().map(|authority| authority.as_str()).or_else(header)
}

/// Whether an origin is at that host: a port that is not said is that of the origin's scheme.
fn is_same(origin: &str, host: &str) -> bool {
    let Ok(origin) = Url::parse(origin) else { return false };
    let Ok(own) = Url::parse(&format!("{}://{host}/", origin.scheme())) else { return false };
    ["http", "https"].contains(&origin.scheme()) && own.origin() == origin.origin()
}

impl Cors {
    /// Whether a page of `origin` may use its visitor's login here.
    pub fn trusts(&self, origin: &Origin) -> bool {
        match origin {
            Origin::Own => true,
            Origin::Other(origin) => self.credentials.iter().any(|named| origin == named.as_str()),
        }
    }

    /// Whether a page of `origin` may show what needs no login of its visitor.
    pub fn admits(&self, origin: &Origin) -> bool {
        match origin {
            Origin::Own => true,
            Origin::Other(other) => {
                self.anybody()
                    || self.public.iter().any(|named| other == named.as_str())
                    || self.trusts(origin)
            }
        }
    }

    fn anybody(&self) -> bool {
        self.public.iter().any(|named| named == "*")
    }

    /// Says in an answer who may read it. `shared` answers are the same for all, and caches keep one for all.
    pub fn mark<B>(&self, answer: &mut Response<B>, origin: &Origin, ambient: bool, shared: bool) {
        let headers = answer.headers_mut();
        headers.remove(ACCESS_CONTROL_ALLOW_ORIGIN);
        if self.anybody() && (shared || (!ambient && !self.names(origin))) {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
            if !shared && !self.credentials.is_empty() {
                headers.append(VARY, HeaderValue::from_static("Origin"));
            }
            return;
        }
        headers.append(VARY, HeaderValue::from_static("Origin"));
        let Origin::Other(named) = origin else { return };
        if self.trusts(origin) {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, named.clone());
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        } else if !ambient && self.admits(origin) {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, named.clone());
        }
    }

    fn names(&self, origin: &Origin) -> bool {
        *origin != Origin::Own && self.trusts(origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_our_own_if_it_comes_from_where_it_asks() {
        for (origin, host, same) in [
            ("https://cams.example.org", "cams.example.org", true),
            ("https://cams.example.org", "CAMS.example.org:443", true),
            ("http://cams.example.org:8080", "cams.example.org:8080", true),
            ("http://[::1]:8080", "[::1]:8080", true),
            ("http://cams.example.org", "cams.example.org:8080", false),
            ("https://example.org", "cams.example.org", false),
            ("https://cams.example.org.evil.net", "cams.example.org", false),
            ("null", "null", false),
            ("file://", "", false),
            ("https://cams.example.org", "", false),
        ] {
            assert_eq!(is_same(origin, host), same, "{origin} {host}");
        }
    }

    /// Who is named for an origin, in an answer of this kind: the origin, and whether with credentials.
    fn marked(cors: &Cors, origin: &str, ambient: bool, shared: bool) -> (String, bool) {
        let mut answer = Response::new(());
        let origin = match origin {
            "" => Origin::Own,
            other => Origin::Other(HeaderValue::try_from(other).expect("good")),
        };
        cors.mark(&mut answer, &origin, ambient, shared);
        let named = answer.headers().get(ACCESS_CONTROL_ALLOW_ORIGIN);
        let named = named.map(|named| named.to_str().expect("text").to_owned()).unwrap_or_default();
        let varies = named != "*" || (!shared && !cors.credentials.is_empty());
        assert_eq!(answer.headers().contains_key(VARY), varies, "an answer for one is not for others");
        (named, answer.headers().contains_key(ACCESS_CONTROL_ALLOW_CREDENTIALS))
    }

    #[test]
    fn who_may_read_follows_from_what_was_shown() {
        let (friend, foe) = ("https://friend.example", "https://foe.example");
        let any = Cors { credentials: vec![friend.to_owned()], ..Cors::default() };
        let none = (String::new(), false);
        let all = ("*".to_owned(), false);
        for (origin, ambient, shared, expected) in [
            (foe, false, true, all.clone()),
            (friend, false, true, all.clone()),
            (foe, false, false, all.clone()),
            (friend, false, false, (friend.to_owned(), true)),
            (foe, true, false, none.clone()),
            (friend, true, false, (friend.to_owned(), true)),
            ("", false, false, all),
            ("", true, false, none.clone()),
        ] {
            assert_eq!(marked(&any, origin, ambient, shared), expected, "{origin} {ambient} {shared}");
        }
        let named = Cors { public: vec![friend.to_owned()], credentials: Vec::new() };
        for (origin, ambient, shared, expected) in [
            (foe, false, true, none.clone()),
            (friend, false, true, (friend.to_owned(), false)),
            (friend, true, false, none.clone()),
            ("", false, true, none),
        ] {
            assert_eq!(marked(&named, origin, ambient, shared), expected, "{origin} {ambient} {shared}");
        }
    }
}
