//! `[server.tls]`: where certificate and key come from.

use std::path::Path;

use toml::de::DeValue;
use url::Url;

use super::file;
use super::listeners;
use super::section::Section;
use super::value::{self, Checked};
use crate::web::{self, Acme, Identity, LETS_ENCRYPT};

/// Where our own authority is kept, beside the configuration.
const AUTHORITY: &str = "belvedere-authority.pem";
/// Where is kept what an authority gives, beside the configuration.
const ACME: &str = "belvedere-acme";

pub(super) fn read(
    mut section: Section<'_, '_>,
    web: &web::Options,
    base_dir: &Path,
) -> Option<web::TlsOptions> {
    let trusting = !web.trusted_proxies.is_empty();
    if !section.has("listen") {
        section.missing("listen", "missing");
    }
    let listen = listeners::read(&mut section, base_dir).unwrap_or_default();
    let plain = [("server.listen", web.listen.as_slice())];
    let listen = listeners::keep(&section, listen, &plain, "server.tls.listen", trusting);
    let self_signed = section.get("self_signed", value::boolean).is_some_and(|entry| entry.value);
    let has_acme = section.has("acme");
    let acme = section.section("acme").and_then(|section| read_acme(section, base_dir));
    let identity = if self_signed || has_acme {
        let word = if self_signed { "self_signed is true" } else { "acme is there" };
        for key in ["cert", "key"] {
            section.get(key, |_| Checked::<()>::Err(format!("{word} already; keep one of them")));
        }
        if self_signed && has_acme {
            section.missing("acme", "self_signed is true already; keep one of them");
        }
        if self_signed {
            Some(Identity::SelfSigned { file: base_dir.join(AUTHORITY) })
        } else {
            acme.map(Identity::Acme)
        }
    } else {
        let cert = section.require("cert", |value| file::path(value, base_dir));
        let key = section.require("key", |value| file::path(value, base_dir));
        cert.zip(key).map(|(cert, key)| Identity::Files { cert: cert.value, key: key.value })
    };
    let redirect = section.get("redirect", value::boolean).is_some_and(|entry| entry.value);
    section.finish();
    Some(web::TlsOptions { listen, identity: identity?, redirect })
}

fn read_acme(mut section: Section<'_, '_>, base_dir: &Path) -> Option<Acme> {
    let domains = section.require("domains", domains);
    let contact = section.get("contact", contact);
    let directory = section.get("directory", directory);
    let ca = section.get("ca", |value| file::path(value, base_dir));
    let folder = section.get("folder", |value| file::path(value, base_dir));
    section.finish();
    let lets_encrypt = || Url::parse(LETS_ENCRYPT).expect("it is a good one");
    Some(Acme {
        domains: domains?.value,
        contact: contact.map(|contact| contact.value),
        directory: directory.map_or_else(lets_encrypt, |directory| directory.value),
        ca: ca.map(|ca| ca.value),
        folder: folder.map_or_else(|| base_dir.join(ACME), |folder| folder.value),
    })
}

/// Names for a certificate: an authority proves each by asking for it, so there is no "*".
fn domains(value: &DeValue<'_>) -> Checked<Vec<String>> {
    let names = value::strings(value, |_| Ok(()))?;
    let plain = |name: &String| {
        !name.starts_with('.')
            && name.len() < 254
            && name.contains(|c: char| c.is_ascii_alphabetic())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || "-.".contains(c))
    };
    if names.is_empty() || !names.iter().all(plain) {
        return Err("must be names like \"cams.example.org\", at least one".to_owned());
    }
    let mut all: Vec<String> = Vec::new();
    for name in names.iter().map(|name| name.to_ascii_lowercase()) {
        if !all.contains(&name) {
            all.push(name);
        }
    }
    Ok(all)
}

fn contact(value: &DeValue<'_>) -> Checked<String> {
    let text = value::non_empty(value)?;
    let good = text.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'));
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic() && !b"?,".contains(&byte));
    if good && plain && !text.contains(':') {
        Ok(text)
    } else {
        Err("must be an e-mail address like \"somebody@example.org\"".to_owned())
    }
}

fn directory(value: &DeValue<'_>) -> Checked<Url> {
    let url = Url::parse(&value::string(value)?).ok();
    url.filter(|url| url.scheme() == "https" && url.has_host() && url.username().is_empty())
        .ok_or_else(|| format!("must be the https:// address of an ACME directory, like \"{LETS_ENCRYPT}\""))
}
