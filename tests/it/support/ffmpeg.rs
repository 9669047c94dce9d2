//! ffmpeg and ffprobe, fed with bytes.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::client::{Client, join};
use super::media::{chunks, is_init};
use super::playlist::Playlist;
use super::soon;

/// Runs `program` on `bytes`; what it says. It must have nothing to complain about.
pub async fn read_by(program: &str, arguments: &[&str], bytes: Vec<u8>) -> String {
    let mut reader = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("this test needs {program}, of the package ffmpeg: {error}"));
    let mut input = reader.stdin.take().expect("stdin is piped");
    let feeding = tokio::spawn(async move { input.write_all(&bytes).await });
    let output = soon(program, reader.wait_with_output()).await.expect("it ends");
    // It may know enough before it has read all.
    let _ = feeding.await.expect("no panic");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{program} complains");
    assert!(output.status.success(), "{program}: {}", output.status);
    String::from_utf8(output.stdout).expect("text")
}

/// Has ffmpeg decode an init segment and what belongs to it; panics if it complains.
pub async fn decodes(bytes: Vec<u8>) {
    let quietly = ["-nostdin", "-v", "error", "-xerror", "-i", "-"];
    let own_times = ["-fps_mode", "passthrough", "-enc_time_base", "-1", "-f", "null", "-"];
    read_by("ffmpeg", &[&quietly[..], &own_times].concat(), bytes).await;
}

/// Has ffmpeg play all that playlists list, each with its path, over their discontinuities: as lists that have ended, of
/// what the server gives. What it says; it should be nothing.
pub async fn plays(client: Client, playlists: &[(String, Playlist)]) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = Command::new("ffmpeg");
    // With the media's own times, not what is made of them behind a hole.
    command.args(["-nostdin", "-v", "error", "-copyts"]);
    for (index, (path, playlist)) in playlists.iter().enumerate() {
        let folder = folder.path().join(index.to_string());
        std::fs::create_dir(&folder).expect("a folder");
        command.args(["-allowed_extensions", "ALL", "-i"]).arg(save(client, path, playlist, &folder).await);
    }
    for index in 0..playlists.len() {
        command.args(["-map", &index.to_string()]);
    }
    command.args(["-fps_mode", "passthrough", "-enc_time_base", "-1", "-f", "null", "-"]);
    let output = soon("ffmpeg", command.stdin(Stdio::null()).output()).await;
    let output =
        output.unwrap_or_else(|error| panic!("this test needs ffmpeg, of the package ffmpeg: {error}"));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { said } else { format!("{said}{}", output.status) }
}

/// Writes what a playlist lists into a folder, and the list itself. Decode times go forward all the way.
async fn save(client: Client, path: &str, playlist: &Playlist, folder: &Path) -> PathBuf {
    let mut list =
        format!("#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:{}\n", playlist.target.unwrap_or(12));
    let (mut map, mut end) = (None, 0);
    // There is nothing to load of gaps.
    for segment in playlist.segments.iter().filter(|segment| !segment.gap) {
        list += &"#EXT-X-DISCONTINUITY\n".repeat(segment.discontinuities as usize);
        let uris = [segment.map.as_ref().filter(|uri| map != Some(*uri)), Some(&segment.uri)];
        for uri in uris.into_iter().flatten() {
            let name = uri.rsplit('/').next().expect("a name");
            let bytes = client.found(&join(path, uri)).await.body;
            for chunk in if is_init(&bytes) { Vec::new() } else { chunks(&bytes) } {
                assert!(
                    chunk.start >= end,
                    "{path}, {uri}: {} follows {end}\n{}",
                    chunk.start,
                    playlist.text
                );
                end = chunk.end();
            }
            std::fs::write(folder.join(name), bytes).expect("it is written");
            list += &match *uri == segment.uri {
                true => format!("#EXTINF:{:.5},\n{name}\n", segment.duration),
                false => format!("#EXT-X-MAP:URI=\"{name}\"\n"),
            };
        }
        map = segment.map.as_ref();
    }
    let file = folder.join("list.m3u8");
    std::fs::write(&file, list + "#EXT-X-ENDLIST\n").expect("it is written");
    file
}
