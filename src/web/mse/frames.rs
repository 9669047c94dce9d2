//! What a client says, out of the bytes of its WebSocket (RFC 6455, 5). Pure.
//!
//! Clients of the feed say little, and thousands of them nothing at all: a reader holds no memory but for a message
//! that is not whole yet.

/// Most bytes of a message: a client's texts are short.
const LONGEST: usize = 4096;
/// Most bytes of a frame that is about the connection (RFC 6455, 5.5).
const LONGEST_CONTROL: usize = 125;

mod opcode {
    use crate::media::framing::Kind;

    pub const CONTINUATION: u8 = 0;
    pub const TEXT: u8 = Kind::Text as u8;
    pub const BINARY: u8 = Kind::Binary as u8;
    pub const CLOSE: u8 = Kind::Close as u8;
    pub const PING: u8 = Kind::Ping as u8;
    pub const PONG: u8 = Kind::Pong as u8;
}

/// One message of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// A text.
    Text(String),
    /// Bytes, whatever they are: nobody here understands them.
    Binary,
    /// To be answered with the same bytes.
    Ping(Vec<u8>),
    /// The answer to a ping.
    Pong(Vec<u8>),
    /// The last one, with its code if there is one.
    Close(Option<u16>),
}

/// What a client did wrong. Nothing after it can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A rule of the protocol.
    #[error("{0}")]
    Protocol(&'static str),
    /// A text is none.
    #[error("that text is no UTF-8")]
    NoText,
    /// A message is longer than any that would be understood.
    #[error("that message is too long")]
    TooLong,
}

/// Puts frames together again.
#[derive(Debug, Default)]
pub struct Reader {
    /// A frame that is not whole, or several that nobody took yet.
    held: Vec<u8>,
    /// What came of a message in several frames: its opcode and its payload.
    begun: Option<(u8, Vec<u8>)>,
}

/// What stands before the payload of a frame.
#[derive(Clone, Copy, Debug)]
struct Head {
    last: bool,
    opcode: u8,
    mask: [u8; 4],
    /// Where the payload begins, and how long it is.
    size: usize,
    length: usize,
}

impl Reader {
    /// Takes what came.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
    }

    /// The next message, if it is whole.
    ///
    /// # Errors
    /// The client broke a rule.
    pub fn next(&mut self) -> Result<Option<Said>, Fault> {
        while let Some(head) = Head::read(&self.held)? {
            let before = self.begun.as_ref().map_or(0, |(_, payload)| payload.len());
            // A length is judged before so much is waited for.
            if !head.is_control() && head.length > LONGEST - before {
                return Err(Fault::TooLong);
            }
            let Some(payload) = self.held.get(head.size..head.size + head.length) else { return Ok(None) };
            let payload =
                payload.iter().zip(head.mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
            self.held.drain(..head.size + head.length);
            if self.held.is_empty() {
                self.held = Vec::new();
            }
            if let Some(said) = self.take(head, payload)? {
                return Ok(Some(said));
            }
        }
        Ok(None)
    }

    /// Takes a whole frame; the message that it completes, if it does.
    fn take(&mut self, head: Head, payload: Vec<u8>) -> Result<Option<Said>, Fault> {
        let message = match (head.opcode, self.begun.take()) {
            (opcode::CLOSE, _) => return close(&payload).map(Some),
            (opcode @ (opcode::PING | opcode::PONG), begun) => {
                // These may come between the frames of a message (RFC 6455, 5.4).
                self.begun = begun;
                return Ok(Some(if opcode == opcode::PING {
                    Said::Ping(payload)
                } else {
                    Said::Pong(payload)
                }));
            }
            (opcode::CONTINUATION, Some((opcode, mut before))) => {
                before.extend(payload);
                (opcode, before)
            }
            (opcode::CONTINUATION, None) => {
                return Err(Fault::Protocol("nothing was begun that could go on"));
            }
            (_, Some(_)) => return Err(Fault::Protocol("the message before this has no end")),
            (opcode, None) => (opcode, payload),
        };
        if !head.last {
            self.begun = Some(message);
            return Ok(None);
        }
        Ok(Some(match message {
            (opcode::TEXT, payload) => Said::Text(String::from_utf8(payload).map_err(|_| Fault::NoText)?),
            _ => Said::Binary,
        }))
    }
}

impl Head {
    /// Reads the head of the frame that `bytes` begin with, if all of it is there (RFC 6455, 5.2).
    fn read(bytes: &[u8]) -> Result<Option<Self>, Fault> {
        let [first, second, rest @ ..] = bytes else { return Ok(None) };
        let (last, opcode, short) = (first & 0x80 != 0, first & 0x0f, usize::from(second & 0x7f));
        if first & 0x70 != 0 {
            return Err(Fault::Protocol("no extension was agreed upon"));
        }
        if !matches!(opcode, opcode::CONTINUATION..=opcode::BINARY | opcode::CLOSE..=opcode::PONG) {
            return Err(Fault::Protocol("there is no such kind of frame"));
        }
        if second & 0x80 == 0 {
            return Err(Fault::Protocol("a client's frames must be masked"));
        }
        let is_control = opcode >= opcode::CLOSE;
        if is_control && (!last || short > LONGEST_CONTROL) {
            return Err(Fault::Protocol("a frame about the connection must be short and whole"));
        }
        let (length, mask) = match short {
            126 => match rest.split_first_chunk() {
                Some((length, mask)) => (u64::from(u16::from_be_bytes(*length)), mask),
                None => return Ok(None),
            },
            127 => match rest.split_first_chunk() {
                Some((length, mask)) => (u64::from_be_bytes(*length), mask),
                None => return Ok(None),
            },
            _ => (short as u64, rest),
        };
        if (short == 126 && length < 126) || (short == 127 && length <= u64::from(u16::MAX)) {
            return Err(Fault::Protocol("a length must be written in the shortest way"));
        }
        let Some((mask, payload)) = mask.split_first_chunk() else { return Ok(None) };
        let length = usize::try_from(length).map_err(|_| Fault::TooLong)?;
        Ok(Some(Self { last, opcode, mask: *mask, size: bytes.len() - payload.len(), length }))
    }

    fn is_control(&self) -> bool {
        self.opcode >= opcode::CLOSE
    }
}

/// Reads what goes with a goodbye (RFC 6455, 5.5.1 and 7.4).
fn close(payload: &[u8]) -> Result<Said, Fault> {
    let Some((code, reason)) = payload.split_first_chunk() else {
        return if payload.is_empty() {
            Ok(Said::Close(None))
        } else {
            Err(Fault::Protocol("half a close code"))
        };
    };
    let code = u16::from_be_bytes(*code);
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err(Fault::Protocol("there is no such close code"));
    }
    std::str::from_utf8(reason).map_err(|_| Fault::NoText)?;
    Ok(Said::Close(Some(code)))
}

#[cfg(test)]
#[path = "frames_tests.rs"]
mod tests;
