//! Glob matching one path component at a time: tells which folders can hold a match.
//!
//! A folder is described by its [`GlobStates`]: how far each glob has matched the path from the root
//! to it. Each further path component advances or ends each state. A folder without states cannot
//! hold a match, and is neither read nor watched.

use std::ffi::{OsStr, OsString};
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use globset::{GlobBuilder, GlobMatcher};

/// The maximum number of globs that one glob with braces is expanded to.
const MAX_BRANCHES: usize = 256;

/// One component of a glob.
#[derive(Debug)]
enum GlobPart {
    Name(OsString),
    Like(Box<GlobMatcher>),
    /// `**`: any number of names, including none.
    Any,
}

/// A glob that starts at the root of the file system.
#[derive(Debug)]
pub(super) struct Glob(Vec<GlobPart>);

/// How far one glob has matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct GlobState {
    /// The target the glob belongs to.
    pub(super) target: u16,
    glob: u16,
    part: u16,
}

/// The states of all globs in one folder.
pub(super) type GlobStates = Rc<[GlobState]>;

/// The result of matching one more path component.
#[derive(Debug, Default)]
pub(super) struct GlobStep {
    /// The states below the entry, if it is a folder.
    pub(super) below: Vec<GlobState>,
    pub(super) matches: Vec<u16>,
}

impl GlobStep {
    pub(super) fn is_empty(&self) -> bool {
        self.below.is_empty() && self.matches.is_empty()
    }

    /// Removes the targets for which the entry does not count.
    pub(super) fn retain(&mut self, mut counts: impl FnMut(u16) -> bool) {
        let mut known: Vec<(u16, bool)> = Vec::new();
        let mut counts = |target| {
            if let Some((_, counts)) = known.iter().find(|(known, _)| *known == target) {
                return *counts;
            }
            let result = counts(target);
            known.push((target, result));
            result
        };
        self.below.retain(|state| counts(state.target));
        self.matches.retain(|target| counts(*target));
    }
}

impl Glob {
    /// Expands `text` to globs relative to `base`; `None` if it is not a valid glob.
    pub(super) fn parse(text: &str, base: &Path) -> Option<Vec<Self>> {
        let texts = branches(text)?;
        texts.iter().map(|text| Self::parse_plain(text, base)).collect()
    }

    fn parse_plain(text: &str, base: &Path) -> Option<Self> {
        let mut names: Vec<OsString> = if text.starts_with('/') { Vec::new() } else { parts(base) };
        let mut wild: Vec<GlobPart> = Vec::new();
        for part in text.split('/').filter(|part| !part.is_empty() && *part != ".") {
            if part == "**" {
                if !matches!(wild.last(), Some(GlobPart::Any)) {
                    wild.push(GlobPart::Any);
                }
            } else if is_wild(part) {
                let glob = GlobBuilder::new(part).literal_separator(true).build().ok()?;
                wild.push(GlobPart::Like(Box::new(glob.compile_matcher())));
            } else if wild.is_empty() && part == ".." {
                names.pop();
            } else if wild.is_empty() {
                names.push(part.into());
            } else {
                wild.push(GlobPart::Name(part.into()));
            }
        }
        match wild.last() {
            // Require at least one name: `src/**` does not match `src` itself.
            Some(GlobPart::Any) => {
                let glob = GlobBuilder::new("*").build().ok()?;
                wild.insert(wild.len() - 1, GlobPart::Like(Box::new(glob.compile_matcher())));
            }
            Some(GlobPart::Like(_)) => {}
            // A folder stands for everything in it.
            Some(GlobPart::Name(_)) | None => wild.push(GlobPart::Any),
        }
        Some(Self(names.into_iter().map(GlobPart::Name).chain(wild).collect()))
    }

    /// Returns the literal prefix: every match is this path or below it.
    pub(super) fn base(&self) -> PathBuf {
        let names = self.0.iter().map_while(|part| match part {
            GlobPart::Name(name) => Some(name),
            GlobPart::Like(_) | GlobPart::Any => None,
        });
        std::iter::once(OsStr::new("/")).chain(names.map(OsString::as_os_str)).collect()
    }

    /// Whether the glob is a literal path without wildcards.
    pub(super) fn is_path(&self) -> bool {
        self.0.iter().filter(|part| !matches!(part, GlobPart::Name(_))).count() == 1
            && matches!(self.0.last(), Some(GlobPart::Any))
    }
}

/// The globs of all targets.
#[derive(Debug, Default)]
pub(super) struct Globs(Vec<Vec<Glob>>);

impl Globs {
    /// Adds a target, whose number is its index.
    pub(super) fn push(&mut self, globs: Vec<Glob>) {
        self.0.push(globs);
    }

