//! The UDP ports of one stream, and what of it has come out of order.

use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::task::Poll;

use tokio::io::ReadBuf;
use tokio::net::UdpSocket;

use super::message::Message;
use super::reorder::Reorder;
use crate::rtp;

/// What the kernel holds for us: a key frame comes at once.
const RECEIVE_BUFFER: usize = 2 << 20;

/// One stream that comes over UDP and goes on interleaved.
pub struct Ports {
    /// Where RTP comes.
    pub rtp: UdpSocket,
    /// Where RTCP comes.
    pub rtcp: UdpSocket,
    /// The channel of RTP towards the RTSP library; RTCP has the next.
    pub channel: u8,
    /// The order of RTP.
    pub reorder: Reorder,
}

impl Ports {
    /// Opens an even port and the odd one above it (RFC 3550, 11) on `local`.
    ///
    /// # Errors
    /// Those of the system; also when no such pair was free.
    pub fn open(local: IpAddr, channel: u8) -> io::Result<Self> {
        let (rtp, rtcp) = rtp::ports(local)?;
        Ok(Self { rtp: socket(rtp)?, rtcp: socket(rtcp)?, channel, reorder: Reorder::default() })
    }

    /// What to ask the camera for.
    pub fn offer(&self) -> io::Result<String> {
        let (rtp, rtcp) = (self.rtp.local_addr()?.port(), self.rtcp.local_addr()?.port());
        Ok(format!("RTP/AVP;unicast;client_port={rtp}-{rtcp}"))
    }

    /// Binds the ports to the camera's by its answer to SETUP, and puts what the RTSP library is to read in
    /// its place. False when the camera did not answer to what it was asked.
    pub async fn agree(&self, answer: &mut Message, peer: IpAddr) -> io::Result<bool> {
        let Some(transport) = answer.header("Transport").map(str::to_owned) else { return Ok(false) };
        let parameter = |name| {
            let named = transport.split(';').filter_map(|part| part.trim().split_once('='));
            named.filter(move |(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
        };
        let Some(ports) = parameter("server_port") else { return Ok(false) };
        let (rtp, rtcp) = ports.split_once('-').unwrap_or((ports, ""));
        let Ok(rtp) = rtp.trim().parse::<u16>() else { return Ok(false) };
        let rtcp = rtcp.trim().parse().unwrap_or(rtp.saturating_add(1));
        let source = parameter("source").and_then(|source| source.parse().ok());
        // Cameras behind an address translation name one that nobody outside can reach.
        let source: IpAddr =
            source.filter(|source: &IpAddr| source.is_loopback() == peer.is_loopback()).unwrap_or(peer);
        self.rtp.connect(SocketAddr::new(source, rtp)).await?;
        self.rtcp.connect(SocketAddr::new(source, rtcp)).await?;
        // A firewall on the way learns that answers are welcome: an empty RTP packet, an empty receiver report.
        let _lost = self.rtp.send(&[0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]).await;
        let _lost = self.rtcp.send(&[0x80, 201, 0, 1, 0, 0, 0, 0]).await;
        let channel = self.channel;
        answer.set("Transport", format!("RTP/AVP/TCP;unicast;interleaved={channel}-{}", channel + 1));
        Ok(true)
    }
}

/// Takes from an answer to SETUP whose packets will come (`ssrc`, RFC 2326, 12.39): the packets say it themselves, and
/// not all cameras keep to what they say there.
pub fn forget_source(answer: &mut Message) {
    let Some(transport) = answer.header("Transport") else { return };
    let said = transport.split(';').map(str::trim);
    let said = said.filter(|part| !part.to_ascii_lowercase().starts_with("ssrc="));
    let words = said.collect::<Vec<_>>().join(";");
    answer.set("Transport", words);
}

/// The next datagram: whose, whether RTCP, and how long.
pub async fn heard(ports: &[Ports], into: &mut [u8]) -> (usize, bool, usize) {
    poll_fn(|context| {
        for (index, ports) in ports.iter().enumerate() {
            for (rtcp, socket) in [(true, &ports.rtcp), (false, &ports.rtp)] {
                loop {
                    let mut buffer = ReadBuf::new(into);
                    match socket.poll_recv(context, &mut buffer) {
                        Poll::Ready(Ok(())) if buffer.filled().is_empty() => {}
                        Poll::Ready(Ok(())) => return Poll::Ready((index, rtcp, buffer.filled().len())),
                        // What we sent to open the way came to a closed port.
                        Poll::Ready(Err(_)) => {}
                        Poll::Pending => break,
                    }
                }
            }
        }
        Poll::Pending
    })
    .await
}

fn socket(socket: std::net::UdpSocket) -> io::Result<UdpSocket> {
    // As much of it as the system allows.
    let _less = socket2::SockRef::from(&socket).set_recv_buffer_size(RECEIVE_BUFFER);
    UdpSocket::from_std(socket)
}
