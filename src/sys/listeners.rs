//! Listener lookup: finds the process that listens on a port or socket of this machine.
//!
//! The kernel lists listening sockets with their inodes (`/proc/net`), and the descriptors of each
//! process (`/proc/PID/fd`). The tree of the given run is searched first, and all of `/proc` only if
//! the listener is not in it. The holder of an inode is cached, so that a repeated probe reads the
//! list of sockets and a few `stat` files.

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::deadline::Deadline;
use super::proc::{self, ChildTable, ProcessIdentity};
use super::registry::Registry;

mod owner;
mod tables;
#[cfg(test)]
mod tests;

use owner::{OwnerVerdict, RunIdentity};
use tables::{Socket, Tables};

/// A place where a process can listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListenPlace {
    /// The process that accepts connections to this address.
    Tcp(SocketAddr),
    /// The process that has this port for all addresses of the machine, or for those of `localhost`.
    Port(u16),
    /// A socket in the file system.
    Unix {
        path: PathBuf,
        /// The listening process, as the kernel reports it for a connection.
        peer: Option<u32>,
    },
}

/// The listener at an address, as seen from one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listener {
    /// This host does not check.
    Unchecked,
    /// Nothing visible listens.
    NotFound,
    /// The given run.
    Own,
    /// The run and another process share the port.
    Shared(PortHolder),
    Other(PortHolder),
    /// A process that may or may not belong to the run, with a description.
    Hidden(String),
}

/// A listening process that does not belong to the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortHolder {
    pub pid: u32,
    /// Its program, as the kernel shows it.
    pub program: String,
    /// The process of pitcrew that it belongs to, if known.
    pub process: Option<String>,
    /// The project that it belongs to.
    pub project: HolderProject,
}

/// The project of a process that listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HolderProject {
    /// It is not a process of pitcrew.
    None,
    /// The same project.
    This,
    /// The project in this folder.
    Folder(PathBuf),
    /// Another, unknown project.
    Unknown,
}

impl fmt::Display for PortHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (pid {})", self.program, self.pid)?;
        let project = match &self.project {
            HolderProject::None => return Ok(()),
            HolderProject::This => "this project".to_owned(),
            HolderProject::Folder(folder) => format!("the project in {}", folder.display()),
            HolderProject::Unknown => "another pitcrew project".to_owned(),
        };
        match &self.process {
            Some(process) => write!(f, ", which is {process} of {project}"),
            None => write!(f, ", which belongs to {project}"),
        }
    }
}

/// Looks up listeners, and caches which process holds which socket.
#[derive(Debug)]
pub(super) struct Listeners {
    registry: Arc<Registry>,
    /// The number of lookups so far.
    lookups: AtomicU64,
    tables: Mutex<CachedTables>,
    /// By inode of the socket.
    holders: Mutex<HashMap<u64, CachedHolders>>,
}

/// The socket lists as they were read last.
#[derive(Debug, Default)]
struct CachedTables {
    tables: Arc<Tables>,
    /// The number of lookups when the reading began; these lookups may use it.
    lookups: u64,
    /// Until then, the lists suffice to confirm that a run still listens where it did.
    until: Option<Deadline>,
}

#[derive(Debug, Clone)]
struct CachedHolders {
    processes: Vec<ProcessIdentity>,
    /// Not used after this time, because a socket can be passed to another process.
    until: Deadline,
}

/// How long a cached holder is used. Scanning 1,000 processes takes 15 ms.
const HOLDER_TTL: Duration = Duration::from_secs(5);
/// How long cached lists suffice for a run that listened before: a thousand runs probed every second
/// cost five reads, each of which takes a millisecond then.
const TABLES_TTL: Duration = Duration::from_millis(200);
/// The maximum number of cached sockets.
const MAX_CACHED: usize = 4096;

impl Listeners {
    pub(super) fn new(registry: Arc<Registry>) -> Self {
        let lookups = AtomicU64::new(0);
        Self { registry, lookups, tables: Mutex::default(), holders: Mutex::default() }
    }

