//! Sockets that a service manager opened, and what it is told: `tests/support/socket_manager.py` in the place of systemd.

use std::io::Write;
use std::path::Path;
use std::process::{ChildStdin, Command, Output, Stdio};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixDatagram, UnixStream};

use super::{exchange, get};
use crate::support::program::{PROGRAM, Program};
use crate::support::tls::Certificate;
use crate::support::{soon, until};

const MANAGER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/socket_manager.py");

fn manager(config: &Path, sockets: &[String]) -> Command {
    let mut command = Command::new("/usr/bin/python3");
    command.arg(MANAGER).args(sockets).args(["--", PROGRAM, "--config"]).arg(config).stdin(Stdio::piped());
    command
}

fn start(commands: &mut ChildStdin) {
    commands.write_all(b"start\n").unwrap();
}

/// The numbers of the processes so far.
fn processes(program: &Program) -> Vec<String> {
    program.logged("pid ").iter().filter_map(|line| Some(line.strip_prefix("pid ")?.to_owned())).collect()
}

async fn heard(manager: &UnixDatagram) -> String {
    let mut bytes = [0; 256];
    let length = soon("a word to the manager", manager.recv(&mut bytes)).await.unwrap();
    String::from_utf8_lossy(&bytes[..length]).trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_of_a_service_manager_outlive_the_program_and_it_is_told_what_happens() {
    let (folder, certificate) = (tempfile::tempdir().unwrap(), Certificate::new());
    let unix = folder.path().join("local.sock");
    let toml = format!(
        "auth = \"none\"\nserver.listen = [\"systemd:http\", \"systemd:local\"]\n{}",
        certificate.settings().replace("127.0.0.1:0", "systemd:https")
    );
    let config = folder.path().join("belvedere.toml");
    std::fs::write(&config, toml).unwrap();
    let notify = folder.path().join("notify");
    let told = UnixDatagram::bind(&notify).unwrap();

    let sockets = ["http=tcp".to_owned(), format!("local={}", unix.display()), "https=tcp".to_owned()];
    let mut command = manager(&config, &sockets);
    command.env("NOTIFY_SOCKET", &notify).env("WATCHDOG_USEC", "200000");
    let (mut program, mut commands) = Program::managed(&mut command, start);
    let [plain, secure] = program.listening[..] else { panic!("{:?}", program.listening) };
    let mut words = vec![heard(&told).await, heard(&told).await, heard(&told).await];
    words.sort();
    assert_eq!(words, ["READY=1", "WATCHDOG=1", "WATCHDOG=1"]);

    program.client.found("/livez").await;
    let stream = UnixStream::connect(&unix).await.unwrap();
    assert!(exchange(stream, get("/").as_bytes()).await.starts_with("HTTP/1.1 200"));
    let stream = certificate.greet(TcpStream::connect(secure).await.unwrap()).await;
    assert!(exchange(stream, get("/livez").as_bytes()).await.starts_with("HTTP/1.1 200"));

    let first = processes(&program)[0].clone();
    let signal = |name| assert!(Command::new("kill").arg(name).arg(&first).status().unwrap().success());
    signal("-HUP");
    while !heard(&told).await.starts_with("RELOADING=1\nMONOTONIC_USEC=") {}
    while heard(&told).await != "READY=1" {}
    program.client.found("/livez").await;

    // Who comes while it restarts waits, and is served.
    signal("-TERM");
    while heard(&told).await != "STOPPING=1" {}
    let gone = async || (!Path::new("/proc").join(&first).join("exe").exists()).then_some(());
    until("its end", gone).await;
    assert!(unix.exists(), "the socket is the manager's");
    let mut waiting = TcpStream::connect(plain).await.expect("the socket is still there");
    waiting.write_all(get("/livez").as_bytes()).await.unwrap();
    start(&mut commands);
    let mut answer = String::new();
    soon("an answer", waiting.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    while heard(&told).await != "READY=1" {}
    drop(commands);
    assert!(program.ended().await.success());
}

/// The program with sockets that its configuration does not fit.
fn refused(toml: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("belvedere.toml");
    std::fs::write(&config, toml).unwrap();
    let sockets = ["http=tcp".to_owned(), format!("local={}", folder.path().join("s").display())];
    let mut command = manager(&config, &sockets);
    let mut manager = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut commands = manager.stdin.take().unwrap();
    start(&mut commands);
    // A second line is read when the first process has ended.
    start(&mut commands);
    drop(commands);
    manager.wait_with_output().unwrap()
}

#[test]
fn what_was_not_handed_over_is_told_with_what_was() {
    let output = refused("auth = \"none\"\nserver.listen = \"systemd:web\"\n");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains("cannot listen on systemd:web: systemd handed over http, local"), "{text}");
}
