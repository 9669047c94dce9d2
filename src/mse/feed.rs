//! One viewer's feed: a cursor into the ring and what the viewer was told. No socket, no clock.

use std::sync::Arc;

use bytes::Bytes;

use super::codecs::{Decodable, carries};
use super::messages::ServerText;
use crate::live::{Channel, Chunk, Read, Tip};
use crate::media::{Ticks, Tracks};

/// A message to the viewer.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// Text.
    Text(ServerText),
    /// An init segment or a chunk: the ring's own bytes.
    Binary(Bytes),
}

/// The viewer can decode nothing of what the camera sends.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the camera sends {codecs}, which this client cannot decode")]
pub struct Unplayable {
    /// What the camera sends, as RFC 6381 strings.
    pub codecs: String,
}

/// A viewer's place in one rendition.
#[derive(Debug)]
pub struct Feed {
    rendition: String,
    channel: Arc<Channel>,
    decodable: Decodable,
    max_lag: Ticks,
    /// Index of the next chunk; `None` until there is a sync sample to start with.
    cursor: Option<u64>,
    /// The epoch that was announced, and the tracks of it that are sent.
    announced: Option<(u32, Tracks)>,
}

impl Feed {
    /// A feed that starts at the newest sync sample in the ring, so that nobody waits for the next.
    pub fn new(rendition: &str, channel: Arc<Channel>, decodable: Decodable, max_lag: Ticks) -> Self {
        let cursor = channel.join();
        Self { rendition: rendition.into(), channel, decodable, max_lag, cursor, announced: None }
    }

    /// Goes on at the newest sync sample, as after a pause.
    pub fn rejoin(&mut self) {
        self.cursor = self.channel.join();
        self.announced = None;
    }

    /// True when there is something to read.
    pub fn has_news(&self, tip: &Tip) -> bool {
        match self.cursor {
            Some(cursor) => tip.next_chunk > cursor,
            None => tip.last_sync.is_some(),
        }
    }

    /// Reads one chunk into messages; false when there is nothing new.
    ///
    /// # Errors
    /// The viewer can decode nothing of what comes next.
    pub fn read(&mut self, out: &mut Vec<Message>) -> Result<bool, Unplayable> {
        let Some(cursor) = self.cursor.or_else(|| self.channel.join()) else { return Ok(false) };
        match self.channel.read(cursor) {
            Read::Empty => {
                self.cursor = Some(cursor);
                Ok(false)
            }
            Read::Lagged { missed, resume } => {
                self.skip(missed, resume, out);
                Ok(true)
            }
            Read::Chunk(chunk) => {
                let tip = self.channel.tip();
                // Far behind, and a newer picture to start with: the run between is given up.
                if let Some(sync) = tip.last_sync.filter(|sync| *sync > cursor)
                    && tip.end - chunk.end > self.max_lag
                {
                    self.skip(sync - cursor, Some(sync), out);
                    return Ok(true);
                }
                self.cursor = Some(cursor + 1);
                self.send(&chunk, out)?;
                Ok(true)
            }
        }
    }

    fn skip(&mut self, missed: u64, resume: Option<u64>, out: &mut Vec<Message>) {
        self.cursor = resume;
        if self.announced.is_some() {
            out.push(Message::Text(ServerText::Skip { chunks: missed }));
        }
    }

