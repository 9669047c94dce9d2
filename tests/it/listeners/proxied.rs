//! The PROXY protocol, written byte by byte.

use std::net::SocketAddr;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

use super::{exchange, get};
use crate::support::program::Program;
use crate::support::tls::Certificate;
use crate::support::{soon, until};

/// What version 2 begins with.
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
const PASSWORD: &str = "open sesame";

/// A header of version 2: command and version, family and protocol, addresses and what else there is.
fn version2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
    [SIGNATURE, &[0x20 | command, family], &length, rest].concat()
}

/// From 192.0.2.`last`, port 4711, to 192.0.2.200, port 80.
fn addresses(last: u8) -> Vec<u8> {
    [&[192, 0, 2, last][..], &[192, 0, 2, 200], &4711u16.to_be_bytes(), &80u16.to_be_bytes()].concat()
}

/// PP2_TYPE_SSL with PP2_CLIENT_SSL: the client spoke TLS to the proxy.
const SECURE: &[u8] = &[0x20, 0, 5, 1, 0, 0, 0, 0];

/// A login, with a wrong password unless it is the right one: the log tells from where.
fn login(password: &str) -> String {
    let form = format!("user=anna&password={}", password.replace(' ', "+"));
    format!(
        "POST /login HTTP/1.1\r\nHost: cams.example.org\r\nX-Forwarded-For: 203.0.113.99\r\nConnection: close\r\n\
         Content-Length: {}\r\n\r\n{form}",
        form.len()
    )
}

struct House {
    program: Program,
    folder: TempDir,
    certificate: Certificate,
    /// Where the header is expected.
    proxied: SocketAddr,
    /// The same with TLS after it.
    secure: SocketAddr,
}

impl House {
    fn start(trusted: &str) -> Self {
        let (folder, certificate) = (tempfile::tempdir().unwrap(), Certificate::new());
        let hash = belvedere::web::access::hash_password(&PASSWORD.into()).unwrap();
        let tls = certificate.table().replace(
            "listen = \"127.0.0.1:0\"",
            "listen = { address = \"127.0.0.1:0\", proxy_protocol = true }",
        );
        let toml = format!(
            "[server]\ntrusted_proxies = [\"{trusted}\"]\n\
             listen = [\"127.0.0.1:0\", {{ address = \"127.0.0.1:0\", proxy_protocol = true }}, \
             {{ address = \"unix:proxied.sock\", proxy_protocol = true }}]\n{tls}\
             [limits]\nconnections_per_address = 2\n\
             [auth.users.anna]\npassword = \"{hash}\"\nadmin = true\n"
        );
        let path = folder.path().join("belvedere.toml");
        std::fs::write(&path, toml).unwrap();
        let program = Program::with_config(&path);
        let [_, proxied, secure] = program.listening[..] else { panic!("{:?}", program.listening) };
        Self { program, folder, certificate, proxied, secure }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.proxied).await.unwrap()
    }

    /// What comes back for a header and a request after it.
    async fn ask(&self, header: &[u8], request: &str) -> String {
        exchange(self.connect().await, &[header, request.as_bytes()].concat()).await
    }

    /// Waits until the log tells of a failed login from `address`.
    async fn until_seen(&self, address: &str) {
        let words = format!("address={address}");
        let seen = || self.program.logged("a login failed").iter().any(|line| line.contains(&words));
        until(&format!("a login from {address}"), async || seen().then_some(())).await;
    }
}

