//! Belvedere: an HLS and MSE edge server for IP cameras.
//!
//! # Words
//! A **frame** is one encoded picture, or one unit of sound, with its times. A **chunk** is one
//! frame (or a short run of sound) as `moof` and `mdat`, built once. A **part** is some chunks, a
//! **segment** is parts from a sync sample on, an **epoch** a stretch with one init segment, and a
//! **run** one life of a channel, whose id stands in every media URI.
//!
//! # The way of a frame
//! ```text
//! ingest   RTSP session (through a relay for TLS, redirects, UDP) -> depacketize: packets to access units
//!          -> timeline (one clock a camera) -> pace (decode times) -> Frame
//! live     muxer: Frame -> Chunk, the only muxing ever -> window: parts, segments, the ring -> wake
//! hls      decide: answer, wait or refuse; render: a snapshot as text
//! mse      feed: a cursor into the ring -> messages; auto: which rendition
//! mp4      the same media as one file without an end, that begins at zero
//! web      listener, TLS -> access: who may watch -> requests and sockets: send the ring's own bytes
//! ```
//!
//! # Floors
//! A room knows lower floors and itself, never a neighbour: `ingest` and `web` meet only in `live`.
//!
//! | floor | rooms |
//! | --- | --- |
//! | 6 | [`cli`] |
//! | 5 | [`app`] |
//! | 4 | [`settings`], [`demo`], [`probe`] |
//! | 3 | [`ingest`], [`web`] |
//! | 2 | [`hls`], [`mse`], [`mp4`] |
//! | 1 | [`live`] |
//! | 0 | [`media`], [`stats`], [`causes`], [`clock`], [`files`], [`rtp`] |

pub mod app;
pub mod causes;
pub mod cli;
pub mod clock;
pub mod demo;
pub mod files;
pub mod hls;
pub mod ingest;
pub mod live;
pub mod media;
pub mod mp4;
pub mod mse;
pub mod probe;
pub mod rtp;
pub mod settings;
pub mod stats;
pub mod web;
