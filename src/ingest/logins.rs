//! Passwords that cameras refused, and when each may be tried again.
//!
//! Many cameras lock an account, or whoever asks, after some five wrong passwords, and each further one prolongs that:
//! the owner is locked out by us. So all renditions of an account share one try, and the next ones come slowly.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use secrecy::ExposeSecret;
use tokio::sync::watch;
use tokio::time::timeout;

use super::error::Failure;
use super::{Source, relay};
use crate::clock;

/// The wait after the first refusal.
const FIRST: Duration = Duration::from_secs(60);

/// The longest wait: who corrects the password in the camera sees pictures ten minutes later at most.
const LONGEST: Duration = Duration::from_secs(600);

/// The longest wait for another's try: a camera that does not answer holds nobody up for long.
const OTHERS: Duration = Duration::from_secs(3);

/// Refusals that come so soon after each other are of tries made at once, and count as one.
const AT_ONCE: Duration = Duration::from_secs(5);

/// What is not asked about for so long is forgotten.
const KEPT: Duration = Duration::from_secs(3600);

/// Who logs in where, with what. Another password makes another account.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Account {
    /// And the port: behind an address translation that is another camera.
    host: (String, u16),
    username: Option<String>,
    /// Not the password itself: a hash by a key of this process.
    password: u64,
    /// The stream, where it alone is refused.
    stream: Option<String>,
}

/// How an account stands.
#[derive(Clone, Debug)]
struct Standing {
    /// When that became known.
    at: Instant,
    /// Refusals without an acceptance in between.
    refusals: u32,
    known: Known,
}

#[derive(Clone, Debug)]
enum Known {
    /// Somebody tries.
    Tried,
    Accepted,
    Refused {
        until: Instant,
        failure: Failure,
    },
}

/// What who wants to log in is to do.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Try,
    /// Another one tries just now.
    Wait,
    Refused(Failure),
}

/// The accounts of the process.
#[derive(Debug)]
pub struct Logins {
    keys: RandomState,
    accounts: Mutex<HashMap<Account, Standing>>,
    changes: watch::Sender<()>,
}

impl Default for Logins {
    fn default() -> Self {
        Self { keys: RandomState::new(), accounts: Mutex::default(), changes: watch::Sender::new(()) }
    }
}

impl Logins {
    /// Whose login that of `source` is.
    pub fn account(&self, source: &Source) -> Account {
        let password = source.password.as_ref().map(|word| word.expose_secret());
        Account {
            host: (source.url.host_str().unwrap_or_default().to_owned(), relay::port(&source.url)),
            username: source.username.clone(),
            password: self.keys.hash_one(password),
            stream: None,
        }
    }

    /// Waits until `source` may be tried.
    ///
    /// # Errors
    /// It was refused of late: how.
    pub async fn enter(&self, source: &Source) -> Result<(), Failure> {
        let (account, stream) = self.both(source);
        let began = clock::now().instant;
        let mut changes = self.changes.subscribe();
        loop {
            let now = clock::now().instant;
            match self.ask(&account, &stream, now) {
                Answer::Try => return Ok(()),
                Answer::Refused(failure) => return Err(failure),
                Answer::Wait => {
                    let left = OTHERS.saturating_sub(now.saturating_duration_since(began));
                    if left.is_zero() {
                        return Ok(());
                    }
                    // Either way it is asked again.
                    let _changed = timeout(left, changes.changed()).await;
                }
            }
        }
    }

    /// Takes note of what became of a try with `source`; `jitter` is a random number in 0.0..1.0.
    pub fn tell<T>(&self, source: &Source, outcome: &Result<T, Failure>, jitter: f64) {
        let (account, stream) = self.both(source);
        let now = clock::now().instant;
        match outcome {
            Ok(_) => self.accepted(&account, &stream, now),
            // Where nothing is proved nothing can be locked, and the next stream may be open.
            Err(failure @ Failure::Answered { status: 401, .. }) if source.username.is_some() => {
                self.refused(account, failure.clone(), now, jitter);
            }
            Err(failure) => {
                if failure.is_about_login() {
                    self.refused(stream, failure.clone(), now, jitter);
                }
                self.undecided(&account);
            }
        }
        self.changes.send_replace(());
    }

