//! What a running server makes of another configuration.

use std::path::Path;

use tracing::{info, warn};

use super::{App, service};
use crate::files::{Changes, Once};
use crate::settings::{LoadError, Settings, needs_restart};
use crate::web;

impl App {
    /// Goes by what `read` gives whenever `file` changes, or SIGHUP comes. What cannot be read is told, and everything
    /// stays as it was. Goes on until `end`, and returns what that comes to.
    pub async fn follow<T>(
        &self,
        file: Option<&Path>,
        read: impl Fn() -> Result<Settings, LoadError>,
        end: impl Future<Output = T>,
    ) -> T {
        tokio::select! {
            () = self.follow_file(file, read) => unreachable!("it never ends"),
            end = end => end,
        }
    }

    async fn follow_file(&self, file: Option<&Path>, read: impl Fn() -> Result<Settings, LoadError>) {
        // Without a file there is nothing to read again.
        let Some(file) = file else { return std::future::pending().await };
        let mut now = self.settings.clone();
        let watch = |settings: &Settings| Changes::of(settings.web.files().into_iter().chain([file]));
        let (mut changes, mut told, mut told_later) = (watch(&now), Once::default(), Once::default());
        loop {
            changes.next().await;
            service::reloading();
            match read() {
                Ok(new) => {
                    let wrong = self.reload(&new).err().map(|error| error.to_string()).unwrap_or_default();
                    if told.is_news(&wrong) && !wrong.is_empty() {
                        warn!(
                            error = wrong,
                            "the new rules about who may watch are not taken; the old ones hold"
                        );
                    }
                    // Against what runs, not against what was read last: changes may be taken back.
                    let later = needs_restart(&self.settings, &new).join(", ");
                    if told_later.is_news(&later) && !later.is_empty() {
                        warn!(changed = later, "changed in the configuration, and taken at the next start");
                    }
                    // What changes while it is read is not lost, as it would be with a new watch each time.
                    if now.web.files() != new.web.files() {
                        changes = watch(&new);
                    }
                    now = new;
                }
                Err(error) => {
                    let wrong = error.to_string();
                    if told.is_news(&wrong) {
                        warn!("the new configuration is not taken, the old one holds: {wrong}");
                    }
                }
            }
            service::ready();
        }
    }

    /// Goes by other rules about who may watch from now on: whoever would be let in no more is put out, everybody else
    /// notices nothing. All else in the settings is left for the next start.
    ///
    /// # Errors
    /// Keys cannot be read, or the server would be without rules, though nothing says that it may; everything stays as it
    /// was.
    pub fn reload(&self, settings: &Settings) -> Result<(), web::StartError> {
        if self.web.reload(&settings.web)? {
            info!("there are new rules about who may watch");
        }
        Ok(())
    }
}