    pub(super) fn of(&self, target: u16) -> &[Glob] {
        self.0.get(usize::from(target)).map_or(&[], Vec::as_slice)
    }

    /// Returns the states at the root of the file system.
    pub(super) fn start(&self) -> GlobStates {
        let mut step = GlobStep::default();
        for (target, globs) in self.0.iter().enumerate() {
            for glob in 0..globs.len() {
                let state = GlobState { target: target as u16, glob: glob as u16, part: 0 };
                self.settle(state, &mut step);
            }
        }
        step.below.into()
    }

    fn part(&self, state: GlobState) -> Option<&GlobPart> {
        self.of(state.target).get(usize::from(state.glob))?.0.get(usize::from(state.part))
    }

    /// Adds a state, and the state after each `**`, which may match no name.
    fn settle(&self, mut state: GlobState, step: &mut GlobStep) {
        while let Some(part) = self.part(state) {
            if !step.below.contains(&state) {
                step.below.push(state);
            }
            if !matches!(part, GlobPart::Any) {
                return;
            }
            state.part += 1;
        }
        if !step.matches.contains(&state.target) {
            step.matches.push(state.target);
        }
    }

    /// Matches `name` as an entry of a folder with these states.
    pub(super) fn advance(&self, from: &[GlobState], name: &OsStr) -> GlobStep {
        let mut step = GlobStep::default();
        for state in from {
            let is_match = match self.part(*state) {
                Some(GlobPart::Any) => {
                    self.settle(*state, &mut step);
                    false
                }
                Some(GlobPart::Name(expected)) => expected == name,
                Some(GlobPart::Like(glob)) => glob.is_match(Path::new(name)),
                None => false,
            };
            if is_match {
                self.settle(GlobState { part: state.part + 1, ..*state }, &mut step);
            }
        }
        step.below.sort_unstable();
        step
    }

    /// Returns the only names that can matter in a folder; `None` if any name can.
    pub(super) fn names(&self, from: &[GlobState]) -> Option<Vec<&OsStr>> {
        let mut names = Vec::new();
        for state in from {
            match self.part(*state) {
                Some(GlobPart::Name(name)) if names.contains(&name.as_os_str()) => {}
                Some(GlobPart::Name(name)) => names.push(name.as_os_str()),
                Some(GlobPart::Like(_) | GlobPart::Any) => return None,
                None => {}
            }
        }
        Some(names)
    }

    /// Whether entries of a folder with these states can be matches themselves.
    pub(super) fn may_match_in(&self, from: &[GlobState]) -> bool {
        from.iter().any(|state| match self.part(*state) {
            Some(GlobPart::Like(_) | GlobPart::Any) => true,
            // The last name: a file, or a folder with everything in it.
            Some(GlobPart::Name(_)) => {
                let after = |parts| self.part(GlobState { part: state.part + parts, ..*state });
                matches!(after(1), Some(GlobPart::Any)) && after(2).is_none()
            }
            None => false,
        })
    }
}

/// Makes a path absolute without `.` and `..`.
pub(crate) fn clean(path: &Path) -> PathBuf {
    let names = parts(path);
    std::iter::once(OsStr::new("/")).chain(names.iter().map(OsString::as_os_str)).collect()
}

/// Returns the components of `path` from the root.
fn parts(path: &Path) -> Vec<OsString> {
    let mut names = Vec::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => names.push(name.to_owned()),
            Component::ParentDir => _ = names.pop(),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    names
}

/// Whether a component has wildcards.
fn is_wild(part: &str) -> bool {
    part.contains(['*', '?', '[', ']', '{', '}', '\\'])
}

/// Expands the braces that contain a slash, because matching goes component by component.
fn branches(text: &str) -> Option<Vec<String>> {
    let mut open = vec![text.to_owned()];
    let mut done = Vec::new();
    while let Some(text) = open.pop() {
        if open.len() + done.len() > MAX_BRANCHES {
            return None;
        }
        match split_braces(&text) {
            None => done.push(text),
            Some((before, inner, after)) => {
                let expanded = inner.iter().rev().map(|inner| format!("{before}{inner}{after}"));
                open.extend(expanded);
            }
        }
    }
    Some(done)
}

