//! RTSP messages as text (RFC 2326, 4 to 7), as far as the relay must understand them. Pure.

/// Longest head of a message, and longest body: SDP takes a few KiB.
const MOST_HEAD: usize = 32 << 10;
const MOST_BODY: usize = 256 << 10;

/// Most line ends between messages.
const MOST_BLANK: usize = 256;

/// What stands at the beginning of a stream of bytes.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// Interleaved data (RFC 2326, 10.12) of this many bytes, its four bytes of header included.
    Data(usize),
    /// A request or a response of this many bytes.
    Message(Message, usize),
    /// Not all of it is here.
    Incomplete,
}

/// Why bytes are no RTSP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotRtsp {
    /// It has no end in reasonable distance.
    #[error("a message that is too long")]
    TooLong,
    /// Its head is no text.
    #[error("a message that is no RTSP")]
    NoText,
}

/// A request or a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The first line.
    pub line: String,
    /// Names and values, in their order.
    pub headers: Vec<(String, String)>,
    /// What follows the head.
    pub body: Vec<u8>,
}

impl Message {
    /// The value of the first header of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let named = self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str())
    }

    /// The values of all headers of that name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.headers.iter().filter(move |(own, _)| own.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str())
    }

    /// Sets a header in the place of all of its name.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.remove(name);
        self.headers.push((name.to_owned(), value.into()));
    }

    /// Takes away all headers of that name.
    pub fn remove(&mut self, name: &str) {
        self.headers.retain(|(own, _)| !own.eq_ignore_ascii_case(name));
    }

    /// The status code of a response; `None` for a request.
    pub fn status(&self) -> Option<u16> {
        let rest = self.line.strip_prefix("RTSP/")?;
        rest.split_ascii_whitespace().nth(1)?.parse().ok()
    }

    /// Method and URI of a request.
    pub fn request(&self) -> Option<(&str, &str)> {
        let mut words = self.line.split(' ');
        let (method, uri) = (words.next()?, words.next()?);
        words.next()?.starts_with("RTSP/").then_some((method, uri))
    }

    /// As it goes out.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = format!("{}\r\n", self.line);
        for (name, value) in &self.headers {
            text += &format!("{name}: {value}\r\n");
        }
        let mut bytes = (text + "\r\n").into_bytes();
        bytes.extend(&self.body);
        bytes
    }
}

/// Reads what stands at the beginning of `bytes`.
///
/// # Errors
/// It cannot be RTSP, whatever may follow.
pub fn read(bytes: &[u8]) -> Result<Next, NotRtsp> {
    // Some cameras put empty lines between messages.
    let blank = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    if blank > MOST_BLANK {
        return Err(NotRtsp::TooLong);
    }
    let start = &bytes[blank..];
    if start.first() == Some(&b'$') {
        let Some(&[high, low]) = start.get(2..4) else { return Ok(Next::Incomplete) };
        let length = blank + 4 + usize::from(u16::from_be_bytes([high, low]));
        return Ok(if bytes.len() < length { Next::Incomplete } else { Next::Data(length) });
    }
    let Some((head, head_length)) = head(start) else {
        return if start.len() > MOST_HEAD { Err(NotRtsp::TooLong) } else { Ok(Next::Incomplete) };
    };
    let text = std::str::from_utf8(head).map_err(|_| NotRtsp::NoText)?;
    let mut lines = text.lines();
    let line =
        lines.next().filter(|line| line.contains("RTSP/")).ok_or(NotRtsp::NoText)?.trim_end().to_owned();
    let headers = lines.filter_map(|line| line.split_once(':'));
    let headers = headers.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect();
    let mut message = Message { line, headers, body: Vec::new() };
    let body = message.header("Content-Length").and_then(|length| length.parse().ok()).unwrap_or(0usize);
    if body > MOST_BODY {
        return Err(NotRtsp::TooLong);
    }
    let Some(bytes) = start.get(head_length..head_length + body) else { return Ok(Next::Incomplete) };
    message.body = bytes.to_vec();
    Ok(Next::Message(message, blank + head_length + body))
}

/// The head without its end, and its length with it. Lines may end without a carriage return.
fn head(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let seen = &bytes[..bytes.len().min(MOST_HEAD)];
    let mut line_start = 0;
    for (at, _) in seen.iter().enumerate().filter(|(_, byte)| **byte == b'\n') {
        if matches!(&seen[line_start..at], b"" | b"\r") {
            return Some((&seen[..line_start], at + 1));
        }
        line_start = at + 1;
    }
    None
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn message(text: &str) -> (Message, usize) {
        match read(text.as_bytes()).unwrap() {
            Next::Message(message, length) => (message, length),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_response_with_its_body_is_read_and_written_again() {
        let text = "RTSP/1.0 200 OK\r\ncseq:2\r\nContent-Length: 3\r\n\r\nv=0RTSP/1.0";
        let (read, length) = message(text);
        assert_eq!(
            (read.status(), read.header("CSeq"), read.body.as_slice()),
            (Some(200), Some("2"), &b"v=0"[..])
        );
        assert_eq!(length, text.len() - "RTSP/1.0".len());
        assert_eq!(message(std::str::from_utf8(&read.to_bytes()).unwrap()).0, read);
    }

    #[test]
    fn requests_have_a_method_and_a_uri() {
        let (read, _) = message("PLAY rtsp://h/a b RTSP/1.0\r\n\r\n");
        assert_eq!(read.request(), None, "a URI holds no blank");
        let (read, _) = message("\r\n\r\nSETUP rtsp://h/a?b=c RTSP/1.0\nCSeq: 1\n\n");
        assert_eq!(read.request(), Some(("SETUP", "rtsp://h/a?b=c")));
        assert_eq!(read.status(), None);
    }

    #[test]
    fn what_is_cut_short_is_waited_for_and_what_has_no_end_is_not() {
        let text = b"RTSP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nv=0";
        for length in 0..text.len() {
            assert_eq!(read(&text[..length]), Ok(Next::Incomplete), "{length}");
        }
        assert_eq!(read(b"$\x01\x00\x02a"), Ok(Next::Incomplete));
        assert_eq!(read(b"$\x01\x00\x02ab$"), Ok(Next::Data(6)));
        assert_eq!(read(&vec![b'a'; MOST_HEAD + 1]), Err(NotRtsp::TooLong));
        assert_eq!(read(&[b'\r', b'\n'].repeat(MOST_BLANK)), Err(NotRtsp::TooLong), "lines without an end");
        assert_eq!(read(b"HTTP/1.1 200 OK\r\n\r\n"), Err(NotRtsp::NoText));
        assert_eq!(read(b"RTSP/1.0 200 \xff\r\n\r\n"), Err(NotRtsp::NoText));
        assert_eq!(read(b"RTSP/1.0 200 OK\r\nContent-Length: 999999999\r\n\r\n"), Err(NotRtsp::TooLong));
    }
}
