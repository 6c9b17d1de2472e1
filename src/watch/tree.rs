//! The folders that are watched, from the root of the file system down to where files can match.
//!
//! All folders on the way to a match are in it, so that one that is moved away, or is not there yet,
//! is seen to come back. The same folder can be in it under several names, by links; the kernel
//! numbers it once, and [`WatchEntry`] says who sits there.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::compiled_plan::CompiledPlan;
use super::debouncer::FileAge;
use super::git::GitIgnore;
use super::glob::GlobStates;
use super::inotify::{Inotify, WatchDescriptor, WatchError};
use super::poll::FileStamp;

/// The number of a folder in the tree, never used again.
pub(super) type NodeId = u64;

/// The root of the file system.
pub(super) const ROOT: NodeId = 0;
/// So many names one folder can have by way of links.
const MOST_NAMES: usize = 8;

/// A folder under one of its names.
#[derive(Debug)]
pub(super) struct FolderNode {
    pub(super) parent: Option<NodeId>,
    pub(super) name: OsString,
    pub(super) spots: GlobStates,
    pub(super) git: GitIgnore,
    pub(super) children: BTreeMap<OsString, NodeId>,
    /// For whom there was a file in it that counts: when it is moved away, they have lost that.
    pub(super) held: Vec<u16>,
    /// How many links lead to it.
    pub(super) links: u8,
    wd: Option<WatchDescriptor>,
}

/// A folder as the kernel knows it.
#[derive(Debug, Default)]
pub(super) struct WatchEntry {
    pub(super) nodes: Vec<NodeId>,
    /// Names in it that a link goes through, with the links: their folder and name.
    pub(super) spots: HashMap<OsString, Vec<(NodeId, OsString)>>,
}

/// What files that are found when a folder is read mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ScanMode {
    /// Nothing: they were there before. But those that changed since processes run do count.
    First,
    /// They are new, or at least here.
    All(FileAge),
    /// They count when they changed since then, on the wall clock.
    Since(Duration),
    /// Something was missed: the newest is told.
    Newest,
    /// They are held against how they were last.
    Poll,
}

/// A folder to be read.
#[derive(Debug)]
pub(super) struct ScanJob {
    pub(super) node: NodeId,
    pub(super) count: ScanMode,
}

/// A file that has changed.
#[derive(Debug)]
pub(super) struct ChangedFile {
    pub(super) target: u16,
    pub(super) path: PathBuf,
    pub(super) new: FileAge,
}

/// Since when processes run, on the wall clock; shared with who says so.
///
/// It must hold from that moment on. A folder that is read when nothing has begun is watched by
/// then, and the kernel tells; of one that is read later the files are looked at.
#[derive(Debug, Clone, Default)]
pub(super) struct RunStarts(Arc<AtomicU64>);

impl RunStarts {
    pub(super) fn set(&self, wall: Duration) {
        self.0.store(wall.as_nanos() as u64, Ordering::SeqCst);
    }

    pub(super) fn get(&self) -> Option<Duration> {
        let nanos = self.0.load(Ordering::SeqCst);
        (nanos > 0).then(|| Duration::from_nanos(nanos))
    }
}

/// All folders, and what there is to do about them.
#[derive(Debug)]
pub(super) struct FolderTree {
    pub(super) rules: CompiledPlan,
    pub(super) kernel: Option<Inotify>,
    /// For tests: no more folders than this.
    pub(super) most: usize,
    pub(super) nodes: HashMap<NodeId, FolderNode>,
    next: NodeId,
    pub(super) seats: HashMap<WatchDescriptor, WatchEntry>,
    /// Where nobody may sit any more.
    orphans: HashSet<WatchDescriptor>,
    /// Links to be looked at again when something on their way changes.
    pub(super) links: BTreeMap<(NodeId, OsString), Vec<(WatchDescriptor, OsString)>>,
    /// Folders the kernel does not watch, and what was in them.
    pub(super) polled: BTreeMap<NodeId, HashMap<OsString, FileStamp>>,
    pub(super) todo: VecDeque<ScanJob>,
    /// How many of those may find something that counts.
    counting: usize,
    /// Folders whose `.gitignore` has changed.
    pub(super) stale: BTreeSet<NodeId>,
    /// The newest file of each target, while something that was missed is looked for.
    pub(super) newest: Option<Vec<Option<(Duration, PathBuf)>>>,
    /// More was missed while that was looked for.
    pub(super) missed_again: bool,
    /// The kernel has refused a folder since the last round of polling began.
    pub(super) full: bool,
    pub(super) begun: RunStarts,
    pub(super) changes: Vec<ChangedFile>,
}

