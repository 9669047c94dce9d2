//! What segments are dated by.

use std::sync::Arc;

use crate::live::dates::MOST_OVERLAP;
use crate::live::model::Segment;
use crate::media::Ticks;

/// What a segment that starts at `start` is dated by: for the first of a stretch its own first frame, for the
/// others the durations since. Frames themselves may be later for a while, where the decode line lags.
pub(super) fn date(last: Option<&Arc<Segment>>, stretch: u64, start: Ticks, presentation: Ticks) -> Ticks {
    match last {
        Some(last) if last.stretch == stretch => last.presentation + (start - last.start),
        Some(last) => presentation.max(last.presentation + last.duration - MOST_OVERLAP),
        None => presentation,
    }
}
