//! The MSE feed's socket: sending, pings, and what the client says.

mod end;
mod frames;
mod wire;

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::sync::watch;
use tokio::time::{Sleep, sleep_until};
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::debug;

use self::end::{End, code, say_goodbye};
use self::frames::Said;
use self::wire::{Heard, Wire};
use super::access::Lease;
use super::limits::Place;
use crate::clock;
use crate::live::{Channel, State, Status, Tip};
use crate::media::framing::Kind;
use crate::mse::{Message, Pulse, ServerText, Session, Viewer};

/// What is read of the ring at once: enough for few calls of the kernel, and little that a change of the rendition
/// has to wait for.
const BATCH: usize = 32 << 10;
/// How often a connection is judged at most, and looked at while it takes nothing.
const LOOK: Duration = Duration::from_millis(250);
/// One that has taken nothing for a while is looked at less often.
const SELDOM: Duration = Duration::from_secs(1);
/// Most pings of a client that are not answered yet; browsers send none.
const MOST_PINGS: u32 = 64;
/// The kernel watches over connections too, and may be first.
const TIMED_OUT: End = End::Stalled("took or answered nothing for too long");

type Socket = Wire<TokioIo<hyper::upgrade::Upgraded>>;

/// What a socket is made of.
pub struct Opening {
    /// The connection, or the stream of one, once the handshake is answered.
    pub upgrade: OnUpgrade,
    /// The stream of HTTP/2, which ends with the socket.
    pub stream: DropGuard,
    /// The connection's place, which the viewer keeps.
    pub place: Option<Arc<Place>>,
}

/// Serves one viewer until it leaves, falls silent, may watch no longer, or the server stops.
pub async fn serve(opening: Opening, viewer: Viewer, lease: Lease, stop: CancellationToken) {
    let Opening { upgrade, stream: _stream, place: _place } = opening;
    let upgraded = match upgrade.await {
        Ok(upgraded) => upgraded,
        Err(error) => return debug!(%error, "a WebSocket was not opened"),
    };
    let mut socket = Wire::new(TokioIo::new(upgraded));
    let mut connection = Connection::new(viewer);
    let end = connection.run(&mut socket, lease, &stop).await;
    let camera = &connection.session.camera().name;
    match &end {
        End::Gone(reason) => debug!(camera, reason, "an MSE viewer left"),
        End::Goodbye(code) => debug!(camera, code, "an MSE viewer said goodbye"),
        End::Close(code, reason) => debug!(camera, code, reason, "an MSE viewer is sent away"),
        End::Stalled(reason) => {
            debug!(camera, reason, "an MSE viewer is cut off");
            connection.session.channel().stats().viewers_stalled.add(1);
        }
    }
    // What is left of the session may hold media that has left the ring.
    drop(connection);
    // Few come so far at a time: not every viewer need carry what it takes from the beginning.
    Box::pin(say_goodbye(socket, end)).await;
}

/// What a socket does next.
enum Turn {
    Heard(Heard),
    /// All that was given to it is sent.
    Sent(io::Result<()>),
}

/// Sends and listens at the same time: a client whose connection takes nothing may still have something to say.
fn turn(socket: &mut Socket, sending: bool, cx: &mut Context<'_>) -> Poll<Turn> {
    if let Poll::Ready(heard) = socket.poll_heard(cx) {
        return Poll::Ready(Turn::Heard(heard));
    }
    if sending { socket.poll_sent(cx).map(Turn::Sent) } else { Poll::Pending }
}

/// News of one ring.
struct News {
    channel: u64,
    tips: watch::Receiver<Tip>,
    statuses: watch::Receiver<Status>,
}

impl News {
    fn of(channel: &Channel) -> Self {
        Self { channel: channel.id(), tips: channel.chunk_tips(), statuses: channel.statuses() }
    }
}

/// One viewer's session on its socket.
struct Connection {
    session: Session,
    news: News,
    /// News of the rendition that the session is about to go over to.
    next_news: Option<News>,
    pulse: Pulse,
    out: Vec<Message>,
    /// True while there is something to send.
    sending: bool,
    /// True while enough is on its way, and nothing more is read.
    held: bool,
    /// When the socket took something last, or had nothing to take.
    progress: (u64, Instant),
    judged: Instant,
    /// Pings of the client since all was sent: each is answered.
    pings: u32,
    /// True while the camera does not deliver what is sent.
    offline: bool,
}

