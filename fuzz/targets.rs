//! What is fuzzed, each as a function of bytes: panics where something is wrong. Shared by cargo-fuzz
//! (`fuzz_targets/`) and by a plain test that replays the corpus (`tests/it/fuzz.rs`).

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use belvedere::clock;
use belvedere::ingest::depacketize::{Aac, Described, Found, Packet, Pictures, Sounds};
use belvedere::ingest::event::{Event, Picture, Sound};
use belvedere::ingest::pump::{Progress, Pump};
use belvedere::ingest::relay::retell;
use belvedere::ingest::rtsp::{Session, Sessions};
use belvedere::ingest::voice::Voice;
use belvedere::ingest::{CameraClock, Sink, Source, Transport, Trust};
use belvedere::live::{PushError, Status};
use belvedere::media::avc::{self, ParameterSets};
use belvedere::media::fmp4::{self, InitError, Inits};
use belvedere::media::{Frame, Ticks, TrackKind, Tracks, VideoCodec, VideoTrack};
use belvedere::media::{aac, hevc};
use belvedere::stats::RenditionStats;
use bytes::Bytes;
use mp4_atom::{Any, Decode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// What takes any bytes.
pub type Target = fn(&[u8]);

/// The targets by the names of their folders in `corpus/`.
pub const ALL: [(&str, Target); 7] = [
    ("parameter_sets", parameter_sets),
    ("description", description),
    ("sound", sound),
    ("packets", packets),
    ("chunk", chunk),
    ("times", times),
    ("session", session),
];

/// Takes numbers and bytes off the front; zeros where nothing is left.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, most: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(most.min(self.0.len()));
        self.0 = rest;
        taken
    }

    fn number(&mut self, bytes: usize) -> u64 {
        self.take(bytes).iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn video_track(codec: VideoCodec, record: Bytes) -> VideoTrack {
    let (width, height, pixel_aspect) = (640, 360, Some((4, 3)));
    VideoTrack { codec, record, rfc6381: "avc1.4d401f".into(), width, height, pixel_aspect }
}

/// NAL units behind a length of one byte: whatever they are, a record of them can be read again, and whatever the
/// record is, an init segment is written or refused.
pub fn parameter_sets(data: &[u8]) {
    let mut sets = ParameterSets::default();
    let mut hevc_sets = hevc::ParameterSets::default();
    let mut reader = Reader(data);
    while !reader.is_empty() {
        let length = reader.number(1) as usize;
        let nal = reader.take(length);
        sets.add(nal);
        hevc_sets.add(nal);
        let _heads = (avc::slice_head(nal), hevc::slice_head(nal));
    }
    let tracks = |codec, record| Tracks { video: Arc::new(video_track(codec, record)), audio: None };
    let records = [
        (VideoCodec::H264, sets.first().and_then(|pps| sets.record(pps))),
        (VideoCodec::H265, hevc_sets.first().and_then(|pps| hevc_sets.record(pps))),
    ];
    for (codec, record) in records {
        if let Some(record) = record {
            Inits::new(&tracks(codec, record)).expect("our own record can be read");
        }
    }
    for codec in [VideoCodec::H264, VideoCodec::H265] {
        // Refused or not: cameras' records come as they are.
        let _ = Inits::new(&tracks(codec, Bytes::copy_from_slice(data)));
    }
}

/// A description, and the configuration in it: what is retold once is not retold again, and what was said first is kept.
pub fn description(data: &[u8]) {
    let _any = aac::Said::of(data);
    let sdp = String::from_utf8_lossy(data);
    if let Some(retold) = retell::retell(&sdp) {
        assert_eq!(retell::retell(&retold), None, "{retold}");
        let kept = (0..=127).find_map(|payload_type| retell::told(&retold, payload_type));
        assert!(kept.is_none_or(|config| aac::Said::of(&config).is_some()));
    }
}

/// Packets of sound in any of the ways that are decoded, each behind a length of one byte: blocks come out that all have
/// the same length, and go forward within what the packets say.
pub fn sound(data: &[u8]) {
    const WAYS: [(&str, u32, u16); 6] = [
        ("pcma", 8_000, 1),
        ("pcmu", 8_000, 2),
        ("l16", 44_100, 2),
        ("l16", 11_025, 1),
        ("g722", 8_000, 1),
        ("dvi4", 8_000, 1),
    ];
    let mut reader = Reader(data);
    let (encoding, rate, channels) = WAYS[reader.number(1) as usize % WAYS.len()];
    let mut voice = Voice::new(encoding, rate, channels).expect("it is carried");
    let (arrival, mut elapsed, mut blocks) = (clock::now().instant, 0, std::collections::VecDeque::new());
    while !reader.is_empty() {
        elapsed += reader.number(2) as i64;
        let length = reader.number(1) as usize;
        let data = Bytes::copy_from_slice(reader.take(length));
        voice.push(&Sound { data, elapsed: Ticks(elapsed), arrival, lost: 0 }, &mut blocks);
        assert!(blocks.iter().all(|block| !block.data.is_empty()));
        blocks.clear();
    }
}

/// Packets of video or of AAC, each behind a byte of flags and one of length: access units are whole NAL units behind
/// their lengths, and no frame of sound is empty. Of what was lost no more is told than that.
pub fn packets(data: &[u8]) {
    const DESCRIBED: &str = "mode=AAC-hbr;config=1190;sizelength=13;indexlength=3;indexdeltalength=3";
    let mut reader = Reader(data);
    let way = reader.number(1) % 3;
    let mut pictures = if way == 0 { Pictures::avc() } else { Pictures::hevc() };
    let described = Described::of(DESCRIBED).expect("it is read");
    let said = aac::Said::of(&described.config).expect("it is one");
    let mut sounds = Sounds::Aac(Aac::new(&described, &said, 48_000));
    let (arrival, mut elapsed, mut lost) = (clock::now().instant, 0, 0);
    let (mut units, mut frames) = (std::collections::VecDeque::new(), std::collections::VecDeque::new());
    while !reader.is_empty() {
        let flags = reader.number(1) as u8;
        let length = reader.number(1) as usize;
        elapsed += i64::from(flags >> 1 & 1) * 3_600;
        let packet = Packet {
            payload: Bytes::copy_from_slice(reader.take(length)),
            elapsed,
            mark: flags & 1 != 0,
            lost: u16::from(flags >> 2 & 3),
            arrival,
        };
        lost += u32::from(packet.lost);
        match way {
            2 => sounds.push(&packet, &mut frames),
            _ => pictures.push(&packet, &mut units),
        }
    }
    let mut told = 0;
    for unit in units {
        let Found::Whole(unit) = unit else { continue };
        told += u32::from(unit.lost);
        assert!(unit.sets_before <= unit.sets.len() && unit.sets.iter().all(|set| !set.is_empty()));
        let mut rest = &unit.data[..];
        assert!(!rest.is_empty(), "a unit has a slice");
        while let Some((length, behind)) = rest.split_first_chunk() {
            let length = u32::from_be_bytes(*length) as usize;
            assert!(length > 0);
            rest = &behind[length..];
        }
        assert!(rest.is_empty());
    }
    for frame in frames {
        let Found::Whole(frame) = frame else { continue };
        told += u32::from(frame.lost);
        assert!(!frame.data.is_empty());
    }
    assert!(told <= lost, "{told} of {lost}");
}

/// Frames of any times and sizes: what is muxed is read back the same.
pub fn chunk(data: &[u8]) {
    let mut reader = Reader(data);
    let mut frames = Vec::new();
    while !reader.is_empty() && frames.len() < 64 {
        let frame = Frame {
            track: TrackKind::Video,
            decode_time: reader.number(8),
            duration: reader.number(4) as u32,
            composition_offset: reader.number(4) as i32,
            sync: reader.number(1) % 2 == 0,
            data: {
                let length = reader.number(1) as usize;
                Bytes::copy_from_slice(reader.take(length))
            },
        };
        frames.push(frame);
    }
    let Some(first) = frames.first() else { return };
    let bytes = fmp4::chunk(7, &frames).bytes;
    let mut rest = bytes.as_ref();
    let Any::Moof(moof) = Any::decode(&mut rest).expect("a moof") else { panic!("no moof") };
    let Any::Mdat(mdat) = Any::decode(&mut rest).expect("an mdat") else { panic!("no mdat") };
    assert!(rest.is_empty());
    let traf = &moof.traf[0];
    assert_eq!(traf.tfdt.as_ref().map(|tfdt| tfdt.base_media_decode_time), Some(first.decode_time));
    let samples: Vec<_> = traf.trun[0].samples.iter().collect();
    assert_eq!(samples.len(), frames.len());
    for (sample, frame) in samples.iter().zip(&frames) {
        assert_eq!((sample.duration, sample.size), (Some(frame.duration), Some(frame.data.len() as u32)));
        assert_eq!(sample.cts, Some(frame.composition_offset.into()));
    }
    let payload: Vec<u8> = frames.iter().flat_map(|frame| frame.data.iter().copied()).collect();
    assert_eq!(mdat.data, payload);
}

/// Insists on what the muxer relies on: decode times that go forward.
#[derive(Default)]
struct Strict([AtomicU64; 2], Mutex<Option<Tracks>>);

impl Sink for Strict {
    fn begin(&self, tracks: Tracks) -> Result<(), InitError> {
        *self.1.lock().expect("no panic under this lock") = Some(tracks);
        Ok(())
    }

    fn push(&self, frame: Frame) -> Result<(), PushError> {
        assert!(frame.duration > 0, "a frame takes time");
        let end = &self.0[usize::from(frame.track == TrackKind::Audio)];
        let expected = end.load(Ordering::Relaxed);
        assert!(frame.decode_time >= expected, "{} lies before {expected}", frame.decode_time);
        end.store(frame.decode_time + u64::from(frame.duration), Ordering::Relaxed);
        Ok(())
    }

    fn set_status(&self, _: Status) {}

    fn set_skew(&self, _: Option<Ticks>) {}
}

/// Pictures, sound and reports at any times: what is published goes forward.
pub fn times(data: &[u8]) {
    let now = clock::now();
    let mut voice = Voice::new("pcma", 8_000, 1).expect("it is carried");
    let sink = Arc::new(Strict::default());
    let mut pump = Pump::new(
        Arc::clone(&sink),
        Arc::<RenditionStats>::default(),
        Arc::new(CameraClock::new(now)),
        Arc::<Progress>::default(),
        Some(Arc::new(voice.track())),
    );
    let track = Arc::new(video_track(VideoCodec::H264, Bytes::from_static(&[1])));
    let (mut reader, mut arrival) = (Reader(data), now.instant);
    let (mut elapsed, mut blocks) = (0i64, std::collections::VecDeque::new());
    while !reader.is_empty() {
        let kind = reader.number(1);
        // Mostly regular, for else nothing is ever published; up to half a minute late.
        arrival += Duration::from_millis(if kind & 8 == 0 { 40 } else { reader.number(2) / 2 });
        elapsed += match kind >> 4 & 3 {
            0 => 3_600,
            1 => reader.number(2) as i64,
            2 => -(reader.number(2) as i64),
            // RTP time is unrolled from steps of 31 bits.
            _ => i64::from(reader.number(4) as i32 / 2),
        };
        match kind & 7 {
            0..4 => pump.video(Picture {
                data: Bytes::from_static(b"picture"),
                elapsed: Ticks(elapsed),
                arrival,
                sync: kind & 3 == 0,
                lost: 0,
                track: Some(Arc::clone(&track)),
                interval: (kind & 64 != 0).then_some(Ticks(3_600)),
            }),
            4 | 5 => {
                let length = reader.number(1) as usize;
                let data = Bytes::from(vec![0; length]);
                voice.push(&Sound { data, elapsed: Ticks(elapsed), arrival, lost: 0 }, &mut blocks);
                blocks.drain(..).for_each(|block| pump.audio(block));
            }
            6 => pump.report(TrackKind::Video, reader.number(8), Ticks(elapsed)),
            _ => pump.report(TrackKind::Audio, reader.number(8), Ticks(elapsed)),
        }
    }
}

/// A camera that answers as the bytes say: two bytes of length and a description, then packets, each behind a byte
/// of channel and two of length. Whatever it sends, the session ends with a failure, or with the stream, or with a
/// panic of the RTSP library, as which the server contains and counts it.
pub fn session(data: &[u8]) {
    note_places_of_panics();
    let run = std::panic::AssertUnwindSafe(|| run_session(data));
    if let Err(panic) = std::panic::catch_unwind(run) {
        let place = PANICKED.take();
        let foreign = place.as_deref().is_some_and(|file| file.contains("/registry/"));
        if !foreign {
            std::panic::resume_unwind(panic);
        }
    }
}

thread_local! {
    /// The file of this thread's last panic.
    static PANICKED: std::cell::RefCell<Option<String>> = const { std::cell::RefCell::new(None) };
}

fn note_places_of_panics() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let file = panic.location().map(|place| place.file().to_owned());
            let foreign = file.as_deref().is_some_and(|file| file.contains("/registry/"));
            PANICKED.set(file);
            if !foreign {
                before(panic);
            }
        }));
    });
}

