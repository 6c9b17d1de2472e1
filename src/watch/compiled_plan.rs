//! A compiled watch plan: globs and ignore rules, ready to be matched against each file.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::git::GitIgnore;
use super::glob::{Glob, Globs};
use super::ignore_list::{IgnoreList, OwnFiles, is_always_ignored};
use super::{WatchPlan, WatchTarget};

/// A compiled [`WatchPlan`].
#[derive(Debug)]
pub(super) struct CompiledPlan {
    pub(super) globs: Globs,
    targets: Vec<CompiledTarget>,
    own: OwnFiles,
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
        let (mut globs, mut targets, mut invalid) = (Globs::default(), Vec::new(), Vec::new());
        for wanted in &plan.targets {
            let mut parsed = Vec::new();
            for text in &wanted.paths {
                match Glob::parse(text, &wanted.base) {
                    Some(more) => parsed.extend(more),
                    None => invalid.push((targets.len() as u16, text.clone())),
                }
            }
            globs.push(parsed);
            let ignore = IgnoreList::new(wanted.ignore.iter().map(String::as_str), &wanted.base);
            targets.push(CompiledTarget { ignore, gitignore: wanted.gitignore });
        }
        let top = |wanted: &WatchTarget| {
            let inside = wanted.base.starts_with(&plan.top);
            if inside { plan.top.clone() } else { wanted.base.clone() }
        };
        let tops = plan.targets.iter().map(top).collect();
        let own = OwnFiles::new(plan.own.iter().cloned());
        Self { globs, targets, own, tops, invalid }
    }

    /// How many targets there are.
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
        is_always_ignored(name) || self.own.has(path)
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
