//! Proxies and caches of other makes before a server, run with the project's own sample configurations: those in
//! `config/`, in which only addresses, folders and certificates are replaced.

use std::fs::{self, File, OpenOptions, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use hyper::Method;
use tempfile::TempDir;
use tokio::net::TcpStream;

use super::client::Client;
use super::system::free_address;
use super::tls::{Certificate, HOST};
use super::until;

/// What kind of proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Make {
    Nginx,
    Varnish,
    Haproxy,
    Caddy,
}

/// A running proxy; ends with the test.
pub struct Proxy {
    process: Child,
    pub client: Client,
    folder: TempDir,
    make: Make,
    command: Command,
    /// Whether it speaks TLS alone.
    secure: bool,
    /// A path that is there.
    alive: &'static str,
}

/// A sample with what a test changes in it.
pub struct Sample {
    make: Make,
    text: String,
    address: SocketAddr,
    secure: bool,
    alive: &'static str,
}

impl std::ops::Deref for Proxy {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Sample {
    /// The sample of a make, before `origin`, on a port of the system's choice.
    pub fn new(make: Make, origin: SocketAddr) -> Self {
        let name = match make {
            Make::Nginx => "nginx.conf",
            Make::Varnish => "varnish.vcl",
            Make::Haproxy => "haproxy.cfg",
            Make::Caddy => "Caddyfile",
        };
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config").join(name);
        let text = fs::read_to_string(path).unwrap();
        let address = free_address();
        let sample = Self { make, text, address, secure: false, alive: "/livez" };
        match make {
            Make::Nginx => sample
                .with("    server 127.0.0.1:8080;", &format!("    server {origin};"))
                .with("    listen 80;", &format!("    listen {address};")),
            Make::Varnish => sample
                .with(".host = \"127.0.0.1\";", &format!(".host = \"{}\";", origin.ip()))
                .with(".port = \"8080\";", &format!(".port = \"{}\";", origin.port())),
            Make::Haproxy => sample.with("\n    bind :80\n", &format!("\n    bind {address}\n")).with_all(
                "    server one 127.0.0.1:8080\n",
                &format!("    server one {origin}\n"),
                2,
            ),
            Make::Caddy => sample
                .with("\n:80 {\n", &format!("\nhttp://:{} {{\n\tbind 127.0.0.1\n", address.port()))
                .with("reverse_proxy 127.0.0.1:8080 {", &format!("reverse_proxy {origin} {{")),
        }
    }

    /// With a replacement. What is replaced must be there once: the samples may not drift away from the tests.
    pub fn with(self, old: &str, new: &str) -> Self {
        self.with_all(old, new, 1)
    }

    /// The same for what must be there `count` times.
    pub fn with_all(mut self, old: &str, new: &str, count: usize) -> Self {
        assert_eq!(self.text.matches(old).count(), count, "{old:?} in the sample for {:?}", self.make);
        self.text = self.text.replace(old, new);
        self
    }

    /// With TLS alone, as the samples say how.
    pub fn with_tls(self, certificate: &Certificate) -> Self {
        let (address, [cert, key, both]) = (self.address, certificate.files());
        let sample = match self.make {
            Make::Haproxy => self.with(
                &format!("\n    bind {address}\n"),
                &format!("\n    bind {address} ssl crt {} alpn h2,http/1.1\n", both.display()),
            ),
            Make::Caddy => self.with(
                &format!("http://:{} {{\n", address.port()),
                &format!(
                    "https://{HOST}:{} {{\n\ttls {} {}\n",
                    address.port(),
                    cert.display(),
                    key.display()
                ),
            ),
            Make::Nginx | Make::Varnish => unreachable!("no test asks for this"),
        };
        Self { secure: true, ..sample }
    }

    /// With the comment switched on that begins with this line: up to the next line that is no comment.
    pub fn uncommented(mut self, first: &str) -> Self {
        let (before, comment) = self.text.split_once(&format!("{first}\n")).expect("the comment is there");
        let on = |line: &str| line.trim_start_matches("# ").trim_start_matches('#').to_owned() + "\n";
        let length = comment.lines().take_while(|line| line.starts_with('#')).count();
        let switched_on: String = [first].into_iter().chain(comment.lines().take(length)).map(on).collect();
        let rest: Vec<_> = comment.lines().skip(length).collect();
        self.text = format!("{before}{switched_on}{}\n", rest.join("\n"));
        self
    }

