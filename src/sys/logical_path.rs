//! The logical path of a folder, as a shell would put it in `PWD`.

use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

use super::file_identity::FileId;

/// The link through which the current folder was reached, so that paths in it keep that name.
#[derive(Debug, Clone, Default)]
pub struct LogicalFolders {
    /// A folder, and the name by which it was reached through a link.
    link: Option<(PathBuf, PathBuf)>,
}

impl LogicalFolders {
    /// Derives the link from this program's `PWD`. Reads the file system.
    pub fn of(pwd: Option<&OsStr>) -> Self {
        let Some(pwd) = pwd.map(Path::new).filter(|pwd| is_plain(pwd)) else {
            return Self::default();
        };
        let mut link = None;
        // The outermost name that differs from that of the folder itself.
        for name in pwd.ancestors() {
            match name.canonicalize() {
                Ok(folder) if folder != name => link = Some((folder, name.to_owned())),
                Ok(_) => break,
                Err(_) => return Self::default(),
            }
        }
        Self { link }
    }

    /// Returns `PWD` for this folder: its path without `.`, through the link by which the user reached it.
    /// Reads the file system only if the path contains `..`.
    pub fn name(&self, folder: &Path) -> PathBuf {
        let mut folder: PathBuf = folder.components().collect();
        if !is_plain(&folder) {
            folder = without_dots(folder);
        }
        let below = self.link.as_ref().and_then(|(target, name)| {
            let rest = folder.strip_prefix(target).ok()?;
            Some(name.join(rest).components().collect())
        });
        below.unwrap_or(folder)
    }
}

/// Resolves `..` as `cd` does: `a/..` disappears, unless `a` is a link to somewhere else.
fn without_dots(folder: PathBuf) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in folder.components() {
        match part {
            Component::ParentDir => _ = plain.pop(),
            Component::CurDir => {}
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => plain.push(part),
        }
    }
    match FileId::of(&folder) {
        Some(id) if FileId::of(&plain) != Some(id) => folder.canonicalize().unwrap_or(folder),
        Some(_) | None => plain,
    }
}

/// Absolute, and without `.` and `..`, as `PWD` has to be.
fn is_plain(path: &Path) -> bool {
    let is_dot = |part: &[u8]| part == b"." || part == b"..";
    let bytes = std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str());
    path.is_absolute()
        && !bytes.split(|byte| *byte == b'/').any(is_dot)
        && path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_keeps_the_name_by_which_it_was_reached() {
        let base = tempfile::tempdir().unwrap();
        let base = base.path().canonicalize().unwrap();
        let real = base.join("real");
        std::fs::create_dir_all(real.join("web")).unwrap();
        std::os::unix::fs::symlink(&real, base.join("link")).unwrap();
        let of = |pwd: &Path| LogicalFolders::of(Some(pwd.as_os_str()));
        for pwd in [base.join("link"), base.join("link/web")] {
            let names = of(&pwd);
            assert_eq!(names.name(&real), base.join("link"), "{pwd:?}");
            assert_eq!(names.name(&real.join("web")), base.join("link/web"));
            assert_eq!(names.name(&base), base);
        }
        assert_eq!(of(&real).name(&real.join("./web/")), real.join("web"));
        // A link in the file is kept as it is written.
        assert_eq!(of(&real).name(&base.join("link/web")), base.join("link/web"));
        assert_eq!(of(&real).name(&base.join("real/../link")), base.join("link"));
        let deep = base.join("real/web");
        std::os::unix::fs::symlink(&deep, base.join("deep")).unwrap();
        assert_eq!(of(&real).name(&base.join("deep/..")), real, "`..` is where it leads");
        for wrong in ["real", "/no/such/folder", "/./", ""] {
            assert_eq!(of(Path::new(wrong)).name(&real), real, "{wrong}");
        }
        assert_eq!(LogicalFolders::of(None).name(Path::new("/gone/x/")), Path::new("/gone/x"));
    }
}
