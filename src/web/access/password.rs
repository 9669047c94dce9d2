//! Passwords: made into hashes, and checked with bounded work.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use aws_lc_rs::{digest, hmac, rand};
use moka::sync::Cache;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

use super::options::{Groups, User};
use super::rights::Rights;
use super::throttle::{Throttle, Waiting, household};

/// Each check takes some 20 MiB and some 30 ms of a core: this many at once.
const AT_ONCE: usize = 2;
/// More than these that wait are told to come again.
const WAITING: usize = 64;
/// Good logins that are remembered, so that a tool that sends its password with each request is not checked each time.
const REMEMBERED: u64 = 10_000;
/// For how long.
const REMEMBERED_FOR: Duration = Duration::from_secs(600);
/// How long it is known that a user has logged in from an address.
const HOME_FOR: Duration = Duration::from_secs(90 * 24 * 3600);
/// Longest password that is looked at, in bytes.
const LONGEST: usize = 1024;

/// A person who may log in.
pub struct Account {
    /// Its name.
    pub name: String,
    /// What it may do.
    pub rights: Arc<Rights>,
    /// Changes with its password.
    pub fingerprint: String,
    hash: PasswordHash,
}

/// Why nobody is logged in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginError {
    /// There is no such user, or the password is another one.
    Wrong,
    /// Too many tries; how long to wait.
    TooMany(Duration),
    /// Too many others at once.
    Busy,
}

/// All who may log in.
pub struct Accounts {
    accounts: HashMap<String, Arc<Account>>,
    /// Unknown users take as long as known ones.
    nobody: Arc<Account>,
    desk: Arc<Desk>,
}

/// Names what is remembered.
pub type Tag = [u8; digest::SHA256_OUTPUT_LEN];

/// Where passwords are checked. It stays when the users change.
struct Desk {
    remembered: Cache<Tag, ()>,
    /// Who has logged in from where.
    homes: Cache<Tag, ()>,
    /// Names what is remembered: nobody can work out a password from it, or make two that have one name.
    naming: hmac::Key,
    throttle: Throttle,
    work: Arc<Semaphore>,
    waiting: AtomicUsize,
}

impl Desk {
    fn new() -> Self {
        Self {
            remembered: Cache::builder().max_capacity(REMEMBERED).time_to_live(REMEMBERED_FOR).build(),
            homes: Cache::builder().max_capacity(REMEMBERED).time_to_idle(HOME_FOR).build(),
            naming: random_key(),
            throttle: Throttle::new(),
            work: Arc::new(Semaphore::new(AT_ONCE)),
            waiting: AtomicUsize::new(0),
        }
    }

    fn tag<'t>(&self, texts: impl IntoIterator<Item = &'t [u8]>) -> Tag {
        let mut context = hmac::Context::with_key(&self.naming);
        for text in texts {
            context.update(&(text.len() as u64).to_be_bytes());
            context.update(text);
        }
        let mut tag = Tag::default();
        tag.copy_from_slice(context.sign().as_ref());
        tag
    }
}

impl Accounts {
    /// The users of the configuration; those whose hash cannot be read may never log in. What is known of passwords and
    /// of those who guess them is taken over from the accounts `before`.
    pub fn new(users: &[User], groups: &Groups, before: Option<&Self>) -> Self {
        let accounts = users.iter().filter_map(|user| {
            let text = user.password.expose_secret();
            let account = Account {
                name: user.name.clone(),
                rights: Arc::new(Rights::new(&user.grant, groups)),
                fingerprint: fingerprint(text),
                hash: PasswordHash::new(text).ok()?,
            };
            Some((user.name.clone(), Arc::new(account)))
        });
        let nobody = Account {
            name: String::new(),
            rights: Arc::new(Rights::to_watch(&[], groups)),
            fingerprint: String::new(),
            hash: PasswordHash::new(NOBODY).expect("the hash below is a good one"),
        };
        Self {
            accounts: accounts.collect(),
            nobody: Arc::new(nobody),
            desk: before.map_or_else(|| Arc::new(Desk::new()), |accounts| accounts.desk.clone()),
        }
    }

