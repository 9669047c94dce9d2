//! `server.listen` and `server.tls.listen`: where to listen, one place or a list of them.

use std::path::Path;

use toml::de::DeValue;

use super::section::{Entry, Section};
use super::value::{self, Checked};
use crate::web::listen::SOCKET_MODE;
use crate::web::{Endpoint, Listen};

/// What an address looks like.
const EXPECTED: &str = "an IP address with a port, like \"127.0.0.1:8080\" or \"[::]:8080\", or \"unix:FILE\", or \
                        \"systemd:NAME\"";
/// The longest path of a Unix socket (unix(7)), less the zero at its end.
const LONGEST_PATH: usize = 107;

/// Reads the listeners of a section; `None` if nothing is said about them, or nothing good.
pub(super) fn read(section: &mut Section<'_, '_>, base_dir: &Path) -> Option<Vec<Entry<Listen>>> {
    let address = |value: &DeValue<'_>| endpoint(value, base_dir).map(Listen::from);
    let table = |mut section: Section<'_, '_>| {
        let endpoint = section.require("address", |value| endpoint(value, base_dir));
        let proxy_protocol = section.get("proxy_protocol", value::boolean);
        let mode = section.get("mode", mode);
        let mut endpoint = endpoint.map(|entry| entry.value);
        if let Some(entry) = mode {
            match &mut endpoint {
                Some(Endpoint::Unix { mode, .. }) => *mode = entry.value,
                Some(_) => section.problem(entry.at, "mode", "has a meaning for unix: alone"),
                None => {}
            }
        }
        section.finish();
        Some(Listen { endpoint: endpoint?, proxy_protocol: proxy_protocol.is_some_and(|entry| entry.value) })
    };
    section.items("listen", address, table)
}

/// Takes the listeners, and reports those whose place is taken by one that is there already, and those that would
/// believe proxies where none is trusted.
pub(super) fn keep(
    section: &Section<'_, '_>,
    entries: Vec<Entry<Listen>>,
    others: &[(&'static str, &[Listen])],
    own: &'static str,
    trusting: bool,
) -> Vec<Listen> {
    let mut kept: Vec<Listen> = Vec::new();
    for Entry { at, value } in entries {
        let others = others.iter().copied().chain([(own, kept.as_slice())]);
        let taken = others.flat_map(|(key, all)| all.iter().map(move |other| (key, other)));
        let clash =
            taken.filter(|(_, other)| value.endpoint.clashes(&other.endpoint)).map(|(key, _)| key).next();
        if let Some(key) = clash {
            section.problem(at, "listen", format!("{} is {key} already", value.endpoint));
        }
        if value.proxy_protocol && !trusting {
            let text = "proxy_protocol needs server.trusted_proxies: nobody else is believed";
            section.problem(at, "listen", text);
        }
        kept.push(value);
    }
    kept
}

fn endpoint(value: &DeValue<'_>, base_dir: &Path) -> Checked<Endpoint> {
    let text = match value {
        DeValue::String(text) => text,
        other => return Err(value::wrong_type(EXPECTED, other)),
    };
    if let Some(path) = text.strip_prefix("unix:") {
        let path = base_dir.join(path);
        let length = path.as_os_str().len();
        if path.file_name().is_none() || length > LONGEST_PATH || text.contains('\0') {
            return Err(format!(
                "the path of a Unix socket must have 1 to {LONGEST_PATH} bytes, and end with a name"
            ));
        }
        return Ok(Endpoint::Unix { path, mode: SOCKET_MODE });
    }
    if let Some(name) = text.strip_prefix("systemd:") {
        // systemd.socket(5), FileDescriptorName=.
        let good =
            !name.is_empty() && name.len() <= 255 && !name.contains(|c: char| c == ':' || c.is_control());
        return match good {
            true => Ok(Endpoint::Systemd(name.to_owned())),
            false => Err("a name of systemd's has 1 to 255 characters, and no ':' among them".to_owned()),
        };
    }
    text.parse().map(Endpoint::Tcp).map_err(|_| format!("must be {EXPECTED}"))
}

/// Permission bits as `chmod` takes them.
fn mode(value: &DeValue<'_>) -> Checked<u32> {
    let text = value::string(value)?;
    match u32::from_str_radix(&text, 8) {
        Ok(mode) if mode <= 0o777 && !text.starts_with('+') => Ok(mode),
        _ => Err("must be permissions in octal, like \"0660\" or \"0666\"".to_owned()),
    }
}
