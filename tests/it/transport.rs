//! How cameras are reached: TLS, redirects, UDP, passwords, and answers that are not by the book.

mod answers;
mod brands;
mod flood;
mod lies;
mod tls;
mod udp;

pub use self::answers::{connect, source};
