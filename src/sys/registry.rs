//! Registry of live leaders, shared by the spawner threads, the live children and the stray scanner.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use rustix::process::{WaitId, WaitIdOptions, waitid};

use super::kill;
use super::own_process::adopts_orphans;
use super::proc::{self, ProcessMarker};
use super::recent_pids::RecentPids;

/// A unique id of a run; a pid can be reused.
pub(super) type RunToken = u64;

/// Identifies a leader that has not been reaped, so that its pid has not been reused.
#[derive(Debug, Clone)]
pub(super) struct LeaderId {
    pub(super) pid: u32,
    pub(super) token: RunToken,
    /// `None` if descriptors are short.
    pub(super) pidfd: Option<Arc<OwnedFd>>,
}

impl LeaderId {
    /// Returns the id for `waitid`.
    pub(super) fn wait_id(&self) -> io::Result<WaitId<'_>> {
        match &self.pidfd {
            Some(pidfd) => Ok(WaitId::PidFd(pidfd.as_fd())),
            None => kill::pid_of(self.pid).map(WaitId::Pid),
        }
    }
}

/// A leader that has not been reaped.
#[derive(Debug)]
pub(super) struct LeaderEntry {
    pub(super) token: RunToken,
    /// The markers of its descendants, if the launch set all three variables.
    pub(super) marker: Option<ProcessMarker>,
    /// It was cloned after this time.
    pub(super) cloned_after: Instant,
    /// Whether it leads a session too, whose members all belong to the run.
    pub(super) leads_session: bool,
}

/// The maximum number of children that are created at the same time.
pub(super) const MAX_LAUNCHING: usize = 4;

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
    pub(super) launching: [AtomicI64; MAX_LAUNCHING],
    /// The pids of the latest leaders, alive or not, in order of their starts.
    latest: Mutex<VecDeque<u32>>,
    pub(super) recent_pids: RecentPids,
    /// The pids of all ancestors of this process.
    ancestors: OnceLock<Vec<u32>>,
    next_token: AtomicU64,
}

/// The number of latest leaders that are remembered.
const MAX_LATEST: usize = 1024;

impl Registry {
    /// Locks the leaders. Held while our own children are listed, so that none is reaped meanwhile.
    pub(super) fn lock(&self) -> MutexGuard<'_, HashMap<u32, LeaderEntry>> {
        self.leaders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers a child as a leader.
    pub(super) fn insert(&self, pid: u32, entry: LeaderEntry) {
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
        // In this order: a leader whose launch is over is already among the latest.
        let launching = self.launching.each_ref().map(|slot| slot.load(Ordering::SeqCst));
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let launching = launching.into_iter().filter_map(|slot| u32::try_from(slot).ok());
        latest.iter().copied().filter(|leader| *leader > pid).chain(launching).collect()
    }

    /// Whether a child may exist that has not stored its pid yet.
    pub(super) fn is_cloning(&self) -> bool {
        self.launching.iter().any(|slot| slot.load(Ordering::SeqCst) == CLONING)
    }

    /// Whether orphans below us can be re-parented to this process: an ancestor, pid 1, or this process
    /// if it is a subreaper.
    ///
    /// Looked up once: if an ancestor ends, its parent takes its place.
    pub(super) fn adopts(&self, pid: u32) -> bool {
        let own = std::process::id();
        if pid == own {
            return adopts_orphans();
        }
        let ancestors = || proc::with_ancestors(own).map(|process| process.parent).collect();
        // The parent shows as 0 only if it is outside of everything visible from here.
        pid <= 1 || self.ancestors.get_or_init(ancestors).contains(&pid)
    }

    /// Returns a new token.
    pub(super) fn token(&self) -> RunToken {
        self.next_token.fetch_add(1, Ordering::Relaxed)
    }

    /// Reaps a leader that has ended; returns `false` if it has not.
    pub(super) fn reap(&self, leader: &LeaderId) -> io::Result<bool> {
        let mut leaders = self.lock();
        let result = waitid(leader.wait_id()?, WaitIdOptions::EXITED | WaitIdOptions::NOHANG);
        if matches!(result, Ok(None)) {
            return Ok(false);
        }
        if leaders.get(&leader.pid).is_some_and(|entry| entry.token == leader.token) {
            leaders.remove(&leader.pid);
        }
        result.map(|_| true).map_err(io::Error::from)
    }
}
