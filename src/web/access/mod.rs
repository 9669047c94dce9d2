//! `access`: who may watch, push video, and administer.
//!
//! Belongs here: what a request needs ([`Need`]), what it shows (`credentials.rs`), what that comes to ([`Rights`]),
//! and how somebody is sent away (`refusal.rs`). Does not belong here: what is then served.
//! Read first: `rights.rs`, then [`Access::admit`]. `options.rs` is what can be set.
//!
//! Nothing in here logs, shows or keeps a secret: what is remembered goes by keyed hashes.

mod credentials;
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
use std::sync::Arc;
use std::time::SystemTime;

use tracing::{debug, info};

pub use credentials::{Credential, Shown, TOKEN_QUERY, Way};
pub use keys::{KeyError, NoKey, mint};
pub use lease::Lease;
pub use options::{Auth, Cors, Groups, Jwks, Key, Rules, SHORTEST_SECRET, Unguarded, User, Webhook};
pub use origin::{Origin, host};
pub use password::{BadPassword, hash as hash_password, is_hash as is_password_hash};
pub use refusal::Refusal;
pub use rights::{ALL, GROUP, Grant, Need, Rights};
pub use session::COOKIE as SESSION_COOKIE;

use crate::clock;
use keys::{KeyRing, TokenError};
use password::Accounts;
use session::Sessions;
use webhook::{Hook, Verdict};

/// The gatekeeper of one server.
pub struct Access {
    gate: Option<Gate>,
    /// Rules for pages on other origins.
    pub cors: Cors,
}

struct Gate {
    public: Rights,
    groups: Groups,
    accounts: Accounts,
    sessions: Sessions,
    keys: KeyRing,
    hook: Option<Hook>,
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
    rights: Arc<Rights>,
    /// What it was given for.
    pub by: By,
    /// How the token came that it was given for.
    pub way: Option<Way>,
    /// How long it holds.
    pub lease: Lease,
    /// The hook is to be asked what else is allowed.
    ask: Option<(Option<Credential>, IpAddr)>,
}

impl Pass {
    fn new(rights: Arc<Rights>, by: By, until: Option<SystemTime>) -> Self {
        let lease = until.map_or(Lease::ENDLESS, |until| Lease::until(until, clock::now()));
        Self { rights, by, way: None, lease, ask: None }
    }

    fn that_came(mut self, credential: &Credential) -> Self {
        if let Credential::Token(way, _) = credential {
            self.way = Some(*way);
        }
        self
    }
}

/// Somebody who is known.
struct Known {
    rights: Arc<Rights>,
    until: Option<SystemTime>,
}

impl Access {
    /// The gatekeeper that goes by these options.
    ///
    /// # Errors
    /// Keys cannot be read.
    pub fn new(auth: &Auth, cors: Cors) -> Result<Self, KeyError> {
        let gate = match auth {
            Auth::Unset | Auth::Open => None,
            Auth::Rules(rules) => Some(Gate {
                public: Rights::to_watch(&rules.public, &rules.groups),
                groups: rules.groups.clone(),
                accounts: Accounts::new(&rules.users, &rules.groups),
                sessions: Sessions::new(rules),
                keys: KeyRing::new(rules)?,
                hook: rules.webhook.clone().map(Hook::new),
            }),
        };
        Ok(Self { gate, cors })
    }

    /// Whether everybody may do everything.
    pub fn is_open(&self) -> bool {
        self.gate.is_none()
    }

    /// Whether there is anybody with a password.
    pub fn has_passwords(&self) -> bool {
        self.gate.as_ref().is_some_and(|gate| !gate.accounts.is_empty())
    }

    /// Lets a request in that has what it needs.
    ///
    /// # Errors
    /// Why it is sent away.
    pub async fn admit(&self, shown: &Shown<'_>, address: IpAddr, need: &Need) -> Result<Pass, Refusal> {
        let Some(gate) = &self.gate else {
            return Ok(Pass::new(Arc::new(Rights::everything()), By::Nobody, None));
        };
        // What everybody may have needs no look at what else is shown; and its answers are the same for all.
        if *need != Need::Identity && gate.public.cover(need) {
            return Ok(Pass::new(Arc::new(gate.public.clone()), By::Nobody, None));
        }
        let judged = gate.judge(shown, address, need).await;
        if let Err(refusal) = &judged {
            debug!(%address, ?need, ?refusal, "sent away");
        }
        judged
    }

    /// Whether a pass is enough to watch a camera; for lists, which leave out the others.
    pub async fn may_watch(&self, pass: &Pass, camera: &str) -> bool {
        let Some(gate) = &self.gate else { return true };
        if pass.rights.watch(camera) || gate.public.watch(camera) {
            return true;
        }
        let (Some(hook), Some((credential, address))) = (&gate.hook, &pass.ask) else { return false };
        let need = Need::Watch(camera.to_owned());
        hook.ask(&need, credential.as_ref(), *address).await == Some(Verdict::Yes)
    }

