//! What another configuration changes. Pure.

use super::{Camera, Rendition, Settings};
use crate::ingest::Source;
use crate::web;
use secrecy::ExposeSecret;

/// The tables that differ and that a running server does not change. Everything is named here, so that a new option does
/// not compile until somebody has decided what a change of it does.
pub fn needs_restart(old: &Settings, new: &Settings) -> Vec<&'static str> {
    let Settings { web, live, hls, mse, ingest, cameras } = new;
    let web::Options {
        listen,
        base_path,
        tls,
        trusted_proxies,
        connections,
        // Taken at once.
        hosts: _,
        auth: _,
        cors: _,
    } = web;
    let differs = [
        (
            "server",
            *listen != old.web.listen
                || *base_path != old.web.base_path
                || *trusted_proxies != old.web.trusted_proxies,
        ),
        ("server.tls", *tls != old.web.tls),
        ("limits", *connections != old.web.connections),
        ("hls", *hls != old.hls),
        ("hls or limits", *live != old.live),
        ("mse", *mse != old.mse),
        ("ingest", *ingest != old.ingest),
        ("cameras", !same(cameras, &old.cameras, same_camera)),
    ];
    differs.into_iter().filter(|(_, differs)| *differs).map(|(table, _)| table).collect()
}

fn same<T>(one: &[T], other: &[T], alike: impl Fn(&T, &T) -> bool) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| alike(one, other))
}

fn same_camera(one: &Camera, other: &Camera) -> bool {
    let Camera { name, title, enabled, start, renditions } = one;
    let same_rendition = |one: &Rendition, other: &Rendition| {
        let Rendition { name, source } = one;
        *name == other.name && same_source(source, &other.source)
    };
    *name == other.name
        && *title == other.title
        && *enabled == other.enabled
        && *start == other.start
        && same(renditions, &other.renditions, same_rendition)
}

fn same_source(one: &Source, other: &Source) -> bool {
    let Source { url, transport, trust, username, password, audio, video } = one;
    let same_secret = match (password, &other.password) {
        (Some(one), Some(other)) => one.expose_secret() == other.expose_secret(),
        (one, other) => one.is_none() && other.is_none(),
    };
    *url == other.url
        && *transport == other.transport
        && *trust == other.trust
        && *username == other.username
        && same_secret
        && *audio == other.audio
        && *video == other.video
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn what_a_running_server_does_not_change_is_named() {
        let parse = |text: &str| Settings::parse(text, "b.toml", Path::new("")).unwrap();
        let camera = |more: &str| {
            format!(
                "[cameras.a.renditions.main]\nsource = \"rtsp://x/\"\nusername = \"u\"\npassword = \"p\"\n{more}"
            )
        };
        let old = parse(&camera(""));
        for (text, expected) in [
            (camera(""), &[][..]),
            (format!("auth = \"none\"\nserver.hosts = \"a.example\"\n{}", camera("")), &[]),
            (format!("server.listen = \"127.0.0.1:1\"\n{}", camera("")), &["server"]),
            (format!("mse.max_lag = \"5s\"\nhls.window = \"1m\"\n{}", camera("")), &["hls or limits", "mse"]),
            (camera("").replace("\"p\"", "\"q\""), &["cameras"]),
            (camera("[cameras.b.renditions.main]\nsource = \"rtsp://y/\""), &["cameras"]),
            (String::new(), &["cameras"]),
        ] {
            assert_eq!(needs_restart(&old, &parse(&text)), expected, "{text}");
        }
    }
}
