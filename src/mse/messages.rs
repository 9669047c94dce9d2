//! The text messages of the feed, both ways.
//!
//! Server to client:
//! ```json
//! {"type":"init","mime":"video/mp4; codecs=\"avc1.4d401f,mp4a.40.2\"","rendition":"main","epoch":1,"width":1920,"height":1080}
//! {"type":"rendition","name":"sub","why":"link","reason":"this connection is too slow for main"}
//! {"type":"skip","chunks":37}
//! {"type":"status","state":"retrying","reason":"connection refused","retry_in":3.5}
//! ```
//! `init` is followed by the init segment, and that by a sync sample of the video. Where another rendition follows,
//! its decode times go on where those before it ended, and nothing is sent twice. In need, when the connection carries
//! less than it should, they go on later (a `skip` is told first), or a few seconds earlier: then what comes replaces
//! what was sent, as appending it does by itself.
//!
//! `rendition` comes in `auto` alone, right before `init`: at the start if the rendition is not the first one, and with
//! each change. `why` is one word: `codec` (the client cannot decode the one before it), `link` (the connection is too
//! slow for it), `offline` (the camera does not deliver it), `calm` (the connection carries more again). `reason` is
//! for a person.
//!
//! `retry_in` of a `status` are the seconds until the server tries the camera again, where it waits for that.
//!
//! `skip`: the client read too slowly, and chunks were left out; the next one is a sync sample.
//!
//! Client to server, all optional; numbers in seconds, each of them may be missing:
//! ```json
//! {"type":"select","rendition":"sub"}
//! {"type":"pause"}
//! {"type":"resume"}
//! {"type":"report","buffered":0.42,"latency":0.31}
//! ```
//! After `resume` comes an `init`, also in the same rendition. Two reports in a row with less than 50 ms buffered,
//! while chunks come, are taken for a connection that is too slow; one a second is plenty.

use std::time::Instant;

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
    /// `auto` goes on with this rendition; its `init` comes next.
    Rendition {
        /// Its name.
        name: String,
        /// Why, in one word.
        why: Why,
        /// Why, for a person.
        reason: String,
    },
    /// What the camera does; sent when it changes.
    Status {
        /// One word.
        state: String,
        /// Why, for a person.
        reason: String,
        /// Seconds until the next attempt, where one is waited for.
        #[serde(skip_serializing_if = "Option::is_none")]
        retry_in: Option<f64>,
    },
    /// The client read too slowly: chunks were left out, and the next one is a sync sample.
    Skip {
        /// How many.
        chunks: u64,
    },
}

/// Why `auto` goes on with another rendition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Why {
    /// The client cannot decode the one before it.
    Codec,
    /// The connection is too slow for the one before it.
    Link,
    /// The camera does not deliver the one before it.
    Offline,
    /// The connection carries more again.
    Calm,
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

    /// Says what the camera does at `now`.
    pub fn status(status: &Status, now: Instant) -> Self {
        let (state, reason) = (status.state.word().into(), status.reason.clone());
        Self::Status { state, reason, retry_in: status.retry_in(now) }
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
        buffered: Option<f64>,
        /// How far behind live, in seconds, as far as the client can tell.
        latency: Option<f64>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::State;

    #[test]
    fn messages_are_the_json_that_clients_know() {
        let now = crate::clock::now().instant;
        let status = ServerText::status(&Status::because(State::Stalled, "no frame for 10 s"), now);
        assert_eq!(status.to_json(), r#"{"type":"status","state":"stalled","reason":"no frame for 10 s"}"#);
        let pause = std::time::Duration::from_millis(60_480);
        let locked = Status::because(State::Unauthorized(pause), "401").until(now + pause);
        let text = r#"{"type":"status","state":"unauthorized","reason":"401","retry_in":60.5}"#;
        assert_eq!(ServerText::status(&locked, now).to_json(), text);
        assert_eq!(locked.retry_in(now + pause * 2), Some(0.0));
        assert_eq!(ServerText::Skip { chunks: 3 }.to_json(), r#"{"type":"skip","chunks":3}"#);
        let change = ServerText::Rendition { name: "sub".into(), why: Why::Link, reason: "slow".into() };
        let text = r#"{"type":"rendition","name":"sub","why":"link","reason":"slow"}"#;
        assert_eq!(change.to_json(), text);
    }

    #[test]
    fn client_messages_are_read_and_nonsense_is_refused() {
        let read = |text: &str| serde_json::from_str::<ClientText>(text).ok();
        assert_eq!(read(r#"{"type":"pause"}"#), Some(ClientText::Pause));
        let select = ClientText::Select { rendition: "sub".into() };
        assert_eq!(read(r#"{"type":"select","rendition":"sub"}"#), Some(select));
        let report = ClientText::Report { buffered: Some(0.5), latency: None };
        assert_eq!(read(r#"{"type":"report","buffered":0.5}"#), Some(report));
        assert_eq!(read(r#"{"type":"explode"}"#), None);
        assert_eq!(read("pause"), None);
    }
}