    fn send(&mut self, chunk: &Chunk, out: &mut Vec<Message>) -> Result<(), Unplayable> {
        let epoch = &chunk.epoch;
        if self.announced.as_ref().is_none_or(|(number, _)| *number != epoch.number) {
            if !chunk.starts_picture() {
                // The sound before the first picture of an epoch, or what is left of a lost one.
                return Ok(());
            }
            let Some(tracks) = self.decodable.playable(&epoch.tracks) else {
                return Err(Unplayable { codecs: epoch.tracks.codecs() });
            };
            let init = if tracks.audio.is_some() { &epoch.inits.all } else { &epoch.inits.video };
            out.push(Message::Text(ServerText::init(&self.rendition, epoch, &tracks)));
            out.push(Message::Binary(init.clone()));
            self.announced = Some((epoch.number, tracks));
        }
        if self.announced.as_ref().is_some_and(|(_, tracks)| carries(tracks, chunk.track)) {
            out.push(Message::Binary(chunk.bytes.clone()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::testing::FakeCamera;
    use crate::media::track::testing;

    fn feed(camera: &FakeCamera, codecs: Option<&str>) -> Feed {
        Feed::new("main", camera.channel.clone(), Decodable::new(codecs), Ticks::from_timescale(2, 1))
    }

    fn read_all(feed: &mut Feed) -> Vec<Message> {
        let mut out = Vec::new();
        while feed.read(&mut out).expect("a playable camera") {}
        out
    }

    fn kinds(messages: &[Message]) -> Vec<&'static str> {
        let kind = |message: &Message| match message {
            Message::Text(ServerText::Init { .. }) => "init",
            Message::Text(ServerText::Rendition { .. }) => "rendition",
            Message::Text(ServerText::Skip { .. }) => "skip",
            Message::Text(ServerText::Status { .. }) => "status",
            Message::Binary(bytes) if bytes.get(4..8) == Some(b"ftyp") => "ftyp",
            Message::Binary(_) => "chunk",
        };
        messages.iter().map(kind).collect()
    }

    #[test]
    fn a_late_joiner_gets_all_from_the_newest_sync_sample_at_once() {
        let mut camera = FakeCamera::silent(50);
        camera.play(60);
        let messages = read_all(&mut feed(&camera, None));
        let mut expected = vec!["init", "ftyp"];
        expected.extend(["chunk"; 10]);
        assert_eq!(kinds(&messages), expected);
    }

    #[test]
    fn the_messages_are_the_ring_s_own_bytes() {
        let mut camera = FakeCamera::silent(50);
        camera.play(1);
        let messages = read_all(&mut feed(&camera, None));
        let Read::Chunk(chunk) = camera.channel.read(0) else { panic!("the ring has a chunk") };
        let Some(Message::Binary(bytes)) = messages.last() else { panic!("the feed has a chunk") };
        assert_eq!(bytes.as_ptr(), chunk.bytes.as_ptr());
    }

    #[test]
    fn a_viewer_who_comes_before_the_camera_starts_with_its_first_picture() {
        let mut camera = FakeCamera::silent(50);
        let mut feed = feed(&camera, None);
        assert!(!feed.has_news(&camera.channel.tip()));
        assert_eq!(read_all(&mut feed), []);
        camera.play(2);
        assert!(feed.has_news(&camera.channel.tip()));
        assert_eq!(kinds(&read_all(&mut feed)), ["init", "ftyp", "chunk", "chunk"]);
    }

    #[test]
    fn new_parameters_are_announced_before_their_first_picture() {
        let mut camera = FakeCamera::silent(50);
        camera.play(2);
        let mut feed = feed(&camera, None);
        read_all(&mut feed);
        camera.break_off(5, testing::video_only()).play(1);
        let messages = read_all(&mut feed);
        assert_eq!(kinds(&messages), ["init", "ftyp", "chunk"]);
        assert!(matches!(&messages[0], Message::Text(ServerText::Init { epoch: 2, .. })));
    }

    #[test]
    fn sound_goes_only_to_those_who_can_play_it() {
        let mut camera = FakeCamera::new(50, testing::tracks());
        camera.play(10);
        let chunks = |codecs| {
            let messages = read_all(&mut feed(&camera, codecs));
            let Some(Message::Text(ServerText::Init { mime, .. })) = messages.first() else {
                panic!("no init")
            };
            (mime.clone(), kinds(&messages).iter().filter(|kind| **kind == "chunk").count())
        };
        let (mime, silent) = chunks(Some("avc1.42E01E"));
        assert_eq!((mime.as_str(), silent), ("video/mp4; codecs=\"avc1.42c00d\"", 10));
        let (mime, all) = chunks(Some("avc1.42E01E,mp4a.40.2"));
        assert_eq!(mime, "video/mp4; codecs=\"avc1.42c00d,mp4a.40.2\"");
        assert!(all > 15, "{all}");
    }

    #[test]
    fn a_viewer_who_can_play_nothing_is_told_what_the_camera_sends() {
        let mut camera = FakeCamera::silent(50);
        camera.play(1);
        let error = feed(&camera, Some("hvc1.1.6.L93.B0")).read(&mut Vec::new()).expect_err("not playable");
        assert_eq!(error.codecs, "avc1.42c00d");
    }

    #[test]
    fn who_falls_behind_goes_on_at_the_newest_sync_sample_and_is_told_what_was_lost() {
        let mut camera = FakeCamera::silent(50);
        camera.play(1);
        let mut feed = feed(&camera, None);
        read_all(&mut feed);
        camera.play(160);
        let messages = read_all(&mut feed);
        assert_eq!(messages.first(), Some(&Message::Text(ServerText::Skip { chunks: 149 })));
        assert_eq!(kinds(&messages[1..]), ["chunk"; 11]);
    }

    #[test]
    fn who_is_behind_within_one_gop_loses_nothing() {
        let mut camera = FakeCamera::silent(500);
        camera.play(1);
        let mut feed = feed(&camera, None);
        read_all(&mut feed);
        camera.play(200);
        assert_eq!(kinds(&read_all(&mut feed)), ["chunk"; 200]);
    }

    #[test]
    fn who_falls_off_the_ring_is_told_so_too() {
        let mut camera = FakeCamera::silent(50);
        camera.play(1);
        let mut feed = feed(&camera, None);
        read_all(&mut feed);
        camera.play(25 * 100);
        assert_eq!(kinds(&read_all(&mut feed))[0], "skip");
    }
}
