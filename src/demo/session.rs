//! What one client has asked for: the state machine of RTSP 1.0 (RFC 2326, appendix A.2), one session a connection.

use std::net::SocketAddr;
use std::sync::Arc;

use rtsp_types::{Method, Request, Response, StatusCode, Version, headers};

use super::clip::Clip;
use super::counters::OpenSession;
use super::outlet::Outlet;
use super::player::{Kind, Player, Stream};
use super::request::{Delivery, Reply, Target};
use super::server::Shared;
use super::timebase::CameraTime;
use super::{auth, random, sdp};
use crate::clock;

/// The methods we serve; live media cannot pause.
const METHODS: &str = "OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER, SET_PARAMETER, TEARDOWN";

/// The client behind one connection.
#[derive(Debug)]
pub(super) struct Client {
    shared: Arc<Shared>,
    local: SocketAddr,
    peer: SocketAddr,
    /// Of Digest; as good as the connection is long.
    nonce: String,
    session: Option<Session>,
}

#[derive(Debug)]
struct Session {
    id: String,
    clip: Arc<Clip>,
    state: State,
    _open: OpenSession,
}

#[derive(Debug)]
enum State {
    Ready(Vec<Stream>),
    Playing(Box<Player>),
}

impl Session {
    fn streams(&self) -> &[Stream] {
        match &self.state {
            State::Ready(streams) => streams,
            State::Playing(player) => player.streams(),
        }
    }
}

impl Client {
    /// A client that has not said anything yet.
    pub(super) fn new(shared: Arc<Shared>, local: SocketAddr, peer: SocketAddr) -> Self {
        Self { shared, local, peer, nonce: format!("{:016x}", random::number()), session: None }
    }

    /// What plays, if something does.
    pub(super) fn player(&mut self) -> Option<&mut Player> {
        match &mut self.session.as_mut()?.state {
            State::Playing(player) => Some(player),
            State::Ready(_) => None,
        }
    }

    /// True while packets go out over TCP: then taking them is all the sign of life we need.
    pub(super) fn plays_over_tcp(&mut self) -> bool {
        self.player().is_some_and(|player| player.streams().iter().any(|stream| stream.outlet.is_tcp()))
    }

    /// The answer to a request; what it asks for has been done by then.
    pub(super) fn answer(&mut self, request: &Request<Vec<u8>>) -> Response<Vec<u8>> {
        let cseq = request.header(&headers::CSEQ).map(|cseq| cseq.as_str());
        let reply = self.check(request).and_then(|()| self.act(request)).unwrap_or_else(|refusal| refusal);
        tracing::debug!(peer = %self.peer, method = ?request.method(), status = ?reply.status, "RTSP request");
        reply.build(cseq)
    }

    /// What must hold for any request.
    fn check(&self, request: &Request<Vec<u8>>) -> Result<(), Reply> {
        if request.version() != Version::V1_0 {
            return Err(Reply::of(StatusCode::RTSPVersionNotSupported));
        }
        if request.header(&headers::CSEQ).is_none() {
            return Err(Reply::of(StatusCode::BadRequest));
        }
        if let Some(require) = request.header(&headers::REQUIRE) {
            let refusal = Reply::of(StatusCode::OptionNotSupported);
            return Err(refusal.with(headers::UNSUPPORTED, require.as_str()));
        }
        let Some(credentials) = &self.shared.options.credentials else { return Ok(()) };
        if *request.method() == Method::Options {
            return Ok(());
        }
        let method: &str = request.method().into();
        match request.header(&headers::AUTHORIZATION) {
            Some(header) if auth::accepts(credentials, &self.nonce, method, header.as_str()) => Ok(()),
            _ => {
                let challenge = auth::challenge(credentials.scheme, &self.nonce);
                Err(Reply::of(StatusCode::Unauthorized).with(headers::WWW_AUTHENTICATE, challenge))
            }
        }
    }

    fn act(&mut self, request: &Request<Vec<u8>>) -> Result<Reply, Reply> {
        match request.method() {
            Method::Options => Ok(Reply::ok().with(headers::PUBLIC, METHODS)),
            Method::Describe => self.describe(request),
            Method::Setup => self.set_up(request),
            Method::Play => self.play(request),
            Method::GetParameter => self.keep_alive(request),
            Method::SetParameter if request.body().is_empty() => self.keep_alive(request),
            Method::SetParameter => Err(Reply::of(StatusCode::ParameterNotUnderstood)),
            Method::Teardown => self.tear_down(request),
            Method::Extension(_) => Err(Reply::of(StatusCode::NotImplemented)),
            _ => Err(Reply::of(StatusCode::MethodNotAllowed).with(headers::ALLOW, METHODS)),
        }
    }

