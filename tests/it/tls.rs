//! The TLS listener: its certificates, and what leads to it.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Empty;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, HandshakeKind, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::support::program::Program;
use crate::support::site::Site;
use crate::support::{soon, until};

/// A client that trusts `authority`.
fn client(authority: &CertificateDer<'static>) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(authority.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    TlsConnector::from(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}

async fn connect(
    client: &TlsConnector,
    address: SocketAddr,
    name: &str,
) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from(name.to_owned()).unwrap();
    soon("a handshake", client.connect(name, stream)).await
}

async fn speak(stream: TlsStream<TcpStream>) -> SendRequest<Empty<Bytes>> {
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

async fn alive(sender: &mut SendRequest<Empty<Bytes>>) -> bool {
    let request = Request::get("/livez").header("host", "localhost").body(Empty::new()).unwrap();
    let answer = soon("an answer", async {
        sender.ready().await?;
        sender.send_request(request).await
    });
    answer.await.is_ok_and(|answer| answer.status() == 200)
}

/// Writes a new certificate for `localhost` and its key; the certificate.
fn write(folder: &Path) -> CertificateDer<'static> {
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(folder.join("cert.pem"), own.cert.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), own.signing_key.serialize_pem()).unwrap();
    own.cert.der().clone()
}

async fn site(folder: &Path, before: &str, more: &str) -> (Site, SocketAddr) {
    let place = folder.display();
    let toml = format!(
        "{before}\n[server.tls]\nlisten = \"127.0.0.1:0\"\ncert = \"{place}/cert.pem\"\nkey = \"{place}/key.pem\"\n{more}"
    );
    let site = Site::start(&toml).await;
    let address = site.app.tls_address().unwrap();
    (site, address)
}

#[tokio::test]
async fn a_certificate_is_replaced_without_breaking_a_connection() {
    let folder = tempfile::tempdir().unwrap();
    let old = write(folder.path());
    let (place, config) = (folder.path().display(), folder.path().join("belvedere.toml"));
    let toml = format!(
        "[server.tls]\nlisten = \"127.0.0.1:0\"\ncert = \"{place}/cert.pem\"\nkey = \"{place}/key.pem\"\nredirect = true\n"
    );
    std::fs::write(&config, toml).unwrap();
    let program = Program::start(&["serve", "--config", config.to_str().unwrap(), "--log", "info"]);
    // Pages lead to where it speaks TLS.
    let page = url::Url::parse(program.client.get("/").await.header("location")).unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], page.port().unwrap()));
    let mut open = speak(connect(&client(&old), address, "localhost").await.unwrap()).await;
    assert!(alive(&mut open).await);
    // A key alone fits nothing: what was there stays.
    std::fs::write(folder.path().join("key.pem"), "nonsense").unwrap();
    let refused = || program.logged("the certificate is not replaced");
    until("a word about the key", async || (!refused().is_empty()).then_some(())).await;
    assert!(connect(&client(&old), address, "localhost").await.is_ok());
    let new = write(folder.path());
    until("the new certificate", async || connect(&client(&new), address, "localhost").await.ok()).await;
    assert!(connect(&client(&old), address, "localhost").await.is_err());
    assert!(alive(&mut open).await, "the connection goes on");
}

#[tokio::test]
async fn sessions_are_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = write(folder.path());
    let (_site, address) = site(folder.path(), "", "").await;
    let client = client(&certificate);
    until("a session that is resumed", async || {
        let mut sender = {
            let stream = connect(&client, address, "localhost").await.unwrap();
            if stream.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed) {
                return Some(());
            }
            speak(stream).await
        };
        assert!(alive(&mut sender).await, "tickets come with the first answer");
        None
    })
    .await;
}

