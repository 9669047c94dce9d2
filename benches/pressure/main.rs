//! What does a viewer notice of clients that mean no good?
//!
//! The program serves its built-in camera to one viewer (`live.mp4`, some 25 pictures a second and sound), while clients
//! flood it, one kind at a time. Each row of the table:
//!
//! - `poured`: MiB that the server took of all connections together, and how they ended.
//! - `longest wait`: of the viewer for something new; the first row is that without a flood.
//! - `memory`: MiB resident at the end of it.
//!
//! Then come 10,000 connections that want nothing: memory of each.
//!
//! Run: `cargo bench --bench pressure -- [--mib 64] [--connections 8]`

#[path = "../../tests/it/pressure/frames.rs"]
mod frames;

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use frames::FLOODS;
use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream::iter;
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;

/// How long the viewer watches without a flood.
const QUIET: Duration = Duration::from_secs(10);
/// Connections that want nothing.
const IDLE: usize = 10_000;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    // Not `cargo bench`: whoever runs all targets as tests does not want to wait for this one.
    if !args.iter().any(|arg| arg == "--bench") {
        return ExitCode::SUCCESS;
    }
    let value = |name: &str| args.iter().skip_while(|arg| *arg != name).nth(1)?.parse::<usize>().ok();
    let (mib, connections) = (value("--mib").unwrap_or(64), value("--connections").unwrap_or(8));
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).expect("one may have what one may");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(run((mib << 20) / connections, connections));
    ExitCode::SUCCESS
}

/// The program, and where it listens.
struct Program(Child, SocketAddr);

impl Program {
    fn start() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_belvedere"))
            .args(["serve", "--demo", "--listen", "127.0.0.1:0", "--log", "error"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut lines =
            BufReader::new(child.stdout.take().expect("it is piped")).lines().map_while(Result::ok);
        let line = lines.find(|line| line.contains("look here")).expect("it says where");
        let address = line.rsplit("http://").next().and_then(|rest| rest.trim_end_matches('/').parse().ok());
        Self(child, address.expect("an address"))
    }

    fn resident(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
        line.split_whitespace().next().and_then(|kib| kib.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn ask(address: SocketAddr, path: &str, more: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{more}\r\n");
    stream.write_all(request.as_bytes()).await.expect("it reads");
    stream
}

/// Watches until `over`; the longest wait.
async fn view(address: SocketAddr, mut over: watch::Receiver<bool>) -> Duration {
    let mut stream = ask(address, "/mp4/demo/live.mp4?rendition=sub", "").await;
    let (mut longest, mut last, mut bytes) = (Duration::ZERO, None::<Instant>, vec![0; 256 << 10]);
    loop {
        tokio::select! {
            _ = over.changed() => return longest,
            read = stream.read(&mut bytes) => {
                assert!(matches!(read, Ok(1..)), "the viewer was thrown out");
                longest = longest.max(last.map(|last| last.elapsed()).unwrap_or_default());
                last = Some(Instant::now());
            }
        }
    }
}

async fn run(most: usize, connections: usize) {
    let program = Program::start();
    let address = program.1;
    tokio::time::sleep(QUIET).await;
    println!("{:<14} {:>9} {:>24} {:>14} {:>8}", "", "poured", "connections", "longest wait", "memory");
    for flood in std::iter::once(None).chain(FLOODS.map(Some)) {
        let (end, over) = watch::channel(false);
        let viewer = tokio::spawn(view(address, over));
        let mut ended = Vec::new();
        match flood {
            None => tokio::time::sleep(QUIET).await,
            Some(flood) => {
                let all = join_all((0..connections).map(|_| flood.pour(address, most))).await;
                ended.extend(all.into_iter().flatten());
            }
        }
        let _ = end.send(true);
        let longest = viewer.await.expect("the viewer sees no error");
        let poured = ended.iter().map(|ended| ended.bytes).sum::<usize>() as f64 / f64::from(1 << 20);
        let count = |what: fn(&frames::Ended) -> bool| ended.iter().filter(|ended| what(ended)).count();
        let (closed, stuck) = (count(|ended| ended.closed), count(|ended| ended.stuck));
        let took = ended.iter().map(|ended| ended.took).max().unwrap_or(QUIET);
        let how = format!("{closed} closed, {stuck} held, {:.1} s", took.as_secs_f64());
        let name = flood.map_or("nothing".to_owned(), |flood| format!("{flood:?}"));
        let wait = longest.as_secs_f64() * 1e3;
        println!("{name:<14} {poured:>9.1} {how:>24} {wait:>11.0} ms {:>8.1}", program.resident());
    }
    let before = program.resident();
    let open = |_| async move {
        let mut stream = ask(address, "/livez", "").await;
        // It is answered, and says nothing more.
        let _ = stream.read(&mut [0; 512]).await;
        stream
    };
    let all: Vec<_> = iter(0..IDLE).map(open).buffer_unordered(100).collect().await;
    let each = (program.resident() - before) * 1024.0 / all.len() as f64;
    println!("\n{} connections, open and idle: {each:.1} KiB each", all.len());
}
