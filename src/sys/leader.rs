//! The leader of a run: signals its group, reaps it, and knows when it left no descendants.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use super::registry::{LeaderId, Registry};
use super::spawners::{self, Spawners};
use super::{kill, proc};
use crate::spec::Signal;

/// The maximum number of processes other than leaders that the task of a run checks.
const MAX_CHECKED: u32 = 64;

/// A leader that has to be reaped. If it is dropped before that, its group is killed and a spawner
/// thread reaps it in the background.
#[derive(Debug)]
pub(super) struct Leader {
    pub(super) id: LeaderId,
    /// It was cloned after this time.
    pub(super) cloned_after: Instant,
    pub(super) registry: Arc<Registry>,
    /// Also keeps the thread alive that created it: the end of that thread would end it.
    pub(super) spawners: Spawners,
    pub(super) reaped: bool,
}

impl Leader {
    /// Signals the group, which exists at least as long as the leader is not reaped.
    pub(super) fn signal(&self, signal: Signal) -> io::Result<()> {
        kill::unless_gone(kill::signal_group(self.id.pid, signal))
    }

    /// Reaps the leader if it has ended; returns `false` if it has not.
    pub(super) fn reap(&mut self) -> io::Result<bool> {
        let result = self.registry.reap(&self.id);
        // An error means that it cannot be reaped at all (other code did it): that is final too.
        self.reaped = !matches!(result, Ok(false));
        result
    }

    /// Whether it is certain that a leader that has ended left no descendants.
    ///
    /// All its descendants are younger, and the topmost remaining one is an orphan, so it is now
    /// a child of a process above us. If there is no such process, nothing is left.
    ///
    /// This takes a few small reads, so the task of the run does it itself: a request to the scanner
    /// thread takes two context switches, and most runs leave nothing. Without certainty that thread is
    /// asked.
    pub(super) fn left_nothing(&self) -> bool {
        let (pid, registry) = (self.id.pid, &self.registry);
        let mut budget = MAX_CHECKED;
        let mut from = pid + 1;
        // In rising order, and again as long as pids were assigned meanwhile: a process that created a
        // child and has ended since comes before that child, so the child exists, as an orphan, when it
        // is checked.
        while let Some(pids) = registry.recent_pids.after(pid, self.cloned_after) {
            let next = pids.end() + 1;
            if from >= next {
                return true;
            }
            let mut leaders = registry.leaders_after(pid);
            leaders.sort_unstable();
            for pid in (from..next).filter(|pid| leaders.binary_search(pid).is_err()) {
                let Some(left) = budget.checked_sub(1) else { return false };
                budget = left;
                if may_be_left(pid, registry) {
                    return false;
                }
            }
            from = next;
        }
        false
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        if self.reaped {
            return;
        }
        let _ = self.signal(Signal::KILL);
        if matches!(self.reap(), Ok(false)) {
            self.spawners.reap(self.id.clone());
        }
    }
}

/// Whether this could be the topmost of the processes that a leader has left.
fn may_be_left(pid: u32, registry: &Registry) -> bool {
    let Some(stat) = proc::stat(pid).filter(|stat| !stat.zombie && !stat.is_of_kernel()) else {
        return false;
    };
    // A leader that is being cloned and has not stored its pid yet. No other process in our own group
    // has the name of that thread.
    let is_being_cloned = stat.parent == std::process::id()
        && stat.program == spawners::NAME
        && stat.group == super::own_process::group_id()
        && registry.is_cloning();
    !is_being_cloned && registry.adopts(stat.parent) && proc::is_process(pid)
}
