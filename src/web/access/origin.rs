//! Pages on other origins: who may read what is served here (CORS, as the Fetch standard has it), and who may act in
//! the name of its visitors.

use std::net::IpAddr;

use hyper::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_ORIGIN, HOST, HeaderMap, HeaderValue, ORIGIN, VARY,
};
use hyper::{Request, Response};
use url::{Host, Url};

use super::options::Cors;
use super::rights::ALL;

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

/// Whether that is a name of this machine for itself, as no site elsewhere can have: `localhost`, one below it, or an
/// address of loopback.
fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => {
            let name = name.trim_end_matches('.');
            name == "localhost" || name.ends_with(".localhost")
        }
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => IpAddr::from(*address).to_canonical().is_loopback(),
    }
}

/// Names under which this server knows itself to be asked for. Any other may be that of a site whose pages have been
/// told, by its name server, that the site is here (DNS rebinding): to a browser they are then pages of this server.
#[derive(Clone, Debug, Default)]
pub struct OwnNames(Vec<String>);

impl OwnNames {
    /// Those of this machine, and some more (`server.hosts`).
    pub fn new(named: &[String]) -> Self {
        Self(named.iter().map(|name| name.to_ascii_lowercase()).collect())
    }

    /// Whether a host, with a port or without, is one of them. Nobody has to be told where an address leads.
    pub fn has(&self, host: &str) -> bool {
        let Ok(url) = Url::parse(&format!("http://{host}/")) else { return false };
        match url.host() {
            Some(Host::Domain(name)) if self.0.iter().any(|named| named == name) => true,
            Some(host @ Host::Domain(_)) => is_loopback(&host),
            Some(Host::Ipv4(_) | Host::Ipv6(_)) => true,
            None => false,
        }
    }
}

/// Which pages on other origins may use what is served here.
#[derive(Clone, Debug)]
pub struct CrossOrigin {
    public: Vec<String>,
    credentials: Vec<String>,
    /// Pages of this machine may show what needs no login.
    local: bool,
}

impl CrossOrigin {
    /// As the rules have it; `named` if the server is for its own names alone.
    pub fn new(cors: &Cors, named: bool) -> Self {
        let local = named && cors.public.is_none();
        let public = cors.public.clone().unwrap_or_else(|| if named { vec![] } else { vec![ALL.to_owned()] });
        Self { public, credentials: cors.credentials.clone(), local }
    }

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
                    || (self.local && is_of_this_machine(other))
            }
        }
    }

    fn anybody(&self) -> bool {
        self.public.iter().any(|named| named == ALL)
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

/// Whether a page's origin is a program on this machine, which could ask without a browser too.
fn is_of_this_machine(origin: &HeaderValue) -> bool {
    let url = origin.to_str().ok().and_then(|origin| Url::parse(origin).ok());
    url.is_some_and(|url| {
        ["http", "https"].contains(&url.scheme()) && url.host().is_some_and(|host| is_loopback(&host))
    })
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
    fn marked(rules: &CrossOrigin, origin: &str, ambient: bool, shared: bool) -> (String, bool) {
        let mut answer = Response::new(());
        let origin = match origin {
            "" => Origin::Own,
            other => Origin::Other(HeaderValue::try_from(other).expect("good")),
        };
        rules.mark(&mut answer, &origin, ambient, shared);
        let named = answer.headers().get(ACCESS_CONTROL_ALLOW_ORIGIN);
        let named = named.map(|named| named.to_str().expect("text").to_owned()).unwrap_or_default();
        let varies = named != "*" || (!shared && !rules.credentials.is_empty());
        assert_eq!(answer.headers().contains_key(VARY), varies, "an answer for one is not for others");
        (named, answer.headers().contains_key(ACCESS_CONTROL_ALLOW_CREDENTIALS))
    }

    #[test]
    fn who_may_read_follows_from_what_was_shown() {
        let (friend, foe) = ("https://friend.example", "https://foe.example");
        let any = Cors { credentials: vec![friend.to_owned()], ..Cors::default() };
        let any = CrossOrigin::new(&any, false);
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
        let named = Cors { public: Some(vec![friend.to_owned()]), credentials: Vec::new() };
        let named = CrossOrigin::new(&named, false);
        for (origin, ambient, shared, expected) in [
            (foe, false, true, none.clone()),
            (friend, false, true, (friend.to_owned(), false)),
            (friend, true, false, none.clone()),
            ("", false, true, none),
        ] {
            assert_eq!(marked(&named, origin, ambient, shared), expected, "{origin} {ambient} {shared}");
        }
    }

    #[test]
    fn where_names_are_all_that_is_said_pages_of_this_machine_alone_may_read() {
        let named = CrossOrigin::new(&Cors::default(), true);
        for (origin, admitted) in [
            ("http://127.0.0.1:3000", true),
            ("http://localhost:3000", true),
            ("https://app.localhost", true),
            ("http://[::1]:3000", true),
            ("http://192.168.1.5", false),
            ("https://foe.example", false),
            ("http://localhost.foe.example", false),
            ("null", false),
            ("chrome-extension://localhost", false),
        ] {
            let expected = if admitted { origin } else { "" };
            assert_eq!(marked(&named, origin, false, true), (expected.to_owned(), false), "{origin}");
            let origin = Origin::Other(HeaderValue::try_from(origin).expect("good"));
            assert_eq!(named.admits(&origin), admitted);
        }
        let said = Cors { public: Some(vec!["https://foe.example".to_owned()]), ..Cors::default() };
        let said = CrossOrigin::new(&said, true);
        assert!(said.admits(&Origin::Other(HeaderValue::from_static("https://foe.example"))));
        assert!(
            !said.admits(&Origin::Other(HeaderValue::from_static("http://localhost:3000"))),
            "as it is said"
        );
    }

    #[test]
    fn a_server_knows_its_own_names() {
        let names = OwnNames::new(&["Cams.example.org".to_owned()]);
        for (host, known) in [
            ("localhost", true),
            ("localhost:8080", true),
            ("LOCALHOST.:8080", true),
            ("cams.localhost:1", true),
            ("127.0.0.1:8080", true),
            ("[::1]:8080", true),
            ("192.168.1.5", true),
            ("cams.example.org:8443", true),
            ("x.cams.example.org", false),
            ("foe.example:8080", false),
            ("127.0.0.1.foe.example", false),
            ("localhost.foe.example", false),
            ("", false),
            ("a b", false),
        ] {
            assert_eq!(names.has(host), known, "{host}");
        }
    }
}
