//! `access`: who may watch, push video, and administer.
//!
//! Belongs here: what a request needs ([`Need`]), what it shows (`credentials.rs`), what that comes to ([`Rights`]),
//! and how somebody is sent away (`refusal.rs`). Does not belong here: what is then served.
//! Read first: `rights.rs`, then [`Access::admit`] and `gate.rs`. `options.rs` is what can be set.
//!
//! Nothing in here logs or shows a secret. What is remembered goes by keyed hashes; only who is in, and may be asked for
//! again, is kept with its token, or with what the hook goes by.

mod credentials;
mod gate;
mod keys;
mod lease;
mod options;
mod origin;
mod password;
mod refusal;
mod rights;
mod session;
mod throttle;
mod webhook;

use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tracing::{debug, info};

pub use credentials::{Credential, Shown, TOKEN_QUERY, Way};
pub use keys::{KeyError, NoKey, mint};
pub use lease::Lease;
pub use options::{Auth, Cors, Groups, Jwks, Key, Rules, SHORTEST_SECRET, Unguarded, User, Webhook};
pub use origin::{CrossOrigin, Origin, OwnNames, host};
pub use password::{BadPassword, hash as hash_password, is_hash as is_password_hash};
pub use refusal::Refusal;
pub use rights::{ALL, GROUP, Grant, Need, Rights};
pub use session::COOKIE as SESSION_COOKIE;
pub use throttle::household;

use crate::clock;
use gate::{Gate, Leave, Proof};
use lease::Looked;
use webhook::{Occasion, Verdict};

/// The gatekeeper of one server.
pub struct Access {
    book: RwLock<Arc<Book>>,
    /// How often something changed that may put somebody out.
    changes: watch::Sender<u64>,
}

/// The rules that hold now.
pub struct Book {
    gate: Option<Gate>,
    /// Nothing is said about who may watch, but by which names the server is asked for: it is for those alone.
    named: bool,
    names: OwnNames,
    /// Rules for pages on other origins.
    pub cross_origin: CrossOrigin,
    cors: Cors,
    hosts: Vec<String>,
}

/// What let somebody in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// It is for everybody.
    Nobody,
    /// Shown on purpose, in the path: all answers to one address are the same.
    Path,
    /// Shown on purpose otherwise.
    Explicit,
    /// Sent by a browser on its own.
    Ambient,
}

/// Leave to come in.
pub struct Pass {
    access: Arc<Access>,
    need: Need,
    leave: Leave,
    until: Option<Instant>,
    looked: Looked,
}

impl Pass {
    /// What it was given for.
    pub fn by(&self) -> By {
        self.leave.by
    }

    /// How the token came that it was given for.
    pub fn way(&self) -> Option<Way> {
        self.leave.way
    }

    /// How long it holds at least, if it has an end.
    pub fn left(&self) -> Option<Duration> {
        self.until.map(|until| until.saturating_duration_since(self.looked.at))
    }

    /// How long it holds, for who stays longer than an answer takes.
    pub fn lease(&self) -> Lease {
        let (need, proof) = (self.need.clone(), self.leave.proof.clone());
        Lease::new(self.access.clone(), need, proof, self.until, self.looked)
    }
}

impl Book {
    fn new(auth: &Auth, cors: &Cors, hosts: &[String], before: Option<&Self>) -> Result<Self, KeyError> {
        let before = before.and_then(|book| book.gate.as_ref());
        let gate = match auth {
            Auth::Unset | Auth::Open => None,
            Auth::Rules(rules) => Some(Gate::new(rules, before)?),
        };
        let named = *auth == Auth::Unset && !hosts.is_empty();
        Ok(Self {
            gate,
            named,
            names: OwnNames::new(hosts),
            cross_origin: CrossOrigin::new(cors, named),
            cors: cors.clone(),
            hosts: hosts.to_vec(),
        })
    }

    fn is_like(&self, other: &Self) -> bool {
        let same_gate = match (&self.gate, &other.gate) {
            (Some(one), Some(other)) => one.is_like(other),
            (None, None) => true,
            _ => false,
        };
        same_gate && self.named == other.named && self.cors == other.cors && self.hosts == other.hosts
    }

    /// Whether requests under a name are answered: where names are all that is said, a page of any other site could
    /// look in by way of a browser here.
    pub fn answers_to(&self, host: &str) -> bool {
        !self.named || self.names.has(host)
    }

    /// Whether a page that came from this server, under that name, may change things in nobody's name.
    pub fn is_sure_of(&self, host: &str) -> bool {
        self.gate.is_some() || self.names.has(host)
    }

    /// Whether there are rules about who may watch.
    pub fn has_rules(&self) -> bool {
        self.gate.is_some()
    }

    /// Whether everybody may do everything.
    pub fn is_open(&self) -> bool {
        self.gate.is_none()
    }

    /// Whether there is anybody with a password.
    pub fn has_passwords(&self) -> bool {
        self.gate.as_ref().is_some_and(|gate| !gate.accounts.is_empty())
    }
}

