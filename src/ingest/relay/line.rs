//! One relayed connection, both ways.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep_until;
use url::Url;

use super::door::{self, Client};
use super::login::Login;
use super::message::{self, Message, Next};
use super::meter::Meter;
use super::ports::{self, Ports};
use super::redirect::{self, Home};
use super::repair::{self, Naming};
use super::upstream::{self, Upstream};
use crate::clock;
use crate::ingest::error::Failure;
use crate::ingest::scrub::Scrub;
use crate::ingest::{Source, Transport};
use crate::rtp::interleave;

/// Redirects that are followed; more lead nowhere.
const MOST_REDIRECTS: u8 = 5;

/// Proofs of one request: a second, where the first challenge was out of date.
const MOST_PROOFS: u8 = 2;

/// Room for what is read at once.
const READ_BYTES: usize = 64 << 10;

/// A relayed connection.
pub struct Line {
    source: Source,
    limit: Duration,
    /// What the client calls the camera's URL.
    local: Url,
    /// What the camera calls it: where its description came from.
    target: Url,
    client: TcpStream,
    upstream: Option<Upstream>,
    from_client: BytesMut,
    from_upstream: BytesMut,
    login: Login,
    cseq: u32,
    /// Requests that wait for their answers, oldest first.
    waiting: VecDeque<Waiting>,
    ports: Vec<Ports>,
    home: Home,
    secrets: Scrub,
    meter: Meter,
    naming: Naming,
    /// A SETUP was answered: another connection would know nothing of it.
    set_up: bool,
    redirects: u8,
}

/// A request on its way.
struct Waiting {
    request: Message,
    method: String,
    /// The client's number, and ours.
    theirs: String,
    ours: u32,
    proofs: u8,
    /// Connections that it was sent over with the same proof.
    sent: u8,
    ports: Option<Ports>,
}

impl Line {
    /// Between `client` and the camera at the other end of `upstream`.
    pub fn new(
        source: Source,
        local: Url,
        upstream: Upstream,
        client: Client,
        limit: Duration,
        secrets: Scrub,
    ) -> Self {
        let (client, from_client) = client;
        Self {
            target: source.url.clone(),
            home: Home::new(&source.url, upstream.peer.ip()),
            source,
            secrets,
            limit,
            local,
            client,
            upstream: Some(upstream),
            from_client,
            meter: Meter::default(),
            naming: Naming::default(),
            from_upstream: BytesMut::new(),
            login: Login::default(),
            cseq: 0,
            waiting: VecDeque::new(),
            ports: Vec::new(),
            set_up: false,
            redirects: 0,
        }
    }

    /// Serves until one side is done (`Ok`).
    ///
    /// # Errors
    /// What went wrong on the camera's side.
    pub async fn run(&mut self) -> Result<(), Failure> {
        let mut datagram = vec![0; usize::from(u16::MAX)];
        self.requests().await?;
        loop {
            self.from_client.reserve(4096);
            self.from_upstream.reserve(READ_BYTES);
            let due = self.ports.iter().filter_map(|ports| ports.reorder.due()).min();
            let heard = tokio::select! {
                read = self.client.read_buf(&mut self.from_client) => match read {
                    Ok(0) | Err(_) => return Ok(()),
                    Ok(_) => Heard::Client,
                },
                alive = heard_upstream(&mut self.upstream, &mut self.from_upstream) => Heard::Upstream(alive),
                (index, rtcp, length) = ports::heard(&self.ports, &mut datagram) => {
                    Heard::Datagram(index, rtcp, length)
                }
                () = sleep_until(due.unwrap_or_else(|| clock::now().instant).into()), if due.is_some() => Heard::Due,
            };
            match heard {
                Heard::Client => self.requests().await?,
                Heard::Upstream(true) => self.answers().await?,
                Heard::Upstream(false) if self.set_up => return Ok(()),
                Heard::Upstream(false) => self.hung_up().await?,
                Heard::Datagram(index, rtcp, length) => {
                    self.datagram(index, rtcp, &datagram[..length]).await?
                }
                Heard::Due => self.give_up().await?,
            }
        }
    }

    /// Passes on the requests that are here.
    async fn requests(&mut self) -> Result<(), Failure> {
        loop {
            match message::read(&self.from_client) {
                Ok(Next::Incomplete) => return Ok(()),
                Ok(Next::Data(length)) => self.from_client.advance(length),
                Ok(Next::Message(request, length)) => {
                    self.from_client.advance(length);
                    let Some((method, uri)) = request.request() else { continue };
                    let (method, uri) = (method.to_owned(), self.upstream_uri(uri));
                    let theirs = request.header("CSeq").unwrap_or_default().to_owned();
                    let mut request = request;
                    request.line = format!("{method} {uri} RTSP/1.0");
                    self.naming.restore(&mut request);
                    let ports = self.offer_ports(&method, &mut request).map_err(broken)?;
                    self.send(Waiting { request, method, theirs, ours: 0, proofs: 0, sent: 0, ports })
                        .await?;
                }
                Err(error) => return Err(Failure::Broken { why: format!("towards the relay: {error}") }),
            }
        }
    }

