//! The viewers' process: many small clients on one thread, which cost as little as they can.

use std::cell::RefCell;
use std::io::{BufWriter, Read, Write};
use std::net::SocketAddr;
use std::rc::Rc;

use belvedere::hls::{Name, Piece};
use belvedere::live::PartId;
use belvedere::media::TrackKind;
use bytes::Bytes;
use flate2::read::GzDecoder;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{ACCEPT_ENCODING, HOST};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime;
use tokio::sync::Semaphore;
use tokio::task::{LocalSet, spawn_blocking, spawn_local};

use super::measure::{Cores, keep_to, now};
use super::server::MARK;
use super::{Case, Feed};

/// Takes all that a socket has, as a rule.
const BUFFER: usize = 256 << 10;
/// Viewers that come in at the same time.
const AT_ONCE: usize = 16;

/// What all viewers share.
struct Crowd {
    address: SocketAddr,
    /// When frames were pushed, and seen.
    frames: RefCell<Vec<(u64, u64)>>,
    /// When playlists that show a part were seen.
    lists: RefCell<Vec<(PartId, u64)>>,
    buffer: RefCell<Vec<u8>>,
    /// The playlist that came last, zipped, and what it hints at: all viewers get the same.
    newest: RefCell<Option<(Bytes, Hint)>>,
    door: Semaphore,
    inside: Semaphore,
}

/// Watches until the other process says stop, then tells it what was seen.
pub fn run(case: Case, address: SocketAddr) {
    if case.one_core {
        keep_to(Cores::Others);
    }
    let runtime = runtime::Builder::new_current_thread().enable_all().build().expect("a thread can wait");
    let crowd = Rc::new(Crowd {
        address,
        frames: RefCell::default(),
        lists: RefCell::default(),
        buffer: RefCell::new(vec![0; BUFFER]),
        newest: RefCell::default(),
        door: Semaphore::new(AT_ONCE),
        inside: Semaphore::new(0),
    });
    let told = crowd.clone();
    LocalSet::new().block_on(&runtime, async move {
        for _ in 0..case.viewers {
            let crowd = crowd.clone();
            match case.feed {
                Feed::Mse => drop(spawn_local(watch_feed(crowd))),
                Feed::Joins => drop(spawn_local(join_and_leave(crowd))),
                Feed::Idle => drop(spawn_local(take_nothing(crowd))),
                Feed::Hls | Feed::Lists => drop(spawn_local(watch_list(crowd, case.feed))),
            }
        }
        let count = u32::try_from(case.viewers).expect("so many fit in no machine");
        drop(crowd.inside.acquire_many(count).await);
        println!("ready");
        let stop = spawn_blocking(|| std::io::stdin().read_line(&mut String::new()));
        assert!(stop.await.is_ok_and(|read| read.is_ok()), "the other process says when to stop");
    });
    let mut out = BufWriter::new(std::io::stdout().lock());
    for (pushed, seen) in told.frames.borrow().iter() {
        writeln!(out, "{pushed} {seen}").expect("the other process listens");
    }
    for (PartId { msn, part }, seen) in told.lists.borrow().iter() {
        writeln!(out, "{msn} {part} {seen}").expect("the other process listens");
    }
}

/// Opens a feed on a bare socket.
async fn enter(crowd: &Crowd) -> TcpStream {
    let mut stream = TcpStream::connect(crowd.address).await.expect("the server listens");
    let request = "GET /mse/bench HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(request.as_bytes()).await.expect("the server reads");
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(stream.read_u8().await.expect("the server answers"));
    }
    assert!(answer.starts_with(b"HTTP/1.1 101 "), "the server must take the handshake");
    stream
}

/// Comes for a picture, and leaves, again and again.
async fn join_and_leave(crowd: Rc<Crowd>) {
    crowd.inside.add_permits(1);
    loop {
        let mut stream = enter(&crowd).await;
        let opened = now();
        let mut buffer = crowd.buffer.borrow().clone();
        let mut got = 0;
        // Texts and the init segment are shorter than this, a picture is not.
        while got < 8 << 10 {
            got += stream.read(&mut buffer).await.expect("the server sends");
        }
        crowd.frames.borrow_mut().push((opened, now()));
    }
}

/// Opens a feed and never reads.
async fn take_nothing(crowd: Rc<Crowd>) {
    let entering = crowd.door.acquire().await.expect("the door is never shut");
    let _stream = enter(&crowd).await;
    drop(entering);
    crowd.inside.add_permits(1);
    std::future::pending().await
}

/// One viewer of the MSE feed, on a bare socket.
async fn watch_feed(crowd: Rc<Crowd>) {
    let entering = crowd.door.acquire().await.expect("the door is never shut");
    let mut stream = enter(&crowd).await;
    drop(entering);
    crowd.inside.add_permits(1);
    let mut reader = MessageReader::default();
    loop {
        stream.readable().await.expect("the socket is there");
        let mut pinged = false;
        {
            let mut buffer = crowd.buffer.borrow_mut();
            let Ok(count) = stream.try_read(&mut buffer) else { continue };
            assert!(count > 0, "the server must not end before the viewers");
            let (seen, mut frames) = (now(), crowd.frames.borrow_mut());
            reader.feed(&buffer[..count], |message| match message {
                Message::Stamped(pushed) => frames.push((pushed, seen)),
                Message::Ping => pinged = true,
            });
        }
        if pinged {
            stream.write_all(b"\x8a\x80\0\0\0\0").await.expect("the server reads");
        }
    }
}

