//! `.gitignore` rules of each folder, with git's precedence.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use ignore::Match;
use ignore::gitignore::{GitignoreBuilder, gitconfig_excludes_path};

/// The entry that makes a folder a repository.
pub(super) const REPOSITORY: &str = ".git";
pub(super) const IGNORE_FILE: &str = ".gitignore";
/// Names whose change can change the ignore rules of a folder.
pub(super) const GIT_ENTRIES: [&str; 2] = [REPOSITORY, IGNORE_FILE];

/// The ignore rules that apply in one folder.
#[derive(Debug, Clone, Default)]
pub(super) enum GitIgnore {
    /// No rules apply: the folder is in no repository and not in the project.
    #[default]
    Outside,
    /// These rules apply, innermost first.
    Inside(Option<Rc<IgnoreRules>>),
}

/// The rules of one folder, linked to those of its parent folders.
#[derive(Debug)]
pub(super) struct IgnoreRules {
    outer: Option<Rc<IgnoreRules>>,
    here: ignore::gitignore::Gitignore,
}

impl GitIgnore {
    /// Returns the rules for `folder`, whose parent has the rules `self`. With `top`, rules apply from
    /// here on even without a repository.
    pub(super) fn enter(&self, folder: &Path, top: bool, has: GitPresence) -> Self {
        let outer = match self {
            _ if has.repository => rules_of_repository(folder),
            Self::Outside if top => None,
            Self::Outside => return Self::Outside,
            Self::Inside(rules) => rules.clone(),
        };
        if !has.ignore_file {
            return Self::Inside(outer);
        }
        Self::Inside(read(folder, &[folder.join(IGNORE_FILE)], outer))
    }

    /// Whether git ignores the path. Only valid if the folder of the path is not ignored itself.
    pub(super) fn is_ignored(&self, path: &Path, is_folder: bool) -> bool {
        let Self::Inside(rules) = self else { return false };
        let mut rules = rules.as_deref();
        while let Some(IgnoreRules { outer, here }) = rules {
            match here.matched(path, is_folder) {
                Match::None => rules = outer.as_deref(),
                Match::Ignore(_) => return true,
                Match::Whitelist(_) => return false,
            }
        }
        false
    }
}

/// Which git entries a folder contains.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct GitPresence {
    /// `.git` exists, so rules of parent folders do not apply.
    pub(super) repository: bool,
    /// `.gitignore` exists.
    pub(super) ignore_file: bool,
}

/// Returns the rules that apply to a whole repository but are not part of it. They have the lowest
/// precedence.
fn rules_of_repository(folder: &Path) -> Option<Rc<IgnoreRules>> {
    let own = folder.join(".git/info/exclude");
    let files: Vec<PathBuf> = gitconfig_excludes_path().into_iter().chain([own]).collect();
    read(folder, &files, None)
}

/// Reads the rules of these files; later files take precedence. Invalid lines are skipped, as git
/// does.
fn read(
    folder: &Path,
    files: &[PathBuf],
    outer: Option<Rc<IgnoreRules>>,
) -> Option<Rc<IgnoreRules>> {
    let mut builder = GitignoreBuilder::new(folder);
    for file in files {
        _ = builder.add(file);
    }
    match builder.build() {
        Ok(here) if !here.is_empty() => Some(Rc::new(IgnoreRules { outer, here })),
        Ok(_) | Err(_) => outer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const HAS_IGNORE_FILE: GitPresence = GitPresence { repository: false, ignore_file: true };

    #[test]
    fn inner_rules_win_and_a_repository_starts_without_outer_rules() {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path();
        fs::create_dir_all(top.join("a/inner/.git/info")).unwrap();
        fs::write(top.join(".gitignore"), "*.log\n/dist\ntarget/\n").unwrap();
        fs::write(top.join("a/.gitignore"), "!keep.log\n").unwrap();
        fs::write(top.join("a/inner/.git/info/exclude"), "secret\n").unwrap();
        let outer = GitIgnore::Outside.enter(top, true, HAS_IGNORE_FILE);
        let a = outer.enter(&top.join("a"), false, HAS_IGNORE_FILE);
        let inner = a.enter(
            &top.join("a/inner"),
            false,
            GitPresence { repository: true, ignore_file: false },
        );
        let ignored =
            |git: &GitIgnore, path: &str, is_folder| git.is_ignored(&top.join(path), is_folder);
        assert!(ignored(&outer, "x.log", false));
        assert!(ignored(&outer, "dist", true));
        assert!(ignored(&outer, "target", true) && !ignored(&outer, "target", false));
        assert!(ignored(&a, "a/x.log", false) && !ignored(&a, "a/keep.log", false));
        assert!(!ignored(&a, "a/dist", true));
        assert!(!ignored(&inner, "a/inner/x.log", false));
        assert!(ignored(&inner, "a/inner/secret", false));
    }

    #[test]
    fn without_a_repository_rules_begin_at_the_project() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(".gitignore"), "*\n").unwrap();
        let git = GitIgnore::Outside.enter(folder.path(), false, HAS_IGNORE_FILE);
        assert!(!git.is_ignored(&folder.path().join("x"), false));
        let git = GitIgnore::Outside.enter(folder.path(), true, HAS_IGNORE_FILE);
        assert!(git.is_ignored(&folder.path().join("x"), false));
    }
}
