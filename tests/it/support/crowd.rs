//! Many viewers of one media playlist, who do what players do: reload, wait, and load each new part, over a connection
//! that they keep. Whatever is wrong is written down, so that a test can show all of it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Read;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use flate2::read::GzDecoder;
use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{ACCEPT_ENCODING, HOST};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::client::join;
use super::playlist::{self, Playlist};

/// Browsers say the same thing in many ways.
const ENCODINGS: [&str; 3] = ["gzip, deflate, br", "gzip", "br, gzip;q=0.9"];

/// A pause after an answer that was none, as players make it.
const BREATH: Duration = Duration::from_millis(100);

pub struct Crowd {
    shared: Arc<Shared>,
    viewers: Vec<JoinHandle<usize>>,
}

struct Shared {
    server: SocketAddr,
    path: String,
    /// True while there may be no server.
    outage: AtomicBool,
    stop: CancellationToken,
    /// What was read once: all viewers should get the same bytes.
    read: Mutex<HashMap<Bytes, Arc<Playlist>>>,
    seen: Mutex<Seen>,
}

impl Seen {
    /// How long after the first viewer the others had the same part, in order.
    pub fn delays(&self) -> Vec<Duration> {
        let of_one = |times: &Vec<Instant>| {
            let first = *times.iter().min().expect("somebody had it");
            times.iter().map(move |time| *time - first).collect::<Vec<_>>()
        };
        let mut all: Vec<_> = self.arrivals.values().flat_map(of_one).collect();
        all.sort();
        all
    }
}

/// What the viewers got.
#[derive(Default)]
pub struct Seen {
    /// What was wrong.
    pub complaints: BTreeSet<String>,
    /// The different texts of each playlist URL, as they came over the wire.
    pub playlists: BTreeMap<String, BTreeSet<Bytes>>,
    /// The bytes of each part, by path.
    pub parts: BTreeMap<String, Bytes>,
    /// When each viewer had each part, by path.
    pub arrivals: BTreeMap<String, Vec<Instant>>,
    /// The part that each viewer loaded last.
    pub last: BTreeMap<usize, String>,
    /// How many parts each viewer loaded.
    pub loaded: Vec<usize>,
}

impl Crowd {
    /// `count` viewers of the media playlist `path` at `server`.
    pub fn gather(server: SocketAddr, path: &str, count: usize) -> Self {
        let shared = Arc::new(Shared {
            server,
            path: path.to_owned(),
            outage: AtomicBool::new(false),
            stop: CancellationToken::new(),
            read: Mutex::default(),
            seen: Mutex::default(),
        });
        let viewers = (0..count).map(|number| tokio::spawn(view(shared.clone(), number))).collect();
        Self { shared, viewers }
    }

    /// From now on answers may be missing, and media of what was before; until this is taken back.
    pub fn bear_with_outage(&self, bear: bool) {
        self.shared.outage.store(bear, Ordering::Relaxed);
    }

    /// The parts that any of them got so far.
    pub fn parts(&self) -> BTreeSet<String> {
        self.shared.seen.lock().unwrap().parts.keys().cloned().collect()
    }

    /// The part that each of them got last.
    pub fn last(&self) -> BTreeMap<usize, String> {
        self.shared.seen.lock().unwrap().last.clone()
    }

    /// Sends them home.
    pub async fn leave(self) -> Seen {
        self.shared.stop.cancel();
        let mut loaded = Vec::new();
        for viewer in self.viewers {
            loaded.push(viewer.await.expect("viewers do not panic"));
        }
        let mut seen = std::mem::take(&mut *self.shared.seen.lock().unwrap());
        seen.loaded = loaded;
        seen
    }
}

/// One viewer's life; the parts that it loaded.
async fn view(shared: Arc<Shared>, number: usize) -> usize {
    let mut viewer = Viewer { shared: shared.clone(), number, connection: None, loaded: 0 };
    tokio::select! {
        () = viewer.watch() => {}
        () = shared.stop.cancelled() => {}
    }
    viewer.loaded
}

struct Viewer {
    shared: Arc<Shared>,
    number: usize,
    connection: Option<SendRequest<Empty<Bytes>>>,
    loaded: usize,
}

/// What came: whether gzip, and the body.
struct Good {
    zipped: bool,
    body: Bytes,
}

