//! Belvedere behind caches of other makes, with the sample configurations in `config/`.

mod answers;
pub mod crowd;
mod whose;
