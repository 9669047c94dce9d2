//! Players of other makes, without a screen: GStreamer's `hlsdemux2` and VLC.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::{Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use url::Url;

use super::system::free_address;
use super::{PATIENCE, soon};

/// What VLC says of any fragmented MP4 (its `moov` lists no samples) and of the first unit of any AAC, and what it says
/// where there is no desktop. Pictures that a busy machine shows late are counted instead.
const VLC_SAYS_ANYWAY: [&str; 6] = [
    "video output warning: picture is too late to be displayed",
    "mp4 demux warning: STTS table of 0 entries",
    "mp4 demux warning: no chunk defined",
    "faad decoder warning: decoded zero sample",
    "interface error: no suitable interface module",
    "main libvlc error: interface \"",
];

/// Has GStreamer play `seconds` of `url` in real time; panics unless it does so without a hole, an error or a warning.
pub async fn gstreamer_is_content(url: &str, seconds: u32) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/gst_player.py");
    let mut player = Command::new("/usr/bin/python3");
    player.args([script, url, "--seconds", &seconds.to_string()]).kill_on_drop(true);
    let output =
        tokio::time::timeout(PATIENCE * 2, player.output()).await.expect("GStreamer comes to an end");
    let Output { status, stdout, stderr } =
        output.expect("this test needs python3-gi and GStreamer's plugins");
    let said = String::from_utf8_lossy(&stdout).into_owned();
    assert!(status.success(), "{status}: {said}\n{}", String::from_utf8_lossy(&stderr));
    let report: serde_json::Value = serde_json::from_str(&said).expect("the player reports in JSON");
    assert_eq!(report["demuxers"], serde_json::json!(["hlsdemux2"]), "{said}");
    assert_eq!(report["messages"], serde_json::json!([]), "{said}");
    for kind in ["video", "audio"] {
        let number =
            |key: &str| report[kind][key].as_f64().unwrap_or_else(|| panic!("{kind} is missing: {said}"));
        // Sound may be behind the picture by what a decoder holds back.
        assert!(number("seconds") >= f64::from(seconds) - 0.5, "{said}");
        assert!(number("hole") < 0.01, "{said}");
    }
    assert!(report["video"]["buffers"].as_f64() >= Some(f64::from(seconds) * 24.0), "{said}");
}

/// VLC's own numbers.
#[derive(Debug, Default)]
struct Statistics {
    shown: u32,
    lost: u32,
    heard: u32,
    unheard: u32,
    corrupted: u32,
    discontinuities: u32,
}

/// A folder that anybody may write to.
fn home() -> TempDir {
    let home = tempfile::tempdir().unwrap();
    std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    home
}

fn vlc(home: &TempDir) -> Command {
    let mut vlc = Command::new("/usr/bin/vlc");
    vlc.args(["-v", "--no-color", "--no-dbus"]).env("HOME", home.path()).kill_on_drop(true);
    // It does not run for root.
    if std::fs::metadata("/proc/self").unwrap().uid() == 0 {
        vlc.uid(65_534).gid(65_534);
    }
    vlc
}

/// VLC as a camera, which it is over UDP alone; ends with this.
pub struct VlcCamera {
    _process: Child,
    _home: TempDir,
    port: u16,
}

impl VlcCamera {
    /// Serves the file of `film` over and over, from a moment later on.
    pub fn start(film: &[u8]) -> Self {
        let home = home();
        let file = home.path().join("film.mp4");
        std::fs::write(&file, film).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        // It does not tell the port that the system chose, so the system is asked first.
        let port = free_address().port();
        let mut process = vlc(&home);
        process.args(["-I", "dummy", "--loop", "--sout-keep", "--sout"]);
        process.arg(format!("#rtp{{sdp=rtsp://127.0.0.1:{port}/cam}}")).arg(file);
        process.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let process = process.spawn().unwrap_or_else(|error| panic!("this test needs VLC: {error}"));
        Self { _process: process, _home: home, port }
    }

    pub fn url(&self) -> Url {
        Url::parse(&format!("rtsp://127.0.0.1:{}/cam", self.port)).unwrap()
    }
}

/// Has VLC play `url` until it has shown `pictures`; panics if it loses some or complains.
pub async fn vlc_is_content(url: &str, pictures: u32) {
    vlc_plays(url, pictures, &[]).await;
}

/// The same of one file with both tracks: before its first fragment VLC sees nothing that could be interleaved.
pub async fn vlc_is_content_with_a_file(url: &str, pictures: u32) {
    vlc_plays(url, pictures, &["mp4 demux warning: that media doesn't look interleaved"]).await;
}

async fn vlc_plays(url: &str, pictures: u32, says_anyway: &[&str]) {
    let home = home();
    let mut player = vlc(&home);
    player.args(["-I", "oldrc", "--rc-fake-tty", "--vout", "vdummy", "--aout", "adummy", url]);
    player.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut player = player.spawn().unwrap_or_else(|error| panic!("this test needs VLC: {error}"));
    let mut stdin = player.stdin.take().unwrap();
    let mut stdout = BufReader::new(player.stdout.take().unwrap());
    let mut stderr = player.stderr.take().unwrap();
    let log = tokio::spawn(async move {
        let mut log = Vec::new();
        stderr.read_to_end(&mut log).await.unwrap();
        String::from_utf8_lossy(&log).into_owned()
    });
    let playing = async {
        loop {
            stdin.write_all(b"stats\n").await.expect("VLC takes commands");
            let statistics = statistics(&mut stdout).await;
            if statistics.shown >= pictures {
                return statistics;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    let played = tokio::time::timeout(PATIENCE * 2, playing).await;
    let _ = stdin.write_all(b"quit\n").await;
    if played.is_err() {
        player.kill().await.unwrap();
    }
    soon("the end of VLC", player.wait()).await.unwrap();
    let log = log.await.unwrap();
    let Ok(statistics) = played else { panic!("VLC showed no {pictures} pictures of {url}:\n{log}") };
    assert_eq!((statistics.corrupted, statistics.discontinuities), (0, 0), "{statistics:?}\n{log}");
    assert!(statistics.lost * 20 <= statistics.shown, "{statistics:?}\n{log}");
    assert!(
        statistics.heard > pictures && statistics.unheard * 20 <= statistics.heard,
        "{statistics:?}\n{log}"
    );
    let complaints: Vec<_> = log
        .lines()
        .filter(|line| line.contains(" error: ") || line.contains(" warning: "))
        .filter(|line| !VLC_SAYS_ANYWAY.iter().chain(says_anyway).any(|anyway| line.contains(anyway)))
        .collect();
    assert!(complaints.is_empty(), "VLC of {url}:\n{}", complaints.join("\n"));
}

/// Reads what VLC answers to `stats`; nothing but zeros before it plays.
async fn statistics(stdout: &mut BufReader<ChildStdout>) -> Statistics {
    let mut statistics = Statistics::default();
    let mut line = String::new();
    while !line.contains("stats: returned") {
        line.clear();
        let read = stdout.read_line(&mut line).await.expect("VLC answers in text");
        assert!(read > 0, "VLC ended by itself");
        let Some((name, number)) = line.trim_start_matches(['|', ' ', '>']).split_once(':') else { continue };
        let place = match name.trim() {
            "frames displayed" => &mut statistics.shown,
            "frames lost" => &mut statistics.lost,
            "buffers played" => &mut statistics.heard,
            "buffers lost" => &mut statistics.unheard,
            "demux corrupted" => &mut statistics.corrupted,
            "discontinuities" => &mut statistics.discontinuities,
            _ => continue,
        };
        *place = number.trim().parse().expect("VLC counts");
    }
    statistics
}
