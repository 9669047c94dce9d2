//! The camera as a client sees it: the client is retina.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use retina::NtpTimestamp;
use retina::client::{
    Demuxed, PlayOptions, Session, SessionGroup, SessionOptions, SetupOptions, Transport, UdpTransportOptions,
};
use retina::codec::{CodecItem, FrameFormat, ParametersRef};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use super::*;
use crate::clock;

/// Nothing here takes longer unless it hangs.
const PATIENCE: Duration = Duration::from_secs(20);

async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future).await.expect("in time")
}

async fn eventually(condition: impl Fn() -> bool) {
    soon(async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}

async fn camera() -> Server {
    Server::start(Options::default()).await.unwrap()
}

/// How to watch.
#[derive(Default)]
struct Watch {
    transport: Transport,
    login: Option<(&'static str, &'static str)>,
    group: Arc<SessionGroup>,
}

impl Watch {
    async fn open(&self, server: &Server, rendition: &str) -> Result<Demuxed, retina::Error> {
        soon(async {
            let creds = self.login.map(|(username, password)| retina::client::Credentials {
                username: username.into(),
                password: password.into(),
            });
            let options = SessionOptions::default().creds(creds).session_group(Arc::clone(&self.group));
            let mut session = Session::describe(server.url(rendition), options).await?;
            for i in 0..session.streams().len() {
                let options = SetupOptions::default().transport(self.transport.clone());
                session.setup(i, options.frame_format(FrameFormat::MP4)).await?;
            }
            session.play(PlayOptions::default()).await?.demuxed()
        })
        .await
    }
}

/// What a stream has brought.
#[derive(Default)]
struct Seen {
    /// RTP time of each picture, and if it is a random access point.
    video: Vec<(i64, bool)>,
    audio: Vec<i64>,
    /// Of each stream: RTP and NTP time of its reports.
    reports: [Vec<(i64, NtpTimestamp)>; 2],
    lost: u32,
}

/// Watches until `enough`.
async fn see(stream: &mut Demuxed, enough: impl Fn(&Seen) -> bool) -> Seen {
    let mut seen = Seen::default();
    soon(async {
        while !enough(&seen) {
            match stream.next().await.expect("more to come").unwrap() {
                CodecItem::VideoFrame(frame) => {
                    seen.lost += u32::from(frame.loss());
                    seen.video.push((frame.timestamp().timestamp(), frame.is_random_access_point()));
                }
                CodecItem::AudioFrame(frame) => seen.audio.push(frame.timestamp().timestamp()),
                CodecItem::Rtcp(packet) => {
                    let report = packet.pkts().find_map(|packet| packet.as_sender_report().unwrap());
                    let time = packet.rtp_timestamp().unwrap().timestamp();
                    seen.reports[packet.stream_id()].push((time, report.unwrap().ntp_timestamp()));
                }
                _ => {}
            }
        }
    })
    .await;
    seen
}

/// The NTP time, in nanoseconds, of an RTP time of the stream that `report` is from.
fn instant((rtp, ntp): (i64, NtpTimestamp), time: i64, rate: i64) -> i64 {
    let since_1970 = ntp.0 - retina::UNIX_EPOCH.0;
    let nanoseconds = (u128::from(since_1970) * 1_000_000_000) >> 32;
    nanoseconds as i64 + (time - rtp) * 1_000_000_000 / rate
}

/// How far the clip must run ahead to be 0.3 s before its seam now.
fn just_before_the_seam() -> Duration {
    let wall = clock::now().wall.duration_since(std::time::SystemTime::UNIX_EPOCH).unwrap();
    let into_the_minute = Duration::from_nanos((wall.as_nanos() % 60_000_000_000) as u64);
    Duration::from_millis(119_700) - into_the_minute
}

async fn plays_evenly_over_the_seam(transport: Transport) {
    let server =
        Server::start(Options { ahead: just_before_the_seam(), ..Options::default() }).await.unwrap();
    let watch = Watch { transport, ..Watch::default() };
    let streams = [watch.open(&server, "main").await.unwrap(), watch.open(&server, "sub").await.unwrap()];
    for mut stream in streams {
        let seen = see(&mut stream, |seen| seen.video.len() >= 60 && seen.audio.len() >= 70).await;
        assert!(seen.video[0].1, "starts at a random access point");
        assert!(seen.video.windows(2).all(|pair| pair[1].0 - pair[0].0 == 3600), "{:?}", seen.video);
        assert!(seen.audio.windows(2).all(|pair| pair[1] - pair[0] == 1024), "{:?}", seen.audio);
        assert_eq!(seen.lost, 0);
    }
    server.stop().await;
}

#[tokio::test]
async fn over_tcp_both_renditions_play_evenly_over_the_seam() {
    plays_evenly_over_the_seam(Transport::Tcp(Default::default())).await;
}

#[tokio::test]
async fn over_udp_both_renditions_play_evenly_over_the_seam() {
    plays_evenly_over_the_seam(Transport::Udp(UdpTransportOptions::default())).await;
}

#[tokio::test]
async fn the_description_gives_retina_all_parameters_beforehand() {
    let server = camera().await;
    let session = soon(Session::describe(server.url("main"), SessionOptions::default())).await.unwrap();
    let [video, audio] = session.streams() else { panic!("two streams") };
    match video.parameters() {
        Some(ParametersRef::Video(video)) => {
            assert_eq!(video.pixel_dimensions(), (960, 540));
            let (seconds, frames) = video.frame_rate().unwrap();
            assert_eq!(25 * seconds, frames);
        }
        other => panic!("{other:?}"),
    }
    match audio.parameters() {
        Some(ParametersRef::Audio(audio)) => {
            assert_eq!((audio.rfc6381_codec(), audio.clock_rate()), (Some("mp4a.40.2"), 32_000));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(server.counters().describes.get(), 1);
}

#[tokio::test]
async fn sender_reports_put_all_streams_on_the_same_grid_of_wall_time() {
    let server = camera().await;
    let watch = Watch::default();
    let (main, sub) = (watch.open(&server, "main").await, watch.open(&server, "sub").await);
    for mut stream in [main.unwrap(), sub.unwrap()] {
        let seen = see(&mut stream, |seen| seen.video.len() > 9 && seen.audio.len() > 9).await;
        let [video, audio] = &seen.reports;
        let clip_time = [
            (instant(video[0], seen.video[0].0, 90_000), 2_000_000_000),
            (instant(video[0], seen.video[9].0, 90_000), 40_000_000),
            (instant(audio[0], seen.audio[9], 32_000), 32_000_000),
        ];
        for (time, period) in clip_time {
            let off = (time + period / 2).rem_euclid(period) - period / 2;
            assert!(off.abs() < 50_000, "{off} ns off a grid of {period} ns");
        }
    }
}

#[tokio::test]
async fn sender_reports_come_again_while_a_session_plays() {
    let server = camera().await;
    let mut stream = Watch::default().open(&server, "sub").await.unwrap();
    let seen = see(&mut stream, |seen| seen.reports.iter().all(|reports| reports.len() > 1)).await;
    for (reports, rate) in seen.reports.iter().zip([90_000, 32_000]) {
        let drift = instant(reports[1], reports[1].0, rate) - instant(reports[0], reports[1].0, rate);
        assert!(drift.abs() < 50_000, "{drift} ns");
    }
}

#[tokio::test]
async fn basic_and_digest_let_in_who_knows_the_password() {
    for scheme in [Scheme::Basic, Scheme::Digest] {
        let credentials = Credentials { username: "viewer".into(), password: "open, sesame".into(), scheme };
        let options = Options { credentials: Some(credentials), ..Options::default() };
        let server = Server::start(options).await.unwrap();
        for login in [None, Some(("viewer", "wrong")), Some(("other", "open, sesame"))] {
            let refused = Watch { login, ..Watch::default() }.open(&server, "sub").await.err().unwrap();
            // Without a login at all retina gives up on its own.
            assert!(matches!(refused.status_code(), Some(401) | None), "{scheme:?}: {refused}");
        }
        let watch = Watch { login: Some(("viewer", "open, sesame")), ..Watch::default() };
        let mut stream = watch.open(&server, "sub").await.unwrap();
        see(&mut stream, |seen| seen.video.len() > 1).await;
    }
}

#[tokio::test]
async fn a_teardown_ends_the_session_and_is_counted() {
    let server = camera().await;
    let watch = Watch::default();
    let mut stream = watch.open(&server, "main").await.unwrap();
    see(&mut stream, |seen| !seen.video.is_empty()).await;
    assert_eq!((server.counters().open_sessions(), server.counters().plays.get()), (1, 1));
    drop(stream);
    soon(watch.group.await_teardown()).await.unwrap();
    eventually(|| server.counters().open_sessions() == 0).await;
    assert_eq!(server.counters().teardowns.get(), 1);
}

#[tokio::test]
async fn unknown_renditions_and_refusals_show_their_status() {
    let server = camera().await;
    let status = async |rendition| {
        Watch::default().open(&server, rendition).await.err().and_then(|error| error.status_code())
    };
    assert_eq!(status("attic").await, Some(404));
    server.faults().refuse(Some(453));
    assert_eq!(status("main").await, Some(453));
    server.faults().refuse(None);
    assert_eq!(status("main").await, None);
}

#[tokio::test]
async fn cut_connections_end_their_sessions_and_new_ones_are_welcome() {
    let server = camera().await;
    let watch = Watch::default();
    let mut stream = watch.open(&server, "sub").await.unwrap();
    see(&mut stream, |seen| !seen.video.is_empty()).await;
    server.faults().drop_connections();
    soon(async { while let Some(Ok(_)) = stream.next().await {} }).await;
    eventually(|| server.counters().open_sessions() == 0).await;
    assert_eq!(server.counters().teardowns.get(), 0);
    watch.open(&server, "sub").await.unwrap();
}

#[tokio::test]
async fn a_camera_can_be_muted_and_silent_about_time() {
    let server = camera().await;
    server.faults().mute_audio(true);
    server.faults().no_sender_reports(true);
    let mut stream = Watch::default().open(&server, "sub").await.unwrap();
    let seen = see(&mut stream, |seen| seen.video.len() >= 60).await;
    assert!(seen.audio.is_empty());
    assert!(seen.reports.iter().all(Vec::is_empty));
}

#[tokio::test]
async fn dropped_packets_are_noticed() {
    let server = camera().await;
    server.faults().drop_packets(7);
    let mut stream = Watch::default().open(&server, "main").await.unwrap();
    see(&mut stream, |seen| seen.lost >= 3).await;
}

#[tokio::test]
async fn a_camera_that_stops_can_start_again_on_its_port() {
    let server = camera().await;
    let listen = server.addr();
    let mut stream = Watch::default().open(&server, "sub").await.unwrap();
    let counters = Arc::clone(server.counters());
    soon(server.stop()).await;
    assert_eq!(counters.open_sessions(), 0);
    soon(async { while let Some(Ok(_)) = stream.next().await {} }).await;
    let server = Server::start(Options { listen, ..Options::default() }).await.unwrap();
    assert_eq!(server.addr(), listen);
    Watch::default().open(&server, "sub").await.unwrap();
}

#[tokio::test]
async fn an_address_that_is_taken_is_an_error_that_names_it() {
    let server = camera().await;
    let error = Server::start(Options { listen: server.addr(), ..Options::default() }).await.err().unwrap();
    assert!(error.to_string().contains(&server.addr().to_string()), "{error}");
}

#[tokio::test]
async fn a_client_that_says_nothing_is_hung_up_on() {
    let session_timeout = Duration::from_millis(50);
    let server = Server::start(Options { session_timeout, ..Options::default() }).await.unwrap();
    let mut socket = TcpStream::connect(server.addr()).await.unwrap();
    assert_eq!(soon(socket.read(&mut [0; 1])).await.unwrap(), 0);
}
