//! Who listens on a port or a socket of this machine.
//!
//! The kernel lists the sockets that listen (`/proc/net`), each with an inode, and the descriptors
//! of each process (`/proc/PID/fd`). The tree of the run that is asked about is looked through
//! first; all of `/proc` only when the listener is not in there. Who holds an inode is remembered, so
//! that a probe that is repeated reads the list of sockets and a few `stat` files.

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
    /// Whoever gets a connection to this address.
    Tcp(SocketAddr),
    /// Whoever has this port for all addresses of the machine, or for those of `localhost`.
    Port(u16),
    /// A socket in the file system.
    Unix {
        path: PathBuf,
        /// Who listens there by what the kernel says of a connection.
        peer: Option<u32>,
    },
}

/// Who listens there, seen from one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listener {
    /// This host does not look.
    Unchecked,
    /// Nobody that can be seen.
    Nobody,
    /// The run that was asked about.
    Own,
    /// The run and somebody else, who share the port.
    Shared(PortHolder),
    Other(PortHolder),
    /// Somebody of whom it cannot be told whether it belongs to the run; who it may be.
    Hidden(String),
}

/// A process that listens and belongs to somebody else.
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
    /// It is no process of pitcrew.
    None,
    /// The project that asks.
    This,
    /// The one in this folder.
    Folder(PathBuf),
    /// Another one, of which nothing is known.
    Unknown,
}

impl fmt::Display for PortHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (pid {})", self.program, self.pid)?;
        let project = match &self.project {
            HolderProject::None => return Ok(()),
            HolderProject::This => "this project".to_owned(),
            HolderProject::Folder(folder) => format!("the project in {}", folder.display()),
            HolderProject::Unknown => "another project of pitcrew".to_owned(),
        };
        match &self.process {
            Some(process) => write!(f, ", which is {process} of {project}"),
            None => write!(f, ", which belongs to {project}"),
        }
    }
}

/// Looks for listeners, and remembers who holds which socket.
#[derive(Debug)]
pub(super) struct Listeners {
    registry: Arc<Registry>,
    /// Counts those who ask.
    asked: AtomicU64,
    tables: Mutex<CachedTables>,
    holders: Mutex<HashMap<u64, CachedHolders>>,
}

/// The lists of the kernel as they were read last.
#[derive(Debug, Default)]
struct CachedTables {
    tables: Arc<Tables>,
    /// How many had asked when it was begun to read them: they may rely on it.
    asked: u64,
    /// That a run still listens where it did may be seen from them until then.
    until: Option<Deadline>,
}

#[derive(Debug, Clone)]
struct CachedHolders {
    /// Each with the moment of its start, by which it is known for good.
    all: Vec<(u32, u64)>,
    /// Not to be relied on after that: a socket can be handed on.
    until: Deadline,
}

/// How long it is relied on who holds a socket. Looking through 1,000 processes takes 15 ms.
const RELIED_ON: Duration = Duration::from_secs(5);
/// So long the lists are good enough for a run that listened before: a thousand that are probed
/// every second cost five readings, each of which takes a millisecond then.
const GOOD_ENOUGH: Duration = Duration::from_millis(200);
/// More sockets are not remembered.
const MOST: usize = 4096;

impl Listeners {
    pub(super) fn new(registry: Arc<Registry>) -> Self {
        Self {
            registry,
            asked: AtomicU64::new(0),
            tables: Mutex::default(),
            holders: Mutex::default(),
        }
    }