impl Connection {
    fn new(viewer: Viewer) -> Self {
        let now = clock::now().instant;
        let session = Session::new(viewer, now);
        let news = News::of(session.channel());
        let pulse = Pulse::new(session.options().ping_interval, now);
        let (next_news, out) = (None, Vec::new());
        Self {
            session,
            news,
            next_news,
            pulse,
            out,
            sending: false,
            held: false,
            progress: (0, now),
            judged: now,
            pings: 0,
            offline: false,
        }
    }

    async fn run(&mut self, socket: &mut Socket, lease: Lease, stop: &CancellationToken) -> End {
        let (mut stopped, mut over) = (pin!(stop.cancelled()), pin!(lease.ended()));
        let mut timer = pin!(sleep_until(self.deadline().into()));
        self.begin(socket);
        loop {
            if let Err(end) = self.fill(socket) {
                return end;
            }
            self.set(timer.as_mut());
            let sending = self.sending;
            let ready = !sending && !self.held;
            let next = tokio::select! {
                () = &mut stopped => Err(End::Close(code::GOING_AWAY, "the server is stopping".into())),
                () = &mut over => Err(End::Close(code::POLICY, "the permission to watch has ended".into())),
                turn = poll_fn(|cx| turn(socket, sending, cx)) => match turn {
                    Turn::Heard(heard) => self.hear(socket, heard),
                    Turn::Sent(Ok(())) => self.sent(),
                    Turn::Sent(Err(error)) if error.kind() == io::ErrorKind::TimedOut => Err(TIMED_OUT),
                    Turn::Sent(Err(_)) => Err(End::Gone("the socket broke")),
                },
                // What nobody can take yet wakes nobody.
                changed = self.news.tips.changed(), if ready => gone(changed),
                changed = next_tip(&mut self.next_news), if ready => gone(changed),
                changed = self.news.statuses.changed() => gone(changed).and_then(|()| self.tell_status(socket)),
                () = &mut timer => self.look(socket),
            };
            if let Err(end) = next {
                return end;
            }
        }
    }

    /// A ping before everything else shows how long the way is while nothing is on it.
    fn begin(&mut self, socket: &mut Socket) {
        self.ping(socket, 0);
        let status = self.news.statuses.borrow_and_update().clone();
        self.offline = status.state != State::Live;
        if self.offline {
            self.say(socket, &ServerText::status(&status, clock::now().instant));
        }
    }

    /// Gives the socket what is new, each chunk as it lies in the ring.
    fn fill(&mut self, socket: &mut Socket) -> Result<(), End> {
        // Whether there is room for more or not: nothing will come any more.
        if self.session.channel().tip().closed {
            return Err(End::Close(code::REMOVED, "the camera was removed".into()));
        }
        if self.sending {
            return Ok(());
        }
        let now = clock::now().instant;
        self.held = self.pulse.is_full(now);
        if self.held {
            return Ok(());
        }
        self.news.tips.mark_unchanged();
        let mut bytes = 0;
        let mut out = std::mem::take(&mut self.out);
        while bytes < BATCH {
            match self.session.read(now, &mut out) {
                Ok(true) => {}
                Ok(false) => break,
                Err(unplayable) => return Err(End::Close(code::UNPLAYABLE, unplayable.to_string())),
            }
            for message in out.drain(..) {
                bytes += self.give(socket, message);
            }
        }
        self.out = out;
        self.follow(socket)?;
        self.pulse.given(bytes as u64);
        if bytes > 0 && self.pulse.may_probe(now) {
            self.ping(socket, bytes as u64);
        }
        Ok(())
    }

    /// Listens to the rings that the session reads now.
    fn follow(&mut self, socket: &mut Socket) -> Result<(), End> {
        let next = self.session.next_channel();
        if self.next_news.as_ref().map(|news| news.channel) != next.map(|next| next.id()) {
            self.next_news = next.map(|next| News::of(next));
        }
        if self.news.channel != self.session.channel().id() {
            self.news = News::of(self.session.channel());
            // What came in between is no news to the receiver.
            self.news.tips.mark_changed();
            return self.tell_status(socket);
        }
        Ok(())
    }

    /// Gives the socket one message; how many bytes it has.
    fn give(&mut self, socket: &mut Socket, message: Message) -> usize {
        self.has_queued(socket);
        match message {
            Message::Text(text) => {
                let text = text.to_json();
                socket.say(Kind::Text, text.as_bytes());
                text.len()
            }
            Message::Binary(message) => {
                let bytes = message.len();
                socket.push(message);
                bytes
            }
        }
    }

