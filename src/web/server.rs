//! Listeners and connections.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue, UPGRADE};
use hyper::service::service_fn;
use hyper::{Method, Request, StatusCode, Version};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, info, warn};

use super::Options;
use super::access::{Access, Auth, KeyError, Unguarded};
use super::authority::fingerprint;
use super::delivery::bodiless;
use super::handler::Site;
use super::hls::Hls;
use super::limits::{Connections, Place};
use super::listen::Endpoint;
use super::listener::{self, ListenError, Listener, Stream};
use super::open_files;
use super::options::guards;
use super::proxied::{self, Proxied, TurnedAway, Unproxied};
use super::route::Routes;
use super::streams::Streams;
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
/// HTTP/2 connections are asked for a sign of life this often, and have as long to give it.
const H2_PING: Duration = Duration::from_secs(15);
/// What TLS may hold, coded, for a client that takes nothing: one record. It would take four.
const CODED: usize = 16 << 10;
/// After a failed accept, as when there are too many files: a breath, so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why the web server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// There is no listener where one should be.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// TLS is not set up right.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Others can reach a listener, and nothing is said about who may watch.
    #[error(transparent)]
    Unguarded(#[from] Unguarded),
    /// There were rules about who may watch, and now there are none. Half a file is a good one too: only words take rules
    /// away.
    #[error(
        "nothing says any more who may watch, where something did: write auth = \"none\" at the head of the configuration if \
         everybody may"
    )]
    RulesGone,
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
    /// Where, and whether with TLS.
    listeners: Vec<(Endpoint, bool)>,
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
        if let Some(oversight) = options.oversight() {
            warn!("{oversight}");
        }
        let access = Access::new(&options.auth, &options.cors, &options.hosts)?;
        let (accept, stop) = (CancellationToken::new(), CancellationToken::new());
        let (tasks, sockets) = (TaskTracker::new(), TaskTracker::new());
        let (plain, secure) = listener::open(&options).await?;
        let tls = options.tls.as_ref().map(Tls::new).transpose()?;
        if tls.is_none() {
            info!(
                "there is no TLS here: iPhones play HLS at regular latency, unless a proxy in front speaks HTTP/2 to them"
            );
        }
        let routes = Routes::new(&options.base_path);
        let authority = tls.as_ref().and_then(|tls| tls.authority.clone());
        let redirect = options.tls.as_ref().is_some_and(|tls| tls.redirect);
        open_files::raise(options.connections.all);
        let connections = Connections::new(options.connections);
        let of = |all: &[Listener], tls| -> Vec<_> {
            all.iter().map(|listener| (listener.endpoint.clone(), tls)).collect()
        };
        let listeners = [of(&plain, false), of(&secure, true)].concat();
        let secure_port = secure.iter().find_map(Listener::address).map(|address| address.port());
        let site = Arc::new(Site {
            catalog,
            routes,
            access: access.clone(),
            trusted_proxies: options.trusted_proxies,
            secure_port: secure_port.filter(|_| redirect),
            authority: authority.clone(),
            connections,
            hls: Hls::new(hls),
            mse,
            stop: stop.clone(),
            viewers: Viewers::new(),
            sockets: sockets.clone(),
        });
        let acceptor = tls.as_ref().map(|tls| tls.acceptor.clone());
        if let Some(tls) = tls {
            tasks.spawn(tls.keep_fresh(stop.clone()));
        }
        let plain = plain.into_iter().map(|listener| (listener, None));
        for (listener, acceptor) in
            plain.chain(secure.into_iter().map(|listener| (listener, acceptor.clone())))
        {
            tasks.spawn(accept_loop(listener, acceptor, site.clone(), accept.clone(), tasks.clone()));
        }
        let authority = authority.as_ref().map(fingerprint);
        Ok(Self { listeners, authority, access, accept, stop, tasks, sockets })
    }

    /// Where it listens, with the ports that the system gave, and whether with TLS; first the plain ones.
    pub fn listeners(&self) -> &[(Endpoint, bool)] {
        &self.listeners
    }

    /// The address of the first plain listener that has one, with the port that the system gave; 0.0.0.0:0 if there is
    /// none.
    pub fn address(&self) -> SocketAddr {
        self.first(false).unwrap_or(SocketAddr::from(([0; 4], 0)))
    }

    /// The address of the first TLS listener that has one.
    pub fn tls_address(&self) -> Option<SocketAddr> {
        self.first(true)
    }

    fn first(&self, with_tls: bool) -> Option<SocketAddr> {
        self.listeners.iter().find_map(|(endpoint, tls)| match endpoint {
            Endpoint::Tcp(address) if *tls == with_tls => Some(*address),
            _ => None,
        })
    }

    /// The fingerprint of our own authority, which phones must be told to trust; `None` if there is none.
    pub fn authority(&self) -> Option<&str> {
        self.authority.as_deref()
    }

    /// Goes by the rules of other options about who may watch, and by nothing else of them. Whoever would be let in no
    /// more is put out. True if anything is new.
    ///
    /// # Errors
    /// Keys cannot be read, or the server would be without rules, though nothing says that it may; everything stays as it
    /// was.
    pub fn reload(&self, options: &Options) -> Result<bool, StartError> {
        if options.auth == Auth::Unset && self.access.book().has_rules() {
            return Err(StartError::RulesGone);
        }
        guards(&options.auth, self.listeners.iter().map(|(endpoint, _)| endpoint))?;
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

async fn accept_loop(
    listener: Listener,
    tls: Option<TlsAcceptor>,
    site: Arc<Site>,
    accept: CancellationToken,
    tasks: TaskTracker,
) {
    let graceful = GracefulShutdown::new();
    let turned_away = Arc::<TurnedAway>::default();
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
        if let Err(error) = listener::tune(&stream, site.mse.stall_timeout) {
            debug!(%error, "a connection broke at once");
            continue;
        }
        let peer = Peer { address: from, tls: tls.is_some() };
        if listener.proxy_protocol && !site.trusts(from) {
            turned_away.tell(from, &Unproxied::Stranger);
            continue;
        }
        let Some(place) = site.connections.place(site.counted(from)) else {
            debug!(address = %from, "too many connections");
            continue;
        };
        let turned_away = listener.proxy_protocol.then(|| turned_away.clone());
        let greeting = Greeting { peer, place, tls: tls.clone(), site: site.clone(), turned_away };
        tasks.spawn(greeting.run(stream, graceful.watcher()));
    }
    drop(listener);
    site.stop.cancelled().await;
    graceful.shutdown().await;
}

