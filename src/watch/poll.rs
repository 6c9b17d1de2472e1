//! Folders that the kernel does not watch are read again and again.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::debouncer::FileAge;
use super::git::OF_GIT;
use super::inotify::WatchError;
use super::scan::FolderEntry;
use super::tree::{FolderTree, NodeId, ScanMode};

/// What tells that something is not what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FileStamp {
    is_link: bool,
    is_folder: bool,
    file: (u64, u64),
    /// Of files: size, and when it was written.
    content: Option<(u64, i64, i64)>,
}

impl FileStamp {
    fn of(meta: &Metadata, is_link: bool) -> Self {
        let content = (meta.size(), meta.mtime(), meta.mtime_nsec());
        Self {
            is_link,
            is_folder: meta.is_dir(),
            file: (meta.dev(), meta.ino()),
            content: (!meta.is_dir()).then_some(content),
        }
    }
}

impl FolderTree {
    /// Reads all folders again that the kernel does not watch.
    pub(super) fn begin_poll(&mut self) {
        self.full = false;
        let ids: Vec<NodeId> = self.polled.keys().copied().collect();
        for id in ids {
            self.push(id, ScanMode::Poll);
        }
    }

    /// How what is in a folder and matters is now.
    pub(super) fn stamps(
        &self,
        id: NodeId,
        path: &Path,
        entries: &[FolderEntry],
    ) -> HashMap<OsString, FileStamp> {
        let Some(node) = self.nodes.get(&id) else { return HashMap::new() };
        let matters = |entry: &&FolderEntry| {
            OF_GIT.iter().any(|name| entry.name == *name)
                || !self.rules.globs.reach(&node.spots, &entry.name).is_nothing()
        };
        let stamp = |entry: &FolderEntry| {
            let path = path.join(&entry.name);
            // Behind a link: that is what changes. A link that leads nowhere changes itself.
            let meta = fs::metadata(&path).or_else(|_| fs::symlink_metadata(&path)).ok()?;
            Some((entry.name.clone(), FileStamp::of(&meta, entry.kind.is_symlink())))
        };
        entries.iter().filter(matters).filter_map(stamp).collect()
    }

    /// Reads one folder again and holds it against what it was.
    pub(super) fn poll(&mut self, id: NodeId) {
        let Some(path) = self.path(id) else { return };
        let mut watched = false;
        if !self.full {
            match self.seat(id, &path) {
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
            match before.get(name) {
                Some(old) if old == stamp => {}
                old => self.differs(id, name, old, stamp),
            }
        }
        for (name, stamp) in before {
            if !now.contains_key(&name) {
                self.on_removed(id, &name, stamp.is_folder);
            }
        }
    }

    fn differs(&mut self, id: NodeId, name: &OsStr, old: Option<&FileStamp>, now: &FileStamp) {
        match old {
            None => self.on_created(id, name, FileAge::Yes),
            Some(old) if (now.is_folder, now.is_link) == (false, old.is_link) && !old.is_folder => {
                self.on_modified(id, name);
            }
            Some(_) => self.on_created(id, name, FileAge::No),
        }
    }
}
