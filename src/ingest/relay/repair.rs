//! Headers that nobody needs, and that the RTSP library takes in one form only: mended on their way. Pure.

use url::Url;

use super::message::Message;

/// The longest life of a session that is believed, in seconds.
const LONGEST: u32 = 24 * 60 * 60;

/// What the client calls a session that the camera has no name for.
const NAMELESS: &str = "nameless";

/// What a session is called on both sides.
#[derive(Debug, Default)]
pub struct Naming {
    client: Option<String>,
    camera: Option<String>,
}

impl Naming {
    /// Mends the header Session of an answer to SETUP (RFC 2326, 12.37): an identifier without blanks, and a life in
    /// whole seconds or none.
    pub fn mend(&mut self, answer: &mut Message) {
        let said = answer.header("Session").unwrap_or_default();
        let (id, parameters) = said.split_once(';').unwrap_or((said, ""));
        let (id, life) = (id.trim().to_owned(), life(parameters));
        let client = match &self.client {
            Some(known) if id.is_empty() || known == NAMELESS => known.clone(),
            None if id.is_empty() => NAMELESS.to_owned(),
            _ => id.clone(),
        };
        if !id.is_empty() {
            self.camera = Some(id);
        }
        answer.set("Session", life.map_or(client.clone(), |seconds| format!("{client};timeout={seconds}")));
        self.client = Some(client);
    }

    /// Has the camera read its own name of the session in a request, if it has one.
    pub fn restore(&self, request: &mut Message) {
        if request.header("Session") == Some(NAMELESS) {
            match &self.camera {
                Some(id) => request.set("Session", id.as_str()),
                None => request.remove("Session"),
            }
        }
    }
}

/// The seconds in `timeout=60`, whatever stands around it, if they make sense.
fn life(parameters: &str) -> Option<u32> {
    let mut named = parameters.split(';').filter_map(|parameter| parameter.split_once('='));
    let (_, value) = named.find(|(name, _)| name.trim().eq_ignore_ascii_case("timeout"))?;
    let whole = value.trim().split(|sign: char| !sign.is_ascii_digit()).next()?;
    whole.parse().ok().filter(|seconds| (1..=LONGEST).contains(seconds))
}

/// Leaves of the header RTP-Info of an answer to PLAY (RFC 2326, 12.33) what makes sense; URLs are relative to `base`.
pub fn rtp_info(answer: &mut Message, base: &Url) {
    let Some(said) = answer.header("RTP-Info") else { return };
    let streams: Vec<_> = said.split(',').filter_map(|stream| stream_info(stream, base)).collect();
    match streams.is_empty() {
        true => answer.remove("RTP-Info"),
        false => answer.set("RTP-Info", streams.join(",")),
    }
}

fn stream_info(said: &str, base: &Url) -> Option<String> {
    let mut parts = said.split(';').map(str::trim);
    let url = parts.next()?.strip_prefix("url=")?.trim().trim_matches('"');
    base.join(url).ok()?;
    let sound = parts.filter(|part| match part.split_once('=') {
        Some(("seq", number)) => number.parse::<u16>().is_ok(),
        Some(("rtptime", time)) => time.parse::<u32>().is_ok(),
        _ => false,
    });
    Some(sound.fold(format!("url={url}"), |all, part| all + ";" + part))
}

/// Puts what was asked for into an answer to SETUP that does not say how the packets will come.
pub fn transport(answer: &mut Message, request: &Message) {
    if answer.header("Transport").is_none_or(|said| said.trim().is_empty())
        && let Some(wish) = request.header("Transport").filter(|wish| wish.contains("interleaved="))
    {
        answer.set("Transport", wish);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(name: &str, value: Option<&str>) -> Message {
        let headers = value.map(|value| (name.to_owned(), value.to_owned())).into_iter().collect();
        Message { line: "RTSP/1.0 200 OK".into(), headers, body: Vec::new() }
    }

    fn mended(naming: &mut Naming, value: Option<&str>) -> String {
        let mut answer = message("Session", value);
        naming.mend(&mut answer);
        answer.header("Session").unwrap_or_default().to_owned()
    }

    #[test]
    fn sessions_live_for_whole_seconds_or_as_long_as_sessions_do() {
        for (said, told) in [
            ("42;timeout=60", "42;timeout=60"),
            ("42 ; timeout = 60", "42;timeout=60"),
            ("42;Timeout=60.0", "42;timeout=60"),
            ("42;timeout=0", "42"),
            ("42;timeout=-1", "42"),
            ("42;timeout=", "42"),
            ("42;timeout=99999999999", "42"),
            ("42;", "42"),
            ("42;mode=x;timeout=30", "42;timeout=30"),
        ] {
            assert_eq!(mended(&mut Naming::default(), Some(said)), told, "{said}");
        }
    }

    #[test]
    fn a_session_without_a_name_has_one_for_the_client_alone() {
        let sent = |naming: &Naming, session: &str| {
            let mut request = message("Session", Some(session));
            naming.restore(&mut request);
            request.header("Session").map(str::to_owned)
        };
        for said in [None, Some(""), Some(";timeout=60")] {
            let mut naming = Naming::default();
            let name = mended(&mut naming, said);
            assert!(name.starts_with(NAMELESS), "{name}");
            assert_eq!(sent(&naming, NAMELESS), None);
            // Named at the second SETUP.
            assert_eq!(mended(&mut naming, Some("42")), NAMELESS);
            assert_eq!(sent(&naming, NAMELESS).as_deref(), Some("42"));
        }
        // Named at the first one alone.
        let mut naming = Naming::default();
        assert_eq!((mended(&mut naming, Some("42")), mended(&mut naming, None)), ("42".into(), "42".into()));
        assert_eq!(sent(&naming, "42").as_deref(), Some("42"));
    }

    #[test]
    fn of_rtp_info_what_makes_sense_is_passed_on() {
        let base = Url::parse("rtsp://cam/live").expect("a URL");
        for (said, told) in [
            ("url=rtsp://cam/live/1;seq=7;rtptime=9", Some("url=rtsp://cam/live/1;seq=7;rtptime=9")),
            ("url=1;seq=;rtptime=, url=2 ; seq=7", Some("url=1,url=2;seq=7")),
            ("url=1;seq=-1;rtptime=9", Some("url=1;rtptime=9")),
            ("url=1;seq=99999;x;ssrc=0A", Some("url=1")),
            ("url=\"1\";seq=7", Some("url=1;seq=7")),
            ("seq=7;rtptime=9", None),
            ("url=rtsp://[;seq=7", None),
            ("", None),
        ] {
            let mut answer = message("RTP-Info", Some(said));
            rtp_info(&mut answer, &base);
            assert_eq!(answer.header("RTP-Info"), told, "{said}");
        }
    }

    #[test]
    fn an_answer_that_does_not_say_how_packets_come_means_what_was_asked_for() {
        let wish = message("Transport", Some("RTP/AVP/TCP;unicast;interleaved=2-3"));
        for (said, told) in [(None, "RTP/AVP/TCP;unicast;interleaved=2-3"), (Some("RTP/AVP"), "RTP/AVP")] {
            let mut answer = message("Transport", said);
            transport(&mut answer, &wish);
            assert_eq!(answer.header("Transport"), Some(told));
        }
    }
}
