//! What the user is told, in words.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use super::WatchPlan;
use super::debouncer::PathKind;
use super::tree::{FolderTree, ROOT};

/// What there is at a path.
pub(super) fn look(path: &Path) -> Option<PathKind> {
    let meta = fs::symlink_metadata(path).ok()?;
    Some(if meta.is_dir() { PathKind::Folder } else { PathKind::File })
}

/// A path as seen from `base`.
pub(super) fn relative(path: &Path, base: &Path) -> String {
    let mut up = PathBuf::new();
    for around in base.ancestors() {
        if let Ok(rest) = path.strip_prefix(around) {
            // Nothing in common but the root: the whole path says more.
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

/// The kernel gives no queue.
pub(super) fn no_queue(error: Errno) -> String {
    if error == Errno::MFILE {
        let (now, more) = setting("max_user_instances", 128);
        format!(
            "the limit of file watchers is reached (fs.inotify.max_user_instances is {now}): files \
             are looked at every 2 seconds instead; `sysctl fs.inotify.max_user_instances={more}` \
             as root raises it"
        )
    } else {
        format!("the kernel does not watch files ({error}): they are looked at every 2 seconds")
    }
}

/// The kernel takes no more folders.
pub(super) fn limit(polled: usize) -> String {
    let (now, more) = setting("max_user_watches", 8192);
    let folders =
        if polled == 1 { "1 folder is".to_owned() } else { format!("{polled} folders are") };
    format!(
        "the limit of watched folders is reached (fs.inotify.max_user_watches is {now}): {folders} \
         looked at every few seconds instead; `sysctl fs.inotify.max_user_watches={more}` as root \
         raises it, or name less in `watch`"
    )
}

/// A setting of the kernel, and a better value.
fn setting(name: &str, usual: u64) -> (u64, u64) {
    let text = fs::read_to_string(format!("/proc/sys/fs/inotify/{name}")).unwrap_or_default();
    let now = text.trim().parse().unwrap_or(usual);
    (now, now.saturating_mul(4).max(usual * 4))
}

/// What is wanted and will never be seen, or not yet, each with the target.
pub(super) fn doubts(tree: &FolderTree, plan: &WatchPlan) -> Vec<(u16, String)> {
    let mut doubts: Vec<(u16, String)> = Vec::new();
    for (target, glob) in &tree.rules.refused {
        doubts.push((*target, format!("`{glob}` in `watch` is too wide to be watched")));
    }
    for (target, wanted) in plan.wanted.iter().enumerate() {
        let target = target as u16;
        for glob in tree.rules.globs.of(target) {
            let base = glob.base();
            if let Some(text) = doubt(tree, target, &base, glob.is_path(), &wanted.base) {
                let doubt = (target, text);
                if !doubts.contains(&doubt) {
                    doubts.push(doubt);
                }
            }
        }
    }
    doubts
}

/// Goes from the root to where a glob begins, as far as there are folders.
fn doubt(
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
            // A file that is not there yet is nothing to speak of; a folder may be misspelt.
            return (!is_path || !is_last)
                .then(|| format!("there is no `{shown}` yet, which it watches"));
        };
        if tree.rules.honours_git(target) && node.git.is_ignored(&path, kind.is_dir()) {
            return Some(format!(
                "it watches `{shown}`, which `.gitignore` says to ignore; `gitignore = false` in \
                 `watch` watches it"
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
