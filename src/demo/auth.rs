//! Basic (RFC 7617) and Digest in its oldest form, without `qop` (RFC 2069), as RTSP 1.0 cameras speak it.

use md5::{Digest, Md5};
use secrecy::ExposeSecret;

use super::base64;
use super::options::{Credentials, Scheme};

/// Must not hold a quote: it stands between two.
const REALM: &str = "belvedere demo";

/// The value of `WWW-Authenticate` for a connection whose nonce is `nonce`.
pub(super) fn challenge(scheme: Scheme, nonce: &str) -> String {
    match scheme {
        Scheme::Basic => format!("Basic realm=\"{REALM}\""),
        Scheme::Digest => format!("Digest realm=\"{REALM}\", nonce=\"{nonce}\""),
    }
}

/// True if `authorization`, the header of a request with `method`, proves knowledge of `credentials`. Any URI in a
/// digest is taken for the right one: some clients write it otherwise than in the request line.
pub(super) fn accepts(credentials: &Credentials, nonce: &str, method: &str, authorization: &str) -> bool {
    let Some((scheme, rest)) = authorization.split_once(' ') else { return false };
    let Credentials { username, password, scheme: wanted } = credentials;
    let password = password.expose_secret();
    match wanted {
        Scheme::Basic => {
            scheme.eq_ignore_ascii_case("basic")
                && rest.trim() == base64::encode(format!("{username}:{password}").as_bytes())
        }
        Scheme::Digest => {
            let parameter = |name| parameter(rest, name);
            let name = parameter("username").or_else(|| extended(&parameter("username*")?));
            let uri = parameter("uri").unwrap_or_default();
            let secret = md5(&format!("{username}:{REALM}:{password}"));
            let expected = md5(&format!("{secret}:{nonce}:{}", md5(&format!("{method}:{uri}"))));
            scheme.eq_ignore_ascii_case("digest")
                && name.as_ref() == Some(username)
                && parameter("nonce").as_deref() == Some(nonce)
                && parameter("response").is_some_and(|response| response.eq_ignore_ascii_case(&expected))
        }
    }
}

/// The value of `name` in a list such as `username="a, b", nonce="1"`; quotes are taken off, and what is quoted within
/// them stands for itself (RFC 9110, 5.6.4).
fn parameter(mut list: &str, name: &str) -> Option<String> {
    loop {
        let (key, rest) = list.trim_start_matches([' ', ',']).split_once('=')?;
        let (value, rest) = match rest.strip_prefix('"') {
            Some(quoted) => unquoted(quoted)?,
            None => {
                let (value, rest) = rest.split_once(',').unwrap_or((rest, ""));
                (value.trim().to_owned(), rest)
            }
        };
        if key.trim().eq_ignore_ascii_case(name) {
            return Some(value);
        }
        list = rest;
    }
}

/// What stands before the quote that ends `text`, and what behind it.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut signs = text.char_indices();
    loop {
        match signs.next()? {
            (end, '"') => return Some((value, &text[end + 1..])),
            (_, '\\') => value.push(signs.next()?.1),
            (_, sign) => value.push(sign),
        }
    }
}

/// A value with signs beyond ASCII, as in `UTF-8''k%C3%A4the` (RFC 8187, 3.2).
fn extended(value: &str) -> Option<String> {
    let (charset, coded) = value.split_once('\'')?;
    let (_language, coded) = coded.split_once('\'')?;
    let mut pieces = coded.split('%');
    let mut bytes = pieces.next()?.as_bytes().to_vec();
    for piece in pieces {
        bytes.push(u8::from_str_radix(piece.get(..2)?, 16).ok()?);
        bytes.extend(&piece.as_bytes()[2..]);
    }
    String::from_utf8(bytes).ok().filter(|_| charset.eq_ignore_ascii_case("utf-8"))
}

fn md5(text: &str) -> String {
    format!("{:x}", Md5::digest(text.as_bytes()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn viewer(scheme: Scheme) -> Credentials {
        Credentials { username: "viewer".into(), password: "open: sesame".into(), scheme }
    }

    #[test]
    fn basic_wants_name_and_password() {
        let right = format!("Basic {}", base64::encode(b"viewer:open: sesame"));
        assert!(accepts(&viewer(Scheme::Basic), "", "PLAY", &right));
        for wrong in ["", "Basic", "Basic dmlld2VyOg==", &right.replace("Basic", "Digest")] {
            assert!(!accepts(&viewer(Scheme::Basic), "", "PLAY", wrong), "{wrong}");
        }
    }

    #[test]
    fn digest_binds_nonce_and_method() {
        let secret = md5("viewer:belvedere demo:open: sesame");
        let response = md5(&format!("{secret}:n1:{}", md5("PLAY:rtsp://h/main")));
        let header = format!(
            "Digest username=\"viewer\", realm=\"belvedere demo\", nonce=\"n1\", \
             uri=\"rtsp://h/main\", response=\"{response}\""
        );
        let viewer = viewer(Scheme::Digest);
        assert!(accepts(&viewer, "n1", "PLAY", &header));
        assert!(!accepts(&viewer, "n2", "PLAY", &header), "another connection's nonce");
        assert!(!accepts(&viewer, "n1", "SETUP", &header), "another method's proof");
        assert!(!accepts(&viewer, "n1", "PLAY", "Digest username=\"viewer"), "cut short");
    }

    #[test]
    fn parameters_may_be_quoted_and_hold_commas() {
        let list = "username=\"a, b=c\", algorithm=MD5, nonce=\"1\"";
        let value = |name| parameter(list, name).unwrap_or_default();
        assert_eq!((value("username"), value("algorithm")), ("a, b=c".into(), "MD5".into()));
        assert_eq!((value("nonce"), parameter(list, "opaque")), ("1".into(), None));
        let quoted = parameter(r#"username="a \"b\" \\c", x=1"#, "username");
        assert_eq!(quoted.as_deref(), Some(r#"a "b" \c"#));
        assert_eq!(extended("UTF-8''k%C3%A4the").as_deref(), Some("käthe"));
    }
}
