//! The house rules that no compiler checks: who may know whom, and how much stands in one file.
//!
//! The floors are read from the table at the head of `src/lib.rs`, so that the map cannot lie. Tests inside of `src` are
//! left out: a room's tests may look wherever they like.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Most lines of a file, its tests not counted.
const LONGEST: usize = 400;

/// One file of `src`, without comments and tests.
struct Source {
    /// Below `src`, with slashes.
    path: String,
    /// The first folder of the path, or the file's name without its ending.
    room: String,
    /// Line number and text.
    code: Vec<(usize, String)>,
    /// Lines up to the tests, comments among them.
    length: usize,
}

/// All files of `src`, but for those that are tests as a whole.
fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    files.sort();
    let sources: Vec<_> = files.iter().filter_map(|file| source(&root, file)).collect();
    assert!(sources.len() > 50, "{} files", sources.len());
    sources
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
}

fn source(root: &Path, file: &Path) -> Option<Source> {
    let path = file.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
    let name = path.rsplit('/').next().unwrap().strip_suffix(".rs").unwrap();
    if ["tests", "testing"].contains(&name) || name.ends_with("_tests") {
        return None;
    }
    let text = fs::read_to_string(file).expect("the file can be read");
    // Tests stand at the end of a file, or in a file of their own.
    let own = text.find("\n#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    let own = text[..own]
        .find("\n#[cfg(test)]\n#[allow")
        .filter(|at| text[*at..].contains("mod tests {"))
        .unwrap_or(own);
    let own = &text[..own];
    let code = own
        .lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line.split("//").next().unwrap_or_default().to_owned()))
        .filter(|(_, line)| !line.trim().is_empty())
        .collect();
    let room = path.split('/').next().unwrap().trim_end_matches(".rs").to_owned();
    Some(Source { room, code, length: own.lines().count(), path })
}

/// Floor of each room, by the table in `src/lib.rs`.
fn floors() -> BTreeMap<String, u32> {
    let text =
        fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/lib.rs")).expect("there is src/lib.rs");
    let mut floors = BTreeMap::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("//! | ")) {
        let Some((floor, rooms)) = line.split_once(" | ") else { continue };
        let Ok(floor) = floor.trim().parse() else { continue };
        for room in rooms.trim_end_matches('|').split(',') {
            floors.insert(room.trim().trim_matches(['[', ']', '`']).to_owned(), floor);
        }
    }
    floors
}

/// The rooms that a line names by `crate::`: one, or several in braces.
fn named(line: &str) -> Vec<String> {
    let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut rooms = Vec::new();
    for after in line.split("crate::").skip(1) {
        match after.strip_prefix('{') {
            Some(several) => {
                let mut depth = 0;
                for piece in several.split(',') {
                    if depth == 0 {
                        rooms.push(word(piece.trim()));
                    }
                    depth += piece.matches('{').count() as i32 - piece.matches('}').count() as i32;
                }
            }
            None => rooms.push(word(after)),
        }
    }
    rooms.retain(|room| !room.is_empty());
    rooms
}

/// The code as lines, with a `use` of several lines on one.
fn statements(source: &Source) -> Vec<(usize, String)> {
    let mut all: Vec<(usize, String)> = Vec::new();
    let mut open = false;
    for (number, line) in &source.code {
        match all.last_mut().filter(|_| open) {
            Some((_, last)) => *last += line.trim(),
            None => all.push((*number, line.clone())),
        }
        let (_, last) = all.last().expect("just pushed");
        open = last.trim_start().trim_start_matches("pub ").starts_with("use ") && !last.contains(';');
    }
    all
}

#[track_caller]
fn assert_none(rule: &str, broken: &[String]) {
    assert!(broken.is_empty(), "{rule}:\n{}", broken.join("\n"));
}

#[test]
fn every_room_stands_on_the_map() {
    let floors = floors();
    for room in
        sources().iter().map(|source| &source.room).filter(|room| !["lib", "main"].contains(&room.as_str()))
    {
        assert!(floors.contains_key(room), "src/lib.rs gives {room} no floor: {floors:?}");
    }
    let lib = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/lib.rs")).unwrap();
    for room in floors.keys() {
        assert!(lib.contains(&format!("pub mod {room};")), "{room} is on the map and not there");
    }
}