enum Message {
    Stamped(u64),
    Ping,
}

/// Reads the frames of a WebSocket server, whole messages all of them and never masked (RFC 6455
/// 5.2), and keeps nothing but their last bytes.
#[derive(Default)]
struct MessageReader {
    header: Vec<u8>,
    /// Bytes that the payload still lacks; `None` within the header.
    left: Option<usize>,
    tail: [u8; 16],
}

impl MessageReader {
    fn feed(&mut self, mut bytes: &[u8], mut on_message: impl FnMut(Message)) {
        while !bytes.is_empty() {
            let Some(left) = self.left else {
                self.header.push(bytes[0]);
                bytes = &bytes[1..];
                self.left = payload_length(&self.header);
                if self.left == Some(0) {
                    self.end(&mut on_message);
                }
                continue;
            };
            let (payload, rest) = bytes.split_at(left.min(bytes.len()));
            let last = &payload[payload.len().saturating_sub(16)..];
            self.tail.rotate_left(last.len());
            self.tail[16 - last.len()..].copy_from_slice(last);
            self.left = Some(left - payload.len());
            bytes = rest;
            if self.left == Some(0) {
                self.end(&mut on_message);
            }
        }
    }

    fn end(&mut self, on_message: &mut impl FnMut(Message)) {
        let (mark, time) = self.tail.split_at(8);
        if self.header[0] & 0x0f == 9 {
            on_message(Message::Ping);
        } else if mark == MARK {
            on_message(Message::Stamped(time.iter().rev().fold(0, |sum, &byte| sum << 8 | u64::from(byte))));
        }
        *self = Self { header: std::mem::take(&mut self.header), ..Self::default() };
        self.header.clear();
    }
}

/// What a whole header says; `None` for less.
fn payload_length(header: &[u8]) -> Option<usize> {
    let [_, short, long @ ..] = header else { return None };
    let bytes = match short & 0x7f {
        126 => 2,
        127 => 8,
        length => return Some(length.into()),
    };
    (long.len() == bytes).then(|| long.iter().fold(0, |sum, &byte| sum << 8 | usize::from(byte)))
}

/// One viewer of the video playlist: asks for the next part's playlist, then loads the part, unless only
/// lists count.
async fn watch_list(crowd: Rc<Crowd>, feed: Feed) {
    let entering = crowd.door.acquire().await.expect("the door is never shut");
    let stream = TcpStream::connect(crowd.address).await.expect("the server listens");
    stream.set_nodelay(true).expect("the socket is there");
    let (mut server, connection) = handshake(TokioIo::new(stream)).await.expect("no byte was sent yet");
    spawn_local(connection);
    let mut hint = crowd.read(playlist(&mut server, "video.m3u8".into()).await);
    drop(entering);
    crowd.inside.add_permits(1);
    loop {
        let PartId { msn, part } = hint.part;
        let zipped = playlist(&mut server, format!("video.m3u8?_HLS_msn={msn}&_HLS_part={part}")).await;
        crowd.lists.borrow_mut().push((hint.part, now()));
        if feed == Feed::Hls {
            let mut media = get(&mut server, &hint.uri).await.into_body();
            while let Some(frame) = media.frame().await {
                frame.expect("the part comes whole");
            }
        }
        hint = crowd.read(zipped);
        assert_ne!(hint.part, PartId { msn, part }, "the list must have gone on");
    }
}

async fn playlist(server: &mut SendRequest<Empty<Bytes>>, name: String) -> Bytes {
    let body = get(server, &name).await.into_body();
    body.collect().await.expect("the playlist comes whole").to_bytes()
}

async fn get(server: &mut SendRequest<Empty<Bytes>>, name: &str) -> Response<Incoming> {
    let request = Request::get(format!("/hls/bench/main/{name}"))
        .header(HOST, "localhost")
        .header(ACCEPT_ENCODING, "gzip")
        .body(Empty::new())
        .expect("a good request");
    let answer = server.send_request(request).await.expect("the server answers");
    assert!(answer.status().is_success(), "{name}: {}", answer.status());
    answer
}

/// The part that comes next, by the playlist's own word.
#[derive(Clone, Debug)]
struct Hint {
    uri: Rc<str>,
    part: PartId,
}

impl Hint {
    fn of(zipped: &Bytes) -> Self {
        let mut text = String::new();
        GzDecoder::new(&zipped[..]).read_to_string(&mut text).expect("the playlist is zipped text");
        let tag = text.lines().find_map(|line| line.strip_prefix("#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\""));
        let uri = tag.and_then(|rest| rest.strip_suffix('"')).expect("a live playlist has a hint");
        match uri.parse() {
            Ok(Name::Media(_, TrackKind::Video, Piece::Part(part))) => Self { uri: uri.into(), part },
            _ => panic!("{uri} is no part of the video"),
        }
    }
}

impl Crowd {
    /// Reads a playlist, if it is not the one that was read last.
    fn read(&self, zipped: Bytes) -> Hint {
        let mut newest = self.newest.borrow_mut();
        match &*newest {
            Some((known, hint)) if *known == zipped => hint.clone(),
            _ => newest.insert((zipped.clone(), Hint::of(&zipped))).1.clone(),
        }
    }
}