    fn describe(&self, request: &Request<Vec<u8>>) -> Result<Reply, Reply> {
        self.fail_as_told()?;
        let (target, clip) = self.find(request)?;
        self.shared.counters.describes.add(1);
        let Shared { options, faults, .. } = &*self.shared;
        let (config, clock) = (options.audio_config.as_deref(), faults.sound_clock());
        Ok(Reply::ok()
            .with(headers::CONTENT_BASE, target.base)
            .with(headers::CONTENT_TYPE, "application/sdp")
            .body(sdp::describe(&clip, self.local.ip(), config, clock, !faults.sets_are_hidden())))
    }

    fn set_up(&mut self, request: &Request<Vec<u8>>) -> Result<Reply, Reply> {
        self.fail_as_told()?;
        let (target, clip) = self.find(request)?;
        let kind = target.track.ok_or_else(|| Reply::of(StatusCode::AggregateOperationNotAllowed))?;
        if let Some(code) = self.shared.faults.sound_refusal().filter(|_| kind == Kind::Audio) {
            return Err(Reply::of(StatusCode::from(code)));
        }
        if request.header(&headers::SESSION).is_some() {
            let session = self.session(request)?;
            if session.clip.name != clip.name {
                return Err(Reply::of(StatusCode::AggregateOperationNotAllowed));
            }
        } else if self.session.is_some() {
            // A second session would need a connection of its own.
            return Err(Reply::of(StatusCode::MethodNotValidInThisState));
        }
        let set_up = self.session.as_ref().map(Session::streams).unwrap_or_default();
        let playing = self.session.as_ref().is_some_and(|session| matches!(session.state, State::Playing(_)));
        if playing || set_up.iter().any(|stream| stream.kind == kind) {
            return Err(Reply::of(StatusCode::MethodNotValidInThisState));
        }
        let delivery = Delivery::of(request).ok_or_else(|| Reply::of(StatusCode::UnsupportedTransport))?;
        let (outlet, transport) = self.open(delivery, set_up)?;
        let stream = Stream::new(kind, outlet);
        let told = stream.packetizer.ssrc ^ u32::from(self.shared.faults.packets_are_misnamed());
        let transport = format!("{transport};ssrc={told:08X};mode=\"PLAY\"");
        let counters = &self.shared.counters;
        let session = self.session.get_or_insert_with(|| Session {
            id: format!("{:016X}", random::number()),
            clip,
            state: State::Ready(Vec::new()),
            _open: OpenSession::new(counters),
        });
        if let State::Ready(streams) = &mut session.state {
            streams.push(stream);
        }
        let timeout = self.shared.options.session_timeout.as_secs().max(1);
        let session = format!("{};timeout={timeout}", session.id);
        Ok(Reply::ok().with(headers::SESSION, session).with(headers::TRANSPORT, transport))
    }

    /// Opens the way to the client and words it for the Transport header.
    fn open(&self, delivery: Delivery, set_up: &[Stream]) -> Result<(Outlet, String), Reply> {
        match delivery {
            Delivery::Tcp(wish) => {
                let taken = |channel: u8| {
                    set_up.iter().any(|stream| match stream.outlet {
                        Outlet::Tcp { rtp, rtcp } => rtp == channel || rtcp == channel,
                        Outlet::Udp { .. } => false,
                    })
                };
                let ours = (0..=u8::MAX - 1).step_by(2).map(|rtp| (rtp, rtp + 1));
                let (rtp, rtcp) = wish
                    .into_iter()
                    .chain(ours)
                    .find(|(rtp, rtcp)| rtp != rtcp && !taken(*rtp) && !taken(*rtcp))
                    .ok_or_else(|| Reply::of(StatusCode::UnsupportedTransport))?;
                Ok((Outlet::Tcp { rtp, rtcp }, format!("RTP/AVP/TCP;unicast;interleaved={rtp}-{rtcp}")))
            }
            Delivery::Udp(rtp, rtcp) => {
                // Always to where the request came from: nobody can aim the stream at a third party.
                let (outlet, ours) =
                    Outlet::udp(self.local.ip(), self.peer.ip(), (rtp, rtcp)).map_err(|error| {
                        tracing::warn!(%error, "no UDP ports for a session");
                        Reply::of(StatusCode::InternalServerError)
                    })?;
                let ports = format!("client_port={rtp}-{rtcp};server_port={}-{}", ours.0, ours.1);
                Ok((outlet, format!("RTP/AVP;unicast;{ports}")))
            }
        }
    }

