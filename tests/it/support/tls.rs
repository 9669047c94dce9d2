//! Certificates of a test's own: who shows them, and connections that trust them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{CertificateParams, CertifiedKey, KeyPair};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// The name in the certificate.
pub const HOST: &str = "cams.example.org";

/// A certificate for `name` that signs itself.
fn signs_itself(name: &str) -> CertifiedKey<KeyPair> {
    rcgen::generate_simple_self_signed([name.to_owned()]).unwrap()
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// A certificate that signs itself, in files.
pub struct Certificate {
    folder: TempDir,
    der: CertificateDer<'static>,
}

impl Certificate {
    pub fn new() -> Self {
        Self::of(HOST)
    }

    /// One for `name`.
    pub fn of(name: &str) -> Self {
        let own = signs_itself(name);
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("cert.pem"), own.cert.pem()).unwrap();
        std::fs::write(folder.path().join("key.pem"), own.signing_key.serialize_pem()).unwrap();
        let both = own.cert.pem() + &own.signing_key.serialize_pem();
        std::fs::write(folder.path().join("both.pem"), both).unwrap();
        Self { folder, der: own.cert.der().clone() }
    }

    /// The certificate, its key, and both in one file.
    pub fn files(&self) -> [PathBuf; 3] {
        ["cert.pem", "key.pem", "both.pem"].map(|name| self.folder.path().join(name))
    }

    /// A TLS listener with it, on a port of the system's choice.
    pub fn settings(&self) -> String {
        let [cert, key, _] = self.files().map(|file| file.display().to_string());
        format!("[server.tls]\nlisten = \"127.0.0.1:0\"\ncert = \"{cert}\"\nkey = \"{key}\"\n")
    }

    /// A TLS connection to `address`, with `protocols` to choose from.
    pub async fn connect(
        &self,
        address: SocketAddr,
        protocols: &[&str],
    ) -> std::io::Result<TlsStream<TcpStream>> {
        self.greet_with(TcpStream::connect(address).await?, protocols).await
    }

    /// TLS over a connection that is open already.
    pub async fn greet<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S) -> TlsStream<S> {
        self.greet_with(stream, &[]).await.expect("the handshake succeeds")
    }

    /// The same with `protocols` to choose from.
    pub async fn greet_with<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
        protocols: &[&str],
    ) -> std::io::Result<TlsStream<S>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone()).unwrap();
        let builder =
            ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().unwrap();
        let mut config = builder.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        TlsConnector::from(Arc::new(config)).connect(ServerName::try_from(HOST).unwrap(), stream).await
    }
}

/// A certificate of nobody's authority for `name`, as PEM, and who shows it.
pub fn identity(name: &str) -> (String, TlsAcceptor) {
    shown(signs_itself(name))
}

/// The same of a certificate as `params` say, which signs itself.
pub fn identity_of(params: CertificateParams) -> (String, TlsAcceptor) {
    let signing_key = KeyPair::generate().unwrap();
    let cert = params.self_signed(&signing_key).unwrap();
    shown(CertifiedKey { cert, signing_key })
}

fn shown(made: CertifiedKey<KeyPair>) -> (String, TlsAcceptor) {
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let config =
        ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().unwrap();
    let chain = vec![CertificateDer::from(made.cert.der().to_vec())];
    let config = config.with_no_client_auth().with_single_cert(chain, key).unwrap();
    (made.cert.pem(), TlsAcceptor::from(Arc::new(config)))
}

/// Listens, and passes what comes over TLS on to `behind`; ends with the runtime.
pub async fn in_front_of(behind: SocketAddr, tls: TlsAcceptor) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let tls = tls.clone();
            tokio::spawn(async move {
                if let (Ok(mut front), Ok(mut back)) =
                    (tls.accept(socket).await, TcpStream::connect(behind).await)
                {
                    // Either end may go.
                    let _ = tokio::io::copy_bidirectional(&mut front, &mut back).await;
                }
            });
        }
    });
    address
}
