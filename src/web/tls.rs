//! TLS for the listener that faces browsers directly: HTTP/2 by ALPN, which iPhones want for low latency.

use std::collections::HashMap;
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

use super::acme::{self, AcmeError, Store};
use super::authority::Own;
use super::options::{Identity, TlsOptions};
use crate::clock;
use crate::files::{Changes, Once};

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
    /// What an authority gave cannot be read.
    #[error("what is kept of server.tls.acme cannot be used: {0}")]
    Acme(#[from] AcmeError),
    /// The authority of self-signed certificates cannot be made or read.
    #[error("{file}: the authority of self_signed certificates cannot be used: {cause}", file = .file.display())]
    Authority {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        cause: io::Error,
    },
}

/// What is shown at the moment; connections keep what they began with.
#[derive(Debug, Default)]
pub struct Shown {
    /// The certificate; an authority may not have given us one yet.
    key: RwLock<Option<Arc<CertifiedKey>>>,
    /// To an authority that asks: proofs that its names are ours.
    proofs: RwLock<HashMap<String, Arc<CertifiedKey>>>,
}

impl Shown {
    fn get(&self) -> Option<Arc<CertifiedKey>> {
        self.key.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Shows another certificate.
    pub fn set(&self, key: CertifiedKey) {
        *self.key.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(key));
    }

    /// Shows a proof to who asks for it by that name.
    pub fn prove(&self, name: String, proof: CertifiedKey) {
        self.proofs.write().unwrap_or_else(PoisonError::into_inner).insert(name, Arc::new(proof));
    }

    /// Shows no proofs any more.
    pub fn forget_proofs(&self) {
        self.proofs.write().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        if hello.alpn().is_some_and(|mut offered| offered.any(|protocol| protocol == acme::PROTOCOL)) {
            let proofs = self.proofs.read().unwrap_or_else(PoisonError::into_inner);
            return proofs.get(&hello.server_name()?.to_ascii_lowercase()).cloned();
        }
        self.get()
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
        let shown = Arc::new(Shown::default());
        let key = load(&options.identity)?;
        let file = options.identity.file();
        let unusable = |cause| TlsError::Unusable { file: file.to_owned(), cause };
        let authority = match options.identity {
            Identity::SelfSigned { .. } => key.as_ref().and_then(|key| key.cert.last().cloned()),
            Identity::Files { .. } | Identity::Acme(_) => None,
        };
        if let Some(key) = key {
            shown.set(key);
        }
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(unusable)?
            .with_no_client_auth()
            .with_cert_resolver(shown.clone());
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        if let Identity::Acme(_) = options.identity {
            config.alpn_protocols.push(acme::PROTOCOL.to_vec());
        }
        // Nothing is kept for those who may come back, however many they are: they carry it.
        config.ticketer = Ticketer::new().map_err(unusable)?;
        let identity = options.identity.clone();
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), authority, shown, identity })
    }

    /// Reads the files again when they change, and on SIGHUP, until `stop`; or has an authority renew them. What cannot
    /// be used is told, and what was shown before stays.
    pub async fn keep_fresh(self, stop: CancellationToken) {
        let files = match &self.identity {
            Identity::Files { cert, key } => vec![cert.as_path(), key],
            Identity::SelfSigned { .. } => Vec::new(),
            Identity::Acme(options) => return acme::keep(options.clone(), self.shown.clone(), stop).await,
        };
        let (mut changes, mut told) = (Changes::of(files), Once::default());
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = changes.next() => {}
            }
            let loaded = load(&self.identity);
            let wrong = loaded.as_ref().err().map(ToString::to_string).unwrap_or_default();
            let news = told.is_news(&wrong);
            match loaded {
                Ok(None) => {}
                Ok(Some(key)) if self.shown.get().is_some_and(|shown| shown.cert == key.cert) => {}
                Ok(Some(key)) => {
                    self.shown.set(key);
                    info!("a new certificate is shown");
                }
                Err(error) if news => warn!(%error, "the certificate is not replaced"),
                Err(_) => {}
            }
        }
    }
}

/// The certificate that there is.
fn load(identity: &Identity) -> Result<Option<CertifiedKey>, TlsError> {
    let (chain, key) = match identity {
        Identity::Files { cert, key } => read(cert, key)?,
        Identity::SelfSigned { file } => {
            let own = Own::new(file, clock::now().wall)?;
            (own.chain, own.key)
        }
        Identity::Acme(options) => {
            return Ok(Store::new(&options.folder).certificate()?.map(|kept| kept.key));
        }
    };
    CertifiedKey::from_der(chain, key, &default_provider())
        .map(Some)
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