    /// A cookie's text for somebody who logs in, and how long it lasts in seconds.
    ///
    /// # Errors
    /// The password is wrong, or was tried too often.
    pub async fn login(&self, name: &str, password: &str, address: IpAddr) -> Result<(String, u64), Refusal> {
        let gate = self.gate.as_ref().ok_or(Refusal::Password)?;
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

    /// Ends the session of a request's cookie.
    pub fn logout(&self, shown: &Shown<'_>) {
        let Some(gate) = &self.gate else { return };
        for credential in shown.cookies() {
            if let Credential::Session(text) = credential {
                gate.sessions.end(&text);
            }
        }
    }
}

impl Gate {
    async fn judge(&self, shown: &Shown<'_>, address: IpAddr, need: &Need) -> Result<Pass, Refusal> {
        if let Some(credential) = shown.explicit() {
            return match self.known(&credential, address).await {
                Ok(known) => Ok(self.with_rights(known, by(&credential), need)?.that_came(&credential)),
                // Not one of ours: perhaps the hook knows it.
                Err(Refusal::Unknown | Refusal::Token(TokenError::Unknown)) if self.hook.is_some() => {
                    Ok(self.ask(Some(credential.clone()), address, need).await?.that_came(&credential))
                }
                // With a hook, users that only it knows have just been tried.
                Err(Refusal::Unknown) => Err(Refusal::Password),
                Err(refusal) => Err(refusal),
            };
        }
        let mut refusal = Refusal::Unknown;
        for credential in shown.cookies() {
            let Ok(known) = self.known(&credential, address).await else { continue };
            match self.with_rights(known, By::Ambient, need) {
                Ok(pass) => return Ok(pass),
                Err(better) => refusal = better,
            }
        }
        if refusal == Refusal::Unknown && self.hook.is_some() {
            return self.ask(None, address, need).await;
        }
        if *need == Need::Identity && self.public.cover(need) {
            return Ok(Pass::new(Arc::new(self.public.clone()), By::Nobody, None));
        }
        Err(refusal)
    }

    fn with_rights(&self, known: Known, by: By, need: &Need) -> Result<Pass, Refusal> {
        let enough = known.rights.cover(need) || self.public.cover(need);
        if enough { Ok(Pass::new(known.rights, by, known.until)) } else { Err(Refusal::Forbidden) }
    }

    async fn known(&self, credential: &Credential, address: IpAddr) -> Result<Known, Refusal> {
        match credential {
            Credential::Token(_, token) => {
                let verified = self.keys.verify(token, clock::now().wall).map_err(Refusal::Token)?;
                let rights = Arc::new(Rights::new(&verified.grant, &self.groups));
                Ok(Known { rights, until: Some(verified.until) })
            }
            Credential::Password(name, password) => {
                if self.hook.is_some() && self.accounts.get(name).is_none() {
                    return Err(Refusal::Unknown);
                }
                let account = self.accounts.login(name, password, address).await?;
                Ok(Known { rights: account.rights.clone(), until: None })
            }
            Credential::Session(cookie) => {
                let session = self.sessions.read(cookie, clock::now().wall).ok_or(Refusal::Unknown)?;
                let account = self.accounts.get(&session.user);
                let account = account.filter(|account| account.fingerprint == session.fingerprint);
                let account = account.ok_or(Refusal::Unknown)?;
                Ok(Known { rights: account.rights.clone(), until: Some(session.until) })
            }
        }
    }

    async fn ask(
        &self,
        credential: Option<Credential>,
        address: IpAddr,
        need: &Need,
    ) -> Result<Pass, Refusal> {
        // Who shows nothing is judged by its address, which a page of another site has too.
        let by = match credential.as_ref().map_or(By::Ambient, by) {
            // The hook may have gone by the address: what it lets in is for no shared cache.
            By::Path => By::Explicit,
            by => by,
        };
        let mut pass = Pass::new(Arc::new(self.public.clone()), by, None);
        if *need == Need::Identity {
            pass.ask = Some((credential, address));
            return Ok(pass);
        }
        let hook = self.hook.as_ref().ok_or(Refusal::Unknown)?;
        match hook.ask(need, credential.as_ref(), address).await.ok_or(Refusal::Busy)? {
            Verdict::Yes => Ok(pass),
            Verdict::No => Err(Refusal::Forbidden),
            Verdict::Unknown => Err(match credential {
                Some(Credential::Token(..)) => Refusal::Token(TokenError::Unknown),
                Some(_) => Refusal::Password,
                None => Refusal::Unknown,
            }),
        }
    }
}

fn by(credential: &Credential) -> By {
    match credential {
        Credential::Token(Way::Path, _) => By::Path,
        _ if credential.is_ambient() => By::Ambient,
        _ => By::Explicit,
    }
}