#[tokio::test]
async fn the_header_tells_whose_connection_it_is() {
    let house = House::start("127.0.0.1");
    let six = |last: u8| {
        let mut rest = [0; 36];
        rest[..4].copy_from_slice(&[0x20, 1, 0xd, 0xb8]);
        rest[15] = last;
        version2(1, 0x21, &rest)
    };
    for (header, address) in [
        (b"PROXY TCP4 198.51.100.7 192.0.2.200 4711 80\r\n".to_vec(), "198.51.100.7"),
        (b"PROXY TCP6 2001:db8::7 2001:db8::1 4711 80\r\n".to_vec(), "2001:db8::7"),
        (version2(1, 0x11, &addresses(1)), "192.0.2.1"),
        (version2(1, 0x11, &[&addresses(2), SECURE].concat()), "192.0.2.2"),
        (six(8), "2001:db8::8"),
        // Who asks for itself, or does not know, is nobody in particular.
        (version2(0, 0, &[]), "0.0.0.0"),
        (b"PROXY UNKNOWN\r\n".to_vec(), "0.0.0.0"),
        (version2(1, 0, &[]), "0.0.0.0"),
    ] {
        let answer = house.ask(&header, &login("wrong")).await;
        assert!(answer.starts_with("HTTP/1.1 401"), "{address}: {answer}");
        house.until_seen(address).await;
    }
    assert!(!house.program.log().contains("203.0.113.99"), "the client is no proxy: {}", house.program.log());

    // Cookies are for TLS alone where the client speaks it.
    for (more, secure) in [(&[][..], false), (SECURE, true)] {
        let answer = house.ask(&version2(1, 0x11, &[&addresses(3), more].concat()), &login(PASSWORD)).await;
        assert!(answer.starts_with("HTTP/1.1 303"), "{answer}");
        assert_eq!(answer.contains("; Secure"), secure, "{answer}");
    }

    // However it is cut.
    let mut stream = house.connect().await;
    stream.set_nodelay(true).unwrap();
    for byte in version2(1, 0x11, &addresses(4)) {
        stream.write_all(&[byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert!(exchange(stream, get("/livez").as_bytes()).await.starts_with("HTTP/1.1 200"));

    // Before TLS, and on a Unix socket.
    let mut stream = TcpStream::connect(house.secure).await.unwrap();
    stream.write_all(&version2(1, 0x11, &addresses(5))).await.unwrap();
    let stream = house.certificate.greet(stream).await;
    assert!(exchange(stream, login("wrong").as_bytes()).await.starts_with("HTTP/1.1 401"));
    house.until_seen("192.0.2.5").await;
    let mut stream = UnixStream::connect(house.folder.path().join("proxied.sock")).await.unwrap();
    stream.write_all(b"PROXY TCP4 192.0.2.6 192.0.2.200 4711 80\r\n").await.unwrap();
    assert!(exchange(stream, login("wrong").as_bytes()).await.starts_with("HTTP/1.1 401"));
    house.until_seen("192.0.2.6").await;
}

#[tokio::test]
async fn connections_count_for_the_client_and_not_for_the_proxy() {
    let house = House::start("127.0.0.0/8");
    let mut open = Vec::new();
    for client in [1, 1, 2, 2, 3] {
        let mut stream = house.connect().await;
        stream.write_all(&version2(1, 0x11, &addresses(client))).await.unwrap();
        stream.write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let mut status = [0; 12];
        soon("an answer", stream.read_exact(&mut status)).await.expect("it is served");
        assert_eq!(&status, b"HTTP/1.1 200", "client {client}");
        open.push(stream);
    }
    let third = house.ask(&version2(1, 0x11, &addresses(1)), &get("/livez")).await;
    assert_eq!(third, "", "one client has two already");
    drop(open);
    until("room again", async || {
        let answer = house.ask(&version2(1, 0x11, &addresses(1)), &get("/livez")).await;
        answer.starts_with("HTTP/1.1 200").then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_is_no_header_in_time_is_closed_and_told() {
    let house = House::start("127.0.0.1");
    let early = async {
        let stream = house.connect().await;
        (exchange(stream, &version2(1, 0x11, &addresses(1))[..14]).await, "half of a header")
    };
    let silent = async { (exchange(house.connect().await, b"").await, "nothing") };
    let bad = async {
        for (bytes, what) in [
            (get("/livez").into_bytes(), "a request without a header"),
            (b"PROXY TCP4 nonsense 192.0.2.200 4711 80\r\n".to_vec(), "no address"),
            ([b"PROXY TCP4 192.0.2.1 ".to_vec(), vec![b'1'; 200]].concat(), "no end"),
            (b"PROXY TCP4 2001:db8::7 2001:db8::1 4711 80\r\n".to_vec(), "another family"),
            (version2(1, 0x11, &addresses(1)[..4]), "too short for its addresses"),
            (version2(1, 0x99, &addresses(1)), "no known family"),
            (version2(0x10 | 1, 0x11, &addresses(1)), "version 3"),
            (b"\x16\x03\x01\x02\x00\x01".to_vec(), "TLS"),
        ] {
            assert_eq!(house.ask(&bytes, &get("/livez")).await, "", "{what}");
        }
    };
    // The time limit is that of a request's header.
    let ((half, _), (nothing, _), ()) = tokio::join!(early, silent, bad);
    assert_eq!((half.as_str(), nothing.as_str()), ("", ""));
    let told = house.program.logged("a connection is closed");
    assert!(told.iter().any(|line| line.contains("does not begin with a header")), "{told:?}");
    assert!((2..=4).contains(&told.len()), "ten of them are four lines: {told:?}");
    assert!(house.ask(&version2(1, 0x11, &addresses(1)), &get("/livez")).await.starts_with("HTTP/1.1 200"));
    house.program.client.found("/livez").await;
}

#[tokio::test]
async fn a_stranger_is_not_believed_and_not_served_there() {
    let house = House::start("192.0.2.200");
    for header in [&b"PROXY TCP4 198.51.100.7 192.0.2.200 4711 80\r\n"[..], b""] {
        let begun = std::time::Instant::now();
        assert_eq!(house.ask(header, &get("/livez")).await, "");
        assert!(begun.elapsed() < Duration::from_secs(9), "at once: {:?}", begun.elapsed());
    }
    let told = || house.program.logged("it is not from one of server.trusted_proxies");
    until("a word about it", async || (told().len() == 2).then_some(())).await;
    assert!(!house.program.log().contains("198.51.100.7"));
    // At the listener beside it, a header is no request.
    let header = b"PROXY TCP4 198.51.100.7 192.0.2.200 4711 80\r\n";
    let answer = exchange(
        TcpStream::connect(house.program.client.address).await.unwrap(),
        &[header, get("/livez").as_bytes()].concat(),
    )
    .await;
    assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
    house.program.client.found("/livez").await;
}
