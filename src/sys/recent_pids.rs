//! Finds processes that started after a run, without a scan of all processes.
//!
//! The kernel assigns pids in rising order and reports the last one. All descendants of a leader have
//! later pids, so only those in between need to be checked, most often none or a few. This holds until
//! pids wrap around; whenever that is possible, this module gives no answer and all of `/proc` is
//! scanned.

use std::fs::File;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::deadline::now;
use super::proc;

/// The maximum number of pids that are checked one by one.
const MAX_PIDS: u32 = 1024;
/// The minimum time the kernel needs per pid: it assigns them under one lock, each for a new process
/// or thread that it creates under another lock.
const MIN_TIME_PER_PID: Duration = Duration::from_micros(1);

/// The kernel's state of pid assignment, and since when pids have only risen.
///
/// Updated with each start and each end, so that successive readings are closer together than a wrap
/// around: then runs may last longer than that, and still all later pids are known. With 32,768 pids
/// this works if something starts or ends every 16 ms, as in a pool of short jobs.
#[derive(Debug, Default)]
pub(super) struct RecentPids {
    kernel: Mutex<Option<KernelPids>>,
    is_disabled: AtomicBool,
}

/// The kernel's files with the last pid of our namespace and the upper limit of pids. They are kept
/// open, because they are read often; not every kernel has the first one.
#[derive(Debug)]
struct KernelPids {
    newest: File,
    limit: File,
    /// The latest reading, if it is reliable.
    latest: Option<PidReading>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct PidReading {
    begun: Instant,
    /// The last assigned pid.
    newest: u32,
    /// The upper limit of pids.
    limit: u32,
    /// The number of pids in use, including those of other namespaces.
    in_use: u32,
    /// Since when pids have only risen.
    risen_since: Instant,
}

impl RecentPids {
    /// Takes a reading; `None` if there is none. Also for later use by [`Self::after`].
    pub(super) fn read(&self) -> Option<PidReading> {
        if self.is_disabled.load(Ordering::Relaxed) {
            return None;
        }
        let mut kernel = self.kernel.lock().unwrap_or_else(PoisonError::into_inner);
        if kernel.is_none() {
            let newest = File::open("/proc/sys/kernel/ns_last_pid").ok()?;
            let limit = File::open("/proc/sys/kernel/pid_max").ok()?;
            *kernel = Some(KernelPids { newest, limit, latest: None });
        }
        kernel.as_mut()?.read()
    }

    /// Returns the pids assigned after `first`, which was assigned after `cloned_after`; `None` if they
    /// are unknown, or if they are too many.
    pub(super) fn after(&self, first: u32, cloned_after: Instant) -> Option<RangeInclusive<u32>> {
        let reading = self.read()?;
        let few = reading.newest.checked_sub(first).is_some_and(|count| count <= MAX_PIDS);
        (few && cloned_after >= reading.risen_since).then(|| first + 1..=reading.newest)
    }

    /// Disables this mechanism, so that it needs no descriptors.
    pub(super) fn disable(&self) {
        self.is_disabled.store(true, Ordering::Relaxed);
    }
}

impl KernelPids {
    fn read(&mut self) -> Option<PidReading> {
        // After an error the next reading starts over.
        let before = self.latest.take();
        let begun = now();
        let newest = read_number(&self.newest)?;
        let limit = read_number(&self.limit)?;
        let in_use = rustix::system::sysinfo().procs.into();
        let ended = now();
        let has_risen = |before: &PidReading| {
            before.newest <= newest
                && before.limit == limit
                && cannot_have_wrapped(limit, before.in_use, ended.duration_since(before.begun))
        };
        let before = before.filter(has_risen);
        // For a first reading: a process created after it gets a pid above `newest`.
        let risen_since = before.map_or(ended, |before| before.risen_since);
        self.latest = Some(PidReading { begun, newest, limit, in_use, risen_since });
        self.latest
    }
}

fn read_number(file: &File) -> Option<u32> {
    let mut bytes = [0; 16];
    let length = rustix::io::pread(file, &mut bytes, 0).ok()?;
    proc::parse(bytes.get(..length)?)
}

/// To wrap around, pids must pass all others: those in use before are skipped, and each other one
/// takes the kernel some time.
fn cannot_have_wrapped(limit: u32, in_use: u32, time: Duration) -> bool {
    in_use < limit / 4 && time < MIN_TIME_PER_PID * (limit / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pids_are_reliable_for_a_limited_time() {
        let ms = Duration::from_millis;
        assert!(cannot_have_wrapped(32_768, 200, ms(16)));
        assert!(!cannot_have_wrapped(32_768, 200, ms(17)));
        assert!(!cannot_have_wrapped(32_768, 9_000, ms(1)), "most are taken");
        assert!(cannot_have_wrapped(4_194_304, 9_000, ms(2_000)));
        assert!(!cannot_have_wrapped(4_194_304, 9_000, ms(3_000)));
    }

    #[test]
    fn a_child_is_among_the_pids_assigned_since() {
        let pids = RecentPids::default();
        let Some(before) = pids.read() else { return };
        let cloned_after = now();
        let mut child = std::process::Command::new("true").spawn().unwrap();
        if let Some(recent) = pids.after(before.newest, cloned_after) {
            assert!(recent.contains(&child.id()), "{recent:?}");
        }
        child.wait().unwrap();
        assert!(pids.after(u32::MAX, cloned_after).is_none(), "pids have wrapped");
        assert!(pids.after(before.newest, before.begun).is_none(), "there was no earlier reading");
    }

    #[test]
    fn readings_close_to_each_other_are_reliable_for_longer() {
        let pids = RecentPids::default();
        let Some(first) = pids.read() else { return };
        let Some(second) = pids.read() else { return };
        if second.begun.duration_since(first.begun) < Duration::from_millis(5) {
            assert_eq!(second.risen_since, first.risen_since);
        }
        // As if a long time had passed, or pids had wrapped around, between two readings.
        let long_ago = first.begun.checked_sub(Duration::from_hours(3));
        let changes: [fn(&mut PidReading, Option<Instant>); 4] = [
            |reading, long_ago| reading.begun = long_ago.unwrap_or(reading.begun),
            |reading, _| reading.newest = u32::MAX,
            |reading, _| reading.limit += 1,
            |reading, _| reading.in_use = reading.limit,
        ];
        for change in changes {
            let mut kernel = pids.kernel.lock().unwrap();
            let kernel = kernel.as_mut().unwrap();
            change(kernel.latest.as_mut().unwrap(), long_ago);
            if long_ago.is_some() {
                assert!(kernel.read().unwrap().risen_since > second.begun);
            }
        }
    }

    #[test]
    fn a_thread_is_no_process() {
        let me = std::process::id();
        assert!(proc::is_process(me));
        let thread = rustix::thread::gettid().as_raw_nonzero().get().unsigned_abs();
        assert_eq!(proc::is_process(thread), thread == me);
    }
}