    /// Whether there is anybody.
    pub fn is_empty(&self) -> bool {
        self.accounts.is_empty()
    }

    /// The account of this name.
    pub fn get(&self, name: &str) -> Option<&Arc<Account>> {
        self.accounts.get(name)
    }

    /// Whose name and password these are.
    ///
    /// # Errors
    /// They are wrong, or were tried too often, or too many others are being checked.
    pub async fn login(
        &self,
        name: &str,
        password: &str,
        address: IpAddr,
    ) -> Result<Arc<Account>, LoginError> {
        let (known, desk) = (self.accounts.get(name), &self.desk);
        let account = known.unwrap_or(&self.nobody);
        let owner = [account.name.as_bytes(), account.fingerprint.as_bytes()];
        let key = desk.tag(owner.into_iter().chain([password.as_bytes()]));
        let remembered = || known.filter(|_| desk.remembered.contains_key(&key));
        if let Some(known) = remembered() {
            return Ok(known.clone());
        }
        let Some(_waiting) = Waiting::new(&desk.waiting, WAITING) else { return Err(LoginError::Busy) };
        let turn = desk.work.clone().acquire_owned().await.map_err(|_| LoginError::Busy)?;
        // Of many requests with one password, the first is checked.
        if let Some(known) = remembered() {
            return Ok(known.clone());
        }
        // Who has logged in from there before is not kept out by strangers that try its name elsewhere.
        let household = household(address).to_string();
        let home = desk.tag(owner.into_iter().chain([household.as_bytes()]));
        let at_home = known.is_some() && desk.homes.contains_key(&home);
        // Names that nobody has are counted as others are: the answers do not tell them apart.
        let name_tag = desk.tag([name.as_bytes()]);
        let user = u16::from_be_bytes([name_tag[0], name_tag[1]]);
        desk.throttle.count(address, (!at_home).then_some(user)).map_err(LoginError::TooMany)?;
        let (account, password) = (account.clone(), SecretString::from(password));
        let checked = tokio::task::spawn_blocking(move || {
            // The work goes on where the client has left meanwhile, and so does its turn.
            let _turn = turn;
            let good = verify(&password, &account.hash);
            (account, good)
        });
        let (account, good) = checked.await.map_err(|_| LoginError::Busy)?;
        // Nobody's password may be guessed too.
        if !good || known.is_none() {
            return Err(LoginError::Wrong);
        }
        desk.remembered.insert(key, ());
        desk.homes.insert(home, ());
        Ok(account)
    }
}

/// A key that nobody knows, for the life of this process.
pub fn random_key() -> hmac::Key {
    hmac::Key::generate(hmac::HMAC_SHA256, &rand::SystemRandom::new())
        .expect("the system gives random numbers, or nothing that is secret here can be")
}

fn verify(password: &SecretString, hash: &PasswordHash) -> bool {
    let password = password.expose_secret();
    password.len() <= LONGEST && Argon2::default().verify_password(password.as_bytes(), hash).is_ok()
}

