//! Access links: signed tokens that expire (JWT, RFC 7519), ours and those of others.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::options::{Jwks, Key, Rules};
use super::rights::Grant;

/// Longest token that is looked at, in bytes.
pub const LONGEST: usize = 4096;

/// What a token says. Times are seconds since 1970.
#[derive(Serialize, Deserialize)]
struct Claims {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sub: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    iat: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nbf: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exp: Option<f64>,
    #[serde(flatten)]
    grant: Grant,
}

/// A token that is good now.
#[derive(Clone, Debug, PartialEq)]
pub struct Verified {
    /// What it allows.
    pub grant: Grant,
    /// When it ends.
    pub until: SystemTime,
    /// Whom it was made for, if it says so.
    pub subject: Option<String>,
}

/// Why a token is no good. The text shows nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is no token, or none of a key that is known here.
    #[error("that is not a token of this server")]
    Unknown,
    /// Its signature is wrong, or it is not meant for here.
    #[error("that token is not valid here")]
    Invalid,
    /// Its time is over.
    #[error("that token has expired")]
    Expired,
    /// Its time has not come.
    #[error("that token is not valid yet")]
    Early,
    /// It never ends.
    #[error("that token has no end, and only those that have one are taken")]
    Endless,
}

/// Why keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The key set cannot be read.
    #[error("cannot read the keys in {}: {cause}", .file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The file holds no key set.
    #[error("{}: no JSON Web Key Set (RFC 7517): {cause}", .file.display())]
    NoSet {
        /// The file.
        file: PathBuf,
        /// Why.
        cause: serde_json::Error,
    },
    /// There is no key in the set that can be used.
    #[error("{}: no key in it that can be used", .file.display())]
    NoKey {
        /// The file.
        file: PathBuf,
    },
}

/// One key of somebody else.
struct Foreign {
    id: Option<String>,
    key: DecodingKey,
    validation: Validation,
}

/// All keys that tokens may be signed with.
pub struct KeyRing {
    own: Vec<(String, DecodingKey)>,
    foreign: Vec<Foreign>,
    /// The text of the key set of others, to tell whether there is another.
    pub jwks: Option<Vec<u8>>,
}

impl KeyRing {
    /// The keys that the rules name.
    ///
    /// # Errors
    /// The key set of others cannot be used.
    pub fn new(rules: &Rules) -> Result<Self, KeyError> {
        let own = rules
            .keys
            .iter()
            .map(|key| (key.id.clone(), DecodingKey::from_secret(key.secret.expose_secret().as_bytes())));
        let (foreign, jwks) = rules.jwks.as_ref().map(read).transpose()?.unzip();
        Ok(Self { own: own.collect(), foreign: foreign.unwrap_or_default(), jwks })
    }

    /// What a token allows at the time `now`.
    ///
    /// # Errors
    /// It is no good.
    pub fn verify(&self, token: &str, now: SystemTime) -> Result<Verified, TokenError> {
        if token.len() > LONGEST {
            return Err(TokenError::Unknown);
        }
        let header = decode_header(token).map_err(|_| TokenError::Unknown)?;
        let kid = header.kid.as_deref();
        let own = self.own.iter().find(|(id, _)| Some(id.as_str()) == kid);
        let mut administers = true;
        let mut claims: Claims = match own.filter(|_| header.alg == Algorithm::HS256) {
            Some((_, key)) => decode(token, key, &validation(vec![Algorithm::HS256])),
            None => {
                let known = |foreign: &&Foreign| {
                    foreign.id.as_deref() == kid && foreign.validation.algorithms.contains(&header.alg)
                };
                let foreign = self.foreign.iter().find(known).ok_or(TokenError::Unknown)?;
                administers = foreign.validation.validate_aud;
                decode(token, &foreign.key, &foreign.validation)
            }
        }
        .map_err(|_| TokenError::Invalid)?
        .claims;
        // A token that was made for whatever else goes by those keys is no administrator's here.
        claims.grant.admin &= administers;
        let until = claims.exp.ok_or(TokenError::Endless)?;
        let until = instant(until).ok_or(TokenError::Invalid)?;
        if until <= now {
            return Err(TokenError::Expired);
        }
        if claims.nbf.is_some_and(|begin| instant(begin).is_none_or(|begin| begin > now)) {
            return Err(TokenError::Early);
        }
        Ok(Verified { grant: claims.grant, until, subject: claims.sub })
    }
}