    fn play(&mut self, request: &Request<Vec<u8>>) -> Result<Reply, Reply> {
        let (target, clip) = self.find(request)?;
        let shared = Arc::clone(&self.shared);
        let session = self.session(request)?;
        if session.clip.name != clip.name {
            return Err(Reply::of(StatusCode::SessionNotFound));
        }
        // With one stream its own URL is as good as the whole's.
        if target.track.is_some_and(|track| session.streams().iter().any(|stream| stream.kind != track)) {
            return Err(Reply::of(StatusCode::OnlyAggregateOperationAllowed));
        }
        if let State::Ready(streams) = &mut session.state {
            let now = clock::now();
            let other = shared.clip_after(&clip);
            let (timebase, streams) = (shared.timebase(now), std::mem::take(streams));
            let player = Player::new(clip, other, timebase, streams, now.instant, &shared.faults);
            session.state = State::Playing(Box::new(player));
            shared.counters.plays(now.instant);
        }
        let lies = Lies {
            early: CameraTime(shared.faults.sound_info_shift())
                .ticks_since(CameraTime(0), session.clip.audio.timescale) as u32,
            misnumbered: shared.faults.misnumbered(),
        };
        let info: Vec<String> =
            session.streams().iter().map(|stream| rtp_info(&target.base, stream, &lies)).collect();
        Ok(Reply::ok()
            .with(headers::SESSION, session.id.as_str())
            .with(headers::RANGE, "npt=now-")
            .with(headers::RTP_INFO, info.join(",")))
    }

    /// GET_PARAMETER and SET_PARAMETER without a body are how clients say that they live (RFC 2326, section 10.8).
    fn keep_alive(&mut self, request: &Request<Vec<u8>>) -> Result<Reply, Reply> {
        if request.header(&headers::SESSION).is_none() {
            return Ok(Reply::ok());
        }
        let session = self.session(request)?;
        Ok(Reply::ok().with(headers::SESSION, session.id.as_str()))
    }

    fn tear_down(&mut self, request: &Request<Vec<u8>>) -> Result<Reply, Reply> {
        self.session(request)?;
        self.session = None;
        self.shared.counters.teardowns.add(1);
        Ok(Reply::ok())
    }

    /// The refusal that a test has asked for.
    fn fail_as_told(&self) -> Result<(), Reply> {
        self.shared.faults.refusal().map_or(Ok(()), |code| Err(Reply::of(StatusCode::from(code))))
    }

    /// The rendition that the request's URL names.
    fn find(&self, request: &Request<Vec<u8>>) -> Result<(Target, Arc<Clip>), Reply> {
        let not_found = || Reply::of(StatusCode::NotFound);
        let target = request.request_uri().and_then(Target::of).ok_or_else(not_found)?;
        let clip =
            self.shared.clips.iter().find(|clip| clip.name == target.rendition).ok_or_else(not_found)?;
        Ok((target, Arc::clone(clip)))
    }

    /// The session that the request's Session header names.
    fn session(&mut self, request: &Request<Vec<u8>>) -> Result<&mut Session, Reply> {
        let named = request.header(&headers::SESSION).and_then(|header| header.as_str().split(';').next());
        let session =
            self.session.as_mut().filter(|session| Some(session.id.as_str()) == named.map(str::trim));
        session.ok_or_else(|| Reply::of(StatusCode::SessionNotFound))
    }
}

/// What RTP-Info says wrongly.
struct Lies {
    /// So many ticks too early for the sound.
    early: u32,
    /// A sequence number so much later than the true one.
    misnumbered: u16,
}

