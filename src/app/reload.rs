//! What a running server makes of another configuration.

use std::path::Path;

use tracing::{info, warn};

use super::App;
use crate::files::Changes;
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
        loop {
            let others = now.web.files();
            let mut changes = Changes::of(others.into_iter().chain([file]));
            changes.next().await;
            match read() {
                Ok(new) => {
                    if let Err(error) = self.reload(&new) {
                        warn!(%error, "the new rules about who may watch are not taken; the old ones hold");
                    }
                    let later = needs_restart(&now, &new);
                    if !later.is_empty() {
                        warn!(
                            changed = later.join(", "),
                            "changed in the configuration, and taken at the next start"
                        );
                    }
                    now = new;
                }
                Err(error) => warn!("the new configuration is not taken, the old one holds: {error}"),
            }
        }
    }

    /// Goes by other rules about who may watch from now on: whoever would be let in no more is put out, everybody else
    /// notices nothing. All else in the settings is left for the next start.
    ///
    /// # Errors
    /// Keys cannot be read, or a listener that others can reach would be without rules; everything stays as it was.
    pub fn reload(&self, settings: &Settings) -> Result<(), web::StartError> {
        if self.web.reload(&settings.web)? {
            info!("there are new rules about who may watch");
        }
        Ok(())
    }
}
