//! Where the packets of one stream go: into the RTSP connection, or out over UDP.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};

use crate::rtp::{self, interleave};

/// The way of one stream's RTP and RTCP to the client.
#[derive(Debug)]
pub(super) enum Outlet {
    /// Interleaved with RTSP (RFC 2326, section 10.12): RTP on this channel, RTCP on the next named.
    Tcp {
        /// Channel of RTP.
        rtp: u8,
        /// Channel of RTCP.
        rtcp: u8,
    },
    /// Datagrams. Receiver reports pile up unread until the kernel drops them: the RTSP connection tells whether the
    /// client lives.
    Udp {
        /// Connected to the client's RTP port.
        rtp: UdpSocket,
        /// Connected to the client's RTCP port.
        rtcp: UdpSocket,
    },
}

impl Outlet {
    /// Opens an even port and the odd one above it (RFC 3550, section 11) on `local`, towards the client's ports for
    /// RTP and RTCP. Also returns our two ports.
    ///
    /// # Errors
    /// Those of the system; also when no such pair was free.
    pub(super) fn udp(local: IpAddr, peer: IpAddr, ports: (u16, u16)) -> io::Result<(Self, (u16, u16))> {
        let (rtp, rtcp) = rtp::ports(local)?;
        rtp.connect(SocketAddr::new(peer, ports.0))?;
        rtcp.connect(SocketAddr::new(peer, ports.1))?;
        let ours = (rtp.local_addr()?.port(), rtcp.local_addr()?.port());
        Ok((Self::Udp { rtp, rtcp }, ours))
    }

    /// Sends one RTP packet, or appends it to `tcp`, what is to be written to the RTSP connection.
    pub(super) fn rtp(&self, packet: &[u8], tcp: &mut Vec<u8>) {
        match self {
            Self::Tcp { rtp, .. } => interleave(*rtp, packet, tcp),
            Self::Udp { rtp, .. } => datagram(rtp, packet),
        }
    }

    /// The same for an RTCP packet.
    pub(super) fn rtcp(&self, packet: &[u8], tcp: &mut Vec<u8>) {
        match self {
            Self::Tcp { rtcp, .. } => interleave(*rtcp, packet, tcp),
            Self::Udp { rtcp, .. } => datagram(rtcp, packet),
        }
    }

    /// True if a client that takes its packets is known to live by that alone.
    pub(super) fn is_tcp(&self) -> bool {
        matches!(self, Self::Tcp { .. })
    }
}

/// UDP loses packets, and so may we: to a full socket buffer, or to a client that has closed its port.
fn datagram(socket: &UdpSocket, packet: &[u8]) {
    if let Err(error) = socket.send(packet) {
        tracing::trace!(%error, "datagram lost");
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn udp_ports_are_an_even_one_and_its_odd_neighbour() {
        let local = IpAddr::from([127, 0, 0, 1]);
        let client = UdpSocket::bind((local, 0)).unwrap();
        let port = client.local_addr().unwrap().port();
        let (outlet, (rtp, rtcp)) = Outlet::udp(local, local, (port, port)).unwrap();
        assert_eq!((rtp % 2, rtcp), (0, rtp + 1));
        let mut tcp = Vec::new();
        outlet.rtp(b"hello", &mut tcp);
        let mut heard = [0; 9];
        assert_eq!(client.recv(&mut heard).unwrap(), 5);
        assert!(tcp.is_empty());
    }

    #[test]
    fn interleaved_packets_follow_a_dollar_their_channel_and_their_length() {
        let mut tcp = Vec::new();
        let outlet = Outlet::Tcp { rtp: 2, rtcp: 3 };
        outlet.rtp(b"ab", &mut tcp);
        outlet.rtcp(b"c", &mut tcp);
        assert_eq!(tcp, b"$\x02\x00\x02ab$\x03\x00\x01c");
    }
}
