//! What real cameras answer, as their documents and their owners' reports show it, told again in our own words:
//! each gives the tracks that it has, or the sentence that says why not.
//!
//! A fixture begins with what is asked and what is expected; `{host}` is the camera's address, `{h264:SIZE}` and
//! `{h265:SIZE}` are parameter sets of that size, `{channels}` are the channels that were asked for.

use std::path::Path;
use std::sync::Arc;

use belvedere::media::VideoCodec;

use super::answers::{connect, source};
use crate::support::scripted::{Act, Asked, Scripted};

/// Parameter sets out of x264 and x265, by size.
const H264: [(&str, &str); 7] = [
    ("1920x1080", "Z2QAKKzZQHgCJ+XARAAAAwAEAAADAMg8YMZY,aOvjyyLA"),
    ("2560x1440", "Z2QAMqzZQCgAtbARAAADAAEAAAMAMg8YMZY=,aOvjyyLA"),
    ("704x576", "Z01AHuygWAk2AiAAAAMAIAAABkHixbLA,aOvjyyA="),
    ("640x360", "Z0LAHtoCgL/lwEQAAAMABAAAAwDIPFi6gA==,aM4PyA=="),
    ("1280x720", "Z01AH+ygKALdgIgAAAMACAAAAwGQeMGMsA==,aOvjyyA="),
    ("640x480", "Z0LAHtoCgPbARAAAAwAEAAADAMg8WLqA,aM4PyA=="),
    ("2304x1296", "Z2QAMqzZQCQAo7ARAAADAAEAAAMAMg8YMZY=,aOvjyyLA"),
];
const H265: [(&str, &str); 2] = [
    (
        "3840x2160",
        "sprop-vps=QAEMAf//AWAAAAMAkAAAAwAAAwCWlZgJ;\
         sprop-sps=QgEBAWAAAAMAkAAAAwAAAwCWoAHgIAIcWWVmkkyvAWgIAAADAAgAAAMAyEA=;sprop-pps=RAHBcrRiQA==",
    ),
    (
        "640x360",
        "sprop-vps=QAEMAf//AWAAAAMAkAAAAwAAAwA/lZgJ;\
         sprop-sps=QgEBAWAAAAMAkAAAAwAAAwA/oAUCAWlllZpJMrwFoCAAAAMAIAAAAwMh;sprop-pps=RAHBcrRiQA==",
    ),
];

/// One camera's answers and what is expected of them.
struct Fixture {
    name: String,
    /// Words and their values, in their order.
    head: Vec<(String, String)>,
    describe: (String, String),
    setup: String,
    play: String,
}

impl Fixture {
    fn read(path: &Path) -> Self {
        let mut text = std::fs::read_to_string(path).unwrap();
        for (size, sets) in H264 {
            text = text.replace(&format!("{{h264:{size}}}"), sets);
        }
        for (size, sets) in H265 {
            text = text.replace(&format!("{{h265:{size}}}"), sets);
        }
        let section = |from: &str, to: &str| {
            let (_, rest) = text.split_once(from).unwrap_or_else(|| panic!("{from} in {}", path.display()));
            if to.is_empty() { rest.to_owned() } else { rest.split_once(to).unwrap().0.to_owned() }
        };
        let head =
            text.lines().take_while(|line| !line.starts_with("===")).filter(|line| !line.starts_with('#'));
        let head =
            head.map(|line| line.split_once(' ').unwrap()).map(|(word, value)| (word.into(), value.into()));
        let head = head.collect();
        let describe = section("=== DESCRIBE\n", "=== SETUP\n");
        let (headers, sdp) = describe.split_once("\n\n").unwrap();
        Self {
            name: path.file_stem().unwrap().to_str().unwrap().to_owned(),
            head,
            describe: (headers.to_owned(), sdp.replace('\n', "\r\n")),
            setup: section("=== SETUP\n", "=== PLAY\n"),
            play: section("=== PLAY\n", ""),
        }
    }

    /// The value behind a word of the head.
    fn said(&self, word: &str) -> Option<&str> {
        self.head.iter().find(|(own, _)| own == word).map(|(_, value)| value.as_str())
    }

    fn answer(&self, host: &str, asked: &Asked) -> Act {
        if asked.header("Authorization").is_empty() {
            let challenge = match self.said("login").unwrap() {
                "digest" => Some("WWW-Authenticate: Digest realm=\"cam\", nonce=\"5a3c\", stale=\"FALSE\""),
                "basic" => Some("WWW-Authenticate: Basic realm=\"cam\""),
                _ => None,
            };
            if let Some(challenge) = challenge {
                return Act::Answer(401, challenge.to_owned(), String::new());
            }
        }
        let channels = asked.header("Transport").split("interleaved=").nth(1).unwrap_or_default();
        let fill = |text: &str| text.replace("{host}", host).replace("{channels}", channels);
        match asked.method.as_str() {
            "OPTIONS" => Act::ok("Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER"),
            "DESCRIBE" => Act::Answer(200, fill(&self.describe.0), fill(&self.describe.1)),
            "SETUP" => Act::ok(fill(&self.setup)),
            _ => Act::ok(fill(&self.play)),
        }
    }
}

/// Connects to a camera that answers as the fixture says, and compares.
async fn try_out(fixture: Arc<Fixture>) {
    let name = &fixture.name;
    let (told, place) = (fixture.clone(), Arc::<std::sync::OnceLock<String>>::default());
    let own = place.clone();
    let camera = Scripted::start(move |asked| told.answer(own.get().expect("it has started"), asked)).await;
    place.set(camera.address.to_string()).unwrap();
    let host = camera.address.to_string();
    let result = connect(&source(camera.url(fixture.said("ask").unwrap().trim_start_matches('/')))).await;
    if let Some(words) = fixture.said("refused") {
        let failure = result.err().unwrap_or_else(|| panic!("{name} was to be refused")).to_string();
        return assert!(failure.contains(words), "{name}: {failure}");
    }
    let session = result.unwrap_or_else(|failure| panic!("{name}: {failure}"));
    let video = session.video().map(|track| {
        let codec = if track.codec == VideoCodec::H264 { "H.264" } else { "H.265" };
        format!("{codec} {}x{}", track.width, track.height)
    });
    assert_eq!(video.as_deref().unwrap_or("unknown"), fixture.said("video").unwrap(), "{name}");
    let (sound, left_out) = (session.audio(), session.left_out());
    match fixture.said("audio").unwrap() {
        "none" => assert!(sound.is_none() && left_out.is_none(), "{name}: {sound:?} {left_out:?}"),
        "aac" => assert!(sound.is_some_and(|track| track.rfc6381.starts_with("mp4a")), "{name}"),
        "pcma" | "pcmu" | "l16" => assert!(sound.is_some_and(|track| track.rfc6381 == "fLaC"), "{name}"),
        codec => assert!(sound.is_none() && left_out == Some(codec), "{name}: {left_out:?}"),
    }
    let setups: Vec<_> = camera.of("SETUP").into_iter().map(|asked| asked.uri).collect();
    let expected = fixture.said("setup").unwrap().replace("{host}", &host);
    assert!(setups.contains(&expected), "{name}: {setups:?} lacks {expected}");
    assert!(!camera.of("PLAY").is_empty(), "{name}");
}

#[tokio::test]
async fn each_brand_gives_the_tracks_that_it_has_or_the_right_refusal() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/fixtures/cameras");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() >= 20, "{} fixtures", paths.len());
    for path in paths {
        try_out(Arc::new(Fixture::read(&path))).await;
    }
}
