//! Ends a set of processes that may fork meanwhile.

use std::collections::HashSet;
use std::time::Duration;

use super::deadline::{Deadline, pause};
use super::kill;
use super::proc::Stat;
use crate::spec::Signal;

/// The number of rounds of plain killing; processes that still fork after that are stopped first, so
/// that a fork bomb runs out of forkers, and killed when there are no new ones.
const PLAIN_ROUNDS: u32 = 3;

/// Ends processes round by round; the caller finds the live processes between the rounds.
#[derive(Debug, Default)]
pub(super) struct Sweep {
    met: HashSet<(u32, u64)>,
    denied: HashSet<(u32, u64)>,
    round: u32,
    quiet: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SweepRound {
    /// No process is left that could be signalled.
    Done,
    /// Scan again after this time.
    Look(Duration),
}

impl Sweep {
    /// Signals the live processes.
    pub(super) fn round<'a>(&mut self, alive: impl IntoIterator<Item = &'a Stat>) -> SweepRound {
        let alive: Vec<&Stat> = alive.into_iter().collect();
        let met = &mut self.met;
        let fresh: Vec<&Stat> =
            alive.iter().copied().filter(|one| met.insert(one.identity())).collect();
        self.round += 1;
        let freeze = self.round > PLAIN_ROUNDS && !fresh.is_empty();
        if freeze {
            self.signal(&fresh, Signal::STOP);
        } else if self.round > PLAIN_ROUNDS {
            self.signal(&alive, Signal::KILL);
        } else {
            self.signal(&fresh, Signal::KILL);
        }
        if alive.iter().all(|one| self.denied.contains(&one.identity())) {
            return SweepRound::Done;
        }
        if !fresh.is_empty() {
            self.quiet = 0;
            return SweepRound::Look(Duration::ZERO);
        }
        self.quiet += 1;
        SweepRound::Look(Duration::from_millis(1 << self.quiet.min(4)))
    }

    fn signal(&mut self, these: &[&Stat], signal: Signal) {
        for one in these {
            if let Err(error) = kill::seen(one, signal)
                && error.raw_os_error() == Some(libc::EPERM)
            {
                self.denied.insert(one.identity());
            }
        }
    }
}

/// Ends all processes that `look` finds, for at most `bound`; returns those that are left.
pub(super) fn end_all(bound: Duration, mut look: impl FnMut() -> Vec<Stat>) -> Vec<Stat> {
    let deadline = Deadline::after(bound);
    let mut sweep = Sweep::default();
    loop {
        let alive = look();
        match sweep.round(&alive) {
            SweepRound::Done => return alive,
            SweepRound::Look(_) if deadline.is_over() => return look(),
            SweepRound::Look(span) => pause(span),
        }
    }
}