impl FolderTree {
    pub(super) fn new(rules: CompiledPlan, kernel: Option<Inotify>, most: usize) -> Self {
        let mut tree = Self {
            rules,
            kernel,
            most,
            nodes: HashMap::new(),
            next: ROOT,
            seats: HashMap::new(),
            orphans: HashSet::new(),
            links: BTreeMap::new(),
            polled: BTreeMap::new(),
            todo: VecDeque::new(),
            counting: 0,
            stale: BTreeSet::new(),
            newest: None,
            missed_again: false,
            full: false,
            begun: RunStarts::default(),
            changes: Vec::new(),
        };
        let spots = tree.rules.globs.start();
        tree.enter(None, OsString::new(), spots, 0, ScanMode::First);
        tree
    }

    /// The same folders by other rules; what is watched already goes on being watched.
    ///
    /// What changes from now on until everything is read is found by its time: `wall`.
    pub(super) fn replace(&mut self, rules: CompiledPlan, wall: Duration) {
        self.remove(ROOT);
        self.rules = rules;
        (self.next, self.newest) = (self.next.max(1), None);
        let spots = self.rules.globs.start();
        self.insert(ROOT, None, OsString::new(), spots, 0);
        self.push(ROOT, ScanMode::Since(wall));
    }

    /// A folder to be watched and read.
    pub(super) fn enter(
        &mut self,
        parent: Option<NodeId>,
        name: OsString,
        spots: GlobStates,
        links: u8,
        count: ScanMode,
    ) {
        let id = self.next;
        self.next += 1;
        if let Some(parent) = parent.and_then(|parent| self.nodes.get_mut(&parent)) {
            parent.children.insert(name.clone(), id);
        }
        self.insert(id, parent, name, spots, links);
        self.push(id, count);
    }

    fn insert(
        &mut self,
        id: NodeId,
        parent: Option<NodeId>,
        name: OsString,
        spots: GlobStates,
        links: u8,
    ) {
        let (git, children) = (GitIgnore::default(), BTreeMap::new());
        let node =
            FolderNode { parent, name, spots, git, children, held: Vec::new(), links, wd: None };
        self.nodes.insert(id, node);
    }

    pub(super) fn push(&mut self, node: NodeId, count: ScanMode) {
        self.counting += usize::from(finds(count));
        self.todo.push_back(ScanJob { node, count });
    }

    pub(super) fn pop(&mut self) -> Option<ScanJob> {
        let job = self.todo.pop_front()?;
        self.counting -= usize::from(finds(job.count));
        Some(job)
    }

    /// Whether a folder is to be read in which there may be something that counts.
    pub(super) fn is_counting(&self) -> bool {
        self.counting > 0
    }

    pub(super) fn path(&self, id: NodeId) -> Option<PathBuf> {
        let mut names = Vec::new();
        let mut node = self.nodes.get(&id)?;
        while let Some(parent) = node.parent {
            names.push(node.name.as_os_str());
            node = self.nodes.get(&parent)?;
        }
        Some(std::iter::once(OsStr::new("/")).chain(names.into_iter().rev()).collect())
    }

