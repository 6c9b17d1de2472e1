//! Globs, one part of a path at a time: which folders can hold a match, and what is one.
//!
//! A folder is known by its [`GlobStates`]: how far each glob has got with the path from the root to it.
//! One more name moves every spot on, or ends it. A folder in which no spot is left holds nothing
//! that counts, and is neither read nor watched.

use std::ffi::{OsStr, OsString};
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use globset::{GlobBuilder, GlobMatcher};

/// So many globs at most are made of one by writing its braces out.
const MOST_BRANCHES: usize = 256;

/// One part of a glob.
#[derive(Debug)]
enum GlobPart {
    Name(OsString),
    Like(Box<GlobMatcher>),
    /// Any number of names, also none.
    Any,
}

/// A glob from the root of the file system on.
#[derive(Debug)]
pub(super) struct Glob(Vec<GlobPart>);

/// How far one glob has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct GlobState {
    /// Whose glob.
    pub(super) target: u16,
    glob: u16,
    part: u16,
}

/// How far all globs have got in one folder.
pub(super) type GlobStates = Rc<[GlobState]>;

/// What one more name leads to.
#[derive(Debug, Default)]
pub(super) struct GlobStep {
    /// Who goes on below it, if it is a folder.
    pub(super) below: Vec<GlobState>,
    pub(super) matches: Vec<u16>,
}

impl GlobStep {
    pub(super) fn is_nothing(&self) -> bool {
        self.below.is_empty() && self.matches.is_empty()
    }

    /// Leaves out those for whom it does not count.
    pub(super) fn retain(&mut self, mut counts: impl FnMut(u16) -> bool) {
        let mut asked: Vec<(u16, bool)> = Vec::new();
        let mut counts = |target| {
            if let Some((_, counts)) = asked.iter().find(|(asked, _)| *asked == target) {
                return *counts;
            }
            let answer = counts(target);
            asked.push((target, answer));
            answer
        };
        self.below.retain(|spot| counts(spot.target));
        self.matches.retain(|target| counts(*target));
    }
}

impl Glob {
    /// The globs that `text` stands for, relative to `base`; nothing where it cannot be one.
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
            // At least one name: the folder itself is not among what is in it.
            Some(GlobPart::Any) => {
                let glob = GlobBuilder::new("*").build().ok()?;
                let place = wild.len() - 1;
                wild.insert(place, GlobPart::Like(Box::new(glob.compile_matcher())));
            }
            Some(GlobPart::Like(_)) => {}
            // A folder means everything in it.
            Some(GlobPart::Name(_)) | None => wild.push(GlobPart::Any),
        }
        Some(Self(names.into_iter().map(GlobPart::Name).chain(wild).collect()))
    }

    /// The folder that every match is in, or is.
    pub(super) fn base(&self) -> PathBuf {
        let names = self.0.iter().map_while(|part| match part {
            GlobPart::Name(name) => Some(name),
            GlobPart::Like(_) | GlobPart::Any => None,
        });
        std::iter::once(OsStr::new("/")).chain(names.map(OsString::as_os_str)).collect()
    }

    /// Whether it names one file or folder, rather than those of some kind.
    pub(super) fn is_path(&self) -> bool {
        self.0.iter().filter(|part| !matches!(part, GlobPart::Name(_))).count() == 1
            && matches!(self.0.last(), Some(GlobPart::Any))
    }
}

/// All globs of all targets.
#[derive(Debug, Default)]
pub(super) struct Globs(Vec<Vec<Glob>>);

impl Globs {
    /// One more target; the number it gets is its place.
    pub(super) fn push(&mut self, globs: Vec<Glob>) {
        self.0.push(globs);
    }

    pub(super) fn of(&self, target: u16) -> &[Glob] {
        self.0.get(usize::from(target)).map_or(&[], Vec::as_slice)
    }

    /// Where all of them begin: at the root of the file system.
    pub(super) fn start(&self) -> GlobStates {
        let mut below = Vec::new();
        for (target, globs) in self.0.iter().enumerate() {
            for glob in 0..globs.len() {
                let spot = GlobState { target: target as u16, glob: glob as u16, part: 0 };
                self.settle(spot, &mut GlobStep::default(), &mut below);
            }
        }
        below.into()
    }

    fn part(&self, spot: GlobState) -> Option<&GlobPart> {
        self.of(spot.target).get(usize::from(spot.glob))?.0.get(usize::from(spot.part))
    }

