//! The options of each command.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;
use secrecy::SecretString;

/// The environment variable that `--log` overrides.
pub const LOG_VARIABLE: &str = "BELVEDERE_LOG";

/// What is logged unless said otherwise.
const DEFAULT_LOG: &str = "info";

/// HLS and MSE edge server for IP cameras.
///
/// Without a command and without --config it serves a built-in demo camera on http://127.0.0.1:8080.
#[derive(Clone, Debug, Default, Parser)]
#[command(name = "belvedere", version, about, long_about)]
pub struct Args {
    /// Configuration file (TOML)
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,

    /// What to log, like "info" or "belvedere=debug,warn" [env: BELVEDERE_LOG] [default: info]
    #[arg(long, value_name = "FILTER", global = true)]
    pub log: Option<String>,

    /// What to do; to serve if there is none.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// A command with its options.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum Command {
    /// Serve cameras (the default)
    Serve(ServeArgs),
    /// Check the configuration file, show its cameras, and exit
    Check,
    /// Watch one camera for a while, and say what it sends and who will play it
    Probe(ProbeArgs),
    /// Make an access link: a token that lets its holder in for a while
    Token(TokenArgs),
    /// Make the hash of a password for the configuration; reads the password from the terminal or from a pipe
    HashPassword,
}

/// The options of `token`.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct TokenArgs {
    /// A camera that may be watched, "@group" or "*" (repeatable)
    #[arg(long = "camera", value_name = "NAME")]
    pub cameras: Vec<String>,

    /// A camera that video may be pushed for, "@group" or "*" (repeatable)
    #[arg(long = "publish", value_name = "NAME")]
    pub publish: Vec<String>,

    /// Everything is allowed
    #[arg(long)]
    pub admin: bool,

    /// How long it is good, like "24h", "90m" or "30d"
    #[arg(long = "for", value_name = "TIME")]
    pub life: String,

    /// Whom it is for; stands in the token
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
}

impl Default for Command {
    fn default() -> Self {
        Self::Serve(ServeArgs::default())
    }
}

/// The options of `serve`.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct ServeArgs {
    /// A camera (repeatable), like front=rtsp://192.168.1.20/stream1; its rendition is "main" if none is
    /// named. Other users of this machine can see a password in here: those belong in a file
    // Not parsed by clap, which quotes what it cannot parse.
    #[arg(long = "camera", value_name = "NAME[/RENDITION]=URL")]
    pub cameras: Vec<SecretString>,

    /// Address and port of the plain listener, in place of the configured one
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,

    /// "none": everybody who can reach the listeners may watch and change everything
    #[arg(long, value_name = "none", value_parser = ["none"])]
    pub auth: Option<String>,

    /// Serve the built-in demo camera too
    #[arg(long)]
    pub demo: bool,
}

/// The options of `probe`.
#[derive(Clone, Debug, clap::Args)]
pub struct ProbeArgs {
    /// The camera, like rtsp://192.168.1.20/stream1. Other users of this machine can see a password in here
    // Not parsed by clap, which quotes what it cannot parse.
    #[arg(value_name = "URL")]
    pub url: SecretString,

    /// User name for the camera
    #[arg(long, value_name = "NAME")]
    pub username: Option<String>,

    /// File with the password for the camera
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,

    /// How long to watch, 1s to 10m
    #[arg(long = "for", value_name = "DURATION", default_value = "10s")]
    pub span: String,

    /// Take RTP over UDP
    #[arg(long)]
    pub udp: bool,

    /// For rtsps://: take any certificate
    #[arg(long, conflicts_with = "tls_ca")]
    pub insecure: bool,

    /// For rtsps://: PEM file with the certificates to take
    #[arg(long, value_name = "FILE")]
    pub tls_ca: Option<PathBuf>,

    /// Say it in JSON
    #[arg(long)]
    pub json: bool,
}

impl Args {
    /// Reads arguments, the first of which is the name of the program.
    ///
    /// # Errors
    /// What clap says about bad arguments, or its text for `--help` and `--version`; credentials of a URL
    /// are blotted out, wherever in the arguments it stands. [`clap::Error::exit`] prints it and exits.
    pub fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let arguments: Vec<OsString> = arguments.into_iter().collect();
        Self::try_parse_from(&arguments).map_err(|error| without_credentials(error, &arguments))
    }

    /// What to log, in the syntax of tracing's `EnvFilter`: `--log`, else the value of [`LOG_VARIABLE`], else
    /// `info`.
    pub fn log_filter<'a>(&'a self, variable: Option<&'a str>) -> &'a str {
        self.log.as_deref().or(variable.filter(|value| !value.trim().is_empty())).unwrap_or(DEFAULT_LOG)
    }
}

/// The same error, without what stands between `://` and `@` in any argument.
fn without_credentials(error: clap::Error, arguments: &[OsString]) -> clap::Error {
    let text = error.render().to_string();
    let mut clean = text.clone();
    for argument in arguments {
        let argument = argument.to_string_lossy();
        let credentials = argument.split_once("://").and_then(|(_, rest)| rest.rsplit_once('@'));
        if let Some((credentials, _)) = credentials.filter(|(credentials, _)| !credentials.is_empty()) {
            clean = clean.replace(credentials, "…");
        }
    }
    if clean == text {
        return error; // with its colours
    }
    let clean = clean.strip_prefix("error: ").unwrap_or(&clean);
    clap::Error::raw(error.kind(), clean)
}
