//! The leader of a run: signals its group, reaps it, and knows when it left no descendants.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use super::recent_pids::StartTime;
use super::registry::{Registry, RunToken, Zombie};
use super::spawners::{self, Spawners};
use super::{kill, proc};
use crate::spec::Signal;

/// So many who are no leaders are looked at by the task of a run.
const STRANGERS: u32 = 64;

/// A leader that somebody has to reap. Dropped before that, its group is killed and the spawner
/// thread reaps it in the background.
#[derive(Debug)]
pub(super) struct Leader {
    pub(super) pid: u32,
    pub(super) token: RunToken,
    /// It was cloned after this.
    pub(super) made: StartTime,
    /// None where descriptors are short.
    pub(super) pidfd: Option<Arc<OwnedFd>>,
    pub(super) registry: Arc<Registry>,
    /// Also keeps the thread alive that made it: the end of that would end it.
    pub(super) spawner: Spawners,
    pub(super) reaped: bool,
}

impl Leader {
    /// Signals the group, which exists at least as long as the leader is not reaped.
    pub(super) fn signal(&self, signal: Signal) -> io::Result<()> {
        match kill::group(self.pid, signal) {
            Err(error) if kill::is_gone(&error) => Ok(()),
            done => done,
        }
    }

    pub(super) fn reap(&mut self) -> io::Result<bool> {
        // An error means that it cannot be reaped at all (somebody else did): done as well.
        let done = self.registry.reap(self.pid, self.token, self.pidfd.as_deref());
        self.reaped = !matches!(done, Ok(false));
        done
    }

    /// Whether it is certain that a leader that has ended left nobody behind.
    ///
    /// All who descend from it are younger, and the topmost of those who are left is an orphan, so it is
    /// now a child of somebody above us. Where no such process is there, nobody is left.
    ///
    /// A few small reads, so the task of the run looks itself: to ask the thread that finds strays takes
    /// two changes of hands, and after most runs there is nobody to find. Without certainty it is asked.
    pub(super) fn left_nobody(&self) -> bool {
        let registry = &self.registry;
        let mut strangers = STRANGERS;
        let mut from = self.pid + 1;
        // Rising, and again as long as numbers were given meanwhile: whoever made a child and has ended
        // since is met before it, so the child is there, and an orphan, when it is looked at.
        while let Some(numbers) = registry.numbers.after(self.pid, self.made) {
            let next = numbers.end() + 1;
            if from >= next {
                return true;
            }
            let mut leaders = registry.leaders_after(self.pid);
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
}

impl Drop for Leader {
    fn drop(&mut self) {
        if self.reaped {
            return;
        }
        let _ = self.signal(Signal::KILL);
        if matches!(self.reap(), Ok(false)) {
            let corpse = Zombie { pid: self.pid, token: self.token, pidfd: self.pidfd.clone() };
            self.spawner.reap(corpse);
        }
    }
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