    /// Who listens there; `leader` leads the run that is asked about. Blocks for a moment.
    pub(super) fn look(&self, place: &ListenPlace, leader: Option<u32>) -> LookupResult {
        let run = RunIdentity::new(&self.registry, leader);
        match place {
            ListenPlace::Tcp(address) => {
                let before = self.latest().map(|tables| tables.at(*address)).unwrap_or_default();
                // Two can share a port: that is looked at each time.
                if let [socket] = before.as_slice()
                    && self.is_known_as_own(socket.inode, &run)
                {
                    return LookupResult::Listener(Listener::Own);
                }
                self.holders_of(&self.fresh().at(*address), &run)
            }
            ListenPlace::Port(port) => self.holders_of(&self.fresh().on(*port), &run),
            ListenPlace::Unix { path, peer } => {
                if let Some(OwnerVerdict::Own) = peer.map(|pid| run.verdict(pid)) {
                    return LookupResult::Listener(Listener::Own);
                }
                // Who called `listen` may have handed the socket on.
                let seen = self.holders_of(&tables::unix_at(path), &run);
                match (seen, peer) {
                    (LookupResult::Listener(Listener::Nobody), Some(pid)) => {
                        run.verdict(*pid).into()
                    }
                    (LookupResult::Listener(Listener::Nobody), None) => {
                        LookupResult::Listener(Listener::Hidden(owner::unseen(None)))
                    }
                    (seen, _) => seen,
                }
            }
        }
    }

    /// Who holds one of these sockets.
    fn holders_of(&self, sockets: &[Socket], run: &RunIdentity<'_>) -> LookupResult {
        let mut verdicts = Vec::new();
        let mut unknown = Vec::new();
        for socket in sockets {
            let holders = self.remembered(socket.inode);
            match holders.and_then(|holders| best(&holders, run)) {
                Some(OwnerVerdict::Own) => verdicts.push(OwnerVerdict::Own),
                // Another process may have got it since.
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

    /// The lists as they were a moment ago, if they were read then.
    fn latest(&self) -> Option<Arc<Tables>> {
        let known = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        let is_good = known.until.is_some_and(|until| !until.is_over());
        is_good.then(|| Arc::clone(&known.tables))
    }

    /// The lists as they are now. Those who ask while they are being read share the next reading.
    fn fresh(&self) -> Arc<Tables> {
        let ticket = self.asked.fetch_add(1, Ordering::SeqCst);
        let mut known = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        if known.asked <= ticket {
            let asked = self.asked.load(Ordering::SeqCst);
            let tables = Arc::new(Tables::read());
            *known = CachedTables { tables, asked, until: Some(Deadline::after(GOOD_ENOUGH)) };
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

    /// Looks who holds these sockets: in the tree of the run, then everywhere for those that nobody
    /// in there holds.
    fn find(&self, sockets: &[Socket], run: &RunIdentity<'_>) -> HashMap<u64, Vec<(u32, u64)>> {
        let mut wanted: Vec<u64> = sockets.iter().map(|socket| socket.inode).collect();
        let mut found = HashMap::new();
        if let Some(leader) = run.leader() {
            let tree: Vec<u32> = proc::below(&[leader]).iter().map(|stat| stat.pid).collect();
            collect(tree.into_iter(), &wanted, &mut found);
            wanted.retain(|inode| !found.contains_key(inode));
        }
        // Those that were foreign before are looked for where they were first.
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
            if holders.len() > MOST {
                holders.clear();
            }
        }
        let mut holders = self.holders.lock().unwrap_or_else(PoisonError::into_inner);
        for (inode, all) in &found {
            let until = Deadline::after(RELIED_ON);
            // What was found everywhere a while ago is not made younger by a look at the same place.
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

/// Those of these sockets that a process has open. Nothing when we may not look.
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

/// Of all who hold a socket, the one that counts most for the run.
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

/// What a look has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum LookupResult {
    Listener(Listener),
    /// Somebody who has left some run of this engine. Which one may be known by earlier looks.
    Orphan(PortHolder),
}

impl LookupResult {
    /// What it comes to when the orphan is of the run, or cannot be told.
    pub(super) fn settle(self, is_of_run: impl FnOnce(u32) -> bool) -> Listener {
        match self {
            Self::Listener(listener) => listener,
            Self::Orphan(holder) if is_of_run(holder.pid) => Listener::Own,
            Self::Orphan(holder) => {
                Listener::Hidden(format!("{holder}, which some process of this project has left"))
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