    /// How long `source` must not be tried yet.
    pub fn pause(&self, source: &Source) -> Option<Duration> {
        let (account, stream) = self.both(source);
        let (accounts, now) = (self.lock(), clock::now().instant);
        [account, stream].iter().filter_map(|one| refused_until(accounts.get(one)?, now)).max()
    }

    /// Returns once `source` may be tried again before its time, since somebody was let in, or asked anew.
    pub async fn until_welcome(&self, source: &Source) {
        let mut changes = self.changes.subscribe();
        while self.pause(source).is_some() {
            if changes.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Has `source` tried at once: its configuration is new.
    pub fn anew(&self, source: &Source) {
        let (account, stream) = self.both(source);
        let now = clock::now().instant;
        let mut accounts = self.lock();
        accounts.retain(|_, standing| now.saturating_duration_since(standing.at) < KEPT);
        for one in [account, stream] {
            // Renditions that begin together are not to try one after the other.
            let old = |standing: &Standing| now.saturating_duration_since(standing.at) > AT_ONCE;
            if accounts.get(&one).is_some_and(old) {
                accounts.remove(&one);
            }
        }
        drop(accounts);
        self.changes.send_replace(());
    }

    fn both(&self, source: &Source) -> (Account, Account) {
        let account = self.account(source);
        let stream = Account { stream: Some(source.url.as_str().to_owned()), ..account.clone() };
        (account, stream)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Account, Standing>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask(&self, account: &Account, stream: &Account, now: Instant) -> Answer {
        let mut accounts = self.lock();
        for one in [account, stream] {
            if let Some(Standing { known: Known::Refused { until, failure }, .. }) = accounts.get(one)
                && *until > now
            {
                return Answer::Refused(failure.clone());
            }
        }
        if account.username.is_none() {
            return Answer::Try;
        }
        let known = accounts.get(account);
        match known.map(|standing| &standing.known) {
            Some(Known::Accepted) => return Answer::Try,
            Some(Known::Tried) if known.is_some_and(|one| now.saturating_duration_since(one.at) < OTHERS) => {
                return Answer::Wait;
            }
            _ => {}
        }
        let refusals = known.map_or(0, |standing| standing.refusals);
        accounts.insert(account.clone(), Standing { at: now, refusals, known: Known::Tried });
        Answer::Try
    }

    fn accepted(&self, account: &Account, stream: &Account, now: Instant) {
        let mut accounts = self.lock();
        accounts.remove(stream);
        accounts.insert(account.clone(), Standing { at: now, refusals: 0, known: Known::Accepted });
    }

    fn undecided(&self, account: &Account) {
        let mut accounts = self.lock();
        if let Some(standing) = accounts.get_mut(account)
            && matches!(standing.known, Known::Tried)
        {
            match standing.refusals {
                0 => drop(accounts.remove(account)),
                // It was refused before: the next one may try, and has to wait longer if that fails too.
                _ => standing.at = standing.at.checked_sub(OTHERS).unwrap_or(standing.at),
            }
        }
    }

    fn refused(&self, account: Account, failure: Failure, now: Instant, jitter: f64) {
        let mut accounts = self.lock();
        let before = accounts.get(&account);
        if let Some(Standing { at, known: Known::Refused { .. }, .. }) = before
            && now.saturating_duration_since(*at) < AT_ONCE
        {
            return;
        }
        let refusals = before.map_or(0, |standing| standing.refusals);
        let pause = (FIRST * 2u32.saturating_pow(refusals.min(8))).min(LONGEST);
        let until = now + pause.mul_f64(1.0 + jitter.clamp(0.0, 1.0) / 4.0);
        let known = Known::Refused { until, failure };
        accounts.insert(account, Standing { at: now, refusals: refusals + 1, known });
    }
}

fn refused_until(standing: &Standing, now: Instant) -> Option<Duration> {
    match standing.known {
        Known::Refused { until, .. } => {
            Some(until.saturating_duration_since(now)).filter(|rest| !rest.is_zero())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;
    use url::Url;

    use super::*;
    use crate::ingest::error::Step;
    use crate::ingest::{Transport, Trust};

    fn source(path: &str, password: &str) -> Source {
        Source {
            url: Url::parse(&format!("rtsp://10.0.0.7/{path}")).expect("a URL"),
            transport: Transport::Tcp,
            trust: Trust::default(),
            username: Some("admin".into()),
            password: Some(SecretString::from(password)),
            audio: true,
            video: true,
        }
    }

    fn answered(status: u16) -> Failure {
        Failure::Answered { step: Step::Describe, status }
    }

    /// What who wants `source` is to do at `now`.
    fn ask(logins: &Logins, source: &Source, now: Instant) -> Answer {
        let (account, stream) = logins.both(source);
        logins.ask(&account, &stream, now)
    }

    #[test]
    fn a_wrong_password_is_tried_once_for_all_and_then_ever_more_slowly() {
        let (logins, start) = (Logins::default(), clock::now().instant);
        let (main, sub) = (source("main", "wrong"), source("sub", "wrong"));
        let mut now = start;
        for pause in [60, 120, 240, 480, 600, 600] {
            assert_eq!(ask(&logins, &main, now), Answer::Try, "after {:?}", now - start);
            assert_eq!(ask(&logins, &sub, now), Answer::Wait);
            logins.refused(logins.account(&main), answered(401), now, 0.0);
            for before in [Duration::ZERO, Duration::from_secs(pause - 1)] {
                for source in [&main, &sub] {
                    assert_eq!(ask(&logins, source, now + before), Answer::Refused(answered(401)));
                }
            }
            now += Duration::from_secs(pause);
        }
        // Jitter makes it longer, never shorter.
        logins.refused(logins.account(&main), answered(401), now, 1.0);
        assert_eq!(ask(&logins, &main, now + Duration::from_secs(749)), Answer::Refused(answered(401)));
        assert_eq!(ask(&logins, &main, now + Duration::from_secs(750)), Answer::Try);
    }

    #[test]
    fn other_passwords_and_accepted_ones_wait_for_nobody() {
        let (logins, now) = (Logins::default(), clock::now().instant);
        let (wrong, right, sub) = (source("main", "wrong"), source("main", "right"), source("sub", "right"));
        logins.refused(logins.account(&wrong), answered(401), now, 0.0);
        assert_eq!(ask(&logins, &right, now), Answer::Try);
        logins.tell(&right, &Ok(()), 0.0);
        assert_eq!([ask(&logins, &right, now), ask(&logins, &sub, now)], [Answer::Try, Answer::Try]);
        let open = Source { username: None, ..source("main", "") };
        assert_eq!([ask(&logins, &open, now), ask(&logins, &open, now)], [Answer::Try, Answer::Try]);
    }

    #[test]
    fn a_stream_that_is_forbidden_is_slow_and_the_others_are_not() {
        let (logins, now) = (Logins::default(), clock::now().instant);
        let (main, sub) = (source("main", "right"), source("sub", "right"));
        assert_eq!(ask(&logins, &main, now), Answer::Try);
        logins.tell(&main, &Err::<(), _>(answered(403)), 0.0);
        assert_eq!(ask(&logins, &main, now), Answer::Refused(answered(403)));
        assert_eq!(ask(&logins, &sub, now), Answer::Try);
        assert!(logins.pause(&main).is_some_and(|pause| pause > Duration::from_secs(50)));
        assert_eq!(logins.pause(&sub), None);
    }

    #[test]
    fn a_try_without_an_end_holds_the_others_up_for_a_moment_only() {
        let (logins, now) = (Logins::default(), clock::now().instant);
        let (main, sub) = (source("main", "word"), source("sub", "word"));
        assert_eq!([ask(&logins, &main, now), ask(&logins, &sub, now)], [Answer::Try, Answer::Wait]);
        assert_eq!(ask(&logins, &sub, now + OTHERS), Answer::Try);
        // One that ended otherwise says nothing of the password.
        logins.tell(&sub, &Err::<(), _>(Failure::Refused), 0.0);
        assert_eq!(ask(&logins, &main, now + OTHERS), Answer::Try);
    }

    #[test]
    fn a_new_configuration_is_tried_at_once_and_renditions_that_begin_together_are_not() {
        let (logins, now) = (Logins::default(), clock::now().instant);
        let main = source("main", "wrong");
        logins.refused(logins.account(&main), answered(401), now, 0.0);
        logins.anew(&main);
        assert!(logins.pause(&main).is_some(), "it was refused just now");
        let before = now.checked_sub(AT_ONCE * 2).expect("the system runs for some seconds");
        logins.lock().values_mut().for_each(|standing| standing.at = before);
        logins.anew(&main);
        assert_eq!(logins.pause(&main), None);
    }
}
