//! Logins as a cookie: a signed note of who it is and until when.
//!
//! Nothing is kept here but who logged out. The note names the password it was given for, so that a new password ends
//! all old logins.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::{hmac, rand};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

use super::options::Rules;
use super::password::{Account, random_key};

/// Name of the cookie.
pub const COOKIE: &str = "belvedere_session";
/// Logged out ones that are remembered.
const REMEMBERED: u64 = 10_000;
/// What the key of sessions is derived for, so that no token is a session and no session a token.
const PURPOSE: &[u8] = b"belvedere session 1";

#[derive(Serialize, Deserialize)]
struct Note {
    /// Name of the user.
    sub: String,
    /// End, in seconds since 1970.
    exp: u64,
    /// Names this login.
    jti: String,
    /// Fingerprint of the password.
    pwd: String,
}

/// Signs and reads sessions.
pub struct Sessions {
    signing: EncodingKey,
    reading: DecodingKey,
    validation: Validation,
    life: Duration,
    ended: Cache<String, ()>,
}

/// A session that is good now.
pub struct Session {
    /// Name of the user.
    pub user: String,
    /// Fingerprint of the password.
    pub fingerprint: String,
    /// When it ends.
    pub until: SystemTime,
}

impl Sessions {
    /// With a key that lasts as long as the first one of the rules, or as this process.
    pub fn new(rules: &Rules) -> Self {
        let master = match rules.keys.first() {
            Some(key) => hmac::Key::new(hmac::HMAC_SHA256, key.secret.expose_secret().as_bytes()),
            None => random_key(),
        };
        let key = hmac::sign(&master, PURPOSE);
        let mut validation = Validation::new(Algorithm::HS256);
        validation.required_spec_claims.clear();
        // The one clock of everything here is read by who asks.
        validation.validate_exp = false;
        Self {
            signing: EncodingKey::from_secret(key.as_ref()),
            reading: DecodingKey::from_secret(key.as_ref()),
            validation,
            life: rules.session,
            // The newest is always taken in: it was copied if anything was.
            ended: Cache::builder()
                .max_capacity(REMEMBERED)
                .time_to_live(rules.session)
                .eviction_policy(EvictionPolicy::lru())
                .build(),
        }
    }

    /// How long a login lasts.
    pub fn life(&self) -> Duration {
        self.life
    }

    /// A note for the cookie of somebody who has just logged in.
    pub fn begin(&self, account: &Account, now: SystemTime) -> Option<String> {
        let mut id = [0; 16];
        rand::fill(&mut id).ok()?;
        let note = Note {
            sub: account.name.clone(),
            exp: (now + self.life).duration_since(UNIX_EPOCH).ok()?.as_secs(),
            jti: id.iter().map(|byte| format!("{byte:02x}")).collect(),
            pwd: account.fingerprint.clone(),
        };
        encode(&Header::new(Algorithm::HS256), &note, &self.signing).ok()
    }

    /// Who a cookie says it is, if it is one of ours and its time is not over.
    pub fn read(&self, cookie: &str, now: SystemTime) -> Option<Session> {
        let note = self.note(cookie)?;
        let until = UNIX_EPOCH.checked_add(Duration::from_secs(note.exp))?;
        (until > now && !self.ended.contains_key(&note.jti)).then_some(Session {
            user: note.sub,
            fingerprint: note.pwd,
            until,
        })
    }

    /// Ends the session of a cookie, whoever may have copied it.
    pub fn end(&self, cookie: &str) {
        if let Some(note) = self.note(cookie) {
            self.ended.insert(note.jti, ());
        }
    }

    fn note(&self, cookie: &str) -> Option<Note> {
        Some(decode::<Note>(cookie, &self.reading, &self.validation).ok()?.claims)
    }
}
