//! What tells the program to end.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGTERM and SIGINT, kept from the moment on that this is made.
#[derive(Debug)]
pub struct EndSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl EndSignals {
    /// Listens from now on. Where the configuration may be read again (`reloads`), SIGHUP is no end from now on either,
    /// even before anybody waits for it.
    ///
    /// Fails where the system does not let signals be caught.
    pub fn listen(reloads: bool) -> std::io::Result<Self> {
        if reloads {
            // Once caught, it stays so for the life of the process.
            drop(signal(SignalKind::hangup())?);
        }
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// The next of them, which may have come already.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => (),
            _ = self.interrupt.recv() => (),
        }
    }
}
