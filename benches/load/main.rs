//! What does a camera cost that nobody watches?
//!
//! The whole server takes 10, 50 and 200 cameras of 2 Mbit/s (25 pictures a second, GOPs of 2 s, sound) over RTSP from
//! a process of their own, whose CPU is not counted. Each row of the table is a new server:
//!
//! - `CPU`: in percent of one core, of all cameras and of each; the kernel's share holds the loopback device.
//! - memory: resident beyond that of the server without cameras, of each, once its ring is full.
//! - `live`: cameras that were on air at the end. On a machine that cannot keep up some are not.
//!
//! `--udp` and `--on-demand` show what the relay costs, and that cameras at rest cost nothing.
//!
//! Run: `cargo bench --bench load -- [--cameras 10,50,200] [--seconds 10] [--udp] [--on-demand]`

#[allow(dead_code, reason = "the other bench measures more")]
#[path = "../fanout/measure.rs"]
mod measure;

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use belvedere::app::App;
use belvedere::demo;
use belvedere::settings::Settings;
use measure::Usage;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What fills each picture of the clip up to 2 Mbit/s.
const PADDING: u32 = 9_000;
/// Cameras of one RTSP server: it takes no more connections than this.
const CAMERAS_A_SERVER: usize = 100;
/// Keeps the ring short, so that it is full soon.
const WINDOW: Duration = Duration::from_secs(6);
/// From the last camera on air to full rings.
const SETTLE: Duration = Duration::from_secs(20);

/// Beside the number of cameras.
#[derive(Clone, Copy, Debug, Default)]
struct Way {
    seconds: u64,
    udp: bool,
    on_demand: bool,
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [role, servers] = args.as_slice()
        && role == "serve-cameras"
    {
        cameras(servers.parse().unwrap_or(1));
        return ExitCode::SUCCESS;
    }
    // Not `cargo bench`: whoever runs all targets as tests does not want to wait for this one.
    if !args.iter().any(|arg| arg == "--bench") {
        return ExitCode::SUCCESS;
    }
    let value = |name: &str| args.iter().skip_while(|arg| *arg != name).nth(1);
    let counts = value("--cameras").map_or("10,50,200", String::as_str);
    let seconds = value("--seconds").and_then(|seconds| seconds.parse().ok()).unwrap_or(10);
    let has = |name: &str| args.iter().any(|arg| arg == name);
    let way = Way { seconds, udp: has("--udp"), on_demand: has("--on-demand") };
    println!(
        "{:>8} {:>10} {:>12} {:>8} {:>12} {:>6}",
        "cameras", "CPU", "CPU each", "kernel", "memory each", "live"
    );
    for count in counts.split(',').filter_map(|count| count.parse().ok()) {
        row(count, way);
    }
    ExitCode::SUCCESS
}

/// The cameras' process: prints its ports, and serves until its input ends.
fn cameras(servers: usize) {
    let runtime = tokio::runtime::Runtime::new().expect("threads can be started");
    let _servers: Vec<demo::Server> = runtime.block_on(async {
        let mut all = Vec::new();
        for _ in 0..servers {
            let server = demo::Server::start(demo::Options::default()).await.expect("a port is free");
            server.faults().pad_pictures(PADDING);
            println!("{}", server.addr());
            all.push(server);
        }
        all
    });
    let _ended = std::io::stdin().read_line(&mut String::new());
}

fn row(count: usize, way: Way) {
    let servers = count.div_ceil(CAMERAS_A_SERVER);
    let mut child = Command::new(std::env::current_exe().expect("a program knows itself"))
        .args(["serve-cameras", &servers.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("this program can be started again");
    let said = BufReader::new(child.stdout.take().expect("stdout is piped")).lines();
    let addresses: Vec<String> = said.take(servers).map_while(Result::ok).collect();
    assert_eq!(addresses.len(), servers, "the cameras' process must start");
    let runtime = tokio::runtime::Runtime::new().expect("threads can be started");
    let text = settings(count, &addresses, way);
    let settings = Settings::parse(&text, "bench", Path::new("")).unwrap_or_else(|error| panic!("{error}"));
    let empty = Usage::now();
    let app = runtime.block_on(App::start(settings, false)).expect("a port is free");
    let wanted = if way.on_demand { 0 } else { count };
    let mut live = 0;
    for _ in 0..120 {
        live = runtime.block_on(live_cameras(app.address()));
        if live >= wanted {
            break;
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    std::thread::sleep(SETTLE);
    let before = Usage::now();
    std::thread::sleep(Duration::from_secs(way.seconds));
    let after = Usage::now();
    live = live.min(runtime.block_on(live_cameras(app.address())));
    let cpu = (after.cpu - before.cpu) / way.seconds as f64 * 100.0;
    let memory = (after.resident - empty.resident) / count as f64 / 1024.0;
    let (each, kernel) = (cpu / count as f64, after.kernel_share(&before) * 100.0);
    println!("{count:>8} {cpu:>8.1} % {each:>10.3} % {kernel:>6.0} % {memory:>8.0} KiB {live:>6}");
    runtime.block_on(app.stop());
    drop(child.stdin.take());
    let _ended = child.wait();
    let _shown = std::io::stdout().flush();
}

fn settings(count: usize, addresses: &[String], way: Way) -> String {
    let mut text = format!("server.listen = \"127.0.0.1:0\"\nhls.window = \"{}s\"\n", WINDOW.as_secs());
    for index in 0..count {
        let address = &addresses[index % addresses.len()];
        let start = if way.on_demand { "on-demand" } else { "always" };
        let transport = if way.udp { "udp" } else { "tcp" };
        let _infallible = write!(
            text,
            "[cameras.c{index}]\nstart = \"{start}\"\n[cameras.c{index}.renditions.main]\n\
             source = \"rtsp://{address}/main\"\ntransport = \"{transport}\"\n"
        );
    }
    text
}

/// How many cameras the API calls live.
async fn live_cameras(address: std::net::SocketAddr) -> usize {
    let mut stream = TcpStream::connect(address).await.expect("the server listens");
    let request = b"GET /api/v1/cameras HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n";
    stream.write_all(request).await.expect("the server reads");
    let mut text = String::new();
    stream.read_to_string(&mut text).await.expect("the server answers");
    let (_, json) = text.split_once("\r\n\r\n").expect("an answer has a body");
    let cameras: serde_json::Value = serde_json::from_str(json).expect("the answer is JSON");
    let cameras = cameras["cameras"].as_array().expect("there are cameras");
    cameras.iter().filter(|camera| camera["state"] == "live").count()
}
