//! Caches of other makes before a server, run with the project's own sample configurations: those in `config/`, in
//! which only addresses and folders are replaced.

use std::fs::{self, File, Permissions};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use hyper::Method;
use tempfile::TempDir;

use super::client::Client;
use super::until;

/// What kind of cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Make {
    Nginx,
    Varnish,
}

/// A running cache; ends with the test.
pub struct Cache {
    process: Child,
    pub client: Client,
    folder: TempDir,
}

impl std::ops::Deref for Cache {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Cache {
    /// Starts a cache before `origin`, and waits until it answers.
    pub async fn start(make: Make, origin: SocketAddr) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // A cache that is started by root works as somebody else.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let client = Client { address: free_address() };
        let mut command = match make {
            Make::Nginx => nginx(folder.path(), client.address, origin),
            Make::Varnish => varnish(folder.path(), client.address, origin),
        };
        let log = File::create(folder.path().join("log")).unwrap();
        let process =
            command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap_or_else(
                |error| panic!("this test needs {make:?} ({:?}): {error}", command.get_program()),
            );
        let mut cache = Self { process, client, folder };
        until("the cache's first answer", async || {
            if let Some(status) = cache.process.try_wait().unwrap() {
                panic!("{make:?} did not start, {status}:\n{}", cache.log());
            }
            let answer = client.try_ask(Method::GET, "/livez", &[]).await;
            answer.is_ok_and(|answer| answer.status == 200).then_some(())
        })
        .await;
        cache
    }

    /// What it had to say.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        // Both are two processes each: the first one takes the other with it, if it is asked.
        let _ = Command::new("kill").args(["-TERM", &self.process.id().to_string()]).status();
        let _ = self.process.wait();
    }
}

/// An address that nobody has, for programs that cannot choose one and say which.
fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// A sample of ours with replacements. Each must be found once: the samples may not drift away from the tests.
fn sample(name: &str, replacements: &[(&str, String)]) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config").join(name);
    let mut text = fs::read_to_string(path).unwrap();
    for (old, new) in replacements {
        assert_eq!(text.matches(old).count(), 1, "{old:?} in config/{name}");
        text = text.replace(old, new);
    }
    text
}

fn nginx(folder: &Path, address: SocketAddr, origin: SocketAddr) -> Command {
    let place = folder.display();
    let ours = sample(
        "nginx.conf",
        &[
            ("    server 127.0.0.1:8080;", format!("    server {origin};")),
            ("    listen 80;", format!("    listen {address};")),
            ("/var/cache/nginx/belvedere ", format!("{place}/cache ")),
        ],
    );
    fs::write(folder.join("belvedere.conf"), ours).unwrap();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {place}/{kind};"))
        .concat();
    let main = format!(
        "daemon off; pid {place}/pid; error_log stderr error;\n\
         events {{ worker_connections 4096; }}\n\
         http {{ access_log off; {temporary} include {place}/belvedere.conf; }}\n"
    );
    fs::write(folder.join("nginx.conf"), main).unwrap();
    let mut command = Command::new("/usr/sbin/nginx");
    command.args(["-e", "stderr", "-p"]).arg(folder).arg("-c").arg(folder.join("nginx.conf"));
    command
}

fn varnish(folder: &Path, address: SocketAddr, origin: SocketAddr) -> Command {
    let ours = sample(
        "varnish.vcl",
        &[
            (".host = \"127.0.0.1\";", format!(".host = \"{}\";", origin.ip())),
            (".port = \"8080\";", format!(".port = \"{}\";", origin.port())),
        ],
    );
    fs::write(folder.join("belvedere.vcl"), ours).unwrap();
    let mut command = Command::new("/usr/sbin/varnishd");
    command.args(["-F", "-j", "none", "-T", "none", "-s", "malloc,64m", "-a", &address.to_string()]);
    command.arg("-n").arg(folder.join("work")).arg("-f").arg(folder.join("belvedere.vcl"));
    command
}
