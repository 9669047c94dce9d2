//! The rules at work: what a credential comes to, and whether it still does.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;

use super::By;
use super::credentials::{Credential, Shown, Way};
use super::keys::{KeyError, KeyRing, TokenError};
use super::options::{Groups, Rules};
use super::password::Accounts;
use super::refusal::Refusal;
use super::rights::{Need, Rights};
use super::session::Sessions;
use super::webhook::{Hook, Occasion, Verdict};
use crate::clock;

/// What the table `[auth]` has come to.
pub(super) struct Gate {
    pub public: Arc<Rights>,
    pub accounts: Accounts,
    pub sessions: Sessions,
    pub hook: Option<Arc<Hook>>,
    groups: Groups,
    keys: KeyRing,
    rules: Rules,
}

/// What somebody was let in for, so that it can be looked at again. Passwords are not kept.
#[derive(Clone)]
pub(super) enum Proof {
    /// It is for everybody.
    Nobody,
    /// A token.
    Token(String),
    /// The password of a user, by its fingerprint.
    Account { name: String, fingerprint: String },
    /// The cookie of a login.
    Session(String),
    /// The hook said so, about this credential at this address.
    Hook(Option<Credential>, IpAddr),
}

/// Leave to come in, and why.
pub(super) struct Leave {
    pub rights: Arc<Rights>,
    pub by: By,
    pub way: Option<Way>,
    pub proof: Proof,
    pub until: Option<SystemTime>,
}

impl Leave {
    /// What is for everybody.
    pub fn for_everybody(rights: Arc<Rights>) -> Self {
        Self { rights, by: By::Nobody, way: None, proof: Proof::Nobody, until: None }
    }
}

/// Somebody who is known.
struct Known {
    rights: Arc<Rights>,
    proof: Proof,
    until: Option<SystemTime>,
}

impl Gate {
    /// A gate with these rules. What must outlive a change of the rules is taken over from the one `before`: who logged
    /// out, how often passwords were tried, what the hook has said.
    ///
    /// # Errors
    /// Keys cannot be read.
    pub fn new(rules: &Rules, before: Option<&Self>) -> Result<Self, KeyError> {
        let hook = rules.webhook.clone().map(|options| {
            let same = before.and_then(|gate| gate.hook.as_ref()).filter(|hook| hook.options == options);
            same.cloned().unwrap_or_else(|| Arc::new(Hook::new(options)))
        });
        Ok(Self {
            public: Arc::new(Rights::to_watch(&rules.public, &rules.groups)),
            groups: rules.groups.clone(),
            accounts: Accounts::new(&rules.users, &rules.groups, before.map(|gate| &gate.accounts)),
            sessions: Sessions::new(rules, before.map(|gate| &gate.sessions)),
            keys: KeyRing::new(rules)?,
            hook,
            rules: rules.clone(),
        })
    }

    /// Whether another gate goes by the same rules and the same keys.
    pub fn is_like(&self, other: &Self) -> bool {
        self.rules == other.rules && self.keys.jwks == other.keys.jwks
    }

    pub async fn judge(&self, shown: &Shown<'_>, address: IpAddr, need: &Need) -> Result<Leave, Refusal> {
        if let Some(credential) = shown.explicit() {
            return self.judge_explicit(credential, address, need).await;
        }
        let mut refusal = Refusal::Unknown;
        for credential in shown.cookies() {
            let Ok(known) = self.known(&credential, address).await else { continue };
            match self.with_rights(known, By::Ambient, &credential, need) {
                Ok(leave) => return Ok(leave),
                Err(better) => refusal = better,
            }
        }
        if refusal == Refusal::Unknown && self.hook.is_some() {
            return self.ask(None, address, need).await;
        }
        if *need == Need::Identity && self.public.cover(need) {
            return Ok(Leave::for_everybody(self.public.clone()));
        }
        Err(refusal)
    }

    /// Judges what was shown on purpose.
    async fn judge_explicit(
        &self,
        credential: Credential,
        address: IpAddr,
        need: &Need,
    ) -> Result<Leave, Refusal> {
        let refusal = match self.known(&credential, address).await {
            Ok(known) => return self.with_rights(known, by(&credential), &credential, need),
            Err(refusal) if self.hook.is_none() => {
                // With a hook, users that only it knows have just been tried.
                return Err(if refusal == Refusal::Unknown { Refusal::Password } else { refusal });
            }
            Err(refusal) => refusal,
        };
        let is_token = matches!(credential, Credential::Token(..));
        // Not one of ours: perhaps the hook knows it.
        let refusal = match refusal {
            Refusal::Unknown | Refusal::Token(TokenError::Unknown) => {
                match self.ask(Some(credential), address, need).await {
                    Err(refusal @ Refusal::Token(_)) => refusal,
                    other => return other,
                }
            }
            other => other,
        };
        // An old token must not keep out who would be let in without it, by its address.
        if is_token
            && *need != Need::Identity
            && self.ask_about_address(address, need).await == Some(Verdict::Yes)
        {
            return Ok(self.by_hook(None, address));
        }
        Err(refusal)
    }

