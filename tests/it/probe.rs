//! `belvedere probe`, against cameras of two makes.

use std::process::Stdio;

use serde_json::Value;
use tokio::process::Command;

use crate::support::gst;
use crate::support::site::camera;
use crate::support::{soon, until};

/// Runs the program; its exit code, and what it said on both ways.
async fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_belvedere"));
    command.arg("probe").args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    let output = soon("the probe ends", command.output()).await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

async fn report(arguments: &[&str]) -> Value {
    let (code, out, error) = run(&[arguments, &["--json"]].concat()).await;
    assert_eq!(code, Some(0), "{error}");
    serde_json::from_str(&out).expect("JSON")
}

#[tokio::test]
async fn the_built_in_camera_is_found_as_good_as_it_is() {
    let camera = camera().await;
    let report = report(&[camera.url("main").as_str(), "--for", "5s"]).await;
    let video = &report["video"];
    assert_eq!(video["codec"], "H.264");
    assert_eq!((video["width"].as_u64(), video["height"].as_u64()), (Some(960), Some(540)));
    assert!(video["frame_rate"].as_f64().is_some_and(|rate| (24.0..26.0).contains(&rate)), "{video}");
    assert_eq!(video["gop"]["pictures"], serde_json::json!([50, 50]), "{video}");
    assert_eq!(video["b_frames"], false);
    assert_eq!(
        (&video["profile"], &video["gop"]["regular"]),
        (&"Main, level 3.1".into(), &true.into()),
        "{video}"
    );
    let rates = ["bit_rate", "peak_bit_rate"].map(|name| video[name].as_u64().expect("a rate"));
    assert!(rates[0] > 100_000 && rates[1] >= rates[0] && rates[1] < 8_000_000, "{video}");
    assert_eq!(report["audio"]["rfc6381"], "mp4a.40.2");
    assert!(report["clock"]["sender_reports"].as_u64() > Some(0), "{report}");
    assert!(report["clock"]["ahead_seconds"].as_f64().is_some_and(|ahead| ahead.abs() < 5.0), "{report}");
    assert_eq!((report["packets_lost"].as_u64(), report["transport"].as_str()), (Some(0), Some("TCP")));
    assert!(report["players"].as_array().unwrap().iter().all(|one| one["plays"] == "yes"), "{report}");
    assert_eq!(camera.counters().teardowns.get(), 1, "it says goodbye");

    let (code, text, _) = run(&[camera.url("sub").as_str(), "--for", "3s", "--udp"]).await;
    assert_eq!(code, Some(0));
    for words in ["transport       UDP", "320x180", "every 50 pictures", "Firefox by MSE: yes"] {
        assert!(text.contains(words), "{words} in\n{text}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_camera_is_measured() {
    let camera = camera().await;
    camera.faults().hasten_rtp_time(150_000, 150_000);
    camera.faults().drop_packets(50);
    let url = camera.url("main");
    let arguments = [url.as_str(), "--for", "8s", "--udp"];
    let watching = report(&arguments);
    let skipping = async {
        // Groups last two seconds.
        let middle = std::time::Duration::from_millis(2_500);
        let played = || camera.counters().played().filter(|played| played.elapsed() >= middle);
        until("the second group is on its way", async || played()).await;
        camera.faults().skip_video_frames(20);
    };
    let (report, ()) = tokio::join!(watching, skipping);
    let (clock, gop) = (&report["clock"], &report["video"]["gop"]);
    assert!(clock["rate_percent"].as_f64().is_some_and(|rate| (10.0..20.0).contains(&rate)), "{clock}");
    assert_eq!(gop["regular"], false, "{gop}");
    assert!(report["packets_lost"].as_u64() > Some(5), "{report}");
    let advice = report["advice"].to_string();
    for words in ["too fast", "I-frame interval", "the network loses packets"] {
        assert!(advice.contains(words), "{words} in {advice}");
    }
}

#[tokio::test]
async fn a_camera_of_another_make_is_told_its_faults() {
    let camera = gst::Camera::start(&[
        "--gop",
        "300",
        "--bframes",
        "2",
        "--audio",
        "pcma",
        "--auth",
        "digest",
        "--fps",
        "10",
    ]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    std::fs::write(&file, "secret\n").unwrap();
    let url = camera.url("main");
    let login = ["--username", "viewer", "--password-file", file.to_str().unwrap()];
    let report = report(&[&[url.as_str(), "--for", "6s"][..], &login].concat()).await;
    assert_eq!(report["video"]["b_frames"], true, "{report}");
    assert!(report["video"]["gop"]["open_seconds"].as_f64() > Some(4.0), "{report}");
    let advice = report["advice"].to_string();
    for words in ["I-frame interval", "B-frames", "frame rate"] {
        assert!(advice.contains(words), "{words} in {advice}");
    }

    let wrong = url.as_str().replace("rtsp://", "rtsp://viewer:hunter2@");
    let (code, out, error) = run(&[&wrong, "--for", "2s"]).await;
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(error.contains("401") && error.contains("check username and password"), "{error}");
    assert!(!error.contains("hunter2") && !error.contains("rtsp://"), "{error}");
}
