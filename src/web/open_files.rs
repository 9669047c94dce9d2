//! How many files, and so connections, this process may have open.

use rustix::process::{Resource, getrlimit, setrlimit};
use tracing::info;

/// Files beside connections: cameras, listeners, what is being read.
const OTHERS: u64 = 1000;

/// Asks the system for as many as it gives without asking further: most shells and services give 1024 until somebody
/// does. Tells if that is not enough for the connections that are allowed.
pub fn raise(connections: usize) {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    let files = match setrlimit(Resource::Nofile, limit) {
        Ok(()) => limit.maximum,
        Err(_) => getrlimit(Resource::Nofile).current,
    };
    if let Some(files) = files.filter(|files| *files < connections as u64 + OTHERS) {
        info!(files, connections, "more connections are allowed (limits.connections) than files may be open");
    }
}
