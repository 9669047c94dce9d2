//! The file without an end: `ftyp` and `moov`, then each chunk as it lies in the ring, from the newest sync sample on.
//!
//! A file begins at 0: VLC plays no sound of one that begins months later, as the camera's timeline does. So each reader
//! gets each `moof`, some hundred bytes, with a time of its own, and the media as it lies in the ring. Who puts several
//! files together asks for the camera's times, and gets all as it lies there.

use std::sync::Arc;

use bytes::Bytes;

use crate::live::{Channel, Chunk, Follower, Next};
use crate::media::{Ticks, TrackKind, fmp4};

/// What reading led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Bytes, or a step towards them.
    More,
    /// Nothing new yet.
    Nothing,
    /// The file ends: nothing more will come, or what comes has other parameters, which no player would look for in
    /// the middle of a file.
    End,
}

/// What the decode times of a file count from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// The first picture of the file.
    Own,
    /// The zero of the camera's timeline, which all its renditions share.
    Camera,
}

/// One reader's file.
#[derive(Debug)]
pub struct Endless {
    follower: Follower,
    sound: bool,
    times: Times,
    /// Where the file begins on the camera's timeline.
    zero: Ticks,
    /// The epoch that was sent last, and the init segment at the head of the file.
    begun: Option<(u32, Bytes)>,
}

impl Endless {
    /// A file of `channel`, with its sound if there is any and `sound` says so. A reader that falls behind by more
    /// than `max_lag` loses what lies before the newest sync sample.
    pub fn new(channel: Arc<Channel>, max_lag: Ticks, sound: bool, times: Times) -> Self {
        channel.stats().viewers_joined.add(1);
        Self { follower: Follower::new(channel, max_lag), sound, times, zero: Ticks(0), begun: None }
    }

    /// Reads one chunk, and puts what it adds to the file into `out`.
    pub fn read(&mut self, out: &mut Vec<Bytes>) -> Progress {
        match self.follower.peek() {
            Next::Nothing if self.follower.channel().tip().closed => Progress::End,
            Next::Nothing => Progress::Nothing,
            Next::Skipped(missed) => {
                if self.begun.is_some() {
                    let stats = self.follower.channel().stats();
                    stats.viewer_skips.add(1);
                    stats.chunks_skipped.add(missed);
                }
                Progress::More
            }
            Next::Chunk(chunk) => {
                if !self.begins(&chunk, out) {
                    return Progress::End;
                }
                self.follower.advance();
                let wanted = self.sound || chunk.track == TrackKind::Video;
                if wanted && self.begun.as_ref().is_some_and(|(epoch, _)| *epoch == chunk.epoch.number) {
                    self.put(&chunk, out);
                }
                Progress::More
            }
        }
    }

    fn put(&self, chunk: &Chunk, out: &mut Vec<Bytes>) {
        match (self.times, chunk.epoch.tracks.timescale(chunk.track)) {
            // Sound that begins before the file's first picture has no place in it.
            (Times::Own, Some(timescale)) if chunk.start >= self.zero => {
                let zero = u64::try_from(self.zero.to_timescale(timescale)).unwrap_or_default();
                out.extend(fmp4::earlier(&chunk.bytes, zero));
            }
            (Times::Own, _) => {}
            (Times::Camera, _) => out.push(chunk.bytes.clone()),
        }
    }

