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
    /// The keys of all that may have signed, the one that does first.
    reading: Vec<DecodingKey>,
    validation: Validation,
    life: Duration,
    ended: Cache<String, ()>,
    /// Signs where the rules name no key.
    own: hmac::Key,
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
    /// With keys that last as long as those of the rules, or as this process; who logged out `before` stays out.
    pub fn new(rules: &Rules, before: Option<&Self>) -> Self {
        let own = before.map_or_else(random_key, |before| before.own.clone());
        let named = rules.keys.iter().map(|key| key.secret.expose_secret().as_bytes());
        let named = named.map(|secret| hmac::Key::new(hmac::HMAC_SHA256, secret));
        // The last one: who logged in before there was a key is not put out by it.
        let all: Vec<_> = named.chain([own.clone()]).map(|key| hmac::sign(&key, PURPOSE)).collect();
        let mut validation = Validation::new(Algorithm::HS256);
        validation.required_spec_claims.clear();
        // The one clock of everything here is read by who asks.
        validation.validate_exp = false;
        // The newest is always taken in: it was copied if anything was.
        let none =
            || Cache::builder().max_capacity(REMEMBERED).eviction_policy(EvictionPolicy::lru()).build();
        Self {
            signing: EncodingKey::from_secret(all[0].as_ref()),
            reading: all.iter().map(|key| DecodingKey::from_secret(key.as_ref())).collect(),
            validation,
            life: rules.session,
            ended: before.map_or_else(none, |before| before.ended.clone()),
            own,
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

    /// Ends the session of a cookie, whoever may have copied it. True if it was one of ours, and went on until `now`.
    pub fn end(&self, cookie: &str, now: SystemTime) -> bool {
        let lasted = self.read(cookie, now).is_some();
        if lasted && let Some(note) = self.note(cookie) {
            self.ended.insert(note.jti, ());
        }
        lasted
    }

    fn note(&self, cookie: &str) -> Option<Note> {
        let read = |key| decode::<Note>(cookie, key, &self.validation).ok();
        self.reading.iter().find_map(read).map(|note| note.claims)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::access::options::{Groups, Key, User};
    use crate::web::access::password::{Accounts, hash};
    use crate::web::access::rights::Grant;

    fn rules(keys: &[&str]) -> Rules {
        let key = |id: &&str| Key {
            id: (*id).into(),
            secret: format!("{id}-secret-of-thirty-two-letters").into(),
            file: None,
        };
        Rules { keys: keys.iter().map(key).collect(), session: Duration::from_secs(600), ..Rules::default() }
    }

    #[test]
    fn a_login_outlives_what_changes_around_it_and_ends_with_its_time_its_keys_and_a_log_out() {
        let password = hash(&"x".into()).expect("good").into();
        let user = User { name: "anna".into(), password, grant: Grant::default() };
        let accounts = Accounts::new(&[user], &Groups::new(), None);
        let anna = accounts.get("anna").expect("it is there");
        let now = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let good = |sessions: &Sessions, cookie: &str, after: u64| {
            sessions.read(cookie, now + Duration::from_secs(after)).is_some()
        };
        let first = Sessions::new(&rules(&["one"]), None);
        let cookie = first.begin(anna, now).expect("a cookie");
        assert!(good(&first, &cookie, 0) && good(&first, &cookie, 599) && !good(&first, &cookie, 600));
        let turned = Sessions::new(&rules(&["two", "one"]), Some(&first));
        assert!(good(&turned, &cookie, 0), "a new key stands above the old one");
        assert!(!good(&Sessions::new(&rules(&["two"]), Some(&turned)), &cookie, 0), "the old one is gone");
        let late = now + Duration::from_secs(600);
        assert!(!turned.end(&cookie, late), "it was over");
        assert!(turned.end(&cookie, now) && !turned.end(&cookie, now) && !turned.end("nonsense", now));
        assert!(
            !good(&Sessions::new(&rules(&["one"]), Some(&turned)), &cookie, 0),
            "logged out is logged out"
        );
        let keyless = Sessions::new(&rules(&[]), None);
        let cookie = keyless.begin(anna, now).expect("a cookie");
        assert!(good(&Sessions::new(&rules(&["one"]), Some(&keyless)), &cookie, 0));
        assert!(!good(&Sessions::new(&rules(&[]), None), &cookie, 0), "another process");
    }
}
