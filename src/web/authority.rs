//! A certificate of one's own, for networks where nobody gives out any (`server.tls.self_signed`).
//!
//! An authority is made once and kept in a file; phones are told to trust that one. With it, a certificate for all the
//! names and addresses of this machine is made at each start, so that a new address needs no new trust.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use aws_lc_rs::digest;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, PublicKeyData, SanType, date_time_ymd,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::tls::TlsError;

/// Apple's systems take none that is good for more than 825 days.
const LIFE: Duration = Duration::from_secs(820 * 24 * 3600);
/// Clocks of phones may be behind.
const BEFORE: Duration = Duration::from_secs(24 * 3600);
/// The authority's life in years.
const AUTHORITY_YEARS: i32 = 10;

/// A certificate of our own.
pub struct Own {
    /// The certificate, and that of the authority.
    pub chain: Vec<CertificateDer<'static>>,
    /// Its key.
    pub key: PrivateKeyDer<'static>,
}

impl Own {
    /// Makes a certificate with the authority in `file`, which is made if it is not there.
    ///
    /// # Errors
    /// The file cannot be read, written or understood.
    pub fn new(file: &Path, now: SystemTime) -> Result<Self, TlsError> {
        let authority = match fs::read(file) {
            Ok(pem) => read(file, &pem)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => make(file, now)?,
            Err(cause) => return Err(TlsError::Authority { file: file.to_owned(), cause }),
        };
        issue(authority, now).map_err(|cause| failed(file, cause))
    }
}

/// SHA-256 of a certificate, as browsers and phones show it.
pub fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    let hash = digest::digest(&digest::SHA256, certificate);
    hash.as_ref().iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}

type Authority = (CertificateDer<'static>, KeyPair);

fn failed(file: &Path, cause: impl std::error::Error + Send + Sync + 'static) -> TlsError {
    TlsError::Authority { file: file.to_owned(), cause: io::Error::other(cause) }
}

fn read(file: &Path, pem: &[u8]) -> Result<Authority, TlsError> {
    let certificate = CertificateDer::from_pem_slice(pem).map_err(|cause| failed(file, cause))?;
    let key = PrivateKeyDer::from_pem_slice(pem).map_err(|cause| failed(file, cause))?;
    Ok((certificate, KeyPair::try_from(key.secret_der()).map_err(|cause| failed(file, cause))?))
}

fn make(file: &Path, now: SystemTime) -> Result<Authority, TlsError> {
    let key = KeyPair::generate().map_err(|cause| failed(file, cause))?;
    let mut params = CertificateParams::default();
    params.distinguished_name = name(&key);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let (year, month, day) = date(now - BEFORE);
    params.not_before = date_time_ymd(year, month, day);
    // Not every year has a 29th of February.
    params.not_after = date_time_ymd(year + AUTHORITY_YEARS, month, day.min(28));
    let certificate = params.self_signed(&key).map_err(|cause| failed(file, cause))?;
    let text = certificate.pem() + &key.serialize_pem();
    let written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    written
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|cause| TlsError::Authority { file: file.to_owned(), cause })?;
    Ok((certificate.der().clone(), key))
}

fn issue((authority, authority_key): Authority, now: SystemTime) -> Result<Own, rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::default();
    let names = names();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, names.first().map_or("belvedere", String::as_str));
    for name in names {
        params.subject_alt_names.push(SanType::DnsName(name.try_into()?));
    }
    params.subject_alt_names.extend(addresses().into_iter().map(SanType::IpAddress));
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    let ((year, month, day), (end_year, end_month, end_day)) = (date(now - BEFORE), date(now + LIFE));
    params.not_before = date_time_ymd(year, month, day);
    params.not_after = date_time_ymd(end_year, end_month, end_day);
    let mut issuer = CertificateParams::default();
    issuer.distinguished_name = name(&authority_key);
    let certificate = params.signed_by(&key, &Issuer::new(issuer, authority_key))?;
    let chain = vec![certificate.der().clone(), authority];
    Ok(Own { chain, key: PrivatePkcs8KeyDer::from(key.serialize_der()).into() })
}

/// The authority's name. Two machines have two: it follows from the key.
fn name(key: &KeyPair) -> DistinguishedName {
    let hash = digest::digest(&digest::SHA256, key.der_bytes());
    let id: String = hash.as_ref().iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, format!("Belvedere {id}"));
    name
}

/// Names under which this machine may be asked for; its own first.
fn names() -> Vec<String> {
    let own = rustix::system::uname().nodename().to_string_lossy().trim().to_ascii_lowercase();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-.".contains(c);
    let mut names = Vec::new();
    if !own.is_empty() && own.chars().all(plain) {
        names.push(own.clone());
        // As phones and desktops find it in the local network.
        if !own.contains('.') && own != "localhost" {
            names.push(format!("{own}.local"));
        }
    }
    if own != "localhost" {
        names.push("localhost".to_owned());
    }
    names
}

/// The addresses of this machine, those of loopback too.
fn addresses() -> BTreeSet<IpAddr> {
    let found = if_addrs::get_if_addrs().unwrap_or_default();
    let loopback = [IpAddr::from([127, 0, 0, 1]), IpAddr::from(std::net::Ipv6Addr::LOCALHOST)];
    found.iter().map(if_addrs::Interface::ip).chain(loopback).collect()
}

fn date(time: SystemTime) -> (i32, u8, u8) {
    let timestamp = jiff::Timestamp::try_from(time).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let date = timestamp.to_zoned(jiff::tz::TimeZone::UTC).date();
    (date.year().into(), date.month().unsigned_abs(), date.day().unsigned_abs())
}
