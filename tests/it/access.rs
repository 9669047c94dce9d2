//! Who may watch.

mod commands;
mod ends;
mod hook;
mod hosts;
mod links;
pub mod login;
mod origins;
mod outsiders;
mod proxies;
mod rules;
mod table;

use std::time::{Duration, SystemTime};

use belvedere::demo;
use belvedere::web::access::{Grant, Key, hash_password, mint};
use secrecy::ExposeSecret;

use crate::support::site::{Site, camera, demo_camera};

/// What is asked for must still be there on a machine that is busy.
const WINDOW: &str = "hls.window = \"10m\"";
/// The secret of the key that signs.
pub const SECRET: &str = "0123456789abcdef0123456789abcdef";
/// The secret of a key that signed before.
const OLD_SECRET: &str = "fedcba9876543210fedcba9876543210";

/// Two cameras, `gate` and `hall`, and rules for them.
struct House {
    site: Site,
    /// What the cameras are made of.
    _camera: demo::Server,
}

impl std::ops::Deref for House {
    type Target = Site;

    fn deref(&self) -> &Site {
        &self.site
    }
}

impl House {
    /// Starts, and waits until both cameras can be watched. `more` are more rules.
    async fn start(more: &str) -> Self {
        let camera = camera().await;
        let keys =
            format!("[auth.keys.new]\nsecret = \"{SECRET}\"\n[auth.keys.old]\nsecret = \"{OLD_SECRET}\"\n");
        let cameras = demo_camera("gate", &camera) + &demo_camera("hall", &camera);
        let site = Site::start(&format!("{WINDOW}\n{more}\n{keys}\n{cameras}")).await;
        let all = token(Grant { watch: words("*"), ..Grant::default() });
        for camera in ["gate", "hall"] {
            site.until_segments(&format!("/t/{all}/hls/{camera}/main/video.m3u8"), 1).await;
        }
        Self { site, _camera: camera }
    }
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

pub fn watch(cameras: &str) -> Grant {
    Grant { watch: words(cameras), ..Grant::default() }
}

/// A token that is good for an hour.
pub fn token(grant: Grant) -> String {
    signed("new", SECRET, grant, SystemTime::now(), Duration::from_secs(3600))
}

fn signed(id: &str, secret: &str, grant: Grant, now: SystemTime, life: Duration) -> String {
    let key = Key { id: id.into(), secret: secret.into(), file: None };
    mint(&[key], grant, None, now, life).unwrap().expose_secret().to_owned()
}

/// The table of a user; every password is `open sesame`.
fn user(name: &str, lines: &str) -> String {
    static HASH: std::sync::LazyLock<String> =
        std::sync::LazyLock::new(|| hash_password(&PASSWORD.into()).unwrap());
    format!("[auth.users.{name}]\npassword = \"{}\"\n{lines}\n", *HASH)
}

const PASSWORD: &str = "open sesame";

/// `Authorization: Basic`.
fn basic(name: &str, password: &str) -> String {
    use headers::{Authorization, HeaderMapExt};
    let mut headers = hyper::HeaderMap::new();
    headers.typed_insert(Authorization::basic(name, password));
    headers["authorization"].to_str().unwrap().to_owned()
}
