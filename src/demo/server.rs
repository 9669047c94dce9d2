//! The running camera: its listener, its clients, its end.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use url::Url;

use super::clip::{self, Clip, ClipError};
use super::connection;
use super::counters::Counters;
use super::faults::Faults;
use super::options::Options;
use super::timebase::Timebase;
use crate::clock::{self, Now};

/// More clients than this are hung up on; a camera of the real world gives up much earlier.
const MAX_CONNECTIONS: usize = 256;

/// Rest after a failed accept, most likely for want of file descriptors.
const ACCEPT_REST: Duration = Duration::from_millis(50);

/// All tasks end at their next await, so this is never used up.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// Why the camera could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is taken, or not ours.
    #[error("demo camera: cannot listen on {address}")]
    Listen {
        /// What was asked for.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The program was built with a damaged clip.
    #[error("demo camera: the embedded clip is unusable: {0}")]
    Clip(String),
}

impl From<ClipError> for StartError {
    fn from(error: ClipError) -> Self {
        Self::Clip(error.to_string())
    }
}

/// What all connections share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) options: Options,
    pub(super) clips: Vec<Arc<Clip>>,
    pub(super) faults: Arc<Faults>,
    pub(super) counters: Arc<Counters>,
    timebase: Mutex<Timebase>,
}

impl Shared {
    /// With the timebase of now.
    pub(super) fn new(options: Options) -> Result<Self, ClipError> {
        Ok(Self {
            clips: clip::all()?.into_iter().map(Arc::new).collect(),
            timebase: Mutex::new(Timebase::new(clock::now(), options.ahead)),
            options,
            faults: Arc::default(),
            counters: Arc::default(),
        })
    }

    /// The rendition after `clip`, the first one after the last.
    pub(super) fn clip_after(&self, clip: &Arc<Clip>) -> Arc<Clip> {
        let after = self.clips.iter().skip_while(|other| other.name != clip.name).nth(1);
        Arc::clone(after.or(self.clips.first()).unwrap_or(clip))
    }

    /// The timebase for a session that starts now: the same for all, until somebody sets the wall clock or the machine
    /// has slept. Sessions that run keep the one they have.
    pub(super) fn timebase(&self, now: Now) -> Timebase {
        let mut timebase = self.timebase.lock().unwrap_or_else(PoisonError::into_inner);
        if !timebase.holds(now) {
            *timebase = Timebase::new(now, self.options.ahead);
        }
        *timebase
    }
}

/// A running camera with the renditions `main` and `sub`. Dropping it ends it, too, if less orderly than
/// [`Server::stop`].
#[derive(Debug)]
pub struct Server {
    shared: Arc<Shared>,
    address: SocketAddr,
    base: Url,
    tasks: TaskTracker,
    stop: DropGuard,
}

impl Server {
    /// Starts to listen; once this returns, clients can connect. Needs a tokio runtime with I/O and time.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let wanted = options.listen;
        let failed = |source| StartError::Listen { address: wanted, source };
        let listener = TcpListener::bind(wanted).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        // `SocketAddr::new` leaves out the scope of an IPv6 address, which no URL can hold.
        let base = Url::parse(&format!("rtsp://{}/", SocketAddr::new(address.ip(), address.port())))
            .expect("an IP address and a port are a valid authority");
        let shared = Arc::new(Shared::new(options)?);
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        let accepting = accept(listener, Arc::clone(&shared), tasks.clone(), stop.clone());
        tasks.spawn(stop.clone().run_until_cancelled_owned(accepting));
        tracing::debug!(%address, "demo camera listens");
        Ok(Self { shared, address, base, tasks, stop: stop.drop_guard() })
    }

    /// Where it listens, with the port that the system chose.
    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// The URL of a rendition, without credentials. Any name makes a URL; those of no rendition lead to a 404.
    pub fn url(&self, rendition: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(rendition);
        url
    }

    /// The switches for misbehaviour; they may outlive the camera.
    pub fn faults(&self) -> &Arc<Faults> {
        &self.shared.faults
    }

    /// What the camera has seen so far; may outlive it.
    pub fn counters(&self) -> &Arc<Counters> {
        &self.shared.counters
    }

    /// Closes the port and all connections. Afterwards the same address can be listened on again.
    pub async fn stop(self) {
        drop(self.stop);
        self.tasks.close();
        if tokio::time::timeout(STOP_TIMEOUT, self.tasks.wait()).await.is_err() {
            tracing::warn!(left = self.tasks.len(), "demo camera: some clients did not end in time");
        }
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, tasks: TaskTracker, stop: CancellationToken) {
    loop {
        let (socket, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "demo camera: a client could not be accepted");
                tokio::time::sleep(ACCEPT_REST).await;
                continue;
            }
        };
        // The accepting task is one of the tasks.
        if tasks.len() > MAX_CONNECTIONS {
            tracing::warn!(%peer, "demo camera: too many clients");
            continue;
        }
        let shared = Arc::clone(&shared);
        let (stop, cut) = (stop.clone(), shared.faults.cut());
        tasks.spawn(async move {
            tokio::select! {
                Err(reason) = connection::run(socket, shared) => {
                    tracing::debug!(%peer, reason = &reason as &dyn std::error::Error, "connection ended");
                }
                () = stop.cancelled() => {}
                () = cut.cancelled() => {}
            }
        });
    }
}
