//! Why a camera is not on air, in sentences for its owner. No sentence holds a URL or a password.

use std::fmt;
use std::time::Duration;

use crate::live::State;

/// Which rendition of which camera; displayed as `front-door/main`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name {
    /// The camera's name.
    pub camera: String,
    /// The rendition's name.
    pub rendition: String,
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.camera, self.rendition)
    }
}

/// What was being waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The TCP connection.
    Connecting,
    /// The TLS handshake.
    Tls,
    /// The answer to DESCRIBE.
    Describe,
    /// The answer to SETUP.
    Setup,
    /// The answer to PLAY.
    Play,
    /// The first picture after PLAY.
    FirstFrame,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connecting => "connecting",
            Self::Tls => "the TLS handshake",
            Self::Describe => "RTSP DESCRIBE",
            Self::Setup => "RTSP SETUP",
            Self::Play => "RTSP PLAY",
            Self::FirstFrame => "the first frame",
        })
    }
}

/// Why a session ended or never began.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The URL cannot be used for RTSP.
    #[error("the source is no rtsp:// or rtsps:// URL with a host")]
    BadUrl,
    /// Nothing listens there.
    #[error("connection refused: check the address and the port, and that RTSP is switched on in the camera")]
    Refused,
    /// The connection could not be made for another reason.
    #[error("cannot connect: {why}")]
    Unreachable {
        /// In the words of the operating system.
        why: String,
    },
    /// TLS could not be agreed upon.
    #[error("TLS failed: {why}{}", tls_advice(why))]
    Tls {
        /// In the words of the TLS library.
        why: String,
    },
    /// The camera sends us elsewhere, and that cannot be followed.
    #[error("the camera's redirect cannot be followed: {why}")]
    Redirected {
        /// What is wrong with it.
        why: String,
    },
    /// The camera sends us to another host, which asks for a password.
    #[error(
        "the camera redirects to another host, which asks for a password (401) and is not told that of this one: write \
         that host's own URL as the source"
    )]
    Withheld,
    /// An answer did not come in time.
    #[error("timed out at {step}: no answer for {} s", after.as_secs_f64())]
    TimedOut {
        /// What was being waited for.
        step: Step,
        /// For how long.
        after: Duration,
    },
    /// The camera answered with an error.
    #[error("{step} answered {status}{}", advice(*step, *status))]
    Answered {
        /// The request.
        step: Step,
        /// RTSP status code (RFC 2326, 7.1.1).
        status: u16,
    },
    /// The camera answered with something that makes no sense.
    #[error("{step} failed: {why}")]
    Unintelligible {
        /// The request.
        step: Step,
        /// What is wrong with the answer.
        why: String,
    },
    /// The camera offers sound, and no session comes about with it.
    #[error("the camera refuses the sound that it offers: {why}")]
    SoundRefused {
        /// How.
        why: String,
    },
    /// No video track that can be served.
    #[error(
        "no H.264 or H.265 video: the camera offers {found}; set the video encoding of this stream to H.264 in the camera{}",
        sound_alone(found)
    )]
    NoVideo {
        /// What it has instead, such as `jpeg video, pcma audio`.
        found: String,
    },
    /// Sound was to play alone, and there is none that can be served.
    #[error(
        "no sound to play alone: the camera offers {found}; choose AAC or G.711 in the camera, or leave video = \"off\" out"
    )]
    NoSound {
        /// What it has instead.
        found: String,
    },
    /// The parameters of a track make no sense.
    #[error("{why}")]
    Unusable {
        /// What is wrong with them.
        why: String,
    },
    /// The stream stopped although the connection stands.
    #[error("stalled: no picture for {} s", after.as_secs_f64())]
    Stalled {
        /// For how long.
        after: Duration,
    },
    /// Sound came, and nothing to see.
    #[error(
        "sound comes, but no picture for {} s: check that the video of this stream is switched on in the camera, and \
         restart it",
        after.as_secs_f64()
    )]
    SoundOnly {
        /// For how long.
        after: Duration,
    },
    /// The camera ended the connection.
    #[error("the camera closed the connection")]
    Closed,
    /// The connection or the stream broke.
    #[error("the stream broke off: {why}")]
    Broken {
        /// How.
        why: String,
    },
    /// The packets became those of another source (RFC 3550, 8.2).
    #[error("the camera changed the source of its packets (SSRC) in mid-session")]
    OtherSource,
    /// Nothing but damage comes.
    #[error(
        "for {} s nothing that came could be read ({why}): restart the camera, or set its video encoding to plain H.264",
        within.as_secs()
    )]
    Damaged {
        /// How many slips.
        count: usize,
        /// In which time.
        within: Duration,
        /// What was wrong with the last of them.
        why: String,
    },
    /// Packets come and come, and no picture is complete. The next session measures them.
    #[error("a very large picture came: the next one is measured")]
    Swelling,
    /// A picture goes on and on.
    #[error(
        "a picture of more than {} MiB that does not end: restart the camera, and lower its bit rate",
        most >> 20
    )]
    Endless {
        /// Bytes that a picture may have.
        most: usize,
    },
    /// A defect in this program.
    #[error("an internal error ended the session; please report it with the log")]
    Panicked,
}

