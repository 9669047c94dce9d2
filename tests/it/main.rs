//! Belvedere from the outside: a running server, real sockets, and readers of other makes.
//!
//! `support` starts servers, cameras and clients and reads what comes out of them with parsers that are not ours. The
//! other modules each hold the tests of one subject. Everything listens on ports that the system chooses, waits for
//! facts and never for a length of time, and fails with a plain sentence where a program it needs is missing.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod access;
mod acme;
mod caches;
mod codecs;
mod demand;
mod described;
mod faults;
mod floors;
mod fuzz;
mod gst;
mod hls;
mod http2;
mod listeners;
mod matrix;
mod mse;
mod network;
mod players;
mod pressure;
mod probe;
mod proxies;
mod shutdown;
mod support;
mod tls;
mod transport;
