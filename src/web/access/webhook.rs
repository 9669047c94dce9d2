//! Somebody else who is asked whether a request is good: one POST with JSON; 2xx is yes.

use std::net::IpAddr;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use aws_lc_rs::hmac;
use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST, USER_AGENT};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use moka::sync::Cache;
use serde::Serialize;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tracing::warn;

use super::credentials::Credential;
use super::options::Webhook;
use super::password::{Tag, random_key};
use super::refusal::Refusal;
use super::rights::Need;
use super::throttle::{Waiting, Wrongs};

/// Answers that are kept.
const REMEMBERED: u64 = 10_000;
/// Questions at once; a crowd with one credential is one question.
const AT_ONCE: usize = 16;
/// More than these that wait are told to come again.
const WAITING: usize = 512;
/// Who stays is not asked for more often than this, however short answers hold.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(5);
/// An answer that has just run out is not found again.
const LATER: Duration = Duration::from_millis(50);
/// A no is kept at most this long: who has just been let in should not wait.
const REFUSED_FOR: Duration = Duration::from_secs(5);

/// What is asked.
#[derive(Serialize)]
struct Question<'a> {
    action: &'static str,
    camera: &'a str,
    ip: IpAddr,
    #[serde(skip_serializing_if = "str::is_empty")]
    user: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    password: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    token: &'a str,
}

/// What was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Let it in.
    Yes,
    /// It is known, and this is not for it (403).
    No,
    /// It is not known (any other refusal).
    Unknown,
}

/// Why it is asked about somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// It wants to come in: who shows something wrong too often is not listened to.
    Entry,
    /// The same request as before, about one camera more: wrong once, not once a camera.
    Again,
    /// It is in: a guess of somebody else at its address must not keep it there.
    Stay,
}

/// Asks, and remembers the answers.
pub struct Hook {
    /// Where and how to ask.
    pub options: Webhook,
    yes: Cache<Tag, ()>,
    no: Cache<Tag, Verdict>,
    /// Names what is remembered, so that no password is.
    naming: hmac::Key,
    asking: Semaphore,
    waiting: AtomicUsize,
    wrongs: Wrongs,
}

impl Hook {
    /// Nothing asked yet.
    pub fn new(options: Webhook) -> Self {
        let cache = |life: Duration| Cache::builder().max_capacity(REMEMBERED).time_to_live(life);
        Self {
            yes: cache(options.cache).build(),
            no: Cache::builder()
                .max_capacity(REMEMBERED)
                .time_to_live(options.cache.min(REFUSED_FOR))
                .build(),
            options,
            naming: random_key(),
            asking: Semaphore::new(AT_ONCE),
            waiting: AtomicUsize::new(0),
            wrongs: Wrongs::new(),
        }
    }

    /// How often it is to be asked again about somebody who stays.
    pub fn interval(&self) -> Duration {
        self.options.cache.max(SHORTEST_INTERVAL) + LATER
    }

    /// Whether somebody with this credential at this address has what it needs.
    ///
    /// # Errors
    /// Nobody answers, too many wait for an answer, or too many answers about that address were no.
    pub async fn ask(
        &self,
        need: &Need,
        credential: Option<&Credential>,
        ip: IpAddr,
        occasion: Occasion,
    ) -> Result<Verdict, Refusal> {
        let (action, camera) = match need {
            Need::Watch(camera) => ("watch", camera.as_str()),
            Need::Publish(camera) => ("publish", camera.as_str()),
            Need::Administer => ("administer", ""),
            Need::Nothing | Need::Identity => return Ok(Verdict::Unknown),
        };
        let (user, password, token) = match credential {
            Some(Credential::Password(user, password)) => (user.as_str(), password.as_str(), ""),
            Some(Credential::Token(_, token)) => ("", "", token.as_str()),
            Some(Credential::Session(_)) | None => ("", "", ""),
        };
        let question = Question { action, camera, ip, user, password, token };
        let body = serde_json::to_vec(&question).expect("strings are always JSON");
        let mut name = Tag::default();
        name.copy_from_slice(hmac::sign(&self.naming, &body).as_ref());
        if let Some(known) = self.known(&name) {
            return Ok(known);
        }
        if occasion != Occasion::Stay {
            self.wrongs.check(ip).map_err(Refusal::TooMany)?;
        }
        let Some(_waiting) = Waiting::new(&self.waiting, WAITING) else { return Err(Refusal::Busy) };
        // To wait for a turn takes of the time that there is for an answer.
        let verdict = timeout(self.options.timeout, self.take_turn(&name, body.into())).await;
        let verdict = verdict.unwrap_or_else(|_| {
            warn!("auth.webhook does not answer in time");
            None
        });
        let verdict = verdict.ok_or(Refusal::Busy)?;
        // Whose address alone is judged has guessed nothing.
        if verdict == Verdict::Unknown && credential.is_some() && occasion == Occasion::Entry {
            self.wrongs.count(ip);
        }
        Ok(verdict)
    }

    /// Asks when it is one's turn, if nobody else has asked the same meanwhile; `None` if there is no answer.
    async fn take_turn(&self, name: &Tag, question: Bytes) -> Option<Verdict> {
        let _turn = self.asking.acquire().await.ok()?;
        if let Some(known) = self.known(name) {
            return Some(known);
        }
        let status = match self.send(question).await {
            Ok(status) => status,
            Err(error) => {
                warn!(%error, "auth.webhook cannot be asked");
                return None;
            }
        };
        let verdict = match status {
            _ if status.is_success() => Verdict::Yes,
            StatusCode::FORBIDDEN => Verdict::No,
            _ if status.is_server_error() => {
                warn!(%status, "auth.webhook has an error");
                return None;
            }
            _ => Verdict::Unknown,
        };
        match verdict {
            Verdict::Yes => self.yes.insert(*name, ()),
            Verdict::No | Verdict::Unknown => self.no.insert(*name, verdict),
        }
        Some(verdict)
    }

    fn known(&self, name: &Tag) -> Option<Verdict> {
        self.yes.get(name).map(|()| Verdict::Yes).or_else(|| self.no.get(name))
    }

    async fn send(&self, body: Bytes) -> Result<StatusCode, Box<dyn std::error::Error + Send + Sync>> {
        let url = &self.options.url;
        let host = url.host_str().unwrap_or_default();
        let port = url.port_or_known_default().unwrap_or(80);
        let stream = TcpStream::connect((host.trim_matches(['[', ']']), port)).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let connection = tokio::spawn(connection);
        let request = Request::post(&url[url::Position::BeforePath..url::Position::AfterQuery])
            .header(HOST, &url[url::Position::BeforeHost..url::Position::AfterPort])
            .header(CONTENT_TYPE, "application/json")
            .header(CONNECTION, "close")
            .header(USER_AGENT, concat!("belvedere/", env!("CARGO_PKG_VERSION")))
            .body(Full::new(body))?;
        let status = sender.send_request(request).await.map(|answer| answer.status());
        // The status says it all.
        connection.abort();
        Ok(status?)
    }
}
