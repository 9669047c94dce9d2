//! What `probe` does.

use std::time::Duration;

use super::ProbeArgs;
use crate::ingest::Source;
use crate::ingest::error::Failure;
use crate::probe;
use crate::settings::{Place, Problem, SourceArg, duration};

/// How long a look may take: less tells nothing, more is monitoring.
const SPAN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(600));

/// One camera to look at.
#[derive(Clone, Debug)]
pub struct Look {
    source: Source,
    span: Duration,
    json: bool,
}

impl Look {
    /// What the arguments ask for.
    pub(super) fn new(args: ProbeArgs) -> Result<Self, Problem> {
        let ProbeArgs { url, username, password_file, span, udp, insecure, tls_ca, json } = args;
        let source = SourceArg { url, username, password_file, udp, insecure, tls_ca }.source()?;
        let place = Place::Argument { name: "--for".to_owned() };
        let span = duration(&span, SPAN.0, SPAN.1).map_err(|text| Problem { place, text })?;
        Ok(Self { source, span, json })
    }

    /// Looks, and says what is seen, with a line end at its end. Needs a tokio runtime.
    ///
    /// # Errors
    /// The camera cannot be watched; the sentence holds no URL and no password.
    pub async fn run(&self) -> Result<String, Failure> {
        let report = probe::watch(&self.source, self.span).await?;
        if !self.json {
            return Ok(report.to_string());
        }
        let text = serde_json::to_string_pretty(&report).expect("strings and finite numbers are always JSON");
        Ok(text + "\n")
    }
}