#[test]
fn a_room_knows_lower_floors_and_itself() {
    let floors = floors();
    let mut broken = Vec::new();
    let mut seen = 0;
    for source in sources() {
        let Some(own) = floors.get(&source.room) else { continue };
        for (number, statement) in statements(&source) {
            for room in named(&statement) {
                let Some(floor) = floors.get(&room) else { continue };
                seen += 1;
                if room != source.room && floor >= own {
                    broken.push(format!("src/{}:{number}: {} knows {room}", source.path, source.room));
                }
            }
        }
    }
    assert!(seen > 60, "{seen} names of rooms were found");
    assert_none("a room knows lower floors and itself, never a neighbour", &broken);
}

#[test]
fn main_knows_arguments_and_the_app_alone() {
    let main = sources().into_iter().find(|source| source.path == "main.rs").expect("there is a program");
    assert!(main.length <= 80, "{} lines", main.length);
    for (number, line) in &main.code {
        for after in line.split("belvedere::").skip(1) {
            assert!(after.starts_with("app") || after.starts_with("cli"), "src/main.rs:{number}: {line}");
        }
    }
}

#[test]
fn crates_have_their_rooms_too() {
    // A crate, and where it may be named.
    let homes: [(&str, &[&str]); 9] = [
        ("retina", &["ingest/rtsp.rs", "ingest/rtsp/"]),
        ("hyper", &["web/"]),
        ("hyper_util", &["web/"]),
        ("tokio_websockets", &["web/"]),
        ("toml", &["settings/"]),
        ("clap", &["cli/"]),
        ("m3u8_rs", &["hls/"]),
        ("dashmap", &["live/catalog.rs"]),
        ("rtsp_types", &["demo/"]),
    ];
    let mut broken = Vec::new();
    for source in sources() {
        for (name, homes) in homes {
            if homes.iter().any(|home| source.path.starts_with(home)) {
                continue;
            }
            for (number, line) in &source.code {
                let named = line.match_indices(&format!("{name}::")).any(|(at, _)| {
                    let before = line[..at].chars().next_back();
                    before.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != ':')
                });
                if named {
                    broken.push(format!(
                        "src/{}:{number}: names {name}, which lives in {homes:?}",
                        source.path
                    ));
                }
            }
        }
    }
    assert_none("a crate is named where it lives", &broken);
}

/// Clocks are read in `clock.rs`, so that everything else can be told any time it likes.
#[test]
fn clocks_are_read_in_one_place() {
    let mut broken = Vec::new();
    let mut read = 0;
    for source in sources() {
        for (number, line) in &source.code {
            let std = ["Instant::now", "SystemTime::now", "Utc::now", "Timestamp::now", "Zoned::now"];
            if !std.iter().any(|call| line.contains(call)) {
                continue;
            }
            read += 1;
            if source.path != "clock.rs" {
                broken.push(format!("src/{}:{number}: {}", source.path, line.trim()));
            }
        }
    }
    assert!(read >= 1, "clock.rs reads both clocks");
    assert_none("only clock.rs reads a clock", &broken);
}

#[test]
fn pure_rooms_have_no_sockets_tasks_or_timers() {
    let pure = [
        "media/",
        "hls/",
        "mse/",
        "mp4/",
        "live/cutter.rs",
        "live/line.rs",
        "live/window.rs",
        "live/targets.rs",
    ];
    let mut broken = Vec::new();
    for source in sources().iter().filter(|source| pure.iter().any(|home| source.path.starts_with(home))) {
        for (number, line) in source.code.iter().filter(|(_, line)| line.contains("tokio")) {
            broken.push(format!("src/{}:{number}: {}", source.path, line.trim()));
        }
    }
    assert_none("pure rooms know no tokio", &broken);
}

#[test]
fn no_file_is_longer_than_a_sitting() {
    let long: Vec<_> = sources()
        .iter()
        .filter(|source| source.length > LONGEST)
        .map(|source| format!("src/{}: {} lines", source.path, source.length))
        .collect();
    assert_none(&format!("{LONGEST} lines a file, tests not counted"), &long);
}

#[test]
fn rooms_in_braces_and_over_several_lines_are_found() {
    assert_eq!(named("use crate::live::{Camera, Catalog};"), ["live"]);
    assert_eq!(
        named("use crate::{hls, ingest::{self, Name}, live, mse as m, web};"),
        ["hls", "ingest", "live", "mse", "web"]
    );
    assert_eq!(
        named("    let gop = crate::live::targets::limit(crate::media::Ticks(1));"),
        ["live", "media"]
    );
    assert_eq!(named("pub(crate) fn x() {}"), Vec::<String>::new());
}
