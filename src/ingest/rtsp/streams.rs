//! The streams of a session that plays: their packets to events, each stream with faults of its own. What is wrong with
//! the sound never harms the picture.

use std::collections::VecDeque;
use std::sync::Arc;

use retina::client::PacketItem;
use retina::rtcp::ReceivedCompoundPacket;
use retina::rtp::ReceivedPacket;

use super::tracks::Audible;
use super::video::VideoReader;
use crate::ingest::depacketize::{AccessUnit, Found, Heard, Packet, Sounds};
use crate::ingest::event::{Event, Picture, Sound};
use crate::ingest::still::Still;
use crate::ingest::voice::Voice;
use crate::media::{AudioTrack, Ticks, TrackKind, VideoTrack};

/// So many packets of sound that cannot be read, before there was one that could, are told of.
const DEAF: u32 = 50;

/// What is next.
pub enum Next {
    /// Something to tell.
    Event(Event),
    /// Something that could not be read: of which stream, and why.
    Slip(TrackKind, &'static str),
    /// A picture that does not end.
    Endless,
}

/// The streams that were set up.
pub struct Streams {
    video: Option<Seen>,
    /// What is shown where the sound plays alone.
    still: Option<Still>,
    audio: Option<Hearing>,
}

struct Seen {
    index: usize,
    reader: VideoReader,
    found: VecDeque<Found<AccessUnit>>,
}

struct Hearing {
    index: usize,
    track: Arc<AudioTrack>,
    sounds: Sounds,
    voice: Option<Voice>,
    clock: u32,
    found: VecDeque<Found<Heard>>,
    /// Sound that has come, or was made, and is not told yet.
    blocks: VecDeque<Sound>,
    /// Packets that could not be read before one could.
    slips: u32,
    /// One could.
    heard: bool,
    /// Why none can.
    why_deaf: Option<String>,
}

impl Streams {
    /// With the streams that play: the video by its index, the sound.
    pub fn new(video: Option<(usize, VideoReader)>, audio: Option<Audible>) -> Self {
        Self {
            still: if video.is_none() { Still::new() } else { None },
            video: video.map(|(index, reader)| Seen { index, reader, found: VecDeque::new() }),
            audio: audio.map(|Audible { index, track, sounds, voice, clock }| Hearing {
                index,
                track: Arc::new(track),
                sounds,
                voice,
                clock,
                found: VecDeque::new(),
                blocks: VecDeque::new(),
                slips: 0,
                heard: false,
                why_deaf: None,
            }),
        }
    }

    /// The parameters of the video, once the camera has told them.
    pub fn video(&self) -> Option<Arc<VideoTrack>> {
        self.still.as_ref().map(Still::track).or_else(|| self.video.as_ref()?.reader.track())
    }

    /// The sound, when there is any that can be carried.
    pub fn audio(&self) -> Option<Arc<AudioTrack>> {
        self.audio.as_ref().map(|audio| Arc::clone(&audio.track))
    }

    /// Why sound that can be carried cannot be read.
    pub fn why_deaf(&self) -> Option<&str> {
        self.audio.as_ref()?.why_deaf.as_deref()
    }

    /// True where `kind` is all that plays: without it nothing does.
    pub fn plays(&self, kind: TrackKind) -> bool {
        (kind == TrackKind::Video) == self.video.is_some()
    }

    /// The index of the stream without which nothing plays.
    pub fn what_plays(&self) -> Option<usize> {
        let video = self.video.as_ref().map(|video| video.index);
        video.or_else(|| Some(self.audio.as_ref()?.index))
    }

    /// Takes an item of the session. A report is an event at once.
    pub fn push(&mut self, item: PacketItem) -> Option<Event> {
        match item {
            PacketItem::Rtp(packet) => self.push_packet(packet),
            PacketItem::Rtcp(compound) => return self.report(&compound),
            _ => {}
        }
        None
    }

    fn push_packet(&mut self, packet: ReceivedPacket) {
        let stream = packet.stream_id();
        let packet = Packet {
            elapsed: packet.timestamp().elapsed(),
            mark: packet.mark(),
            lost: packet.loss(),
            arrival: packet.ctx().received(),
            payload: packet.into_payload_bytes(),
        };
        if let Some(video) = self.video.as_mut().filter(|video| video.index == stream) {
            video.reader.pictures.push(&packet, &mut video.found);
        } else if let Some(audio) = self.audio.as_mut().filter(|audio| audio.index == stream) {
            audio.sounds.push(&packet, &mut audio.found);
        }
    }

    fn report(&self, compound: &ReceivedCompoundPacket) -> Option<Event> {
        let rtp = compound.rtp_timestamp()?;
        let report = compound.pkts().next()?.as_sender_report().ok().flatten()?;
        // Where the sound is alone its clock is that of the still.
        let of_video = self.video.as_ref().is_none_or(|video| compound.stream_id() == video.index);
        let kind = if of_video { TrackKind::Video } else { TrackKind::Audio };
        let elapsed = Ticks::from_timescale(rtp.elapsed(), rtp.clock_rate().get());
        Some(Event::Report { kind, ntp: report.ntp_timestamp().0, elapsed })
    }

    /// What has come of the items so far.
    pub fn next(&mut self) -> Option<Next> {
        if let Some(picture) = self.still() {
            return Some(Next::Event(Event::Video(picture)));
        }
        if let Some(block) = self.audio.as_mut().and_then(|audio| audio.blocks.pop_front()) {
            return Some(Next::Event(Event::Audio(block)));
        }
        if let Some(video) = &mut self.video
            && let Some(found) = video.found.pop_front()
        {
            return Some(match found {
                Found::Whole(unit) => Next::Event(Event::Video(video.reader.picture(unit))),
                Found::Slip(why) => Next::Slip(TrackKind::Video, why),
                Found::Endless => Next::Endless,
            });
        }
        self.audio.as_mut()?.next()
    }

    /// The still that is due before the sound that is next.
    fn still(&mut self) -> Option<Picture> {
        self.still.as_mut()?.before(self.audio.as_ref()?.blocks.front()?)
    }
}

impl Hearing {
    fn next(&mut self) -> Option<Next> {
        loop {
            match self.found.pop_front()? {
                Found::Whole(heard) => self.take(heard),
                Found::Slip(why) => {
                    self.slip(why);
                    return Some(Next::Slip(TrackKind::Audio, why));
                }
                Found::Endless => {}
            }
            // A still may be due before it.
            if !self.blocks.is_empty() {
                return None;
            }
        }
    }

    fn take(&mut self, heard: Heard) {
        (self.heard, self.why_deaf) = (true, None);
        let sound = Sound {
            data: heard.data,
            elapsed: Ticks::from_timescale(heard.elapsed, self.clock),
            arrival: heard.arrival,
            lost: heard.lost,
        };
        match &mut self.voice {
            Some(voice) => voice.push(&sound, &mut self.blocks),
            None => self.blocks.push_back(sound),
        }
    }

    fn slip(&mut self, why: &str) {
        self.slips += u32::from(!self.heard);
        if self.slips >= DEAF && !self.heard && self.why_deaf.is_none() {
            self.why_deaf = Some(format!("its packets cannot be read ({why})"));
        }
    }
}
