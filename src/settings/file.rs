//! The sections of the file that hold for all cameras, and their bounds.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use toml::de::DeValue;

use super::section::{Report, Section};
use super::value::{self, Checked};
use super::{Problem, Settings, auth, cameras, syntax};
use crate::{hls, ingest, live, mse, web};

/// Below 100 ms a part holds one frame or two; above 2 s latency is that of plain HLS.
const PART_TARGET: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(2);
/// A player starts some segments back, so that long ones cost latency and short ones requests.
const SEGMENT_TARGET: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(12);
/// A player needs three segments to start; a day is more than memory holds.
const WINDOW: RangeInclusive<Duration> = Duration::from_secs(6)..=Duration::from_secs(24 * 3600);
/// Below 200 ms a burst of one Wi-Fi retry would count as lag.
const MAX_LAG: RangeInclusive<Duration> = Duration::from_millis(200)..=Duration::from_secs(60);
/// For everything that waits for a peer: shorter breaks on a busy network, longer is no time-out.
const TIMEOUT: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(600);
/// More than a million do not fit into one machine.
const CONNECTIONS: RangeInclusive<usize> = 1..=1_000_000;
/// Where our own authority is kept, beside the configuration.
const AUTHORITY: &str = "belvedere-authority.pem";
/// Nothing means that no camera's clock is believed.
const CLOCK_TOLERANCE: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(3600);
/// One sync sample of a 4K camera can take more than 512 KiB.
const RING_BYTES: RangeInclusive<u64> = 1 << 20..=64 << 30;

/// Reads the whole text. `base_dir` is where relative paths begin.
pub(super) fn read(text: &str, file: &str, base_dir: &Path) -> Result<Settings, Vec<Problem>> {
    let report = Report::new(file, text);
    let mut settings = Settings::default();
    if let Some(table) = syntax::parse(text, &report) {
        let mut root = Section::root(&report, table);
        if let Some(section) = root.section("server") {
            read_server(section, &mut settings.web, base_dir);
        }
        settings.web.auth = auth::read(&mut root, base_dir);
        if let Some(section) = root.section("hls") {
            read_hls(section, &mut settings.live, &mut settings.hls);
        }
        if let Some(section) = root.section("mse") {
            read_mse(section, &mut settings.mse);
        }
        if let Some(section) = root.section("ingest") {
            read_ingest(section, &mut settings.ingest);
        }
        if let Some(section) = root.section("limits") {
            read_limits(section, &mut settings.live, &mut settings.web.connections);
        }
        if let Some(section) = root.section("cameras") {
            settings.cameras = cameras::read(section, base_dir);
        }
        root.finish();
    }
    let problems = report.into_problems();
    if problems.is_empty() { Ok(settings) } else { Err(problems) }
}

fn read_server(mut section: Section<'_, '_>, web: &mut web::Options, base_dir: &Path) {
    section.set(&mut web.listen, "listen", value::address);
    section.set(&mut web.base_path, "base_path", base_path);
    section.set(&mut web.hosts, "hosts", auth::hosts);
    section.set(&mut web.trusted_proxies, "trusted_proxies", networks);
    if section.has("auth") {
        let head = "stands before all tables, at the head of the file: auth = \"none\", or as a table [auth]";
        section.get("auth", |_| Checked::<()>::Err(head.to_owned()));
    }
    if let Some(cors) = section.section("cors") {
        web.cors = auth::read_cors(cors);
    }
    if let Some(tls) = section.section("tls") {
        web.tls = read_tls(tls, web, base_dir);
    }
    section.finish();
}

fn read_tls(mut section: Section<'_, '_>, web: &web::Options, base_dir: &Path) -> Option<web::TlsOptions> {
    let listen = section.require("listen", value::address);
    let self_signed = section.get("self_signed", value::boolean).is_some_and(|entry| entry.value);
    let identity = if self_signed {
        for key in ["cert", "key"] {
            section
                .get(key, |_| Checked::<()>::Err("self_signed is true already; keep one of them".to_owned()));
        }
        Some(web::Identity::SelfSigned { file: base_dir.join(AUTHORITY) })
    } else {
        let cert = section.require("cert", |value| path(value, base_dir));
        let key = section.require("key", |value| path(value, base_dir));
        cert.zip(key).map(|(cert, key)| web::Identity::Files { cert: cert.value, key: key.value })
    };
    let redirect = section.get("redirect", value::boolean).is_some_and(|entry| entry.value);
    if let Some(listen) = &listen
        && listen.value == web.listen
        && listen.value.port() != 0
    {
        section.problem(listen.at, "listen", format!("{} is server.listen already", listen.value));
    }
    section.finish();
    Some(web::TlsOptions { listen: listen?.value, identity: identity?, redirect })
}