fn run_session(data: &[u8]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let camera = tokio::spawn(answer(listener, data.to_vec()));
        let source = Source {
            url: format!("rtsp://127.0.0.1:{port}/cam").parse().expect("a URL"),
            transport: Transport::Tcp,
            trust: Trust::WebRoots,
            username: None,
            password: None,
            audio: true,
            video: true,
        };
        let group = Sessions::default().group(&source.url);
        let limit = Duration::from_secs(20);
        if let Ok(mut session) = Session::connect(&source, limit, &group).await {
            // A session whose packets are all read goes on for ever; the camera's end ends it.
            while let Ok(Ok(event)) = tokio::time::timeout(limit, session.next(|_| {})).await {
                if let Event::Video(picture) = event {
                    assert!(picture.data.len() < 1 << 20);
                }
            }
        }
        camera.abort();
    });
}

/// One connection of a camera: requests are answered by their method alone.
async fn answer(listener: tokio::net::TcpListener, data: Vec<u8>) {
    let Ok((mut socket, _)) = listener.accept().await else { return };
    let mut reader = Reader(&data);
    let length = reader.number(2) as usize;
    let sdp = reader.take(length);
    let (mut heard, mut buffer) = (Vec::new(), [0; 4096]);
    let mut channel = 0;
    while let Ok(read @ 1..) = socket.read(&mut buffer).await {
        heard.extend_from_slice(&buffer[..read]);
        while let Some(end) = heard.windows(4).position(|four| four == b"\r\n\r\n") {
            let request = String::from_utf8_lossy(&heard[..end]).into_owned();
            heard.drain(..end + 4);
            let line = |name: &str| request.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("1");
            let mut answer = format!("RTSP/1.0 200 OK\r\nCSeq: {}\r\nSession: 1\r\n", line("CSeq: "));
            let plays = request.starts_with("PLAY");
            match &request {
                describe if describe.starts_with("DESCRIBE") => {
                    answer +=
                        &format!("Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n", sdp.len());
                }
                setup if setup.starts_with("SETUP") => {
                    let next = channel + 1;
                    answer += &format!("Transport: RTP/AVP/TCP;unicast;interleaved={channel}-{next}\r\n\r\n");
                    channel += 2;
                }
                _ => answer += "\r\n",
            }
            let mut answer = answer.into_bytes();
            if request.starts_with("DESCRIBE") {
                answer.extend_from_slice(sdp);
            }
            while plays && !reader.is_empty() {
                let channel = reader.number(1) as u8 % 4;
                let length = reader.number(2) as usize;
                let packet = reader.take(length);
                answer.extend([b'$', channel, (packet.len() >> 8) as u8, packet.len() as u8]);
                answer.extend_from_slice(packet);
            }
            if socket.write_all(&answer).await.is_err() || plays {
                return;
            }
        }
    }
}
