//! Resource usage of process trees: processor time and memory.
//!
//! Read from `/proc`, a few small files per process, and only on request. This happens on a separate
//! thread: neither the engine nor the stray scanner waits for it, except for a short scan of adopted
//! orphans.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use rustix::param::{clock_ticks_per_second, page_size};

use super::proc::{self, Stat};
use super::registry::{Registry, RunToken};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Processor time since the start of the run: that of all live processes, and of those that were
    /// reaped by one of them.
    pub cpu: Duration,
    /// Resident memory in bytes. A page that several processes share counts for each.
    pub memory: u64,
}

/// Measures each run, by pid of its leader. `orphans` are the results of a scan.
pub(super) fn measure(registry: &Registry, orphans: &[(RunToken, Stat)]) -> HashMap<u32, Usage> {
    let leaders: Vec<(u32, RunToken)> =
        registry.lock().iter().map(|(pid, entry)| (*pid, entry.token)).collect();
    let mut by_token: HashMap<RunToken, Vec<&Stat>> = HashMap::new();
    for (token, stat) in orphans {
        by_token.entry(*token).or_default().push(stat);
    }
    let children = proc::ChildTable::read();
    let measure = |(pid, token): (u32, RunToken)| {
        let mut usage = Usage::default();
        let mut counted = HashSet::new();
        let below = proc::below(&children, &[pid]);
        let orphans = by_token.remove(&token).unwrap_or_default();
        for process in below.iter().chain(orphans) {
            // A process that was orphaned meanwhile is in both lists.
            if counted.insert(process.identity()) {
                usage.cpu += cpu(process);
                usage.memory += process.pages * page_size() as u64;
            }
        }
        (pid, usage)
    };
    leaders.into_iter().map(measure).collect()
}

/// The time of a process and of its reaped children. `/proc` shows the time of the process in steps of
/// 10 ms, too coarse for a short interval; its clock has nanoseconds.
fn cpu(process: &Stat) -> Duration {
    let ended = ticks(process.ticks_of_ended);
    ended + clock(process.pid).unwrap_or_else(|| ticks(process.ticks))
}

fn ticks(ticks: u64) -> Duration {
    let each = 1_000_000_000 / clock_ticks_per_second().max(1);
    Duration::from_nanos(ticks.saturating_mul(each))
}

/// The processor time of all threads of a process.
fn clock(pid: u32) -> Option<Duration> {
    let pid = libc::pid_t::try_from(pid).ok()?;
    let mut clock: libc::clockid_t = 0;
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    #[expect(unsafe_code, reason = "rustix has no clocks of other processes")]
    // SAFETY: Both calls write to one value each, which outlives them.
    let is_known = unsafe {
        libc::clock_getcpuclockid(pid, &raw mut clock) == 0
            && libc::clock_gettime(clock, &raw mut time) == 0
    };
    let (seconds, nanos) = (u64::try_from(time.tv_sec).ok()?, u32::try_from(time.tv_nsec).ok()?);
    is_known.then(|| Duration::new(seconds, nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_clock_moves_as_we_work() {
        let me = std::process::id();
        let before = clock(me).unwrap();
        let mut sum = 0_u64;
        while clock(me).unwrap() < before + Duration::from_millis(5) {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        let stat = proc::stat(me).unwrap();
        assert!(cpu(&stat) >= before + Duration::from_millis(5));
        assert!(stat.pages * page_size() as u64 > 100 << 10, "{stat:?}");
    }

    #[test]
    fn a_missing_process_has_no_clock() {
        // Larger than any number the kernel gives.
        assert_eq!(clock(5_000_000), None);
    }
}
