//! A certificate of a test's own, and connections that trust it.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// The name in the certificate.
pub const HOST: &str = "cams.example.org";

/// A certificate that signs itself, in files.
pub struct Certificate {
    folder: TempDir,
    der: CertificateDer<'static>,
}

impl Certificate {
    pub fn new() -> Self {
        let own = rcgen::generate_simple_self_signed([HOST.to_owned()]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("cert.pem"), own.cert.pem()).unwrap();
        std::fs::write(folder.path().join("key.pem"), own.signing_key.serialize_pem()).unwrap();
        Self { folder, der: own.cert.der().clone() }
    }

    /// A TLS listener with it, on a port of the system's choice.
    pub fn settings(&self) -> String {
        let folder = self.folder.path().display();
        format!(
            "server.hosts = \"{HOST}\"\n[server.tls]\nlisten = \"127.0.0.1:0\"\ncert = \"{folder}/cert.pem\"\nkey = \"{folder}/key.pem\"\n"
        )
    }

    /// A TLS connection to `address`, with `protocols` to choose from.
    pub async fn connect(
        &self,
        address: SocketAddr,
        protocols: &[&str],
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder =
            ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let mut config = builder.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        let stream = TcpStream::connect(address).await?;
        TlsConnector::from(Arc::new(config)).connect(ServerName::try_from(HOST).unwrap(), stream).await
    }
}
