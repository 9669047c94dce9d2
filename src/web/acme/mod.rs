//! Certificates from an authority that gives them out by itself (ACME, RFC 8555), as Let's Encrypt does
//! (`server.tls.acme`). That a name is ours is proved on the TLS listener (`tls-alpn-01`, RFC 8737): no other port is
//! needed, and no web server.
//!
//! What was got is kept in a folder, and asked for again when a third of its life is left. Whatever goes wrong is told,
//! and what was there stays.

mod client;
mod order;
mod store;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use url::Url;

pub use order::AcmeError;
pub use store::Store;

use super::tls::Shown;
use crate::clock;

/// What a client says that wants to see the proof (RFC 8737, 4).
pub const PROTOCOL: &[u8] = b"acme-tls/1";
/// The directory of Let's Encrypt.
pub const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";
/// An authority takes its time; longer than this it has forgotten us.
const ATTEMPT: Duration = Duration::from_secs(300);
/// How often the clock is looked at: a machine may sleep.
const LOOK: Duration = Duration::from_secs(12 * 3600);
/// The first pause where nobody answered.
const UNREACHABLE: Duration = Duration::from_secs(10);
/// The first pause where we were refused: authorities count that, and shut their doors after five in an hour.
const REFUSED: Duration = Duration::from_secs(120);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(6 * 3600);

/// Whom to ask, and for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acme {
    /// The names in the certificate (`domains`).
    pub domains: Vec<String>,
    /// Where the authority may write to (`contact`).
    pub contact: Option<String>,
    /// The authority (`directory`).
    pub directory: Url,
    /// PEM file with the certificate that the authority's own server is known by (`ca`), beside those that browsers know.
    pub ca: Option<PathBuf>,
    /// Where account and certificate are kept (`folder`).
    pub folder: PathBuf,
}

/// Gets a certificate whenever there is none, or one that ends soon, until `stop`.
pub async fn keep(options: Acme, shown: Arc<Shown>, stop: CancellationToken) {
    let keeping = async {
        let mut failures = 0;
        loop {
            let wait = match next(&options, &shown).await {
                Ok(wait) => {
                    failures = 0;
                    wait.min(LOOK)
                }
                Err(error) => {
                    let pause = pause(&error, failures);
                    failures += 1;
                    warn!("no new certificate: {error}; next try in {pause:?}");
                    pause
                }
            };
            tokio::time::sleep(wait).await;
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = keeping => {}
    }
}

/// Gets a certificate if it is time; how long until it is.
async fn next(options: &Acme, shown: &Arc<Shown>) -> Result<Duration, AcmeError> {
    let store = Store::new(&options.folder);
    let now = clock::now().wall;
    if let Some(kept) = store.certificate()? {
        let left = kept.renew_at().duration_since(now).unwrap_or_default();
        if kept.is_for(&options.domains) && !left.is_zero() {
            return Ok(left);
        }
    }
    info!(names = options.domains.join(", "), directory = %options.directory, "asking for a certificate");
    let pem =
        timeout(ATTEMPT, order::obtain(options, &store, shown)).await.map_err(|_| AcmeError::TooSlow)??;
    let kept = store.read_as_kept(pem.as_bytes())?;
    let left = kept.renew_at().duration_since(now).unwrap_or_default();
    shown.set(kept.key);
    info!("a new certificate is shown");
    // Authorities give few of them: one that cannot be kept is good until the next start.
    if let Err(error) = store.keep_certificate(&pem) {
        warn!("the new certificate cannot be kept: {error}");
    }
    // One that is old before it is shown would be asked for without end.
    Ok(left.max(Duration::from_secs(1)))
}

fn pause(error: &AcmeError, failures: u32) -> Duration {
    let first = if error.is_refusal() { REFUSED } else { UNREACHABLE };
    first.saturating_mul(2_u32.saturating_pow(failures)).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_an_authority_that_refuses_is_asked_at_most_five_times_an_hour() {
        let refused = AcmeError::Refused("no".to_owned());
        let mut asked_after = Duration::ZERO;
        let in_an_hour = (0..).take_while(|failures| {
            let before = asked_after;
            asked_after += pause(&refused, *failures);
            before < Duration::from_secs(3600)
        });
        assert!(in_an_hour.count() <= 5, "the first try among them");
        assert_eq!(pause(&AcmeError::TooSlow, 0), UNREACHABLE);
        assert_eq!(pause(&refused, 1000), LONGEST);
    }
}
