//! ffmpeg and ffprobe, fed with bytes.

use std::process::Stdio;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

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
