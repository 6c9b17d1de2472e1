//! What a test can demand of a scripted host. All of these panic when it is not so, with the list of
//! what did run.
#![expect(clippy::panic, reason = "an assertion that does not hold fails the test")]

use std::fmt::Write as _;
use std::sync::atomic::Ordering;

use super::{Pattern, Run, ScriptedHost};

/// So many runs are listed in a message.
const LISTED: usize = 50;

impl ScriptedHost {
    /// Everything like this it was asked to run, in order.
    pub fn ran_like(&self, pattern: impl Into<Pattern>) -> Vec<Run> {
        let pattern = pattern.into();
        self.ran().into_iter().filter(|run| pattern.matches(run.call())).collect()
    }

    /// A command like this was run, once or more; gives the first. One that could not be started
    /// counts: it was asked for.
    ///
    /// # Panics
    ///
    /// When there was none.
    #[track_caller]
    pub fn assert_ran(&self, pattern: impl Into<Pattern>) -> Run {
        let pattern = pattern.into();
        match self.ran_like(&pattern).into_iter().next() {
            Some(run) => run,
            None => panic!("no command like {pattern} was run; {}", self.list()),
        }
    }

    /// So many commands like this were run, no more and no less.
    ///
    /// # Panics
    ///
    /// When it was another number.
    #[track_caller]
    pub fn assert_ran_times(&self, pattern: impl Into<Pattern>, times: usize) {
        let pattern = pattern.into();
        let ran = self.ran_like(&pattern).len();
        if ran != times {
            let list = self.list();
            panic!("commands like {pattern} were run {ran} times instead of {times}; {list}");
        }
    }

    /// What was run is like these, one for one, and nothing else was.
    ///
    /// # Panics
    ///
    /// When something is missing, comes too much, or at another place.
    #[track_caller]
    pub fn assert_ran_in_order<P: Into<Pattern>>(&self, patterns: impl IntoIterator<Item = P>) {
        let patterns: Vec<Pattern> = patterns.into_iter().map(Into::into).collect();
        let ran = self.ran();
        for (place, pattern) in patterns.iter().enumerate() {
            let number = place + 1;
            match ran.get(place) {
                Some(run) if pattern.matches(run.call()) => {}
                Some(_) => panic!("run {number} is not like {pattern}; {}", self.list()),
                None => panic!("run {number}, like {pattern}, is missing; {}", self.list()),
            }
        }
        if ran.len() > patterns.len() {
            let more = ran.len() - patterns.len();
            panic!("{more} more were run than the {} expected; {}", patterns.len(), self.list());
        }
    }

    /// No command like this was run, nor was it tried.
    ///
    /// # Panics
    ///
    /// When there was one.
    #[track_caller]
    pub fn assert_not_ran(&self, pattern: impl Into<Pattern>) {
        let pattern = pattern.into();
        let none = self.ran_like(&pattern).is_empty();
        assert!(none, "a command like {pattern} was run; {}", self.list());
    }

    /// Nothing was run, nor was it tried.
    ///
    /// # Panics
    ///
    /// When there was something.
    #[track_caller]
    pub fn assert_nothing_ran(&self) {
        assert!(self.ran().is_empty(), "something was run; {}", self.list());
    }

    /// Commands that no rule was for, and that were not allowed. Who asks has taken note: the host does
    /// not panic because of them when it goes.
    pub fn unexpected(&self) -> Vec<Run> {
        self.shared.is_looked_at.store(true, Ordering::SeqCst);
        self.ran().into_iter().filter(Run::was_unexpected).collect()
    }

    /// There was a rule for every command.
    ///
    /// # Panics
    ///
    /// When there was one without.
    #[track_caller]
    pub fn assert_nothing_unexpected(&self) {
        let unexpected = self.unexpected();
        if let Some(error) = unexpected.first().and_then(Run::refused) {
            panic!("{error}; {}", self.list());
        }
    }

    /// Nothing is left: no scripted process is alive, those that were left behind included, and every
    /// leader was reaped.
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
        for (place, run) in ran.iter().take(LISTED).enumerate() {
            _ = write!(list, "\n  {}. {run}", place + 1);
        }
        if let Some(more @ 1..) = ran.len().checked_sub(LISTED) {
            _ = write!(list, "\n  and {more} more");
        }
        list
    }
}
