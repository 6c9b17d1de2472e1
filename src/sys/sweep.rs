//! Ends a set of processes that may fork meanwhile.

use std::collections::HashSet;
use std::time::Duration;

use super::deadline::{Deadline, pause};
use super::kill;
use super::proc::{ProcessIdentity, Stat};
use crate::spec::Signal;

/// The number of rounds of plain killing; processes that still fork after that are stopped first, so
/// that a fork bomb runs out of forkers, and killed when there are no new ones.
const PLAIN_ROUNDS: u32 = 3;

/// Ends processes round by round; the caller finds the live processes between the rounds.
#[derive(Debug, Default)]
pub(super) struct Sweep {
    seen: HashSet<ProcessIdentity>,
    denied: HashSet<ProcessIdentity>,
    round: u32,
    /// The number of successive rounds without a new process.
    quiet: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SweepRound {
    /// No process is left that could be signalled.
    Done,
    ScanAfter(Duration),
}

impl Sweep {
    /// Signals the live processes.
    pub(super) fn round<'a>(&mut self, alive: impl IntoIterator<Item = &'a Stat>) -> SweepRound {
        let alive: Vec<&Stat> = alive.into_iter().collect();
        let seen = &mut self.seen;
        let is_new = |process: &&&Stat| seen.insert(process.identity());
        let new: Vec<&Stat> = alive.iter().filter(is_new).copied().collect();
        self.round += 1;
        match (self.round > PLAIN_ROUNDS, new.is_empty()) {
            (true, false) => self.signal(&new, Signal::STOP),
            (true, true) => self.signal(&alive, Signal::KILL),
            (false, _) => self.signal(&new, Signal::KILL),
        }
        if alive.iter().all(|process| self.denied.contains(&process.identity())) {
            return SweepRound::Done;
        }
        if !new.is_empty() {
            self.quiet = 0;
            return SweepRound::ScanAfter(Duration::ZERO);
        }
        self.quiet += 1;
        SweepRound::ScanAfter(Duration::from_millis(1 << self.quiet.min(4)))
    }

    fn signal(&mut self, processes: &[&Stat], signal: Signal) {
        for process in processes {
            if let Err(error) = kill::signal_process(process, signal)
                && error.raw_os_error() == Some(libc::EPERM)
            {
                self.denied.insert(process.identity());
            }
        }
    }
}

/// Ends all processes that `scan` finds, for at most `bound`; returns the remaining processes.
pub(super) fn end_all(bound: Duration, mut scan: impl FnMut() -> Vec<Stat>) -> Vec<Stat> {
    let deadline = Deadline::after(bound);
    let mut sweep = Sweep::default();
    loop {
        let alive = scan();
        match sweep.round(&alive) {
            SweepRound::Done => return alive,
            SweepRound::ScanAfter(_) if deadline.is_over() => return scan(),
            SweepRound::ScanAfter(delay) => pause(delay),
        }
    }
}
