//! Clocks and counters that two processes of one machine agree on.

use std::fs;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};

/// Ticks a second in `/proc`: fixed on Linux, whatever the kernel counts in.
const USER_HZ: f64 = 100.0;

/// Lets this process open as many files as it may.
pub fn open_many_files() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // Without it, a few hundred viewers still fit.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

/// Nanoseconds of the monotonic clock, which all processes share.
pub fn now() -> u64 {
    nanos(ClockId::Monotonic)
}

fn nanos(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// What this process used up so far.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// Seconds of CPU, the kernel's work for it included.
    pub cpu: f64,
    /// Share of the kernel: from coarser counters, good for a ratio alone.
    user_ticks: f64,
    kernel_ticks: f64,
    /// Resident memory in bytes.
    pub resident: f64,
}

impl Usage {
    /// Reads the counters.
    pub fn now() -> Self {
        let stat = fs::read_to_string("/proc/self/stat").expect("Linux tells of this process");
        // The name in brackets may hold blanks; behind it, the times are the 12th and 13th field.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
        Self {
            cpu: nanos(ClockId::ProcessCPUTime) as f64 / 1e9,
            user_ticks: ticks(11) / USER_HZ,
            kernel_ticks: ticks(12) / USER_HZ,
            resident: resident(),
        }
    }

    /// Share of the kernel in what was used since `before`.
    pub fn kernel_share(&self, before: &Self) -> f64 {
        let (user, kernel) = (self.user_ticks - before.user_ticks, self.kernel_ticks - before.kernel_ticks);
        kernel / (user + kernel).max(1.0 / USER_HZ)
    }
}

fn resident() -> f64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux tells of this process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kib| kib.parse::<f64>().ok()).unwrap_or(0.0) * 1024.0
}

/// Which cores a process keeps to.
#[derive(Clone, Copy, Debug)]
pub enum Cores {
    /// The first.
    First,
    /// All but the first.
    Others,
}

/// Holds this thread, and all that it will start, to some cores; with one core alone, to that.
pub fn keep_to(cores: Cores) {
    let allowed = all_cores();
    let (first, others) = allowed.split_at(1.min(allowed.len()));
    let wanted = match cores {
        Cores::Others if !others.is_empty() => others,
        Cores::First | Cores::Others => first,
    };
    let mut set = CpuSet::new();
    wanted.iter().for_each(|&core| set.set(core));
    sched_setaffinity(None, &set).expect("these cores were there a moment ago");
}

/// The cores of the machine that this process may use, also if the one that started it was held to
/// fewer.
fn all_cores() -> Vec<usize> {
    let mut every = CpuSet::new();
    (0..CpuSet::MAX_CPU).for_each(|core| every.set(core));
    // The kernel leaves out what is not there, or not allowed.
    let _ = sched_setaffinity(None, &every);
    let allowed = sched_getaffinity(None).expect("a thread knows its cores");
    (0..CpuSet::MAX_CPU).filter(|&core| allowed.is_set(core)).collect()
}

/// The value below which `share` of `sorted` lies.
pub fn quantile(sorted: &[u64], share: f64) -> f64 {
    let at = ((sorted.len() as f64 * share) as usize).min(sorted.len().saturating_sub(1));
    sorted.get(at).map_or(f64::NAN, |&nanos| nanos as f64 / 1e6)
}
