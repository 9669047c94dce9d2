//! The pages: files of `static/`, embedded in the binary.

use std::time::Duration;

use hyper::StatusCode;
use hyper::header::{CONTENT_SECURITY_POLICY, HeaderValue, REFERRER_POLICY};
use rust_embed::{EmbeddedFile, RustEmbed};

use super::answer::{Answer, Cache, error, ok};
use super::delivery::tagged;

#[derive(RustEmbed)]
#[folder = "static/"]
struct Files;

/// What the pages may load: this server's own files, sockets to it (which `'self'` means too, by Content
/// Security Policy Level 3), and pictures and media they make themselves. Other sites may frame them.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src 'self' data: blob:; media-src 'self' blob:; base-uri 'none'; form-action 'none'";
/// What the page where people log in may do: send its form here, and stand in no other page.
const LOGIN_POLICY: &str = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
/// Where that page says what went wrong.
const SILENT: &str = "<p role=\"alert\" hidden></p>";
/// Browsers ask again after this; the answer is a 304 while nothing changed.
const FRESH: Duration = Duration::from_secs(60);

/// The page with all cameras.
pub fn wall() -> Answer {
    page("index.html")
}

/// The page with one camera.
pub fn watch() -> Answer {
    page("watch.html")
}

/// The page where people log in; with a sentence about what went wrong, if anything did.
pub fn login(status: StatusCode, sentence: Option<&str>) -> Answer {
    let file = Files::get("login.html").map(|file| String::from_utf8_lossy(&file.data).into_owned());
    let Some(mut text) = file else { return error(StatusCode::NOT_FOUND, "this build has no pages") };
    if let Some(sentence) = sentence {
        text = text.replace(SILENT, &format!("<p role=\"alert\">{sentence}</p>"));
    }
    let mut answer = ok("text/html; charset=utf-8", Cache::Never, text);
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(LOGIN_POLICY));
    answer.headers_mut().insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    answer
}

/// A file that the pages need.
pub fn asset(name: &str) -> Answer {
    match Files::get(name) {
        Some(file) => send(file, Cache::For(FRESH)),
        None => error(StatusCode::NOT_FOUND, "no such file"),
    }
}

fn page(name: &str) -> Answer {
    let Some(file) = Files::get(name) else {
        return error(StatusCode::NOT_FOUND, "this build has no pages");
    };
    // Pages name their files without a version: they are asked for each time, and cost a 304.
    let mut answer = send(file, Cache::For(Duration::ZERO));
    answer.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    // A page's address may hold an access token: it is nobody else's business.
    answer.headers_mut().insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    answer
}

fn send(file: EmbeddedFile, cache: Cache) -> Answer {
    let hash: String =
        file.metadata.sha256_hash().iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    let body = match file.data {
        std::borrow::Cow::Borrowed(bytes) => bytes::Bytes::from_static(bytes),
        std::borrow::Cow::Owned(bytes) => bytes.into(),
    };
    let mut answer = tagged(ok("", cache, body), &hash);
    if let Ok(kind) = HeaderValue::from_str(&content_type(file.metadata.mimetype())) {
        answer.headers_mut().insert(hyper::header::CONTENT_TYPE, kind);
    }
    answer
}

fn content_type(mime: &str) -> String {
    if mime.starts_with("text/") { format!("{mime}; charset=utf-8") } else { mime.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_may_load_what_is_ours_and_run_nothing_that_stands_in_them() {
        for page in [wall(), watch()] {
            let policy = page.headers()[CONTENT_SECURITY_POLICY].to_str().expect("text").to_owned();
            assert!(
                policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"),
                "{policy}"
            );
            assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
        }
        for name in ["index.html", "watch.html"] {
            let file = Files::get(name).expect("it is embedded");
            let text = String::from_utf8(file.data.into_owned()).expect("text");
            for forbidden in ["<script>", "<style>", " style=\"", " onclick", "://"] {
                assert!(!text.contains(forbidden), "{name} contains {forbidden}");
            }
        }
    }
}