    /// Returns the listener there; `leader` leads the given run. Blocks for a moment.
    pub(super) fn look_up(&self, place: &ListenPlace, leader: Option<u32>) -> OwnerVerdict {
        let run = RunIdentity::new(&self.registry, leader);
        match place {
            ListenPlace::Tcp(address) => {
                let before = self.latest().map(|tables| tables.at(*address)).unwrap_or_default();
                // Two processes can share a port, so that case is checked each time.
                if let [socket] = before.as_slice()
                    && self.is_cached_as_own(socket.inode, &run)
                {
                    return Listener::Own.into();
                }
                self.verdict_on(&self.fresh().at(*address), &run)
            }
            ListenPlace::Port(port) => self.verdict_on(&self.fresh().on(*port), &run),
            ListenPlace::Unix { path, peer } => {
                let by_peer = peer.map(|pid| run.verdict(pid));
                if by_peer.as_ref().is_some_and(OwnerVerdict::is_own) {
                    return Listener::Own.into();
                }
                // The process that called `listen` may have passed the socket on.
                let by_socket = self.verdict_on(&tables::unix_at(path), &run);
                let is_hidden = |verdict: &OwnerVerdict| {
                    matches!(verdict.listener, Listener::Hidden(_)) && verdict.orphan.is_none()
                };
                let is_alive = |pid: u32| proc::stat(pid).is_some_and(|stat| !stat.zombie);
                match by_peer {
                    Some(by_peer) if by_socket.listener == Listener::NotFound => by_peer,
                    None if by_socket.listener == Listener::NotFound => owner::unseen(None).into(),
                    // The descriptors of the holder are not readable, but the kernel has named the process
                    // that called `listen`.
                    Some(by_peer)
                        if is_hidden(&by_socket)
                            && is_hidden(&by_peer)
                            && peer.is_some_and(is_alive) =>
                    {
                        by_peer
                    }
                    None | Some(_) => by_socket,
                }
            }
        }
    }

    /// Returns the verdict on the process that holds one of these sockets.
    fn verdict_on(&self, sockets: &[Socket], run: &RunIdentity<'_>) -> OwnerVerdict {
        // If it was another process before, the socket may have been passed on since.
        let (own, unknown): (Vec<Socket>, Vec<Socket>) =
            sockets.iter().partition(|socket| self.is_cached_as_own(socket.inode, run));
        let mut verdicts: Vec<OwnerVerdict> = own.iter().map(|_| Listener::Own.into()).collect();
        if !unknown.is_empty() {
            let found = self.find(&unknown, run);
            verdicts.extend(unknown.iter().map(|socket| {
                let holders = found.get(&socket.inode).map(Vec::as_slice).unwrap_or_default();
                best(holders, run).unwrap_or_else(|| owner::unseen(socket.uid).into())
            }));
        }
        let other = verdicts.iter().find_map(|verdict| {
            let Listener::Other(holder) = &verdict.listener else { return None };
            Some(holder.clone())
        });
        if let Some(other) = other.filter(|_| verdicts.iter().any(OwnerVerdict::is_own)) {
            return Listener::Shared(other).into();
        }
        let best = verdicts.into_iter().min_by_key(OwnerVerdict::rank);
        best.unwrap_or_else(|| Listener::NotFound.into())
    }

    /// Returns recently read lists, if there are any.
    fn latest(&self) -> Option<Arc<Tables>> {
        let cached = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        let is_recent = cached.until.is_some_and(|until| !until.is_over());
        is_recent.then(|| Arc::clone(&cached.tables))
    }

    /// Reads the lists now. Lookups that begin during a read share the next one.
    fn fresh(&self) -> Arc<Tables> {
        let ticket = self.lookups.fetch_add(1, Ordering::SeqCst);
        let mut cached = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        if cached.lookups <= ticket {
            let lookups = self.lookups.load(Ordering::SeqCst);
            let tables = Arc::new(Tables::read());
            *cached = CachedTables { tables, lookups, until: Some(Deadline::after(TABLES_TTL)) };
        }
        Arc::clone(&cached.tables)
    }

    fn is_cached_as_own(&self, inode: u64, run: &RunIdentity<'_>) -> bool {
        let holders = self.cached_holders(inode);
        holders.and_then(|holders| best(&holders, run)).is_some_and(|best| best.is_own())
    }

