//! Finds processes that started after a run, without a scan of all processes.
//!
//! The kernel assigns pids in rising order and reports the last one. All descendants of a leader have
//! later pids, so only those in between need to be checked, most often none or a few. This holds until
//! pids wrap around; whenever that is possible, this module gives no answer and all of `/proc` is
//! scanned.
//! here and all of `/proc` is looked at.

use std::fs::File;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::proc;

/// The maximum number of pids that are checked one by one.
const MAX_PIDS: u32 = 1024;
/// The minimum time the kernel needs per pid: it assigns them under one lock, each for a new process
/// or thread that it creates under another lock.
const MIN_TIME_PER_PID: Duration = Duration::from_micros(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct StartTime(Instant);

impl StartTime {
    #[expect(clippy::disallowed_methods, reason = "bounds how many numbers were given since")]
    pub(super) fn now() -> Self {
        Self(Instant::now())
    }

    fn since(self, earlier: Self) -> Duration {
        self.0.saturating_duration_since(earlier.0)
    }
}

/// What the kernel reports about pids, and since when they have only risen.
///
/// Updated with each start and each end, so that successive readings are closer together than a wrap
/// around: then runs may last longer than that, and still all later pids are known. With 32,768 pids
/// this works if something starts or ends every 16 ms, as in a pool of short jobs.
#[derive(Debug, Default)]
pub(super) struct PidCursor(Mutex<Option<KnownPids>>, AtomicBool);

#[derive(Debug)]
struct KnownPids {
    newest: File,
    limit: File,
    /// The latest reading, if it is reliable.
    latest: Option<RecentScan>,
}

#[derive(Debug, Clone, Copy)]
struct RecentScan {
    begun: StartTime,
    /// The last assigned pid.
    newest: u32,
    /// The upper limit of pids.
    limit: u32,
    in_use: u32,
    /// Since when pids have only risen.
    risen_since: StartTime,
}

impl PidCursor {
    /// Takes a reading for later use.
    pub(super) fn look(&self) {
        _ = self.newest();
    }

    /// Returns the pids assigned after `first`, which was assigned after `made`; `None` if that is
    /// unknown, or if they are too many.
    pub(super) fn after(&self, first: u32, made: StartTime) -> Option<RangeInclusive<u32>> {
        let look = self.newest()?;
        let few = look.newest.checked_sub(first).is_some_and(|count| count <= MAX_PIDS);
        (few && made >= look.risen_since).then(|| first + 1..=look.newest)
    }

    /// Disables this mechanism, and frees the descriptors that it needs.
    pub(super) fn disable(&self) {
        self.1.store(true, Ordering::Relaxed);
    }

    fn newest(&self) -> Option<RecentScan> {
        if self.1.load(Ordering::Relaxed) {
            return None;
        }
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.is_none() {
            let (newest, limit) = proc::numbers().ok()?;
            *known = Some(KnownPids { newest, limit, latest: None });
        }
        known.as_mut()?.look()
    }
}

impl KnownPids {
    fn look(&mut self) -> Option<RecentScan> {
        // After an error the next reading starts over.
        let before = self.latest.take();
        let begun = StartTime::now();
        let newest = proc::number_in(&self.newest)?;
        let limit = proc::number_in(&self.limit)?;
        let in_use = proc::in_use();
        let ended = StartTime::now();
        let has_risen = |before: &RecentScan| {
            before.newest <= newest
                && before.limit == limit
                && cannot_have_begun_again(limit, before.in_use, ended.since(before.begun))
        };
        let before = before.filter(has_risen);
        // For a first reading: a process created after it gets a pid above `newest`.
        let risen_since = before.map_or(ended, |before| before.risen_since);
        let look = RecentScan { begun, newest, limit, in_use, risen_since };
        self.latest = Some(look);
        Some(look)
    }
}

/// To wrap around, pids must pass all others: those in use before are skipped, and each other one
/// takes the kernel some time.
fn cannot_have_begun_again(limit: u32, in_use: u32, time: Duration) -> bool {
    in_use < limit / 4 && time < MIN_TIME_PER_PID * (limit / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_sure_for_so_long_only() {
        let ms = Duration::from_millis;
        assert!(cannot_have_begun_again(32_768, 200, ms(16)));
        assert!(!cannot_have_begun_again(32_768, 200, ms(17)));
        assert!(!cannot_have_begun_again(32_768, 9_000, ms(1)), "most are taken");
        assert!(cannot_have_begun_again(4_194_304, 9_000, ms(2_000)));
        assert!(!cannot_have_begun_again(4_194_304, 9_000, ms(3_000)));
    }

    #[test]
    fn a_child_is_among_the_numbers_given_since() {
        let numbers = PidCursor::default();
        let Some(before) = numbers.newest() else { return };
        let made = StartTime::now();
        let mut child = std::process::Command::new("true").spawn().unwrap();
        if let Some(numbers) = numbers.after(before.newest, made) {
            assert!(numbers.contains(&child.id()), "{numbers:?}");
        }
        child.wait().unwrap();
        assert!(numbers.after(u32::MAX, made).is_none(), "they have begun again");
        assert!(numbers.after(before.newest, before.begun).is_none(), "nobody had looked before");
    }

    #[test]
    fn looks_in_time_after_each_other_make_it_sure_for_longer() {
        let numbers = PidCursor::default();
        let Some(first) = numbers.newest() else { return };
        let Some(second) = numbers.newest() else { return };
        if second.begun.since(first.begun) < Duration::from_millis(5) {
            assert_eq!(second.risen_since, first.risen_since);
        }
        // As if a long time had passed, or pids had wrapped around, between two readings.
        let longer = first.begun.0.checked_sub(Duration::from_hours(3)).map(StartTime);
        let ways: [fn(&mut RecentScan, Option<StartTime>); 4] = [
            |look, longer| look.begun = longer.unwrap_or(look.begun),
            |look, _| look.newest = u32::MAX,
            |look, _| look.limit += 1,
            |look, _| look.in_use = look.limit,
        ];
        for change in ways {
            let mut known = numbers.0.lock().unwrap();
            let known = known.as_mut().unwrap();
            change(known.latest.as_mut().unwrap(), longer);
            if longer.is_some() {
                assert!(known.look().unwrap().risen_since > second.begun);
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