    /// With another path that tells whether it is there.
    pub fn alive_at(self, alive: &'static str) -> Self {
        Self { alive, ..self }
    }
}

impl Proxy {
    /// Starts a proxy before `origin`, and waits until it answers.
    pub async fn start(make: Make, origin: SocketAddr) -> Self {
        Self::with(Sample::new(make, origin)).await
    }

    /// Starts a proxy, and waits until it answers.
    pub async fn with(sample: Sample) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // A proxy that is started by root works as somebody else.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let Sample { make, text, address, secure, alive } = sample;
        let mut command = match make {
            Make::Nginx => nginx(folder.path(), &text),
            Make::Varnish => varnish(folder.path(), address, &text),
            Make::Haproxy => haproxy(folder.path(), &text),
            Make::Caddy => caddy(folder.path(), &text),
        };
        let process = spawn(make, &mut command, folder.path());
        let mut proxy = Self { process, client: Client { address }, folder, make, command, secure, alive };
        proxy.until_answering().await;
        proxy
    }

    /// Ends it, and starts it again at the same place.
    pub async fn restart(&mut self) {
        self.stop();
        self.process = spawn(self.make, &mut self.command, self.folder.path());
        self.until_answering().await;
    }

    async fn until_answering(&mut self) {
        until("the proxy's first answer", async || {
            if let Some(status) = self.process.try_wait().unwrap() {
                panic!("{:?} did not start, {status}:\n{}", self.make, self.log());
            }
            if self.secure {
                return TcpStream::connect(self.client.address).await.ok().map(drop);
            }
            let answer = self.client.try_ask(Method::GET, self.alive, &[]).await;
            answer.is_ok_and(|answer| answer.status == 200).then_some(())
        })
        .await;
    }

    /// What it had to say.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    fn stop(&mut self) {
        // Some are two processes each: the first one takes the other with it, if it is asked.
        let _ = Command::new("kill").args(["-TERM", &self.process.id().to_string()]).status();
        let _ = self.process.wait();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stop();
    }
}

fn spawn(make: Make, command: &mut Command, folder: &Path) -> Child {
    let log = OpenOptions::new().create(true).append(true).open(folder.join("log")).unwrap();
    let command = command.stdin(Stdio::null()).stdout(File::try_clone(&log).unwrap()).stderr(log);
    command
        .spawn()
        .unwrap_or_else(|error| panic!("this test needs {make:?} ({:?}): {error}", command.get_program()))
}

fn nginx(folder: &Path, sample: &str) -> Command {
    let place = folder.display();
    let sample = sample.replace("/var/cache/nginx/belvedere ", &format!("{place}/cache "));
    fs::write(folder.join("belvedere.conf"), sample).unwrap();
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

fn varnish(folder: &Path, address: SocketAddr, sample: &str) -> Command {
    fs::write(folder.join("belvedere.vcl"), sample).unwrap();
    let mut command = Command::new("/usr/sbin/varnishd");
    command.args(["-F", "-j", "none", "-T", "none", "-s", "malloc,64m", "-a", &address.to_string()]);
    command.arg("-n").arg(folder.join("work")).arg("-f").arg(folder.join("belvedere.vcl"));
    command
}

fn haproxy(folder: &Path, sample: &str) -> Command {
    fs::write(folder.join("haproxy.cfg"), sample).unwrap();
    let mut command = Command::new("/usr/sbin/haproxy");
    // No more files than this machine gives to a test.
    command.args(["-db", "-n", "2000", "-f"]).arg(folder.join("haproxy.cfg"));
    command
}

fn caddy(folder: &Path, sample: &str) -> Command {
    // What it would otherwise do to the machine: listen for orders, and on port 80.
    let global = "{\n\tadmin off\n\tauto_https disable_redirects\n\tskip_install_trust\n}\n";
    fs::write(folder.join("Caddyfile"), format!("{global}{sample}")).unwrap();
    let mut command = Command::new("/usr/bin/caddy");
    command.args(["run", "--adapter", "caddyfile", "--config"]).arg(folder.join("Caddyfile"));
    command.env("HOME", folder).env("XDG_DATA_HOME", folder).env("XDG_CONFIG_HOME", folder);
    command
}
