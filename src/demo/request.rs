//! What a request asks for, and the shape of an answer; pure.

use rtsp_types::headers::{self, HeaderName, RtpLowerTransport, RtpProfile, Transport, Transports};
use rtsp_types::{Request, Response, StatusCode, Url, Version};

use super::player::Kind;
use super::sdp;

/// What a URL names: a rendition, or one track of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// First part of the path.
    pub(super) rendition: String,
    /// Second part; `None` is the whole rendition.
    pub(super) track: Option<Kind>,
    /// The rendition's URL with a slash at its end, in the client's own words for our address.
    pub(super) base: String,
}

impl Target {
    /// Takes `/rendition`, `/rendition/track` and both with a slash at the end; `None` for all else.
    pub(super) fn of(url: &Url) -> Option<Self> {
        let mut parts = url.path().split('/').filter(|part| !part.is_empty());
        let rendition = parts.next()?.to_owned();
        let track = match parts.next() {
            None => None,
            Some(sdp::VIDEO_CONTROL) => Some(Kind::Video),
            Some(sdp::AUDIO_CONTROL) => Some(Kind::Audio),
            Some(_) => return None,
        };
        if parts.next().is_some() {
            return None;
        }
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        let base = format!("rtsp://{}{port}/{rendition}/", url.host_str()?);
        Some(Self { rendition, track, base })
    }
}

/// A way of delivery that we can serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delivery {
    /// Interleaved, on these channels if the client named some.
    Tcp(Option<(u8, u8)>),
    /// To these two ports of the client.
    Udp(u16, u16),
}

impl Delivery {
    /// The first of the client's offers that we can serve (RFC 2326, section 12.39); `None` asks for status 461.
    pub(super) fn of<Body>(request: &Request<Body>) -> Option<Self> {
        let offers = request.typed_header::<Transports>().ok().flatten()?;
        offers.iter().find_map(|offer| {
            let Transport::Rtp(offer) = offer else { return None };
            if offer.profile != RtpProfile::Avp || offer.params.multicast {
                return None;
            }
            match offer.lower_transport {
                Some(RtpLowerTransport::Tcp) => Some(Self::Tcp(
                    offer.params.interleaved.map(|(a, b)| (a, b.unwrap_or(a.wrapping_add(1)))),
                )),
                None | Some(RtpLowerTransport::Udp) => {
                    let (rtp, rtcp) = offer.params.client_port?;
                    Some(Self::Udp(rtp, rtcp.unwrap_or(rtp.wrapping_add(1))))
                }
                Some(_) => None,
            }
        })
    }
}

/// An answer, but for what all answers have in common.
#[derive(Debug)]
pub(super) struct Reply {
    /// What the first line will say.
    pub(super) status: StatusCode,
    headers: Vec<(HeaderName, String)>,
    body: Vec<u8>,
}

impl Reply {
    /// Only a status.
    pub(super) fn of(status: StatusCode) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    /// 200.
    pub(super) fn ok() -> Self {
        Self::of(StatusCode::Ok)
    }

    /// Adds a header.
    pub(super) fn with(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Sets the body.
    pub(super) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// The whole answer; `cseq` is the request's own (RFC 2326, section 12.17).
    pub(super) fn build(self, cseq: Option<&str>) -> Response<Vec<u8>> {
        let mut response =
            Response::builder(Version::V1_0, self.status).header(headers::SERVER, "Belvedere demo");
        if let Some(cseq) = cseq {
            response = response.header(headers::CSEQ, cseq);
        }
        self.headers
            .into_iter()
            .fold(response, |response, (name, value)| response.header(name, value))
            .build(self.body)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn target(url: &str) -> Option<(String, Option<Kind>)> {
        Target::of(&Url::parse(url).unwrap()).map(|target| (target.rendition, target.track))
    }

    #[test]
    fn urls_name_a_rendition_or_one_of_its_tracks() {
        assert_eq!(target("rtsp://h/main"), Some(("main".into(), None)));
        assert_eq!(target("rtsp://h:8554/sub/"), Some(("sub".into(), None)));
        assert_eq!(target("rtsp://h/main/audio?x"), Some(("main".into(), Some(Kind::Audio))));
        assert_eq!(target("rtsp://h/"), None);
        assert_eq!(target("rtsp://h/main/text"), None);
        assert_eq!(target("rtsp://h/main/video/1"), None);
        let base = |url| Target::of(&Url::parse(url).unwrap()).unwrap().base;
        assert_eq!(base("rtsp://h:8554/main/video"), "rtsp://h:8554/main/");
        assert_eq!(base("rtsp://[::1]/main"), "rtsp://[::1]/main/");
    }

    #[test]
    fn the_first_offer_that_can_be_served_is_taken() {
        let table = [
            ("RTP/AVP/TCP;unicast;interleaved=4-5", Some(Delivery::Tcp(Some((4, 5))))),
            ("RTP/AVP/TCP;unicast", Some(Delivery::Tcp(None))),
            ("RTP/AVP;unicast;client_port=5000-5001", Some(Delivery::Udp(5000, 5001))),
            ("RTP/AVP/UDP;unicast;client_port=5000", Some(Delivery::Udp(5000, 5001))),
            ("RTP/AVP;unicast", None),
            ("RTP/AVP;multicast", None),
            ("RTP/SAVP;unicast;client_port=5000-5001", None),
            ("RTP/AVP;multicast,RTP/AVP/TCP;unicast", Some(Delivery::Tcp(None))),
        ];
        for (header, expected) in table {
            let request = Request::builder(rtsp_types::Method::Setup, Version::V1_0);
            let request = request.header(headers::TRANSPORT, header).empty();
            assert_eq!(Delivery::of(&request), expected, "{header}");
        }
    }
}
