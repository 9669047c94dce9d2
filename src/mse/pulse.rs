//! Pings: they keep idle connections through proxies, find clients that are gone, and measure how long what is sent
//! takes. Pure: the time is told.
//!
//! They bound what is on its way, too. TCP alone takes whatever its congestion window allows, which a good connection
//! leaves wide open; when it turns bad, seconds of media are lost in it that nobody can take back.

use std::time::{Duration, Instant};

/// A connection with media on it is pinged this often, and after so many bytes, but not more often than the last.
const PROBE_INTERVAL: Duration = Duration::from_secs(1);
const PROBE_BYTES: u64 = 48 << 10;
const SHORTEST_PROBE_INTERVAL: Duration = Duration::from_millis(250);
/// So much may be on its way, however long it takes.
const WINDOW: u64 = 32 << 10;
/// More may be on its way if pings are not later than this, compared with the quickest.
const LATE: Duration = Duration::from_millis(250);

/// One connection's pings: at most one is under way.
#[derive(Clone, Debug)]
pub struct Pulse {
    interval: Duration,
    number: u32,
    last_sent: Instant,
    last_alive: Instant,
    under_way: Option<Ping>,
    quickest: Option<Duration>,
    /// Bytes of media that were sent, all in all, and before the last ping that was answered.
    given: u64,
    arrived: u64,
    /// Bytes that were sent before the last ping.
    pinged: u64,
}

#[derive(Clone, Copy, Debug)]
struct Ping {
    sent: Instant,
    /// Bytes of media right before it.
    bytes: u64,
}

impl Pulse {
    /// A connection that is opened now and pinged at least once in `interval`.
    pub fn new(interval: Duration, now: Instant) -> Self {
        Self {
            interval,
            number: 0,
            last_sent: now,
            last_alive: now,
            under_way: None,
            quickest: None,
            given: 0,
            arrived: 0,
            pinged: 0,
        }
    }

    /// Notes media that is sent.
    pub fn given(&mut self, bytes: u64) {
        self.given += bytes;
    }

    /// True when enough is on its way: the connection has become slow, and more would only wait in it.
    pub fn is_full(&self, now: Instant) -> bool {
        self.given - self.arrived > WINDOW
            && self.quickest.is_some_and(|quickest| self.unanswered(now) > quickest + LATE)
    }

    /// True when a ping is needed, so that proxies keep the connection.
    pub fn is_due(&self, now: Instant) -> bool {
        self.under_way.is_none() && now.saturating_duration_since(self.last_sent) >= self.interval
    }

    /// True when a ping may be sent to measure the connection.
    pub fn may_probe(&self, now: Instant) -> bool {
        let interval =
            if self.given - self.pinged >= PROBE_BYTES { SHORTEST_PROBE_INTERVAL } else { PROBE_INTERVAL };
        self.under_way.is_none() && now.saturating_duration_since(self.last_sent) >= interval
    }

    /// Notes a ping that is sent now behind `bytes` of media; the number that it carries.
    pub fn sent(&mut self, now: Instant, bytes: u64) -> u32 {
        self.number = self.number.wrapping_add(1);
        self.last_sent = now;
        self.pinged = self.given;
        self.under_way = Some(Ping { sent: now, bytes });
        self.number
    }

    /// Notes an answer. How long it took and how many bytes went before it, if it answers the ping that is under way.
    pub fn answered(&mut self, payload: &[u8], now: Instant) -> Option<(Duration, u64)> {
        self.last_alive = now;
        let ping = self.under_way.take_if(|_| payload == self.number.to_be_bytes())?;
        let time = now.saturating_duration_since(ping.sent);
        self.quickest = Some(self.quickest.map_or(time, |quickest| quickest.min(time)));
        self.arrived = self.pinged;
        Some((time, ping.bytes))
    }

    /// Notes a sign of life.
    pub fn alive(&mut self, now: Instant) {
        self.last_alive = now;
    }

