//! Cameras of another make: GStreamer's RTSP server, as a process of its own. And ffmpeg, as a player of another make.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use url::Url;

const PYTHON: &str = "/usr/bin/python3";

/// The camera's process; ends with the test.
pub struct Camera {
    process: Child,
    /// Kept open: it goes on to say what it is asked for.
    _stdout: BufReader<ChildStdout>,
    port: u16,
}

impl Camera {
    /// Starts `tests/support/gst_camera.py` with `arguments` on a port of the system's choice.
    pub fn start(arguments: &[&str]) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/gst_camera.py");
        // The system's Python: it is the one that has the bindings of the system's GStreamer.
        let process = Command::new(PYTHON)
            .arg(script)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let mut process = process.unwrap_or_else(|error| {
            panic!("{PYTHON} with GStreamer's RTSP server (gi, Gst, GstRtspServer) is needed for this test: {error}")
        });
        let mut stdout = BufReader::new(process.stdout.take().expect("stdout is piped"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("the camera writes text");
        let ready: serde_json::Value = serde_json::from_str(&line).unwrap_or_else(|_| {
            panic!(
                "the GStreamer camera did not start (its reason is above); \
                 this test needs python3-gi, gir1.2-gst-rtsp-server-1.0 and GStreamer's plugins"
            )
        });
        let port = ready["port"].as_u64().and_then(|port| u16::try_from(port).ok());
        Self { process, _stdout: stdout, port: port.expect("the camera says its port") }
    }

    pub fn url(&self, path: &str) -> Url {
        Url::parse(&format!("rtsp://127.0.0.1:{}/{path}", self.port)).unwrap()
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Has ffmpeg read `seconds` of `url`, both as packets and decoded; panics unless it ends well and finds nothing to
/// complain about.
///
/// Pictures keep their own times: on ffmpeg's grid of a constant frame rate, true times that are a millisecond off it
/// would fall together.
pub async fn ffmpeg_is_content(url: String, seconds: u32) {
    let run = move || {
        let seconds = seconds.to_string();
        let mut command = Command::new("ffmpeg");
        command.args(["-nostdin", "-v", "error", "-xerror", "-i", &url]);
        command.args(["-map", "0", "-t", &seconds, "-c", "copy", "-f", "null", "-"]);
        command.args(["-map", "0", "-t", &seconds, "-fps_mode", "passthrough", "-enc_time_base", "-1"]);
        let output = command.args(["-f", "null", "-"]).output();
        let output = output.unwrap_or_else(|error| panic!("this test needs ffmpeg: {error}"));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && said.is_empty(), "ffmpeg, {}, of {url}:\n{said}", output.status);
    };
    let run = tokio::task::spawn_blocking(run);
    run.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
}
