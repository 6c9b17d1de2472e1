//! Who is younger than a run, without a look at everybody else.
//!
//! The kernel gives numbers in rising order and says which it gave last. Whoever descends from a
//! leader was given one after it, so only those in between need a look, most often none or a few.
//! That holds until the numbers begin again from below; whenever they could have, nothing is said
//! here and all of `/proc` is looked at.

use std::time::{Duration, Instant};

use super::proc;

/// More than these are not looked at one by one.
const MOST: u32 = 1024;
/// The kernel needs longer than this for a number: it gives them under one lock, each with a whole
/// process or thread that it makes under another.
const A_NUMBER: Duration = Duration::from_micros(1);

/// When something was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Made(Instant);

impl Made {
    /// Now.
    #[expect(clippy::disallowed_methods, reason = "bounds how many numbers were given since")]
    pub(super) fn now() -> Self {
        Self(Instant::now())
    }

    fn age(self) -> Duration {
        self.0.elapsed()
    }
}

/// The numbers that were given after `first`, which was given after `made`, up to now; `None` when
/// that cannot be told, or is too many.
pub(super) fn numbers_after(first: u32, made: Made) -> Option<std::ops::RangeInclusive<u32>> {
    let last = proc::newest()?;
    let limit = proc::most_numbers()?;
    // In this order: the age is that of after the look.
    let is_sure = cannot_have_begun_again(limit, proc::in_use(), made.age());
    let few = last.checked_sub(first).is_some_and(|count| count <= MOST);
    (is_sure && few).then(|| first + 1..=last)
}

/// Those in use are left out in the next round, so the fewer are free the sooner it is over.
fn cannot_have_begun_again(limit: u32, in_use: u32, age: Duration) -> bool {
    in_use < limit / 4 && age < A_NUMBER * (limit / 2)
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
        let Some(before) = proc::newest() else { return };
        let made = Made::now();
        let mut child = std::process::Command::new("true").spawn().unwrap();
        if let Some(numbers) = numbers_after(before, made) {
            assert!(numbers.contains(&child.id()), "{numbers:?}");
        }
        child.wait().unwrap();
        assert!(numbers_after(u32::MAX, made).is_none(), "they have begun again");
    }

    #[test]
    fn a_thread_is_no_process() {
        let me = std::process::id();
        assert!(proc::is_process(me));
        let thread = rustix::thread::gettid().as_raw_nonzero().get().unsigned_abs();
        assert_eq!(proc::is_process(thread), thread == me);
    }
}
