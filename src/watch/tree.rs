//! The tree of watched folders, from the root of the file system down to where files can match.
//!
//! All folders on the path to a match are part of it, so a folder that is moved away or does not
//! exist yet is noticed when it appears. Links can bring the same folder in under several names; the
//! kernel gives it one number, and its [`WatchEntry`] lists the nodes that use it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::compiled_plan::CompiledPlan;
use super::debouncer::FileAge;
use super::file_stamp::FileStamp;
use super::git::GitIgnore;
use super::glob::GlobStates;
use super::inotify::{Inotify, WatchDescriptor, WatchError};

/// The number of a folder in the tree, never used again.
pub(super) type NodeId = u64;

/// The root of the file system.
pub(super) const ROOT: NodeId = 0;
/// The maximum number of names under which one folder is watched through links.
const MAX_NAMES: usize = 8;

/// A folder under one of its names.
#[derive(Debug, Default)]
pub(super) struct FolderNode {
    pub(super) parent: Option<NodeId>,
    pub(super) name: OsString,
    pub(super) states: GlobStates,
    pub(super) git: GitIgnore,
    pub(super) children: BTreeMap<OsString, NodeId>,
    /// Targets with a matching file in this folder. If the folder is moved away, they have lost it.
    pub(super) matched: Vec<u16>,
    /// The number of links on the path to it.
    pub(super) links: u8,
    wd: Option<WatchDescriptor>,
}

/// One watch of the kernel.
#[derive(Debug, Default)]
pub(super) struct WatchEntry {
    pub(super) nodes: Vec<NodeId>,
    /// Entries of the folder that links resolve through, with the folder and the name of each link.
    pub(super) hops: HashMap<OsString, Vec<(NodeId, OsString)>>,
}

/// How files that a scan finds are treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ScanMode {
    /// The first scan: only files that changed after processes started count.
    First,
    /// All files count.
    All(FileAge),
    /// Files that changed after this wall-clock time count.
    Since(Duration),
    /// Events were lost: only the newest file of each target is reported.
    Newest,
    /// Files are compared with the previous scan.
    Poll,
}

/// A folder that is scheduled to be read.
#[derive(Debug)]
pub(super) struct ScanJob {
    pub(super) node: NodeId,
    pub(super) mode: ScanMode,
}

/// A file that has changed.
#[derive(Debug)]
pub(super) struct ChangedFile {
    pub(super) target: u16,
    pub(super) path: PathBuf,
    pub(super) age: FileAge,
}

/// The wall-clock time since when processes run, shared with the [`Watcher`](super::Watcher).
///
/// A folder that was read before this time is watched by then, so the kernel reports its changes.
/// In a folder that is read later, the times of the files are checked.
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

/// All watched folders, the pending scans, and the recorded changes.
#[derive(Debug, Default)]
pub(super) struct FolderTree {
    pub(super) rules: CompiledPlan,
    pub(super) kernel: Option<Inotify>,
    /// The maximum number of watched folders, for tests.
    pub(super) max_folders: usize,
    pub(super) nodes: HashMap<NodeId, FolderNode>,
    next: NodeId,
    pub(super) watches: HashMap<WatchDescriptor, WatchEntry>,
    /// Watches that may be unused.
    pub(super) orphans: HashSet<WatchDescriptor>,
    /// Links, each with the entries it resolves through.
    pub(super) links: BTreeMap<(NodeId, OsString), Vec<(WatchDescriptor, OsString)>>,
    /// Folders that the kernel does not watch, with their last known contents.
    pub(super) polled: BTreeMap<NodeId, HashMap<OsString, FileStamp>>,
    pub(super) todo: VecDeque<ScanJob>,
    /// The number of pending scans that can find changes.
    pending_detections: usize,
    /// Folders whose ignore rules may have changed.
    pub(super) stale: BTreeSet<NodeId>,
    /// The newest file of each target, while a scan after lost events is under way.
    pub(super) newest: Option<Vec<Option<(Duration, PathBuf)>>>,
    /// Whether more events were lost during that scan.
    pub(super) overflowed_again: bool,
    /// Whether the kernel has refused a watch since the last poll began.
    pub(super) full: bool,
    pub(super) run_starts: RunStarts,
    pub(super) changes: Vec<ChangedFile>,
}

impl FolderTree {
    pub(super) fn new(rules: CompiledPlan, kernel: Option<Inotify>, max_folders: usize) -> Self {
        let mut tree = Self { rules, kernel, max_folders, ..Self::default() };
        let states = tree.rules.globs.start();
        tree.enter(None, OsString::new(), states, 0, ScanMode::First);
        tree
    }

    /// Applies other rules to the same folders and keeps the existing watches.
    ///
    /// Files that change before everything is read are recognised by their time: they changed after
    /// `wall`.
    pub(super) fn replace(&mut self, rules: CompiledPlan, wall: Duration) {
        self.remove(ROOT);
        self.rules = rules;
        (self.next, self.newest) = (self.next.max(1), None);
        let states = self.rules.globs.start();
        self.nodes.insert(ROOT, FolderNode { states, ..FolderNode::default() });
        self.push(ROOT, ScanMode::Since(wall));
    }

