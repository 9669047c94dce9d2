//! What segments are dated by.

use std::sync::Arc;

use crate::live::model::Segment;
use crate::media::Ticks;
use crate::media::time::TICKS_PER_SECOND;

/// Dates before and after a discontinuity may overlap by less than a second (RFC 8216bis 6.2.1).
const MOST_OVERLAP: Ticks = Ticks(TICKS_PER_SECOND as i64 * 9 / 10);

/// What a segment that starts at `start` is dated by: for the first of a stretch its own first frame, for the
/// others the durations since. Frames themselves may be later for a while, where the decode line lags.
pub(super) fn date(last: Option<&Arc<Segment>>, stretch: u64, start: Ticks, presentation: Ticks) -> Ticks {
    match last {
        Some(last) if last.stretch == stretch => last.presentation + (start - last.start),
        Some(last) => presentation.max(last.presentation + last.duration - MOST_OVERLAP),
        None => presentation,
    }
}
