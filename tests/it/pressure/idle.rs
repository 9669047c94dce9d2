//! Ten thousand who are connected and want nothing.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::iter;
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::program::Program;
use crate::support::soon;

const CONNECTIONS: usize = 10_000;
/// What they may cost in all.
const MEMORY: u64 = 200 << 20;

/// Lets this process have as many files open as it may.
fn raise_limit() -> u64 {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).expect("one may have what one may");
    limit.current.unwrap_or(u64::MAX)
}

/// A socket that waits for a camera which is switched off.
async fn open(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let request = "GET /mse/off HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
                   sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(request.as_bytes()).await.expect("it reads");
    let mut answer = [0; 12];
    soon("an answer", stream.read_exact(&mut answer)).await.expect("it answers");
    assert_eq!(&answer, b"HTTP/1.1 101");
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_idle_connections_cost_less_than_200_mib() {
    let files = raise_limit();
    assert!(
        files as usize > CONNECTIONS + 200,
        "this test needs more open files than {files}: raise ulimit -Hn"
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("belvedere.toml");
    let off =
        "[cameras.off]\nenabled = false\n[cameras.off.renditions.main]\nsource = \"rtsp://192.0.2.1/\"\n";
    std::fs::write(&file, off).unwrap();
    let program = Program::start(&["serve", "--config", file.to_str().unwrap()]);
    let address = program.client.address;
    program.client.found("/livez").await;
    let (before, begun) = (program.resident(), Instant::now());
    let all: Vec<_> = iter(0..CONNECTIONS).map(|_| open(address)).buffer_unordered(50).collect().await;
    let grown = program.resident().saturating_sub(before);
    println!(
        "{} sockets in {:?}: {} MiB, {} bytes each",
        all.len(),
        begun.elapsed(),
        grown >> 20,
        grown / all.len() as u64
    );
    assert!(grown < MEMORY, "{} MiB", grown >> 20);
    let asked = Instant::now();
    program.client.found("/api/v1/cameras").await;
    assert!(asked.elapsed() < Duration::from_secs(20), "others wait {:?}", asked.elapsed());
}
