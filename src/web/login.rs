//! Logging in by a form, for people with a browser.

use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::{HeaderValue, SET_COOKIE};
use hyper::{Method, Request, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::timeout;

use super::access::{Refusal, SESSION_COOKIE, Shown};
use super::answer::{Answer, error, see_other};
use super::forwarded::Seen;
use super::handler::Site;
use super::pages;
use super::route::{Route, query_value};
use super::viewers::Peer;

/// Most bytes of a form.
const LARGEST_FORM: usize = 8 << 10;
/// A form must be here within this time.
const FORM_TIMEOUT: Duration = Duration::from_secs(10);

impl Site {
    /// The page, or what comes of its form.
    pub async fn login(&self, request: Request<Incoming>, peer: Peer) -> Answer {
        if !self.access.book().has_passwords() {
            return error(StatusCode::NOT_FOUND, "nobody has a password here");
        }
        if request.method() != Method::POST {
            return pages::login(StatusCode::OK, None);
        }
        let prefix = prefix(&request);
        let next = request.uri().query().and_then(|query| query_value(query, "next"));
        let next = next.filter(|next| self.is_page(next)).unwrap_or_default();
        let Some((user, password)) = read(request.into_body()).await else {
            return pages::login(StatusCode::BAD_REQUEST, Some("Both fields are needed."));
        };
        match self.access.login(&user, password.expose_secret(), peer.address).await {
            Ok((session, life)) => {
                let mut answer = see_other(&format!("./{next}"));
                self.set_cookie(&mut answer, &session, life, peer, &prefix);
                answer
            }
            Err(refusal) => {
                let (status, sentence) = match refusal {
                    Refusal::TooMany(_) => {
                        (StatusCode::TOO_MANY_REQUESTS, "Too many tries. Wait a moment, and try again.")
                    }
                    Refusal::Busy => (StatusCode::SERVICE_UNAVAILABLE, "Too many are logging in. Try again."),
                    _ => (StatusCode::UNAUTHORIZED, "That name and password do not fit."),
                };
                pages::login(status, Some(sentence))
            }
        }
    }

    /// Forgets who it was.
    pub fn logout(&self, request: &Request<Incoming>, peer: Peer) -> Answer {
        self.access.logout(&Shown { path_token: None, query: "", headers: request.headers() });
        let mut answer = see_other("./");
        self.set_cookie(&mut answer, "", 0, peer, &prefix(request));
        answer
    }

    /// Whether `next` is a page of this server, written relative to the base path: nobody is sent elsewhere.
    fn is_page(&self, next: &str) -> bool {
        let path = next.split_once('?').map_or(next, |(path, _)| path);
        let found = self.routes.find(&format!("{}{path}", self.routes.base_path()));
        matches!(found, Some(Route::Watch(_))) && next.bytes().all(|byte| byte.is_ascii_graphic())
    }

    fn set_cookie(&self, answer: &mut Answer, text: &str, life: u64, peer: Peer, prefix: &str) {
        let secure = if peer.tls { "; Secure" } else { "" };
        let path = self.routes.base_path();
        let cookie = format!(
            "{SESSION_COOKIE}={text}; Path={prefix}{path}; Max-Age={life}; HttpOnly; SameSite=Lax{secure}"
        );
        if let Ok(mut cookie) = HeaderValue::try_from(cookie) {
            cookie.set_sensitive(true);
            answer.headers_mut().insert(SET_COOKIE, cookie);
        }
    }
}

/// The path below which a proxy shows this server.
fn prefix(request: &Request<Incoming>) -> String {
    request.extensions().get::<Seen>().map(|seen| seen.prefix.clone()).unwrap_or_default()
}

/// Name and password of a form.
async fn read(body: Incoming) -> Option<(String, SecretString)> {
    let body = timeout(FORM_TIMEOUT, Limited::new(body, LARGEST_FORM).collect()).await.ok()?.ok()?.to_bytes();
    let (mut user, mut password) = (None, None);
    for (name, value) in url::form_urlencoded::parse(&body) {
        match &*name {
            "user" => user = Some(value.into_owned()),
            "password" => password = Some(SecretString::from(value.into_owned())),
            _ => {}
        }
    }
    Some((user.filter(|user| !user.is_empty())?, password?))
}
