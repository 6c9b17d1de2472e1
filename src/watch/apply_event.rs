//! Applies inotify events to the tree of watched folders.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::debouncer::FileAge;
use super::git::GIT_ENTRIES;
use super::inotify::{InotifyEvent, InotifyEventKind};
use super::scan::FolderEntry;
use super::tree::{FolderTree, NodeId, ROOT, ScanMode};

impl FolderTree {
    /// Applies one event.
    pub(super) fn apply_event(&mut self, event: &InotifyEvent) {
        match event.kind {
            InotifyEventKind::Overflow => self.on_overflow(),
            InotifyEventKind::Gone => {
                let Some(watch) = self.detach(event.wd) else { return };
                for id in watch.nodes {
                    self.revisit(id);
                }
                for (id, link) in watch.hops.into_values().flatten() {
                    self.link_changed(id, &link, event.kind);
                }
            }
            InotifyEventKind::Moved => {
                let watch = self.watches.get(&event.wd);
                // A move of a folder, unless it is a link, is reported by its parent folder.
                for id in watch.map_or_else(Vec::new, |watch| watch.nodes.clone()) {
                    if self.is_link(id) {
                        self.revisit(id);
                    }
                }
            }
            InotifyEventKind::Created
            | InotifyEventKind::MovedIn
            | InotifyEventKind::Removed
            | InotifyEventKind::Modified => self.in_folder(event),
        }
    }

    /// Applies an event about an entry of a folder.
    fn in_folder(&mut self, event: &InotifyEvent) {
        let Some(watch) = self.watches.get(&event.wd) else { return };
        let links = watch.hops.get(&event.name).cloned().unwrap_or_default();
        for id in watch.nodes.clone() {
            match event.kind {
                InotifyEventKind::Created => self.on_created(id, &event.name, FileAge::New),
                InotifyEventKind::MovedIn => self.on_created(id, &event.name, FileAge::Existing),
                InotifyEventKind::Removed => self.on_removed(id, &event.name, event.is_folder),
                InotifyEventKind::Modified => self.on_modified(id, &event.name),
                InotifyEventKind::Moved | InotifyEventKind::Gone | InotifyEventKind::Overflow => {}
            }
        }
        for (id, link) in links {
            self.link_changed(id, &link, event.kind);
        }
    }

    /// Handles an entry that was created or moved here, perhaps replacing another one.
    pub(super) fn on_created(&mut self, id: NodeId, name: &OsStr, age: FileAge) {
        let Some(node) = self.nodes.get(&id) else { return };
        let child = node.children.get(name).copied();
        self.note_git_entry(id, name);
        if child.is_none() && !self.matters(id, name) {
            return;
        }
        let matched = child.map_or_else(Vec::new, |child| self.remove(child));
        let Some(folder) = self.path(id) else { return };
        let path = folder.join(name);
        self.change(&matched, &path, FileAge::Existing);
        if let Some(entry) = FolderEntry::named(&folder, name) {
            self.entry(id, &folder, &entry, ScanMode::All(age));
        } else {
            // The file is gone again. Pending events of this name are about a newer file.
            let targets = self.matches(id, &path, name, false);
            self.change(&targets, &path, age);
        }
    }

    /// Handles an entry that was deleted or moved away.
    pub(super) fn on_removed(&mut self, id: NodeId, name: &OsStr, is_folder: bool) {
        let Some(node) = self.nodes.get(&id) else { return };
        let child = node.children.get(name).copied();
        self.note_git_entry(id, name);
        self.forget_link(id, name);
        if child.is_none() && !self.matters(id, name) {
            return;
        }
        let Some(path) = self.path(id).map(|folder| folder.join(name)) else { return };
        let mut targets = child.map_or_else(Vec::new, |child| self.remove(child));
        targets.extend(self.matches(id, &path, name, is_folder || child.is_some()));
        targets.sort_unstable();
        targets.dedup();
        self.change(&targets, &path, FileAge::Existing);
    }

