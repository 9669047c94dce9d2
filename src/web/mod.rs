//! `web`: listeners, TLS, routing, handlers, answers.
//!
//! Belongs here: all that needs a request or a socket.
//! Does not belong here: playlist text and rules (`hls`), what a viewer is sent (`mse`), the ring's inside.
//! Read first: `route.rs`, then `entrance.rs` (may it be had?) and `handler.rs`; `access/` says who may watch.
//! What is told of the cameras: `api.rs` (JSON), `metrics.rs` (Prometheus), `viewers.rs` (the log).
//! Connections: `listen.rs` (what can be set), `listener.rs` (opened and accepted), `proxied.rs` and `forwarded.rs` (of
//! whom a proxy says it is), `tls.rs` and `acme/` (certificates), `server.rs` (HTTP on them).
//! Bytes: `body.rs` and `streams.rs` (answers), `mse.rs` with `mse/wire.rs` and `mse/frames.rs` (sockets).

pub mod access;
mod acme;
mod answer;
mod api;
mod authority;
mod body;
mod delivery;
mod entrance;
mod forwarded;
mod handler;
mod handshake;
mod hls;
mod limits;
pub mod listen;
mod listener;
mod login;
mod metrics;
mod mp4;
mod mse;
mod open_files;
pub mod options;
mod pages;
mod proxied;
mod rendered;
mod route;
mod server;
mod streams;
mod tls;
mod viewers;
#[cfg(test)]
mod waiting_tests;

pub use acme::{Acme, LETS_ENCRYPT};
pub use limits::ConnectionLimits;
pub use listen::{Endpoint, Listen};
pub use listener::ListenError;
pub use options::{Identity, Options, TlsOptions};
pub use server::{Parts, Server, StartError};
pub use tls::TlsError;
