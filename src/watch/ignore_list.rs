//! Ignored files: `ignore` globs, pitcrew's own files, `.git`, and temporary files of editors.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

/// The compiled `ignore` globs of one target.
#[derive(Debug)]
pub(super) struct IgnoreList {
    /// Globs that match the whole path.
    paths: GlobSet,
    /// Globs without a slash, which match a name in any folder, as in `.gitignore`.
    names: GlobSet,
}

impl IgnoreList {
    /// Compiles globs relative to `base`; invalid globs are skipped.
    pub(super) fn new(globs: &[String], base: &Path) -> Self {
        let (mut paths, mut names) = (GlobSetBuilder::new(), GlobSetBuilder::new());
        for glob in globs {
            let glob = glob.trim_end_matches('/');
            if !glob.contains('/') {
                add(&mut names, glob);
                continue;
            }
            let whole = absolute(glob, base);
            // If everything in a folder is ignored, the folder itself need not be read.
            if let Some(folder) = whole.strip_suffix("/**") {
                add(&mut paths, folder);
            }
            add(&mut paths, &whole);
        }
        let build = |set: GlobSetBuilder| set.build().unwrap_or_default();
        Self { paths: build(paths), names: build(names) }
    }

    /// Whether a file, or a folder with everything in it, is ignored.
    pub(super) fn is_ignored(&self, path: &Path, name: &OsStr) -> bool {
        self.names.is_match(Path::new(name)) || self.paths.is_match(path)
    }
}

fn add(set: &mut GlobSetBuilder, glob: &str) {
    if let Ok(glob) = GlobBuilder::new(glob).literal_separator(true).build() {
        set.add(glob);
    }
}

/// Makes a glob absolute; resolves leading `.` and `..`.
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

/// Escapes a folder as a glob. Bytes that are not UTF-8 become `?`, because a glob is text.
fn escaped(folder: &Path) -> String {
    let mut glob = String::new();
    for chunk in folder.as_os_str().as_encoded_bytes().utf8_chunks() {
        glob.push_str(&globset::escape(chunk.valid()));
        glob.extend(chunk.invalid().iter().map(|_| '?'));
    }
    glob
}

/// Whether a path is one of pitcrew's own files and folders, mainly logs. A process that writes its log
/// must not be restarted by it.
pub(super) fn is_own(own: &HashSet<PathBuf>, path: &Path) -> bool {
    // `web.log.1` is the rotated `web.log`.
    let extension = path.extension().and_then(OsStr::to_str);
    let is_rotated = extension.is_some_and(|end| end.bytes().all(|b| b.is_ascii_digit()));
    own.contains(path) || is_rotated && own.contains(&path.with_extension(""))
}

/// Whether a name is ignored in every folder.
pub(super) fn is_always_ignored(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    name == b".git" || name == b".pitcrew" || is_editor_file(name)
}

/// Whether an editor creates a file of this name next to the edited file, perhaps long before it is
/// saved.
fn is_editor_file(name: &[u8]) -> bool {
    let swap = || match name.rsplit(|b| *b == b'.').next() {
        // `.main.rs.swp`, then `.swo`, `.swn` …
        Some([b's', b'w', b'a'..=b'p']) => name.starts_with(b".") && name.len() > 5,
        Some([b's', b'w', b'x' | b'p', b'x']) => name.starts_with(b"."),
        _ => false,
    };
    // vim creates this file to find out whether the folder is writable.
    name == b"4913"
        || name.ends_with(b"~")
        // emacs: lock file and auto-save file.
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
            &["src/gen", "dist/**", "*.tmp", "../lib/*.c", "./x/y", "tests/"].map(str::to_owned),
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
        let ignore = IgnoreList::new(&["gen/*.c"].map(str::to_owned), base);
        let is_ignored = |rest: &str| {
            let path = base.join(rest);
            ignore.is_ignored(&path, path.file_name().unwrap())
        };
        assert!(is_ignored("gen/a.c") && !is_ignored("gen/a/b.c") && !is_ignored("a.c"));
    }

    #[test]
    fn logs_and_what_they_are_rotated_to_are_our_own() {
        let own = HashSet::from(["/p/web.log".into(), "/p/logs".into()]);
        for (path, expected) in [
            ("/p/web.log", true),
            ("/p/web.log.12", true),
            ("/p/logs", true),
            ("/p/web.log.old", false),
            ("/p/api.log", false),
        ] {
            assert_eq!(is_own(&own, Path::new(path)), expected, "{path}");
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
            assert_eq!(is_always_ignored(OsStr::new(name)), nothing, "{name}");
        }
    }
}
