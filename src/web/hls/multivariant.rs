//! Multivariant playlists: which renditions stand in one, and what is measured of them.

use std::sync::Arc;
use std::time::Duration;

use hyper::header::HeaderMap;
use tokio::time::timeout;

use super::{Hls, not_delivering, seconds, target_duration};
use crate::hls::{List, Sound, Variant, multivariant};
use crate::live::targets::segment_limit;
use crate::live::{Camera, Channel, Closed, Epoch, Rendition, State};
use crate::media::AudioTrack;
use crate::web::answer::{Answer, Cache};
use crate::web::rendered::Rendered;

/// How long the multivariant playlist waits for renditions that connect, once one is there.
const GRACE: Duration = Duration::from_millis(500);

/// What the text depends on.
#[derive(PartialEq, Eq, Hash)]
pub(super) struct Key {
    list: List,
    /// True for the list of one rendition alone, whose URIs are others.
    alone: bool,
    target_duration: u32,
    listed: Vec<Written>,
}

/// A state of a rendition that is written down. Bit rates and frame rates change with every picture: they are
/// measured anew with each segment, and before the first of them each time.
#[derive(PartialEq, Eq, Hash)]
struct Written {
    channel: u64,
    epoch: u32,
    segments: u64,
    sound_segments: Option<u64>,
    first_chunks: u64,
}

impl Written {
    fn of(channel: &Channel, epoch: &Epoch) -> Self {
        let tip = channel.tip();
        Self {
            channel: channel.id(),
            epoch: epoch.number,
            segments: tip.video.open_msn,
            sound_segments: tip.audio.map(|audio| audio.open_msn),
            first_chunks: if tip.video.finished { 0 } else { tip.next_chunk },
        }
    }
}

impl Hls {
    /// The multivariant playlist, as soon as a rendition is known: the default one, and those that
    /// are proved to show the same instant at the same time. The others have a list of their own.
    pub async fn multivariant(&self, camera: &Camera, list: List, headers: &HeaderMap) -> Answer {
        let any = async {
            let waits = camera.renditions.iter().map(|rendition| Box::pin(first_chunk(&rendition.channel)));
            let _ = futures_util::future::select_all(waits).await;
        };
        let all = async {
            for rendition in &camera.renditions {
                let _ = first_chunk(&rendition.channel).await;
            }
        };
        if camera.renditions.iter().all(|one| one.channel.status().state == State::Disabled) {
            return not_delivering(camera);
        }
        if timeout(self.options.start_timeout, any).await.is_ok() {
            let _ = timeout(GRACE, all).await;
        }
        // Who comes now is not sent to what is dead, as long as anything lives.
        let live = |one: &Rendition| one.channel.status().state == State::Live;
        let any_live = camera.renditions.iter().any(live);
        let listed = |one: &&Rendition| one.channel.epoch().is_some() && (live(one) || !any_live);
        let mut known = camera.renditions.iter().filter(listed);
        let Some(first) = known.next() else { return not_delivering(camera) };
        let aligned = known.filter(|one| camera.is_aligned(first) && camera.is_aligned(one));
        let listed: Vec<_> = std::iter::once(first).chain(aligned).collect();
        self.write(camera, &listed, list, false).answer(headers, cache(camera))
    }

    /// The multivariant playlist with one rendition alone.
    pub async fn one_variant(
        &self,
        camera: &Camera,
        rendition: &Rendition,
        list: List,
        headers: &HeaderMap,
    ) -> Answer {
        let _ = timeout(self.options.start_timeout, first_chunk(&rendition.channel)).await;
        if rendition.channel.epoch().is_none() {
            return not_delivering(camera);
        }
        self.write(camera, &[rendition], list, true).answer(headers, cache(camera))
    }

    /// The playlist of `listed`, which show the same at the same time, the default first: written once for all who
    /// ask until something of it changes.
    fn write(&self, camera: &Camera, listed: &[&Rendition], list: List, alone: bool) -> Arc<Rendered> {
        let known = listed.iter().filter_map(|one| Some((*one, one.channel.epoch()?)));
        let known: Vec<(&Rendition, Arc<Epoch>)> = known.collect();
        // The promise itself waits for the first media playlist, by when more is known of the camera.
        let target_duration = target_duration(camera);
        let written = known.iter().map(|(one, epoch)| Written::of(&one.channel, epoch)).collect();
        let key = Key { list, alone, target_duration, listed: written };
        self.playlists.get_with(super::Key::Multivariant(key), || {
            Arc::new(Rendered::new(render(&known, list, alone, target_duration)))
        })
    }
}

fn cache(camera: &Camera) -> Cache {
    Cache::For(seconds(target_duration(camera)) / 2)
}

async fn first_chunk(channel: &Channel) -> Result<(), Closed> {
    let mut tips = channel.chunk_tips();
    tips.wait_for(|tip| tip.next_chunk > 0 || tip.closed).await.map(|_| ()).map_err(|_| Closed)
}

