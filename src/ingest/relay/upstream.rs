//! The connection to the camera itself, plain or over TLS.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use url::{Host, Url};

use crate::ingest::error::{Failure, Step};
use crate::ingest::options::Trust;

/// The ports of RTSP (RFC 2326, 3.2) and of RTSP over TLS (IANA's registry).
pub const DEFAULT_PORT: u16 = 554;
const DEFAULT_TLS_PORT: u16 = 322;

/// Whatever carries RTSP.
pub trait Carrier: AsyncRead + AsyncWrite + Send + Sync + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Carrier for T {}

/// An open connection.
pub struct Upstream {
    /// To the camera.
    pub stream: Box<dyn Carrier>,
    /// Our end of it.
    pub local: SocketAddr,
    /// The camera's end.
    pub peer: SocketAddr,
}

impl Upstream {
    /// Sends all of it.
    ///
    /// # Errors
    /// The connection is broken, or the camera takes nothing for `limit`.
    pub async fn send(&mut self, bytes: &[u8], limit: Duration) -> Result<(), Failure> {
        let sending = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        match timeout(limit, sending).await {
            Ok(sent) => sent.map_err(|error| Failure::Broken { why: error.to_string() }),
            Err(_) => Err(Failure::Broken { why: "the camera takes nothing of what it is sent".into() }),
        }
    }
}

/// The port that a URL means.
pub fn port(url: &Url) -> u16 {
    url.port().unwrap_or(if url.scheme() == "rtsps" { DEFAULT_TLS_PORT } else { DEFAULT_PORT })
}

/// Connects to the host of `url`.
///
/// # Errors
/// It is no RTSP URL, nobody answers within `limit`, or the certificate is not to be trusted.
pub async fn connect(url: &Url, trust: &Trust, limit: Duration) -> Result<Upstream, Failure> {
    let silent = Failure::TimedOut { step: Step::Connecting, after: limit };
    let tcp = timeout(limit, tcp(url)).await.map_err(|_| silent)??;
    let unreachable = |error: io::Error| Failure::Unreachable { why: error.to_string() };
    tcp.set_nodelay(true).map_err(unreachable)?;
    let (local, peer) = (tcp.local_addr().map_err(unreachable)?, tcp.peer_addr().map_err(unreachable)?);
    if url.scheme() != "rtsps" {
        return Ok(Upstream { stream: Box::new(tcp), local, peer });
    }
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let name = ServerName::try_from(host.to_owned()).map_err(|_| Failure::BadUrl)?;
    let config = shared(trust).map_err(|error| Failure::Tls { why: error.to_string() })?;
    let handshake = TlsConnector::from(config).connect(name, tcp);
    match timeout(limit, handshake).await {
        Ok(Ok(stream)) => Ok(Upstream { stream: Box::new(stream), local, peer }),
        Ok(Err(error)) => Err(Failure::Tls { why: error.to_string() }),
        Err(_) => Err(Failure::TimedOut { step: Step::Tls, after: limit }),
    }
}

async fn tcp(url: &Url) -> Result<TcpStream, Failure> {
    let port = port(url);
    let connected = match url.host() {
        Some(Host::Domain(name)) => TcpStream::connect((name, port)).await,
        Some(Host::Ipv4(ip)) => TcpStream::connect((ip, port)).await,
        Some(Host::Ipv6(ip)) => TcpStream::connect((ip, port)).await,
        None => return Err(Failure::BadUrl),
    };
    connected.map_err(|error| match error.kind() {
        io::ErrorKind::ConnectionRefused => Failure::Refused,
        _ => Failure::Unreachable { why: error.to_string() },
    })
}

/// What all cameras that are trusted alike have in common: the roots of the web alone are some hundred KiB.
fn shared(trust: &Trust) -> Result<Arc<ClientConfig>, rustls::Error> {
    static WEB_ROOTS: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    static INSECURE: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    let place = match trust {
        Trust::WebRoots => &WEB_ROOTS,
        Trust::Insecure => &INSECURE,
        Trust::Roots(_) => return config(trust).map(Arc::new),
    };
    match place.get() {
        Some(made) => Ok(made.clone()),
        None => {
            let made = Arc::new(config(trust)?);
            Ok(place.get_or_init(|| made).clone())
        }
    }
}

fn config(trust: &Trust) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
    let known = match trust {
        Trust::Insecure => Known::Anyone,
        Trust::Roots(certificates) => Known::listed(certificates.clone(), provider.clone())?,
        Trust::WebRoots => {
            let roots = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
            return Ok(builder.with_root_certificates(roots).with_no_client_auth());
        }
    };
    let verifier = Arc::new(Verifier { known, provider });
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

/// Who may be a camera where the web's authorities know none.
#[derive(Debug)]
enum Known {
    /// Anybody: encrypted, but nobody knows with whom (`tls = "insecure"`).
    Anyone,
    /// Who shows a listed certificate itself, or one that a listed one has signed ([`Trust::Roots`]).
    ///
    /// The usual rules take no authority's certificate for a camera's own, though that is what `openssl req -x509` and
    /// many cameras make, and want a host's name and a date: what is listed byte by byte is known without.
    Listed { certificates: Arc<[CertificateDer<'static>]>, signed: Arc<WebPkiServerVerifier> },
}

impl Known {
    fn listed(
        certificates: Arc<[CertificateDer<'static>]>,
        provider: Arc<CryptoProvider>,
    ) -> Result<Self, rustls::Error> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates.iter() {
            roots.add(certificate.clone())?;
        }
        let signed = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
        let signed = signed.map_err(|error| rustls::Error::General(error.to_string()))?;
        Ok(Self::Listed { certificates, signed })
    }
}

/// Verifies that the camera is [`Known`], and that it holds the key of what it shows.
#[derive(Debug)]
struct Verifier {
    known: Known,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Known::Listed { certificates, signed } = &self.known else {
            return Ok(ServerCertVerified::assertion());
        };
        if !certificates.contains(shown) {
            return signed.verify_server_cert(shown, between, name, ocsp, now);
        }
        match verify_server_name(&ParsedCertificate::try_from(shown)?, name) {
            Err(rustls::Error::InvalidCertificate(CertificateError::NotValidForNameContext {
                presented,
                ..
            })) if presented.is_empty() => Ok(ServerCertVerified::assertion()),
            named => named.map(|()| ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
