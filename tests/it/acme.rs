//! Certificates from an authority: Debian's pebble, which is what those who wrote Let's Encrypt test clients with.

use std::net::{SocketAddr, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::{CertificateDer, ServerName};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::support::program::Program;
use crate::support::system::{free_address, mode};
use crate::support::{soon, until};

const NAMES: [&str; 2] = ["cams.example.org", "door.example.org"];

/// A child that ends with its owner.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// An authority that gives certificates for `life` seconds to whoever is at `tls` under its names.
struct Authority {
    folder: TempDir,
    listen: SocketAddr,
    running: Vec<Running>,
}

impl Authority {
    /// One that is not there yet; where it will be.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let own = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        std::fs::write(folder.path().join("ca.pem"), own.cert.pem()).unwrap();
        std::fs::write(folder.path().join("ca.key"), own.signing_key.serialize_pem()).unwrap();
        Self { folder, listen: free_address(), running: Vec::new() }
    }

    fn start(&mut self, tls: SocketAddr, life: u32) {
        let folder = self.folder.path();
        let names = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let config = serde_json::json!({"pebble": {
            "listenAddress": self.listen.to_string(),
            "managementListenAddress": free_address().to_string(),
            "certificate": folder.join("ca.pem"),
            "privateKey": folder.join("ca.key"),
            "httpPort": free_address().port(),
            "tlsPort": tls.port(),
            "certificateValidityPeriod": life,
        }});
        std::fs::write(folder.join("pebble.json"), config.to_string()).unwrap();
        // Its name server: every name leads here.
        let mut servers = Command::new("pebble-challtestsrv");
        servers.args(["-dns01", &names.to_string(), "-defaultIPv4", "127.0.0.1", "-defaultIPv6", ""]);
        servers.args(["-http01", "", "-https01", "", "-tlsalpn01", ""]);
        servers.args(["-management", &free_address().to_string()]);
        let mut pebble = Command::new("pebble");
        pebble.args(["-config", folder.join("pebble.json").to_str().unwrap()]);
        pebble.args(["-dnsserver", &names.to_string()]).env("PEBBLE_VA_NOSLEEP", "1");
        for mut command in [servers, pebble] {
            let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
            self.running.push(Running(child.expect("this test needs Debian's package pebble")));
        }
    }
}

/// The certificate that is shown under a name, whoever signed it.
async fn shown(address: SocketAddr, name: &str) -> Option<CertificateDer<'static>> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(anybody::Anybody(provider)))
        .with_no_client_auth();
    let stream = TcpStream::connect(address).await.ok()?;
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let stream =
        soon("a handshake", TlsConnector::from(Arc::new(config)).connect(name, stream)).await.ok()?;
    Some(stream.get_ref().1.peer_certificates()?.first()?.clone().into_owned())
}

/// Whether a certificate is for a name, as a browser sees it, were it to trust who signed it.
fn is_for(certificate: &CertificateDer<'_>, name: &str) -> bool {
    use rustls::client::verify_server_name;
    use rustls::server::ParsedCertificate;
    let parsed = ParsedCertificate::try_from(certificate).unwrap();
    verify_server_name(&parsed, &ServerName::try_from(name.to_owned()).unwrap()).is_ok()
}

#[tokio::test]
async fn a_certificate_is_got_kept_and_renewed() {
    let mut authority = Authority::new();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("belvedere.toml");
    let address = free_address();
    let config = format!(
        "[server.tls]\nlisten = \"{address}\"\nacme = {{ domains = {NAMES:?}, contact = \"a@example.org\", \
         directory = \"https://{}/dir\", ca = {:?} }}\n",
        authority.listen,
        authority.folder.path().join("ca.pem"),
    );
    std::fs::write(&file, config).unwrap();
    let file = file.to_str().unwrap();
    let program = Program::start(&["serve", "--config", file]);
    // Nobody is there yet: the rest is served, and there is another try.
    until("a word about that", async || program.log().contains("no new certificate").then_some(())).await;
    assert!(program.log().contains("cannot be asked"), "{}", program.log());
    program.client.found("/livez").await;
    assert_eq!(shown(address, NAMES[0]).await, None);

    authority.start(address, 20);
    let first = until("a certificate", async || shown(address, NAMES[0]).await).await;
    assert!(NAMES.iter().all(|name| is_for(&first, name)) && !is_for(&first, "example.org"));
    let kept = folder.path().join("belvedere-acme");
    assert_eq!(mode(&kept), 0o700);
    for name in ["account.json", "certificate.pem"] {
        assert_eq!(mode(&kept.join(name)), 0o600, "{name}");
    }
    // When two thirds of its life are over there is another one, by the same account.
    let account = std::fs::read(kept.join("account.json")).unwrap();
    let renewed = async || shown(address, NAMES[1]).await.filter(|shown| *shown != first);
    let second = until("a new certificate", renewed).await;
    assert!(NAMES.iter().all(|name| is_for(&second, name)));
    assert_eq!(std::fs::read(kept.join("account.json")).unwrap(), account);

    // The authority goes; what was got is shown on, after a restart too.
    drop(authority);
    drop(program);
    let program = Program::start(&["serve", "--config", file]);
    let kept = shown(address, NAMES[0]).await.expect("it is shown at once");
    assert!(NAMES.iter().all(|name| is_for(&kept, name)));
    let log = program.log();
    assert!(!log.contains("PRIVATE KEY"), "{log}");
}

#[tokio::test]
async fn what_an_authority_finds_wrong_is_told() {
    let mut authority = Authority::new();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("belvedere.toml");
    // At the port that the authority looks at there is nobody.
    authority.start(free_address(), 3600);
    let ca = authority.folder.path().join("ca.pem");
    until("the authority", async || TcpStream::connect(authority.listen).await.ok()).await;
    let config = format!(
        "[server.tls]\nlisten = \"127.0.0.1:0\"\n[server.tls.acme]\ndomains = \"cams.example.org\"\n\
         directory = \"https://{}/dir\"\nca = {ca:?}\n",
        authority.listen,
    );
    std::fs::write(&file, config).unwrap();
    let program = Program::start(&["serve", "--config", file.to_str().unwrap()]);
    until("a word about that", async || program.log().contains("no new certificate").then_some(())).await;
    let told = program.logged("no new certificate");
    assert!(told[0].contains("cams.example.org") && told[0].contains("onnect"), "{told:?}");
    program.client.found("/livez").await;
}

mod anybody {
    //! Believes anybody, to see what they show.

    use std::sync::Arc;

    use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
    use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
    use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
    use rustls::{DigitallySignedStruct, Error, SignatureScheme};

    #[derive(Debug)]
    pub struct Anybody(pub Arc<CryptoProvider>);

    impl ServerCertVerifier for Anybody {
        fn verify_server_cert(
            &self,
            _: &CertificateDer<'_>,
            _: &[CertificateDer<'_>],
            _: &ServerName<'_>,
            _: &[u8],
            _: UnixTime,
        ) -> Result<ServerCertVerified, Error> {
            Ok(ServerCertVerified::assertion())
        }

        fn verify_tls12_signature(
            &self,
            message: &[u8],
            cert: &CertificateDer<'_>,
            dss: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            cert: &CertificateDer<'_>,
            dss: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            self.0.signature_verification_algorithms.supported_schemes()
        }
    }
}