/// One entry of RTP-Info (RFC 2326, section 12.33).
fn rtp_info(base: &str, stream: &Stream, lies: &Lies) -> String {
    let (control, rtp_time) = match stream.kind {
        Kind::Video => (sdp::VIDEO_CONTROL, stream.rtp_start),
        Kind::Audio => (sdp::AUDIO_CONTROL, stream.rtp_start.wrapping_sub(lies.early)),
    };
    let sequence = stream.packetizer.sequence.wrapping_add(lies.misnumbered);
    format!("url={base}{control};seq={sequence};rtptime={rtp_time}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::demo::Options;

    fn client() -> Client {
        let shared = Arc::new(Shared::new(Options::default()).unwrap());
        let address = SocketAddr::from(([127, 0, 0, 1], 554));
        Client::new(shared, address, address)
    }

    /// Asks with `lines` after CSeq, the session's id in place of `ID`; the status, and the value of one header.
    fn ask(client: &mut Client, line: &str, lines: &str, header: &headers::HeaderName) -> (u16, String) {
        let id = client.session.as_ref().map(|session| session.id.clone()).unwrap_or_default();
        let text = format!("{line} RTSP/1.0\r\nCSeq: 7\r\n{}\r\n", lines.replace("ID", &id));
        let (message, _) = rtsp_types::Message::<Vec<u8>>::parse(&text).unwrap();
        let rtsp_types::Message::Request(request) = message else { panic!("{text}") };
        let response = client.answer(&request);
        assert_eq!(response.header(&headers::CSEQ).unwrap(), "7");
        let value = response.header(header).map(|value| value.as_str().to_owned());
        (response.status().into(), value.unwrap_or_default())
    }

    const TCP: &str = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n";

    #[test]
    fn what_does_not_fit_is_refused_with_the_status_of_its_kind() {
        let with_session = format!("{TCP}Session: ID\r\n");
        let table = [
            ("OPTIONS *", "", 200),
            ("DESCRIBE rtsp://h/attic", "", 404),
            ("DESCRIBE rtsp://h/main", "Require: funky-feature\r\n", 551),
            ("PLAY rtsp://h/main", "", 454),
            ("SETUP rtsp://h/main", TCP, 459),
            ("SETUP rtsp://h/main/video", "", 461),
            ("SETUP rtsp://h/main/video", "Transport: RTP/AVP;multicast\r\n", 461),
            ("SETUP rtsp://h/main/video", "Transport: RTP/AVP/TCP;unicast\r\nSession: 1\r\n", 454),
            ("SETUP rtsp://h/main/video", TCP, 200),
            ("SETUP rtsp://h/main/video", &with_session, 455),
            ("SETUP rtsp://h/main/audio", TCP, 455),
            ("SETUP rtsp://h/sub/audio", &with_session, 459),
            ("SETUP rtsp://h/main/audio", &with_session, 200),
            ("PLAY rtsp://h/main/audio", "Session: ID\r\n", 460),
            ("PLAY rtsp://h/main", "Session: 1\r\n", 454),
            ("PLAY rtsp://h/main", "Session: ID\r\n", 200),
            ("PAUSE rtsp://h/main", "Session: ID\r\n", 405),
            ("JUMP rtsp://h/main", "", 501),
            ("GET_PARAMETER rtsp://h/main", "Session: ID\r\n", 200),
            ("GET_PARAMETER rtsp://h/main", "Session: 1\r\n", 454),
            ("TEARDOWN rtsp://h/main", "Session: ID\r\n", 200),
            ("TEARDOWN rtsp://h/main", "Session: ID\r\n", 454),
        ];
        let mut client = client();
        for (line, lines, expected) in table {
            let (status, _) = ask(&mut client, line, lines, &headers::SERVER);
            assert_eq!(status, expected, "{line} {lines}");
        }
        assert_eq!(client.shared.counters.open_sessions(), 0);
    }

    #[test]
    fn channels_are_the_wished_ones_unless_taken() {
        let mut client = client();
        let wish = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n";
        let (_, first) = ask(&mut client, "SETUP rtsp://h/main/video", wish, &headers::TRANSPORT);
        assert!(first.starts_with("RTP/AVP/TCP;unicast;interleaved=0-1;ssrc="), "{first}");
        let wish = format!("{wish}Session: ID\r\n");
        let (_, second) = ask(&mut client, "SETUP rtsp://h/main/audio", &wish, &headers::TRANSPORT);
        assert!(second.contains(";interleaved=2-3;"), "{second}");
    }

    #[test]
    fn play_tells_where_each_stream_starts() {
        let mut client = client();
        ask(&mut client, "SETUP rtsp://h:8554/sub/audio", TCP, &headers::TRANSPORT);
        let (_, info) = ask(&mut client, "PLAY rtsp://h:8554/sub/", "Session: ID\r\n", &headers::RTP_INFO);
        let stream = &client.session.as_ref().unwrap().streams()[0];
        let (sequence, time) = (stream.packetizer.sequence, stream.rtp_start);
        assert_eq!(info, format!("url=rtsp://h:8554/sub/audio;seq={sequence};rtptime={time}"));
        assert!(client.plays_over_tcp());
    }
}
