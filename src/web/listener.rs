//! Sockets that listen: opened here, or handed over by systemd.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use listenfd::ListenFd;
use socket2::TcpKeepalive;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::time::timeout;
use tokio_util::either::Either;
use tracing::warn;

use super::access::{Auth, Unguarded};
use super::listen::{Endpoint, Listen};
use super::options::{Options, guards};

/// A connection as it was accepted.
pub type Stream = Either<TcpStream, UnixStream>;

/// Whoever connects by a Unix socket is a program of this machine.
const UNIX_PEER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// What listens at a Unix socket takes a connection in less, or is too busy to: it is there in any case.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);
/// Connections on which nothing happens are probed after this time, and again so often: a client that is gone without a
/// word is found within half a minute.
const IDLE: Duration = Duration::from_secs(15);
const PROBE_INTERVAL: Duration = Duration::from_secs(5);
#[cfg(target_os = "linux")]
const PROBES: u32 = 3;
/// What the kernel holds of a connection beyond what is on its way. It would take megabytes of media that a slow link
/// carries in a minute, and hide from the feed that its viewer falls behind.
#[cfg(target_os = "linux")]
const UNSENT: u32 = 64 << 10;
/// systemd's word for a socket without a name (sd_listen_fds(3)).
const NAMELESS: &str = "unknown";

/// A socket that listens.
pub struct Listener {
    socket: Socket,
    /// Goes with it.
    _file: Option<OwnFile>,
    /// Where: the port is the one that the system gave.
    pub endpoint: Endpoint,
    /// Whether connections begin with a header of the PROXY protocol.
    pub proxy_protocol: bool,
}

enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// Why there is no listener.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The system says no.
    #[error("cannot listen on {endpoint}: {cause}")]
    System {
        /// Where.
        endpoint: Endpoint,
        /// What it says.
        cause: io::Error,
    },
    /// Something lies where the socket should.
    #[error("cannot listen on {endpoint}: there is something else of that name, which is left alone")]
    NoSocket {
        /// Where.
        endpoint: Endpoint,
    },
    /// systemd handed over nothing of that name.
    #[error(
        "cannot listen on {endpoint}: systemd handed over {handed}; the name is FileDescriptorName= of the socket unit"
    )]
    NotHanded {
        /// What was asked for.
        endpoint: Endpoint,
        /// What there is.
        handed: String,
    },
    /// Others can reach it, and nothing is said about who may watch.
    #[error(transparent)]
    Unguarded(#[from] Unguarded),
}

/// Opens all listeners: those without TLS, and those with.
///
/// # Errors
/// One cannot be had, or others can reach it and nothing is said about who may watch.
pub async fn open(options: &Options) -> Result<(Vec<Listener>, Vec<Listener>), ListenError> {
    let mut handed = HandedOver::take_for(options.all_listeners());
    let plain = open_all(&options.listen, &options.auth, &mut handed).await?;
    let secure = options.tls.as_ref().map_or(&[][..], |tls| &tls.listen);
    Ok((plain, open_all(secure, &options.auth, &mut handed).await?))
}

async fn open_all(
    wanted: &[Listen],
    auth: &Auth,
    handed: &mut HandedOver,
) -> Result<Vec<Listener>, ListenError> {
    let mut all = Vec::new();
    for listen in wanted {
        for listener in Listener::open(listen, handed).await? {
            // What systemd opened is looked at here for the first time.
            guards(auth, [&listener.endpoint])?;
            all.push(listener);
        }
    }
    Ok(all)
}

impl Listener {
    /// Opens a listener, or takes those that systemd handed over under its name.
    ///
    /// # Errors
    /// The place is taken or not this machine's, or systemd handed over nothing of that name.
    async fn open(listen: &Listen, handed: &mut HandedOver) -> Result<Vec<Self>, ListenError> {
        let system = |cause| ListenError::System { endpoint: listen.endpoint.clone(), cause };
        let mut file = None;
        let sockets = match &listen.endpoint {
            Endpoint::Tcp(address) => {
                vec![Socket::Tcp(TcpListener::bind(address).await.map_err(system)?)]
            }
            Endpoint::Unix { path, mode } => {
                make_way(path).await.map_err(|cause| match cause.kind() {
                    io::ErrorKind::InvalidInput => {
                        ListenError::NoSocket { endpoint: listen.endpoint.clone() }
                    }
                    _ => system(cause),
                })?;
                let listener = UnixListener::bind(path).map_err(system)?;
                file = Some(OwnFile::new(path).map_err(system)?);
                let permissions = std::fs::Permissions::from_mode(*mode);
                std::fs::set_permissions(path, permissions).map_err(system)?;
                vec![Socket::Unix(listener)]
            }
            Endpoint::Systemd(name) => handed.take(name),
        };
        if sockets.is_empty() {
            return Err(ListenError::NotHanded { endpoint: listen.endpoint.clone(), handed: handed.names() });
        }
        let listener = |socket: Socket| {
            let endpoint = socket.endpoint().map_err(system)?;
            Ok(Self { socket, _file: file.take(), endpoint, proxy_protocol: listen.proxy_protocol })
        };
        sockets.into_iter().map(listener).collect()
    }

    /// The next connection, and the address it comes from.
    ///
    /// # Errors
    /// What the system says: it may be out of files for a moment.
    pub async fn accept(&self) -> io::Result<(Stream, IpAddr)> {
        match &self.socket {
            Socket::Tcp(listener) => {
                let (stream, from) = listener.accept().await?;
                Ok((Either::Left(stream), from.ip().to_canonical()))
            }
            Socket::Unix(listener) => Ok((Either::Right(listener.accept().await?.0), UNIX_PEER)),
        }
    }

