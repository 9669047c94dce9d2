//! Listeners and connections.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, info, warn};

use super::Options;
use super::access::{Access, KeyError, Unguarded};
use super::authority::fingerprint;
use super::handler::Site;
use super::hls::Hls;
use super::limits::{Connections, Place};
use super::route::Routes;
use super::tls::{Tls, TlsError};
use super::viewers::{Peer, Viewers};
use crate::live::Catalog;
use crate::{hls, mse};

/// A request's header must be here within this time.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// A TLS handshake must be done within this time.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Most bytes of a request's header.
const HEADER_BYTES: usize = 32 << 10;
/// Most requests at once in one HTTP/2 connection; a player has about ten.
const STREAMS: u32 = 128;
/// Most bytes that an HTTP/2 stream queues for a client that does not read.
const STREAM_BUFFER: usize = 128 << 10;
/// Idle HTTP/2 connections are asked for a sign of life this often.
const H2_PING: Duration = Duration::from_secs(20);
/// What the kernel holds of a connection beyond what is on its way. It would take megabytes of media that a slow link
/// carries in a minute, and hide from the feed that its viewer falls behind.
#[cfg(target_os = "linux")]
const UNSENT: u32 = 64 << 10;
/// After a failed accept, as when there are too many files: a breath, so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why the web server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {cause}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        cause: io::Error,
    },
    /// TLS is not set up right.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Others can reach a listener, and nothing is said about who may watch.
    #[error(transparent)]
    Unguarded(#[from] Unguarded),
    /// Keys of access tokens cannot be used.
    #[error(transparent)]
    Keys(#[from] KeyError),
}

/// What the web server is made of.
pub struct Parts {
    /// Addresses and paths.
    pub options: Options,
    /// The cameras.
    pub catalog: Arc<Catalog>,
    /// Options of HLS.
    pub hls: hls::Options,
    /// Options of the MSE feed.
    pub mse: mse::Options,
}

/// The running web server.
pub struct Server {
    address: SocketAddr,
    tls_address: Option<SocketAddr>,
    authority: Option<String>,
    access: Arc<Access>,
    accept: CancellationToken,
    stop: CancellationToken,
    tasks: TaskTracker,
    sockets: TaskTracker,
}

impl Server {
    /// Binds the listeners and serves.
    ///
    /// # Errors
    /// An address is taken or not this machine's, or TLS is not set up right.
    pub async fn start(parts: Parts) -> Result<Self, StartError> {
        let Parts { options, catalog, hls, mse } = parts;
        options.guarded()?;
        let access = Access::new(&options.auth, &options.cors, &options.hosts)?;
        let (accept, stop) = (CancellationToken::new(), CancellationToken::new());
        let (tasks, sockets) = (TaskTracker::new(), TaskTracker::new());
        let plain = listen(options.listen).await?;
        let address = address_of(&plain, options.listen)?;
        let tls = match &options.tls {
            Some(tls) => Some((listen(tls.listen).await?, Tls::new(tls)?, tls.listen)),
            None => None,
        };
        if tls.is_none() {
            info!(
                "there is no TLS here: iPhones play HLS at regular latency, unless a proxy in front speaks HTTP/2 to them"
            );
        }
        let tls_address =
            tls.as_ref().map(|(listener, _, wanted)| address_of(listener, *wanted)).transpose()?;
        let routes = Routes::new(&options.base_path);
        let authority = tls.as_ref().and_then(|(_, tls, _)| tls.authority.clone());
        let redirect = options.tls.as_ref().is_some_and(|tls| tls.redirect);
        let connections = Connections::new(options.connections);
        let site = Arc::new(Site {
            catalog,
            routes,
            access: access.clone(),
            trusted_proxies: options.trusted_proxies,
            secure_port: tls_address.filter(|_| redirect).map(|address| address.port()),
            authority: authority.clone(),
            connections,
            hls: Hls::new(hls),
            mse,
            stop: stop.clone(),
            viewers: Viewers::new(),
            sockets: sockets.clone(),
        });
        tasks.spawn(accept_loop(plain, None, site.clone(), accept.clone(), tasks.clone()));
        if let Some((listener, tls, _)) = tls {
            let acceptor = Some(tls.acceptor.clone());
            tasks.spawn(tls.keep_fresh(stop.clone()));
            tasks.spawn(accept_loop(listener, acceptor, site, accept.clone(), tasks.clone()));
        }
        Ok(Self {
            address,
            tls_address,
            authority: authority.as_ref().map(fingerprint),
            access,
            accept,
            stop,
            tasks,
            sockets,
        })
    }

    /// The address of the plain listener, with the port that the system gave.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address of the TLS listener.
    pub fn tls_address(&self) -> Option<SocketAddr> {
        self.tls_address
    }

    /// The fingerprint of our own authority, which phones must be told to trust; `None` if there is none.
    pub fn authority(&self) -> Option<&str> {
        self.authority.as_deref()
    }

    /// Goes by the rules of other options about who may watch, and by nothing else of them. Whoever would be let in no
    /// more is put out. True if anything is new.
    ///
    /// # Errors
    /// Keys cannot be read, or a listener that others can reach would be without rules; everything stays as it was.
    pub fn reload(&self, options: &Options) -> Result<bool, StartError> {
        options.auth.guards([self.address].into_iter().chain(self.tls_address))?;
        Ok(self.access.replace(&options.auth, &options.cors, &options.hosts)?)
    }

    /// How many tasks serve now: one a listener, and one a connection.
    #[cfg(test)]
    pub(super) fn connections(&self) -> usize {
        self.tasks.len()
    }

    /// Takes no new connections; those that are open go on.
    pub fn stop_accepting(&self) {
        self.accept.cancel();
    }

    /// Ends what is open: waiting requests with 503, sockets with 1001; then waits for all of them,
    /// at most for `grace`. True when all ended.
    pub async fn stop(self, grace: Duration) -> bool {
        self.accept.cancel();
        self.stop.cancel();
        self.tasks.close();
        self.sockets.close();
        let all = async {
            self.tasks.wait().await;
            self.sockets.wait().await;
        };
        timeout(grace, all).await.is_ok()
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|cause| StartError::Listen { address, cause })
}

fn address_of(listener: &TcpListener, address: SocketAddr) -> Result<SocketAddr, StartError> {
    listener.local_addr().map_err(|cause| StartError::Listen { address, cause })
}

async fn accept_loop(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    site: Arc<Site>,
    accept: CancellationToken,
    tasks: TaskTracker,
) {
    let graceful = GracefulShutdown::new();
    loop {
        let (stream, from) = tokio::select! {
            () = accept.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
        };
        if let Err(error) = tune(&stream, site.mse.stall_timeout) {
            debug!(%error, "a connection broke at once");
            continue;
        }
        let peer = Peer { address: from.ip().to_canonical(), tls: tls.is_some() };
        // Behind a proxy there are many; and this machine's own programs are not held up.
        let many = peer.address.is_loopback() || site.trusts(peer.address);
        let Some(place) = site.connections.place((!many).then_some(peer.address)) else {
            debug!(address = %peer.address, "too many connections");
            continue;
        };
        let place = Arc::new(place);
        tasks.spawn(greet(stream, peer, place, tls.clone(), site.clone(), graceful.watcher()));
    }
    drop(listener);
    site.stop.cancelled().await;
    graceful.shutdown().await;
}

/// Makes a connection tell the truth about how much its client takes.
fn tune(stream: &TcpStream, stall_timeout: Duration) -> io::Result<()> {
    // Frames are small and late is worse than many packets.
    stream.set_nodelay(true)?;
    // A client that acknowledges nothing, or leaves no room for more, is gone after this time, whatever it was sent.
    #[cfg(target_os = "linux")]
    {
        let socket = socket2::SockRef::from(stream);
        socket.set_tcp_user_timeout(Some(stall_timeout))?;
        socket.set_tcp_notsent_lowat(UNSENT)?;
    }
    #[cfg(not(target_os = "linux"))]
    let _ = stall_timeout;
    Ok(())
}

type Watcher = hyper_util::server::graceful::Watcher;

async fn greet(
    stream: TcpStream,
    peer: Peer,
    place: Arc<Place>,
    tls: Option<TlsAcceptor>,
    site: Arc<Site>,
    watcher: Watcher,
) {
    let Some(acceptor) = tls else { return serve(stream, peer, place, site, watcher).await };
    match timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => serve(stream, peer, place, site, watcher).await,
        Ok(Err(error)) => debug!(%error, "a TLS handshake failed"),
        Err(_) => debug!("a TLS handshake took too long"),
    }
}

async fn serve<S>(stream: S, peer: Peer, place: Arc<Place>, site: Arc<Site>, watcher: Watcher)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let greeted = CancellationToken::new();
    let heard = greeted.clone();
    let service = service_fn(move |mut request: Request<Incoming>| {
        heard.cancel();
        let site = site.clone();
        // Whoever takes the connection over keeps its place.
        request.extensions_mut().insert(place.clone());
        async move { Ok::<_, Infallible>(site.answer(request, peer).await) }
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(HEADER_BYTES)
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(H2_PING)
        .enable_connect_protocol()
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(HEADER_BYTES as u32)
        .max_send_buf_size(STREAM_BUFFER);
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
    let mut connection = pin!(watcher.watch(connection.into_owned()));
    // hyper's own time limit begins only when it knows which HTTP is spoken.
    let silent = async {
        if timeout(HEADER_TIMEOUT, greeted.cancelled()).await.is_ok() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        ended = &mut connection => if let Err(error) = ended {
            debug!(error = %error, "a connection ended with an error");
        },
        () = silent => debug!("a connection asked for nothing in time"),
    }
}