fn render(known: &[(&Rendition, Arc<Epoch>)], list: List, alone: bool, target_duration: u32) -> String {
    let folder = |one: &Rendition| if alone { String::new() } else { format!("{}/", one.name) };
    let independent = known.iter().all(|(one, _)| {
        let measured = one.channel.measured();
        let gop = measured.longest_gop;
        measured.independent && gop.0 > 0 && gop <= segment_limit(target_duration)
    });
    let heard = heard(known);
    let variants = known.iter().map(|(one, epoch)| {
        let (rates, own_sound) = (one.channel.bit_rates(), one.channel.sound_bit_rates());
        let sound_rates = heard.as_ref().map(|(from, _)| from.channel.sound_bit_rates()).unwrap_or_default();
        let with_sound = |all: u64, own: u64, heard: u64| (all.saturating_sub(own) + heard).max(1);
        Variant {
            folder: folder(one),
            video: epoch.tracks.video.clone(),
            // Somewhat more than was seen: the measured peak must stay under it.
            peak: with_sound(rates.peak, own_sound.peak, sound_rates.peak) * 11 / 10,
            average: with_sound(rates.average, own_sound.average, sound_rates.average),
            frame_rate: one.channel.frame_rate(),
            sound: heard.as_ref().map(|(from, audio)| Sound {
                name: from.name.clone(),
                folder: folder(from),
                audio: Arc::clone(audio),
                list,
            }),
            list,
        }
    });
    multivariant::render(&variants.collect::<Vec<_>>(), independent)
}

/// The sound that plays along with all renditions, and whose it is: that of the first that has any. A player that
/// changes the picture keeps it, and it goes on where its own rendition goes away
/// ([`Camera::keeps_sound`](crate::live::Camera::keeps_sound)).
fn heard<'a>(known: &[(&'a Rendition, Arc<Epoch>)]) -> Option<(&'a Rendition, Arc<AudioTrack>)> {
    known.iter().find_map(|(one, epoch)| Some((*one, epoch.tracks.audio.clone()?)))
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use http_body_util::BodyExt;

    use super::*;
    use crate::hls::Options;
    use crate::live::testing::FakeCamera;

    fn hls() -> Hls {
        Hls::new(Options::default())
    }

    fn written(hls: &Hls, camera: &FakeCamera, list: List, alone: bool) -> Arc<Rendered> {
        hls.write(&camera.camera, &[&camera.camera.renditions[0]], list, alone)
    }

    #[test]
    fn all_who_ask_share_one_text_until_a_segment_ends() {
        let (hls, mut camera) = (hls(), FakeCamera::silent(50));
        camera.play(60);
        let first = written(&hls, &camera, List::Live, false);
        camera.play(20);
        assert!(
            Arc::ptr_eq(&first, &written(&hls, &camera, List::Live, false)),
            "parts change nothing of it"
        );
        camera.play(30);
        let next = written(&hls, &camera, List::Live, false);
        assert!(!Arc::ptr_eq(&first, &next), "another segment, other bit rates");
        assert!(Arc::ptr_eq(&next, &written(&hls, &camera, List::Live, false)));
    }

    #[test]
    fn what_differs_is_written_for_itself() {
        let (hls, mut camera) = (hls(), FakeCamera::silent(50));
        camera.play(60);
        let texts = [(List::Live, false), (List::Dvr, false), (List::Live, true), (List::Dvr, true)];
        let texts = texts.map(|(list, alone)| written(&hls, &camera, list, alone));
        for (index, text) in texts.iter().enumerate() {
            assert!(texts[..index].iter().all(|other| !Arc::ptr_eq(text, other)));
        }
        let mut other = FakeCamera::silent(50);
        other.play(60);
        assert!(!Arc::ptr_eq(&texts[0], &written(&hls, &other, List::Live, false)), "another camera");
    }

    #[test]
    fn segments_are_said_to_be_independent_only_where_all_of_them_are() {
        let independent = |gop: u64| {
            let (hls, mut camera) = (hls(), FakeCamera::silent(gop));
            camera.play(60);
            camera.camera.promise();
            camera.play(600);
            let text = written(&hls, &camera, List::Live, false);
            let answer = text.answer(&HeaderMap::new(), Cache::Never);
            let body =
                answer.into_body().collect().now_or_never().expect("it is all there").expect("cannot fail");
            String::from_utf8(body.to_bytes().to_vec())
                .expect("text")
                .contains("#EXT-X-INDEPENDENT-SEGMENTS\n")
        };
        assert!(independent(50), "key frames every two seconds");
        assert!(!independent(10_000), "a GOP that was cut");
    }

    #[test]
    fn before_the_first_segment_every_picture_tells_more() {
        let (hls, mut camera) = (hls(), FakeCamera::silent(50));
        camera.play(5);
        let first = written(&hls, &camera, List::Live, false);
        assert!(Arc::ptr_eq(&first, &written(&hls, &camera, List::Live, false)));
        camera.play(1);
        assert!(!Arc::ptr_eq(&first, &written(&hls, &camera, List::Live, false)));
    }
}