    /// The address, unless it is a Unix socket.
    pub fn address(&self) -> Option<SocketAddr> {
        match self.endpoint {
            Endpoint::Tcp(address) => Some(address),
            Endpoint::Unix { .. } | Endpoint::Systemd(_) => None,
        }
    }
}

impl Socket {
    fn endpoint(&self) -> io::Result<Endpoint> {
        Ok(match self {
            Self::Tcp(listener) => Endpoint::Tcp(listener.local_addr()?),
            Self::Unix(listener) => {
                let address = listener.local_addr()?;
                let path = address.as_pathname().unwrap_or(Path::new("(a socket without a name)"));
                let mode = std::fs::metadata(path).map_or(0, |file| file.permissions().mode() & 0o777);
                Endpoint::Unix { path: path.to_owned(), mode }
            }
        })
    }
}

/// Makes a connection tell the truth about how much its client takes.
pub fn tune(stream: &Stream, stall_timeout: Duration) -> io::Result<()> {
    // Between two programs of this machine there is no such thing.
    let Either::Left(stream) = stream else { return Ok(()) };
    // Frames are small and late is worse than many packets.
    stream.set_nodelay(true)?;
    let socket = socket2::SockRef::from(stream);
    let alive = TcpKeepalive::new().with_time(IDLE).with_interval(PROBE_INTERVAL);
    // A client that acknowledges nothing, or leaves no room for more, is gone after this time, whatever it was sent.
    #[cfg(target_os = "linux")]
    {
        socket.set_tcp_keepalive(&alive.with_retries(PROBES))?;
        socket.set_tcp_user_timeout(Some(stall_timeout))?;
        socket.set_tcp_notsent_lowat(UNSENT)?;
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = stall_timeout;
        socket.set_tcp_keepalive(&alive)?;
    }
    Ok(())
}

/// Takes away the socket of a process that is no more.
///
/// # Errors
/// `AddrInUse` if somebody listens there, `InvalidInput` if it is no socket, or what the system says.
async fn make_way(path: &Path) -> io::Result<()> {
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
        Ok(file) if !file.file_type().is_socket() => return Err(io::ErrorKind::InvalidInput.into()),
        Ok(_) => {}
    }
    match timeout(PROBE_TIMEOUT, UnixStream::connect(path)).await {
        Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => std::fs::remove_file(path),
        Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Ok(Err(error)) if error.kind() == io::ErrorKind::PermissionDenied => Err(error),
        Ok(_) | Err(_) => Err(io::ErrorKind::AddrInUse.into()),
    }
}

/// The file of a Unix socket that we made: it goes with the listener, unless it is another's by now.
struct OwnFile {
    path: PathBuf,
    /// Device and inode.
    identity: (u64, u64),
}

impl OwnFile {
    fn new(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), identity: identity(path)? })
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    std::fs::symlink_metadata(path).map(|file| (file.dev(), file.ino()))
}

impl Drop for OwnFile {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|identity| identity == self.identity) {
            // Whoever starts next takes it away otherwise.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// The sockets that systemd handed over, by name, as long as nobody has taken them.
#[derive(Default)]
struct HandedOver {
    sockets: HashMap<String, Vec<Socket>>,
    names: Vec<String>,
}

impl HandedOver {
    /// Those of this process; nothing is touched if no listener of `wanted` is one of them.
    fn take_for<'l>(mut wanted: impl Iterator<Item = &'l Listen>) -> Self {
        if !wanted.any(|listen| matches!(listen.endpoint, Endpoint::Systemd(_))) {
            // They may be meant for who started us.
            let ours = std::env::var("LISTEN_PID").is_ok_and(|id| id == std::process::id().to_string());
            if ours && std::env::var_os("LISTEN_FDS").is_some() {
                warn!("systemd handed over sockets, and no listener is named \"systemd:NAME\"");
            }
            return Self::default();
        }
        let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut names = names.split(':').filter(|name| !name.is_empty());
        // From here on nobody else finds them: they are taken once.
        let mut all = ListenFd::from_env();
        let mut handed = Self::default();
        for index in 0..all.len() {
            let name = names.next().unwrap_or(NAMELESS).to_owned();
            match take(&mut all, index) {
                Ok(socket) => handed.sockets.entry(name.clone()).or_default().push(socket),
                Err(error) => warn!(name, %error, "systemd handed over what cannot be listened on"),
            }
            handed.names.push(name);
        }
        handed
    }

    fn take(&mut self, name: &str) -> Vec<Socket> {
        self.sockets.remove(name).unwrap_or_default()
    }

    fn names(&self) -> String {
        if self.names.is_empty() { "none".to_owned() } else { self.names.join(", ") }
    }
}

fn take(all: &mut ListenFd, index: usize) -> io::Result<Socket> {
    // It checks of what kind a socket is, and leaves one of another kind where it was.
    if let Ok(Some(listener)) = all.take_tcp_listener(index) {
        listener.set_nonblocking(true)?;
        return Ok(Socket::Tcp(TcpListener::from_std(listener)?));
    }
    match all.take_unix_listener(index)? {
        Some(listener) => {
            listener.set_nonblocking(true)?;
            Ok(Socket::Unix(UnixListener::from_std(listener)?))
        }
        None => Err(io::ErrorKind::NotFound.into()),
    }
}
