//! What never counts: `ignore`, pitcrew's own files, `.git`, and what editors write beside a file.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

/// `ignore` of one process.
#[derive(Debug)]
pub(super) struct IgnoreList {
    /// On the whole path.
    paths: GlobSet,
    /// On the name alone, in any folder: globs without a slash, as in `.gitignore`.
    names: GlobSet,
}

impl IgnoreList {
    /// Globs relative to `base`; those that are none are passed over.
    pub(super) fn new<'a>(globs: impl Iterator<Item = &'a str>, base: &Path) -> Self {
        let (mut paths, mut names) = (GlobSetBuilder::new(), GlobSetBuilder::new());
        for glob in globs {
            let glob = glob.trim_end_matches('/');
            if !glob.contains('/') {
                names.add_all(glob);
                continue;
            }
            let whole = absolute(glob, base);
            // A folder of which everything is ignored is not looked at either.
            if let Some(folder) = whole.strip_suffix("/**") {
                paths.add_all(folder);
            }
            paths.add_all(&whole);
        }
        let done = |set: GlobSetBuilder| set.build().unwrap_or_default();
        Self { paths: done(paths), names: done(names) }
    }

    /// Whether a file does not count, or a folder with all that is in it.
    pub(super) fn is_ignored(&self, path: &Path, name: &OsStr) -> bool {
        self.names.is_match(Path::new(name)) || self.paths.is_match(path)
    }
}

trait GlobSetExt {
    fn add_all(&mut self, glob: &str);
}

impl GlobSetExt for GlobSetBuilder {
    fn add_all(&mut self, glob: &str) {
        if let Ok(glob) = GlobBuilder::new(glob).literal_separator(true).build() {
            self.add(glob);
        }
    }
}

/// A glob from the root on; `..` and `.` at its beginning are worked out.
fn absolute(glob: &str, base: &Path) -> String {
    if glob.starts_with('/') {
        return glob.to_owned();
    }
    let (mut base, mut rest) = (base.to_owned(), glob);
    loop {
        if let Some(after) = rest.strip_prefix("./") {
            rest = after;
        } else if let Some(after) = rest.strip_prefix("../") {
            base.pop();
            rest = after;
        } else {
            break;
        }
    }
    let base = escaped(&base);
    format!("{}/{rest}", base.trim_end_matches('/'))
}

/// A glob for this folder. A byte that is no text is any byte, as a glob cannot have it.
fn escaped(folder: &Path) -> String {
    let mut glob = String::new();
    for chunk in folder.as_os_str().as_encoded_bytes().utf8_chunks() {
        glob.push_str(&globset::escape(chunk.valid()));
        glob.extend(chunk.invalid().iter().map(|_| '?'));
    }
    glob
}

/// Files and folders of pitcrew itself: logs, above all. A process that writes its log must not be
/// restarted by that.
#[derive(Debug, Default)]
pub(super) struct OwnFiles(HashSet<PathBuf>);

impl OwnFiles {
    pub(super) fn new(paths: impl IntoIterator<Item = PathBuf>) -> Self {
        Self(paths.into_iter().collect())
    }

    pub(super) fn has(&self, path: &Path) -> bool {
        // `web.log.1` is what `web.log` was.
        let rotated = path.extension().and_then(OsStr::to_str);
        let rotated = rotated.is_some_and(|end| end.bytes().all(|b| b.is_ascii_digit()));
        self.0.contains(path) || rotated && self.0.contains(&path.with_extension(""))
    }
}

/// Names that never count, wherever they are.
pub(super) fn is_nothing(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    name == b".git" || name == b".pitcrew" || is_of_an_editor(name)
}

/// What editors write beside the file that is edited, some of it long before it is saved.
fn is_of_an_editor(name: &[u8]) -> bool {
    let swap = || match name.rsplit(|b| *b == b'.').next() {
        // `.main.rs.swp`, then `.swo`, `.swn` …
        Some([b's', b'w', b'a'..=b'p']) => name.starts_with(b".") && name.len() > 5,
        Some([b's', b'w', b'x' | b'p', b'x']) => name.starts_with(b"."),
        _ => false,
    };
    // vim: does this folder take files?
    name == b"4913"
        || name.ends_with(b"~")
        // emacs: a lock, and what was not saved.
        || name.starts_with(b".#")
        || name.len() > 2 && name.starts_with(b"#") && name.ends_with(b"#")
        || name.ends_with(b"___jb_tmp___")
        || name.ends_with(b"___jb_old___")
        || swap()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignore_takes_paths_folders_and_names() {
        let ignore = IgnoreList::new(
            ["src/gen", "dist/**", "*.tmp", "../lib/*.c", "./x/y", "tests/"].into_iter(),
            Path::new("/p[1]/q"),
        );
        for (path, ignored) in [
            ("/p[1]/q/src/gen", true),
            ("/p[1]/q/src/genes", false),
            ("/p[1]/q/dist", true),
            ("/p[1]/q/dist/a/b", true),
            ("/p[1]/q/a/b/c.tmp", true),
            ("/p[1]/lib/a.c", true),
            ("/p[1]/lib/a/b.c", false),
            ("/p[1]/q/x/y", true),
            ("/p[1]/q/tests", true),
            ("/p1/q/x/y", false),
        ] {
            let path = Path::new(path);
            let name = path.file_name().unwrap();
            assert_eq!(ignore.is_ignored(path, name), ignored, "{}", path.display());
        }
    }

    #[test]
    fn a_folder_may_be_no_text() {
        use std::os::unix::ffi::OsStrExt as _;
        let base = Path::new(OsStr::from_bytes(b"/f\xff[\xfe"));
        let ignore = IgnoreList::new(["gen/*.c"].into_iter(), base);
        let is_ignored = |rest: &str| {
            let path = base.join(rest);
            ignore.is_ignored(&path, path.file_name().unwrap())
        };
        assert!(is_ignored("gen/a.c") && !is_ignored("gen/a/b.c") && !is_ignored("a.c"));
    }

    #[test]
    fn logs_and_what_they_are_rotated_to_are_our_own() {
        let own = OwnFiles::new(["/p/web.log".into(), "/p/logs".into()]);
        for (path, is_own) in [
            ("/p/web.log", true),
            ("/p/web.log.12", true),
            ("/p/logs", true),
            ("/p/web.log.old", false),
            ("/p/api.log", false),
        ] {
            assert_eq!(own.has(Path::new(path)), is_own, "{path}");
        }
    }

    #[test]
    fn what_editors_leave_does_not_count() {
        for (name, nothing) in [
            (".git", true),
            (".gitignore", false),
            (".pitcrew", true),
            (".main.rs.swp", true),
            (".main.rs.swo", true),
            (".main.rs.swpx", true),
            ("4913", true),
            ("main.rs~", true),
            (".#main.rs", true),
            ("#main.rs#", true),
            ("main.rs___jb_tmp___", true),
            ("main.rs", false),
            ("swap.swp", false),
            (".env", false),
            ("#", false),
        ] {
            assert_eq!(is_nothing(OsStr::new(name)), nothing, "{name}");
        }
    }
}
