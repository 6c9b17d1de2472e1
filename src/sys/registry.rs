//! Registry of live leaders, shared by the spawner threads, the live children and the stray scanner.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use rustix::process::{WaitId, WaitIdOptions, waitid};

use super::own_process::adopts_orphans;
use super::proc::{self, ProcessMarker};
use super::recent_pids::{PidCursor, StartTime};

/// A unique id of a run; a pid can be reused.
pub(super) type RunToken = u64;

/// A leader that has not been reaped.
#[derive(Debug)]
pub(super) struct LeaderEntry {
    pub(super) token: RunToken,
    /// The markers of its descendants, if the launch set all three variables.
    pub(super) marker: Option<ProcessMarker>,
    /// It was cloned after this time.
    pub(super) made: StartTime,
}

/// The maximum number of children that are created at the same time.
pub(super) const LAUNCHING: usize = 4;

/// No child is being cloned.
pub(super) const NONE: i64 = 0;
/// A child may exist that has not stored its pid yet: a matter of microseconds.
pub(super) const CLONING: i64 = -1;

/// All leaders that have not been reaped, by pid.
#[derive(Debug, Default)]
pub(super) struct Registry {
    leaders: Mutex<HashMap<u32, LeaderEntry>>,
    /// The child between clone and its entry above: [`NONE`], [`CLONING`], or its pid. Not a lock: exec
    /// can hang on a dead network folder, and a scan for strays must not hang with it.
    ///
    /// One for each spawner thread.
    pub(super) launching: [AtomicI64; LAUNCHING],
    /// The pids of the latest leaders, alive or not, in order of their starts.
    latest: Mutex<VecDeque<u32>>,
    /// What the kernel reports about pids.
    pub(super) numbers: PidCursor,
    /// The pids of all ancestors of this process.
    elders: OnceLock<Vec<u32>>,
    next: AtomicU64,
}

/// The number of latest leaders that are remembered.
const MAX_LATEST: usize = 1024;

impl Registry {
    /// Locks the leaders. Held while our own children are listed, so that none is reaped meanwhile.
    pub(super) fn lock(&self) -> MutexGuard<'_, HashMap<u32, LeaderEntry>> {
        self.leaders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers a child as a leader.
    pub(super) fn enter(&self, pid: u32, entry: LeaderEntry) {
        self.lock().insert(pid, entry);
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if latest.len() == MAX_LATEST {
            latest.pop_front();
        }
        latest.push_back(pid);
    }

    /// Returns the pids of all leaders created after this one, as far as they are remembered, including
    /// those that are just being launched.
    pub(super) fn leaders_after(&self, pid: u32) -> Vec<u32> {
        // In this order: a leader that is no longer launching is already among the latest.
        let launching = self.launching.each_ref().map(|one| one.load(Ordering::SeqCst));
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let launching = launching.into_iter().filter_map(|one| u32::try_from(one).ok());
        latest.iter().copied().filter(|one| *one > pid).chain(launching).collect()
    }

    /// Whether a child may exist that has not stored its pid yet.
    pub(super) fn is_cloning(&self) -> bool {
        self.launching.iter().any(|one| one.load(Ordering::SeqCst) == CLONING)
    }

    /// Whether orphans below us can be re-parented to this process: an ancestor, pid 1, or this process
    /// if it is a subreaper.
    ///
    /// Looked up once: if an ancestor ends, its parent takes its place.
    pub(super) fn adopts(&self, pid: u32) -> bool {
        if pid == std::process::id() {
            return adopts_orphans();
        }
        // The parent shows as 0 only if it is outside of everything visible from here.
        pid <= 1 || self.elders.get_or_init(proc::ancestors).contains(&pid)
    }

    pub(super) fn token(&self) -> RunToken {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Reaps a leader that has ended; returns `false` if it has not.
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

/// A killed leader whose end nobody waits for any more.
#[derive(Debug)]
pub(super) struct Zombie {
    pub(super) pid: u32,
    pub(super) token: RunToken,
    pub(super) pidfd: Option<Arc<OwnedFd>>,
}

/// Identifies a leader that has not been reaped, so that its pid is its own.
pub(super) fn of_leader(pid: u32, pidfd: Option<&OwnedFd>) -> io::Result<WaitId<'_>> {
    if let Some(pidfd) = pidfd {
        return Ok(WaitId::PidFd(pidfd.as_fd()));
    }
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    pid.map(WaitId::Pid).ok_or_else(|| io::ErrorKind::InvalidInput.into())
}