impl Access {
    /// The gatekeeper that goes by these options.
    ///
    /// # Errors
    /// Keys cannot be read.
    pub fn new(auth: &Auth, cors: &Cors, hosts: &[String]) -> Result<Arc<Self>, KeyError> {
        let book = Arc::new(Book::new(auth, cors, hosts, None)?);
        Ok(Arc::new(Self { book: RwLock::new(book), changes: watch::Sender::new(0) }))
    }

    /// Goes by other options from now on. Whoever is in and would be let in no more is put out. True if anything is
    /// new.
    ///
    /// # Errors
    /// Keys cannot be read; everything stays as it was.
    pub fn replace(&self, auth: &Auth, cors: &Cors, hosts: &[String]) -> Result<bool, KeyError> {
        let before = self.book();
        let after = Book::new(auth, cors, hosts, Some(&before))?;
        if after.is_like(&before) {
            return Ok(false);
        }
        *self.book.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(after);
        self.look_again();
        Ok(true)
    }

    /// The rules that hold now.
    pub fn book(&self) -> Arc<Book> {
        self.book.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Lets a request in that has what it needs.
    ///
    /// # Errors
    /// Why it is sent away.
    pub async fn admit(
        self: &Arc<Self>,
        shown: &Shown<'_>,
        address: IpAddr,
        need: Need,
    ) -> Result<Pass, Refusal> {
        // Before the rules are read: a change that comes in between is seen later.
        let changes = self.changes();
        let book = self.book();
        let leave = match &book.gate {
            None => Leave::for_everybody(Arc::new(Rights::everything())),
            // What everybody may have needs no look at what else is shown; and its answers are the same for all.
            Some(gate) if need != Need::Identity && gate.public.cover(&need) => {
                Leave::for_everybody(gate.public.clone())
            }
            Some(gate) => gate.judge(shown, address, &need).await.inspect_err(|refusal| {
                debug!(%address, ?need, ?refusal, "sent away");
            })?,
        };
        let now = clock::now();
        let until = leave.until.map(|until| {
            let left = until.duration_since(now.wall).unwrap_or_default();
            now.instant.checked_add(left)
        });
        let looked = Looked { changes, at: now.instant };
        Ok(Pass { access: self.clone(), need, leave, until: until.flatten(), looked })
    }

    /// Whether a pass is enough to watch a camera; for lists, which leave out the others, and ask about the `first` of
    /// them first.
    pub async fn may_watch(&self, pass: &Pass, camera: &str, first: bool) -> bool {
        let book = self.book();
        let Some(gate) = &book.gate else { return true };
        if pass.leave.rights.watch(camera) || gate.public.watch(camera) {
            return true;
        }
        let (Some(hook), Proof::Hook(credential, address)) = (&gate.hook, &pass.leave.proof) else {
            return false;
        };
        let need = Need::Watch(camera.to_owned());
        let occasion = if first { Occasion::Entry } else { Occasion::Again };
        matches!(hook.ask(&need, credential.as_ref(), *address, occasion).await, Ok(Verdict::Yes))
    }

    /// A cookie's text for somebody who logs in, and how long it lasts in seconds.
    ///
    /// # Errors
    /// The password is wrong, or was tried too often.
    pub async fn login(&self, name: &str, password: &str, address: IpAddr) -> Result<(String, u64), Refusal> {
        let book = self.book();
        let gate = book.gate.as_ref().ok_or(Refusal::Password)?;
        match gate.accounts.login(name, password, address).await {
            Ok(account) => {
                info!(user = account.name, %address, "logged in");
                let text = gate.sessions.begin(&account, clock::now().wall).ok_or(Refusal::Busy)?;
                Ok((text, gate.sessions.life().as_secs()))
            }
            Err(error) => {
                // What is typed into the field of the name may be a password: only known names are shown.
                let user = gate.accounts.get(name).map_or("unknown", |account| &account.name);
                info!(user, %address, ?error, "a login failed");
                Err(error.into())
            }
        }
    }

    /// Ends the session of a request's cookie, and all that was opened with it.
    pub fn logout(&self, shown: &Shown<'_>) {
        let book = self.book();
        let Some(gate) = &book.gate else { return };
        for credential in shown.cookies() {
            if let Credential::Session(text) = credential
                && gate.sessions.end(&text, clock::now().wall)
            {
                self.look_again();
            }
        }
    }

    /// Has everybody who is in looked at again.
    fn look_again(&self) {
        self.changes.send_modify(|changes| *changes += 1);
    }

    fn changes(&self) -> u64 {
        *self.changes.borrow()
    }

    fn subscribe(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    async fn still_admits(&self, need: &Need, proof: &Proof) -> bool {
        let book = self.book();
        match &book.gate {
            Some(gate) => gate.still_admits(need, proof).await,
            None => true,
        }
    }

    /// How long what the hook has said about somebody holds, if it was asked.
    fn question_interval(&self, proof: &Proof) -> Option<Duration> {
        matches!(proof, Proof::Hook(..))
            .then(|| self.book().gate.as_ref()?.hook.as_ref().map(|hook| hook.interval()))?
    }
}