/// Splits at the first braces that contain a slash: prefix, alternatives, suffix.
fn split_braces(text: &str) -> Option<(&str, Vec<&str>, &str)> {
    let mut escaped = false;
    let (mut depth, mut begin, mut cuts) = (0, 0, Vec::new());
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '{' => {
                if depth == 0 {
                    (begin, cuts) = (at, vec![at]);
                }
                depth += 1;
            }
            ',' if depth == 1 => cuts.push(at),
            '}' if depth > 0 => {
                depth -= 1;
                let inside = text.get(begin + 1..at)?;
                if depth == 0 && inside.contains('/') {
                    cuts.push(at);
                    let pairs = cuts.iter().zip(cuts.iter().skip(1));
                    let inner = pairs.filter_map(|(from, to)| text.get(from + 1..*to)).collect();
                    return Some((text.get(..begin)?, inner, text.get(at + 1..)?));
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether `path` matches, and whether its folder can hold a match.
    fn look(globs: &[&str], path: &str) -> (bool, bool) {
        let mut all = Globs::default();
        let of = |glob: &&str| Glob::parse(glob, Path::new("/p")).unwrap();
        all.push(globs.iter().flat_map(of).collect());
        let mut states = all.start();
        let path = format!("/p/{path}");
        let mut names = parts(Path::new(&path));
        let last = names.pop().unwrap();
        for name in names {
            states = all.advance(&states, &name).below.into();
        }
        (!all.advance(&states, &last).matches.is_empty(), !states.is_empty())
    }

    #[test]
    fn globs_match_what_globset_matches() {
        for (glob, path, matches, holds) in [
            ("src/**/*.rs", "src/a.rs", true, true),
            ("src/**/*.rs", "src/a/b/c.rs", true, true),
            ("src/**/*.rs", "src/a/b/c.ts", false, true),
            ("src/**/*.rs", "lib/a.rs", false, false),
            ("src/**", "src/a", true, true),
            ("src/**", "src", false, true),
            ("src/*", "src/a", true, true),
            ("src/*", "src/a/b", false, false),
            ("**/*.rs", "a.rs", true, true),
            ("*.rs", "a.rs", true, true),
            ("*.rs", "a/b.rs", false, false),
            ("packages/*/src/**/*.ts", "packages/a/src/x/y.ts", true, true),
            ("packages/*/src/**/*.ts", "packages/a/node_modules/y.ts", false, false),
            ("a/**/b/**/c", "a/b/c", true, true),
            ("a/**/b/**/c", "a/x/b/y/z/c", true, true),
            ("a/**/b/**/c", "a/x/y/c", false, true),
            ("{src,lib}/*.rs", "lib/a.rs", true, true),
            ("{src/a,lib}/{x,y/z}.rs", "src/a/y/z.rs", true, true),
            ("{src/a,lib}/{x,y/z}.rs", "lib/y/q.rs", false, true),
            ("[ab]?.c", "bx.c", true, true),
            (r"\*.c", "*.c", true, true),
            (r"\*.c", "a.c", false, true),
        ] {
            assert_eq!(look(&[glob], path), (matches, holds), "{glob} and {path}");
            if !glob.contains("{x,y/z}") {
                let globset = GlobBuilder::new(glob).literal_separator(true).build().unwrap();
                let same = globset.compile_matcher().is_match(path);
                assert_eq!(matches, same, "{glob} and {path}: globset says {same}");
            }
        }
    }

    #[test]
    fn a_folder_means_everything_in_it() {
        for glob in ["src", "src/", "./src", "../p/src", "/p/src", "x/../src"] {
            assert_eq!(look(&[glob], "src"), (true, true), "{glob}");
            assert_eq!(look(&[glob], "src/a/b"), (true, true), "{glob}");
            assert_eq!(look(&[glob], "srcs"), (false, true), "{glob}");
        }
        assert_eq!(look(&["*/src"], "a/src/x/y"), (true, true));
        assert_eq!(look(&["."], "anything/at/all"), (true, true));
    }

    #[test]
    fn above_the_wildcards_only_some_names_matter() {
        let mut all = Globs::default();
        let base = Path::new("/p");
        all.push(Glob::parse("src/**/*.rs", base).unwrap());
        all.push(Glob::parse("../lib/a.c", base).unwrap());
        let root = all.start();
        assert_eq!(all.names(&root), Some(vec![OsStr::new("p"), OsStr::new("lib")]));
        assert!(!all.may_match_in(&root));
        let lib = all.advance(&root, OsStr::new("lib")).below;
        assert!(all.may_match_in(&lib));
        let p = all.advance(&root, OsStr::new("p")).below;
        assert!(!all.may_match_in(&p));
        let src = all.advance(&p, OsStr::new("src")).below;
        assert!(all.names(&src).is_none() && all.may_match_in(&src));
        assert_eq!(all.of(0)[0].base(), Path::new("/p/src"));
        assert!(all.of(1)[0].is_path() && !all.of(0)[0].is_path());
    }
}