    /// Has the kernel watch a folder for a node.
    pub(super) fn seat(&mut self, id: NodeId, path: &Path) -> Result<(), WatchError> {
        let Some(node) = self.nodes.get_mut(&id) else { return Err(WatchError::Gone) };
        if node.wd.is_some() {
            return Ok(());
        }
        let files = self.rules.globs.may_match_in(&node.spots);
        let is_full = self.seats.len() >= self.most;
        let kernel = self.kernel.as_ref().filter(|_| !is_full).ok_or(WatchError::Limit)?;
        let wd = kernel.watch(path, files)?;
        let seat = self.seats.entry(wd).or_default();
        if node.links > 0 && seat.nodes.len() >= MOST_NAMES {
            return Err(WatchError::Other);
        }
        seat.nodes.push(id);
        node.wd = Some(wd);
        Ok(())
    }

    /// A `.gitignore` counts, also where no file does.
    pub(super) fn listen_for_git(&self, id: NodeId, path: &Path) {
        if let Some(FolderNode { wd: Some(_), git: GitIgnore::Inside(_), spots, .. }) =
            self.nodes.get(&id)
            && !self.rules.globs.may_match_in(spots)
            && let Some(kernel) = &self.kernel
        {
            _ = kernel.watch(path, true);
        }
    }

    /// The kernel does not watch this one any more; gives who sat there.
    pub(super) fn unseat(&mut self, wd: WatchDescriptor) -> Option<WatchEntry> {
        let seat = self.seats.remove(&wd)?;
        self.orphans.remove(&wd);
        for id in &seat.nodes {
            if let Some(node) = self.nodes.get_mut(id) {
                node.wd = None;
            }
        }
        Some(seat)
    }

    /// Takes a folder and all in it out of the tree; gives for whom it held files.
    ///
    /// What the kernel watches is given up later, by [`FolderTree::sweep`]: most of it is wanted again.
    pub(super) fn remove(&mut self, id: NodeId) -> Vec<u16> {
        let mut held = Vec::new();
        let parent = self.nodes.get(&id).and_then(|node| Some((node.parent?, node.name.clone())));
        if let Some((parent, name)) = parent
            && let Some(parent) = self.nodes.get_mut(&parent)
        {
            parent.children.remove(&name);
        }
        let mut open = vec![id];
        while let Some(id) = open.pop() {
            let Some(node) = self.nodes.remove(&id) else { continue };
            open.extend(node.children.values());
            for target in node.held {
                if !held.contains(&target) {
                    held.push(target);
                }
            }
            if let Some(seat) = node.wd.and_then(|wd| self.seats.get_mut(&wd)) {
                seat.nodes.retain(|other| *other != id);
                self.orphans.extend(node.wd);
            }
            self.polled.remove(&id);
            self.stale.remove(&id);
            self.forget_links(id);
        }
        held
    }

    /// Somebody may not need this folder any more.
    pub(super) fn orphan(&mut self, wd: WatchDescriptor) {
        self.orphans.insert(wd);
    }

    /// Lets the kernel forget what nobody sits on. To be called when nothing is to be read: those
    /// who move have sat down again by then, and nothing that happened meanwhile was lost.
    pub(super) fn sweep(&mut self) {
        for wd in std::mem::take(&mut self.orphans) {
            let empty =
                |seat: &WatchEntry| seat.nodes.is_empty() && seat.spots.values().all(Vec::is_empty);
            if self.seats.get(&wd).is_some_and(empty) {
                self.seats.remove(&wd);
                if let Some(kernel) = &self.kernel {
                    kernel.unwatch(wd);
                }
            }
        }
    }

    /// Notes that a file has changed.
    pub(super) fn change(&mut self, targets: &[u16], path: &Path, new: FileAge) {
        for target in targets {
            self.changes.push(ChangedFile { target: *target, path: path.to_owned(), new });
        }
    }
}

/// Whether what is read with it may count.
fn finds(count: ScanMode) -> bool {
    match count {
        ScanMode::All(_) | ScanMode::Since(_) | ScanMode::Newest => true,
        ScanMode::First | ScanMode::Poll => false,
    }
}