    /// Notes where a spot has come to: "any number of names" may be none.
    fn settle(&self, spot: GlobState, reached: &mut GlobStep, below: &mut Vec<GlobState>) {
        let mut spot = spot;
        loop {
            match self.part(spot) {
                None => {
                    if !reached.matches.contains(&spot.target) {
                        reached.matches.push(spot.target);
                    }
                    return;
                }
                Some(part) => {
                    if !below.contains(&spot) {
                        below.push(spot);
                    }
                    if !matches!(part, GlobPart::Any) {
                        return;
                    }
                    spot.part += 1;
                }
            }
        }
    }

    /// What `name` is in a folder where the globs have got this far.
    pub(super) fn reach(&self, from: &[GlobState], name: &OsStr) -> GlobStep {
        let mut reached = GlobStep::default();
        let mut below = Vec::new();
        for spot in from {
            let next = GlobState { part: spot.part + 1, ..*spot };
            match self.part(*spot) {
                Some(GlobPart::Any) => self.settle(*spot, &mut reached, &mut below),
                Some(GlobPart::Name(wanted)) if wanted == name => {
                    self.settle(next, &mut reached, &mut below);
                }
                Some(GlobPart::Like(glob)) if glob.is_match(Path::new(name)) => {
                    self.settle(next, &mut reached, &mut below);
                }
                Some(GlobPart::Name(_) | GlobPart::Like(_)) | None => {}
            }
        }
        below.sort_unstable();
        reached.below = below;
        reached
    }

    /// The only names that matter in a folder; nothing when any may.
    pub(super) fn names(&self, from: &[GlobState]) -> Option<Vec<&OsStr>> {
        let mut names = Vec::new();
        for spot in from {
            match self.part(*spot) {
                Some(GlobPart::Name(name)) if names.contains(&name.as_os_str()) => {}
                Some(GlobPart::Name(name)) => names.push(name.as_os_str()),
                Some(GlobPart::Like(_) | GlobPart::Any) => return None,
                None => {}
            }
        }
        Some(names)
    }

    /// Whether files that are in such a folder can match.
    pub(super) fn may_match_in(&self, from: &[GlobState]) -> bool {
        from.iter().any(|spot| match self.part(*spot) {
            Some(GlobPart::Like(_) | GlobPart::Any) => true,
            // The last name: a file, or a folder with all that is in it.
            Some(GlobPart::Name(_)) => {
                let next = GlobState { part: spot.part + 1, ..*spot };
                let end = GlobState { part: spot.part + 2, ..*spot };
                matches!(self.part(next), Some(GlobPart::Any)) && self.part(end).is_none()
            }
            None => false,
        })
    }
}

/// A path without `.` and `..`.
pub(crate) fn clean(path: &Path) -> PathBuf {
    let names = parts(path);
    std::iter::once(OsStr::new("/")).chain(names.iter().map(OsString::as_os_str)).collect()
}

/// The names that lead from the root to `path`.
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

/// Whether a part of a glob stands for more than one name.
fn is_wild(part: &str) -> bool {
    part.contains(['*', '?', '[', ']', '{', '}', '\\'])
}

/// Writes out the braces that have a slash in them: a glob is looked at part by part.
fn branches(text: &str) -> Option<Vec<String>> {
    let mut open = vec![text.to_owned()];
    let mut done = Vec::new();
    while let Some(text) = open.pop() {
        if open.len() + done.len() > MOST_BRANCHES {
            return None;
        }
        match split_braces(&text) {
            None => done.push(text),
            Some((before, inner, after)) => {
                open.extend(inner.iter().rev().map(|one| format!("{before}{one}{after}")));
            }
        }
    }
    Some(done)
}

/// The first braces with a slash inside: what is before, the alternatives, what is behind.
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
        let mut spots = all.start();
        let path = format!("/p/{path}");
        let mut names = parts(Path::new(&path));
        let last = names.pop().unwrap();
        for name in names {
            spots = all.reach(&spots, &name).below.into();
        }
        (!all.reach(&spots, &last).matches.is_empty(), !spots.is_empty())
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
        let lib = all.reach(&root, OsStr::new("lib")).below;
        assert!(all.may_match_in(&lib));
        let p = all.reach(&root, OsStr::new("p")).below;
        assert!(!all.may_match_in(&p));
        let src = all.reach(&p, OsStr::new("src")).below;
        assert!(all.names(&src).is_none() && all.may_match_in(&src));
        assert_eq!(all.of(0)[0].base(), Path::new("/p/src"));
        assert!(all.of(1)[0].is_path() && !all.of(0)[0].is_path());
    }
}