type Watcher = hyper_util::server::graceful::Watcher;

/// What comes before HTTP in a connection.
struct Greeting {
    peer: Peer,
    place: Place,
    tls: Option<TlsAcceptor>,
    site: Arc<Site>,
    /// Who is turned away where the PROXY protocol is spoken; `None` elsewhere.
    turned_away: Option<Arc<TurnedAway>>,
}

impl Greeting {
    async fn run(mut self, stream: Stream, watcher: Watcher) {
        let Some(stream) = self.read_header(stream).await else { return };
        let Self { peer, place, tls, site, .. } = self;
        // Behind a proxy there are many, and it has told of whom this connection is.
        let place = match site.counted(peer.address) {
            Some(address) => place.of(address),
            None => Some(place),
        };
        let Some(place) = place.map(Arc::new) else {
            debug!(address = %peer.address, "too many connections");
            return;
        };
        let Some(acceptor) = tls else { return serve(stream, peer, place, site, watcher).await };
        match timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
            Ok(Ok(mut stream)) => {
                stream.get_mut().1.set_buffer_limit(Some(CODED));
                serve(stream, peer, place, site, watcher).await;
            }
            Ok(Err(error)) => debug!(%error, "a TLS handshake failed"),
            Err(_) => debug!("a TLS handshake took too long"),
        }
    }

    /// Takes the header of the PROXY protocol off, where there is one.
    async fn read_header(&mut self, stream: Stream) -> Option<Proxied> {
        let Some(turned_away) = &self.turned_away else { return Some(Proxied::unproxied(stream)) };
        match proxied::read(stream, self.peer, HEADER_TIMEOUT).await {
            Ok((stream, peer)) => {
                self.peer = peer;
                Some(stream)
            }
            Err(error) => {
                turned_away.tell(self.peer.address, &error);
                None
            }
        }
    }
}

async fn serve<S>(stream: S, peer: Peer, place: Arc<Place>, site: Arc<Site>, watcher: Watcher)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let streams = Streams(site.mse.stall_timeout);
    let greeted = CancellationToken::new();
    let heard = greeted.clone();
    let service = service_fn(move |mut request: Request<Incoming>| {
        heard.cancel();
        let site = site.clone();
        // Whoever takes the connection over keeps its place.
        request.extensions_mut().insert(place.clone());
        let head = request.method() == Method::HEAD;
        let upgrade = request.version() <= Version::HTTP_11 && request.headers().contains_key(UPGRADE);
        async move {
            let mut answer = site.answer(request, peer).await;
            if upgrade && answer.status() != StatusCode::SWITCHING_PROTOCOLS {
                // A proxy may take the connection for a pipe from here on, and pass on whatever its client writes as if
                // it had looked at it.
                answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(if head { bodiless(answer) } else { answer })
        }
    });
    let mut builder = Builder::new(streams);
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(HEADER_BYTES)
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(H2_PING)
        .keep_alive_timeout(H2_PING)
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
