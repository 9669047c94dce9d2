//! Who stands in for a rendition that is down, and for how long.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::select_all;

use super::catalog::{Camera, Rendition};
use super::state::State;
use crate::media::silence;

impl Camera {
    /// The renditions that a player may turn to while `rendition` is down: those that live and show the same at the
    /// same time. Whether they have gone on for long enough is told by [`stands_in_for`](super::Tip::stands_in_for).
    pub fn stand_ins<'a>(&'a self, rendition: &Rendition) -> impl Iterator<Item = &'a Rendition> {
        let down = rendition.channel.is_down() && self.is_aligned(rendition);
        let lives = move |other: &&Rendition| {
            down && other.channel.status().state == State::Live && self.is_aligned(other)
        };
        self.renditions.iter().filter(lives)
    }

    /// True where the sound of `rendition` goes on while another one stands in for it.
    pub fn keeps_sound(&self, rendition: &Rendition) -> bool {
        let epoch = rendition.channel.epoch();
        let Some(track) = epoch.as_ref().and_then(|epoch| epoch.tracks.audio.as_ref()) else { return false };
        let others = || self.renditions.iter().filter(|other| other.name != rendition.name);
        silence::frame(track).is_some() || others().any(|other| other.channel.window().sounds_like(track))
    }

    /// Lets the sound of all renditions that are down come as far as that of those who stand in for them.
    pub fn stand_in(&self) {
        for rendition in self.renditions.iter().filter(|one| one.channel.is_down()) {
            let gone = rendition.channel.tip();
            let able = |other: &&Rendition| other.channel.tip().stands_in_for(&gone);
            if self.keeps_sound(rendition)
                && let Some(other) = self.stand_ins(rendition).find(able)
            {
                rendition.channel.stand_in(&other.channel);
            }
        }
    }
}

