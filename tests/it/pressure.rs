//! Clients that mean no good, and a viewer that does not notice.

mod clients;
mod floods;
pub mod frames;
mod idle;
