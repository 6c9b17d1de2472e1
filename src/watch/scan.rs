//! Folder scans: reads folders and decides which of their entries are watched or count as changes.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, DirEntry, FileType, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use super::debouncer::FileAge;
use super::git::{GIT_ENTRIES, GitIgnore, GitPresence, IGNORE_FILE, REPOSITORY};
use super::inotify::WatchError;
use super::tree::{FolderTree, NodeId, ROOT, ScanJob, ScanMode};

/// How much older a file timestamp of the kernel can be than the change.
const STAMP_LAG: Duration = Duration::from_millis(20);
/// The maximum number of links on the path to a folder.
const MAX_LINKS: u8 = 4;

pub(super) struct FolderEntry {
    pub(super) name: OsString,
    pub(super) kind: FileType,
}

impl FolderEntry {
    /// Returns the entry of this name, if it exists.
    pub(super) fn named(folder: &Path, name: &OsStr) -> Option<Self> {
        let kind = fs::symlink_metadata(folder.join(name)).ok()?.file_type();
        Some(Self { name: name.to_owned(), kind })
    }
}

impl FolderTree {
    /// Reads up to `folders` folders that are scheduled to be read.
    pub(super) fn work(&mut self, folders: usize) {
        for _ in 0..folders {
            let Some(ScanJob { node, mode }) = self.pop() else { break };
            match mode {
                ScanMode::Poll => self.poll(node),
                ScanMode::First | ScanMode::All(_) | ScanMode::Since(_) | ScanMode::Newest => {
                    self.scan(node, mode);
                }
            }
        }
        if self.todo.is_empty()
            && let Some(newest) = self.newest.take()
        {
            self.report_newest(newest);
        }
    }

    /// Watches a folder, then reads it. Changes in between are seen twice instead of being missed.
    fn scan(&mut self, id: NodeId, mode: ScanMode) {
        let Some(path) = self.path(id) else { return };
        let is_linked = self.nodes.get(&id).is_some_and(|node| node.links > 0);
        match self.attach(id, &path) {
            // Its parent folder reports when it exists again.
            Err(WatchError::Gone) if id != ROOT => _ = self.remove(id),
            Err(WatchError::Other) if is_linked => _ = self.remove(id),
            Err(WatchError::Limit) => _ = self.polled.insert(id, HashMap::new()),
            // A folder that is not readable may still be traversable.
            Ok(()) | Err(WatchError::Gone | WatchError::Other) => {}
        }
        let entries = self.entries(id, &path);
        self.watch_gitignore(id, &path);
        if self.polled.contains_key(&id) {
            let stamps = self.stamps(id, &path, &entries);
            self.polled.insert(id, stamps);
        }
        for entry in entries {
            self.entry(id, &path, &entry, mode);
        }
    }

    /// Returns the relevant entries of a folder, and updates its `.gitignore` rules.
    pub(super) fn entries(&mut self, id: NodeId, path: &Path) -> Vec<FolderEntry> {
        let Some(node) = self.nodes.get(&id) else { return Vec::new() };
        let entries: Vec<FolderEntry> = if let Some(names) = self.rules.globs.names(&node.states) {
            let git = GIT_ENTRIES.map(OsStr::new).into_iter().filter(|name| !names.contains(name));
            let names = names.iter().copied().chain(git);
            names.filter_map(|name| FolderEntry::named(path, name)).collect()
        } else {
            let entry = |entry: DirEntry| {
                Some(FolderEntry { kind: entry.file_type().ok()?, name: entry.file_name() })
            };
            fs::read_dir(path).into_iter().flatten().flatten().filter_map(entry).collect()
        };
        let has = |name: &str| entries.iter().any(|entry| entry.name == name);
        let has = GitPresence { repository: has(REPOSITORY), ignore_file: has(IGNORE_FILE) };
        let parent = node.parent.and_then(|parent| self.nodes.get(&parent));
        let outer = parent.map_or(&GitIgnore::Outside, |parent| &parent.git);
        let git = outer.enter(path, self.rules.is_top(path), has);
        if let Some(node) = self.nodes.get_mut(&id) {
            node.git = git;
        }
        entries
    }

