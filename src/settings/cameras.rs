//! Cameras: from the file, and from arguments of the form `front=rtsp://…`.

use std::fs;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use secrecy::SecretString;
use toml::de::DeValue;

use super::error::{Place, Problem};
use super::section::Section;
use super::source::{self, Located};
use super::value::{self, Checked};
use super::{BadName, Camera, Name, Rendition, file};
use crate::ingest::{Source, Start, Transport, Trust};

/// Longest title in characters; more does not fit on the wall.
const MAX_TITLE: usize = 100;
/// The rendition of an argument that names none.
const DEFAULT_RENDITION: &str = "main";

/// Reads `[cameras]`, in the order of the file.
pub(super) fn read(section: Section<'_, '_>, base_dir: &Path) -> Vec<Camera> {
    let named = section.named_sections().into_iter();
    named.filter_map(|(name, section)| camera(&name, section, base_dir)).collect()
}

fn camera(name: &str, mut section: Section<'_, '_>, base_dir: &Path) -> Option<Camera> {
    let name = checked_name(name, &section);
    let title = section.get("title", title).map(|title| title.value);
    let mut enabled = true;
    section.set(&mut enabled, "enabled", value::boolean);
    let mut start = Start::default();
    section.set(&mut start, "start", |value| {
        value::choice(value, &[("always", Start::Always), ("on-demand", Start::OnDemand)])
    });
    let mut all = Vec::new();
    if !section.has("renditions") {
        section.missing("renditions", "missing; a camera needs at least one");
    }
    if let Some(renditions) = section.section("renditions") {
        if renditions.is_empty() {
            renditions.own_problem("a camera needs at least one");
        }
        let named = renditions.named_sections().into_iter();
        all.extend(named.filter_map(|(name, section)| rendition(&name, section, base_dir)));
    }
    section.finish();
    let name = name?;
    Some(Camera { title: title.unwrap_or_else(|| name.title()), name, enabled, start, renditions: all })
}

fn rendition(name: &str, mut section: Section<'_, '_>, base_dir: &Path) -> Option<Rendition> {
    let name = checked_name(name, &section);
    let source = read_source(&mut section, base_dir);
    section.finish();
    Some(Rendition { name: name?, source: source? })
}

fn checked_name(name: &str, section: &Section<'_, '_>) -> Option<Name> {
    name.parse().map_err(|error: BadName| section.own_problem(error.to_string())).ok()
}

fn read_source(section: &mut Section<'_, '_>, base_dir: &Path) -> Option<Source> {
    let located = section.require("source", |value| source::locate(&value::string(value)?));
    let transport = section
        .get("transport", |value| value::choice(value, &[("tcp", Transport::Tcp), ("udp", Transport::Udp)]));
    let has_username = section.has("username");
    let username = section.get("username", value::non_empty);
    let password = section.get("password", |value| value::string(value).map(SecretString::from));
    let password_file =
        section.get("password_file", |value| read_secret(&file::path(value, base_dir)?, base_dir));
    let trust = read_trust(section, base_dir);
    let audio = section.get("audio", |value| value::choice(value, &[("auto", true), ("off", false)]));
    let video = section.get("video", |value| value::choice(value, &[("auto", true), ("off", false)]));

    let Located { url, username: url_username, password: url_password } = located?.value;
    for (key, entry) in [("password", &password), ("password_file", &password_file)] {
        if let (Some(_), Some(entry)) = (&url_password, entry) {
            section.problem(entry.at, key, "the source URL holds a password already; keep one of them");
        }
    }
    if let (Some(name), Some(_)) = (&username, &url_username) {
        section.problem(name.at, "username", "the source URL holds a user name already; keep one of them");
    }
    if let (Some(_), Some(file)) = (&password, &password_file) {
        section.problem(file.at, "password_file", "password is there already; keep one of them");
    }
    if let (Some(video), Some(audio)) = (&video, &audio)
        && !video.value
        && !audio.value
    {
        section.problem(video.at, "video", "audio is \"off\" too; keep one of them, or nothing is left");
    }
    let username = username.map(|entry| entry.value).or(url_username);
    let password = password.or(password_file).map(|entry| entry.value).or(url_password);
    if password.is_some() && username.is_none() && !has_username {
        section.missing("username", "missing; a password needs a user name");
    }
    if let Some(key) = trust.as_ref().and_then(|trust| trust.key)
        && url.scheme() != "rtsps"
    {
        section.missing(key, "has a meaning for rtsps:// alone");
    }
    Some(Source {
        url,
        trust: trust?.trust,
        transport: transport.map_or_else(Transport::default, |entry| entry.value),
        username,
        password,
        audio: audio.is_none_or(|entry| entry.value),
        video: video.is_none_or(|entry| entry.value),
    })
}

/// Whom to believe, and which key said so, if one did.
struct TrustKey {
    trust: Trust,
    key: Option<&'static str>,
}

