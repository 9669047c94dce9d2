//! What does a viewer cost, and how late does a frame get to the last of many?
//!
//! The real web server serves one camera (25 pictures a second, GOPs of 2 s, sound) to viewers in a process of their own.
//! Each row of the table is a new server:
//!
//! - `CPU`: of the server's process, in percent of one core, and for each second of each viewer;
//!   the kernel's share of it holds the loopback device, both ends.
//! - `delay`, MSE: from the push of a frame to its last byte in the viewer's hands. HLS: from the
//!   push that finished a part to the last byte of the playlist that shows it, which had been asked
//!   for before. The viewers' own queue is in it: one thread reads for all of them.
//! - `mse`, `hls`: the camera sends 4 Mbit/s; `sub`: as `mse`, with 0.5 Mbit/s, so that it is viewers that cost something
//!   and not their bytes.
//! - `list`: as HLS, but nobody loads the parts: so many blocked requests, released at once. `max` is
//!   the time from the push to the last byte of the last answer.
//! - `join`: viewers of the feed that come, leave with the first byte of a picture, and come again, so many at a time.
//!   `delay` is from the open socket (the server's 101) to that byte; below the row stands how many came in a second.
//! - `idle`: viewers of the feed that read nothing at all, with 0.5 Mbit/s. Their memory is the kernel's but for what is
//!   printed below the row.
//! - memory: resident, beyond that of the server without viewers. Of few viewers it tells little: the ring breathes.
//! - `seen`: of the frames or parts that all viewers together should have seen.
//! - `blocked`: how many requests waited at least when a part was finished. Fewer than there are viewers means that some
//!   had not yet come back for the next one, and `list` is not what it says.
//!
//! The aim: 100 MSE viewers on one core, p99 under 5 ms, and a few KiB for a viewer that takes nothing. So the server is
//! held to the first core, and the viewers to the others; `--all-cores` lets both go anywhere.
//!
//! Run: `cargo bench --bench fanout -- [--mse 100,500] [--sub 100,500,2000] [--hls 100,500] [--lists 5000] [--joins 16]
//! [--idle 10000] [--seconds 6] [--all-cores]`; all of it takes two minutes. Thousands of sockets need as many open files:
//! the hard limit (`ulimit -Hn`) must allow them.

#[path = "../source/mod.rs"]
mod source;

mod measure;
mod server;
mod viewers;

use std::net::SocketAddr;
use std::process::{Command, ExitCode};

/// How viewers watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Feed {
    Mse,
    /// The MSE feed of a light rendition.
    Sub,
    Hls,
    /// HLS, the playlists alone.
    Lists,
    /// The MSE feed up to the first picture, again and again.
    Joins,
    /// The MSE feed, unread.
    Idle,
}

impl Feed {
    fn word(self) -> &'static str {
        match self {
            Self::Mse => "mse",
            Self::Sub => "sub",
            Self::Hls => "hls",
            Self::Lists => "list",
            Self::Joins => "join",
            Self::Idle => "idle",
        }
    }

    fn of(word: &str) -> Option<Self> {
        [Self::Mse, Self::Sub, Self::Hls, Self::Lists, Self::Joins, Self::Idle]
            .into_iter()
            .find(|feed| feed.word() == word)
    }
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
struct Case {
    feed: Feed,
    viewers: usize,
    seconds: u64,
    one_core: bool,
}

/// What this process is: the one that was started, or one that it started.
enum Role {
    Table(Vec<Case>),
    Server(Case),
    Viewers(Case, SocketAddr),
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match role(&words) {
        // Not `cargo bench`: whoever runs all targets as tests does not want to wait for this one.
        None if !words.contains(&"--bench") => ExitCode::SUCCESS,
        None => {
            eprintln!(
                "arguments: [--mse 100,500] [--sub 100,500,2000] [--hls 100,500] [--lists 5000] [--joins 16] \
                 [--idle 10000] [--seconds 6] [--all-cores]"
            );
            ExitCode::FAILURE
        }
        Some(Role::Table(cases)) => table(&cases),
        Some(Role::Server(case)) => {
            server::run(case);
            ExitCode::SUCCESS
        }
        Some(Role::Viewers(case, address)) => {
            viewers::run(case, address);
            ExitCode::SUCCESS
        }
    }
}

fn role(words: &[&str]) -> Option<Role> {
    match words {
        ["server", rest @ ..] => Some(Role::Server(case(rest)?)),
        ["viewers", address, rest @ ..] => Some(Role::Viewers(case(rest)?, address.parse().ok()?)),
        _ => Some(Role::Table(cases(words)?)),
    }
}

fn cases(words: &[&str]) -> Option<Vec<Case>> {
    let (mut mse, mut hls, mut lists, mut seconds) = (vec![100, 500], vec![100, 500], vec![5_000], 6);
    let (mut sub, mut joins, mut idle) = (vec![100, 500, 2_000], vec![16], vec![10_000]);
    let (mut one_core, mut bench) = (true, false);
    let numbers = |list: &str| -> Option<Vec<usize>> {
        list.split(',').filter(|number| !number.is_empty()).map(|number| number.parse().ok()).collect()
    };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match *word {
            "--mse" => mse = numbers(words.next()?)?,
            "--sub" => sub = numbers(words.next()?)?,
            "--hls" => hls = numbers(words.next()?)?,
            "--joins" => joins = numbers(words.next()?)?,
            "--idle" => idle = numbers(words.next()?)?,
            "--lists" => lists = numbers(words.next()?)?,
            "--seconds" => seconds = words.next()?.parse().ok()?,
            "--all-cores" => one_core = false,
            "--bench" => bench = true,
            _ => return None,
        }
    }
    let case = |feed| move |viewers| Case { feed, viewers, seconds, one_core };
    let of = |feed, counts: Vec<usize>| counts.into_iter().map(case(feed));
    let feeds = of(Feed::Mse, mse).chain(of(Feed::Sub, sub)).chain(of(Feed::Joins, joins));
    let others = of(Feed::Idle, idle).chain(of(Feed::Hls, hls)).chain(of(Feed::Lists, lists));
    bench.then(|| feeds.chain(others).collect())
}

impl Case {
    fn args(&self) -> [String; 4] {
        let cores = if self.one_core { "one-core" } else { "all-cores" };
        [self.feed.word().into(), self.viewers.to_string(), self.seconds.to_string(), cores.into()]
    }
}

fn case(words: &[&str]) -> Option<Case> {
    let [feed, viewers, seconds, cores] = words else { return None };
    Some(Case {
        feed: Feed::of(feed)?,
        viewers: viewers.parse().ok()?,
        seconds: seconds.parse().ok()?,
        one_core: *cores == "one-core",
    })
}

/// This program again, in another role.
fn again(role: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program has a path"));
    command.arg(role);
    command
}

fn table(cases: &[Case]) -> ExitCode {
    println!(
        "{:>4} {:>7} {:>9} {:>11} {:>9} {:>9} {:>9} {:>9} {:>11} {:>7} {:>7}",
        "feed",
        "viewers",
        "CPU",
        "a viewer",
        "in kernel",
        "delay p50",
        "p99",
        "max",
        "a viewer",
        "seen",
        "blocked"
    );
    println!(
        "{:>4} {:>7} {:>9} {:>11} {:>9} {:>9} {:>9} {:>9} {:>11} {:>7} {:>7}",
        "", "", "% of core", "us/s", "%", "ms", "ms", "ms", "KiB", "%", ""
    );
    for case in cases {
        let ended = again("server").args(case.args()).status();
        if !ended.is_ok_and(|status| status.success()) {
            eprintln!("this case failed: {case:?}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
