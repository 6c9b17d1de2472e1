//! Polling: compares folders that inotify does not watch with their previous state.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::path::Path;

use super::debouncer::FileAge;
use super::file_stamp::FileStamp;
use super::git::GIT_ENTRIES;
use super::inotify::WatchError;
use super::scan::FolderEntry;
use super::tree::{FolderTree, NodeId, ScanMode};

impl FolderTree {
    /// Schedules a read of all folders that the kernel does not watch.
    pub(super) fn begin_poll(&mut self) {
        self.full = false;
        let ids: Vec<NodeId> = self.polled.keys().copied().collect();
        for id in ids {
            self.push(id, ScanMode::Poll);
        }
    }

    /// Returns the current stamps of the relevant entries of a folder.
    pub(super) fn stamps(
        &self,
        id: NodeId,
        path: &Path,
        entries: &[FolderEntry],
    ) -> HashMap<OsString, FileStamp> {
        let Some(node) = self.nodes.get(&id) else { return HashMap::new() };
        let matters = |entry: &&FolderEntry| {
            GIT_ENTRIES.iter().any(|name| entry.name == *name)
                || !self.rules.globs.advance(&node.states, &entry.name).is_empty()
        };
        let stamp = |entry: &FolderEntry| {
            let path = path.join(&entry.name);
            // Follow links: the target changes, not the link. For a dangling link, use the link itself.
            let meta = fs::metadata(&path).or_else(|_| fs::symlink_metadata(&path)).ok()?;
            Some((entry.name.clone(), FileStamp::of(&meta, entry.kind.is_symlink())))
        };
        entries.iter().filter(matters).filter_map(stamp).collect()
    }

    /// Reads one folder again and records what differs from the previous read.
    pub(super) fn poll(&mut self, id: NodeId) {
        let Some(path) = self.path(id) else { return };
        let mut watched = false;
        if !self.full {
            match self.attach(id, &path) {
                Ok(()) => watched = true,
                Err(WatchError::Limit) => self.full = true,
                Err(WatchError::Gone | WatchError::Other) => {}
            }
        }
        let Some(before) = self.polled.remove(&id) else { return };
        let entries = self.entries(id, &path);
        let now = self.stamps(id, &path, &entries);
        if !watched {
            self.polled.insert(id, now.clone());
        }
        for (name, stamp) in &now {
            let is_file = |stamp: &FileStamp| !stamp.is_folder;
            match before.get(name) {
                Some(old) if old == stamp => {}
                None => self.on_created(id, name, FileAge::New),
                Some(old) if is_file(old) && is_file(stamp) && old.is_link == stamp.is_link => {
                    self.on_modified(id, name);
                }
                Some(_) => self.on_created(id, name, FileAge::Existing),
            }
        }
        for (name, stamp) in before {
            if !now.contains_key(&name) {
                self.on_removed(id, &name, stamp.is_folder);
            }
        }
    }
}