/// Reads `tls` and `tls_ca`; `None` when one of them is wrong.
fn read_trust(section: &mut Section<'_, '_>, base_dir: &Path) -> Option<TrustKey> {
    let (has_tls, has_roots) = (section.has("tls"), section.has("tls_ca"));
    let insecure = section.get("tls", |value| value::choice(value, &[("verify", false), ("insecure", true)]));
    let roots = section.get("tls_ca", |value| certificates(&file::path(value, base_dir)?));
    match (insecure, roots) {
        (Some(insecure), Some(_)) if insecure.value => {
            section.problem(
                insecure.at,
                "tls",
                "\"insecure\" leaves nothing for tls_ca to say; keep one of them",
            );
            None
        }
        (_, Some(roots)) => Some(TrustKey { trust: Trust::Roots(roots.value), key: Some("tls_ca") }),
        (Some(insecure), None) if !has_roots => {
            let trust = if insecure.value { Trust::Insecure } else { Trust::WebRoots };
            Some(TrustKey { trust, key: Some("tls") })
        }
        (None, None) if !has_tls && !has_roots => Some(TrustKey { trust: Trust::default(), key: None }),
        _ => None, // what is wrong was told
    }
}

/// The certificates of a PEM file.
pub(super) fn certificates(path: &Path) -> Checked<Arc<[CertificateDer<'static>]>> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(certificates) if certificates.is_empty() => Err("there is no certificate in the file".to_owned()),
        Ok(certificates) => Ok(certificates.into()),
        Err(error) => Err(format!("the file cannot be read as PEM: {error}")),
    }
}

/// The content of a file without its last line end: editors add one that is no part of the password.
///
/// The file is not named in errors: this key is a likely place for a password to stand by mistake.
pub(super) fn read_secret(path: &Path, base_dir: &Path) -> Checked<SecretString> {
    let text = fs::read_to_string(path).map_err(|error| {
        let base = if base_dir.as_os_str().is_empty() { Path::new(".") } else { base_dir };
        format!("cannot read the file (relative paths begin at {}): {error}", base.display())
    })?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() { Err("the file is empty".to_owned()) } else { Ok(line.into()) }
}

fn title(value: &DeValue<'_>) -> Checked<String> {
    let text = value::string(value)?;
    let text = text.trim();
    if text.is_empty() || text.chars().count() > MAX_TITLE || text.chars().any(char::is_control) {
        return Err(format!("must have 1 to {MAX_TITLE} characters, none of them a control character"));
    }
    Ok(text.to_owned())
}

/// One `--camera NAME[/RENDITION]=URL`.
///
/// Parsed from that text; the error is a [`Problem`] that never quotes the URL.
#[derive(Clone, Debug)]
pub struct CameraArg {
    /// The camera.
    pub camera: Name,
    /// The rendition; `main` if none is named.
    pub rendition: Name,
    /// Where it comes from: over TCP, with sound.
    pub source: Source,
}

impl FromStr for CameraArg {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        const FORM: &str = "must be NAME=rtsp://… or NAME/RENDITION=rtsp://…";
        let (names, url) = text.split_once('=').ok_or_else(|| problem("", FORM))?;
        let (camera, rendition) = names.split_once('/').unwrap_or((names, DEFAULT_RENDITION));
        // Before this the text may be anything, a URL with a '=' in its password too: nothing of it is shown.
        let camera: Name =
            camera.parse().map_err(|error: BadName| problem("", format!("camera: {error}")))?;
        let rendition: Name = rendition
            .parse()
            .map_err(|error: BadName| problem(camera.as_str(), format!("rendition: {error}")))?;
        let Located { url, username, password } =
            source::locate(url).map_err(|text| problem(camera.as_str(), text))?;
        if password.is_some() && username.is_none() {
            return Err(problem(camera.as_str(), "a password needs a user name"));
        }
        let (transport, trust) = (Transport::default(), Trust::default());
        let source = Source { url, transport, trust, username, password, audio: true, video: true };
        Ok(Self { camera, rendition, source })
    }
}

/// Adds the cameras of arguments. The first argument that names a camera decides its place, the first that
/// names a rendition of it the default rendition. A camera that is there before is never changed.
pub(super) fn add(cameras: &mut Vec<Camera>, arguments: &[CameraArg]) -> Result<(), Vec<Problem>> {
    let configured = cameras.len();
    let mut problems = Vec::new();
    for CameraArg { camera, rendition, source } in arguments {
        let rendition = Rendition { name: rendition.clone(), source: source.clone() };
        match cameras.iter().position(|known| known.name == *camera) {
            Some(index) if index < configured => {
                problems.push(problem(camera.as_str(), "the configuration has a camera of this name"));
            }
            Some(index) if cameras[index].renditions.iter().any(|known| known.name == rendition.name) => {
                problems
                    .push(problem(camera.as_str(), format!("rendition {} is given twice", rendition.name)));
            }
            Some(index) => cameras[index].renditions.push(rendition),
            None => cameras.push(Camera {
                name: camera.clone(),
                title: camera.title(),
                enabled: true,
                start: Start::Always,
                renditions: vec![rendition],
            }),
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn problem(camera: &str, text: impl Into<String>) -> Problem {
    let name = if camera.is_empty() { "--camera".to_owned() } else { format!("--camera {camera}") };
    Problem { place: Place::Argument { name }, text: text.into() }
}
