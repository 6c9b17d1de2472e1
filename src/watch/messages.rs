//! Messages about file watching for the user, and the paths in them.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use indexmap::IndexSet;
use rustix::io::Errno;

use super::WatchPlan;
use super::debouncer::PathKind;
use super::glob::Glob;
use super::tree::{FolderTree, ROOT};
use crate::spec::{counted, io_error_text};

/// Describes the file type at a path.
pub(super) fn path_kind(path: &Path) -> Option<PathKind> {
    let meta = fs::symlink_metadata(path).ok()?;
    Some(if meta.is_dir() { PathKind::Folder } else { PathKind::File })
}

/// Returns `path` relative to `base`, with `..` where needed.
pub(super) fn relative(path: &Path, base: &Path) -> String {
    let mut up = PathBuf::new();
    for ancestor in base.ancestors() {
        if let Ok(rest) = path.strip_prefix(ancestor) {
            // Only the root is shared: the absolute path is clearer.
            if ancestor.parent().is_none() {
                break;
            }
            let text = up.join(rest).to_string_lossy().into_owned();
            return if text.is_empty() { ".".to_owned() } else { text };
        }
        up.push("..");
    }
    path.to_string_lossy().into_owned()
}

/// Message: no inotify instance is available.
pub(super) fn no_queue(error: Errno) -> String {
    if error == Errno::MFILE {
        let (now, sufficient) = setting("max_user_instances", 128);
        format!(
            "the limit of inotify instances is reached (fs.inotify.max_user_instances is {now}); \
            files are polled every 2 seconds instead; to raise the limit, run \
            `sysctl fs.inotify.max_user_instances={sufficient}` as root"
        )
    } else {
        format!(
            "file watching by the kernel is unavailable ({}); files are polled every 2 seconds",
            io_error_text(&error)
        )
    }
}

/// Message: the kernel accepts no more watches.
pub(super) fn limit(polled: usize) -> String {
    let (now, sufficient) = setting("max_user_watches", 8192);
    let (folders, are) = (counted(polled, "folder"), if polled == 1 { "is" } else { "are" });
    format!(
        "the limit of watched folders is reached (fs.inotify.max_user_watches is {now}); {folders} {are} \
         polled every few seconds instead; to raise the limit, run \
         `sysctl fs.inotify.max_user_watches={sufficient}` as root, or watch fewer files"
    )
}

/// Returns a kernel setting, and a value that is high enough.
fn setting(name: &str, default: u64) -> (u64, u64) {
    let text = fs::read_to_string(format!("/proc/sys/fs/inotify/{name}")).unwrap_or_default();
    let now = text.trim().parse().unwrap_or(default);
    (now, now.saturating_mul(4).max(default * 4))
}

/// Returns a warning, with its target, for each glob that can never match or does not match yet.
pub(super) fn warnings(tree: &FolderTree, plan: &WatchPlan) -> Vec<(u16, String)> {
    let too_many = |(target, glob): &(u16, String)| {
        (*target, format!("`{glob}` in `watch` has too many alternatives to be watched"))
    };
    let invalid = tree.rules.invalid.iter().map(too_many);
    let unmatched = plan.targets.iter().enumerate().flat_map(|(index, target)| {
        let (index, base) = (index as u16, &target.base);
        let globs = tree.rules.globs.of(index).iter();
        globs.filter_map(move |glob| Some((index, warning(tree, index, glob, base)?)))
    });
    invalid.chain(unmatched).collect::<IndexSet<_>>().into_iter().collect()
}

/// Walks from the root to the literal prefix of a glob, as far as folders exist.
fn warning(tree: &FolderTree, target: u16, glob: &Glob, base: &Path) -> Option<String> {
    let goal = glob.base();
    let (mut node, mut path) = (tree.nodes.get(&ROOT)?, PathBuf::from("/"));
    for name in goal.iter().filter(|name| *name != OsStr::new("/")) {
        path.push(name);
        let shown = relative(&path, base);
        let Ok(metadata) = fs::metadata(&path) else {
            // A missing file is common and needs no warning; a missing folder may be misspelt.
            return (!glob.is_path() || path != goal)
                .then(|| format!("watched path `{shown}` does not exist yet"));
        };
        if tree.rules.honours_git(target) && node.git.is_ignored(&path, metadata.is_dir()) {
            return Some(format!(
                "watched path `{shown}` is ignored by `.gitignore`; set `gitignore = false` in \
                `watch` to watch it"
            ));
        }
        node = tree.nodes.get(node.children.get(name)?)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_shown_as_seen_from_the_base() {
        for (path, base, shown) in [
            ("/p/q/src/a", "/p/q", "src/a"),
            ("/p/lib/a", "/p/q", "../lib/a"),
            ("/p/q", "/p/q", "."),
            ("/etc/hosts", "/p/q", "/etc/hosts"),
            ("/a", "/", "/a"),
        ] {
            assert_eq!(relative(Path::new(path), Path::new(base)), shown);
        }
    }
}
