//! How often passwords may be tried: per address, and per user.

use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

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
    users: DefaultKeyedRateLimiter<String>,
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

    /// Counts a try. Users that nobody knows should all have one name here, so that there is an end to them.
    ///
    /// # Errors
    /// There were too many; how long to wait.
    pub fn count(&self, address: IpAddr, user: &str) -> Result<(), Duration> {
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
        self.ask(&self.users, &user.to_owned())
    }

    fn ask<K: Hash + Eq + Clone>(
        &self,
        limiter: &DefaultKeyedRateLimiter<K>,
        key: &K,
    ) -> Result<(), Duration> {
        limiter.check_key(key).map_err(|not_yet| not_yet.wait_time_from(self.clock.now()))
    }
}

/// Who is behind an IPv6 address has 2^64 of them.
fn household(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_stopped_and_others_go_on() {
        let throttle = Throttle::new();
        let address = |last| IpAddr::from([192, 0, 2, last]);
        let tries = (0..100).take_while(|_| throttle.count(address(1), "anna").is_ok()).count();
        assert_eq!(tries, ADDRESS_BURST.get() as usize);
        assert!(throttle.count(address(1), "bert").is_err());
        assert!(throttle.count(address(2), "bert").is_ok());
        let wait = throttle.count(address(1), "anna").expect_err("too many");
        assert!(wait > Duration::ZERO && wait <= ADDRESS_PAUSE, "{wait:?}");
    }

    #[test]
    fn a_user_is_not_tried_from_everywhere_without_end() {
        let throttle = Throttle::new();
        let address = |n: u32| IpAddr::from(n.to_be_bytes());
        let tries = (0..100).take_while(|n| throttle.count(address(*n), "anna").is_ok()).count();
        assert_eq!(tries, USER_BURST.get() as usize);
        assert!(throttle.count(address(200), "bert").is_ok());
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one() {
        let (one, other) = ("2001:db8::1".parse(), "2001:db8::ffff:1".parse());
        assert_eq!(household(one.expect("good")), household(other.expect("good")));
    }
}
