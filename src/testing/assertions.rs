//! Assertions about the commands of a scripted host. All of them panic on failure, with the list of
//! commands that ran.
#![expect(clippy::panic, reason = "an assertion that does not hold fails the test")]

use std::fmt::Write as _;
use std::sync::atomic::Ordering;

use super::{Pattern, Run, ScriptedHost};
use crate::spec::and_more;

/// The maximum number of runs listed in a message.
const LISTED: usize = 50;

impl ScriptedHost {
    /// Returns all runs that match, in order.
    pub fn ran_like(&self, pattern: impl Into<Pattern>) -> Vec<Run> {
        let pattern = pattern.into();
        self.ran().into_iter().filter(|run| pattern.matches(run.call())).collect()
    }

    /// Asserts that a matching command ran at least once; returns the first run. One that could not be
    /// started counts too.
    ///
    /// # Panics
    ///
    /// If there was none.
    #[track_caller]
    pub fn assert_ran(&self, pattern: impl Into<Pattern>) -> Run {
        let pattern = pattern.into();
        match self.ran_like(&pattern).into_iter().next() {
            Some(run) => run,
            None => panic!("no command like {pattern} was run; {}", self.list()),
        }
    }

    /// Asserts the exact number of matching commands.
    ///
    /// # Panics
    ///
    /// If the number differs.
    #[track_caller]
    pub fn assert_ran_times(&self, pattern: impl Into<Pattern>, times: usize) {
        let pattern = pattern.into();
        let ran = self.ran_like(&pattern).len();
        if ran != times {
            let list = self.list();
            panic!("commands like {pattern} were run {ran} times instead of {times}; {list}");
        }
    }

    /// Asserts that exactly these commands ran, in this order.
    ///
    /// # Panics
    ///
    /// If a command is missing, superfluous, or in a different position.
    #[track_caller]
    pub fn assert_ran_in_order<P: Into<Pattern>>(&self, patterns: impl IntoIterator<Item = P>) {
        let patterns: Vec<Pattern> = patterns.into_iter().map(Into::into).collect();
        let ran = self.ran();
        for (index, pattern) in patterns.iter().enumerate() {
            let number = index + 1;
            match ran.get(index) {
                Some(run) if pattern.matches(run.call()) => {}
                Some(_) => panic!("run {number} is not like {pattern}; {}", self.list()),
                None => panic!("run {number}, like {pattern}, is missing; {}", self.list()),
            }
        }
        if ran.len() > patterns.len() {
            let extra = ran.len() - patterns.len();
            panic!("{extra} more were run than the {} expected; {}", patterns.len(), self.list());
        }
    }

    /// Asserts that no matching command was run or attempted.
    ///
    /// # Panics
    ///
    /// When there was one.
    #[track_caller]
    pub fn assert_not_ran(&self, pattern: impl Into<Pattern>) {
        let pattern = pattern.into();
        let has_none = self.ran_like(&pattern).is_empty();
        assert!(has_none, "a command like {pattern} was run; {}", self.list());
    }

    /// Asserts that no command was run or attempted.
    ///
    /// # Panics
    ///
    /// If there was one.
    #[track_caller]
    pub fn assert_nothing_ran(&self) {
        assert!(self.ran().is_empty(), "something was run; {}", self.list());
    }

    /// Returns unexpected commands, for which there was no rule. After this call the host does not panic on
    /// drop because of them.
    pub fn unexpected(&self) -> Vec<Run> {
        self.shared.is_checked.store(true, Ordering::SeqCst);
        self.ran().into_iter().filter(Run::was_unexpected).collect()
    }

    /// Asserts that there was a rule for every command.
    ///
    /// # Panics
    ///
    /// If there was an unexpected command.
    #[track_caller]
    pub fn assert_nothing_unexpected(&self) {
        let unexpected = self.unexpected();
        if let Some(error) = unexpected.first().and_then(Run::refused) {
            panic!("{error}; {}", self.list());
        }
    }

    /// Asserts that nothing is left: no scripted process is alive, including descendants, and every leader
    /// was reaped.
    ///
    /// # Panics
    ///
    /// When something is left.
    #[track_caller]
    pub fn assert_nothing_left(&self) {
        let left: Vec<String> = self.ran().iter().flat_map(Run::left).collect();
        assert!(left.is_empty(), "left behind: {}", left.join(", "));
    }

    fn list(&self) -> String {
        let ran = self.ran();
        if ran.is_empty() {
            return "nothing was run".to_owned();
        }
        let mut list = "these were run:".to_owned();
        for (index, run) in ran.iter().take(LISTED).enumerate() {
            _ = write!(list, "\n  {}. {run}", index + 1);
        }
        if let Some(more @ 1..) = ran.len().checked_sub(LISTED) {
            _ = write!(list, "\n {}", and_more(more as u64));
        }
        list
    }
}
