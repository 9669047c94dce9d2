//! What can be set about who may watch (`[auth]`, `[server.cors]`).

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::rights::Grant;

/// Who may come in (`auth`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Auth {
    /// Nothing is said. Everybody may do everything, and the listeners must be on loopback.
    #[default]
    Unset,
    /// `auth = "none"`: everybody may do everything, on purpose.
    Open,
    /// `[auth]`: whoever shows what these rules ask for.
    Rules(Box<Rules>),
}

/// The table `[auth]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// What everybody may watch (`auth.public`): names of cameras, `@group`, or `*`.
    pub public: Vec<String>,
    /// Cameras by the name of their group (`[auth.groups]`).
    pub groups: Groups,
    /// People with a password (`[auth.users.NAME]`).
    pub users: Vec<User>,
    /// Keys of access links (`[auth.keys.NAME]`); the first one signs, all are good.
    pub keys: Vec<Key>,
    /// Keys of tokens that others make (`[auth.jwks]`).
    pub jwks: Option<Jwks>,
    /// Somebody else who is asked (`[auth.webhook]`).
    pub webhook: Option<Webhook>,
    /// How long a login lasts (`auth.session`).
    pub session: Duration,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            public: Vec::new(),
            groups: Groups::new(),
            users: Vec::new(),
            keys: Vec::new(),
            jwks: None,
            webhook: None,
            session: Duration::from_secs(30 * 24 * 3600),
        }
    }
}

/// Cameras by the name of their group.
pub type Groups = BTreeMap<String, BTreeSet<String>>;

/// A person with a password.
#[derive(Clone, Debug)]
pub struct User {
    /// Its name.
    pub name: String,
    /// Hash of its password, as `belvedere hash-password` prints it.
    pub password: SecretString,
    /// What it may do.
    pub grant: Grant,
}

/// A key of access links.
#[derive(Clone, Debug)]
pub struct Key {
    /// Its name, which stands in the tokens (`kid`).
    pub id: String,
    /// At least [`SHORTEST_SECRET`] bytes.
    pub secret: SecretString,
    /// Where the secret stands, if that is a file of its own.
    pub file: Option<PathBuf>,
}

/// Shortest secret of a key in bytes: as long as the hash (RFC 7518, 3.2).
pub const SHORTEST_SECRET: usize = 32;

/// Keys of tokens that others make (RFC 7517).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jwks {
    /// The file with the key set.
    pub file: PathBuf,
    /// Who must have issued a token (`iss`); anyone with one of the keys if not said.
    pub issuer: Option<String>,
    /// Whom a token must be meant for (`aud`); not looked at if not said, and then nobody administers by it.
    pub audience: Option<String>,
}

/// Somebody else who is asked, by HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Where to ask; without TLS, so it belongs on this machine or a network of one's own.
    pub url: url::Url,
    /// How long an answer holds.
    pub cache: Duration,
    /// How long an answer may take.
    pub timeout: Duration,
}

/// Which pages on other origins may use what is served here (`[server.cors]`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cors {
    /// Who may show what needs no cookie: public cameras, and those that come with a token. `*` is everybody. Not said,
    /// it is everybody; but pages of this machine alone where names (`server.hosts`) are all that is said.
    pub public: Option<Vec<String>>,
    /// Who may use its visitors' login here.
    pub credentials: Vec<String>,
}

/// A listener that others can reach, and nothing is said about who may watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "others can reach {address}, and nothing says who may watch: write an [auth] table, or auth = \"none\" \
     at the head of the configuration (--auth none on the command line) if everybody may"
)]
pub struct Unguarded {
    /// The address.
    pub address: SocketAddr,
}

impl Auth {
    /// Checks that what others can reach is guarded, or left open on purpose.
    ///
    /// # Errors
    /// The first address that is not on loopback, if nothing is said about who may watch.
    pub fn guards(&self, addresses: impl IntoIterator<Item = SocketAddr>) -> Result<(), Unguarded> {
        let open = |address: &SocketAddr| !address.ip().to_canonical().is_loopback();
        match self {
            Self::Unset => match addresses.into_iter().find(open) {
                Some(address) => Err(Unguarded { address }),
                None => Ok(()),
            },
            Self::Open | Self::Rules(_) => Ok(()),
        }
    }
}

impl PartialEq for User {
    fn eq(&self, other: &Self) -> bool {
        let Self { name, password, grant } = self;
        *name == other.name
            && *grant == other.grant
            && password.expose_secret() == other.password.expose_secret()
    }
}

impl Eq for User {}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        let Self { id, secret, file } = self;
        *id == other.id && *file == other.file && secret.expose_secret() == other.secret.expose_secret()
    }
}

impl Eq for Key {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_can_reach_is_guarded_or_open_on_purpose() {
        let guards = |auth: &Auth, address: &str| auth.guards([address.parse().expect("an address")]).is_ok();
        for (address, loopback) in [
            ("127.0.0.1:8080", true),
            ("127.9.9.9:1", true),
            ("[::1]:8080", true),
            ("[::ffff:127.0.0.1]:80", true),
            ("0.0.0.0:8080", false),
            ("[::]:8080", false),
            ("192.168.1.2:8080", false),
            ("[fe80::1]:80", false),
        ] {
            assert_eq!(guards(&Auth::Unset, address), loopback, "{address}");
            assert!(guards(&Auth::Open, address) && guards(&Auth::Rules(Box::default()), address));
        }
    }
}
