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
            let uri = parameter("uri").unwrap_or_default();
            let secret = md5(&format!("{username}:{REALM}:{password}"));
            let expected = md5(&format!("{secret}:{nonce}:{}", md5(&format!("{method}:{uri}"))));
            scheme.eq_ignore_ascii_case("digest")
                && parameter("username") == Some(username)
                && parameter("nonce") == Some(nonce)
                && parameter("response").is_some_and(|response| response.eq_ignore_ascii_case(&expected))
        }
    }
}

/// The value of `name` in a list such as `username="a, b", nonce="1"`; quotes are taken off.
fn parameter<'a>(mut list: &'a str, name: &str) -> Option<&'a str> {
    loop {
        let (key, rest) = list.trim_start_matches([' ', ',']).split_once('=')?;
        let (value, rest) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => rest.split_once(',').unwrap_or((rest, "")),
        };
        if key.trim().eq_ignore_ascii_case(name) {
            return Some(value.trim());
        }
        list = rest;
    }
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
        assert_eq!(parameter(list, "username"), Some("a, b=c"));
        assert_eq!(parameter(list, "algorithm"), Some("MD5"));
        assert_eq!(parameter(list, "nonce"), Some("1"));
        assert_eq!(parameter(list, "opaque"), None);
    }
}
