//! `files`: tells when files change.
//!
//! Belongs here: watching, SIGHUP, which says that they did, and telling once what reading them came to ([`Once`]).
//! Does not belong here: what is in them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;
use tokio::time::timeout;
use tracing::warn;

/// Files that belong together are written one after the other: this long after the last change they are read.
const SETTLED_AFTER: Duration = Duration::from_millis(500);
/// In a folder where something always changes, they are read after so many changes.
const MOST_CHANGES: usize = 10;

/// Something that is told once, however often it is found: what is written in a log beside the files would be a change
/// of its own, without end.
#[derive(Default)]
pub struct Once(String);

impl Once {
    /// True if that is news.
    pub fn is_news(&mut self, text: &str) -> bool {
        let news = self.0 != text;
        text.clone_into(&mut self.0);
        news
    }
}

/// Changes of some files.
pub struct Changes {
    changed: Arc<Notify>,
    hangup: Option<Signal>,
    /// Watches as long as it is there.
    _watcher: Option<RecommendedWatcher>,
}

impl Changes {
    /// Watches the folders of `files`, and of what they link to, since files are often replaced and not written; other
    /// files in there may be taken for them. Where that cannot be done, it is told, and SIGHUP is left.
    pub fn of<'f>(files: impl IntoIterator<Item = &'f Path>) -> Self {
        let changed = Arc::new(Notify::new());
        let watcher = watch(files, changed.clone())
            .inspect_err(|error| warn!(%error, "files cannot be watched; SIGHUP tells of their changes"));
        Self { changed, hangup: signal(SignalKind::hangup()).ok(), _watcher: watcher.ok() }
    }

    /// Waits for the next change.
    pub async fn next(&mut self) {
        let told = async {
            match &mut self.hangup {
                Some(hangup) => drop(hangup.recv().await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = told => {}
            () = self.changed.notified() => {
                for _ in 0..MOST_CHANGES {
                    if timeout(SETTLED_AFTER, self.changed.notified()).await.is_err() {
                        break;
                    }
                }
            }
        }
    }
}

fn watch<'f>(
    files: impl IntoIterator<Item = &'f Path>,
    changed: Arc<Notify>,
) -> notify::Result<RecommendedWatcher> {
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // Reading them is no change, and would be one without end.
        if event.is_ok_and(|event| !event.kind.is_access()) {
            changed.notify_one();
        }
    })?;
    let mut folders = Vec::new();
    for file in files {
        folders.push(folder(file));
        // What a link leads to changes elsewhere.
        folders.extend(std::fs::canonicalize(file).ok().map(|file| folder(&file)));
    }
    folders.sort();
    folders.dedup();
    for folder in folders {
        watcher.watch(&folder, RecursiveMode::NonRecursive)?;
    }
    Ok(watcher)
}

fn folder(file: &Path) -> PathBuf {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_behind_a_link_changes_too() {
        let [near, far] = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
        let (link, file) = (near.path().join("cert.pem"), far.path().join("archived.pem"));
        std::fs::write(&file, "old").expect("a file");
        std::os::unix::fs::symlink(&file, &link).expect("a link");
        let mut changes = Changes::of([link.as_path()]);
        std::fs::write(&file, "new").expect("it is written");
        timeout(Duration::from_secs(20), changes.next()).await.expect("it is noticed");
    }

    #[test]
    fn the_same_is_news_once_and_again_after_something_else() {
        let mut once = Once::default();
        let told = ["a", "a", "b", "", "b"].map(|text| once.is_news(text));
        assert_eq!(told, [true, false, true, true, true]);
        assert!(!Once::default().is_news(""), "nothing is no news");
    }
}