    fn cached_holders(&self, inode: u64) -> Option<Vec<ProcessIdentity>> {
        let holders = self.holders.lock().unwrap_or_else(PoisonError::into_inner);
        let cached = holders.get(&inode).filter(|cached| !cached.until.is_over())?;
        Some(cached.processes.clone())
    }

    /// Finds the holders of these sockets: first in the tree of the run, then everywhere for the sockets
    /// that no process in it holds.
    fn find(
        &self,
        sockets: &[Socket],
        run: &RunIdentity<'_>,
    ) -> HashMap<u64, Vec<ProcessIdentity>> {
        let mut wanted: Vec<u64> = sockets.iter().map(|socket| socket.inode).collect();
        let mut found = HashMap::new();
        if let Some(leader) = run.leader {
            let tree = proc::below(&ChildTable::read(), &[leader]);
            collect(tree.iter().map(|stat| stat.pid), &mut wanted, &mut found);
        }
        // Processes that held the sockets before are searched first.
        let cached = wanted.iter().filter_map(|inode| self.cached_holders(*inode)).flatten();
        let before: Vec<u32> = cached.map(|(pid, _)| pid).collect();
        collect(before.into_iter(), &mut wanted, &mut found);
        let is_complete_search = !wanted.is_empty();
        collect(proc::pids(), &mut wanted, &mut found);
        let mut holders = self.holders.lock().unwrap_or_else(PoisonError::into_inner);
        if is_complete_search && holders.len() > MAX_CACHED {
            holders.clear();
        }
        for (inode, processes) in &found {
            let until = Deadline::after(HOLDER_TTL);
            // Finding it again at the same place does not renew an older complete search.
            let is_cached = holders
                .get(inode)
                .is_some_and(|cached| cached.processes == *processes && !cached.until.is_over());
            if !is_cached {
                holders.insert(*inode, CachedHolders { processes: processes.clone(), until });
            }
        }
        found
    }
}

/// Adds those of `pids` that hold one of the `wanted` sockets, and removes these from `wanted`.
fn collect(
    pids: impl Iterator<Item = u32>,
    wanted: &mut Vec<u64>,
    found: &mut HashMap<u64, Vec<ProcessIdentity>>,
) {
    if wanted.is_empty() {
        return;
    }
    for pid in pids {
        let held = sockets_of(pid, wanted);
        if held.is_empty() {
            continue;
        }
        let Some(stat) = proc::stat(pid).filter(|stat| !stat.zombie) else { continue };
        for inode in held {
            let holders = found.entry(inode).or_default();
            if !holders.contains(&stat.identity()) {
                holders.push(stat.identity());
            }
        }
    }
    wanted.retain(|inode| !found.contains_key(inode));
}

/// Returns which of these sockets a process has open; empty if it may not be inspected.
fn sockets_of(pid: u32, wanted: &[u64]) -> Vec<u64> {
    let mut found = Vec::new();
    for entry in proc::entries(format!("/proc/{pid}/fd")) {
        let Ok(target) = rustix::fs::readlink(entry.path(), Vec::new()) else { continue };
        let target = target.to_bytes().strip_prefix(b"socket:[");
        let inode = target.and_then(|target| proc::parse(target.strip_suffix(b"]")?));
        if let Some(inode) = inode.filter(|inode| wanted.contains(inode) && !found.contains(inode))
        {
            found.push(inode);
        }
    }
    found
}

/// Returns the verdict on the most significant holder of a socket, from the view of the run.
fn best(holders: &[ProcessIdentity], run: &RunIdentity<'_>) -> Option<OwnerVerdict> {
    let mut best: Option<OwnerVerdict> = None;
    for (pid, start) in holders {
        if proc::stat(*pid).is_none_or(|stat| stat.start != *start) {
            continue;
        }
        let verdict = run.verdict(*pid);
        if verdict.is_own() {
            return Some(verdict);
        }
        if best.as_ref().is_none_or(|best| verdict.rank() < best.rank()) {
            best = Some(verdict);
        }
    }
    best
}
