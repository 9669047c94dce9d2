//! What a request shows to prove who asks. Pure.

use headers::authorization::{Basic, Bearer};
use headers::{Authorization, Cookie, HeaderMapExt};
use hyper::header::HeaderMap;

use super::session;
use crate::web::route::query_value;

/// Cookie that holds an access token.
pub const TOKEN_COOKIE: &str = "belvedere_token";
/// Name of the token in a query.
pub const TOKEN_QUERY: &str = "token";

/// How a token came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// As the beginning of the path: `/t/{token}/…`.
    Path,
    /// As `?token=`.
    Query,
    /// As `Authorization: Bearer`.
    Bearer,
    /// As a cookie.
    Cookie,
}

/// What a request shows.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// An access token.
    Token(Way, String),
    /// Name and password, by HTTP Basic.
    Password(String, String),
    /// The cookie of a login.
    Session(String),
}

/// Where a request may hold credentials.
#[derive(Clone, Copy)]
pub struct Shown<'a> {
    /// The token that the path began with.
    pub path_token: Option<&'a str>,
    /// The query.
    pub query: &'a str,
    /// The headers.
    pub headers: &'a HeaderMap,
}

impl Shown<'_> {
    /// What was shown on purpose, in the address before a header: it counts alone, good or bad. A token without a letter
    /// is none: pages write `?token=` whether they have one or not.
    pub fn explicit(&self) -> Option<Credential> {
        if let Some(token) = self.path_token {
            return Some(Credential::Token(Way::Path, token.to_owned()));
        }
        if let Some(token) = query_value(self.query, TOKEN_QUERY).filter(|token| !token.is_empty()) {
            return Some(Credential::Token(Way::Query, token));
        }
        let bearer = self.headers.typed_get::<Authorization<Bearer>>();
        if let Some(Authorization(bearer)) = bearer.filter(|bearer| !bearer.token().is_empty()) {
            return Some(Credential::Token(Way::Bearer, bearer.token().to_owned()));
        }
        let Authorization(basic) = self.headers.typed_get::<Authorization<Basic>>()?;
        Some(Credential::Password(basic.username().to_owned(), basic.password().to_owned()))
    }

    /// What browsers send by themselves. Old ones are no offence.
    pub fn cookies(&self) -> Vec<Credential> {
        let Some(cookies) = self.headers.typed_get::<Cookie>() else { return Vec::new() };
        let session = cookies.get(session::COOKIE).map(|text| Credential::Session(text.to_owned()));
        let token = cookies.get(TOKEN_COOKIE).map(|text| Credential::Token(Way::Cookie, text.to_owned()));
        session.into_iter().chain(token).collect()
    }
}

impl Credential {
    /// Whether browsers send it by themselves, to whatever page sent the request.
    pub fn is_ambient(&self) -> bool {
        match self {
            Self::Token(Way::Path | Way::Query | Way::Bearer, _) => false,
            // Browsers keep what was typed into their dialogue.
            Self::Token(Way::Cookie, _) | Self::Password(..) | Self::Session(_) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::{AUTHORIZATION, COOKIE, HeaderValue};

    #[test]
    fn the_address_counts_before_headers_and_both_before_cookies() {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_static("Bearer b"));
        headers.insert(COOKIE, HeaderValue::from_static("belvedere_token=c; x=y; belvedere_session=s"));
        let token = |way, text: &str| Some(Credential::Token(way, text.to_owned()));
        let shown = Shown { path_token: Some("p"), query: "a=1&token=q%2E", headers: &headers };
        assert!(shown.explicit() == token(Way::Path, "p"));
        let shown = Shown { path_token: None, ..shown };
        assert!(shown.explicit() == token(Way::Query, "q."));
        for query in ["", "token=", "a=1&token"] {
            let shown = Shown { query, ..shown };
            assert!(shown.explicit() == token(Way::Bearer, "b"), "{query}");
        }
        let shown = Shown { query: "", ..shown };
        let all = shown.cookies();
        assert!(all[0] == Credential::Session("s".into()) && Some(all[1].clone()) == token(Way::Cookie, "c"));
        headers.insert(AUTHORIZATION, HeaderValue::from_static("Basic YW5uYTpodW50ZXIy"));
        let shown = Shown { path_token: None, query: "", headers: &headers };
        assert!(shown.explicit() == Some(Credential::Password("anna".into(), "hunter2".into())));
        headers.insert(AUTHORIZATION, HeaderValue::from_static("Basic !"));
        assert!(Shown { path_token: None, query: "", headers: &headers }.explicit().is_none());
    }
}
