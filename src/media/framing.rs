//! The head that makes a WebSocket message of some bytes (RFC 6455, 5.2).
//!
//! A server masks nothing, so a message is the same for all viewers: media gets its head where it is muxed, once, in
//! the same memory.

use bytes::Bytes;

/// What a frame is, by its opcode (RFC 6455, 5.2 and 11.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A message of text.
    Text = 1,
    /// A message of bytes.
    Binary = 2,
    /// The last frame of a side.
    Close = 8,
    /// Asks for a pong.
    Ping = 9,
    /// Answers a ping.
    Pong = 10,
}

/// A piece of media, and the same as a binary message: two views of one memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Framed {
    /// The media alone.
    pub bytes: Bytes,
    /// The media behind its head.
    pub message: Bytes,
}

impl Framed {
    /// Media of `length` bytes, which `write` appends to what it is given.
    pub fn new(length: usize, write: impl FnOnce(&mut Vec<u8>)) -> Self {
        let mut message = head(Kind::Binary, length);
        let begin = message.len();
        write(&mut message);
        debug_assert_eq!(message.len(), begin + length, "the head must tell the length");
        let message = Bytes::from(message);
        Self { bytes: message.slice(begin..), message }
    }
}

/// One whole message, which is not masked: a server's.
pub fn message(kind: Kind, payload: &[u8]) -> Bytes {
    let mut message = head(kind, payload.len());
    message.extend_from_slice(payload);
    message.into()
}

/// The head of a message of `length` bytes, with room for them.
fn head(kind: Kind, length: usize) -> Vec<u8> {
    const WHOLE: u8 = 0x80;
    let mut head = Vec::with_capacity(10 + length);
    head.push(WHOLE | kind as u8);
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short @ ..=125), _) => head.push(short),
        (_, Ok(medium)) => {
            head.push(126);
            head.extend_from_slice(&medium.to_be_bytes());
        }
        _ => {
            head.push(127);
            head.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    head
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_written_in_the_shortest_way() {
        let head = |length: usize| {
            let whole = message(Kind::Binary, &vec![7; length]);
            whole[..whole.len() - length].to_vec()
        };
        assert_eq!(head(0), [0x82, 0]);
        assert_eq!(head(125), [0x82, 125]);
        assert_eq!(head(126), [0x82, 126, 0, 126]);
        assert_eq!(head(256), [0x82, 126, 1, 0]);
        assert_eq!(head(65_535), [0x82, 126, 255, 255]);
        assert_eq!(head(65_536), [0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
        // RFC 6455, 5.7.
        assert_eq!(message(Kind::Text, b"Hello")[..], *b"\x81\x05Hello");
        assert_eq!(message(Kind::Ping, b"Hello")[..], *b"\x89\x05Hello");
    }

    #[test]
    fn media_and_message_are_one_memory() {
        let framed = Framed::new(300, |out| out.extend_from_slice(&[7; 300]));
        assert_eq!(framed.message[..4], [0x82, 126, 1, 44]);
        assert_eq!(framed.bytes.as_ptr(), framed.message[4..].as_ptr());
        assert_eq!(framed.bytes[..], [7; 300]);
    }
}
