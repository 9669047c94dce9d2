//! The text messages of the feed, both ways.

use serde::{Deserialize, Serialize};

use crate::live::{Epoch, Status};
use crate::media::Tracks;

/// What the server says beside the media.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum ServerText {
    /// The init segment comes next; all media after it belongs to it.
    Init {
        /// MIME type with codecs, as `MediaSource.isTypeSupported` takes it.
        mime: String,
        /// The rendition.
        rendition: String,
        /// Number of the epoch within the run.
        epoch: u32,
        /// Width of the picture in pixels.
        width: u16,
        /// Height of the picture in pixels.
        height: u16,
    },
    /// What the camera does; sent when it changes.
    Status {
        /// One word.
        state: String,
        /// Why, for a person.
        reason: String,
    },
    /// The client read too slowly: chunks were left out, and the next one is a sync sample.
    Skip {
        /// How many.
        chunks: u64,
    },
}

impl ServerText {
    /// Announces `tracks`, which are those of `epoch` that the client can play.
    pub fn init(rendition: &str, epoch: &Epoch, tracks: &Tracks) -> Self {
        Self::Init {
            mime: format!("video/mp4; codecs=\"{}\"", tracks.codecs()),
            rendition: rendition.into(),
            epoch: epoch.number,
            width: tracks.video.width,
            height: tracks.video.height,
        }
    }

    /// Says what the camera does.
    pub fn status(status: &Status) -> Self {
        Self::Status { state: status.state.word().into(), reason: status.reason.clone() }
    }

    /// The message as JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("strings and numbers are always JSON")
    }
}

/// What a client may say.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum ClientText {
    /// Go on with another rendition, or `auto`.
    Select {
        /// Its name.
        rendition: String,
    },
    /// Send no media until `resume`.
    Pause,
    /// Go on at the newest sync sample.
    Resume,
    /// How the client is doing.
    Report {
        /// Media ahead of what is shown, in seconds.
        #[serde(default)]
        buffered: f64,
        /// How far behind live, in seconds, as far as the client can tell.
        #[serde(default)]
        latency: f64,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::State;

    #[test]
    fn messages_are_the_json_that_clients_know() {
        let status = ServerText::status(&Status::because(State::Stalled, "no frame for 10 s"));
        assert_eq!(status.to_json(), r#"{"type":"status","state":"stalled","reason":"no frame for 10 s"}"#);
        assert_eq!(ServerText::Skip { chunks: 3 }.to_json(), r#"{"type":"skip","chunks":3}"#);
    }

    #[test]
    fn client_messages_are_read_and_nonsense_is_refused() {
        let read = |text: &str| serde_json::from_str::<ClientText>(text).ok();
        assert_eq!(read(r#"{"type":"pause"}"#), Some(ClientText::Pause));
        let select = ClientText::Select { rendition: "sub".into() };
        assert_eq!(read(r#"{"type":"select","rendition":"sub"}"#), Some(select));
        let report = ClientText::Report { buffered: 0.5, latency: 0.0 };
        assert_eq!(read(r#"{"type":"report","buffered":0.5}"#), Some(report));
        assert_eq!(read(r#"{"type":"explode"}"#), None);
        assert_eq!(read("pause"), None);
    }
}