    pub(super) fn on_modified(&mut self, id: NodeId, name: &OsStr) {
        self.note_git_entry(id, name);
        if !self.matters(id, name) {
            return;
        }
        let Some(path) = self.path(id).map(|folder| folder.join(name)) else { return };
        let targets = self.matches(id, &path, name, false);
        self.note_matches(id, &targets);
        self.change(&targets, &path, FileAge::Existing);
    }

    /// Whether any glob can match this entry or something below it.
    fn matters(&self, id: NodeId, name: &OsStr) -> bool {
        let node = self.nodes.get(&id);
        node.is_some_and(|node| !self.rules.globs.advance(&node.states, name).is_empty())
    }

    /// Returns the targets for which a file or folder counts.
    fn matches(&self, id: NodeId, path: &Path, name: &OsStr, is_folder: bool) -> Vec<u16> {
        let Some(node) = self.nodes.get(&id) else { return Vec::new() };
        if self.rules.is_always_ignored(path, name) {
            return Vec::new();
        }
        let mut step = self.rules.globs.advance(&node.states, name);
        step.below.clear();
        step.retain(|target| self.rules.counts(target, path, is_folder, &node.git));
        step.matches
    }

    /// Checks whether a folder still exists under its name.
    fn revisit(&mut self, id: NodeId) {
        let Some(node) = self.nodes.get(&id) else { return };
        let (Some(parent), name) = (node.parent, node.name.clone()) else { return };
        let path = self.path(id);
        if path.is_some_and(|path| fs::symlink_metadata(path).is_ok()) {
            self.on_created(parent, &name, FileAge::Existing);
        } else {
            self.on_removed(parent, &name, true);
        }
    }

    fn is_link(&self, id: NodeId) -> bool {
        let Some(node) = self.nodes.get(&id) else { return false };
        let parent = node.parent.and_then(|parent| self.nodes.get(&parent));
        parent.is_some_and(|parent| parent.links < node.links)
    }

    /// Marks a folder as stale if the entry can change its ignore rules.
    fn note_git_entry(&mut self, id: NodeId, name: &OsStr) {
        if GIT_ENTRIES.iter().any(|entry| name == *entry) {
            self.stale.insert(id);
        }
    }

    /// Reads the folders again whose ignore rules have changed. Files that change before that is done
    /// are recognised by their time: they changed after `wall`.
    pub(super) fn reread(&mut self, wall: Duration) {
        for id in std::mem::take(&mut self.stale) {
            if self.remove_children(id) {
                self.push(id, ScanMode::Since(wall));
            }
        }
    }

    /// Removes the folders inside of this one; returns whether it exists.
    fn remove_children(&mut self, id: NodeId) -> bool {
        let Some(node) = self.nodes.get(&id) else { return false };
        for child in node.children.values().copied().collect::<Vec<NodeId>>() {
            self.remove(child);
        }
        true
    }

    /// Reads everything again after a queue overflow: files have changed, and folders may have come
    /// and gone.
    fn on_overflow(&mut self) {
        if self.newest.is_some() {
            self.overflowed_again = true;
            return;
        }
        self.remove_children(ROOT);
        self.newest = Some(vec![None; self.rules.len()]);
        self.push(ROOT, ScanMode::Newest);
    }

    /// Reports the newest file of each target as the changed file, once everything is read.
    pub(super) fn report_newest(&mut self, newest: Vec<Option<(Duration, PathBuf)>>) {
        for (target, newest) in newest.into_iter().enumerate() {
            let target = target as u16;
            let base = || self.rules.globs.of(target).first().map(super::glob::Glob::base);
            if let Some(path) = newest.map(|(_, path)| path).or_else(base) {
                self.change(&[target], &path, FileAge::Existing);
            }
        }
        if std::mem::take(&mut self.overflowed_again) {
            self.on_overflow();
        }
    }
}
