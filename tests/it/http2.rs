//! HTTP/2 with clients of other makes: curl, and h2load of nghttp2, which asks for much at once.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::client::join;
use crate::support::playlist;
use crate::support::site::{Site, shared};
use crate::support::soon;
use crate::support::tls::{Certificate, HOST};

const VIDEO: &str = "/hls/demo/sub/video.m3u8";

/// Runs a program while the server, which is in this process, goes on; what it printed.
async fn run(mut command: Command) -> String {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap();
    let output = output.unwrap_or_else(|error| panic!("this test needs {name}: {error}"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{name}: {text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

/// What curl gets, and after it the version of HTTP and the status.
async fn curl(address: SocketAddr, certificate: &Path, path: &str, more: &[&str]) -> (String, String) {
    let port = address.port();
    let mut command = Command::new("curl");
    command
        .args(["--silent", "--show-error", "--http2", "--max-time", "100", "--cacert"])
        .arg(certificate)
        .args(["--resolve", &format!("{HOST}:{port}:{}", address.ip())])
        .args(["--write-out", "\n%{http_version} %{http_code}"])
        .args(more)
        .arg(format!("https://{HOST}:{port}{path}"));
    let text = run(command).await;
    let (body, end) = text.rsplit_once('\n').expect("curl says how it went");
    (body.to_owned(), end.to_owned())
}

/// Asks `count` times for each of the addresses, over `connections` with 50 requests at once in each.
async fn h2load(urls: &[String], count: usize, connections: usize) {
    let mut command = Command::new("h2load");
    let total = count * urls.len();
    command.args(["--requests", &total.to_string(), "--clients", &connections.to_string()]);
    command.args(["--max-concurrent-streams", "50", "--connection-inactivity-timeout", "100"]).args(urls);
    let text = run(command).await;
    let summary =
        format!("{total} total, {total} started, {total} done, {total} succeeded, 0 failed, 0 errored");
    assert!(text.contains(&summary), "{text}");
    assert!(text.contains("Application protocol: h2"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn curl_and_h2load_get_everything_over_tls_and_without() {
    let certificate = Certificate::new();
    let site = Site::start_with(&certificate.settings(), true).await;
    let secure = site.app.tls_address().expect("there is a TLS listener");
    let playlist = site.until_segments(VIDEO, 2).await;
    let [cert, ..] = certificate.files();
    let curl = async |path: &str, more: &[&str]| curl(secure, &cert, path, more).await;

    for path in ["/", "/watch/demo", "/hls/demo/index.m3u8", "/api/v1/cameras", "/livez"] {
        let (body, end) = curl(path, &[]).await;
        assert_eq!((end.as_str(), body.is_empty()), ("2 200", false), "{path}");
    }
    let (msn, part) = playlist.next_part();
    let (text, end) = curl(&format!("{VIDEO}?_HLS_msn={msn}&_HLS_part={part}"), &["--compressed"]).await;
    let after = playlist::parse(&text);
    assert!(end == "2 200" && (after.part(msn, part).is_some() || after.next_msn() > msn), "{end}: {text}");
    let segment = join(VIDEO, &after.segments.last().expect("a finished segment").uri);
    let (_, end) = curl(&segment, &["--range", "0-9", "--output", "/dev/null"]).await;
    assert_eq!(end, "2 206");
    let (head, end) = curl(&segment, &["--head"]).await;
    let length = site.found(&segment).await.body.len();
    assert!(end == "2 200" && head.contains(&format!("content-length: {length}")), "{head}");
    assert_eq!(curl("/livez", &["--http1.1"]).await.1, "1.1 200");

    for base in [format!("https://{secure}"), format!("http://{}", site.address)] {
        let paths = ["/livez", "/hls/demo/index.m3u8", VIDEO, &segment];
        let urls: Vec<_> = paths.iter().map(|path| format!("{base}{path}")).collect();
        h2load(&urls, 300, 10).await;
        // Two hundred who wait for the same thing, in four connections.
        let (msn, part) = site.playlist(VIDEO).await.next_part();
        h2load(&[format!("{base}{VIDEO}?_HLS_msn={msn}&_HLS_part={part}")], 200, 4).await;
    }
}

/// A frame of HTTP/2 (RFC 9113, 4.1) on the connection itself.
fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    [&(payload.len() as u32).to_be_bytes()[1..], &[kind, 0, 0, 0, 0, 0], payload].concat()
}

/// Players and proxies find out by pings whether a connection lives, also where nothing but a reload waits (N101).
#[tokio::test]
async fn a_ping_is_answered_with_what_it_said() {
    const SETTINGS: u8 = 4;
    const PING: u8 = 6;
    const ACK: u8 = 1;
    const OPAQUE: &[u8; 8] = b"are you?";
    let mut stream = TcpStream::connect(shared().address).await.expect("it listens");
    let hello = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".as_slice(), &frame(SETTINGS, b""), &frame(PING, OPAQUE)];
    stream.write_all(&hello.concat()).await.expect("it reads");
    loop {
        let mut head = [0; 9];
        soon("a frame", stream.read_exact(&mut head)).await.expect("the connection stays open");
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        soon("its payload", stream.read_exact(&mut payload)).await.expect("the whole frame");
        if head[3] == PING && head[4] == ACK {
            assert_eq!(payload, OPAQUE);
            return;
        }
    }
}
