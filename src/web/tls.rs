//! TLS for the listener that faces browsers directly: HTTP/2 by ALPN, which iPhones want for low latency.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use super::TlsOptions;

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
}

/// Reads certificate and key, and offers HTTP/2 and HTTP/1.1 over TLS 1.2 and 1.3.
///
/// # Errors
/// A file cannot be read, or the two do not fit together.
pub fn acceptor(options: &TlsOptions) -> Result<TlsAcceptor, TlsError> {
    let pem = |file: &Path| {
        let file = file.to_owned();
        move |cause| TlsError::Pem { file, cause }
    };
    let chain = CertificateDer::pem_file_iter(&options.cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(pem(&options.cert))?;
    if chain.is_empty() {
        return Err(TlsError::Empty { file: options.cert.clone() });
    }
    let key = PrivateKeyDer::from_pem_file(&options.key).map_err(pem(&options.key))?;
    let unusable = |cause| TlsError::Unusable { file: options.cert.clone(), cause };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(unusable)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
