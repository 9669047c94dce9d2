//! Who a request is really from, when proxies hand it on (`Forwarded`, RFC 7239, and the `X-Forwarded-` headers before
//! it). Pure.

use std::net::IpAddr;

use hyper::header::HeaderMap;
use ipnet::IpNet;

use super::viewers::Peer;

/// What of a request the proxies know better.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Whose request it is, and whether it came over TLS.
    pub peer: Peer,
    /// The name under which this server was asked for.
    pub host: Option<String>,
    /// The path below which a proxy shows this server, without a slash at its end.
    pub prefix: String,
}

/// Takes the word of `peer` if it is a trusted proxy, and the word of those before it as far as they are: the first
/// address from the right that is not trusted is whose request it is. Where that cannot be read, is hidden, or is not
/// told although something else is, nobody knows whose request it is ([`Peer::UNKNOWN`]); it is not the proxy's.
///
/// Proxies write one of the two kinds of headers and may hand on the other as a client wrote it. So where both tell of
/// an address, and not of the same one, neither is believed.
pub fn seen(peer: Peer, host: Option<&str>, headers: &HeaderMap, trusted: &[IpNet]) -> Seen {
    let mut seen = Seen { peer, host: host.map(str::to_owned), prefix: String::new() };
    let trusts = |address: IpAddr| trusted.iter().any(|network| network.contains(&address));
    if !trusts(peer.address) {
        return seen;
    }
    let told = match (x_forwarded(headers), forwarded(headers)) {
        (None, None) => None,
        (Some(hops), None) | (None, Some(hops)) => Some(believed(hops, trusts)),
        (Some(old), Some(new)) => {
            let tells_address = headers.contains_key("x-forwarded-for");
            let (old, new) = (believed(old, trusts), believed(new, trusts));
            let same = !tells_address || old.address == new.address;
            let address = new.address.filter(|_| same);
            Some(Hop { address, proto: old.proto.or(new.proto), host: old.host.or(new.host) })
        }
    };
    if let Some(Hop { address, proto, host }) = told {
        seen.peer.address = address.unwrap_or(Peer::UNKNOWN);
        if let Some(proto) = proto {
            seen.peer.tls = proto.eq_ignore_ascii_case("https") || proto.eq_ignore_ascii_case("wss");
        }
        seen.host = host.or(seen.host);
    }
    if let Some(prefix) = single(headers, "x-forwarded-prefix").and_then(checked_prefix) {
        seen.prefix = prefix;
    }
    seen
}

/// What one proxy says of who asked it.
#[derive(Default)]
struct Hop {
    address: Option<IpAddr>,
    proto: Option<String>,
    host: Option<String>,
}

/// What all those proxies that are believed say together, the nearest one being the last.
fn believed(hops: Vec<Hop>, trusts: impl Fn(IpAddr) -> bool) -> Hop {
    let mut told = Hop::default();
    for Hop { address, proto, host } in hops.into_iter().rev() {
        told.proto = proto.or(told.proto);
        told.host = host.or(told.host);
        told.address = address;
        // Who hides its address is not asked further.
        if !address.is_some_and(&trusts) {
            break;
        }
    }
    told
}

/// The elements of `Forwarded`.
fn forwarded(headers: &HeaderMap) -> Option<Vec<Hop>> {
    let mut hops = Vec::new();
    for element in lists(headers, "forwarded") {
        let mut hop = Hop::default();
        for pair in element.split(';') {
            let Some((name, value)) = pair.split_once('=') else { continue };
            let value = value.trim().trim_matches('"');
            match name.trim().to_ascii_lowercase().as_str() {
                "for" => hop.address = address(value),
                "proto" => hop.proto = Some(value.to_owned()),
                "host" => hop.host = Some(value.to_owned()),
                _ => {}
            }
        }
        hops.push(hop);
    }
    (!hops.is_empty()).then_some(hops)
}

/// The older headers: a list of addresses, and one word for protocol and host, by the nearest proxy.
fn x_forwarded(headers: &HeaderMap) -> Option<Vec<Hop>> {
    let mut hops: Vec<_> = lists(headers, "x-forwarded-for")
        .map(|text| Hop { address: address(text), ..Hop::default() })
        .collect();
    let last = |name| lists(headers, name).last().map(str::to_owned);
    let (proto, host) = (last("x-forwarded-proto"), last("x-forwarded-host"));
    match hops.last_mut() {
        Some(hop) => (hop.proto, hop.host) = (proto, host),
        None if proto.is_none() && host.is_none() => return None,
        None => hops.push(Hop { address: None, proto, host }),
    }
    Some(hops)
}

/// The members of a header that is a list, over all its lines. One that is no text is a member all the same: what stands
/// left of it is not the nearest.
fn lists<'a>(headers: &'a HeaderMap, name: &'static str) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(name).iter();
    let members = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    members
        .map(|member| std::str::from_utf8(member).map_or("no text", str::trim))
        .filter(|member| !member.is_empty())
}

fn single<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// An address, with a port or without: `192.0.2.1:5`, `[2001:db8::1]:5`, `2001:db8::1`.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim_matches('"');
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address.to_canonical());
    }
    let bare = match text.strip_prefix('[') {
        Some(rest) => rest.split(']').next()?,
        None => text.split(':').next()?,
    };
    bare.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

