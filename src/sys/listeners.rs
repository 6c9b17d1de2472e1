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
use super::proc;
use super::registry::Registry;

mod owner;
mod tables;
#[cfg(test)]
mod tests;

use owner::{OwnerVerdict, RunIdentity};
use tables::{Socket, Tables};

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

/// What listens at a place, as seen from one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listener {
    /// This host does not check.
    Unchecked,
    /// Nothing visible listens.
    Nobody,
    /// The given run.
    Own,
    /// The run and another process share the port.
    Shared(PortHolder),
    Other(PortHolder),
    /// A process of which it is unknown whether it belongs to the run; describes what it may be.
    Hidden(String),
}

/// A listening process that does not belong to the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortHolder {
    pub pid: u32,
    /// Its program, as the kernel shows it.
    pub program: String,
    /// The process of pitcrew that it belongs to, if it belongs to one that is known.
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
    asked: AtomicU64,
    tables: Mutex<CachedTables>,
    holders: Mutex<HashMap<u64, CachedHolders>>,
}

/// The socket lists as they were read last.
#[derive(Debug, Default)]
struct CachedTables {
    tables: Arc<Tables>,
    /// The number of lookups when the reading began; these lookups may use it.
    asked: u64,
    /// Until then, the lists suffice to confirm that a run still listens where it did.
    until: Option<Deadline>,
}

#[derive(Debug, Clone)]
struct CachedHolders {
    /// Each with its start time, which makes a pid unique.
    all: Vec<(u32, u64)>,
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
        Self {
            registry,
            asked: AtomicU64::new(0),
            tables: Mutex::default(),
            holders: Mutex::default(),
        }
    }

    /// Returns what listens there; `leader` leads the given run. Blocks for a moment.
    pub(super) fn look(&self, place: &ListenPlace, leader: Option<u32>) -> LookupResult {
        let run = RunIdentity::new(&self.registry, leader);
        match place {
            ListenPlace::Tcp(address) => {
                let before = self.latest().map(|tables| tables.at(*address)).unwrap_or_default();
                // Two processes can share a port, so that case is checked each time.
                if let [socket] = before.as_slice()
                    && self.is_known_as_own(socket.inode, &run)
                {
                    return LookupResult::Listener(Listener::Own);
                }
                self.holders_of(&self.fresh().at(*address), &run)
            }
            ListenPlace::Port(port) => self.holders_of(&self.fresh().on(*port), &run),
            ListenPlace::Unix { path, peer } => {
                let by_peer = peer.map(|pid| run.verdict(pid));
                if by_peer == Some(OwnerVerdict::Own) {
                    return LookupResult::Listener(Listener::Own);
                }
                // The process that called `listen` may have passed the socket on.
                let seen = self.holders_of(&tables::unix_at(path), &run);
                let is_alive = |pid: u32| proc::stat(pid).is_some_and(|stat| !stat.zombie);
                match (seen, by_peer) {
                    (LookupResult::Listener(Listener::Nobody), Some(verdict)) => verdict.into(),
                    (LookupResult::Listener(Listener::Nobody), None) => {
                        LookupResult::Listener(Listener::Hidden(owner::unseen(None)))
                    }
                    // Nobody may look who holds it, but the kernel has named who called `listen`.
                    (
                        LookupResult::Listener(Listener::Hidden(_)),
                        Some(verdict @ OwnerVerdict::Hidden(_)),
                    ) if peer.is_some_and(is_alive) => verdict.into(),
                    (seen, _) => seen,
                }
            }
        }
    }

    /// Returns the process that holds one of these sockets.
    fn holders_of(&self, sockets: &[Socket], run: &RunIdentity<'_>) -> LookupResult {
        let mut verdicts = Vec::new();
        let mut unknown = Vec::new();
        for socket in sockets {
            let holders = self.remembered(socket.inode);
            match holders.and_then(|holders| best(&holders, run)) {
                Some(OwnerVerdict::Own) => verdicts.push(OwnerVerdict::Own),
                // Another process may have got the socket since.
                Some(
                    OwnerVerdict::Hidden(_) | OwnerVerdict::Other(_) | OwnerVerdict::Orphan(_),
                )
                | None => {
                    unknown.push(*socket);
                }
            }
        }
        if !unknown.is_empty() {
            let found = self.find(&unknown, run);
            verdicts.extend(unknown.iter().map(|socket| {
                let holders = found.get(&socket.inode).map(Vec::as_slice).unwrap_or_default();
                best(holders, run)
                    .unwrap_or_else(|| OwnerVerdict::Hidden(owner::unseen(socket.uid)))
            }));
        }
        let other = verdicts.iter().find_map(|verdict| match verdict {
            OwnerVerdict::Other(holder) => Some(holder.clone()),
            OwnerVerdict::Own | OwnerVerdict::Hidden(_) | OwnerVerdict::Orphan(_) => None,
        });
        let is_own = verdicts.contains(&OwnerVerdict::Own);
        if let (true, Some(other)) = (is_own, other) {
            return LookupResult::Listener(Listener::Shared(other));
        }
        let first = verdicts.into_iter().min_by_key(OwnerVerdict::rank);
        first.map_or(LookupResult::Listener(Listener::Nobody), Into::into)
    }

    /// Returns recently read lists, if there are any.
    fn latest(&self) -> Option<Arc<Tables>> {
        let known = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        let is_good = known.until.is_some_and(|until| !until.is_over());
        is_good.then(|| Arc::clone(&known.tables))
    }

    /// Reads the lists now. Lookups that begin during a read share the next one.
    fn fresh(&self) -> Arc<Tables> {
        let ticket = self.asked.fetch_add(1, Ordering::SeqCst);
        let mut known = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        if known.asked <= ticket {
            let asked = self.asked.load(Ordering::SeqCst);
            let tables = Arc::new(Tables::read());
            *known = CachedTables { tables, asked, until: Some(Deadline::after(TABLES_TTL)) };
        }
        Arc::clone(&known.tables)
    }

    fn is_known_as_own(&self, inode: u64, run: &RunIdentity<'_>) -> bool {
        let holders = self.remembered(inode);
        holders.and_then(|holders| best(&holders, run)) == Some(OwnerVerdict::Own)
    }

    fn remembered(&self, inode: u64) -> Option<Vec<(u32, u64)>> {
        let holders = self.holders.lock().unwrap_or_else(PoisonError::into_inner);
        let known = holders.get(&inode).filter(|known| !known.until.is_over())?;
        Some(known.all.clone())
    }

    /// Finds the holders of these sockets: first in the tree of the run, then everywhere for the sockets
    /// that no process in it holds.
    fn find(&self, sockets: &[Socket], run: &RunIdentity<'_>) -> HashMap<u64, Vec<(u32, u64)>> {
        let mut wanted: Vec<u64> = sockets.iter().map(|socket| socket.inode).collect();
        let mut found = HashMap::new();
        if let Some(leader) = run.leader() {
            let tree: Vec<u32> = proc::below(&[leader]).iter().map(|stat| stat.pid).collect();
            collect(tree.into_iter(), &wanted, &mut found);
            wanted.retain(|inode| !found.contains_key(inode));
        }
        // Sockets held by other processes before are searched there first.
        let before: Vec<u32> = wanted
            .iter()
            .filter_map(|inode| self.remembered(*inode))
            .flatten()
            .map(|one| one.0)
            .collect();
        collect(before.into_iter(), &wanted, &mut found);
        wanted.retain(|inode| !found.contains_key(inode));
        if !wanted.is_empty() {
            collect(proc::pids(), &wanted, &mut found);
            let mut holders = self.holders.lock().unwrap_or_else(PoisonError::into_inner);
            if holders.len() > MAX_CACHED {
                holders.clear();
            }
        }
        let mut holders = self.holders.lock().unwrap_or_else(PoisonError::into_inner);
        for (inode, all) in &found {
            let until = Deadline::after(HOLDER_TTL);
            // Finding it again at the same place does not renew an older complete search.
            let known =
                holders.get(inode).filter(|known| known.all == *all && !known.until.is_over());
            if known.is_none() {
                holders.insert(*inode, CachedHolders { all: all.clone(), until });
            }
        }
        found
    }
}

