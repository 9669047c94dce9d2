//! `live.mp4`: the feed's chunks as one file without an end.

use std::process::Stdio;

use bytes::{Buf, Bytes, BytesMut};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::process::Command;

use crate::support::client::Client;
use crate::support::media::{self, AUDIO, Chunk, Init, VIDEO};
use crate::support::site::{Site, shared};
use crate::support::socket::Socket;
use crate::support::soon;

/// The file as it comes.
struct File {
    answer: Response<Incoming>,
    bytes: BytesMut,
}

impl File {
    async fn open(client: Client, path: &str) -> Self {
        let stream = TcpStream::connect(client.address).await.unwrap();
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let request = Request::get(path).header("Host", "cams").body(Empty::<Bytes>::new()).unwrap();
        let answer = soon(path, sender.send_request(request)).await.unwrap();
        Self { answer, bytes: BytesMut::new() }
    }

    /// The next `count` boxes; `None` when the file ends before.
    async fn boxes(&mut self, count: usize) -> Option<Bytes> {
        let mut end = 0;
        for _ in 0..count {
            let size = loop {
                let size = self.bytes.get(end..end + 4).map(|mut size| size.get_u32() as usize);
                if let Some(size) = size.filter(|size| self.bytes.len() >= end + size) {
                    break size;
                }
                let frame = soon("more of the file", self.answer.frame()).await?;
                self.bytes
                    .extend_from_slice(&frame.expect("the file is whole").into_data().expect("no trailers"));
            };
            end += size;
        }
        Some(self.bytes.split_to(end).freeze())
    }

    async fn init(&mut self) -> Init {
        media::init(&self.boxes(2).await.expect("the file begins"))
    }

    async fn chunk(&mut self) -> Option<Chunk> {
        self.boxes(2).await.map(|bytes| media::one(&bytes))
    }
}

#[tokio::test]
async fn the_file_begins_with_its_init_segment_and_a_sync_sample_and_goes_on() {
    shared().until_rendition("demo", 0, "live").await;
    let mut file = File::open(shared(), "/mp4/demo/live.mp4").await;
    assert_eq!(file.answer.status(), StatusCode::OK);
    let header = |name: &str| file.answer.headers()[name].to_str().unwrap().to_owned();
    assert!(header("content-type").starts_with("video/mp4; codecs=\"avc1."), "{}", header("content-type"));
    assert!(header("content-type").contains(",mp4a.40.2\""));
    assert_eq!(
        (header("cache-control"), header("access-control-allow-origin")),
        ("no-store".into(), "*".into())
    );
    assert_eq!(file.init().await.ids(), [VIDEO, AUDIO]);
    let mut ends = [None; 2];
    for index in 0..150 {
        let chunk = file.chunk().await.expect("it has no end");
        assert!(index > 0 || (chunk.starts_picture() && chunk.start == 0), "{chunk:?}");
        let end = &mut ends[chunk.track as usize - 1];
        assert_eq!(end.unwrap_or(chunk.start), chunk.start, "no hole in track {}", chunk.track);
        *end = Some(chunk.end());
    }
    assert!(ends.iter().all(Option::is_some));
}

#[tokio::test]
async fn who_asks_for_the_camera_s_times_gets_the_feed_s_own_chunks() {
    shared().until_rendition("demo", 0, "live").await;
    let mut file = File::open(shared(), "/mp4/demo/live.mp4?times=camera&rendition=main").await;
    let mut feed = Socket::open(shared().address, "/mse/demo?rendition=main").await.expect("it opens");
    file.init().await;
    feed.text("init").await;
    feed.init().await;
    let mut sent = Vec::new();
    for _ in 0..60 {
        sent.push(feed.chunk().await);
    }
    let begun = file.chunk().await.expect("it has no end");
    let from = sent.iter().position(|chunk| *chunk == begun);
    // One of them may have begun a GOP earlier.
    let mut chunk = begun;
    let from = match from {
        Some(from) => from,
        None => {
            while chunk != sent[0] {
                chunk = file.chunk().await.expect("it has no end");
            }
            0
        }
    };
    for expected in &sent[from..] {
        assert_eq!(chunk, *expected);
        chunk = file.chunk().await.expect("it has no end");
    }
}

#[tokio::test]
async fn renditions_have_files_of_their_own_and_sound_can_be_left_out() {
    shared().until_rendition("demo", 1, "live").await;
    let mut file =
        File::open(shared(), "/mp4/demo/live.mp4?rendition=sub&codecs=avc1.4d401f,avc1.42E01E").await;
    assert_eq!(file.init().await.ids(), [VIDEO]);
    for _ in 0..30 {
        assert_eq!(file.chunk().await.expect("it has no end").track, VIDEO);
    }
    for (path, status) in [
        ("/mp4/nobody/live.mp4", 404),
        ("/mp4/demo/live.mp4?rendition=nobody", 404),
        ("/mp4/demo/live.mp4?codecs=hvc1.1.6.L93.B0", 406),
    ] {
        assert_eq!(shared().status(path).await, status, "{path}");
    }
}

#[tokio::test]
async fn a_camera_that_never_delivered_is_503_after_a_while() {
    let toml =
        "hls.start_timeout = \"1s\"\n[cameras.dark.renditions.main]\nsource = \"rtsp://127.0.0.1:9/none\"";
    let site = Site::start(toml).await;
    let answer = site.get("/mp4/dark/live.mp4").await;
    assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (503, "1"));
    site.app.stop().await;
}

#[tokio::test]
async fn the_file_ends_whole_when_the_server_stops() {
    let site = Site::start_with("", true).await;
    site.until_rendition("demo", 0, "live").await;
    let mut file = File::open(site.client, "/mp4/demo/live.mp4").await;
    file.init().await;
    file.chunk().await.expect("it begins");
    let stopping = tokio::spawn(site.app.stop());
    while file.chunk().await.is_some() {}
    soon("the end", stopping).await.unwrap();
}

#[tokio::test]
async fn the_file_comes_in_http2_too() {
    shared().until_rendition("demo", 0, "live").await;
    let stream = TcpStream::connect(shared().address).await.unwrap();
    let (mut sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = Request::get("http://cams/mp4/demo/live.mp4").body(Empty::<Bytes>::new()).unwrap();
    let answer = soon("an answer", sender.send_request(request)).await.unwrap();
    let mut file = File { answer, bytes: BytesMut::new() };
    file.init().await;
    for _ in 0..60 {
        file.chunk().await.expect("it has no end");
    }
}

#[tokio::test]
async fn ffmpeg_reads_it_in_one_go() {
    shared().until_rendition("demo", 0, "live").await;
    let url = format!("http://{}/mp4/demo/live.mp4", shared().address);
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "warning", "-xerror", "-i", &url, "-frames:v", "100", "-f", "null", "-"]);
    ffmpeg.stdin(Stdio::null()).kill_on_drop(true);
    let output = soon("ffmpeg", ffmpeg.output()).await.expect("this test needs ffmpeg");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "ffmpeg complains");
}
