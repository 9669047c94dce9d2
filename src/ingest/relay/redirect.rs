//! Where redirects may lead, and who may be told the password there.

use std::net::IpAddr;
use std::time::Duration;

use tokio::net::lookup_host;
use tokio::time::timeout;
use url::{Host, Url};

use super::upstream;
use crate::ingest::error::Failure;

/// The host that the password is meant for: by its name, and by all its addresses as far as they are known.
#[derive(Debug)]
pub struct Home {
    url: Url,
    addresses: Vec<IpAddr>,
}

impl Home {
    /// The host of `url`, which answers at `peer`.
    pub fn new(url: &Url, peer: IpAddr) -> Self {
        Self { url: url.clone(), addresses: vec![peer.to_canonical()] }
    }

    /// True if `url` leads there. A name is not looked up: whoever redirects may also say where it leads.
    pub fn is(&self, url: &Url) -> bool {
        let address = match url.host() {
            Some(Host::Ipv4(ip)) => Some(IpAddr::V4(ip)),
            Some(Host::Ipv6(ip)) => Some(IpAddr::V6(ip)),
            Some(Host::Domain(name)) => name.trim_matches(['[', ']']).parse().ok(),
            None => None,
        };
        url.host() == self.url.host() || address.is_some_and(|ip| self.addresses.contains(&ip.to_canonical()))
    }

    /// Learns all addresses of the host, if it has a name.
    pub async fn look_up(&mut self, limit: Duration) {
        let Some(Host::Domain(name)) = self.url.host() else { return };
        let found = timeout(limit, lookup_host((name, upstream::port(&self.url)))).await;
        // Who has no address now keeps the one that answered.
        let found = found.into_iter().flatten().flatten();
        self.addresses.extend(found.map(|address| address.ip().to_canonical()));
    }
}

/// Where a redirect from `from` to `location` leads (RFC 2326, 10.11 and 11.3).
///
/// # Errors
/// It leads nowhere, or out of TLS.
pub fn target(from: &Url, location: &str) -> Result<Url, Failure> {
    let lost = |why: &str| Failure::Redirected { why: why.to_owned() };
    let mut target = from.join(location).map_err(|_| lost("its address makes no sense"))?;
    if !matches!(target.scheme(), "rtsp" | "rtsps") || target.host().is_none() {
        return Err(lost("its address is none of RTSP"));
    }
    if from.scheme() == "rtsps" && target.scheme() == "rtsp" {
        return Err(lost("from TLS to no TLS"));
    }
    // Credentials are ours to give, not the camera's.
    let clean = target.set_username("").and_then(|()| target.set_password(None));
    clean.map_err(|()| lost("its address makes no sense"))?;
    Ok(target)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[tokio::test]
    async fn a_host_is_at_home_under_its_name_and_all_its_addresses_and_nowhere_else() {
        let mut home = Home::new(&url("rtsp://localhost/live"), "127.0.0.5".parse().unwrap());
        home.look_up(Duration::from_secs(60)).await;
        for (target, is) in [
            ("rtsp://localhost:8554/other", true),
            ("rtsp://127.0.0.1:8554/other", true),
            ("rtsp://127.0.0.5/", true),
            ("rtsp://[::ffff:127.0.0.1]/", true),
            ("rtsp://127.0.0.2/", false),
            ("rtsp://192.168.1.20/", false),
            ("rtsp://localhost.example.org/", false),
        ] {
            assert_eq!(home.is(&url(target)), is, "{target}");
        }
        let mut by_address = Home::new(&url("rtsp://127.0.0.1/live"), "127.0.0.1".parse().unwrap());
        by_address.look_up(Duration::from_secs(60)).await;
        assert!(by_address.is(&url("rtsp://127.0.0.1/a")) && !by_address.is(&url("rtsp://localhost/a")));
    }

    #[test]
    fn a_redirect_brings_no_credentials_and_stays_within_tls() {
        let from = url("rtsps://cam.example/live");
        assert_eq!(target(&from, "rtsps://a:b@other/x").unwrap(), url("rtsps://other/x"));
        assert_eq!(target(&from, "/there?y").unwrap(), url("rtsps://cam.example/there?y"));
        for (location, word) in [("rtsp://other/x", "no TLS"), ("http://other/x", "none of RTSP")] {
            assert!(target(&from, location).unwrap_err().to_string().contains(word), "{location}");
        }
    }
}