/// Signs a token with the first key.
///
/// # Errors
/// There is no key.
pub fn mint(
    keys: &[Key],
    grant: Grant,
    subject: Option<String>,
    now: SystemTime,
    life: Duration,
) -> Result<SecretString, NoKey> {
    let key = keys.first().ok_or(NoKey)?;
    let claims =
        Claims { sub: subject, iat: Some(seconds(now)), nbf: None, exp: Some(seconds(now + life)), grant };
    let header = Header { kid: Some(key.id.clone()), ..Header::new(Algorithm::HS256) };
    let secret = EncodingKey::from_secret(key.secret.expose_secret().as_bytes());
    encode(&header, &claims, &secret).map(SecretString::from).map_err(|_| NoKey)
}

/// There is no key to sign with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no key to sign with: write one under [auth.keys] in the configuration")]
pub struct NoKey;

fn seconds(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() as f64
}

fn instant(seconds: f64) -> Option<SystemTime> {
    Duration::try_from_secs_f64(seconds).ok().and_then(|since| UNIX_EPOCH.checked_add(since))
}

/// Checks signatures alone: times are checked by us, against the one clock that everything here goes by.
fn validation(algorithms: Vec<Algorithm>) -> Validation {
    let mut validation = Validation::new(algorithms.first().copied().unwrap_or_default());
    validation.algorithms = algorithms;
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation
}

fn read(jwks: &Jwks) -> Result<(Vec<Foreign>, Vec<u8>), KeyError> {
    let file = || jwks.file.clone();
    let text = fs::read(&jwks.file).map_err(|cause| KeyError::Read { file: file(), cause })?;
    let set: JwkSet =
        serde_json::from_slice(&text).map_err(|cause| KeyError::NoSet { file: file(), cause })?;
    let keys: Vec<_> = set.keys.iter().filter_map(|key| foreign(key, jwks)).collect();
    if keys.is_empty() { Err(KeyError::NoKey { file: file() }) } else { Ok((keys, text)) }
}

/// A key with the algorithms that it is for: a token must never choose how its own signature is read.
fn foreign(jwk: &Jwk, jwks: &Jwks) -> Option<Foreign> {
    use Algorithm::{ES256, ES384, EdDSA, HS256, HS384, HS512, PS256, PS384, PS512, RS256, RS384, RS512};
    let mut algorithms = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => vec![RS256, RS384, RS512, PS256, PS384, PS512],
        AlgorithmParameters::EllipticCurve(curve) => match curve.curve {
            EllipticCurve::P256 => vec![ES256],
            EllipticCurve::P384 => vec![ES384],
            _ => return None,
        },
        AlgorithmParameters::OctetKeyPair(_) => vec![EdDSA],
        AlgorithmParameters::OctetKey(_) => vec![HS256, HS384, HS512],
        _ => return None,
    };
    if let Some(only) = jwk.common.key_algorithm {
        let only = only.to_string().parse::<Algorithm>().ok()?;
        algorithms.retain(|algorithm| *algorithm == only);
    }
    if algorithms.is_empty() {
        return None;
    }
    let mut validation = validation(algorithms);
    if let Some(issuer) = &jwks.issuer {
        validation.set_issuer(&[issuer]);
        validation.required_spec_claims.insert("iss".to_owned());
    }
    if let Some(audience) = &jwks.audience {
        validation.validate_aud = true;
        validation.set_audience(&[audience]);
        validation.required_spec_claims.insert("aud".to_owned());
    }
    Some(Foreign { id: jwk.common.key_id.clone(), key: DecodingKey::from_jwk(jwk).ok()?, validation })
}
