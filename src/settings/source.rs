//! The URL of a source, and the credentials in it.

use secrecy::SecretString;
use url::Url;

/// A source URL taken apart. Its Debug shows no password.
#[derive(Debug)]
pub(super) struct Located {
    /// The URL without user name and password.
    pub(super) url: Url,
    pub(super) username: Option<String>,
    pub(super) password: Option<SecretString>,
}

/// Reads an RTSP URL and takes its credentials out, percent-decoded.
///
/// The error is the rule that is broken; it never quotes the URL.
pub(super) fn locate(text: &str) -> Result<Located, String> {
    let mut url = Url::parse(text).map_err(|error| format!("not a URL: {error}"))?;
    check_scheme(url.scheme())?;
    if url.host_str().is_none_or(str::is_empty) {
        return Err("the URL names no host; write it like \"rtsp://192.168.1.20/stream1\"".to_owned());
    }
    if url.fragment().is_some() {
        // Nearly always a password with a '#' in it, of which the rest of the URL is now a part.
        return Err("a '#' in a URL is written %23".to_owned());
    }
    let username = Some(url.username()).filter(|name| !name.is_empty()).map(decode).transpose()?;
    let password = url.password().map(decode).transpose()?.map(SecretString::from);
    let taken = url.set_username("").and_then(|()| url.set_password(None));
    taken.map_err(|()| "the URL cannot be taken apart".to_owned())?;
    Ok(Located { url, username, password })
}

fn check_scheme(scheme: &str) -> Result<(), String> {
    match scheme {
        "rtsp" | "rtsps" => Ok(()),
        // Not quoted: in "admin:secret@host" the scheme is somebody's user name.
        _ => Err("must begin with rtsp:// or rtsps://".to_owned()),
    }
}

/// Undoes percent-encoding. A `%` without two digits stands for itself, as in browsers.
fn decode(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        let mut byte = *first;
        if let (b'%', [high, low, after @ ..]) = (byte, after)
            && let (Some(high), Some(low)) = (hex(*high), hex(*low))
        {
            byte = high << 4 | low;
            rest = after;
        }
        bytes.push(byte);
    }
    String::from_utf8(bytes).map_err(|_| "the credentials in the URL are not UTF-8".to_owned())
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn parts(text: &str) -> (String, Option<String>, Option<String>) {
        let Located { url, username, password } = locate(text).unwrap();
        (url.into(), username, password.map(|secret| secret.expose_secret().to_owned()))
    }

    #[test]
    fn credentials_are_taken_out_and_decoded() {
        let some = |text: &str| Some(text.to_owned());
        for (text, url, username, password) in [
            ("rtsp://cam/s", "rtsp://cam/s", None, None),
            ("rtsp://user:p%40ss@cam:8554/s?ch=1", "rtsp://cam:8554/s?ch=1", some("user"), some("p@ss")),
            ("rtsp://user:p@ss@cam/s", "rtsp://cam/s", some("user"), some("p@ss")),
            ("rtsp://us%C3%A9r@cam/s", "rtsp://cam/s", some("usér"), None),
            ("rtsp://user:100%25%zz%@[fe80::1]/", "rtsp://[fe80::1]/", some("user"), some("100%%zz%")),
            ("rtsps://user:x@cam/s", "rtsps://cam/s", some("user"), some("x")),
            ("RTSP://user:a%3Ab@cam", "rtsp://cam", some("user"), some("a:b")),
        ] {
            assert_eq!(parts(text), (url.to_owned(), username, password), "{text}");
        }
    }

    #[test]
    fn bad_urls_are_refused_without_being_quoted() {
        for (text, message) in [
            ("hunter2", "not a URL: relative URL without a base"),
            ("rtsp://user:hunt/er2@cam/", "not a URL: invalid port number"),
            ("rtsp://user:hunter2#@cam/", "not a URL: invalid port number"),
            ("rtsp://user:12#hunter2@cam/", "a '#' in a URL is written %23"),
            ("http://user:hunter2@cam/", "must begin with rtsp:// or rtsps://"),
            ("hunter2:cam@host", "must begin with rtsp:// or rtsps://"),
            ("rtsp:///hunter2", "the URL names no host; write it like \"rtsp://192.168.1.20/stream1\""),
            ("rtsp:hunter2", "the URL names no host; write it like \"rtsp://192.168.1.20/stream1\""),
            ("rtsp://user:hunter2%ff@cam/", "the credentials in the URL are not UTF-8"),
        ] {
            assert_eq!(locate(text).unwrap_err(), message, "{text}");
        }
    }

    #[test]
    fn debug_shows_no_password() {
        let located = locate("rtsp://user:hunter2@cam/").unwrap();
        assert!(!format!("{located:?}").contains("hunter2"), "{located:?}");
    }
}
