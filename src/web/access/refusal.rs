//! How somebody is sent away, and what is said about it.

use std::time::Duration;

use hyper::StatusCode;
use hyper::header::{HeaderMap, HeaderValue, RETRY_AFTER, USER_AGENT, WWW_AUTHENTICATE};

use super::keys::TokenError;
use super::password::LoginError;
use crate::web::answer::{Answer, error};

/// Why somebody is sent away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Nothing was shown.
    Unknown,
    /// The token is no good.
    Token(TokenError),
    /// There is no such user, or the password is another one.
    Password,
    /// Too many tries.
    TooMany(Duration),
    /// Too many others are being checked, or nobody answers who was asked.
    Busy,
    /// It is known who asks, and it is not for them.
    Forbidden,
    /// A page of another site asks in its visitor's name.
    Origin,
    /// What was good when the request came is over.
    Ended,
}

impl From<LoginError> for Refusal {
    fn from(error: LoginError) -> Self {
        match error {
            LoginError::Wrong => Self::Password,
            LoginError::TooMany(wait) => Self::TooMany(wait),
            LoginError::Busy => Self::Busy,
        }
    }
}

impl Refusal {
    fn status(self) -> StatusCode {
        match self {
            Self::Unknown | Self::Token(_) | Self::Password | Self::Ended => StatusCode::UNAUTHORIZED,
            Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Forbidden | Self::Origin => StatusCode::FORBIDDEN,
        }
    }

    fn sentence(self) -> String {
        match self {
            Self::Unknown => "this is not for everybody: log in, or use an access link".to_owned(),
            Self::Token(error) => error.to_string(),
            Self::Password => "wrong user name or password".to_owned(),
            Self::TooMany(_) => "too many wrong passwords or tokens; try again in a while".to_owned(),
            Self::Busy => "too many are asking to be let in; try again in a moment".to_owned(),
            Self::Forbidden => "this is not for you".to_owned(),
            Self::Origin => "a page of another site may not do this".to_owned(),
            Self::Ended => "the time of that permission is over".to_owned(),
        }
    }

    /// The answer. Whoever is unknown is told how to become known: programs by HTTP Basic too; browsers not, since
    /// they would cover the page with a dialogue of their own. `passwords` tells whether there are any.
    pub fn answer(self, headers: &HeaderMap, passwords: bool) -> Answer {
        let mut answer = error(self.status(), self.sentence());
        let browser = headers.get(USER_AGENT).is_some_and(|name| name.as_bytes().starts_with(b"Mozilla/"));
        let out = answer.headers_mut();
        if self.status() == StatusCode::UNAUTHORIZED {
            let bearer = match self {
                Self::Token(_) | Self::Ended => "Bearer realm=\"Belvedere\", error=\"invalid_token\"",
                _ => "Bearer realm=\"Belvedere\"",
            };
            out.append(WWW_AUTHENTICATE, HeaderValue::from_static(bearer));
            if passwords && !browser {
                let basic = HeaderValue::from_static("Basic realm=\"Belvedere\", charset=\"UTF-8\"");
                out.append(WWW_AUTHENTICATE, basic);
            }
        }
        if let Self::TooMany(wait) = self {
            out.insert(RETRY_AFTER, HeaderValue::from(wait.as_secs() + 1));
        }
        answer
    }
}