fn fingerprint(text: &str) -> String {
    let hash = digest::digest(&digest::SHA256, text.as_bytes());
    hash.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// The Argon2id hash of a password (RFC 9106), in the form that the configuration takes.
///
/// # Errors
/// It is empty, or longer than is ever looked at.
pub fn hash(password: &SecretString) -> Result<String, BadPassword> {
    let password = password.expose_secret();
    if password.is_empty() || password.len() > LONGEST {
        return Err(BadPassword);
    }
    Argon2::default().hash_password(password.as_bytes()).map(|hash| hash.to_string()).map_err(|_| BadPassword)
}

/// A password that cannot be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a password has 1 to {LONGEST} bytes")]
pub struct BadPassword;

/// Whether a text is a hash that a password can be checked against.
pub fn is_hash(text: &str) -> bool {
    PasswordHash::new(text).is_ok_and(|hash| {
        hash.algorithm.as_str().starts_with("argon2") && hash.salt.is_some() && hash.hash.is_some()
    })
}

/// Made up: if any password has this hash, nobody knows which.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$JR1XAMOjeTHk87UwQVZ6LQ$CsHyjJBw51RQUeQD3UmS7FCqTqqq0vxFJYq3bSQpXBo";

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::web::access::rights::Grant;

    fn accounts(password: &str) -> Accounts {
        let password = hash(&password.into()).unwrap().into();
        let user = User { name: "anna".into(), password, grant: Grant { admin: true, ..Grant::default() } };
        Accounts::new(&[user], &Groups::new(), None)
    }

    #[test]
    fn a_hash_is_told_from_other_texts() {
        assert!(is_hash(NOBODY) && is_hash(&hash(&"x".into()).unwrap()));
        for text in ["", "secret", "$argon2id$v=19$m=19456,t=2,p=1$", "$2b$12$abcdefghijklmnopqrstuv"] {
            assert!(!is_hash(text), "{text}");
        }
        assert_eq!(hash(&"".into()), Err(BadPassword));
        assert_eq!(hash(&"x".repeat(LONGEST + 1).into()), Err(BadPassword));
    }

    #[tokio::test]
    async fn good_passwords_are_checked_once_and_bad_ones_each_time() {
        let accounts = accounts("hunter2");
        let address = IpAddr::from([192, 0, 2, 1]);
        let tries = (0..50).map(|_| accounts.login("anna", "hunter2", address));
        let all = futures_util::future::join_all(tries).await;
        assert!(all.iter().all(Result::is_ok), "more than may be tried: the first was remembered");
        for (name, password) in [("anna", "hunter3"), ("anna", ""), ("bert", "hunter2"), ("", "hunter2")] {
            let wrong = accounts.login(name, password, address).await.err();
            assert_eq!(wrong, Some(LoginError::Wrong), "{name} {password}");
        }
        let mut last = Ok(());
        for _ in 0..30 {
            last = accounts.login("bert", "x", address).await.map(drop);
            if last != Err(LoginError::Wrong) {
                break;
            }
        }
        assert!(matches!(last, Err(LoginError::TooMany(_))), "{last:?}");
        assert!(
            accounts.login("anna", "hunter2", address).await.is_ok(),
            "what is remembered is not counted"
        );
    }
    /// What the last of a few dozen tries from as many addresses comes to.
    async fn tried_from_everywhere(accounts: &Accounts, name: &str) -> LoginError {
        let mut last = LoginError::Wrong;
        for n in 0..40_u32 {
            let address = IpAddr::from((0xc633_6400 + n).to_be_bytes());
            last = accounts.login(name, "guess", address).await.err().expect("a wrong one");
            if last != LoginError::Wrong {
                break;
            }
        }
        last
    }

    #[tokio::test]
    async fn known_and_unknown_names_are_stopped_alike() {
        let accounts = accounts("hunter2");
        assert!(matches!(tried_from_everywhere(&accounts, "nobody").await, LoginError::TooMany(_)));
        let address = IpAddr::from([192, 0, 2, 77]);
        for name in ["anna", "nobody2"] {
            let first = accounts.login(name, "guess", address).await.err();
            assert_eq!(first, Some(LoginError::Wrong), "{name}: others' names are no matter of its own");
        }
        assert!(matches!(tried_from_everywhere(&accounts, "anna").await, LoginError::TooMany(_)));
    }

    #[tokio::test]
    async fn nobody_is_kept_out_of_where_it_has_been_before() {
        let first = accounts("hunter2");
        let home = IpAddr::from([192, 0, 2, 5]);
        assert!(first.login("anna", "hunter2", home).await.is_ok());
        assert!(matches!(tried_from_everywhere(&first, "anna").await, LoginError::TooMany(_)));
        // What is remembered of the password is gone; where it was used is not.
        first.desk.remembered.invalidate_all();
        first.desk.remembered.run_pending_tasks();
        assert!(first.login("anna", "hunter2", home).await.is_ok());
        // All this outlives a change of the users.
        let second = Accounts::new(&[], &Groups::new(), Some(&first));
        assert!(second.login("anna", "hunter2", home).await.is_err(), "it is no user any more");
        assert!(Arc::ptr_eq(&first.desk, &second.desk));
    }
}
