//! Which of our children are leaders: what the spawner thread, the live children and the search
//! for strays know together.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use rustix::process::{WaitId, WaitIdOptions, waitid};

use super::kill;
use super::proc::{self, ProcessMarker};
use super::recent_pids::{PidCursor, StartTime};
use super::spawners::Spawners;
use super::stray::adopts_orphans;
use crate::spec::Signal;

/// Tells runs apart for good, as a pid does not.
pub(super) type RunToken = u64;

/// A leader that has not been reaped.
#[derive(Debug)]
pub(super) struct LeaderEntry {
    pub(super) token: RunToken,
    /// What its descendants carry, if the launch set all three variables.
    pub(super) marker: Option<ProcessMarker>,
    /// It was cloned after this.
    pub(super) made: StartTime,
}

/// So many children are made at the same time at most.
pub(super) const LAUNCHING: usize = 4;

/// No child is being cloned.
pub(super) const NONE: i64 = 0;
/// A child may exist that has not said its number yet: a matter of microseconds.
pub(super) const CLONING: i64 = -1;

/// All leaders that have not been reaped, by pid.
#[derive(Debug, Default)]
pub(super) struct Registry {
    leaders: Mutex<HashMap<u32, LeaderEntry>>,
    /// The child between clone and its entry above: [`NONE`], [`CLONING`], or its pid. Not a lock:
    /// exec can hang on a dead network folder, and a search for strays must not hang with it.
    ///
    /// One for each thread that makes children.
    pub(super) launching: [AtomicI64; LAUNCHING],
    /// The numbers of the latest leaders, alive or not, in the order of their starts.
    latest: Mutex<VecDeque<u32>>,
    /// What the kernel says about the numbers it gives.
    pub(super) numbers: PidCursor,
    /// All above us.
    elders: OnceLock<Vec<u32>>,
    next: AtomicU64,
}

/// So many of the latest leaders are remembered.
const LATEST: usize = 1024;

impl Registry {
    /// The leaders. Held while our own children are listed, which keeps reaps out of that list.
    pub(super) fn lock(&self) -> MutexGuard<'_, HashMap<u32, LeaderEntry>> {
        self.leaders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A child was made that is a leader.
    pub(super) fn enter(&self, pid: u32, entry: LeaderEntry) {
        self.lock().insert(pid, entry);
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if latest.len() == LATEST {
            latest.pop_front();
        }
        latest.push_back(pid);
    }

    /// The numbers of all leaders that were made after this one, as far as they are remembered, the
    /// one that is just being launched too.
    pub(super) fn leaders_after(&self, pid: u32) -> Vec<u32> {
        // In this order: who is not launching any more is among the latest already.
        let launching = self.launching.each_ref().map(|one| one.load(Ordering::SeqCst));
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let launching = launching.into_iter().filter_map(|one| u32::try_from(one).ok());
        latest.iter().copied().filter(|one| *one > pid).chain(launching).collect()
    }

    /// Whether a child may exist that has not said its number yet.
    pub(super) fn is_cloning(&self) -> bool {
        self.launching.iter().any(|one| one.load(Ordering::SeqCst) == CLONING)
    }

    /// Whether orphans below us can come to this process: it is above us, the first of all, or we, if
    /// we are a subreaper.
    ///
    /// Looked up once: if one of those above us ends, what was above it takes its place.
    pub(super) fn adopts(&self, pid: u32) -> bool {
        if pid == std::process::id() {
            return adopts_orphans();
        }
        // Nobody is 0 but what is above everything that can be seen from here.
        pid <= 1 || self.elders.get_or_init(proc::ancestors).contains(&pid)
    }

    pub(super) fn token(&self) -> RunToken {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Reaps a leader that has ended; `false` when it has not.
    pub(super) fn reap(
        &self,
        pid: u32,
        token: RunToken,
        pidfd: Option<&OwnedFd>,
    ) -> io::Result<bool> {
        let mut leaders = self.lock();
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
        let done = waitid(of_leader(pid, pidfd)?, options);
        if matches!(done, Ok(None)) {
            return Ok(false);
        }
        if leaders.get(&pid).is_some_and(|entry| entry.token == token) {
            leaders.remove(&pid);
        }
        done.map(|_| true).map_err(io::Error::from)
    }
}

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

/// A killed leader whose end nobody waits for any more.
#[derive(Debug)]
pub(super) struct Zombie {
    pub(super) pid: u32,
    pub(super) token: RunToken,
    pub(super) pidfd: Option<Arc<OwnedFd>>,
}

/// A leader that has not been reaped, so that its number is its own.
pub(super) fn of_leader(pid: u32, pidfd: Option<&OwnedFd>) -> io::Result<WaitId<'_>> {
    if let Some(pidfd) = pidfd {
        return Ok(WaitId::PidFd(pidfd.as_fd()));
    }
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    pid.map(WaitId::Pid).ok_or_else(|| io::ErrorKind::InvalidInput.into())
}
