//! Where a project's running session keeps its files, and the lock that makes it the only one.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Read, Seek, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};

use super::pause::pause;

/// The folders of one project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folders {
    /// Names the project: from the canonical path of its file, the same for ever.
    pub id: String,
    /// Lock, journal and socket. Exists, is ours, and nobody else can enter it.
    pub runtime: PathBuf,
    /// Our own diagnostics. The runtime folder where the user has no home.
    pub state: PathBuf,
}

/// Why a folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// It is there, but is not a folder that only we can use.
    #[error("{} is not safe to use: {why}", .path.display())]
    Unsafe {
        /// Which one.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// It cannot be made or looked at.
    #[error("cannot use {}: {error}", .path.display())]
    Io {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

impl Folders {
    /// The folders of the project of this (canonical) file, made and verified.
    pub fn of(file: &Path) -> Result<Self, FolderError> {
        Self::with(file, |name| std::env::var_os(name))
    }

    /// The same with the environment given.
    pub fn with(
        file: &Path,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, FolderError> {
        let folder = |name| {
            let path = variable(name).map(PathBuf::from)?;
            path.is_absolute().then_some(path)
        };
        let id = id(file);
        let temporary = || {
            let uid = rustix::process::geteuid().as_raw();
            let temporary = folder("TMPDIR").unwrap_or_else(|| "/tmp".into());
            temporary.join(format!("pitcrew-{uid}"))
        };
        // Not set, or (after su) that of somebody else: the folder for temporary files.
        let base = folder("XDG_RUNTIME_DIR").filter(|base| is_ours(base));
        let base = base.map_or_else(temporary, |base| base.join("pitcrew"));
        let runtime = base.join(&id);
        private(&base)?;
        private(&runtime)?;
        let home = || folder("HOME").map(|home| home.join(".local/state"));
        let state = folder("XDG_STATE_HOME").or_else(home).map(|base| base.join("pitcrew"));
        let state = state
            .map(|base| base.join(&id))
            .filter(|state| DirBuilder::new().recursive(true).mode(0o700).create(state).is_ok());
        Ok(Self { id, state: state.unwrap_or_else(|| runtime.clone()), runtime })
    }
}

fn is_ours(folder: &Path) -> bool {
    let owner = rustix::process::geteuid().as_raw();
    fs::metadata(folder).is_ok_and(|meta| meta.is_dir() && meta.uid() == owner)
}

/// Makes a folder for us alone, or makes sure that the one that is there is that.
pub(super) fn private(path: &Path) -> Result<(), FolderError> {
    let failed = |error| FolderError::Io { path: path.to_owned(), error };
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed(error)),
        _ => {}
    }
    let meta = fs::symlink_metadata(path).map_err(failed)?;
    let why = if meta.is_symlink() {
        "it is a symbolic link"
    } else if !meta.is_dir() {
        "it is not a folder"
    } else if meta.uid() != rustix::process::geteuid().as_raw() {
        "it belongs to another user"
    } else if meta.mode() & 0o077 != 0 {
        "other users may enter it (chmod 700 makes it private)"
    } else {
        return Ok(());
    };
    Err(FolderError::Unsafe { path: path.to_owned(), why })
}

/// FNV-1a over the path, 64 bits: the same in every version, which std's hasher does not promise.
fn id(file: &Path) -> String {
    let hash = file.as_os_str().as_bytes().iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    format!("{hash:016x}")
}

/// Who holds a lock.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Holder {
    /// The process that took it, which becomes the guardian.
    pub pid: u32,
    /// When, in RFC 3339.
    pub started: String,
    /// The project's file.
    #[serde(with = "super::path_bytes")]
    pub file: PathBuf,
}

/// The lock of a project, held as long as any process has this descriptor open: the guardian and
/// the engine both do.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Why a lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody has it.
    #[error("it runs already (pid {}, since {})", .0.pid, .0.started)]
    Busy(Holder),
    /// The file cannot be used.
    #[error("cannot lock {}: {error}", .path.display())]
    Io {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

impl Lock {
    /// Takes the lock of a runtime folder for this process, at once or not at all. The file stays
    /// for ever: were it removed, two could each hold "the" lock.
    pub fn take(folders: &Folders, file: &Path, started: &str) -> Result<Self, LockError> {
        let path = folders.runtime.join("lock");
        let failed = |error: io::Error| LockError::Io { path: path.clone(), error };
        let mut lock = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(failed)?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                return Err(LockError::Busy(holder(&mut lock, file)));
            }
            Err(error) => return Err(failed(error.into())),
        }
        let holder =
            Holder { pid: std::process::id(), started: started.to_owned(), file: file.to_owned() };
        let text = serde_json::to_vec(&holder).map_err(|error| failed(error.into()))?;
        lock.set_len(0).and_then(|()| lock.write_all(&text)).map_err(failed)?;
        Ok(Self { _file: lock })
    }
}

/// Who took the lock last, if that process is still there: the project runs, or is about to.
pub fn alive_holder(folders: &Folders) -> Option<Holder> {
    let text = fs::read_to_string(folders.runtime.join("lock")).ok()?;
    let holder: Holder = serde_json::from_str(&text).ok()?;
    super::proc::stat(holder.pid).filter(|stat| !stat.zombie).map(|_| holder)
}

/// What the holder wrote, which it does right after taking the lock.
fn holder(lock: &mut File, file: &Path) -> Holder {
    for _ in 0..20 {
        let mut text = String::new();
        let read = lock.rewind().and_then(|()| lock.read_to_string(&mut text));
        if read.is_ok()
            && let Ok(holder) = serde_json::from_str(&text)
        {
            return holder;
        }
        pause(Duration::from_millis(5));
    }
    Holder { pid: 0, started: "an unknown time".to_owned(), file: file.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn folders(base: &Path) -> Result<Folders, FolderError> {
        Folders::with(Path::new("/home/me/shop/procfile.toml"), |name| match name {
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

    #[test]
    fn a_second_lock_names_the_holder_of_the_first() {
        let base = with(&["runtime", "home"]);
        let folders = folders(base.path()).unwrap();
        let file = Path::new("/home/me/shop/procfile.toml");
        let first = Lock::take(&folders, file, "2026-01-02T03:04:05Z").unwrap();
        let Err(LockError::Busy(holder)) = Lock::take(&folders, file, "later") else {
            panic!("it was taken twice")
        };
        let pid = std::process::id();
        assert_eq!(
            holder,
            Holder { pid, started: "2026-01-02T03:04:05Z".into(), file: file.into() }
        );
        let text = LockError::Busy(holder).to_string();
        assert_eq!(text, format!("it runs already (pid {pid}, since 2026-01-02T03:04:05Z)"));
        drop(first);
        drop(Lock::take(&folders, file, "later").unwrap());
        assert!(folders.runtime.join("lock").exists());
    }
}
