//! The PROXY protocol (versions 1 and 2): what a proxy says of a connection before its first byte.

use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use proxy_header::io::ProxiedStream;
use proxy_header::{ParseConfig, Protocol};
use tokio::time::timeout;
use tracing::{debug, warn};

use super::listener::Stream;
use super::viewers::Peer;

/// A connection, with or without such a header before it.
pub type Proxied = ProxiedStream<Stream>;

/// Why a connection is not served.
#[derive(Debug, thiserror::Error)]
pub enum Unproxied {
    /// It does not come from a proxy that is believed.
    #[error("it is not from one of server.trusted_proxies")]
    Stranger,
    /// There is no header of either version.
    #[error("it does not begin with a header of the PROXY protocol")]
    Malformed,
    /// Its client left before it had said one: some only look whether there is somebody.
    #[error("its client left before it had said anything")]
    Gone,
    /// The header is not there in time.
    #[error("its PROXY header is not there in time")]
    Slow,
}

/// Reads the header, and whose connection it says that this is. The proxy may not know, or ask for itself to see whether
/// we are well (`UNKNOWN`, `LOCAL`): then nobody knows, and what headers of requests say of others is not believed.
///
/// # Errors
/// There is no header, or it takes longer than `limit`.
pub async fn read(stream: Stream, mut peer: Peer, limit: Duration) -> Result<(Proxied, Peer), Unproxied> {
    let header = ProxiedStream::create_from_tokio(stream, ParseConfig::default());
    let stream =
        timeout(limit, header).await.map_err(|_| Unproxied::Slow)?.map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData => Unproxied::Malformed,
            _ => Unproxied::Gone,
        })?;
    let header = stream.proxy_header();
    let proxied = header.proxied_address().filter(|proxied| proxied.protocol == Protocol::Stream);
    peer.address = proxied.map_or(Peer::UNKNOWN, |proxied| proxied.source.ip().to_canonical());
    // Version 2 may tell that the proxy has taken TLS off.
    peer.tls |= header.ssl().is_some_and(|ssl| ssl.client_ssl());
    Ok((stream, peer))
}

/// Those who were not served.
#[derive(Default)]
pub struct TurnedAway(AtomicU64);

impl TurnedAway {
    /// Counts one more, and tells of the first, the second, the fourth, the eighth: whoever wants to fill a log with this
    /// has to work for it.
    pub fn tell(&self, address: IpAddr, why: &Unproxied) {
        if matches!(why, Unproxied::Gone) {
            return debug!(%address, "a connection is closed: {why}");
        }
        let all = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        if all.is_power_of_two() {
            warn!(%address, all, "a connection is closed: {why}");
        }
    }
}
