//! Tests with real files and the real kernel, but without the thread and the clock: events of past
//! changes are in the queue when it is read.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use super::compiled_plan::CompiledPlan;
use super::debouncer::Debouncer;
use super::inotify::Inotify;
use super::tree::{FolderTree, ROOT};
use super::{WatchOwner, WatchPlan, WatchTarget, messages};

mod chaos;
mod folders;
mod limits;
mod saves;
mod thread;

/// A folder with files and the tree that watches it.
struct Site {
    /// Removed at the end.
    _folder: TempDir,
    top: PathBuf,
    plan: WatchPlan,
    tree: FolderTree,
}

/// How the kernel supports watching in a test.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Kind {
    Watched,
    /// It accepts only this many folders.
    Limited(usize),
    /// It does not support watching.
    Polled,
}

fn target(name: &str, base: &Path, paths: &[&str], ignore: &[&str]) -> WatchTarget {
    let owned = |globs: &[&str]| globs.iter().map(|glob| (*glob).to_owned()).collect();
    WatchTarget {
        owner: WatchOwner::Process(name.into()),
        base: base.to_owned(),
        paths: owned(paths),
        ignore: owned(ignore),
        gitignore: true,
        debounce: Duration::from_millis(200),
    }
}

impl Site {
    /// Watches files that `make` creates first.
    fn new(paths: &[&str], make: impl FnOnce(&Path)) -> Self {
        Self::of(Kind::Watched, |top| vec![target("a", top, paths, &[])], make)
    }

    fn of(
        kind: Kind,
        targets: impl FnOnce(&Path) -> Vec<WatchTarget>,
        make: impl FnOnce(&Path),
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path().canonicalize().unwrap().join("p");
        fs::create_dir(&top).unwrap();
        make(&top);
        let own = vec![top.join("own.log"), top.join("logs")];
        let plan = WatchPlan { top: top.clone(), targets: targets(&top), own };
        let kernel = (kind != Kind::Polled).then(|| Inotify::open().unwrap());
        let most = if let Kind::Limited(most) = kind { most } else { usize::MAX };
        let tree = FolderTree::new(CompiledPlan::new(&plan), kernel, most);
        let mut site = Self { _folder: folder, top, plan, tree };
        assert_eq!(site.settle(), [] as [&str; 0], "what was there does not count");
        site
    }

    /// Applies all pending events; returns each changed file once.
    fn settle(&mut self) -> Vec<String> {
        self.look();
        let mut changed = Vec::new();
        for change in std::mem::take(&mut self.tree.changes) {
            let base = &self.plan.targets[usize::from(change.target)].base;
            let path = messages::relative(&change.path, base);
            let path = if change.target == 0 { path } else { format!("{}:{path}", change.target) };
            if !changed.contains(&path) {
                changed.push(path);
            }
        }
        changed
    }

    /// Returns the same as one batch, as text: the named file and the number of others.
    fn batch(&mut self) -> Option<(String, u64)> {
        self.look();
        let mut debouncer = Debouncer::new(Duration::ZERO);
        for change in std::mem::take(&mut self.tree.changes) {
            debouncer.add(Duration::ZERO, change.path, change.age);
        }
        let batch = debouncer.close(messages::path_kind)?;
        Some((messages::relative(&batch.path, &self.top), batch.more))
    }

    fn look(&mut self) {
        loop {
            let events = self.tree.kernel.as_mut().map(Inotify::read).unwrap_or_default();
            for event in &events {
                self.tree.apply_event(event);
            }
            // Far in the past, so that everything that is found counts.
            self.tree.reread(Duration::ZERO);
            self.tree.work(usize::MAX);
            if events.is_empty() && self.tree.todo.is_empty() && self.tree.stale.is_empty() {
                break;
            }
        }
        self.tree.drop_unused_watches();
    }

    /// Returns what polling finds in folders that the kernel does not watch.
    fn poll(&mut self) -> Vec<String> {
        self.tree.begin_poll();
        self.settle()
    }

    /// Returns the folders below the project that are in the tree.
    fn folders(&self) -> Vec<String> {
        let path = |id: &u64| self.tree.path(*id).unwrap();
        let paths = self.tree.nodes.keys().filter(|id| **id != ROOT).map(path);
        let inside = paths.filter_map(|path| Some(path.strip_prefix(&self.top).ok()?.to_owned()));
        let mut folders: Vec<String> = inside.map(|path| path.display().to_string()).collect();
        folders.sort();
        folders
    }

    fn write(&self, path: &str) {
        write(&self.top, path);
    }

    fn path(&self, path: &str) -> PathBuf {
        self.top.join(path)
    }

    fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).unwrap();
    }
}

/// Writes a file, creating its folders.
fn write(top: &Path, path: &str) {
    let path = top.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, "something").unwrap();
}

fn files(top: &Path, paths: &[&str]) {
    for path in paths {
        write(top, path);
    }
}

fn link(top: &Path, goal: &str, path: &str) {
    symlink(goal, top.join(path)).unwrap();
}
