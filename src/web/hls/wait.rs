//! Waiting for what a playlist does not show yet.

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{Either, pending, select, select_all};
use hyper::StatusCode;
use tokio::time::timeout;

use super::{late, seconds, stood_in_for};
use crate::hls::{Reload, Want, decide};
use crate::live::{Camera, Rendition, Tip};
use crate::media::TrackKind;
use crate::web::answer::{Answer, error};

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waited {
    /// What was waited for is there, or nothing will come any more.
    Come,
    /// It took too long.
    Late,
    /// The rendition is down, and another one stands in for it.
    StandIn,
}

/// Waits until `fact` holds of the rendition's lists, as long as there is reason to.
pub(super) async fn wait(
    camera: &Camera,
    rendition: &Rendition,
    track: TrackKind,
    patience: Duration,
    fact: impl FnMut(&Tip) -> bool,
) -> Waited {
    let come = std::pin::pin!(timeout(patience, rendition.channel.until(fact)));
    // In this order: a stand-in is the better answer to who waits in vain.
    match select(std::pin::pin!(stand_in(camera, rendition, track)), come).await {
        Either::Left(((), _)) => Waited::StandIn,
        Either::Right((Ok(_), _)) => Waited::Come,
        Either::Right((Err(_), _)) => Waited::Late,
    }
}

/// Ends when the rendition is down, and another one has gone on without it. Its sound goes on with the other one's.
async fn stand_in(camera: &Camera, rendition: &Rendition, track: TrackKind) {
    if camera.renditions.len() < 2 || track == TrackKind::Audio && camera.keeps_sound(rendition) {
        return pending().await;
    }
    let mut statuses: Vec<_> = camera.renditions.iter().map(|one| one.channel.statuses()).collect();
    loop {
        let gone = rendition.channel.tip();
        let going_on = camera.stand_ins(rendition).map(|one| {
            one.channel.until(move |tip| tip.stands_in_for(&gone)).map(|found| found.is_ok()).boxed()
        });
        // Who lives may have changed.
        let changes = statuses.iter_mut().map(|status| status.changed().map(|_| false).boxed());
        if select_all(going_on.chain(changes)).await.0 {
            return;
        }
    }
}

/// Waits until the playlist shows what is wanted; the answer if it cannot.
pub(super) async fn reload(
    camera: &Camera,
    rendition: &Rendition,
    track: TrackKind,
    want: Want,
    target_duration: u32,
) -> Option<Answer> {
    let channel = &rendition.channel;
    let part_target = channel.part_target(track).unwrap_or_default();
    // A list that has ended is all there is (RFC 8216bis 6.2.5.2).
    if channel.tip().closed {
        return None;
    }
    let decision = |tip: &Tip| tip.line(track).map_or(Reload::Wait, |line| decide(line, part_target, want));
    match decision(&channel.tip()) {
        Reload::Serve => return None,
        Reload::Reject => {
            return Some(error(StatusCode::BAD_REQUEST, "that segment or part is too far in the future"));
        }
        Reload::Wait => {}
    }
    // Three target durations (RFC 8216bis 6.2.5.2).
    let patience = seconds(target_duration * 3);
    match wait(camera, rendition, track, patience, |tip| decision(tip) != Reload::Wait).await {
        // A closed channel ends its list, which is what the directives are ignored for.
        Waited::Come => None,
        Waited::Late => Some(late()),
        Waited::StandIn => Some(stood_in_for(rendition)),
    }
}
