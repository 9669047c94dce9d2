//! What `check` says about good settings.

use std::fmt::Write;

use crate::ingest::{Source, Start, Transport, Trust};
use crate::settings::{Camera, Settings};
use crate::web::Listen;

/// A few lines about listeners and cameras.
///
/// Of a source it shows host and port alone: some cameras want a password in the path or the query.
pub(super) fn of(settings: &Settings) -> String {
    let Settings { web, live: _, hls: _, mse: _, ingest: _, cameras } = settings;
    let mut text = String::new();
    if let Some(oversight) = web.oversight() {
        line(&mut text, format_args!("warning: {oversight}"));
    }
    let secure = web.tls.iter().flat_map(|tls| &tls.listen).map(|listen| (listen, true));
    for (Listen { endpoint, proxy_protocol }, tls) in
        web.listen.iter().map(|listen| (listen, false)).chain(secure)
    {
        let proxied = if *proxy_protocol { ", PROXY protocol" } else { "" };
        line(&mut text, format_args!("{}{proxied}", endpoint.url(tls, &web.base_path)));
    }
    match cameras.len() {
        0 => line(&mut text, format_args!("no cameras")),
        1 => line(&mut text, format_args!("1 camera")),
        count => line(&mut text, format_args!("{count} cameras")),
    }
    for Camera { name, title, enabled, start, renditions } in cameras {
        let when = match (enabled, start) {
            (false, _) => ", disabled",
            (true, Start::OnDemand) => ", on demand",
            (true, Start::Always) => "",
        };
        line(&mut text, format_args!("{name} ({title}){when}"));
        for rendition in renditions {
            line(&mut text, format_args!("  {}: {}", rendition.name, source(&rendition.source)));
        }
    }
    text
}

fn source(source: &Source) -> String {
    let Source { url, transport, trust, username, password, audio, video } = source;
    let host = url.host_str().unwrap_or_default();
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let transport = match transport {
        Transport::Tcp => "TCP",
        Transport::Udp => "UDP",
    };
    let login = match (username, password) {
        (None, _) => "",
        (Some(_), None) => ", with a user name",
        (Some(_), Some(_)) => ", with user name and password",
    };
    let left_out = match (audio, video) {
        (true, true) => "",
        (false, _) => ", without sound",
        (true, false) => ", sound alone",
    };
    let tls = match (url.scheme(), trust) {
        ("rtsps", Trust::WebRoots) => ", RTSP over TLS",
        ("rtsps", Trust::Roots(_)) => ", RTSP over TLS with an authority of its own",
        ("rtsps", Trust::Insecure) => ", RTSP over TLS with whoever answers",
        _ => "",
    };
    format!("{host}{port} over {transport}{tls}{login}{left_out}")
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    let _ = writeln!(text, "{line}"); // writing to a String cannot fail
}
