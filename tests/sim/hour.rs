//! An hour in the life of a camera.