impl Failure {
    /// True if who we are is what the camera refuses.
    pub fn is_about_login(&self) -> bool {
        matches!(self, Self::Answered { status: 401 | 403, .. } | Self::Withheld)
    }

    /// The state to show while waiting `pause` for the next attempt.
    pub fn state(&self, pause: Duration) -> State {
        match self {
            failure if failure.is_about_login() => State::Unauthorized(pause),
            Self::NoVideo { .. } | Self::NoSound { .. } | Self::Unusable { .. } => State::Unsupported(pause),
            _ => State::Retrying(pause),
        }
    }
}

/// What the camera's owner can do about a status (RFC 2326, 11).
fn advice(step: Step, status: u16) -> &'static str {
    match status {
        // The path is right: it was described.
        404 | 454 | 459 if step == Step::Setup => {
            ": the camera does not give what it describes, restart it or take another of its streams"
        }
        300..=399 => ": the camera sends us elsewhere in mid-way, write the URL where it leads as the source",
        401 => ": check username and password",
        403 => ": the camera does not let this user watch",
        404 => ": check the path of the URL",
        453 | 503 => ": the camera has no room for another session, close other viewers of it",
        500..=599 if step == Step::Describe => {
            ": the camera cannot give this stream, check the path of the URL, and restart the camera"
        }
        461 => ": the camera does not offer this transport, try the other one",
        _ => "",
    }
}

/// What can be heard of a camera whose video is of no use.
fn sound_alone(found: &str) -> &'static str {
    if found.contains("audio") { ", or have its sound played alone by video = \"off\"" } else { "" }
}

/// What the camera's owner can do about a handshake that failed.
fn tls_advice(why: &str) -> &'static str {
    if why.contains("not valid for name") {
        ": one listed in tls_ca counts for the hosts it names, so write one of them in the URL, or write \
         tls = \"insecure\" if the network is yours alone"
    } else if why.contains("certificate") {
        ": name the camera's own certificate or authority in tls_ca, or write tls = \"insecure\" if the network \
         is yours alone"
    } else {
        ": check the port, and that RTSP over TLS is switched on in the camera"
    }
}

/// A failure with the name of the camera it happened to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("camera {name}: {failure}")]
pub struct IngestError {
    /// Whose failure.
    pub name: Name,
    /// What failed.
    pub failure: Failure,
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEN: Duration = Duration::from_secs(10);

    #[test]
    fn errors_tell_the_owner_what_to_do() {
        let answered = |step, status| Failure::Answered { step, status };
        let cases = [
            (answered(Step::Describe, 401), "RTSP DESCRIBE answered 401: check username and password"),
            (answered(Step::Describe, 404), "RTSP DESCRIBE answered 404: check the path of the URL"),
            (answered(Step::Play, 500), "RTSP PLAY answered 500"),
            (
                answered(Step::Describe, 551),
                "RTSP DESCRIBE answered 551: the camera cannot give this stream, check the path of the URL, and restart the camera",
            ),
            (
                answered(Step::Setup, 404),
                "RTSP SETUP answered 404: the camera does not give what it describes, restart it or take another of its streams",
            ),
            (
                Failure::TimedOut { step: Step::Connecting, after: TEN },
                "timed out at connecting: no answer for 10 s",
            ),
            (
                Failure::TimedOut { step: Step::FirstFrame, after: TEN },
                "timed out at the first frame: no answer for 10 s",
            ),
            (
                Failure::NoVideo { found: "jpeg video".into() },
                "no H.264 or H.265 video: the camera offers jpeg video; set the video encoding of this stream to H.264 in the camera",
            ),
            (
                Failure::NoVideo { found: "jpeg video, pcma audio".into() },
                "no H.264 or H.265 video: the camera offers jpeg video, pcma audio; set the video encoding of this stream to H.264 in the camera, or have its sound played alone by video = \"off\"",
            ),
            (Failure::Stalled { after: Duration::from_millis(1_500) }, "stalled: no picture for 1.5 s"),
        ];
        let name = Name { camera: "front-door".into(), rendition: "main".into() };
        for (failure, text) in cases {
            let error = IngestError { name: name.clone(), failure };
            assert_eq!(error.to_string(), format!("camera front-door/main: {text}"));
        }
    }

    #[test]
    fn only_refused_credentials_and_codecs_have_states_of_their_own() {
        let answered = |status| Failure::Answered { step: Step::Describe, status };
        let cases = [
            (answered(401), "unauthorized"),
            (answered(403), "unauthorized"),
            (Failure::Withheld, "unauthorized"),
            (answered(404), "retrying"),
            (Failure::NoVideo { found: "nothing".into() }, "unsupported"),
            (Failure::NoSound { found: "jpeg video".into() }, "unsupported"),
            (Failure::Stalled { after: TEN }, "retrying"),
            (Failure::Panicked, "retrying"),
        ];
        for (failure, word) in cases {
            assert_eq!(failure.state(TEN).word(), word, "{failure}");
        }
    }
}
