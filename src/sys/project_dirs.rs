//! Folders of a project's session: runtime folder and state folder.

use std::ffi::OsString;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use crate::spec::io_error_text;

/// The folders of one project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectDirs {
    /// The canonical path of the project's file.
    pub file: PathBuf,
    /// The id of the project, derived from that path; it never changes.
    pub id: String,
    /// Sockets and secrets. Exists, belongs to this user, and no other user can enter it.
    pub runtime: PathBuf,
    /// Lock, journal and diagnostics: files that must survive a cleaned runtime folder. Equals the
    /// runtime folder if the user has no writable home.
    pub state: PathBuf,
}

/// Why a folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProjectDirError {
    /// It exists, but is not a folder that only this user can access.
    #[error("{} is not safe to use: {why}", .path.display())]
    Unsafe {
        path: PathBuf,
        /// The mistake.
        why: &'static str,
    },
    /// It cannot be created or inspected.
    #[error("cannot use {}: {}", .path.display(), io_error_text(.error))]
    Io { path: PathBuf, error: io::Error },
}

impl ProjectDirs {
    /// Returns the folders of the project of this (canonical) file, created and verified.
    pub fn of(file: &Path) -> Result<Self, ProjectDirError> {
        Self::with(file, |name| match (name, std::env::var_os(name)) {
            ("HOME", None) => home_of_user(),
            (_, value) => value,
        })
    }

    /// Like [`Self::of`] with the given environment.
    pub fn with(
        file: &Path,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, ProjectDirError> {
        let folder = |name| {
            let path = variable(name).map(PathBuf::from)?;
            path.is_absolute().then_some(path)
        };
        let id = project_id(file);
        let temporary = || {
            let temporary = folder("TMPDIR").filter(|path| path.is_dir());
            temporary.unwrap_or_else(|| "/tmp".into()).join(format!("pitcrew-{}", user()))
        };
        // Not set, or (after su) that of another user: use the folder for temporary files.
        let base = folder("XDG_RUNTIME_DIR").filter(|base| is_ours(base));
        let base = base.map_or_else(temporary, |base| base.join("pitcrew"));
        let runtime = base.join(&id);
        ensure_private(&base)?;
        ensure_private(&runtime)?;
        let home = || folder("HOME").map(|home| home.join(".local/state"));
        let bases = [folder("XDG_STATE_HOME"), home()].into_iter().flatten();
        let mut states = bases.map(|base| base.join("pitcrew").join(&id));
        let state = states.find(|state| may_create(state) && create_state(state).is_ok());
        let file = file.to_owned();
        Ok(Self { file, id, state: state.unwrap_or_else(|| runtime.clone()), runtime })
    }

    /// The folders with the state of all projects of this user, by the environment of this process.
    pub(super) fn state_bases() -> Vec<PathBuf> {
        let folder = |name| std::env::var_os(name).map(PathBuf::from);
        let home = folder("HOME").or_else(|| home_of_user().map(PathBuf::from));
        let home = home.map(|home| home.join(".local/state"));
        let bases = [folder("XDG_STATE_HOME"), home, folder("XDG_RUNTIME_DIR")];
        bases.into_iter().flatten().map(|base| base.join("pitcrew")).collect()
    }

    /// Creates the runtime folder again after it was removed.
    pub fn renew_runtime(&self) -> Result<(), ProjectDirError> {
        if let Some(base) = self.runtime.parent() {
            ensure_private(base)?;
        }
        ensure_private(&self.runtime)
    }

    /// The path of the control socket.
    pub(super) fn socket(&self) -> PathBuf {
        self.runtime.join(SOCKET)
    }
}

/// The name of the control socket in a runtime folder.
pub(super) const SOCKET: &str = "control.sock";

/// Creates a state folder; an error if it is not writable, as in a read-only home.
fn create_state(state: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(state)?;
    Ok(access(state, Access::WRITE_OK | Access::EXEC_OK)?)
}

/// Whether the nearest existing folder of this path is ours. After `sudo` the variables can name the
/// home of another user, which cannot use files that root creates there.
fn may_create(path: &Path) -> bool {
    let nearest = path.ancestors().find_map(|ancestor| fs::metadata(ancestor).ok());
    nearest.is_some_and(|meta| meta.uid() == user())
}

/// Returns the home of this user from the user database, for when the environment names none.
fn home_of_user() -> Option<OsString> {
    let uid = user().to_string();
    let users = fs::read("/etc/passwd").ok()?;
    let line = users
        .split(|byte| *byte == b'\n')
        .find(|line| line.split(|byte| *byte == b':').nth(2) == Some(uid.as_bytes()))?;
    let home = line.split(|byte| *byte == b':').nth(5)?;
    (!home.is_empty()).then(|| OsString::from_vec(home.to_owned()))
}

fn is_ours(folder: &Path) -> bool {
    fs::metadata(folder).is_ok_and(|meta| meta.is_dir() && meta.uid() == user())
}

/// Creates a private folder, or verifies that an existing one is private.
pub(super) fn ensure_private(path: &Path) -> Result<(), ProjectDirError> {
    let failed = |error| ProjectDirError::Io { path: path.to_owned(), error };
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed(error)),
        _ => {}
    }
    let meta = fs::symlink_metadata(path).map_err(failed)?;
    let why = if meta.is_symlink() {
        "it is a symbolic link"
    } else if !meta.is_dir() {
        "it is not a folder"
    } else if meta.uid() != user() {
        "it belongs to another user"
    } else if meta.mode() & 0o077 != 0 {
        "other users may enter it (chmod 700 makes it private)"
    } else {
        return Ok(());
    };
    Err(ProjectDirError::Unsafe { path: path.to_owned(), why })
}

