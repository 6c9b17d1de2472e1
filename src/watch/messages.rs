//! Messages about file watching for the user, and the paths in them.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use super::WatchPlan;
use super::debouncer::PathKind;
use super::tree::{FolderTree, ROOT};
use crate::spec::counted;

/// Returns what exists at a path.
pub(super) fn path_kind(path: &Path) -> Option<PathKind> {
    let meta = fs::symlink_metadata(path).ok()?;
    Some(if meta.is_dir() { PathKind::Folder } else { PathKind::File })
}

/// Returns `path` relative to `base`, with `..` where needed.
pub(super) fn relative(path: &Path, base: &Path) -> String {
    let mut up = PathBuf::new();
    for around in base.ancestors() {
        if let Ok(rest) = path.strip_prefix(around) {
            // Only the root is shared: the absolute path is clearer.
            if around.parent().is_none() {
                break;
            }
            let seen = up.join(rest);
            let text = seen.to_string_lossy();
            return if text.is_empty() { ".".to_owned() } else { text.into_owned() };
        }
        up.push("..");
    }
    path.to_string_lossy().into_owned()
}

/// Message: no inotify instance is available.
pub(super) fn no_queue(error: Errno) -> String {
    if error == Errno::MFILE {
        let (now, more) = setting("max_user_instances", 128);
        format!(
            "the limit of inotify instances is reached (fs.inotify.max_user_instances is {now}); \
            files are polled every 2 seconds instead; to raise the limit, run \
            `sysctl fs.inotify.max_user_instances={more}` as root"
        )
    } else {
        format!(
            "file watching by the kernel is unavailable ({error}); files are polled every 2 seconds"
        )
    }
}

/// Message: the kernel accepts no more watches.
pub(super) fn limit(polled: usize) -> String {
    let (now, more) = setting("max_user_watches", 8192);
    let (folders, are) = (counted(polled, "folder"), if polled == 1 { "is" } else { "are" });
    format!(
        "the limit of watched folders is reached (fs.inotify.max_user_watches is {now}): {folders} {are} \
         looked at every few seconds instead; `sysctl fs.inotify.max_user_watches={more}` as root \
         raises it, or name less in `watch`"
    )
}

/// Returns a kernel setting, and a value that is high enough.
fn setting(name: &str, usual: u64) -> (u64, u64) {
    let text = fs::read_to_string(format!("/proc/sys/fs/inotify/{name}")).unwrap_or_default();
    let now = text.trim().parse().unwrap_or(usual);
    (now, now.saturating_mul(4).max(usual * 4))
}

/// Returns a warning, with its target, for each glob that can never match or does not match yet.
pub(super) fn warnings(tree: &FolderTree, plan: &WatchPlan) -> Vec<(u16, String)> {
    let mut warnings: Vec<(u16, String)> = Vec::new();
    for (target, glob) in &tree.rules.invalid {
        warnings.push((
            *target,
            format!("`{glob}` in `watch` has too many alternatives to be watched"),
        ));
    }
    for (target, wanted) in plan.targets.iter().enumerate() {
        let target = target as u16;
        for glob in tree.rules.globs.of(target) {
            let base = glob.base();
            if let Some(text) = warning(tree, target, &base, glob.is_path(), &wanted.base) {
                let warning = (target, text);
                if !warnings.contains(&warning) {
                    warnings.push(warning);
                }
            }
        }
    }
    warnings
}

/// Walks from the root to the literal prefix of a glob, as far as folders exist.
fn warning(
    tree: &FolderTree,
    target: u16,
    goal: &Path,
    is_path: bool,
    base: &Path,
) -> Option<String> {
    let (mut node, mut path) = (tree.nodes.get(&ROOT)?, PathBuf::from("/"));
    for name in goal.iter().filter(|name| *name != OsStr::new("/")) {
        path.push(name);
        let shown = relative(&path, base);
        let Some(kind) = fs::metadata(&path).ok() else {
            let is_last = path == goal;
            // A missing file is common and needs no warning; a missing folder may be misspelt.
            return (!is_path || !is_last)
                .then(|| format!("watched path `{shown}` does not exist yet"));
        };
        if tree.rules.honours_git(target) && node.git.is_ignored(&path, kind.is_dir()) {
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
