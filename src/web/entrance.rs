//! The way in: what a request asks for, whether it may have that, and what its answer must say to caches and to pages
//! on other origins.

use std::net::IpAddr;
use std::sync::Arc;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{ACCEPT, ACCEPT_ENCODING, ETAG, ORIGIN};
use hyper::{Method, Request, StatusCode};
use url::Url;

use super::access::{self, By, Origin, Pass, Refusal, Shown, Way};
use super::answer::{self, Answer, error, keep_at_most, make_private, see_other};
use super::delivery::deliver;
use super::forwarded::{self, Seen};
use super::handler::Site;
use super::handshake::is_extended_connect;
use super::route::{Route, TOKEN_PREFIX, query_value};
use super::viewers::Peer;
use crate::hls::Name;

impl Site {
    /// Answers a request. Never fails: errors are answers too.
    pub async fn answer(self: Arc<Self>, mut request: Request<Incoming>, peer: Peer) -> Answer {
        let seen = forwarded::seen(peer, access::host(&request), request.headers(), &self.trusted_proxies);
        let origin = Origin::of(request.headers(), seen.host.as_deref());
        let (peer, book) = (seen.peer, self.access.book());
        if let Some(host) = access::host(&request).filter(|host| !book.answers_to(host)) {
            let mut answer = misdirected(host);
            book.cross_origin.mark(&mut answer, &origin, false, false);
            return answer;
        }
        if request.method() == Method::OPTIONS {
            let mut answer = answer::preflight();
            book.cross_origin.mark(&mut answer, &origin, false, false);
            return answer;
        }
        if let Some(elsewhere) = self.secure(&request, &seen) {
            return elsewhere;
        }
        request.extensions_mut().insert(seen);
        let (mut answer, by) = self.enter(request, peer, &origin).await;
        let shared = matches!(by, By::Nobody | By::Path);
        if !shared {
            make_private(&mut answer);
        }
        book.cross_origin.mark(&mut answer, &origin, by == By::Ambient, shared);
        answer
    }

    /// The address for whose connections there is a limit: not the many behind a proxy, nor this machine's own
    /// programs, nor those of whom nothing is known.
    pub fn counted(&self, address: IpAddr) -> Option<IpAddr> {
        let free = address.is_loopback() || address == Peer::UNKNOWN || self.trusts(address);
        (!free).then(|| access::household(address))
    }

    /// Whether an address is one of a proxy that is believed.
    pub fn trusts(&self, address: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|network| network.contains(&address))
    }

    /// Sends the reader of a page to where there is TLS. Players are never sent elsewhere: they may not follow, or not
    /// with what they showed.
    fn secure(&self, request: &Request<Incoming>, seen: &Seen) -> Option<Answer> {
        let port = self.secure_port.filter(|_| !seen.peer.tls && request.method().is_safe())?;
        let (route, _) = self.routes.find_with_token(request.uri().path());
        if !matches!(route?, Route::Wall | Route::Watch(_) | Route::Login | Route::BaseWithoutSlash) {
            return None;
        }
        let own = Url::parse(&format!("http://{}/", seen.host.as_deref()?)).ok()?;
        let path = request.uri().path_and_query()?;
        let mut answer = see_other(&format!("https://{}:{port}{}{path}", own.host_str()?, seen.prefix));
        *answer.status_mut() = StatusCode::TEMPORARY_REDIRECT;
        Some(answer)
    }

    /// The answer, and what let the request in; [`By::Explicit`] if nothing did.
    async fn enter(&self, request: Request<Incoming>, peer: Peer, origin: &Origin) -> (Answer, By) {
        let (route, path_token) = self.routes.find_with_token(request.uri().path());
        let Some(route) = route else {
            return (error(StatusCode::NOT_FOUND, "there is nothing here"), By::Nobody);
        };
        let socket = is_extended_connect(&request);
        if socket && !matches!(route, Route::Mse(_)) {
            return (error(StatusCode::NOT_FOUND, "there is no WebSocket here"), By::Nobody);
        }
        if let Some(refusal) = wrong_method(&route, request.method()).filter(|_| !socket) {
            return (refusal, By::Nobody);
        }
        // To open a socket is as safe as GET, which it is where there is no CONNECT for it.
        let safe = socket || request.method().is_safe();
        let query = request.uri().query().unwrap_or_default();
        let shown = Shown { path_token, query, headers: request.headers() };
        let pass = match self.access.admit(&shown, peer.address, route.need(safe)).await {
            Ok(pass) => pass,
            Err(refusal) => return (self.send_away(refusal, &route, &request, path_token), By::Explicit),
        };
        let by = pass.by();
        if (!safe || matches!(route, Route::Mse(_))) && !self.welcomes(&request, origin, by, safe) {
            return (Refusal::Origin.answer(request.headers(), false), By::Explicit);
        }
        let left = pass.left();
        let mut answer = self.serve(route, request, peer, pass).await;
        if let Some(left) = left {
            keep_at_most(&mut answer, left);
        }
        (answer, by)
    }

    /// Whether a page of `origin` may open sockets and change things: browsers let every page try.
    fn welcomes(&self, request: &Request<Incoming>, origin: &Origin, by: By, safe: bool) -> bool {
        let book = self.access.book();
        let pages = &book.cross_origin;
        match by {
            By::Ambient => pages.trusts(origin),
            // What is open to all on this machine or network is still not for pages from elsewhere to change, be it that
            // a name server says they are from here.
            By::Nobody if !safe => {
                let named = request.headers().contains_key(ORIGIN).then(|| access::host(request)).flatten();
                pages.trusts(origin) && named.is_none_or(|host| book.is_sure_of(host))
            }
            By::Nobody | By::Path | By::Explicit => pages.admits(origin),
        }
    }

    async fn serve(&self, route: Route, mut request: Request<Incoming>, peer: Peer, pass: Pass) -> Answer {
        let (method, conditions) = (request.method().clone(), request.headers().clone());
        let keep = kept_token(&route, &request, &pass);
        if keep.is_some() {
            request.headers_mut().remove(ACCEPT_ENCODING);
        }
        let below = self.routes.below_base(request.uri().path()).unwrap_or_default().to_owned();
        let answer = async {
            let answer = self.route(route, request, peer, &pass).await;
            match keep {
                Some(token) => keep_token(answer, &below, &token).await,
                None => answer,
            }
        };
        tokio::select! {
            // Few answers wait for anything; only those need to know how long they may.
            biased;
            answer = answer => deliver(&method, &conditions, answer),
            () = self.stop.cancelled() => error(StatusCode::SERVICE_UNAVAILABLE, "the server is stopping"),
            () = async { pass.lease().ended().await } => {
                Refusal::Ended.answer(&conditions, self.access.book().has_passwords())
            }
        }
    }

    /// Whoever may not have a page is shown where to log in; players and programs are only told.
    fn send_away(
        &self,
        refusal: Refusal,
        route: &Route,
        request: &Request<Incoming>,
        path_token: Option<&str>,
    ) -> Answer {
        let accepts = request.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok());
        let page = accepts.is_some_and(|accept| accept.contains("text/html")) && path_token.is_none();
        let passwords = self.access.book().has_passwords();
        if refusal == Refusal::Unknown && page && passwords {
            match route {
                Route::Wall => return see_other("login"),
                Route::Watch(camera) => {
                    let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
                    let next: String =
                        url::form_urlencoded::byte_serialize(format!("watch/{camera}{query}").as_bytes())
                            .collect();
                    return see_other(&format!("../login?next={next}"));
                }
                _ => {}
            }
        }
        refusal.answer(request.headers(), passwords)
    }
}

