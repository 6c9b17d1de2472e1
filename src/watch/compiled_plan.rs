//! A compiled watch plan: globs and ignore rules, ready to be matched against each file.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::git::GitIgnore;
use super::glob::{Glob, Globs};
use super::ignore_list::{IgnoreList, is_always_ignored, is_own};
use super::{WatchPlan, WatchTarget};

/// A compiled [`WatchPlan`].
#[derive(Debug, Default)]
pub(super) struct CompiledPlan {
    pub(super) globs: Globs,
    targets: Vec<CompiledTarget>,
    /// Files and folders of pitcrew itself.
    own: HashSet<PathBuf>,
    /// Folders in which `.gitignore` rules apply even without a repository.
    tops: HashSet<PathBuf>,
    /// Globs that cannot be watched, with their target.
    pub(super) invalid: Vec<(u16, String)>,
}

#[derive(Debug)]
struct CompiledTarget {
    ignore: IgnoreList,
    gitignore: bool,
}

impl CompiledPlan {
    pub(super) fn new(plan: &WatchPlan) -> Self {
        let mut compiled = Self { own: plan.own.iter().cloned().collect(), ..Self::default() };
        for (index, target) in plan.targets.iter().enumerate() {
            let WatchTarget { base, paths, ignore, gitignore, .. } = target;
            let mut globs = Vec::new();
            for text in paths {
                match Glob::parse(text, base) {
                    Some(parsed) => globs.extend(parsed),
                    None => compiled.invalid.push((index as u16, text.clone())),
                }
            }
            compiled.globs.push(globs);
            let ignore = IgnoreList::new(ignore, base);
            compiled.targets.push(CompiledTarget { ignore, gitignore: *gitignore });
            let top = if base.starts_with(&plan.top) { &plan.top } else { base };
            compiled.tops.insert(top.clone());
        }
        compiled
    }

    /// Returns the number of targets.
    pub(super) fn len(&self) -> usize {
        self.targets.len()
    }

    /// Whether a target honours `.gitignore`.
    pub(super) fn honours_git(&self, target: u16) -> bool {
        self.targets.get(usize::from(target)).is_some_and(|target| target.gitignore)
    }

    pub(super) fn is_top(&self, folder: &Path) -> bool {
        self.tops.contains(folder)
    }

    /// Whether an entry is ignored for all targets.
    pub(super) fn is_always_ignored(&self, path: &Path, name: &OsStr) -> bool {
        is_always_ignored(name) || is_own(&self.own, path)
    }

    /// Whether a file, or a folder with everything in it, counts for a target.
    pub(super) fn counts(
        &self,
        target: u16,
        path: &Path,
        is_folder: bool,
        git: &GitIgnore,
    ) -> bool {
        let Some(target) = self.targets.get(usize::from(target)) else { return false };
        let name = path.file_name().unwrap_or_default();
        let by_git = || target.gitignore && git.is_ignored(path, is_folder);
        !(target.ignore.is_ignored(path, name) || by_git())
    }
}
