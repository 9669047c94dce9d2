//! `relay`: between the RTSP library and a camera that it cannot reach by itself.
//!
//! One a session, on a loopback port that takes one connection, of the client that knows its URL. Towards the camera it
//! speaks TLS, follows redirects, connects again where a camera hangs up after DESCRIBE, and takes RTP over UDP, put in
//! order. It logs in, too, so that proofs are made of the URIs that the camera sees. Towards the library it is a camera
//! with RTP inside of the RTSP connection.
//!
//! Read first: `Line::run`. `message.rs`, `meter.rs`, `reorder.rs` and `retell.rs` are pure.

mod door;
mod line;
mod login;
mod message;
mod meter;
mod ports;
mod redirect;
mod reorder;
pub mod retell;
mod upstream;

use std::net::Ipv4Addr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::timeout;
use url::Url;

pub use self::upstream::port;

use self::line::Line;
use super::Source;
use super::error::Failure;

/// A relay that waits for its one client, or serves it. It lives as long as that connection.
#[derive(Clone, Debug)]
pub struct Relay {
    url: Url,
    failure: Arc<OnceLock<Failure>>,
}

impl Relay {
    /// Connects to the camera, and listens. Each attempt to connect, and the wait for the client, may take
    /// `limit`.
    ///
    /// # Errors
    /// The camera cannot be connected to.
    pub async fn open(source: &Source, limit: Duration) -> Result<Self, Failure> {
        let upstream = upstream::connect(&source.url, &source.trust, limit).await?;
        let broken = |error: std::io::Error| Failure::Broken { why: error.to_string() };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(broken)?;
        let port = listener.local_addr().map_err(broken)?.port();
        let url = door::local_url(&source.url, port).ok_or(Failure::BadUrl)?;
        let failure = Arc::new(OnceLock::new());
        let (told, source, local) = (failure.clone(), source.clone(), url.clone());
        // It ends with either of its connections: not with the session, which says goodbye in the background.
        tokio::spawn(async move {
            let Ok(Ok(client)) = timeout(limit, door::client(listener, &local)).await else { return };
            let mut line = Line::new(source, local, upstream, client, limit);
            if let Err(failure) = line.run().await {
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