impl Viewer {
    async fn watch(&mut self) {
        let mut wanted: Option<(u64, usize)> = None;
        loop {
            let path = match wanted {
                Some((msn, part)) => format!("{}?_HLS_msn={msn}&_HLS_part={part}", self.shared.path),
                None => self.shared.path.clone(),
            };
            let Some(good) = self.load(&path, "a playlist").await else { continue };
            let playlist = self.shared.read(&good);
            self.shared.with(|seen| {
                seen.playlists.entry(path.clone()).or_default().insert(good.body);
            });
            if playlist.ended {
                return self.complain(format!("{path} has ended"));
            }
            let next = playlist.next_part();
            if wanted.is_some_and(|wanted| next <= wanted) {
                self.complain(format!("{path} is stale: next is {next:?}"));
            }
            // A new viewer begins with the newest part.
            let from = wanted.unwrap_or((next.0, next.1.saturating_sub(1)));
            for segment in playlist.all().filter(|segment| segment.msn >= from.0) {
                for (index, part) in segment.parts.iter().enumerate() {
                    if (segment.msn, index) >= from {
                        self.part(&join(&self.shared.path, &part.uri)).await;
                    }
                }
            }
            wanted = Some(next);
        }
    }

    async fn part(&mut self, path: &str) {
        let Some(good) = self.load(path, "a listed part").await else { return };
        self.loaded += 1;
        let other = self.shared.with(|seen| {
            seen.last.insert(self.number, path.to_owned());
            seen.arrivals.entry(path.to_owned()).or_default().push(Instant::now());
            let known = seen.parts.entry(path.to_owned()).or_insert_with(|| good.body.clone());
            *known != good.body
        });
        if other || good.zipped {
            self.complain(format!("{path} stands for two different things"));
        }
    }

    /// A good answer; otherwise takes a breath.
    async fn load(&mut self, path: &str, what: &str) -> Option<Good> {
        let answer = self.ask(path).await;
        let outage = self.shared.outage.load(Ordering::Relaxed);
        match answer {
            Ok((200, good)) => return Some(good),
            Ok((status, _)) if !outage => self.complain(format!("{what}, {path}: {status}")),
            Err(error) if !outage => self.complain(format!("{what}, {path}: {error}")),
            Ok(_) | Err(_) => {}
        }
        tokio::time::sleep(BREATH).await;
        None
    }

    async fn ask(&mut self, path: &str) -> Result<(u16, Good), Box<dyn std::error::Error + Send + Sync>> {
        // The connection is put back when the answer is there: a broken one is not used again.
        let mut connection = match self.connection.take() {
            Some(connection) if !connection.is_closed() => connection,
            _ => connect(self.shared.server).await?,
        };
        connection.ready().await?;
        let request = Request::get(path)
            .header(HOST, "cams.example.org")
            .header(ACCEPT_ENCODING, ENCODINGS[self.number % ENCODINGS.len()])
            .body(Empty::new())?;
        let response = connection.send_request(request).await?;
        let zipped = response.headers().get("content-encoding").is_some_and(|coding| coding == "gzip");
        let status = response.status().as_u16();
        let body = response.into_body().collect().await?.to_bytes();
        self.connection = Some(connection);
        Ok((status, Good { zipped, body }))
    }

    fn complain(&self, complaint: String) {
        self.shared.with(|seen| seen.complaints.insert(complaint));
    }
}

async fn connect(
    server: SocketAddr,
) -> Result<SendRequest<Empty<Bytes>>, Box<dyn std::error::Error + Send + Sync>> {
    let stream = TcpStream::connect(server).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

impl Shared {
    fn with<T>(&self, note: impl FnOnce(&mut Seen) -> T) -> T {
        note(&mut self.seen.lock().unwrap())
    }

    fn read(&self, good: &Good) -> Arc<Playlist> {
        let mut read = self.read.lock().unwrap();
        if let Some(playlist) = read.get(&good.body) {
            return playlist.clone();
        }
        let mut text = String::new();
        let done = match good.zipped {
            true => GzDecoder::new(&*good.body).read_to_string(&mut text),
            false => (&*good.body).read_to_string(&mut text),
        };
        done.expect("a playlist is text");
        let playlist = Arc::new(playlist::parse(&text));
        read.insert(good.body.clone(), playlist.clone());
        playlist
    }
}