    /// Adds a folder and schedules it to be watched and read.
    pub(super) fn enter(
        &mut self,
        parent: Option<NodeId>,
        name: OsString,
        states: GlobStates,
        links: u8,
        mode: ScanMode,
    ) {
        let id = self.next;
        self.next += 1;
        if let Some(parent) = parent.and_then(|parent| self.nodes.get_mut(&parent)) {
            parent.children.insert(name.clone(), id);
        }
        let node = FolderNode { parent, name, states, links, ..FolderNode::default() };
        self.nodes.insert(id, node);
        self.push(id, mode);
    }

    pub(super) fn push(&mut self, node: NodeId, mode: ScanMode) {
        self.pending_detections += usize::from(mode.can_detect());
        self.todo.push_back(ScanJob { node, mode });
    }

    pub(super) fn pop(&mut self) -> Option<ScanJob> {
        let job = self.todo.pop_front()?;
        self.pending_detections -= usize::from(job.mode.can_detect());
        Some(job)
    }

    /// Whether a pending scan can find changes.
    pub(super) fn may_detect(&self) -> bool {
        self.pending_detections > 0
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

    /// Watches a folder on behalf of a node.
    pub(super) fn attach(&mut self, id: NodeId, path: &Path) -> Result<(), WatchError> {
        let Some(node) = self.nodes.get_mut(&id) else { return Err(WatchError::Gone) };
        if node.wd.is_some() {
            return Ok(());
        }
        let files = self.rules.globs.may_match_in(&node.states);
        let is_full = self.watches.len() >= self.max_folders;
        let kernel = self.kernel.as_ref().filter(|_| !is_full).ok_or(WatchError::Limit)?;
        let wd = kernel.watch(path, files)?;
        let watch = self.watches.entry(wd).or_default();
        if node.links > 0 && watch.nodes.len() >= MAX_NAMES {
            return Err(WatchError::Other);
        }
        watch.nodes.push(id);
        node.wd = Some(wd);
        Ok(())
    }

    /// Also watches files in a folder without matches, because its `.gitignore` can change.
    pub(super) fn watch_gitignore(&self, id: NodeId, path: &Path) {
        if let Some(FolderNode { wd: Some(_), git: GitIgnore::Inside(_), states, .. }) =
            self.nodes.get(&id)
            && !self.rules.globs.may_match_in(states)
            && let Some(kernel) = &self.kernel
        {
            _ = kernel.watch(path, true);
        }
    }

    /// Removes a watch that the kernel has dropped, and returns its entry.
    pub(super) fn detach(&mut self, wd: WatchDescriptor) -> Option<WatchEntry> {
        let watch = self.watches.remove(&wd)?;
        self.orphans.remove(&wd);
        for id in &watch.nodes {
            if let Some(node) = self.nodes.get_mut(id) {
                node.wd = None;
            }
        }
        Some(watch)
    }

    /// Removes a folder and everything below it; returns the targets that had matching files there.
    ///
    /// The watches are dropped later, by [`FolderTree::drop_unused_watches`], because most of them are
    /// needed again.
    pub(super) fn remove(&mut self, id: NodeId) -> Vec<u16> {
        let mut matched = Vec::new();
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
            for target in node.matched {
                if !matched.contains(&target) {
                    matched.push(target);
                }
            }
            if let Some(watch) = node.wd.and_then(|wd| self.watches.get_mut(&wd)) {
                watch.nodes.retain(|node| *node != id);
                self.orphans.extend(node.wd);
            }
            self.polled.remove(&id);
            self.stale.remove(&id);
            self.forget_links(id);
        }
        matched
    }

    /// Drops watches that no node and no link uses. Call it when no scan is pending: moved folders are
    /// attached again by then, and no event in between is lost.
    pub(super) fn drop_unused_watches(&mut self) {
        for wd in std::mem::take(&mut self.orphans) {
            let is_unused = |watch: &WatchEntry| {
                watch.nodes.is_empty() && watch.hops.values().all(Vec::is_empty)
            };
            if self.watches.get(&wd).is_some_and(is_unused) {
                self.watches.remove(&wd);
                if let Some(kernel) = &self.kernel {
                    kernel.unwatch(wd);
                }
            }
        }
    }

    /// Records that a file has changed.
    pub(super) fn change(&mut self, targets: &[u16], path: &Path, age: FileAge) {
        for target in targets {
            self.changes.push(ChangedFile { target: *target, path: path.to_owned(), age });
        }
    }
}

impl ScanMode {
    /// Whether a scan in this mode can find changes.
    fn can_detect(self) -> bool {
        !matches!(self, Self::First | Self::Poll)
    }
}
