//! The feed's bytes, read by ffprobe.

use futures_util::StreamExt;
use tokio_tungstenite::tungstenite::Message;

use crate::support::ffmpeg::read_by;
use crate::support::media::{self, Chunk, VIDEO};
use crate::support::site::shared;
use crate::support::socket::Socket;
use crate::support::{soon, until};

/// Pictures that are read.
const PICTURES: usize = 60;

/// In ticks of the video's timescale; under three milliseconds of the sound's.
const MILLISECOND: i64 = 90;

/// What ffprobe says of one packet: is it video, decode time, presentation time, duration, size, is it a key frame.
type Packet = (bool, i64, i64, i64, usize, bool);

/// The binary messages until enough pictures have come: an init segment, then chunks.
async fn messages(socket: &mut Socket) -> Vec<Vec<u8>> {
    let mut messages: Vec<Vec<u8>> = Vec::new();
    let mut pictures = 0;
    while pictures < PICTURES {
        let message = soon("a message", socket.stream.next()).await;
        if let Message::Binary(bytes) = message.expect("the socket stays open").expect("it works") {
            pictures += usize::from(!media::is_init(&bytes) && media::one(&bytes).track == VIDEO);
            messages.push(bytes.to_vec());
        }
    }
    messages
}

/// ffprobe's view of `bytes`; it must have nothing to complain about.
async fn probe(bytes: Vec<u8>) -> Vec<Packet> {
    let entries = "packet=codec_type,pts,dts,duration,size,flags";
    let arguments = ["-v", "warning", "-show_entries", entries, "-of", "json", "-"];
    let said = read_by("ffprobe", &arguments, bytes).await;
    let said: serde_json::Value = serde_json::from_str(&said).expect("JSON");
    let packet = |packet: &serde_json::Value| {
        let number = |name: &str| packet[name].as_i64().unwrap_or_else(|| panic!("no {name} in {packet}"));
        let size = packet["size"].as_str().and_then(|size| size.parse().ok()).expect("a size");
        let key = packet["flags"].as_str().expect("flags").starts_with('K');
        (packet["codec_type"] == "video", number("dts"), number("pts"), number("duration"), size, key)
    };
    said["packets"].as_array().expect("packets").iter().map(packet).collect()
}

/// What is in a chunk, in ffprobe's words.
fn packets(chunk: &Chunk) -> Vec<Packet> {
    let mut decode = chunk.start as i64;
    let samples = chunk.samples.iter().map(|sample| {
        let at = decode;
        decode += i64::from(sample.duration);
        let (video, size) = (chunk.track == VIDEO, sample.data.len());
        (video, at, at + sample.offset, i64::from(sample.duration), size, sample.sync)
    });
    samples.collect()
}

#[tokio::test]
async fn ffprobe_reads_every_packet_with_the_times_size_and_key_frame_flag_it_was_sent_with() {
    until("the first picture", || async { (shared().status("/readyz").await == 200).then_some(()) }).await;
    let mut socket = Socket::open(shared().address, "/mse/demo").await.expect("the socket opens");
    let messages = messages(&mut socket).await;
    let mut sent: Vec<Packet> =
        messages[1..].iter().flat_map(|message| packets(&media::one(message))).collect();
    let mut read = probe(messages.concat()).await;
    // ffprobe lists both tracks in the order of their times; each track's own order is in its decode times.
    sent.sort_unstable();
    read.sort_unstable();
    let exact = |(video, decode, _, _, size, key): &Packet| (*video, *decode, *size, *key);
    assert_eq!(read.iter().map(exact).collect::<Vec<_>>(), sent.iter().map(exact).collect::<Vec<_>>());
    for (read, sent) in read.iter().zip(&sent) {
        // ffprobe takes no picture to be shown before it is decoded, and moves one that is by some ticks.
        assert!(
            (read.2 - sent.2).abs() < MILLISECOND && (read.3 - sent.3).abs() < MILLISECOND,
            "{read:?} {sent:?}"
        );
    }
}