    /// Begins the file, or an epoch in it, with the first picture; false if the epoch does not fit into the file.
    fn begins(&mut self, chunk: &Chunk, out: &mut Vec<Bytes>) -> bool {
        let epoch = &chunk.epoch;
        if !chunk.starts_picture() || self.begun.as_ref().is_some_and(|(number, _)| *number == epoch.number) {
            return true;
        }
        let sound = self.sound && epoch.tracks.audio.is_some();
        let init = if sound { &epoch.inits.all.bytes } else { &epoch.inits.video.bytes };
        match &mut self.begun {
            Some((_, head)) if head != init => return false,
            Some((number, _)) => *number = epoch.number,
            None => {
                out.push(init.clone());
                self.zero = chunk.start;
                self.begun = Some((epoch.number, init.clone()));
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::testing::FakeCamera;
    use crate::media::track::testing;

    fn file(camera: &FakeCamera, sound: bool) -> Endless {
        file_of(camera, sound, Times::Camera)
    }

    fn file_of(camera: &FakeCamera, sound: bool, times: Times) -> Endless {
        Endless::new(camera.channel.clone(), Ticks::from_timescale(2, 1), sound, times)
    }

    /// All that there is now: how many pieces, how many bytes.
    fn read(file: &mut Endless) -> (Vec<Bytes>, Progress) {
        let mut out = Vec::new();
        loop {
            match file.read(&mut out) {
                Progress::More => {}
                end => return (out, end),
            }
        }
    }

    fn is_init(piece: &Bytes) -> bool {
        piece.get(4..8) == Some(b"ftyp")
    }

    #[test]
    fn it_begins_with_the_init_segment_and_the_newest_sync_sample() {
        let mut camera = FakeCamera::silent(50);
        camera.play(60);
        let mut file = file(&camera, true);
        let (pieces, end) = read(&mut file);
        assert!(is_init(&pieces[0]));
        assert_eq!((pieces.len(), end), (1 + 10, Progress::Nothing));
        camera.play(3);
        assert_eq!(read(&mut file).0.len(), 3);
    }

    #[test]
    fn a_file_begins_at_zero_and_its_media_is_the_ring_s() {
        let mut camera = FakeCamera::new(50, testing::tracks());
        camera.play(60);
        let (own, _) = read(&mut file_of(&camera, true, Times::Own));
        let (all, _) = read(&mut file(&camera, true));
        let time = |moof: &Bytes| u64::from_be_bytes(moof[64..72].try_into().expect("eight bytes"));
        let track = |moof: &Bytes| moof[47];
        let moved: Vec<_> = own[1..].chunks_exact(2).collect();
        // Picture 50 is the newest sync sample; at 48 kHz it is two seconds and 96 000 samples from the start.
        assert_eq!((track(&moved[0][0]), time(&moved[0][0])), (1, 0));
        let heard = all.iter().skip(1).filter(|chunk| track(chunk) == 1 || time(chunk) >= 96_000);
        assert_eq!(heard.clone().count(), moved.len());
        assert!(moved.len() > 12);
        for (chunk, pieces) in heard.zip(moved) {
            let zero = if track(chunk) == 1 { 50 * 3600 } else { 96_000 };
            assert_eq!(time(&pieces[0]), time(chunk) - zero);
            assert_eq!(pieces[1].as_ptr(), chunk[pieces[0].len()..].as_ptr());
        }
    }

    #[test]
    fn sound_can_be_left_out_with_its_track() {
        let mut camera = FakeCamera::new(50, testing::tracks());
        camera.play(20);
        let (all, _) = read(&mut file(&camera, true));
        let (silent, _) = read(&mut file(&camera, false));
        assert!(all.len() > silent.len() + 5, "{} and {}", all.len(), silent.len());
        assert_eq!(silent.len(), 1 + 20);
        assert!(silent[0].len() < all[0].len());
    }

    #[test]
    fn a_break_with_the_same_parameters_goes_on_and_new_ones_end_the_file() {
        let mut camera = FakeCamera::silent(50);
        camera.play(2);
        let mut file = file(&camera, true);
        read(&mut file);
        camera.break_off(5, testing::video_only()).play(4);
        let (pieces, end) = read(&mut file);
        assert!(!is_init(&pieces[0]));
        assert_eq!((pieces.len(), end), (4, Progress::Nothing));
        camera.break_off(5, testing::tracks()).play(4);
        assert_eq!(read(&mut file).1, Progress::End);
        assert_eq!(read(&mut file).1, Progress::End, "and it stays so");
    }

    #[test]
    fn who_reads_too_slowly_goes_on_at_the_newest_sync_sample() {
        let mut camera = FakeCamera::silent(50);
        camera.play(1);
        let mut file = file(&camera, true);
        read(&mut file);
        camera.play(160);
        assert_eq!(read(&mut file).0.len(), 11);
        assert_eq!(camera.channel.stats().chunks_skipped.get(), 149);
    }

    #[test]
    fn it_ends_with_the_camera() {
        let mut camera = FakeCamera::silent(50);
        camera.play(1);
        let mut file = file(&camera, true);
        read(&mut file);
        camera.publisher.close();
        assert_eq!(read(&mut file).1, Progress::End);
    }
}
