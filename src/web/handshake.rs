//! The WebSocket handshake: over HTTP/1.1 (RFC 6455, 4.2), and over HTTP/2 as an extended CONNECT (RFC 8441).

use headers::{Connection, HeaderMapExt, SecWebsocketAccept, SecWebsocketKey, SecWebsocketVersion, Upgrade};
use hyper::ext::Protocol;
use hyper::header::{HeaderMap, HeaderValue, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, UPGRADE};
use hyper::{Method, Request, StatusCode};

use super::answer::{Answer, Cache, error, ok};
use super::body::Body;

/// The subprotocol of the feed, offered by clients that know it.
const PROTOCOL: &str = "belvedere.mse.v1";

type Handshake = Result<Answer, Box<Answer>>;

/// True for a request that opens a WebSocket inside an HTTP/2 connection (RFC 8441, 4).
pub fn is_extended_connect<B>(request: &Request<B>) -> bool {
    request.method() == Method::CONNECT
        && request.extensions().get::<Protocol>().is_some_and(|protocol| protocol.as_str() == "websocket")
}

/// Checks a handshake and answers it.
///
/// # Errors
/// The answer for a request that is no WebSocket handshake.
pub fn handshake<B>(request: &Request<B>) -> Handshake {
    let headers = request.headers();
    let mut answer = if is_extended_connect(request) {
        // There is no key: HTTP/2 needs no proof that the other side speaks it (RFC 8441, 5).
        check_version(headers)?;
        ok("", Cache::Never, Body::default())
    } else {
        upgrade(request.method(), headers)?
    };
    let offers = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
    if offers.flat_map(|value| value.split(',')).any(|offer| offer.trim() == PROTOCOL) {
        answer.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(PROTOCOL));
    }
    Ok(answer)
}

fn refusal(sentence: &str) -> Box<Answer> {
    Box::new(error(StatusCode::BAD_REQUEST, sentence))
}

fn check_version(headers: &HeaderMap) -> Result<(), Box<Answer>> {
    match headers.typed_get::<SecWebsocketVersion>() {
        Some(SecWebsocketVersion::V13) => Ok(()),
        _ => Err(refusal("the WebSocket version must be 13")),
    }
}

/// The handshake of RFC 6455, 4.2.1.
fn upgrade(method: &Method, headers: &HeaderMap) -> Handshake {
    let tokens = headers.get_all(UPGRADE).iter().filter_map(|value| value.to_str().ok());
    let mut tokens = tokens.flat_map(|value| value.split(','));
    let upgrade = tokens.any(|token| token.trim().eq_ignore_ascii_case("websocket"));
    let asked = headers.typed_get::<Connection>().is_some_and(|connection| connection.contains("upgrade"));
    if method != Method::GET || !upgrade || !asked {
        let mut answer =
            error(StatusCode::UPGRADE_REQUIRED, "this is a WebSocket: open it with ws:// or wss://");
        answer.headers_mut().typed_insert(Upgrade::websocket());
        return Err(Box::new(answer));
    }
    check_version(headers)?;
    // 16 bytes are 24 characters of Base64, the last two of them padding.
    let good = |key: &HeaderValue| key.len() == 24 && key.as_bytes().ends_with(b"==");
    let key = headers.get(SEC_WEBSOCKET_KEY).filter(|key| good(key));
    let Some(key) = key.and_then(|_| headers.typed_get::<SecWebsocketKey>()) else {
        return Err(refusal("the WebSocket handshake has no key of 16 bytes"));
    };
    let mut answer = ok("", Cache::Never, Body::default());
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let out = answer.headers_mut();
    out.typed_insert(Upgrade::websocket());
    out.typed_insert(Connection::upgrade());
    out.typed_insert(SecWebsocketAccept::from(key));
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use hyper::header::SEC_WEBSOCKET_EXTENSIONS;

    use super::*;

    /// A browser's handshake, with one header changed.
    fn handshake_with(name: &'static str, value: &'static str) -> StatusCode {
        let mut request = Request::new(());
        for (name, value) in [
            ("upgrade", "websocket"),
            ("connection", "keep-alive, Upgrade"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
            (name, value),
        ] {
            request.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        handshake(&request).map_or_else(|refusal| refusal.status(), |answer| answer.status())
    }

    #[test]
    fn a_handshake_is_taken_however_it_is_spelled() {
        for value in ["websocket", "WebSocket", "h2c, websocket"] {
            assert_eq!(handshake_with("upgrade", value), StatusCode::SWITCHING_PROTOCOLS, "{value}");
        }
    }

    #[test]
    fn what_is_no_handshake_is_refused_by_its_kind() {
        assert_eq!(handshake_with("upgrade", "h2c"), StatusCode::UPGRADE_REQUIRED);
        assert_eq!(handshake_with("connection", "close"), StatusCode::UPGRADE_REQUIRED);
        assert_eq!(handshake_with("sec-websocket-version", "8"), StatusCode::BAD_REQUEST);
        assert_eq!(handshake_with("sec-websocket-key", "abc"), StatusCode::BAD_REQUEST);
    }

    #[test]
    fn the_answer_to_the_key_is_that_of_the_standard() {
        let mut request = Request::new(());
        let headers = request.headers_mut();
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert("connection", HeaderValue::from_static("Upgrade"));
        headers.insert("sec-websocket-version", HeaderValue::from_static("13"));
        headers.insert(SEC_WEBSOCKET_KEY, HeaderValue::from_static("dGhlIHNhbXBsZSBub25jZQ=="));
        headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("chat, belvedere.mse.v1"));
        // Media cannot be made smaller: no extension is agreed upon, whichever are offered.
        headers.insert(SEC_WEBSOCKET_EXTENSIONS, HeaderValue::from_static("permessage-deflate"));
        let answer = handshake(&request).expect("RFC 6455's own example, 1.3");
        assert_eq!(answer.headers()["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_eq!(answer.headers()[SEC_WEBSOCKET_PROTOCOL], PROTOCOL);
        assert!(!answer.headers().contains_key(SEC_WEBSOCKET_EXTENSIONS));
    }

    #[test]
    fn inside_http2_there_is_no_key_and_the_answer_is_200() {
        let mut request = Request::new(());
        *request.method_mut() = Method::CONNECT;
        assert!(!is_extended_connect(&request), "a proxy's CONNECT is none of ours");
        request.extensions_mut().insert(Protocol::from_static("websocket"));
        assert_eq!(handshake(&request).expect_err("no version").status(), StatusCode::BAD_REQUEST);
        request.headers_mut().insert("sec-websocket-version", HeaderValue::from_static("13"));
        request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(PROTOCOL));
        let answer = handshake(&request).expect("RFC 8441, 5.1");
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()[SEC_WEBSOCKET_PROTOCOL], PROTOCOL);
    }
}
