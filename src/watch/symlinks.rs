//! Symlinks: a file behind a link changes when its target or any link on the path to it changes.
//!
//! Kubernetes mounts settings as `app.yaml -> ..data/app.yaml` with `..data -> ..2026_01`, and
//! updates them by replacing `..data`; nothing ever happens to `app.yaml` itself.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Component, Path, PathBuf};

use super::debouncer::FileAge;
use super::inotify::InotifyEventKind;
use super::tree::{FolderTree, NodeId};

/// The maximum number of links in one path, as in the kernel.
const MAX_LINKS: usize = 40;

impl FolderTree {
    /// Watches every link on the path that a link resolves to.
    pub(super) fn follow_link(&mut self, id: NodeId, name: &OsStr, path: &Path) {
        self.forget_link(id, name);
        let mut hops = Vec::new();
        for (folder, hop) in resolution_hops(path).into_iter().skip(1) {
            let is_full = self.watches.len() >= self.max_folders;
            let kernel = self.kernel.as_ref().filter(|_| !is_full);
            let Some(Ok(wd)) = kernel.map(|kernel| kernel.watch(&folder, true)) else { continue };
            let watch = self.watches.entry(wd).or_default();
            watch.hops.entry(hop.clone()).or_default().push((id, name.to_owned()));
            hops.push((wd, hop));
        }
        if !hops.is_empty() {
            self.links.insert((id, name.to_owned()), hops);
        }
    }

    pub(super) fn forget_link(&mut self, id: NodeId, name: &OsStr) {
        for (wd, hop) in self.links.remove(&(id, name.to_owned())).unwrap_or_default() {
            if let Some(watch) = self.watches.get_mut(&wd)
                && let Some(links) = watch.hops.get_mut(&hop)
            {
                links.retain(|(node, link)| *node != id || link != name);
                if links.is_empty() {
                    watch.hops.remove(&hop);
                }
            }
            self.orphans.insert(wd);
        }
    }

    /// Forgets all links in a folder.
    pub(super) fn forget_links(&mut self, id: NodeId) {
        let range = (id, OsString::new())..(id + 1, OsString::new());
        let names = self.links.range(range).map(|((_, name), _)| name.clone());
        for name in names.collect::<Vec<_>>() {
            self.forget_link(id, &name);
        }
    }

    /// Handles a change of something that a link resolves through.
    pub(super) fn link_changed(&mut self, id: NodeId, name: &OsStr, kind: InotifyEventKind) {
        let is_folder = self.nodes.get(&id).is_some_and(|node| node.children.contains_key(name));
        // Writes inside a folder are reported by that folder.
        if !(is_folder && kind == InotifyEventKind::Modified) {
            self.on_created(id, name, FileAge::Existing);
        }
    }
}

/// Returns the entries that resolving a path goes through and that can change: each link, and the
/// last entry. Each comes with the real folder that contains it.
fn resolution_hops(path: &Path) -> Vec<(PathBuf, OsString)> {
    let mut hops = Vec::new();
    let mut folder = PathBuf::from("/");
    let mut open: VecDeque<OsString> = VecDeque::new();
    push_front(&mut open, path);
    while let Some(name) = open.pop_front() {
        if hops.len() > MAX_LINKS {
            break;
        }
        if name == ".." {
            folder.pop();
            continue;
        }
        let here = folder.join(&name);
        match fs::read_link(&here) {
            Ok(goal) => {
                hops.push((folder.clone(), name));
                if goal.is_absolute() {
                    folder = PathBuf::from("/");
                }
                push_front(&mut open, &goal);
            }
            Err(_) if open.is_empty() || fs::symlink_metadata(&here).is_err() => {
                hops.push((folder, name));
                break;
            }
            Err(_) => folder = here,
        }
    }
    hops
}

fn push_front(open: &mut VecDeque<OsString>, path: &Path) {
    for part in path.components().rev() {
        match part {
            Component::Normal(name) => open.push_front(name.to_owned()),
            Component::ParentDir => open.push_front("..".into()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn every_link_on_the_way_is_a_hop_and_so_is_the_goal() {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path().canonicalize().unwrap();
        fs::create_dir_all(top.join("config/..1")).unwrap();
        fs::write(top.join("config/..1/app"), "").unwrap();
        symlink("..1", top.join("config/..data")).unwrap();
        symlink("..data/app", top.join("config/app")).unwrap();
        symlink("../config/none/x", top.join("config/dangling")).unwrap();
        symlink("round", top.join("config/round")).unwrap();
        let names = |path: &str| -> Vec<String> {
            let text = |(folder, name): (PathBuf, OsString)| {
                let path = folder.join(name);
                path.strip_prefix(&top).unwrap().to_str().unwrap().to_owned()
            };
            resolution_hops(&top.join(path)).into_iter().map(text).collect()
        };
        assert_eq!(names("config/app"), ["config/app", "config/..data", "config/..1/app"]);
        assert_eq!(names("config/dangling"), ["config/dangling", "config/none"]);
        assert_eq!(names("config/round").len(), MAX_LINKS + 1);
    }
}