/// The answer to who asks for this server by a name that is not among its own.
fn misdirected(host: &str) -> Answer {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    let name = if name.len() <= 100 && name.chars().all(plain) { name } else { "that name" };
    let sentence = format!(
        "this server is not asked for as {name}: add that to server.hosts, or say who may watch ([auth], or \
         auth = \"none\"), if a proxy or a name of yours leads here"
    );
    error(StatusCode::MISDIRECTED_REQUEST, sentence)
}

fn wrong_method(route: &Route, method: &Method) -> Option<Answer> {
    let (good, allowed) = match route {
        Route::Login => {
            (matches!(*method, Method::GET | Method::HEAD | Method::POST), "GET, HEAD, POST, OPTIONS")
        }
        Route::Logout => (method == Method::POST, "POST, OPTIONS"),
        _ => (matches!(*method, Method::GET | Method::HEAD), "GET, HEAD, OPTIONS"),
    };
    (!good).then(|| answer::method_not_allowed(allowed))
}

/// The token of a query, if the addresses in the answer must be made to hold it: players do not hand on a query to what
/// a playlist names.
fn kept_token(route: &Route, request: &Request<Incoming>, pass: &Pass) -> Option<String> {
    let playlist = match route {
        Route::Multivariant(..) | Route::OneVariant(..) => true,
        Route::Hls { name, .. } => matches!(name, Name::Playlist(..)),
        _ => false,
    };
    if !playlist || pass.way() != Some(Way::Query) {
        return None;
    }
    let token = query_value(request.uri().query()?, access::TOKEN_QUERY)?;
    // Others than ours may hold anything.
    token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)).then_some(token)
}

/// Moves the addresses in a playlist below `/t/{token}/`. `below` is the playlist's own path below the base path.
async fn keep_token(answer: Answer, below: &str, token: &str) -> Answer {
    if answer.status() != StatusCode::OK {
        return answer;
    }
    let (mut parts, body) = answer.into_parts();
    let Ok(body) = body.collect().await;
    let bytes = body.to_bytes();
    let Ok(text) = std::str::from_utf8(&bytes) else { return Answer::from_parts(parts, bytes.into()) };
    let folder = below.rsplit_once('/').map_or("", |(folder, _)| folder);
    let up = "../".repeat(below.matches('/').count());
    let text = moved(text, &format!("{up}{TOKEN_PREFIX}{token}/{folder}/"));
    // The name was one for other bytes.
    parts.headers.remove(ETAG);
    Answer::from_parts(parts, text.into())
}

/// A playlist whose addresses, which are all relative, begin with `prefix`.
fn moved(playlist: &str, prefix: &str) -> String {
    let mut text = String::with_capacity(playlist.len() * 2);
    for line in playlist.lines() {
        if line.is_empty() || line.starts_with('#') {
            text.push_str(&line.replace("URI=\"", &format!("URI=\"{prefix}")));
        } else {
            text.push_str(prefix);
            text.push_str(line);
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_of_a_playlist_is_moved_and_nothing_else() {
        let playlist = "#EXTM3U\n#EXT-X-MAP:URI=\"1/init.mp4\"\n#EXT-X-PART:DURATION=0.5,URI=\"1/2.m4s\"\n\
                        #EXTINF:2,\n1/seg.m4s\n#EXT-X-RENDITION-REPORT:URI=\"../sub/video.m3u8\",LAST-MSN=1\n";
        assert_eq!(
            moved(playlist, "../t/x/"),
            "#EXTM3U\n#EXT-X-MAP:URI=\"../t/x/1/init.mp4\"\n#EXT-X-PART:DURATION=0.5,URI=\"../t/x/1/2.m4s\"\n\
             #EXTINF:2,\n../t/x/1/seg.m4s\n#EXT-X-RENDITION-REPORT:URI=\"../t/x/../sub/video.m3u8\",LAST-MSN=1\n"
        );
    }
}
