//! Sessions by the host that holds them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use retina::client::SessionGroup;
use tokio::time::timeout;
use url::Url;

use crate::ingest::relay;

/// The cameras' sessions that may still be alive on their side, by host and port. One for the
/// whole process: renditions of one camera share its few sessions.
#[derive(Debug, Default)]
pub struct Sessions(Mutex<HashMap<(String, u16), Weak<SessionGroup>>>);

impl Sessions {
    /// The sessions with the host of `url`.
    pub fn group(&self, url: &Url) -> Group {
        let host = url.host_str().unwrap_or_default().to_owned();
        let port = relay::port(url);
        let mut groups = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        groups.retain(|_, group| group.strong_count() > 0);
        let known = groups.get(&(host.clone(), port)).and_then(Weak::upgrade);
        Group(known.unwrap_or_else(|| {
            let group = Arc::new(SessionGroup::default().named(format!("{host}:{port}")));
            groups.insert((host, port), Arc::downgrade(&group));
            group
        }))
    }
}

/// The sessions with one host.
#[derive(Clone)]
pub struct Group(pub(super) Arc<SessionGroup>);

impl Group {
    /// Waits until sessions that were left behind are gone, `cap` at most: cameras that still
    /// hold one may refuse another.
    pub async fn settle(&self, cap: Duration) {
        let stale = self.0.stale_sessions();
        if stale.num_sessions > 0 && timeout(cap, self.0.await_stale_sessions(&stale)).await.is_err() {
            tracing::debug!(host = self.0.name(), left = stale.num_sessions, "stale sessions remain");
        }
    }

    /// Waits until TEARDOWN was answered for all sessions that ended, `cap` at most.
    pub async fn teardown(&self, cap: Duration) {
        match timeout(cap, self.0.await_teardown()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(host = self.0.name(), %error, "TEARDOWN failed"),
            Err(_) => tracing::debug!(host = self.0.name(), "TEARDOWN was not answered in time"),
        }
    }
}