fn read_hls(mut section: Section<'_, '_>, live: &mut live::Options, hls: &mut hls::Options) {
    let part = section.get("part_target", |value| value::duration_or_auto(value, &PART_TARGET));
    let segment = section.get("segment_target", |value| value::duration_or_auto(value, &SEGMENT_TARGET));
    if let (Some(part), Some(segment)) = (&part, &segment)
        && segment.value.is_some_and(|segment| part.value > Some(segment))
    {
        section.problem(part.at, "part_target", "must not be longer than hls.segment_target");
    }
    live.part_target = part.map_or(live.part_target, |part| part.value);
    live.segment_target = segment.map_or(live.segment_target, |segment| segment.value);
    section.set(&mut live.window, "window", |value| value::duration(value, &WINDOW));
    section.set(&mut hls.start_timeout, "start_timeout", timeout);
    section.finish();
}

fn read_mse(mut section: Section<'_, '_>, mse: &mut mse::Options) {
    section.set(&mut mse.max_lag, "max_lag", |value| value::duration(value, &MAX_LAG));
    section.set(&mut mse.stall_timeout, "stall_timeout", timeout);
    section.set(&mut mse.ping_interval, "ping_interval", timeout);
    section.finish();
}

fn read_ingest(mut section: Section<'_, '_>, ingest: &mut ingest::Options) {
    section.set(&mut ingest.stall_timeout, "stall_timeout", timeout);
    section.set(&mut ingest.connect_timeout, "connect_timeout", timeout);
    section.set(&mut ingest.clock_tolerance, "clock_tolerance", |value| {
        value::duration(value, &CLOCK_TOLERANCE)
    });
    section.set(&mut ingest.drop_until_sync, "drop_until_sync", value::boolean);
    section.set(&mut ingest.idle_timeout, "idle_timeout", timeout);
    section.finish();
}

fn read_limits(
    mut section: Section<'_, '_>,
    live: &mut live::Options,
    connections: &mut web::ConnectionLimits,
) {
    section.set(&mut connections.all, "connections", |value| value::count(value, &CONNECTIONS));
    section.set(&mut connections.per_address, "connections_per_address", |value| {
        value::count(value, &CONNECTIONS)
    });
    section.set(&mut live.ring_bytes, "ring_bytes", |value| {
        let bytes = value::size(value, &RING_BYTES)?;
        usize::try_from(bytes).map_err(|_| "more than this machine can address".to_owned())
    });
    section.finish();
}

/// Networks, or single addresses.
fn networks(value: &DeValue<'_>) -> Checked<Vec<IpNet>> {
    let network = |text: &str| text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    let texts = value::strings(value, |text| match network(text) {
        Ok(_) => Ok(()),
        Err(_) => Err("must be addresses or networks, like \"127.0.0.1\" or \"10.0.0.0/8\"".to_owned()),
    })?;
    Ok(texts.iter().filter_map(|text| network(text).ok()).collect())
}

fn timeout(value: &DeValue<'_>) -> Checked<Duration> {
    value::duration(value, &TIMEOUT)
}

/// A path; a relative one begins at the directory of the file.
pub(super) fn path(value: &DeValue<'_>, base_dir: &Path) -> Checked<PathBuf> {
    value::non_empty(value).map(|text| base_dir.join(text))
}

/// A path prefix, brought to one slash at both ends.
fn base_path(value: &DeValue<'_>) -> Checked<String> {
    let text = value::string(value)?;
    let inner = text.strip_prefix('/').unwrap_or(&text);
    let inner = inner.strip_suffix('/').unwrap_or(inner);
    if inner.is_empty() {
        return Ok("/".to_owned());
    }
    // Signs that mean something to a router, a proxy or a browser would not come back as they went out.
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
    let segment = |s: &str| !s.is_empty() && s != "." && s != ".." && s.chars().all(plain);
    if inner.split('/').all(segment) {
        Ok(format!("/{inner}/"))
    } else {
        Err("must be a path like \"/cams/\" out of letters, digits, '-', '.', '_' and '~'".to_owned())
    }
}
