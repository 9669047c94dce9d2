//! The folder with the account and the certificate. Only its owner may read it.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use super::AcmeError;

/// Holds the key of the account, and whose account it is.
const ACCOUNT: &str = "account.json";
/// Holds the certificate with its chain, and its key.
const CERTIFICATE: &str = "certificate.pem";

/// What is kept between starts.
pub struct Store {
    folder: PathBuf,
}

/// A certificate that is kept.
pub struct Kept {
    /// It, and its key.
    pub key: CertifiedKey,
    names: Vec<String>,
    from: SystemTime,
    to: SystemTime,
}

impl Kept {
    /// When a third of its life is left.
    pub fn renew_at(&self) -> SystemTime {
        self.to - self.to.duration_since(self.from).unwrap_or_default() / 3
    }

    /// Whether it is for these names and no others.
    pub fn is_for(&self, names: &[String]) -> bool {
        self.names.len() == names.len() && names.iter().all(|name| self.names.contains(name))
    }
}

impl Store {
    /// In that folder, which may not be there yet.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// The account, if one was made.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn account(&self) -> Result<Option<Vec<u8>>, AcmeError> {
        self.read(ACCOUNT)
    }

    /// Keeps the account.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn keep_account(&self, text: &[u8]) -> Result<(), AcmeError> {
        self.write(ACCOUNT, text)
    }

    /// Forgets the account.
    ///
    /// # Errors
    /// It cannot be taken away.
    pub fn forget_account(&self) -> Result<(), AcmeError> {
        let file = self.folder.join(ACCOUNT);
        fs::remove_file(&file).map_err(|error| AcmeError::Store(file, error))
    }

    /// The certificate, if there is one.
    ///
    /// # Errors
    /// It cannot be read, or makes no sense.
    pub fn certificate(&self) -> Result<Option<Kept>, AcmeError> {
        self.read(CERTIFICATE)?.map(|pem| self.read_as_kept(&pem)).transpose()
    }

    /// A certificate as it would be kept.
    ///
    /// # Errors
    /// It makes no sense.
    pub fn read_as_kept(&self, pem: &[u8]) -> Result<Kept, AcmeError> {
        let strange = |cause: Box<dyn std::error::Error + Send + Sync>| {
            AcmeError::Store(self.folder.join(CERTIFICATE), io::Error::new(io::ErrorKind::InvalidData, cause))
        };
        parse(pem).map_err(strange)
    }

    /// Keeps the certificate; the old one is there until the new one is whole.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn keep_certificate(&self, pem: &str) -> Result<(), AcmeError> {
        self.write(CERTIFICATE, pem.as_bytes())
    }

    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, AcmeError> {
        let file = self.folder.join(name);
        match fs::read(&file) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(AcmeError::Store(file, error)),
        }
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), AcmeError> {
        let (file, new) = (self.folder.join(name), self.folder.join(format!("{name}.new")));
        let write = || {
            DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
            // One that was left behind may be open to others.
            match fs::remove_file(&new) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let mut out = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
            out.write_all(bytes)?;
            out.sync_all()?;
            fs::rename(&new, &file)
        };
        write().map_err(|error| AcmeError::Store(file.clone(), error))
    }
}

fn parse(pem: &[u8]) -> Result<Kept, Box<dyn std::error::Error + Send + Sync>> {
    let chain = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_slice(pem)?;
    let first = chain.first().ok_or("no certificate in it")?.clone();
    let (_, leaf) = X509Certificate::from_der(&first)?;
    let names = leaf.subject_alternative_name()?.map(|names| &names.value.general_names);
    let names = names.into_iter().flatten().filter_map(|name| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        _ => None,
    });
    let time = |seconds: i64| UNIX_EPOCH + Duration::from_secs(seconds.try_into().unwrap_or(0));
    let (from, to) = (leaf.validity().not_before, leaf.validity().not_after);
    Ok(Kept {
        names: names.collect(),
        from: time(from.timestamp()),
        to: time(to.timestamp()),
        key: CertifiedKey::from_der(chain, key, &default_provider())?,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn what_is_kept_is_whole_and_its_owners_alone() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("acme");
        let store = Store::new(&folder);
        assert!(store.certificate().unwrap().is_none() && store.account().unwrap().is_none());
        let mut params =
            rcgen::CertificateParams::new(["a.example".to_owned(), "b.example".to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2026, 1, 1);
        params.not_after = rcgen::date_time_ymd(2026, 3, 31);
        let key = rcgen::KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem() + &key.serialize_pem();
        for _ in 0..2 {
            store.keep_certificate(&pem).unwrap();
        }
        store.keep_account(b"{}").unwrap();
        let kept = store.certificate().unwrap().unwrap();
        let names = |text: &str| -> Vec<String> { text.split(' ').map(str::to_owned).collect() };
        assert!(kept.is_for(&names("b.example a.example")));
        assert!(!kept.is_for(&names("a.example")) && !kept.is_for(&names("a.example c.example")));
        // 89 days, of which 30 are left.
        let day = |day: u64| UNIX_EPOCH + Duration::from_secs(day * 24 * 3600);
        assert!(kept.renew_at() > day(20_454 + 59) && kept.renew_at() < day(20_454 + 60));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder), 0o700);
        for entry in fs::read_dir(&folder).unwrap() {
            assert_eq!(mode(&entry.unwrap().path()), 0o600);
        }
        fs::write(folder.join(CERTIFICATE), "nonsense").unwrap();
        let error = store.certificate().err().unwrap().to_string();
        assert!(error.contains("certificate.pem"), "{error}");
    }
}
