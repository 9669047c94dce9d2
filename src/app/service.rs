//! What a service manager is told (sd_notify(3)); nothing where there is none.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

/// It serves now.
pub fn ready() {
    tell(&[NotifyState::Ready]);
}

/// It reads its configuration again; [`ready`] follows.
pub fn reloading() {
    // systemd from 253 on wants to know when that began.
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => warn!(%error, "the service manager cannot be told"),
    }
}

/// It is about to end.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Says that it is alive, as often as it is asked to (`WatchdogSec=`), until `stop`: a program whose tasks do not run
/// does not say so, and is started anew.
pub async fn keep_watch(stop: CancellationToken) {
    let Some(limit) = sd_notify::watchdog_enabled() else { return };
    debug!(?limit, "somebody watches over this");
    loop {
        tell(&[NotifyState::Watchdog]);
        // Twice as often as needed (sd_watchdog_enabled(3)), but not without end.
        let pause = (limit / 2).max(Duration::from_millis(10));
        if tokio::time::timeout(pause, stop.cancelled()).await.is_ok() {
            return;
        }
    }
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        warn!(%error, "the service manager cannot be told");
    }
}
