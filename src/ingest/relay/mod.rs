//! `relay`: between the RTSP library and a camera that it cannot reach by itself.
//!
//! One a session, on a loopback port that takes one connection, of the client that knows its URL. Towards the camera it
//! speaks TLS, follows redirects, connects again where a camera hangs up after DESCRIBE, and takes RTP over UDP, put in
//! order. It answers what the camera asks, does not pass on whose packets the camera says will come, and mends headers
//! that the library would stumble over. It logs in,
//! too, so that proofs are made of the URIs that the camera sees. Towards the library it is a camera with RTP inside of
//! the RTSP connection.
//!
//! Read first: `Line::run`. `message.rs`, `meter.rs`, `reorder.rs` and `repair.rs` are pure.

mod door;
mod line;
mod login;
mod message;
mod meter;
mod ports;
mod redirect;
mod reorder;
mod repair;
mod upstream;

use std::net::Ipv4Addr;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::net::TcpListener;
use tokio::time::timeout;
use url::Url;

pub use self::upstream::port;

use self::line::Line;
use self::upstream::Upstream;
use super::Source;
use super::error::Failure;
use super::scrub::Scrub;

/// A relay that waits for its one client, or serves it. It lives as long as that connection.
#[derive(Clone, Debug)]
pub struct Relay {
    url: Url,
    failure: Arc<OnceLock<Failure>>,
}

impl Relay {
    /// Connects to the camera, and listens. Each attempt to connect, and the wait for the client, may take
    /// `limit`. `secrets` learns where the camera leads.
    ///
    /// # Errors
    /// The camera cannot be connected to.
    pub async fn open(source: &Source, limit: Duration, secrets: Scrub) -> Result<Self, Failure> {
        let upstream = upstream::connect(&source.url, &source.trust, limit).await?;
        Self::between(source, upstream, limit, secrets).await
    }

    /// The same with a camera that is connected to already.
    async fn between(
        source: &Source,
        upstream: Upstream,
        limit: Duration,
        secrets: Scrub,
    ) -> Result<Self, Failure> {
        let broken = |error: std::io::Error| Failure::Broken { why: error.to_string() };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(broken)?;
        let port = listener.local_addr().map_err(broken)?.port();
        let url = door::local_url(&source.url, port).ok_or(Failure::BadUrl)?;
        let failure = Arc::new(OnceLock::new());
        let (told, source, local) = (failure.clone(), source.clone(), url.clone());
        // It ends with either of its connections: not with the session, which says goodbye in the background.
        tokio::spawn(async move {
            let Ok(Ok(client)) = timeout(limit, door::client(listener, &local)).await else { return };
            let mut line = Line::new(source, local, upstream, client, limit, secrets);
            let outcome = AssertUnwindSafe(line.run()).catch_unwind().await;
            if let Err(failure) = outcome.unwrap_or(Err(Failure::Panicked)) {
                // Before the client sees its connection end.
                let _first = told.set(failure);
            }
        });
        Ok(Self { url, failure })
    }

    /// The URL for the RTSP library.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// What went wrong on the camera's side; the library sees a closed connection.
    pub fn failure(&self) -> Option<Failure> {
        self.failure.get().cloned()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use std::io;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
    use tokio::net::TcpStream;

    use super::*;
    use crate::ingest::{Transport, Trust};

    /// A connection with a fault in its code.
    struct Faulty;

    impl AsyncRead for Faulty {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            panic!("the trap");
        }
    }

    impl AsyncWrite for Faulty {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(bytes.len()))
        }
        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn a_panic_in_the_relay_is_what_ended_the_session() {
        let source = Source {
            url: Url::parse("rtsp://10.0.0.7/live").unwrap(),
            transport: Transport::Tcp,
            trust: Trust::default(),
            username: None,
            password: None,
            audio: true,
            video: true,
        };
        let address = "127.0.0.1:9".parse().unwrap();
        let camera = Upstream { stream: Box::new(Faulty), local: address, peer: address };
        let limit = Duration::from_secs(60);
        let relay = Relay::between(&source, camera, limit, Scrub::default()).await.unwrap();
        let port = relay.url().port().unwrap();
        let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
        let request = format!("DESCRIBE {} RTSP/1.0\r\nCSeq: 1\r\n\r\n", relay.url());
        client.write_all(request.as_bytes()).await.unwrap();
        let end = timeout(limit, client.read(&mut [0; 16])).await.unwrap();
        assert_eq!(end.unwrap_or(0), 0, "the connection ends");
        assert_eq!(relay.failure(), Some(Failure::Panicked));
    }
}
