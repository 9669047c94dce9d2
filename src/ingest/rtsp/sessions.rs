//! Sessions by the host that holds them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use retina::client::SessionGroup;
use tokio::time::timeout;
use url::Url;

use crate::ingest::logins::Logins;
use crate::ingest::relay;

/// What all connections to cameras have in common. One for the whole process.
#[derive(Debug, Default)]
pub struct Sessions {
    /// The sessions that may still be alive on the cameras' side, by URL. Those of other streams of the same host are
    /// no reason to wait: a recorder has many, and tells when it has no room.
    groups: Mutex<HashMap<Url, Weak<SessionGroup>>>,
    /// Which passwords are good.
    pub logins: Logins,
}

impl Sessions {
    /// The sessions with the stream at `url`.
    pub fn group(&self, url: &Url) -> Group {
        let host = url.host_str().unwrap_or_default().to_owned();
        let port = relay::port(url);
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        groups.retain(|_, group| group.strong_count() > 0);
        let known = groups.get(url).and_then(Weak::upgrade);
        Group(known.unwrap_or_else(|| {
            let group = Arc::new(SessionGroup::default().named(format!("{host}:{port}")));
            groups.insert(url.clone(), Arc::downgrade(&group));
            group
        }))
    }
}

/// The sessions with one stream.
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

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::poll;

    use super::*;

    #[tokio::test]
    async fn a_dead_session_of_one_channel_is_no_reason_for_another_to_wait() {
        let sessions = Sessions::default();
        let group = |channel: u8| {
            let url = format!("rtsp://10.0.0.7/Streaming/Channels/{channel}01");
            sessions.group(&Url::parse(&url).expect("a URL"))
        };
        let (first, again, other) = (group(1), group(1), group(2));
        assert!(Arc::ptr_eq(&first.0, &again.0), "one stream has one group");
        assert!(!Arc::ptr_eq(&first.0, &other.0), "and another has its own");
        assert!(poll!(pin!(other.settle(Duration::from_secs(60)))).is_ready());
    }
}
