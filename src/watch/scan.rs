//! Reading folders: what is in them is watched, or counts, or is left alone.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, DirEntry, FileType, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use super::debouncer::FileAge;
use super::git::{GitIgnore, GitPresence, OF_GIT, REPOSITORY, RULES};
use super::inotify::WatchError;
use super::tree::{FolderTree, NodeId, ROOT, ScanJob, ScanMode};

/// The kernel's stamps can be so much older than the moment of a change.
const STAMP_LAG: Duration = Duration::from_millis(20);
/// So many links can follow one another on the way to a folder.
const MOST_LINKS: u8 = 4;

pub(super) struct FolderEntry {
    pub(super) name: OsString,
    pub(super) kind: FileType,
}

impl FolderEntry {
    /// What is in a folder under this name, if there is something.
    pub(super) fn named(folder: &Path, name: &OsStr) -> Option<Self> {
        let kind = fs::symlink_metadata(folder.join(name)).ok()?.file_type();
        Some(Self { name: name.to_owned(), kind })
    }
}

impl FolderTree {
    /// Reads so many folders, if there are any to be read.
    pub(super) fn work(&mut self, folders: usize) {
        for _ in 0..folders {
            let Some(ScanJob { node, count }) = self.pop() else { break };
            match count {
                ScanMode::Poll => self.poll(node),
                ScanMode::First | ScanMode::All(_) | ScanMode::Since(_) | ScanMode::Newest => {
                    self.scan(node, count);
                }
            }
        }
        if self.todo.is_empty()
            && let Some(newest) = self.newest.take()
        {
            self.tell_missed(newest);
        }
    }

    /// Watches a folder, and then reads it: what comes in between is seen twice and not missed.
    fn scan(&mut self, id: NodeId, count: ScanMode) {
        let Some(path) = self.path(id) else { return };
        match self.seat(id, &path) {
            // Its folder tells when there is something again.
            Err(WatchError::Gone) if id != ROOT => _ = self.remove(id),
            Err(WatchError::Other) if self.is_linked(id) => _ = self.remove(id),
            Err(WatchError::Limit) => _ = self.polled.insert(id, HashMap::new()),
            // One that may not be read can be passed through all the same.
            Ok(()) | Err(WatchError::Gone | WatchError::Other) => {}
        }
        let entries = self.entries(id, &path);
        self.listen_for_git(id, &path);
        if self.polled.contains_key(&id) {
            let stamps = self.stamps(id, &path, &entries);
            self.polled.insert(id, stamps);
        }
        for entry in entries {
            self.entry(id, &path, &entry, count);
        }
    }

    fn is_linked(&self, id: NodeId) -> bool {
        self.nodes.get(&id).is_some_and(|node| node.links > 0)
    }

    /// What is in a folder and may matter; its `.gitignore` is read on the way.
    pub(super) fn entries(&mut self, id: NodeId, path: &Path) -> Vec<FolderEntry> {
        let Some(node) = self.nodes.get(&id) else { return Vec::new() };
        let entries: Vec<FolderEntry> = if let Some(names) = self.rules.globs.names(&node.spots) {
            let of_git = OF_GIT.map(OsStr::new).into_iter().filter(|name| !names.contains(name));
            let all = names.iter().copied().chain(of_git);
            all.filter_map(|name| FolderEntry::named(path, name)).collect()
        } else {
            let found = fs::read_dir(path).into_iter().flatten().flatten();
            let entry = |found: DirEntry| {
                Some(FolderEntry { kind: found.file_type().ok()?, name: found.file_name() })
            };
            found.filter_map(entry).collect()
        };
        let has = |name: &str| entries.iter().any(|entry| entry.name == name);
        let has = GitPresence { repository: has(REPOSITORY), rules: has(RULES) };
        let around = node.parent.and_then(|parent| self.nodes.get(&parent));
        let around = around.map_or(&GitIgnore::Outside, |parent| &parent.git);
        let git = around.enter(path, self.rules.is_top(path), has);
        if let Some(node) = self.nodes.get_mut(&id) {
            node.git = git;
        }
        entries
    }

