//! The corpus of the fuzz targets, replayed: as it is, and with some of its bits turned.
//!
//! `cargo +nightly fuzz run TARGET` goes further; what it finds belongs into `fuzz/corpus/TARGET`. Without a nightly
//! compiler, the variable `BELVEDERE_FUZZ_SECONDS` gives each target that long, with ever new mutations.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

#[path = "../../fuzz/targets.rs"]
mod targets;

/// Mutations of each file; those of sessions each take some milliseconds of real sockets.
const MUTATIONS: u64 = 60;
const MUTATED_SESSIONS: u64 = 12;

/// A copy with some bytes changed, cut out or doubled, always the same for one `seed`.
fn mutated(bytes: &[u8], seed: u64) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut copy = bytes.to_vec();
    for _ in 0..random.usize(1..6) {
        let at = random.usize(0..=copy.len());
        match random.u8(0..4) {
            0 if at < copy.len() => copy[at] ^= 1 << random.u8(0..8),
            1 if at < copy.len() => copy[at] = random.u8(..),
            2 => copy.truncate(at.max(copy.len() / 2)),
            _ => {
                let piece: Vec<u8> = copy[at..].iter().take(random.usize(1..20)).copied().collect();
                copy.splice(at..at, piece);
            }
        }
    }
    copy
}

/// The files of a target's corpus, each with its name.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
    files.sort();
    files.iter().map(|file| (file.display().to_string(), fs::read(file).expect("it can be read"))).collect()
}

/// For how long each target is tried beyond the mutations that are always the same.
fn extra_time() -> Duration {
    let seconds = std::env::var("BELVEDERE_FUZZ_SECONDS").ok();
    Duration::from_secs(seconds.map_or(0, |seconds| seconds.parse().expect("a number of seconds")))
}

#[track_caller]
fn holds(target: targets::Target, input: &[u8], name: &str) {
    let outcome = std::panic::catch_unwind(|| target(input));
    assert!(outcome.is_ok(), "{name}: {input:02x?}");
}

#[test]
fn nothing_in_the_corpus_nor_near_it_breaks_a_target() {
    for (name, target) in targets::ALL {
        let files = corpus(name);
        assert!(files.len() >= 3, "{name} has {} files", files.len());
        let mutations = if name == "session" { MUTATED_SESSIONS } else { MUTATIONS };
        for (file, bytes) in files {
            for seed in 0..=mutations {
                let input = if seed == 0 { bytes.clone() } else { mutated(&bytes, seed) };
                holds(target, &input, &format!("{file}, mutation {seed}"));
            }
        }
        let (mut random, began, mut tried) = (fastrand::Rng::new(), Instant::now(), 0u64);
        let mut pool: Vec<_> = corpus(name).into_iter().map(|(_, bytes)| bytes).collect();
        while began.elapsed() < extra_time() {
            let seed = random.u64(..);
            let input = mutated(&pool[random.usize(..pool.len())], seed);
            holds(target, &input, &format!("{name}, mutation {seed}"));
            // Some mutations are mutated further.
            if random.u8(..) == 0 && pool.len() < 1_000 {
                pool.push(input);
            }
            tried += 1;
        }
        if tried > 0 {
            eprintln!("{name}: {tried} mutations held");
        }
    }
}
