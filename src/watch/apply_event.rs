//! What the kernel tells, and what it means to the tree.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::debouncer::FileAge;
use super::git::OF_GIT;
use super::inotify::{FileEvent, FileEventKind};
use super::scan::FolderEntry;
use super::tree::{FolderTree, NodeId, ROOT, ScanMode};

impl FolderTree {
    /// Takes in one thing that has happened.
    pub(super) fn happened(&mut self, it: &FileEvent) {
        match it.what {
            FileEventKind::Overflow => self.missed(),
            FileEventKind::Gone => {
                let Some(seat) = self.unseat(it.wd) else { return };
                for id in seat.nodes {
                    self.revisit(id);
                }
                for (id, link) in seat.spots.into_values().flatten() {
                    self.link_changed(id, &link, it.what);
                }
            }
            FileEventKind::Moved => {
                let seat = self.seats.get(&it.wd);
                // Others are told by the folder they were in.
                for id in seat.map_or_else(Vec::new, |seat| seat.nodes.clone()) {
                    if self.is_link(id) {
                        self.revisit(id);
                    }
                }
            }
            FileEventKind::Made
            | FileEventKind::MovedIn
            | FileEventKind::Went
            | FileEventKind::Written => self.in_folder(it),
        }
    }

    /// Something happened to a name in a folder.
    fn in_folder(&mut self, it: &FileEvent) {
        let Some(seat) = self.seats.get(&it.wd) else { return };
        let links = seat.spots.get(&it.name).cloned().unwrap_or_default();
        for id in seat.nodes.clone() {
            match it.what {
                FileEventKind::Made => self.on_created(id, &it.name, FileAge::Yes),
                FileEventKind::MovedIn => self.on_created(id, &it.name, FileAge::No),
                FileEventKind::Went => self.on_removed(id, &it.name, it.is_folder),
                FileEventKind::Written => self.on_modified(id, &it.name),
                FileEventKind::Moved | FileEventKind::Gone | FileEventKind::Overflow => {}
            }
        }
        for (id, link) in links {
            self.link_changed(id, &link, it.what);
        }
    }

    /// There is something new under this name, perhaps in the place of something else.
    pub(super) fn on_created(&mut self, id: NodeId, name: &OsStr, new: FileAge) {
        let Some(node) = self.nodes.get(&id) else { return };
        let child = node.children.get(name).copied();
        self.look_at_git(id, name);
        if child.is_none() && !self.matters(id, name) {
            return;
        }
        let held = child.map_or_else(Vec::new, |child| self.remove(child));
        let Some(folder) = self.path(id) else { return };
        let path = folder.join(name);
        self.change(&held, &path, FileAge::No);
        if let Some(entry) = FolderEntry::named(&folder, name) {
            self.entry(id, &folder, &entry, ScanMode::All(new));
        } else {
            // It has gone again: what is still to be told of it is about something new.
            let targets = self.matches(id, &path, name, false);
            self.change(&targets, &path, new);
        }
    }

    /// There is nothing under this name any more.
    pub(super) fn on_removed(&mut self, id: NodeId, name: &OsStr, is_folder: bool) {
        let Some(node) = self.nodes.get(&id) else { return };
        let child = node.children.get(name).copied();
        self.look_at_git(id, name);
        self.forget_link(id, name);
        if child.is_none() && !self.matters(id, name) {
            return;
        }
        let Some(path) = self.path(id).map(|folder| folder.join(name)) else { return };
        let mut targets = child.map_or_else(Vec::new, |child| self.remove(child));
        targets.extend(self.matches(id, &path, name, is_folder || child.is_some()));
        targets.sort_unstable();
        targets.dedup();
        self.change(&targets, &path, FileAge::No);
    }

    pub(super) fn on_modified(&mut self, id: NodeId, name: &OsStr) {
        self.look_at_git(id, name);
        if !self.matters(id, name) {
            return;
        }
        let Some(path) = self.path(id).map(|folder| folder.join(name)) else { return };
        let targets = self.matches(id, &path, name, false);
        self.hold(id, &targets);
        self.change(&targets, &path, FileAge::No);
    }

    /// Whether any glob goes on with this name.
    fn matters(&self, id: NodeId, name: &OsStr) -> bool {
        let node = self.nodes.get(&id);
        node.is_some_and(|node| !self.rules.globs.reach(&node.spots, name).is_nothing())
    }

    /// For whom a file or folder counts.
    fn matches(&self, id: NodeId, path: &Path, name: &OsStr, is_folder: bool) -> Vec<u16> {
        let Some(node) = self.nodes.get(&id) else { return Vec::new() };
        if self.rules.is_nothing(path, name) {
            return Vec::new();
        }
        let mut reached = self.rules.globs.reach(&node.spots, name);
        reached.below.clear();
        reached.retain(|target| self.rules.counts(target, path, is_folder, &node.git));
        reached.matches
    }

    /// Looks again at what is under the name of a folder.
    fn revisit(&mut self, id: NodeId) {
        let Some(node) = self.nodes.get(&id) else { return };
        let (Some(parent), name) = (node.parent, node.name.clone()) else { return };
        let path = self.path(id);
        if path.is_some_and(|path| fs::symlink_metadata(path).is_ok()) {
            self.on_created(parent, &name, FileAge::No);
        } else {
            self.on_removed(parent, &name, true);
        }
    }

    fn is_link(&self, id: NodeId) -> bool {
        let Some(node) = self.nodes.get(&id) else { return false };
        let parent = node.parent.and_then(|parent| self.nodes.get(&parent));
        parent.is_some_and(|parent| parent.links < node.links)
    }

    fn look_at_git(&mut self, id: NodeId, name: &OsStr) {
        if OF_GIT.iter().any(|of_git| name == *of_git) {
            self.stale.insert(id);
        }
    }

    /// Reads folders anew in which other files are ignored now. What changes from now on until that
    /// is done is found by its time: `wall`.
    pub(super) fn reread(&mut self, wall: Duration) {
        for id in std::mem::take(&mut self.stale) {
            let Some(node) = self.nodes.get(&id) else { continue };
            let children: Vec<NodeId> = node.children.values().copied().collect();
            for child in children {
                self.remove(child);
            }
            self.push(id, ScanMode::Since(wall));
        }
    }

    /// The kernel could not keep up: something has changed, and folders may have come and gone.
    fn missed(&mut self) {
        if self.newest.is_some() {
            self.missed_again = true;
            return;
        }
        let root = self.nodes.get(&ROOT);
        let children: Vec<NodeId> =
            root.map(|root| root.children.values().copied().collect()).unwrap_or_default();
        for child in children {
            self.remove(child);
        }
        self.newest = Some(vec![None; self.rules.len()]);
        self.push(ROOT, ScanMode::Newest);
    }

    /// Everything was read: the newest file is taken for the one that has changed.
    pub(super) fn tell_missed(&mut self, newest: Vec<Option<(Duration, PathBuf)>>) {
        for (target, newest) in newest.into_iter().enumerate() {
            let target = target as u16;
            let base = || self.rules.globs.of(target).first().map(super::glob::Glob::base);
            if let Some(path) = newest.map(|(_, path)| path).or_else(base) {
                self.change(&[target], &path, FileAge::No);
            }
        }
        if std::mem::take(&mut self.missed_again) {
            self.missed();
        }
    }
}