    /// Handles an entry that was found in a folder.
    pub(super) fn entry(&mut self, id: NodeId, folder: &Path, entry: &FolderEntry, mode: ScanMode) {
        let Some(node) = self.nodes.get(&id) else { return };
        let run_starts = self.run_starts.get();
        let mut step = self.rules.globs.advance(&node.states, &entry.name);
        let is_old = || mode == ScanMode::First && run_starts.is_none();
        let is_known = || step.matches.iter().all(|target| node.matched.contains(target));
        // The fast path: most files of a big tree need no further work.
        if step.is_empty() || entry.kind.is_file() && is_old() && is_known() {
            return;
        }
        let path = folder.join(&entry.name);
        if self.rules.is_always_ignored(&path, &entry.name) {
            return;
        }
        let is_link = entry.kind.is_symlink();
        let is_folder = entry.kind.is_dir() || is_link && path.is_dir();
        let git = &node.git;
        step.retain(|target| self.rules.counts(target, &path, is_folder, git));
        if step.is_empty() {
            return;
        }
        let links = node.links + u8::from(is_link);
        // In most folders the states equal those of the parent folder.
        let below = if *step.below == *node.states {
            Rc::clone(&node.states)
        } else {
            Rc::from(step.below)
        };
        if is_link {
            self.follow_link(id, &entry.name, &path);
        }
        if !is_folder {
            self.on_found(id, &path, &step.matches, mode);
            return;
        }
        if let ScanMode::All(age) = mode {
            self.change(&step.matches, &path, age);
        }
        if below.is_empty() || links > MAX_LINKS || is_link && self.is_ancestor(id, &path) {
            return;
        }
        self.enter(Some(id), entry.name.clone(), below, links, mode);
    }

    /// Handles a file that was found and matches `targets`.
    fn on_found(&mut self, id: NodeId, path: &Path, targets: &[u16], mode: ScanMode) {
        self.note_matches(id, targets);
        let changed_since = |since: Duration| {
            let meta = fs::metadata(path).ok();
            meta.is_some_and(|meta| changed(&meta) + STAMP_LAG >= since)
        };
        let age = match (mode, self.run_starts.get()) {
            (ScanMode::First, None) | (ScanMode::Poll, _) => return,
            (ScanMode::First, Some(since)) | (ScanMode::Since(since), _) => {
                if !changed_since(since) {
                    return;
                }
                FileAge::Existing
            }
            (ScanMode::All(age), _) => age,
            (ScanMode::Newest, _) => {
                let at = fs::metadata(path).map(|meta| changed(&meta)).unwrap_or_default();
                let Some(newest_files) = &mut self.newest else { return };
                for target in targets {
                    if let Some(newest) = newest_files.get_mut(usize::from(*target))
                        && newest.as_ref().is_none_or(|(newest, _)| *newest < at)
                    {
                        *newest = Some((at, path.to_owned()));
                    }
                }
                return;
            }
        };
        self.change(targets, path, age);
    }

    /// Records that a folder contains files that match these targets.
    pub(super) fn note_matches(&mut self, id: NodeId, targets: &[u16]) {
        let Some(node) = self.nodes.get_mut(&id) else { return };
        for target in targets {
            if !node.matched.contains(target) {
                node.matched.push(*target);
            }
        }
    }

    /// Whether a link points to one of its own parent folders.
    fn is_ancestor(&self, id: NodeId, link: &Path) -> bool {
        let Ok(goal) = fs::metadata(link) else { return true };
        let is_goal = |meta: Metadata| (meta.dev(), meta.ino()) == (goal.dev(), goal.ino());
        self.path(id).is_some_and(|folder| {
            folder.ancestors().any(|folder| fs::metadata(folder).is_ok_and(is_goal))
        })
    }
}

/// Returns when the contents or the name of a file changed last, on the wall clock.
fn changed(meta: &Metadata) -> Duration {
    Duration::new(meta.ctime().max(0) as u64, meta.ctime_nsec() as u32)
}
