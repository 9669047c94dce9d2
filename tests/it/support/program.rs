//! The program as its user starts it.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};

use super::client::Client;
use super::until;

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_belvedere");

/// The program at work; killed with the test.
pub struct Program {
    process: Child,
    /// Kept open, as a terminal would.
    stdout: BufReader<ChildStdout>,
    log: Arc<Mutex<String>>,
    /// Of the first address.
    pub client: Client,
    /// All addresses, in the order of the greeting: first those without TLS.
    pub listening: Vec<SocketAddr>,
}

impl Program {
    /// Starts it on a port of the system's choice, and waits until it says where it listens.
    pub fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(PROGRAM);
        Self::run(command.args(arguments).args(["--listen", "127.0.0.1:0"]))
    }

    /// Starts it with a configuration that says where it listens.
    pub fn with_config(path: &Path) -> Self {
        Self::run(Command::new(PROGRAM).arg("--config").arg(path))
    }

    /// Starts what starts it once `start` has said something on its standard input, which comes back.
    pub fn managed(command: &mut Command, start: impl FnOnce(&mut ChildStdin)) -> (Self, ChildStdin) {
        let mut process = spawn(command.stdin(Stdio::piped()));
        let mut commands = process.stdin.take().expect("stdin is piped");
        start(&mut commands);
        (Self::greeted(process), commands)
    }

    fn run(command: &mut Command) -> Self {
        Self::greeted(spawn(command))
    }

    /// Waits until it says where it listens.
    fn greeted(mut process: Child) -> Self {
        let stdout = BufReader::new(process.stdout.take().expect("stdout is piped"));
        let log = Arc::default();
        collect(process.stderr.take().expect("stderr is piped"), Arc::clone(&log));
        let client = Client { address: SocketAddr::from(([127, 0, 0, 1], 0)) };
        let mut program = Self { process, stdout, log, client, listening: Vec::new() };
        let mut said = String::new();
        while !(said.contains("look here") && said.ends_with("\n\n")) {
            let read = program.stdout.read_line(&mut said).expect("stdout is text");
            assert!(read > 0, "it ended without a word about its address: {said}{}", program.log());
        }
        assert!(said.contains("watching"), "it says what it watches: {said}");
        let lines = said.lines().filter(|line| line.contains("look here") || line.contains("over TLS"));
        program.listening = lines
            .filter_map(|line| url::Url::parse(line.split_whitespace().last()?).ok()?.port())
            .map(|port| SocketAddr::from(([127, 0, 0, 1], port)))
            .collect();
        if let Some(first) = program.listening.first() {
            program.client.address = *first;
        }
        program
    }

    /// Sends a signal, as `-TERM`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.process.id().to_string()]).status();
        assert!(sent.expect("this test needs kill").success());
    }

    /// Bytes of memory that are its own now.
    pub fn resident(&self) -> u64 {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).expect("it is there");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux says so");
        let kib: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
        kib << 10
    }

    /// Waits for its end.
    pub async fn ended(&mut self) -> ExitStatus {
        let process = &mut self.process;
        until("the end of the process", async || process.try_wait().expect("it can be asked")).await
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// The lines of the log with these words in them.
    pub fn logged(&self, words: &str) -> Vec<String> {
        self.log().lines().filter(|line| line.contains(words)).map(str::to_owned).collect()
    }
}

fn spawn(command: &mut Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts")
}

/// Reads the log while it is written, so that the pipe never fills up.
fn collect(mut stderr: impl Read + Send + 'static, log: Arc<Mutex<String>>) {
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(read @ 1..) = stderr.read(&mut bytes) {
            log.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..read]));
        }
    });
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
