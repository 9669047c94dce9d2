//! What real cameras answer, as their documents and their owners' reports show it, told again in our own words:
//! each gives the tracks that it has, and pictures, or the sentence that says why not.
//!
//! A fixture begins with what is asked and what is expected; `{host}` is the camera's address, `{h264:SIZE}` and
//! `{h265:SIZE}` are parameter sets of that size, `{channels}` are the channels that were asked for.

use std::path::Path;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use belvedere::media::VideoCodec;

use belvedere::ingest::event::{Event, Picture};
use belvedere::ingest::rtsp::{Session, Sessions};

use super::answers::{connect, source};
use crate::support::scripted::{Act, Asked, Scripted};
use crate::support::{PATIENCE, soon};

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

    /// What follows `name` in an answer, up to the next sign that is no letter or digit.
    fn told<'a>(text: &'a str, name: &str) -> Option<&'a str> {
        let (_, rest) = text.split_once(name)?;
        let rest = rest.trim_start();
        Some(&rest[..rest.find(|sign: char| !sign.is_ascii_alphanumeric()).unwrap_or(rest.len())])
    }

    /// Three pictures, each a slice of a key frame and nothing in it, in packets whose first number and whose source
    /// are those that the camera tells, or, of a camera that lies, others.
    fn packets(&self, lies: bool) -> Vec<u8> {
        let told = |text: &str, name: &str, radix| {
            Self::told(text, name).and_then(|number| u32::from_str_radix(number, radix).ok())
        };
        let sequence = told(&self.play, ";seq=", 10).unwrap_or(40_000) as u16;
        let source = told(&self.setup, "ssrc=", 16).unwrap_or(7);
        let (mut sequence, source) =
            if lies { (sequence.wrapping_sub(5_000), source ^ 1) } else { (sequence, source) };
        let sdp = &self.describe.1;
        let video = &sdp[sdp.find("m=video").unwrap_or(0)..];
        let payload_type: u8 = video.lines().next().unwrap().split(' ').nth(3).unwrap().parse().unwrap();
        let h265 = self.said("video").is_some_and(|video| video.starts_with("H.265"));
        let sets = H264[0].1.split(',').map(|set| STANDARD.decode(set).unwrap());
        let sets: Vec<_> = if sdp.contains("sprop") { Vec::new() } else { sets.collect() };
        let slice = match h265 {
            true => vec![0x26, 0x01, 0xaf, 0x09, 0x40, 0xff],
            false => vec![0x65, 0x88, 0x84, 0x00, 0x33, 0xff],
        };
        let mut out = Vec::new();
        for time in [0u32, 3_600, 7_200] {
            for nal in sets.iter().chain([&slice]) {
                let marker = if nal == &slice { 0x80 } else { 0 };
                let mut packet = vec![0x80, payload_type | marker];
                packet.extend(sequence.to_be_bytes());
                packet.extend(time.to_be_bytes());
                packet.extend(source.to_be_bytes());
                packet.extend(nal);
                sequence = sequence.wrapping_add(1);
                // The video is asked for first, so it has the first channel.
                out.extend([b'$', 0, 0, packet.len() as u8]);
                out.extend(packet);
            }
        }
        out
    }

    fn answer(&self, host: &str, asked: &Asked, lies: bool) -> Act {
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
            "PLAY" => {
                let headers = fill(&self.play).trim_end().replace('\n', "\r\n");
                let cseq = asked.header("CSeq");
                let mut bytes = format!("RTSP/1.0 200 OK\r\nCSeq: {cseq}\r\n{headers}\r\n\r\n").into_bytes();
                bytes.extend(self.packets(lies));
                Act::Say(bytes)
            }
            _ => Act::ok(fill(&self.play)),
        }
    }
}

/// The next picture, and how many packets are thought to be lost before it.
async fn picture(session: &mut Session) -> Result<Picture, String> {
    loop {
        match soon("an event", session.next(|_| ())).await {
            Ok(Event::Video(picture)) => return Ok(picture),
            Ok(_) => {}
            Err(failure) => return Err(failure.to_string()),
        }
    }
}

/// Connects to a camera that answers as the fixture says, and compares.
async fn try_out(fixture: Arc<Fixture>, lies: bool) {
    let name = &fixture.name;
    let (told, place) = (fixture.clone(), Arc::<std::sync::OnceLock<String>>::default());
    let own = place.clone();
    let camera =
        Scripted::start(move |asked| told.answer(own.get().expect("it has started"), asked, lies)).await;
    place.set(camera.address.to_string()).unwrap();
    let host = camera.address.to_string();
    let result = connect(&source(camera.url(fixture.said("ask").unwrap().trim_start_matches('/')))).await;
    if let Some(words) = fixture.said("refused") {
        let failure = result.err().unwrap_or_else(|| panic!("{name} was to be refused")).to_string();
        return assert!(failure.contains(words), "{name}: {failure}");
    }
    let mut session = result.unwrap_or_else(|failure| panic!("{name}: {failure}"));
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
    let mut seen = picture(&mut session).await;
    if lies && seen.is_err() {
        // As the next session after one that broke is made.
        let source = source(camera.url(fixture.said("ask").unwrap().trim_start_matches('/')));
        let group = Sessions::default().group(&source.url);
        session = soon("a session", Session::connect_measured(&source, PATIENCE, &group)).await.unwrap();
        seen = picture(&mut session).await;
    }
    let seen = seen.unwrap_or_else(|failure| panic!("{name}, lies: {lies}: {failure}"));
    assert!(seen.sync && seen.track.is_some() && seen.lost == 0, "{name}, lies: {lies}: {seen:?}");
}

#[tokio::test]
async fn each_brand_gives_the_tracks_that_it_has_or_the_right_refusal() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/fixtures/cameras");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() >= 20, "{} fixtures", paths.len());
    for path in paths {
        for lies in [false, true] {
            try_out(Arc::new(Fixture::read(&path)), lies).await;
        }
    }
}
