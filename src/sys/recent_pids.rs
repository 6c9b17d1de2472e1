//! Who is younger than a run, without a look at everybody else.
//!
//! The kernel gives numbers in rising order and says which it gave last. Whoever descends from a
//! leader was given one after it, so only those in between need a look, most often none or a few.
//! That holds until the numbers begin again from below; whenever they could have, nothing is said
//! here and all of `/proc` is looked at.

use std::fs::File;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::registry::{Leader, Registry};
use super::{proc, spawners};

/// More than these are not looked at one by one.
const MOST: u32 = 1024;
/// So many who are no leaders are looked at by the task of a run.
const STRANGERS: u32 = 64;
/// The kernel needs longer than this for a number: it gives them under one lock, each with a whole
/// process or thread that it makes under another.
const A_NUMBER: Duration = Duration::from_micros(1);

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

/// What the kernel says about the numbers it gives, and since when they have only risen.
///
/// Looked at with each start and each end, so that one look follows the other before the numbers can
/// have begun again: then a run may last longer than that, and still all younger ones are known. With
/// 32,768 numbers that is so where something starts or ends every 16 ms, as in a pool of short jobs.
#[derive(Debug, Default)]
pub(super) struct PidCursor(Mutex<Option<KnownPids>>, AtomicBool);

#[derive(Debug)]
struct KnownPids {
    newest: File,
    limit: File,
    /// The latest look, if it can be relied on.
    latest: Option<RecentScan>,
}

#[derive(Debug, Clone, Copy)]
struct RecentScan {
    begun: StartTime,
    /// The number that was given last.
    newest: u32,
    /// Numbers are below this one.
    limit: u32,
    in_use: u32,
    /// The numbers have only risen since.
    risen_since: StartTime,
}

impl PidCursor {
    /// Looks, for the sake of later looks.
    pub(super) fn look(&self) {
        _ = self.newest();
    }

    /// The numbers that were given after `first`, which was given after `made`, up to now; `None`
    /// when that cannot be told, or is too many.
    pub(super) fn after(&self, first: u32, made: StartTime) -> Option<RangeInclusive<u32>> {
        let look = self.newest()?;
        let few = look.newest.checked_sub(first).is_some_and(|count| count <= MOST);
        (few && made >= look.risen_since).then(|| first + 1..=look.newest)
    }

    /// Does without, and so without the descriptors that it takes.
    pub(super) fn forgo(&self) {
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
        // What follows an error here is a first look again.
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
        // Of a first one: whoever is made after it is given a number after `newest`.
        let risen_since = before.map_or(ended, |before| before.risen_since);
        let look = RecentScan { begun, newest, limit, in_use, risen_since };
        self.latest = Some(look);
        Some(look)
    }
}

/// To begin again, the numbers have to pass all the others: those that were in use before are left
/// out, for each other one the kernel takes its time.
fn cannot_have_begun_again(limit: u32, in_use: u32, time: Duration) -> bool {
    in_use < limit / 4 && time < A_NUMBER * (limit / 2)
}

/// Whether it is certain that a leader that has ended left nobody behind.
///
/// All who descend from it are younger, and the topmost of those who are left is an orphan, so it is
/// now a child of somebody above us. Where no such process is there, nobody is left.
///
/// A few small reads, so the task of the run looks itself: to ask the thread that finds strays takes
/// two changes of hands, and after most runs there is nobody to find. Without certainty it is asked.
pub(super) fn left_nobody(leader: &Leader) -> bool {
    let registry = &leader.registry;
    let mut strangers = STRANGERS;
    let mut from = leader.pid + 1;
    // Rising, and again as long as numbers were given meanwhile: whoever made a child and has ended
    // since is met before it, so the child is there, and an orphan, when it is looked at.
    while let Some(numbers) = registry.numbers.after(leader.pid, leader.made) {
        let next = numbers.end() + 1;
        if from >= next {
            return true;
        }
        let mut leaders = registry.leaders_after(leader.pid);
        leaders.sort_unstable();
        for pid in (from..next).filter(|pid| leaders.binary_search(pid).is_err()) {
            let Some(left) = strangers.checked_sub(1) else { return false };
            strangers = left;
            if could_be_left(pid, registry) {
                return false;
            }
        }
        from = next;
    }
    false
}

/// Whether this could be the topmost of those that a leader has left.
fn could_be_left(pid: u32, registry: &Registry) -> bool {
    let Some(stat) = proc::stat(pid).filter(|stat| !stat.zombie && !stat.is_of_kernel()) else {
        return false;
    };
    // A leader that is just being made, and has not said so yet. Nobody else is in our own group under
    // the name of that thread.
    let is_being_made = stat.parent == std::process::id()
        && stat.program == spawners::NAME
        && stat.group == super::own_process::group_id()
        && registry.is_cloning();
    !is_being_made && registry.adopts(stat.parent) && proc::is_process(pid)
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
        // As if a long time had passed, or the numbers had begun again, between two looks.
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