    fn with_rights(
        &self,
        known: Known,
        by: By,
        credential: &Credential,
        need: &Need,
    ) -> Result<Leave, Refusal> {
        let Known { rights, proof, until } = known;
        let enough = rights.cover(need) || self.public.cover(need);
        if enough {
            Ok(Leave { rights, by, way: way(credential), proof, until })
        } else {
            Err(Refusal::Forbidden)
        }
    }

    async fn known(&self, credential: &Credential, address: IpAddr) -> Result<Known, Refusal> {
        match credential {
            Credential::Token(_, token) => self.token(token).map_err(Refusal::Token),
            Credential::Password(name, password) => {
                if self.hook.is_some() && self.accounts.get(name).is_none() {
                    return Err(Refusal::Unknown);
                }
                let account = self.accounts.login(name, password, address).await?;
                let (name, fingerprint) = (account.name.clone(), account.fingerprint.clone());
                Ok(Known {
                    rights: account.rights.clone(),
                    proof: Proof::Account { name, fingerprint },
                    until: None,
                })
            }
            Credential::Session(cookie) => self.session(cookie).ok_or(Refusal::Unknown),
        }
    }

    fn token(&self, token: &str) -> Result<Known, TokenError> {
        let verified = self.keys.verify(token, clock::now().wall)?;
        let rights = Arc::new(Rights::new(&verified.grant, &self.groups));
        Ok(Known { rights, proof: Proof::Token(token.to_owned()), until: Some(verified.until) })
    }

    fn session(&self, cookie: &str) -> Option<Known> {
        let session = self.sessions.read(cookie, clock::now().wall)?;
        let rights = self.account(&session.user, &session.fingerprint)?;
        Some(Known { rights, proof: Proof::Session(cookie.to_owned()), until: Some(session.until) })
    }

    /// The rights of a user who still has that password.
    fn account(&self, name: &str, fingerprint: &str) -> Option<Arc<Rights>> {
        let account = self.accounts.get(name).filter(|account| account.fingerprint == fingerprint)?;
        Some(account.rights.clone())
    }

    /// Whether what somebody was let in for would let it in now. A hook that says nothing puts nobody out.
    pub async fn still_admits(&self, need: &Need, proof: &Proof) -> bool {
        if self.public.cover(need) {
            return true;
        }
        let rights = match proof {
            Proof::Nobody => None,
            Proof::Token(token) => self.token(token).ok().map(|known| known.rights),
            Proof::Account { name, fingerprint } => self.account(name, fingerprint),
            Proof::Session(cookie) => self.session(cookie).map(|known| known.rights),
            Proof::Hook(credential, address) => {
                let Some(hook) = &self.hook else { return false };
                let verdict = hook.ask(need, credential.as_ref(), *address, Occasion::Stay).await;
                return !matches!(verdict, Ok(Verdict::No | Verdict::Unknown));
            }
        };
        rights.is_some_and(|rights| rights.cover(need))
    }

    async fn ask_about_address(&self, address: IpAddr, need: &Need) -> Option<Verdict> {
        self.hook.as_ref()?.ask(need, None, address, Occasion::Entry).await.ok()
    }

    fn by_hook(&self, credential: Option<Credential>, address: IpAddr) -> Leave {
        // Who shows nothing is judged by its address, which a page of another site has too.
        let by = match credential.as_ref().map_or(By::Ambient, by) {
            // The hook may have gone by the address: what it lets in is for no shared cache.
            By::Path => By::Explicit,
            by => by,
        };
        let way = credential.as_ref().and_then(way);
        Leave { rights: self.public.clone(), by, way, proof: Proof::Hook(credential, address), until: None }
    }

    async fn ask(
        &self,
        credential: Option<Credential>,
        address: IpAddr,
        need: &Need,
    ) -> Result<Leave, Refusal> {
        if *need == Need::Identity {
            return Ok(self.by_hook(credential, address));
        }
        let hook = self.hook.as_ref().ok_or(Refusal::Unknown)?;
        match hook.ask(need, credential.as_ref(), address, Occasion::Entry).await? {
            Verdict::Yes => Ok(self.by_hook(credential, address)),
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

fn way(credential: &Credential) -> Option<Way> {
    match credential {
        Credential::Token(way, _) => Some(*way),
        Credential::Password(..) | Credential::Session(_) => None,
    }
}
