//! What a rendition's source is doing, in words for people and for programs.

use std::fmt;
use std::time::{Duration, Instant};

/// What the source of a rendition is doing now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// At rest: nobody watches a camera on demand, or it was not started yet.
    Idle,
    /// Switched off in the configuration.
    Disabled,
    /// Connecting, or connected and waiting for the first picture.
    Connecting,
    /// Frames arrive.
    Live,
    /// Connected, but no frame came for longer than `ingest.stall_timeout`.
    Stalled,
    /// Lost; the next attempt comes after this pause.
    Retrying(Duration),
    /// The camera refused the credentials; attempts go on.
    Unauthorized(Duration),
    /// The camera sends something that cannot be served; attempts go on.
    Unsupported(Duration),
    /// Stopped for good: the camera was removed or the process ends.
    Ended,
}

impl State {
    /// One word, as the API and the socket say it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Disabled => "disabled",
            Self::Connecting => "connecting",
            Self::Live => "live",
            Self::Stalled => "stalled",
            Self::Retrying(_) => "retrying",
            Self::Unauthorized(_) => "unauthorized",
            Self::Unsupported(_) => "unsupported",
            Self::Ended => "ended",
        }
    }
}

impl State {
    /// True while it is known that nothing comes: what connects for the first time may yet deliver.
    pub fn is_lost(&self) -> bool {
        matches!(self, Self::Stalled | Self::Retrying(_) | Self::Unauthorized(_) | Self::Unsupported(_))
    }

    /// How long the pause before the next attempt is, counted from when it began.
    pub fn pause(&self) -> Option<Duration> {
        match self {
            Self::Retrying(pause) | Self::Unauthorized(pause) | Self::Unsupported(pause) => Some(*pause),
            _ => None,
        }
    }
}

/// A state and why, in a sentence without secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// What the source does.
    pub state: State,
    /// Why, for a person; empty when there is nothing to explain.
    pub reason: String,
    /// When the next attempt comes, where one is waited for.
    pub until: Option<Instant>,
}

impl Status {
    /// A state that explains itself.
    pub fn plain(state: State) -> Self {
        Self::because(state, String::new())
    }

    /// A state with its reason.
    pub fn because(state: State, reason: impl Into<String>) -> Self {
        Self { state, reason: reason.into(), until: None }
    }

    /// With the time of the next attempt.
    #[must_use]
    pub fn until(self, attempt: Instant) -> Self {
        Self { until: Some(attempt), ..self }
    }

    /// Seconds that are left at `now` until the next attempt, where one is waited for.
    pub fn retry_in(&self, now: Instant) -> Option<f64> {
        let left = self.until?.saturating_duration_since(now).as_secs_f64();
        Some((left * 10.0).round() / 10.0)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.state.word())?;
        if let Some(pause) = self.state.pause() {
            write!(f, ", next attempt in {:.1} s", pause.as_secs_f64())?;
        }
        // Reasons are read without their state, too: some begin with its word.
        let same = self.reason.strip_prefix(self.state.word()).and_then(|rest| rest.strip_prefix(": "));
        let reason = same.filter(|_| self.state.pause().is_none()).unwrap_or(&self.reason);
        if !reason.is_empty() {
            write!(f, ": {reason}")?;
        }
        Ok(())
    }
}