    /// Something that is in a folder, or has come there.
    pub(super) fn entry(
        &mut self,
        id: NodeId,
        folder: &Path,
        entry: &FolderEntry,
        count: ScanMode,
    ) {
        let Some(node) = self.nodes.get(&id) else { return };
        let begun = self.begun.get();
        let mut reached = self.rules.globs.reach(&node.spots, &entry.name);
        let is_old = || count == ScanMode::First && begun.is_none();
        let is_known = || reached.matches.iter().all(|target| node.held.contains(target));
        // Nothing new can come of it: most files of a big tree end here.
        if reached.is_nothing() || entry.kind.is_file() && is_old() && is_known() {
            return;
        }
        let path = folder.join(&entry.name);
        if self.rules.is_nothing(&path, &entry.name) {
            return;
        }
        let is_link = entry.kind.is_symlink();
        let is_folder = entry.kind.is_dir() || is_link && path.is_dir();
        let git = &node.git;
        reached.retain(|target| self.rules.counts(target, &path, is_folder, git));
        if reached.is_nothing() {
            return;
        }
        let links = node.links + u8::from(is_link);
        // In most folders the globs have got as far as in the one around.
        let below = if *reached.below == *node.spots {
            Rc::clone(&node.spots)
        } else {
            Rc::from(reached.below)
        };
        if is_link {
            self.follow_link(id, &entry.name, &path);
        }
        if !is_folder {
            self.found(id, &path, &reached.matches, count);
            return;
        }
        if let ScanMode::All(new) = count {
            self.change(&reached.matches, &path, new);
        }
        if below.is_empty() || links > MOST_LINKS || is_link && self.is_around(id, &path) {
            return;
        }
        self.enter(Some(id), entry.name.clone(), below, links, count);
    }

    /// A file for these was found.
    fn found(&mut self, id: NodeId, path: &Path, targets: &[u16], count: ScanMode) {
        self.hold(id, targets);
        let changed_since = |since: Duration| {
            let meta = fs::metadata(path).ok();
            meta.is_some_and(|meta| changed(&meta) + STAMP_LAG >= since)
        };
        let new = match (count, self.begun.get()) {
            (ScanMode::First, None) | (ScanMode::Poll, _) => return,
            (ScanMode::First, Some(since)) | (ScanMode::Since(since), _) => {
                if !changed_since(since) {
                    return;
                }
                FileAge::No
            }
            (ScanMode::All(new), _) => new,
            (ScanMode::Newest, _) => {
                let at = fs::metadata(path).map(|meta| changed(&meta)).unwrap_or_default();
                let Some(all) = &mut self.newest else { return };
                for target in targets {
                    let newest = all.get_mut(usize::from(*target));
                    if let Some(newest) = newest
                        && newest.as_ref().is_none_or(|(other, _)| *other < at)
                    {
                        *newest = Some((at, path.to_owned()));
                    }
                }
                return;
            }
        };
        self.change(targets, path, new);
    }

    /// Notes that a folder holds files of these.
    pub(super) fn hold(&mut self, id: NodeId, targets: &[u16]) {
        let Some(node) = self.nodes.get_mut(&id) else { return };
        for target in targets {
            if !node.held.contains(target) {
                node.held.push(*target);
            }
        }
    }

    /// Whether a link leads back to a folder that it is in.
    fn is_around(&self, id: NodeId, link: &Path) -> bool {
        let Ok(goal) = fs::metadata(link) else { return true };
        let mut around = self.path(id);
        while let Some(folder) = around {
            let same = |meta: Metadata| (meta.dev(), meta.ino()) == (goal.dev(), goal.ino());
            if fs::metadata(&folder).is_ok_and(same) {
                return true;
            }
            around = folder.parent().map(Path::to_owned);
        }
        false
    }
}

/// When a file was changed last, contents or name, on the wall clock.
fn changed(meta: &Metadata) -> Duration {
    Duration::new(meta.ctime().max(0) as u64, meta.ctime_nsec() as u32)
}