    fn say(&mut self, socket: &mut Socket, text: &ServerText) {
        self.has_queued(socket);
        socket.say(Kind::Text, text.to_json().as_bytes());
    }

    /// There is something to send, and the time runs in which the client must take some of it.
    fn has_queued(&mut self, socket: &Socket) {
        if !self.sending {
            self.progress = (socket.written(), clock::now().instant);
            self.sending = true;
        }
    }

    fn ping(&mut self, socket: &mut Socket, bytes: u64) {
        let number = self.pulse.sent(clock::now().instant, bytes);
        self.has_queued(socket);
        socket.say(Kind::Ping, &number.to_be_bytes());
    }

    fn sent(&mut self) -> Result<(), End> {
        self.sending = false;
        self.pings = 0;
        self.judge(clock::now().instant);
        Ok(())
    }

    fn judge(&mut self, now: Instant) {
        if now - self.judged >= LOOK {
            self.judged = now;
            self.session.judge(now, self.pulse.unanswered(now));
        }
    }

    fn tell_status(&mut self, socket: &mut Socket) -> Result<(), End> {
        let status = self.news.statuses.borrow_and_update().clone();
        self.offline = status.state != State::Live;
        self.session.status_changed(clock::now().instant);
        if matches!(status.state, State::Unsupported(_)) && !self.session.may_have_another() {
            return Err(End::Close(code::FAILED, status.reason));
        }
        self.say(socket, &ServerText::status(&status, clock::now().instant));
        Ok(())
    }

    /// When to look at the connection next, if nothing happens before.
    fn deadline(&self) -> Instant {
        let (_, since) = self.progress;
        let ping = self.pulse.next_look();
        if self.sending || self.held || self.next_news.is_some() || self.offline {
            // Later and later: there may be thousands who take nothing.
            let look = (self.judged - since.min(self.judged)).clamp(LOOK, SELDOM);
            ping.min(self.judged + look)
        } else {
            ping
        }
    }

    fn set(&self, timer: Pin<&mut Sleep>) {
        let deadline = self.deadline().into();
        if timer.deadline() != deadline {
            timer.reset(deadline);
        }
    }

    /// Looks whether the client is still there.
    fn look(&mut self, socket: &mut Socket) -> Result<(), End> {
        let now = clock::now().instant;
        let written = socket.written();
        if self.sending && written > self.progress.0 {
            self.progress = (written, now);
            self.pulse.alive(now);
        }
        if self.sending && now - self.progress.1 >= self.session.options().stall_timeout {
            return Err(End::Stalled("took nothing for too long"));
        }
        if self.pulse.is_dead(now) {
            return Err(End::Stalled("no answer to pings"));
        }
        self.judge(now);
        self.judged = now;
        if self.offline {
            // Another rendition may have come back meanwhile.
            self.session.status_changed(now);
            self.follow(socket)?;
        }
        if self.pulse.is_due(now) {
            self.ping(socket, 0);
        }
        Ok(())
    }

    /// Does what the client says.
    fn hear(&mut self, socket: &mut Socket, heard: Heard) -> Result<(), End> {
        let said = match heard {
            Heard::Said(said) => said,
            Heard::Fault(fault) => return Err(fault.into()),
            Heard::End => return Err(End::Gone("the connection ended")),
            Heard::TimedOut => return Err(TIMED_OUT),
        };
        let now = clock::now().instant;
        self.pulse.alive(now);
        match said {
            Said::Text(text) => self.session.hear(&text, now)?,
            Said::Binary => {
                return Err(End::Close(code::UNSUPPORTED_DATA, "only text is understood here".into()));
            }
            Said::Pong(payload) => {
                if let Some((time, bytes)) = self.pulse.answered(&payload, now) {
                    self.session.answered(time, bytes);
                }
            }
            Said::Ping(payload) => {
                self.pings += 1;
                if self.pings > MOST_PINGS {
                    return Err(End::Close(code::POLICY, "too many pings".into()));
                }
                self.has_queued(socket);
                socket.say(Kind::Pong, &payload);
            }
            Said::Close(code) => return Err(End::Goodbye(code.unwrap_or(code::NORMAL))),
        }
        Ok(())
    }
}

fn gone(changed: Result<(), watch::error::RecvError>) -> Result<(), End> {
    changed.map_err(|_| End::Gone("channel dropped"))
}

async fn next_tip(news: &mut Option<News>) -> Result<(), watch::error::RecvError> {
    match news {
        Some(news) => news.tips.changed().await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
#[path = "mse_tests.rs"]
mod tests;
