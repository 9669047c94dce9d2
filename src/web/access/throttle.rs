//! How often passwords may be tried: per address, and per user.

use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use moka::sync::Cache;

/// Tries from one address at once; a household behind one address logs in with that.
const ADDRESS_BURST: NonZeroU32 = NonZeroU32::new(20).expect("not zero");
/// After those, one try in this time.
const ADDRESS_PAUSE: Duration = Duration::from_secs(3);
/// Tries for one user at once, from wherever.
const USER_BURST: NonZeroU32 = NonZeroU32::new(30).expect("not zero");
/// After those, one try in this time: 43,200 a day, against a password that is worth the name.
const USER_PAUSE: Duration = Duration::from_secs(2);
/// When so many addresses are remembered, those that may try freely again are forgotten.
const REMEMBERED: usize = 10_000;

/// Counts tries.
pub struct Throttle {
    addresses: DefaultKeyedRateLimiter<IpAddr>,
    users: DefaultKeyedRateLimiter<u16>,
    clock: DefaultClock,
}

impl Throttle {
    /// Nobody tried anything yet.
    pub fn new() -> Self {
        let quota = |pause, burst| {
            Quota::with_period(pause).expect("the pauses above are not zero").allow_burst(burst)
        };
        Self {
            addresses: RateLimiter::keyed(quota(ADDRESS_PAUSE, ADDRESS_BURST)),
            users: RateLimiter::keyed(quota(USER_PAUSE, USER_BURST)),
            clock: DefaultClock::default(),
        }
    }

    /// Counts a try. `user` is a short hash of the name that was tried, whether anybody has it or not: so there is an end
    /// to them. Without one, only the address counts.
    ///
    /// # Errors
    /// There were too many; how long to wait.
    pub fn count(&self, address: IpAddr, user: Option<u16>) -> Result<(), Duration> {
        if self.addresses.len() >= REMEMBERED {
            self.addresses.retain_recent();
        }
        // A crowd of addresses that all try now: one for all.
        let address = if self.addresses.len() >= REMEMBERED {
            Ipv6Addr::UNSPECIFIED.into()
        } else {
            household(address)
        };
        self.ask(&self.addresses, &address)?;
        user.map_or(Ok(()), |user| self.ask(&self.users, &user))
    }

    fn ask<K: Hash + Eq + Clone>(
        &self,
        limiter: &DefaultKeyedRateLimiter<K>,
        key: &K,
    ) -> Result<(), Duration> {
        limiter.check_key(key).map_err(|not_yet| not_yet.wait_time_from(self.clock.now()))
    }
}

/// Wrong answers that one address may give at once, where each is somebody else's work: a page with old tokens gives
/// some.
const WRONG_BURST: NonZeroU32 = NonZeroU32::new(100).expect("not zero");
/// After those, one in this time.
const WRONG_PAUSE: Duration = Duration::from_secs(1);
/// Who gives more is not listened to for this long.
const DEAF_FOR: Duration = Duration::from_secs(10);

/// Counts wrong answers; right ones are free.
pub struct Wrongs {
    addresses: DefaultKeyedRateLimiter<IpAddr>,
    stopped: Cache<IpAddr, ()>,
}

impl Wrongs {
    /// Nobody gave any yet.
    pub fn new() -> Self {
        let quota = Quota::with_period(WRONG_PAUSE).expect("not zero").allow_burst(WRONG_BURST);
        let stopped = Cache::builder().max_capacity(REMEMBERED as u64).time_to_live(DEAF_FOR).build();
        Self { addresses: RateLimiter::keyed(quota), stopped }
    }

    /// Whether an address is listened to.
    ///
    /// # Errors
    /// It gave too many; how long to wait.
    pub fn check(&self, address: IpAddr) -> Result<(), Duration> {
        if self.stopped.contains_key(&household(address)) { Err(DEAF_FOR) } else { Ok(()) }
    }

    /// Counts one more.
    pub fn count(&self, address: IpAddr) {
        if self.addresses.len() >= REMEMBERED {
            self.addresses.retain_recent();
        }
        let address = household(address);
        // Of more than can be remembered none is let off.
        if self.addresses.len() >= 2 * REMEMBERED || self.addresses.check_key(&address).is_err() {
            self.stopped.insert(address, ());
        }
    }
}

/// Who is behind an IPv6 address has 2^64 of them.
pub fn household(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

/// One of those who wait for a turn.
pub struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    /// One more, if there are fewer than `most`.
    pub fn new(waiting: &'a AtomicUsize, most: usize) -> Option<Self> {
        let one = Self(waiting);
        (waiting.fetch_add(1, Ordering::Relaxed) < most).then_some(one)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_stopped_and_others_go_on() {
        let throttle = Throttle::new();
        let address = |last| IpAddr::from([192, 0, 2, last]);
        let tries = (0..100).take_while(|_| throttle.count(address(1), Some(1)).is_ok()).count();
        assert_eq!(tries, ADDRESS_BURST.get() as usize);
        assert!(throttle.count(address(1), Some(2)).is_err());
        assert!(throttle.count(address(2), Some(2)).is_ok());
        let wait = throttle.count(address(1), Some(1)).expect_err("too many");
        assert!(wait > Duration::ZERO && wait <= ADDRESS_PAUSE, "{wait:?}");
    }

    #[test]
    fn a_user_is_not_tried_from_everywhere_without_end() {
        let throttle = Throttle::new();
        let address = |n: u32| IpAddr::from(n.to_be_bytes());
        let tries = (0..100).take_while(|n| throttle.count(address(*n), Some(1)).is_ok()).count();
        assert_eq!(tries, USER_BURST.get() as usize);
        assert!(throttle.count(address(200), Some(2)).is_ok());
    }

    #[test]
    fn who_is_wrong_too_often_is_not_listened_to_and_others_are() {
        let wrongs = Wrongs::new();
        let address = |last| IpAddr::from([192, 0, 2, last]);
        for _ in 0..WRONG_BURST.get() {
            assert_eq!(wrongs.check(address(1)), Ok(()));
            wrongs.count(address(1));
        }
        // Some time may have passed meanwhile, in which another one was allowed.
        let more =
            (0..100).take_while(|_| wrongs.check(address(1)).is_ok()).inspect(|_| wrongs.count(address(1)));
        assert!(more.count() < 100);
        assert_eq!(wrongs.check(address(1)), Err(DEAF_FOR));
        assert_eq!(wrongs.check(address(2)), Ok(()));
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one() {
        let (one, other) = ("2001:db8::1".parse(), "2001:db8::ffff:1".parse());
        assert_eq!(household(one.expect("good")), household(other.expect("good")));
    }
}
