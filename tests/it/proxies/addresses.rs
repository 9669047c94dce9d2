//! Whose request it is arrives through each proxy, and what viewers say of that themselves does not.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::program::Program;
use crate::support::proxy::{Make, Proxy, Sample};
use crate::support::system::free_address;
use crate::support::tls::{Certificate, HOST};
use crate::support::{soon, until};

/// Another address of this machine, so that viewers and proxies can be told apart.
const VIEWER: [u8; 4] = [127, 0, 0, 77];
/// What viewers say they are.
const LIE: &str = "203.0.113.99";

async fn connect(address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((VIEWER, 0).into()).unwrap();
    soon("a connection", socket.connect(address)).await.unwrap()
}

/// A login with the wrong password and more headers than is honest; what comes back.
async fn login(mut stream: impl AsyncRead + AsyncWrite + Unpin, password: &str) -> String {
    let form = format!("user=anna&password={password}");
    let request = format!(
        "POST /login HTTP/1.1\r\nHost: {HOST}\r\nForwarded: for={LIE};proto=https\r\nX-Forwarded-For: {LIE}\r\n\
         X-Forwarded-Proto: https\r\nX-Forwarded-Host: {LIE}\r\nX-Forwarded-Prefix: /lie\r\nConnection: close\r\n\
         Content-Length: {}\r\n\r\n{form}",
        form.len()
    );
    soon("the request is taken", stream.write_all(request.as_bytes())).await.unwrap();
    let mut answer = Vec::new();
    let _ = soon("an answer", stream.read_to_end(&mut answer)).await;
    String::from_utf8_lossy(&answer).into_owned()
}

fn start(folder: &std::path::Path, listen: &str, tls: &str) -> Program {
    let hash = belvedere::web::access::hash_password(&"sesame".into()).unwrap();
    let path = folder.join("belvedere.toml");
    let toml = format!(
        "[server]\nlisten = {listen}\ntrusted_proxies = [\"127.0.0.1\"]\n{tls}\n\
         [auth.users.anna]\npassword = \"{hash}\"\nadmin = true\n"
    );
    std::fs::write(&path, toml).unwrap();
    Program::with_config(&path)
}

/// The log tells of a failed login from the viewer's address, and of no lie.
async fn until_seen(program: &Program, what: &str) {
    let failed = || program.logged("a login failed");
    let honest = async || failed().iter().any(|line| line.contains("127.0.0.77")).then_some(());
    until(&format!("the viewer's address through {what}"), honest).await;
    assert!(!program.log().contains(LIE), "{what}: {}", program.log());
}

#[tokio::test]
async fn the_viewers_address_arrives_through_every_proxy() {
    for make in [Make::Nginx, Make::Varnish, Make::Haproxy, Make::Caddy] {
        let folder = tempfile::tempdir().unwrap();
        let program = start(folder.path(), "\"127.0.0.1:0\"", "");
        let proxy = Proxy::start(make, program.client.address).await;
        let answer = login(connect(proxy.address).await, "wrong").await;
        assert!(answer.starts_with("HTTP/1.1 401"), "{make:?}: {answer}");
        until_seen(&program, &format!("{make:?}")).await;
        let answer = login(connect(proxy.address).await, "sesame").await;
        assert!(answer.starts_with("HTTP/1.1 303"), "{make:?}: {answer}");
        let secure = answer.contains("; Secure") || answer.contains("/lie");
        assert!(!secure, "{make:?} hands on what a viewer says: {answer}");
    }
}

#[tokio::test]
async fn a_proxy_that_takes_tls_off_says_so() {
    let certificate = Certificate::new();
    for make in [Make::Haproxy, Make::Caddy] {
        let folder = tempfile::tempdir().unwrap();
        let program = start(folder.path(), "\"127.0.0.1:0\"", "");
        let proxy = Proxy::with(Sample::new(make, program.client.address).with_tls(&certificate)).await;
        let stream = certificate.greet(connect(proxy.address).await).await;
        let answer = login(stream, "sesame").await;
        assert!(answer.contains(" 303 ") && answer.contains("; Secure"), "{make:?}: {answer}");
    }
}

/// HAProxy hands on bytes, and Belvedere speaks TLS: the comment at the end of the sample.
#[tokio::test]
async fn haproxy_tells_of_the_viewer_before_tls_that_is_not_its_own() {
    let (folder, certificate) = (tempfile::tempdir().unwrap(), Certificate::new());
    let tls = certificate
        .settings()
        .replace("listen = \"127.0.0.1:0\"", "listen = { address = \"127.0.0.1:0\", proxy_protocol = true }");
    let program = start(folder.path(), "\"127.0.0.1:0\"", &tls);
    let [plain, secure] = program.listening[..] else { panic!("{:?}", program.listening) };
    let passed_on = free_address();
    let sample = Sample::new(Make::Haproxy, plain)
        .uncommented("# frontend secure")
        .with("\n    bind :443\n", &format!("\n    bind {passed_on}\n"))
        .with("server one 127.0.0.1:8443 send-proxy-v2", &format!("server one {secure} send-proxy-v2"));
    let _proxy = Proxy::with(sample).await;
    let stream = certificate.greet(connect(passed_on).await).await;
    assert!(login(stream, "wrong").await.starts_with("HTTP/1.1 401"));
    until_seen(&program, "the PROXY protocol").await;
    // HAProxy also looks whether Belvedere is well, and nobody is alarmed.
    assert!(program.logged("a connection is closed").is_empty(), "{}", program.log());
}

/// Each proxy comes by a Unix socket, and counts as this machine.
#[tokio::test]
async fn the_viewers_address_arrives_through_a_unix_socket() {
    for make in [Make::Nginx, Make::Haproxy, Make::Caddy] {
        let folder = tempfile::tempdir().unwrap();
        // nginx works as somebody else when it is started by root.
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let socket = folder.path().join("http.sock");
        let listen =
            format!("[\"127.0.0.1:0\", {{ address = \"unix:{}\", mode = \"0666\" }}]", socket.display());
        let program = start(folder.path(), &listen, "");
        let (own, socket) = (program.client.address, socket.display());
        let sample = Sample::new(make, own);
        let sample = match make {
            Make::Nginx => sample.with(&format!("    server {own};"), &format!("    server unix:{socket};")),
            Make::Haproxy => {
                sample.with_all(&format!("    server one {own}"), &format!("    server one unix@{socket}"), 2)
            }
            Make::Caddy => {
                sample.with(&format!("reverse_proxy {own} {{"), &format!("reverse_proxy unix/{socket} {{"))
            }
            Make::Varnish => unreachable!("not among those above"),
        };
        let proxy = Proxy::with(sample).await;
        assert!(login(connect(proxy.address).await, "wrong").await.starts_with("HTTP/1.1 401"), "{make:?}");
        until_seen(&program, &format!("{make:?} and a Unix socket")).await;
    }
}
