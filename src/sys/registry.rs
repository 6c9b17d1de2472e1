//! Which of our children are leaders: what the spawner thread, the live children and the search
//! for strays know together.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};

use rustix::process::{WaitId, WaitIdOptions, waitid};

use super::kill;
use super::proc::Marker;
use super::spawn::Job;
use super::young::Made;
use crate::spec::Signal;

/// Tells runs apart for good, as a pid does not.
pub(super) type Token = u64;

/// A leader that has not been reaped.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) token: Token,
    /// What its descendants carry, if the launch set all three variables.
    pub(super) marker: Option<Marker>,
    /// It was cloned after this.
    pub(super) made: Made,
}

/// No child is being cloned.
pub(super) const NONE: i64 = 0;
/// A child may exist that has not said its number yet: a matter of microseconds.
pub(super) const CLONING: i64 = -1;

/// All leaders that have not been reaped, by pid.
#[derive(Debug, Default)]
pub(super) struct Registry {
    leaders: Mutex<HashMap<u32, Entry>>,
    /// The child between clone and its entry above: [`NONE`], [`CLONING`], or its pid. Not a lock:
    /// exec can hang on a dead network folder, and a search for strays must not hang with it.
    pub(super) launching: AtomicI64,
    next: AtomicU64,
}

impl Registry {
    /// The leaders. Held while our own children are listed, which keeps reaps out of that list.
    pub(super) fn lock(&self) -> MutexGuard<'_, HashMap<u32, Entry>> {
        self.leaders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn token(&self) -> Token {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Reaps a leader that has ended; `false` when it has not.
    pub(super) fn reap(&self, pid: u32, token: Token, pidfd: &OwnedFd) -> io::Result<bool> {
        let mut leaders = self.lock();
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
        let done = waitid(WaitId::PidFd(pidfd.as_fd()), options);
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
    pub(super) token: Token,
    pub(super) pidfd: Arc<OwnedFd>,
    pub(super) registry: Arc<Registry>,
    /// Also keeps the spawner thread alive: its end would end every child.
    pub(super) spawner: mpsc::Sender<Job>,
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
        let done = self.registry.reap(self.pid, self.token, &self.pidfd);
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
            let corpse =
                Corpse { pid: self.pid, token: self.token, pidfd: Arc::clone(&self.pidfd) };
            let _ = self.spawner.send(Job::Reap(corpse));
        }
    }
}

/// A killed leader whose end nobody waits for any more.
#[derive(Debug)]
pub(super) struct Corpse {
    pub(super) pid: u32,
    pub(super) token: Token,
    pub(super) pidfd: Arc<OwnedFd>,
}