/// Adds those of `pids` that hold one of these sockets.
fn collect(
    pids: impl Iterator<Item = u32>,
    wanted: &[u64],
    found: &mut HashMap<u64, Vec<(u32, u64)>>,
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
}

/// Returns which of these sockets a process has open; empty if it may not be inspected.
fn sockets_of(pid: u32, wanted: &[u64]) -> Vec<u64> {
    let entries =
        proc::patiently(|| std::fs::read_dir(format!("/proc/{pid}/fd"))).into_iter().flatten();
    let mut found = Vec::new();
    for entry in entries.flatten() {
        let Ok(target) = rustix::fs::readlink(entry.path(), Vec::new()) else { continue };
        let inode = target.to_bytes().strip_prefix(b"socket:[").and_then(|rest| {
            std::str::from_utf8(rest.strip_suffix(b"]")?).ok()?.parse::<u64>().ok()
        });
        if let Some(inode) = inode.filter(|inode| wanted.contains(inode) && !found.contains(inode))
        {
            found.push(inode);
        }
    }
    found
}

/// Returns the most significant holder of a socket, from the view of the run.
fn best(holders: &[(u32, u64)], run: &RunIdentity<'_>) -> Option<OwnerVerdict> {
    let is_there =
        |(pid, start): &&(u32, u64)| proc::stat(*pid).is_some_and(|one| one.start == *start);
    let mut best: Option<OwnerVerdict> = None;
    for (pid, _) in holders.iter().filter(is_there) {
        let verdict = run.verdict(*pid);
        if best.as_ref().is_none_or(|best| verdict.rank() < best.rank()) {
            best = Some(verdict);
        }
        if best == Some(OwnerVerdict::Own) {
            break;
        }
    }
    best
}

/// The result of a lookup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum LookupResult {
    Listener(Listener),
    /// A process that has left a run of this engine, perhaps known from earlier scans.
    Orphan(PortHolder),
}

impl LookupResult {
    /// Resolves an orphan: whether it belongs to the run, or is unknown.
    pub(super) fn settle(self, is_of_run: impl FnOnce(u32) -> bool) -> Listener {
        match self {
            Self::Listener(listener) => listener,
            Self::Orphan(holder) if is_of_run(holder.pid) => Listener::Own,
            Self::Orphan(holder) => {
                Listener::Hidden(format!("{holder}, which a process of this project left behind"))
            }
        }
    }
}

impl From<OwnerVerdict> for LookupResult {
    fn from(verdict: OwnerVerdict) -> Self {
        match verdict {
            OwnerVerdict::Own => Self::Listener(Listener::Own),
            OwnerVerdict::Hidden(who) => Self::Listener(Listener::Hidden(who)),
            OwnerVerdict::Other(holder) => Self::Listener(Listener::Other(holder)),
            OwnerVerdict::Orphan(holder) => Self::Orphan(holder),
        }
    }
}
