//! Cameras on bad days, and what viewers notice of it.

mod breaks;
mod locked;
mod lost;
mod night;
mod refused;
mod slips;
mod sound;
mod stand_in;
mod time;
mod told;

pub use self::lost::Watch;
