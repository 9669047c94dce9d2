//! The units of systemd: what `systemd-analyze` says of them, without a systemd at work.

use std::path::Path;
use std::process::Command;

use crate::support::program::PROGRAM;

#[test]
fn the_units_are_good_and_give_away_little() {
    let folder = tempfile::tempdir().unwrap();
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    let mut units = Vec::new();
    for name in ["belvedere.service", "belvedere.socket"] {
        let text = std::fs::read_to_string(config.join(name)).unwrap();
        let place = "/usr/local/bin/belvedere";
        assert_eq!(text.contains(place), name.ends_with("service"), "{name}");
        units.push(folder.path().join(name));
        std::fs::write(units.last().unwrap(), text.replace(place, PROGRAM)).unwrap();
    }
    let output = Command::new("systemd-analyze")
        .args(["verify", "--man=no", "--generators=no"])
        .args(&units)
        .output()
        .expect("this test needs systemd-analyze, of the package systemd");
    let text = String::from_utf8_lossy(&output.stderr);
    // It also tells of the machine's own units.
    let ours: Vec<_> = text.lines().filter(|line| line.contains("belvedere")).collect();
    assert!(output.status.success() && ours.is_empty(), "{}: {text}", output.status);

    // "OK" begins at 3.0, and 2.0 is where few services are (in tenths).
    let output = Command::new("systemd-analyze")
        .args(["security", "--offline=true", "--no-pager", "--threshold=20"])
        .arg(&units[0])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("Overall exposure level"), "{text}");
}