    /// The camera's name for what the client asks for.
    fn upstream_uri(&self, uri: &str) -> String {
        if uri == self.local.as_str() {
            return self.target.as_str().to_owned();
        }
        match uri.strip_prefix(door::origin(&self.local)) {
            Some(rest) => self.target[..url::Position::BeforePath].to_owned() + rest,
            None => uri.to_owned(),
        }
    }

    /// Asks for UDP in the place of what the client wants, if that is how RTP is to travel.
    fn offer_ports(&self, method: &str, request: &mut Message) -> io::Result<Option<Ports>> {
        if method != "SETUP" || self.source.transport != Transport::Udp {
            return Ok(None);
        }
        let wish = request.header("Transport").and_then(|wish| wish.split_once("interleaved="));
        let channel = wish.and_then(|(_, channels)| channels.split('-').next()?.parse().ok());
        let (Some(channel), Some(upstream)) = (channel, &self.upstream) else { return Ok(None) };
        let ports = Ports::open(upstream.local.ip(), channel)?;
        request.set("Transport", ports.offer()?);
        Ok(Some(ports))
    }

    /// Sends a request under a number of ours, over a new connection where the old one is gone.
    async fn send(&mut self, mut waiting: Waiting) -> Result<(), Failure> {
        self.cseq += 1;
        waiting.ours = self.cseq;
        waiting.request.set("CSeq", self.cseq.to_string());
        if self.home.is(&self.target) {
            self.login.sign(&mut waiting.request, &self.source);
        }
        let bytes = waiting.request.to_bytes();
        let mut sent = false;
        if let Some(upstream) = &mut self.upstream {
            sent = upstream.send(&bytes, self.limit).await.is_ok();
        }
        if !sent {
            if self.set_up {
                return Err(Failure::Closed);
            }
            let upstream = upstream::connect(&self.target, &self.source.trust, self.limit).await?;
            let upstream = self.upstream.insert(upstream);
            self.from_upstream.clear();
            upstream.send(&bytes, self.limit).await?;
        }
        waiting.sent += 1;
        self.waiting.push_back(waiting);
        Ok(())
    }

    /// The camera has closed the connection before there was a session: what waits is asked again, once.
    async fn hung_up(&mut self) -> Result<(), Failure> {
        self.hang_up();
        for waiting in std::mem::take(&mut self.waiting) {
            if waiting.sent > 1 {
                return Err(Failure::Closed);
            }
            self.send(waiting).await?;
        }
        Ok(())
    }

    fn hang_up(&mut self) {
        self.upstream = None;
        self.from_upstream.clear();
    }

    /// Passes on what is here from the camera.
    async fn answers(&mut self) -> Result<(), Failure> {
        let mut out = Vec::with_capacity(self.from_upstream.len());
        loop {
            match message::read(&self.from_upstream) {
                Ok(Next::Incomplete) => break,
                Ok(Next::Data(length)) => {
                    self.meter.add_framed(&self.from_upstream[..length])?;
                    out.extend_from_slice(&self.from_upstream[..length]);
                    self.from_upstream.advance(length);
                }
                Ok(Next::Message(message, length)) => {
                    self.from_upstream.advance(length);
                    if message.status().is_none() {
                        self.decline(&message).await?;
                    } else if let Some(answer) = self.answer(message).await? {
                        out.extend(answer.to_bytes());
                    }
                }
                Err(error) => return Err(Failure::Broken { why: format!("the camera sent {error}") }),
            }
        }
        self.client.write_all(&out).await.map_err(broken)
    }

    /// Cameras may ask too; nothing that we could answer.
    async fn decline(&mut self, request: &Message) -> Result<(), Failure> {
        let cseq = request.header("CSeq").unwrap_or("0");
        let text = format!("RTSP/1.0 501 Not Implemented\r\nCSeq: {cseq}\r\n\r\n");
        match &mut self.upstream {
            Some(upstream) => upstream.send(text.as_bytes(), self.limit).await,
            None => Ok(()),
        }
    }

