//! HTTPS to an authority: a connection a request, since there are a dozen in a month.

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderValue};
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::AcmeError;

/// Longest wait for an answer.
const TIMEOUT: Duration = Duration::from_secs(30);

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Asks an authority.
pub struct Client {
    tls: TlsConnector,
}

impl Client {
    /// One that believes those whom browsers believe, and who is in the file `ca`.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn new(ca: Option<&Path>) -> Result<Self, AcmeError> {
        let mut roots = RootCertStore::empty();
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        if let Some(file) = ca {
            let strange = |cause: Failure| AcmeError::Store(file.to_owned(), std::io::Error::other(cause));
            let all = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
            for certificate in all.map_err(|error| strange(error.into()))? {
                roots.add(certificate).map_err(|error| strange(error.into()))?;
            }
        }
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| AcmeError::Refused(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { tls: TlsConnector::from(Arc::new(config)) })
    }
}

impl HttpClient for Client {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let asking = ask(self.tls.clone(), request);
        Box::pin(async move {
            match timeout(TIMEOUT, asking).await {
                Ok(answer) => answer.map_err(Error::Other),
                Err(_) => Err(Error::Other("it does not answer in time".into())),
            }
        })
    }
}

async fn ask(tls: TlsConnector, mut request: Request<BodyWrapper<Bytes>>) -> Result<BytesResponse, Failure> {
    let uri = request.uri();
    let host = uri.host().ok_or("an address without a host")?.trim_matches(['[', ']']).to_owned();
    let authority =
        HeaderValue::try_from(uri.authority().map(|authority| authority.as_str()).unwrap_or(&host))?;
    let stream = TcpStream::connect((host.as_str(), uri.port_u16().unwrap_or(443))).await?;
    let stream = tls.connect(ServerName::try_from(host)?, stream).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let path = uri.path_and_query().map_or("/", |path| path.as_str()).parse::<Uri>()?;
    *request.uri_mut() = path;
    request.headers_mut().insert(HOST, authority);
    Ok(sender.send_request(request).await?.into())
}
