//! Where one can connect: several addresses, Unix sockets, sockets of systemd's, and behind the PROXY protocol.

mod activation;
mod guarded;
mod proxied;
mod unix;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::support::soon;

/// Asks over a connection that is open already; all that comes back, which may be nothing.
async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin, request: &[u8]) -> String {
    // Whoever is turned away may find out while it still speaks.
    let _ = stream.write_all(request).await;
    let mut answer = Vec::new();
    let _ = soon("an answer, or the end", stream.read_to_end(&mut answer)).await;
    String::from_utf8_lossy(&answer).into_owned()
}

/// A request of HTTP/1.1 after which the connection ends.
fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: cams.example.org\r\nConnection: close\r\n\r\n")
}