    /// What of an answer is the client's to see.
    async fn answer(&mut self, mut answer: Message) -> Result<Option<Message>, Failure> {
        let number = answer.header("CSeq").and_then(|cseq| cseq.parse().ok());
        let place = self.waiting.iter().position(|one| Some(one.ours) == number);
        // A camera that miscounts can only mean the oldest.
        let Some(mut asked) = self.waiting.remove(place.unwrap_or(0)) else { return Ok(None) };
        let status = answer.status().unwrap_or_default();
        let may_prove = asked.proofs < MOST_PROOFS && self.home.is(&self.target);
        if status == 401 && may_prove && self.login.challenged(&answer, &self.source) {
            (asked.proofs, asked.sent) = (asked.proofs + 1, 0);
            // Written into a connection that ends, it would be lost.
            if answer.header("Connection").is_some_and(|word| word.eq_ignore_ascii_case("close"))
                && !self.set_up
            {
                self.hang_up();
            }
            self.send(asked).await?;
            return Ok(None);
        }
        if status == 401 && !self.home.is(&self.target) {
            return Err(Failure::Withheld);
        }
        if (300..400).contains(&status) && asked.method == "DESCRIBE" && answer.header("Location").is_some() {
            self.redirect(&answer, asked).await?;
            return Ok(None);
        }
        if (200..300).contains(&status) {
            match asked.method.as_str() {
                "DESCRIBE" => self.describe(&mut answer),
                "SETUP" => self.set_up(&mut answer, &asked.request, asked.ports).await?,
                "PLAY" => repair::rtp_info(&mut answer, &self.target),
                _ => {}
            }
        }
        answer.set("CSeq", asked.theirs);
        Ok(Some(answer))
    }

    /// Has the client use the camera's own URLs from now on, which redirects may have changed.
    fn describe(&self, answer: &mut Message) {
        if answer.header("Content-Base").is_none() && answer.header("Content-Location").is_none() {
            answer.set("Content-Base", self.target.as_str());
        }
        // Without parameters and in small letters: the library takes no other.
        let kind = answer.header("Content-Type").and_then(|kind| kind.split(';').next());
        if let Some(kind) = kind.map(|kind| kind.trim().to_ascii_lowercase()) {
            answer.set("Content-Type", kind);
        }
    }

    async fn set_up(
        &mut self,
        answer: &mut Message,
        request: &Message,
        ports: Option<Ports>,
    ) -> Result<(), Failure> {
        self.set_up = true;
        if let (Some(ports), Some(upstream)) = (ports, &self.upstream)
            && ports.agree(answer, upstream.peer.ip()).await.map_err(broken)?
        {
            self.ports.push(ports);
        }
        repair::transport(answer, request);
        ports::forget_source(answer);
        self.naming.mend(answer);
        Ok(())
    }

    /// Asks for the description where the camera says that it is (RFC 2326, 10.11 and 11.3).
    async fn redirect(&mut self, answer: &Message, asked: Waiting) -> Result<(), Failure> {
        self.redirects += 1;
        if self.redirects > MOST_REDIRECTS {
            return Err(Failure::Redirected { why: "it goes on and on".to_owned() });
        }
        let target = redirect::target(&self.target, answer.header("Location").unwrap_or_default())?;
        self.secrets.learn(&target);
        self.home.look_up(self.limit).await;
        self.target = target;
        self.login = Login::default();
        self.hang_up();
        let mut request = asked.request;
        request.line = format!("{} {} RTSP/1.0", asked.method, self.target);
        request.remove("Authorization");
        self.send(Waiting { request, proofs: 0, sent: 0, ..asked }).await
    }

    async fn datagram(&mut self, index: usize, rtcp: bool, packet: &[u8]) -> Result<(), Failure> {
        let ports = &mut self.ports[index];
        let (channel, mut out) = (ports.channel, Vec::new());
        self.meter.add(channel + u8::from(rtcp), packet)?;
        if rtcp {
            interleave(channel + 1, packet, &mut out);
        } else {
            let now = clock::now().instant;
            ports.reorder.push(packet, now, |packet| interleave(channel, packet, &mut out));
        }
        self.client.write_all(&out).await.map_err(broken)
    }

    /// Goes on without what is missing for too long.
    async fn give_up(&mut self) -> Result<(), Failure> {
        let (now, mut out) = (clock::now().instant, Vec::new());
        for ports in &mut self.ports {
            let channel = ports.channel;
            ports.reorder.give_up(now, |packet| interleave(channel, packet, &mut out));
        }
        self.client.write_all(&out).await.map_err(broken)
    }
}

enum Heard {
    Client,
    /// False: it is closed.
    Upstream(bool),
    Datagram(usize, bool, usize),
    Due,
}

/// Reads from the camera, or waits for ever for one that is gone; false at the end.
async fn heard_upstream(upstream: &mut Option<Upstream>, into: &mut BytesMut) -> bool {
    match upstream {
        Some(upstream) => upstream.stream.read_buf(into).await.is_ok_and(|count| count > 0),
        None => std::future::pending().await,
    }
}

fn broken(error: io::Error) -> Failure {
    Failure::Broken { why: error.to_string() }
}
