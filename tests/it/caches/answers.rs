//! What a cache makes of our answers.
