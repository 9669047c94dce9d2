//! TLS for the listener that faces browsers directly: HTTP/2 by ALPN, which iPhones want for low latency.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::{Ticketer, default_provider};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::authority::Own;
use super::options::{Identity, TlsOptions};
use crate::clock;
use crate::files::Changes;

/// Why TLS cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A PEM file cannot be used.
    #[error("{file}: {cause}", file = .file.display())]
    Pem {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        cause: rustls::pki_types::pem::Error,
    },
    /// There is no certificate in the file.
    #[error("{file}: no certificate in it", file = .file.display())]
    Empty {
        /// The file.
        file: PathBuf,
    },
    /// Certificate and key do not fit, or are of a kind that is not supported.
    #[error("the certificate {file} and its key cannot be used: {cause}", file = .file.display())]
    Unusable {
        /// The certificate's file.
        file: PathBuf,
        /// What is wrong.
        cause: rustls::Error,
    },
    /// The authority of self-signed certificates cannot be made or read.
    #[error("{file}: the authority of self_signed certificates cannot be used: {cause}", file = .file.display())]
    Authority {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        cause: io::Error,
    },
}

/// The certificate that is shown at the moment; connections keep the one that they began with.
#[derive(Debug)]
struct Shown(RwLock<Arc<CertifiedKey>>);

impl Shown {
    fn get(&self) -> Arc<CertifiedKey> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, key: CertifiedKey) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(key);
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.get())
    }
}

/// TLS as one listener speaks it.
pub struct Tls {
    /// Takes handshakes.
    pub acceptor: TlsAcceptor,
    /// The authority to trust, if it is our own.
    pub authority: Option<CertificateDer<'static>>,
    shown: Arc<Shown>,
    identity: Identity,
}

impl Tls {
    /// Reads certificate and key, and offers HTTP/2 and HTTP/1.1 over TLS 1.2 and 1.3, with sessions that can be resumed.
    ///
    /// # Errors
    /// A file cannot be read, or the two do not fit together.
    pub fn new(options: &TlsOptions) -> Result<Self, TlsError> {
        let key = load(&options.identity)?;
        let file = options.identity.file();
        let unusable = |cause| TlsError::Unusable { file: file.to_owned(), cause };
        let authority = match options.identity {
            Identity::SelfSigned { .. } => key.cert.last().cloned(),
            Identity::Files { .. } => None,
        };
        let shown = Arc::new(Shown(RwLock::new(Arc::new(key))));
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(unusable)?
            .with_no_client_auth()
            .with_cert_resolver(shown.clone());
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        // Nothing is kept for those who may come back, however many they are: they carry it.
        config.ticketer = Ticketer::new().map_err(unusable)?;
        let identity = options.identity.clone();
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), authority, shown, identity })
    }

    /// Reads the files again when they change, and on SIGHUP, until `stop`. What cannot be used is told, and what was
    /// shown before stays.
    pub async fn keep_fresh(self, stop: CancellationToken) {
        let files = match &self.identity {
            Identity::Files { cert, key } => vec![cert.as_path(), key],
            Identity::SelfSigned { .. } => Vec::new(),
        };
        let mut changes = Changes::of(files);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = changes.next() => {}
            }
            match load(&self.identity) {
                Ok(key) if key.cert == self.shown.get().cert => {}
                Ok(key) => {
                    self.shown.set(key);
                    info!("a new certificate is shown");
                }
                Err(error) => warn!(%error, "the certificate is not replaced"),
            }
        }
    }
}

fn load(identity: &Identity) -> Result<CertifiedKey, TlsError> {
    let (chain, key) = match identity {
        Identity::Files { cert, key } => read(cert, key)?,
        Identity::SelfSigned { file } => {
            let own = Own::new(file, clock::now().wall)?;
            (own.chain, own.key)
        }
    };
    CertifiedKey::from_der(chain, key, &default_provider())
        .map_err(|cause| TlsError::Unusable { file: identity.file().to_owned(), cause })
}

fn read(cert: &Path, key: &Path) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), TlsError> {
    let pem = |file: &Path| {
        let file = file.to_owned();
        move |cause| TlsError::Pem { file, cause }
    };
    let chain = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(pem(cert))?;
    if chain.is_empty() {
        return Err(TlsError::Empty { file: cert.to_owned() });
    }
    Ok((chain, PrivateKeyDer::from_pem_file(key).map_err(pem(key))?))
}
