//! `.gitignore`, folder by folder, as git reads it.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use ignore::Match;
use ignore::gitignore::{GitignoreBuilder, gitconfig_excludes_path};

/// What makes a folder a repository.
pub(super) const REPOSITORY: &str = ".git";
/// What is ignored, in every folder.
pub(super) const RULES: &str = ".gitignore";
/// What changes what git says about a folder.
pub(super) const OF_GIT: [&str; 2] = [REPOSITORY, RULES];

/// What git says about the files of one folder.
#[derive(Debug, Clone, Default)]
pub(super) enum GitIgnore {
    /// Nothing: no repository, and no project of ours.
    #[default]
    Outside,
    /// These rules, the innermost first.
    Inside(Option<Rc<IgnoreRules>>),
}

/// The rules of one folder, and those of the folders around it.
#[derive(Debug)]
pub(super) struct IgnoreRules {
    around: Option<Rc<IgnoreRules>>,
    here: ignore::gitignore::Gitignore,
}

impl GitIgnore {
    /// What holds in `folder`, which lies in one where `self` holds. `top`: rules begin here even
    /// without a repository.
    pub(super) fn enter(&self, folder: &Path, top: bool, has: GitPresence) -> Self {
        let around = match self {
            _ if has.repository => Self::Inside(rules_of_repository(folder)),
            Self::Outside if top => Self::Inside(None),
            Self::Outside => return Self::Outside,
            Self::Inside(rules) => Self::Inside(rules.clone()),
        };
        let Self::Inside(around) = around else { return around };
        if !has.rules {
            return Self::Inside(around);
        }
        Self::Inside(read(folder, &[folder.join(RULES)], around))
    }

    /// Whether git does not keep it. Only to be asked where its folder is not ignored.
    pub(super) fn is_ignored(&self, path: &Path, is_folder: bool) -> bool {
        let Self::Inside(rules) = self else { return false };
        let mut rules = rules.as_deref();
        while let Some(IgnoreRules { around, here }) = rules {
            match here.matched(path, is_folder) {
                Match::None => rules = around.as_deref(),
                Match::Ignore(_) => return true,
                Match::Whitelist(_) => return false,
            }
        }
        false
    }
}

/// What of git there is in a folder.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct GitPresence {
    /// `.git`: rules from further out do not hold.
    pub(super) repository: bool,
    /// `.gitignore`.
    pub(super) rules: bool,
}

/// What is ignored in a whole repository without being written in it: the weakest of its rules.
fn rules_of_repository(folder: &Path) -> Option<Rc<IgnoreRules>> {
    let own = folder.join(".git/info/exclude");
    let files: Vec<PathBuf> = gitconfig_excludes_path().into_iter().chain([own]).collect();
    read(folder, &files, None)
}

/// The rules of these files, later ones stronger. What is no rule in them is passed over, as git
/// does.
fn read(
    folder: &Path,
    files: &[PathBuf],
    around: Option<Rc<IgnoreRules>>,
) -> Option<Rc<IgnoreRules>> {
    let mut builder = GitignoreBuilder::new(folder);
    for file in files {
        _ = builder.add(file);
    }
    match builder.build() {
        Ok(here) if !here.is_empty() => Some(Rc::new(IgnoreRules { around, here })),
        Ok(_) | Err(_) => around,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const HAS_RULES: GitPresence = GitPresence { repository: false, rules: true };

    #[test]
    fn inner_rules_win_and_a_repository_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path();
        fs::create_dir_all(top.join("a/inner/.git/info")).unwrap();
        fs::write(top.join(".gitignore"), "*.log\n/dist\ntarget/\n").unwrap();
        fs::write(top.join("a/.gitignore"), "!keep.log\n").unwrap();
        fs::write(top.join("a/inner/.git/info/exclude"), "secret\n").unwrap();
        let outer = GitIgnore::Outside.enter(top, true, HAS_RULES);
        let a = outer.enter(&top.join("a"), false, HAS_RULES);
        let inner =
            a.enter(&top.join("a/inner"), false, GitPresence { repository: true, rules: false });
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
        let git = GitIgnore::Outside.enter(folder.path(), false, HAS_RULES);
        assert!(!git.is_ignored(&folder.path().join("x"), false));
        let git = GitIgnore::Outside.enter(folder.path(), true, HAS_RULES);
        assert!(git.is_ignored(&folder.path().join("x"), false));
    }
}
