//! One certificate: asked for, proved, fetched.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use instant_acme::{
    Account, AccountCredentials, AuthorizationStatus, ChallengeType, Error, Identifier, NewAccount, NewOrder,
    OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, CustomExtension, DistinguishedName, KeyPair};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::sign::CertifiedKey;
use serde::{Deserialize, Serialize};

use super::client::Client;
use super::{Acme, Store};
use crate::causes::with_causes;
use crate::web::tls::Shown;

/// How the authority is asked whether it is done.
const PATIENCE: RetryPolicy = RetryPolicy::new().timeout(Duration::from_secs(120)).backoff(1.5);

/// What an authority says that does not know an account any more.
const NO_ACCOUNT: &str = "urn:ietf:params:acme:error:accountDoesNotExist";

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum AcmeError {
    /// What is kept cannot be read or written.
    #[error("{file}: {1}", file = .0.display())]
    Store(PathBuf, io::Error),
    /// The authority cannot be asked.
    #[error("the authority cannot be asked: {0}")]
    Unreachable(String),
    /// The authority says no.
    #[error("the authority refuses: {0}")]
    Refused(String),
    /// The authority does not take the proof that is given here.
    #[error("the authority takes no proof by tls-alpn-01 for {0}")]
    NoChallenge(String),
    /// It takes too long.
    #[error("the authority does not come to an end")]
    TooSlow,
    /// A certificate cannot be made.
    #[error("a request for a certificate cannot be made: {0}")]
    Made(#[from] rcgen::Error),
    /// A certificate of our own cannot be used.
    #[error("the proof cannot be shown: {0}")]
    Unusable(#[from] rustls::Error),
}

impl AcmeError {
    /// Whether it will be so again: somebody said no, or there is no place to keep what would come.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::NoChallenge(_) | Self::Store(..))
    }
}

impl From<Error> for AcmeError {
    fn from(error: Error) -> Self {
        match error {
            Error::Api(problem) => Self::Refused(problem.to_string()),
            Error::Timeout(_) => Self::TooSlow,
            Error::Other(cause) => Self::Unreachable(with_causes(&*cause)),
            other => Self::Unreachable(with_causes(&other)),
        }
    }
}

/// An account, and with whom.
#[derive(Serialize, Deserialize)]
struct Kept {
    directory: String,
    account: AccountCredentials,
}

/// Gets a certificate for the names of the options: its chain and its key, as PEM.
///
/// # Errors
/// The authority cannot be asked, or does not find the names to be ours; or what is kept cannot be read.
pub async fn obtain(options: &Acme, store: &Store, shown: &Shown) -> Result<String, AcmeError> {
    let names: Vec<_> = options.domains.iter().cloned().map(Identifier::Dns).collect();
    let new = NewOrder::new(&names);
    let mut order = match account(options, store).await?.new_order(&new).await {
        // Authorities may forget who has not come for long (RFC 8555, 6.7).
        Err(Error::Api(problem)) if problem.r#type.as_deref() == Some(NO_ACCOUNT) => {
            store.forget_account()?;
            account(options, store).await?.new_order(&new).await?
        }
        order => order?,
    };
    // They are taken away however this ends.
    let _proofs = Proofs(shown);
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        if authorization.status == AuthorizationStatus::Valid {
            continue;
        }
        let name = authorization.identifier().to_string();
        let challenge = authorization.challenge(ChallengeType::TlsAlpn01);
        let mut challenge = challenge.ok_or_else(|| AcmeError::NoChallenge(name.clone()))?;
        let proof = proof(&name, challenge.key_authorization().digest().as_ref())?;
        shown.prove(name, proof);
        challenge.set_ready().await?;
    }
    match order.poll_ready(&PATIENCE).await {
        Ok(OrderStatus::Ready) => {}
        Ok(_) => return Err(AcmeError::Refused(why(&mut order, "it does not say why").await)),
        Err(Error::Api(problem)) => {
            return Err(AcmeError::Refused(why(&mut order, &problem.to_string()).await));
        }
        Err(error) => return Err(error.into()),
    }
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(options.domains.clone())?;
    params.distinguished_name = DistinguishedName::new();
    order.finalize_csr(params.serialize_request(&key)?.der()).await?;
    let chain = order.poll_certificate(&PATIENCE).await?;
    Ok(format!("{}\n{}", chain.trim_end(), key.serialize_pem()))
}

/// What the authority found wrong, name by name; `otherwise` if it says nothing of any.
async fn why(order: &mut instant_acme::Order, otherwise: &str) -> String {
    let mut reasons = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let Ok(mut authorization) = authorization else { continue };
        let name = authorization.identifier().to_string();
        let Ok(state) = authorization.refresh().await else { continue };
        let problems = state.challenges.iter().filter_map(|challenge| challenge.error.as_ref());
        reasons.extend(problems.map(|problem| format!("{name}: {problem}")));
    }
    if reasons.is_empty() { otherwise.to_owned() } else { reasons.join("; ") }
}

async fn account(options: &Acme, store: &Store) -> Result<Account, AcmeError> {
    let directory = options.directory.to_string();
    let builder =
        || Client::new(options.ca.as_deref()).map(|client| Account::builder_with_http(Box::new(client)));
    let kept = store.account()?.and_then(|text| serde_json::from_slice::<Kept>(&text).ok());
    if let Some(kept) = kept.filter(|kept| kept.directory == directory) {
        return Ok(builder()?.from_credentials(kept.account).await?);
    }
    let contact = options.contact.as_ref().map(|address| format!("mailto:{address}"));
    let contact: Vec<&str> = contact.as_deref().into_iter().collect();
    let new = NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
    let (account, credentials) = builder()?.create(&new, directory.clone(), None).await?;
    let text = serde_json::to_vec(&Kept { directory, account: credentials });
    store.keep_account(&text.map_err(|error| AcmeError::Unreachable(error.to_string()))?)?;
    Ok(account)
}

/// The certificate that proves a name to be ours (RFC 8737, 3).
fn proof(name: &str, digest: &[u8]) -> Result<CertifiedKey, AcmeError> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new([name.to_owned()])?;
    params.custom_extensions.push(CustomExtension::new_acme_identifier(digest));
    let certificate = params.self_signed(&key)?;
    let key = PrivatePkcs8KeyDer::from(key.serialize_der());
    let signer = default_provider().key_provider.load_private_key(key.into())?;
    // Not checked as other certificates are: what it must say there is critical, and none of theirs.
    Ok(CertifiedKey::new(vec![certificate.der().clone()], signer))
}

/// Proofs that are shown as long as an order lives.
struct Proofs<'a>(&'a Shown);

impl Drop for Proofs<'_> {
    fn drop(&mut self) {
        self.0.forget_proofs();
    }
}