/// A path prefix out of harmless letters.
fn checked_prefix(text: &str) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~/".contains(c);
    let text = text.trim().trim_end_matches('/');
    let good = text.is_empty() || (text.starts_with('/') && !text.contains("//") && !text.contains(".."));
    (good && text.chars().all(plain)).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::{HeaderName, HeaderValue};

    /// Address, whether TLS, host and prefix, as the server sees a request that comes from `peer`.
    fn see(peer: &str, headers: &[(&'static str, &'static str)]) -> (String, bool, String, String) {
        let trusted = ["10.0.0.0/8", "::1/128"].map(|network| network.parse().expect("a network"));
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(
                HeaderName::from_static(name),
                HeaderValue::from_bytes(value.as_bytes()).expect("a value"),
            );
        }
        let peer = Peer { address: peer.parse().expect("an address"), tls: false };
        let seen = seen(peer, Some("own"), &map, &trusted);
        (seen.peer.address.to_string(), seen.peer.tls, seen.host.unwrap_or_default(), seen.prefix)
    }

    #[test]
    fn only_trusted_proxies_are_believed_and_only_as_far_as_they_reach() {
        let as_is = |address: &str| (address.to_owned(), false, "own".to_owned(), String::new());
        let all = [
            ("x-forwarded-for", "198.51.100.7"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "cams.example.org"),
            ("x-forwarded-prefix", "/cams/"),
        ];
        assert_eq!(see("192.0.2.9", &all), as_is("192.0.2.9"), "a stranger is believed nothing");
        let believed = ("198.51.100.7".to_owned(), true, "cams.example.org".to_owned(), "/cams".to_owned());
        assert_eq!(see("10.0.0.1", &all), believed);
        assert_eq!(see("10.0.0.1", &[]), as_is("10.0.0.1"));
        for (headers, address) in [
            // What the client itself wrote stands on the left.
            (&[("x-forwarded-for", "127.0.0.1, 198.51.100.7")][..], "198.51.100.7"),
            (&[("x-forwarded-for", "198.51.100.7, 10.0.0.2")], "198.51.100.7"),
            (&[("x-forwarded-for", "127.0.0.1"), ("x-forwarded-for", "198.51.100.7")], "198.51.100.7"),
            (&[("x-forwarded-for", "10.0.0.3, 10.0.0.2")], "10.0.0.3"),
            (&[("x-forwarded-for", "unknown")], "0.0.0.0"),
            (&[("x-forwarded-for", "198.51.100.7, unknown")], "0.0.0.0"),
            (&[("x-forwarded-for", "unknown, 198.51.100.7")], "198.51.100.7"),
            (&[("x-forwarded-for", "\u{e9}, 198.51.100.7")], "198.51.100.7"),
            (&[("x-forwarded-for", "198.51.100.7, \u{e9}")], "0.0.0.0"),
            (&[("x-forwarded-for", "198.51.100.7, ")], "198.51.100.7"),
            (&[("x-forwarded-host", "own")], "0.0.0.0"),
            (&[("x-forwarded-for", "198.51.100.7:4711")], "198.51.100.7"),
            (&[("forwarded", "for=198.51.100.7;proto=http")], "198.51.100.7"),
            (&[("forwarded", "for=\"[2001:db8::7]:4711\"")], "2001:db8::7"),
            (&[("forwarded", "for=127.0.0.1, for=198.51.100.7, For=10.0.0.2")], "198.51.100.7"),
            (&[("forwarded", "for=_hidden, for=10.0.0.2")], "0.0.0.0"),
            (&[("forwarded", "for=127.0.0.1, for=unknown, for=10.0.0.2")], "0.0.0.0"),
            (&[("forwarded", "by=10.0.0.1")], "0.0.0.0"),
            // One of them is the client's own word, and who knows which?
            (&[("forwarded", "for=198.51.100.7"), ("x-forwarded-for", "203.0.113.1")], "0.0.0.0"),
            (&[("forwarded", "for=127.0.0.1"), ("x-forwarded-for", "203.0.113.1")], "0.0.0.0"),
            (
                &[("forwarded", "for=198.51.100.7"), ("x-forwarded-for", "198.51.100.7, 10.0.0.2")],
                "198.51.100.7",
            ),
            (&[("forwarded", "for=198.51.100.7"), ("x-forwarded-host", "own")], "198.51.100.7"),
        ] {
            assert_eq!(see("10.0.0.1", headers), as_is(address), "{headers:?}");
        }
        let (_, tls, host, _) = see("::1", &[("forwarded", "for=198.51.100.7;proto=https;host=\"a:1\"")]);
        assert!(tls && host == "a:1");
        let (address, tls, host, _) =
            see("10.0.0.1", &[("x-forwarded-proto", "https"), ("forwarded", "for=192.0.2.1;host=b")]);
        assert_eq!(
            (address.as_str(), tls, host.as_str()),
            ("192.0.2.1", true, "b"),
            "each tells what it can"
        );
    }

    #[test]
    fn a_prefix_is_a_path_and_nothing_else() {
        for (text, expected) in [
            ("/cams", Some("/cams")),
            ("/a/b/", Some("/a/b")),
            ("/", Some("")),
            ("cams", None),
            ("//evil.example", None),
            ("/a/../b", None),
            ("/a b", None),
            ("/a;x", None),
        ] {
            assert_eq!(checked_prefix(text).as_deref(), expected, "{text}");
        }
    }
}