/// Derives the project id from the path of its file.
pub(super) fn project_id(file: &Path) -> String {
    format!("{:016x}", stable_hash(file.as_os_str().as_bytes()))
}

/// FNV-1a, 64 bits: the same in every version, which std's hasher does not promise.
pub(super) fn stable_hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// The user this process acts as.
pub fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn folders(base: &Path) -> Result<ProjectDirs, ProjectDirError> {
        ProjectDirs::with(Path::new("/home/me/shop/procfile.toml"), |name| match name {
            "XDG_RUNTIME_DIR" => Some(base.join("runtime").into()),
            "TMPDIR" => Some(base.join("tmp").into()),
            "HOME" => Some(base.join("home").into()),
            _ => None,
        })
    }

    fn with(names: &[&str]) -> tempfile::TempDir {
        let base = tempfile::tempdir().unwrap();
        for name in names {
            fs::create_dir(base.path().join(name)).unwrap();
        }
        base
    }

    #[test]
    fn folders_are_private_and_named_after_the_project() {
        let base = with(&["runtime", "tmp", "home"]);
        let found = folders(base.path()).unwrap();
        // Must never change: running sessions are found by it.
        assert_eq!(found.id, "35f01d8488f71fce");
        assert_eq!(found.runtime, base.path().join("runtime/pitcrew").join(&found.id));
        assert_eq!(found.state, base.path().join("home/.local/state/pitcrew").join(&found.id));
        assert_eq!(fs::metadata(&found.runtime).unwrap().mode() & 0o777, 0o700);
        assert_eq!(folders(base.path()).unwrap(), found);
    }

    #[test]
    fn without_a_runtime_folder_the_temporary_one_is_used() {
        let base = with(&["tmp"]);
        let found = folders(base.path()).unwrap();
        let uid = rustix::process::geteuid().as_raw();
        assert!(found.runtime.starts_with(base.path().join(format!("tmp/pitcrew-{uid}"))));
    }

    #[test]
    fn a_folder_that_others_may_enter_or_point_elsewhere_is_refused() {
        let base = with(&["runtime", "elsewhere"]);
        let ours = base.path().join("runtime/pitcrew");
        symlink(base.path().join("elsewhere"), &ours).unwrap();
        let error = folders(base.path()).unwrap_err().to_string();
        assert!(error.ends_with("is not safe to use: it is a symbolic link"), "{error}");
        fs::remove_file(&ours).unwrap();
        fs::write(&ours, "").unwrap();
        let error = folders(base.path()).unwrap_err().to_string();
        assert!(error.ends_with("it is not a folder"), "{error}");
        fs::remove_file(&ours).unwrap();
        fs::create_dir(&ours).unwrap();
        fs::set_permissions(&ours, fs::Permissions::from_mode(0o755)).unwrap();
        let error = folders(base.path()).unwrap_err().to_string();
        assert!(error.contains("other users may enter it"), "{error}");
    }
}