#[tokio::test]
async fn an_authority_of_ones_own_is_made_kept_and_shown() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let toml =
        "[server]\nlisten = \"127.0.0.1:0\"\n[server.tls]\nlisten = \"127.0.0.1:0\"\nself_signed = true\n";
    let mut before = None;
    for _ in 0..2 {
        let settings = belvedere::settings::Settings::parse(toml, "b.toml", folder.path()).unwrap();
        let app = belvedere::app::App::start(settings, false).await.unwrap();
        let plain = crate::support::client::Client { address: app.address() };
        let answer = plain.found("/belvedere.crt").await;
        assert_eq!(answer.header("content-type"), "application/x-x509-ca-cert");
        let authority = CertificateDer::from(answer.body.to_vec());
        for name in ["localhost", "127.0.0.1"] {
            connect(&client(&authority), app.tls_address().unwrap(), name).await.unwrap();
        }
        assert!(connect(&client(&authority), app.tls_address().unwrap(), "example.org").await.is_err());
        let greeting = app.greeting();
        assert!(greeting.contains("belvedere.crt") && greeting.matches(':').count() > 31, "{greeting}");
        assert!(before.replace(authority.clone()).is_none_or(|before| before == authority), "it is kept");
        app.stop().await;
    }
    let mode = std::fs::metadata(folder.path().join("belvedere-authority.pem")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "it holds a key");
}

/// Whether openssl's client comes to a handshake with these options.
fn handshake(address: SocketAddr, options: &[&str]) -> (bool, String) {
    let output = Command::new("openssl")
        .args(["s_client", "-connect", &address.to_string(), "-servername", "localhost"])
        .args(options)
        .stdin(Stdio::null())
        .output()
        .expect("this test needs openssl");
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.success() && !text.contains("Cipher is (NONE)"), text)
}

#[tokio::test(flavor = "multi_thread")]
async fn old_protocols_and_weak_ciphers_are_not_spoken() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path());
    let (_site, address) = site(folder.path(), "", "").await;
    for (options, good) in [
        (&["-tls1_3"][..], true),
        (&["-tls1_2"], true),
        (&["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"], true),
        (&["-alpn", "h2"], true),
        (&["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], false),
        (&["-tls1", "-cipher", "ALL:@SECLEVEL=0"], false),
        (&["-tls1_2", "-cipher", "AES128-GCM-SHA256:AES128-SHA:@SECLEVEL=0"], false),
        (&["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0"], false),
        (&["-tls1_2", "-cipher", "aNULL:eNULL:@SECLEVEL=0"], false),
    ] {
        let (done, text) = handshake(address, options);
        assert_eq!(done, good, "{options:?}:\n{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_rsa_exchange_no_keys() {
    let folder = tempfile::tempdir().unwrap();
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=DNS:localhost", "-keyout", "key.pem", "-out", "cert.pem"])
        .current_dir(folder.path())
        .output()
        .expect("this test needs openssl");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let (_site, address) = site(folder.path(), "", "").await;
    for (cipher, good) in
        [("ECDHE-RSA-AES128-GCM-SHA256", true), ("AES128-GCM-SHA256:AES128-SHA:@SECLEVEL=0", false)]
    {
        let (done, text) = handshake(address, &["-tls1_2", "-cipher", cipher]);
        assert_eq!(done, good, "{cipher}:\n{text}");
    }
}

#[tokio::test]
async fn pages_lead_to_tls_and_players_are_left_where_they_are() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path());
    let (site, address) = site(folder.path(), "server.base_path = \"/cams/\"", "redirect = true").await;
    let port = address.port();
    for path in ["/cams/", "/cams/watch/x?a=b", "/cams/t/a.b.c/watch/x", "/cams"] {
        let answer = site.ask(Method::GET, path, &[]).await;
        assert_eq!(answer.status, 307, "{path}");
        assert_eq!(answer.header("location"), format!("https://127.0.0.1:{port}{path}"));
    }
    for path in ["/cams/hls/x/index.m3u8", "/cams/hls/x/main/video.m3u8", "/cams/mse/x", "/cams/livez"] {
        let answer = site.ask(Method::GET, path, &[]).await;
        assert!(!answer.status.is_redirection(), "{path}: {}", answer.status);
    }
}