/// Has renditions of `camera` stand in for each other whenever one is down. Never ends.
pub async fn stand_by(camera: Arc<Camera>) {
    let mut statuses: Vec<_> = camera.renditions.iter().map(|one| one.channel.statuses()).collect();
    loop {
        let changes = statuses.iter_mut().map(|status| status.changed().map(drop).boxed());
        // Chunks tell nothing that matters while none is down.
        let down = camera.renditions.iter().any(|one| one.channel.is_down());
        let mut tips: Vec<_> = camera.renditions.iter().map(|one| one.channel.chunk_tips()).collect();
        camera.stand_in();
        let news = tips.iter_mut().filter(|_| down).map(|tips| tips.changed().map(drop).boxed());
        select_all(changes.chain(news)).await;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::live::testing::FakeCamera;
    use crate::live::{Options, Snapshot, Status};
    use crate::media::track::testing;
    use crate::media::{Ticks, TrackKind, Tracks};

    const SECOND: i64 = 90_000;

    /// A camera whose main rendition went away after ten seconds and a fraction, and whose other one went on for
    /// `seconds` more.
    fn half_gone(sub: Tracks, seconds: u64) -> (FakeCamera, FakeCamera, Camera) {
        let (mut main, mut sub, camera) = FakeCamera::pair(50, testing::tracks(), sub);
        for _ in 0..265 {
            main.play(1);
            sub.play(1);
        }
        camera.promise();
        main.publisher.set_status(Status::plain(State::Stalled));
        for _ in 0..seconds * 25 {
            sub.play(1);
            camera.stand_in();
        }
        (main, sub, camera)
    }

    fn sound(camera: &FakeCamera) -> Snapshot {
        camera.channel.snapshot(TrackKind::Audio).expect("sound")
    }

    /// Where a list has come to.
    fn end(snapshot: &Snapshot) -> Ticks {
        let open = snapshot
            .open
            .as_ref()
            .filter(|open| !open.parts.is_empty())
            .map(|open| open.start + Ticks(open.parts.iter().map(|part| part.duration.0).sum()));
        let finished = snapshot.segments.last().map(|last| last.start + last.duration);
        open.or(finished).expect("something is listed")
    }

    /// Segments follow one another without a hole, and hold parts that are not too long.
    fn check(snapshot: &Snapshot) {
        for pair in snapshot.segments.windows(2) {
            let hole = pair[1].start - (pair[0].start + pair[0].duration);
            assert_eq!(hole.0, 0, "before segment {}", pair[1].msn);
            assert_eq!(pair[1].msn, pair[0].msn + 1);
        }
        for segment in &snapshot.segments {
            assert!(!segment.gap, "segment {} is a gap", segment.msn);
            assert!(segment.duration.0 <= i64::from(snapshot.targets.duration) * SECOND + SECOND / 2);
            assert!(segment.parts.iter().all(|part| part.duration <= snapshot.part_target));
            let chunks = segment.parts.iter().flat_map(|part| &part.chunks);
            assert!(chunks.into_iter().all(|chunk| chunk.epoch.number == segment.epoch.number));
        }
    }

    #[test]
    fn sound_goes_on_with_that_of_the_other_rendition_or_with_silence() {
        for sub in [testing::tracks(), testing::video_only()] {
            let loud = sub.audio.is_some();
            let (main, sub, _camera) = half_gone(sub, 20);
            let heard = sound(&main);
            check(&heard);
            let pictures = sub.channel.snapshot(TrackKind::Video).expect("pictures");
            let behind = end(&pictures) - end(&heard);
            assert!(behind <= heard.part_target, "{behind:?} behind the pictures");
            assert_eq!(heard.stretch, pictures.stretch, "nothing has broken");
            // Sound of the other one is the same memory, and none of it is in the ring.
            let last = heard.segments.last().expect("a segment");
            let bytes = &last.parts[0].chunks[0].bytes;
            let shared = loud
                && sound(&sub)
                    .segments
                    .iter()
                    .flat_map(|one| &one.parts)
                    .any(|part| part.chunks.iter().any(|chunk| chunk.bytes.as_ptr() == bytes.as_ptr()));
            assert_eq!(shared, loud);
            assert!(main.channel.tip().end < Ticks(12 * SECOND));
            assert!(main.channel.epoch_numbered(last.epoch.number).is_some(), "its init is there");
        }
    }

    #[test]
    fn where_two_sounds_meet_no_frame_is_missing_however_they_lie() {
        // Pictures of 40 ms and frames of 21.3: the other one's frames lie anywhere between those that are missing.
        for ahead in 1..40 {
            let (mut main, mut sub, camera) = FakeCamera::pair(50, testing::tracks(), testing::tracks());
            sub.shift_sound(ahead * 173).play(265);
            main.play(265 - ahead % 5).play_mute(ahead % 5 + ahead / 5);
            camera.promise();
            main.publisher.set_status(Status::plain(State::Stalled));
            for _ in 0..250 {
                sub.play(1);
                camera.stand_in();
            }
            let heard = sound(&main);
            let good = heard.segments.iter().skip_while(|one| one.start < Ticks(258 * 3_600));
            let chunks: Vec<_> = good.flat_map(|one| &one.parts).flat_map(|part| &part.chunks).collect();
            assert!(chunks.len() > 100);
            for pair in chunks.windows(2) {
                assert_eq!(pair[1].start, pair[0].end, "{ahead} pictures ahead");
            }
            check(&heard);
        }
    }

    #[test]
    fn gaps_keep_the_place_in_the_list_of_pictures_and_end_with_the_sound() {
        let (main, ..) = half_gone(testing::video_only(), 20);
        let (pictures, heard) = (main.channel.snapshot(TrackKind::Video).expect("pictures"), sound(&main));
        assert_eq!(pictures.open_msn, heard.open_msn);
        for (picture, heard) in pictures.segments.iter().zip(&heard.segments) {
            assert_eq!((picture.msn, picture.stretch), (heard.msn, heard.stretch));
            assert_eq!(picture.gap, picture.start >= Ticks(265 * 3_600), "segment {}", picture.msn);
        }
    }

    #[test]
    fn pictures_that_come_back_begin_behind_a_discontinuity_in_both_lists() {
        let (mut main, mut sub, camera) = half_gone(testing::tracks(), 20);
        let before = sound(&main);
        main.publisher.set_status(Status::plain(State::Live));
        main.break_off(20, testing::tracks());
        for _ in 0..250 {
            main.play(1);
            sub.play(1);
            camera.stand_in();
        }
        let after = [TrackKind::Video, TrackKind::Audio].map(|track| {
            let snapshot = main.channel.snapshot(track).expect("both");
            let breaks: Vec<_> = snapshot.segments.iter().filter(|one| one.discontinuities > 0).collect();
            assert_eq!(breaks.len(), 1, "{track:?}");
            assert!(breaks[0].msn >= before.open_msn);
            let from = breaks[0].msn;
            assert!(snapshot.segments.iter().all(|one| one.msn < from || !one.gap), "all is there again");
            (from, breaks[0].stretch, snapshot.stretch)
        });
        assert_eq!(after[0], after[1]);
        assert_eq!(sub.channel.snapshot(TrackKind::Video).expect("pictures").stretch, after[0].2);
    }

    #[test]
    fn nobody_stands_in_for_what_lives_or_where_nobody_lives() {
        let (main, sub, camera) = half_gone(testing::tracks(), 0);
        let before = sound(&main).version;
        camera.stand_in();
        assert_eq!(sound(&main).version, before, "the other one has not gone on yet");
        let (main, mut sub) = (main, sub);
        sub.publisher.set_status(Status::plain(State::Stalled));
        sub.play(100);
        camera.stand_in();
        assert_eq!(sound(&main).version, before, "the other one is down too");
    }

    #[test]
    fn a_list_that_ends_meanwhile_ends_with_a_finished_segment() {
        let (main, ..) = half_gone(testing::tracks(), 5);
        assert!(sound(&main).open.is_some());
        main.publisher.close();
        let heard = sound(&main);
        assert!(heard.closed && heard.open.is_none());
        check(&heard);
    }

    #[test]
    fn a_hole_of_a_week_is_no_more_than_lists_show() {
        let (mut main, mut sub, camera) = FakeCamera::pair(50, testing::tracks(), testing::tracks());
        main.play(265);
        sub.play(265);
        camera.promise();
        sub.publisher.set_status(Status::plain(State::Stalled));
        main.break_off(20, testing::tracks()).play(265);
        main.publisher.set_status(Status::plain(State::Stalled));
        let before = sound(&main).open_msn;
        sub.publisher.set_status(Status::plain(State::Live));
        sub.break_off(7 * 24 * 3_600, testing::tracks());
        for _ in 0..250 {
            sub.play(1);
            camera.stand_in();
        }
        let heard = sound(&main);
        let window = main.channel.window().options().window.as_secs();
        assert!(heard.open_msn - before <= window + 10, "{} segments", heard.open_msn - before);
        let listed = i64::from(heard.targets.duration) * SECOND + SECOND / 2;
        assert!(heard.segments.iter().all(|one| one.duration.0 <= listed));
        for pair in heard.segments.windows(2) {
            assert_eq!(pair[1].start, pair[0].start + pair[0].duration, "before segment {}", pair[1].msn);
        }
        assert!(heard.segments.iter().any(|one| one.gap) && heard.segments.iter().any(|one| !one.gap));
        assert_eq!(heard.stretch, sub.channel.snapshot(TrackKind::Video).expect("pictures").stretch);
    }

    #[test]
    fn what_stands_in_counts_towards_the_budget() {
        let options =
            Options { window: Duration::from_secs(3_600), ring_bytes: 1 << 20, ..Options::default() };
        let (mut main, mut sub, camera) =
            FakeCamera::pair_with(options, 50, testing::tracks(), testing::tracks());
        main.play(265);
        sub.play(265);
        camera.promise();
        main.publisher.set_status(Status::plain(State::Stalled));
        let held = |camera: &FakeCamera| {
            let window = camera.channel.window();
            let sound = window.line(TrackKind::Audio).expect("sound").kept().flat_map(|one| &one.parts);
            let foreign =
                sound.flat_map(|part| &part.chunks).filter(|chunk| chunk.start > Ticks(266 * 3_600));
            (
                window.ring().bytes() + foreign.map(|chunk| chunk.bytes.len()).sum::<usize>(),
                window.options().ring_bytes,
            )
        };
        let mut most = 0;
        for _ in 0..2_500 {
            sub.play(1);
            camera.stand_in();
            most = most.max(held(&main).0);
        }
        let budget = held(&main).1;
        assert!(most <= budget, "{most} bytes of {budget}");
        assert!(held(&main).0 > budget / 2, "the budget is used: {} of {budget}", held(&main).0);
        check(&sound(&main));
    }

    #[test]
    fn what_stands_in_for_long_is_kept_for_no_longer_than_other_sound() {
        let (main, sub, _camera) = half_gone(testing::video_only(), 600);
        let (own, other) = (sound(&main), sub.channel.snapshot(TrackKind::Video).expect("pictures"));
        assert!(own.segments.len() <= other.segments.len() + 1, "{} segments", own.segments.len());
        check(&own);
        assert!(main.channel.join().is_some(), "there is still a picture to show");
    }
}
