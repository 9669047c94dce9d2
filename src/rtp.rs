//! How RTP travels: what both ends of it do alike.

use std::io;
use std::net::{IpAddr, UdpSocket};

/// A pair of neighbouring free ports is found at the first try but for bad luck.
const PORT_TRIES: usize = 32;

/// An even port for RTP and the odd one above it for RTCP (RFC 3550, 11) on `local`; neither blocks.
///
/// # Errors
/// Those of the system; also when no such pair was free.
pub fn ports(local: IpAddr) -> io::Result<(UdpSocket, UdpSocket)> {
    let (rtp, rtcp) = (0..PORT_TRIES).find_map(|_| neighbours(local)).ok_or(io::ErrorKind::AddrInUse)?;
    rtp.set_nonblocking(true)?;
    rtcp.set_nonblocking(true)?;
    Ok((rtp, rtcp))
}

fn neighbours(local: IpAddr) -> Option<(UdpSocket, UdpSocket)> {
    let first = UdpSocket::bind((local, 0)).ok()?;
    let port = first.local_addr().ok()?.port();
    let second = UdpSocket::bind((local, port ^ 1)).ok()?;
    Some(if port % 2 == 0 { (first, second) } else { (second, first) })
}

/// Adds a packet to what goes through an RTSP connection (RFC 2326, 10.12); one of 64 KiB and more does not fit.
pub fn interleave(channel: u8, packet: &[u8], out: &mut Vec<u8>) {
    let Ok(length) = u16::try_from(packet.len()) else { return };
    out.extend([b'$', channel]);
    out.extend(length.to_be_bytes());
    out.extend(packet);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_is_an_even_port_and_the_odd_one_above_it() {
        for local in ["127.0.0.1", "::1"] {
            let (rtp, rtcp) = ports(local.parse().expect("an address")).expect("two free ports");
            let ports = [rtp, rtcp].map(|socket| socket.local_addr().expect("it is bound").port());
            assert_eq!((ports[0] % 2, ports[1]), (0, ports[0] + 1), "{local}");
        }
    }
}