    /// How long the ping that is under way has been so.
    pub fn unanswered(&self, now: Instant) -> Duration {
        self.under_way.map_or(Duration::ZERO, |ping| now.saturating_duration_since(ping.sent))
    }

    /// True when a ping and everything else stayed without an answer for a whole interval: so a client is found gone
    /// within two of them.
    pub fn is_dead(&self, now: Instant) -> bool {
        self.under_way.is_some_and(|ping| {
            now.saturating_duration_since(ping.sent.max(self.last_alive)) >= self.interval
        })
    }

    /// When something is to be done, if nothing happens before.
    pub fn next_look(&self) -> Instant {
        match self.under_way {
            Some(ping) => ping.sent.max(self.last_alive) + self.interval,
            None => self.last_sent + self.interval,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(15);

    #[test]
    fn a_client_that_is_gone_is_found_within_two_intervals() {
        assert_eq!(
            crate::mse::Options::default().ping_interval,
            INTERVAL,
            "thirty seconds, unless set otherwise"
        );
        let start = Instant::now();
        let mut pulse = Pulse::new(INTERVAL, start);
        assert!(!pulse.is_due(start) && !pulse.is_dead(start + INTERVAL * 9));
        assert_eq!(pulse.next_look(), start + INTERVAL);
        assert!(pulse.is_due(start + INTERVAL));
        pulse.sent(start + INTERVAL, 0);
        assert!(!pulse.is_due(start + INTERVAL * 2), "one at a time");
        assert_eq!(pulse.next_look(), start + INTERVAL * 2);
        assert!(pulse.is_dead(start + INTERVAL * 2));
    }

    #[test]
    fn any_sign_of_life_counts() {
        let start = Instant::now();
        let mut pulse = Pulse::new(INTERVAL, start);
        pulse.sent(start, 0);
        pulse.alive(start + INTERVAL / 2);
        assert!(!pulse.is_dead(start + INTERVAL));
        assert!(pulse.is_dead(start + INTERVAL * 3 / 2));
    }

    #[test]
    fn only_the_answer_to_the_ping_under_way_is_measured() {
        let start = Instant::now();
        let mut pulse = Pulse::new(INTERVAL, start);
        let number = pulse.sent(start, 7000);
        let later = start + Duration::from_millis(80);
        assert_eq!(pulse.unanswered(later), Duration::from_millis(80));
        assert_eq!(pulse.answered(b"unasked", later), None);
        assert_eq!(pulse.answered(&number.to_be_bytes(), later), Some((Duration::from_millis(80), 7000)));
        assert_eq!(pulse.answered(&number.to_be_bytes(), later), None);
        assert_eq!(pulse.unanswered(later), Duration::ZERO);
        assert!(!pulse.may_probe(start) && pulse.may_probe(start + PROBE_INTERVAL));
    }

    #[test]
    fn no_more_is_sent_while_much_is_on_its_way_for_long() {
        let start = Instant::now();
        let mut pulse = Pulse::new(INTERVAL, start);
        let number = pulse.sent(start, 0);
        pulse.answered(&number.to_be_bytes(), start + Duration::from_millis(50));
        pulse.given(WINDOW / 2);
        let number = pulse.sent(start, WINDOW / 2);
        let late = start + Duration::from_millis(301);
        assert!(!pulse.is_full(late), "little may be on its way for long");
        pulse.given(WINDOW);
        assert!(!pulse.is_full(start + Duration::from_millis(299)), "and much for a while");
        assert!(pulse.is_full(late));
        pulse.answered(&number.to_be_bytes(), late);
        assert!(!pulse.is_full(late));
    }

    #[test]
    fn much_media_is_measured_more_often() {
        let start = Instant::now();
        let mut pulse = Pulse::new(INTERVAL, start);
        let soon = start + SHORTEST_PROBE_INTERVAL;
        assert!(!pulse.may_probe(soon));
        pulse.given(PROBE_BYTES);
        assert!(pulse.may_probe(soon) && !pulse.may_probe(start));
    }
}
