//! Project lock: makes sure that a project runs only once, whatever the environment says.
//!
//! The authority is two names in the kernel's table of abstract sockets: one derived from the path of
//! the file, one from the inode of its folder. No process can remove them, no variable moves them, and the
//! kernel frees them when the last process that holds them ends. A file in the state folder records
//! the holder, and a lock on it excludes processes that do not see these names, such as a process
//! in another network namespace.

use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use super::abstract_sockets::{
    ClaimError, MAX_ATTEMPTS, Peer, ProjectNames, RETRY_DELAY, claim, other_user,
};
use super::deadline::pause;
use super::file_identity::{FileFollower, FileId, FileIdentity};
use super::journal::Journal;
use super::project_dirs::user;
use super::{ProjectDirs, guardian, proc};
use crate::spec::io_error_text;

/// The name of the file in the state folder.
const NAME: &str = "lock";

/// The process that runs a project, as recorded in the state folder.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Holder {
    /// The process that took the lock, which becomes the guardian.
    pub pid: u32,
    /// When it took the lock, in RFC 3339.
    pub started: String,
    #[serde(with = "super::path_bytes")]
    pub file: PathBuf,
    /// The user it runs as, if that differs from the current one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<u32>,
    /// When the process began, in ticks since boot; together with the pid it is unique.
    #[serde(default)]
    pub(super) ticks: u64,
    /// The socket it listens on.
    #[serde(default, with = "super::path_bytes")]
    pub(super) socket: PathBuf,
    #[serde(default)]
    pub(super) file_id: Option<FileId>,
    #[serde(default)]
    pub(super) folder_id: Option<FileId>,
}

impl Holder {
    /// Whether this process exists; a later one with the same pid does not count.
    pub(super) fn is_alive(&self) -> bool {
        proc::stat(self.pid).is_some_and(|stat| !stat.zombie && stat.start == self.ticks)
    }

    /// Whether it runs the project of this file, under any path.
    pub(super) fn runs(&self, file: &Path) -> bool {
        if self.file == file {
            return true;
        }
        let same_file = self.file_id.is_some() && self.file_id == FileId::of(file);
        let same_folder = self.folder_id.is_some()
            && self.folder_id == FileIdentity::of(file).map(|identity| identity.folder)
            && self.file.file_name() == file.file_name();
        same_file || same_folder
    }
}

/// Returns the folder of the project with this session, or whose guardian is one of these processes.
pub(super) fn project_of(session: Option<&[u8]>, pids: &[u32]) -> Option<PathBuf> {
    let states = ProjectDirs::state_bases().into_iter();
    let folders = states.filter_map(|base| fs::read_dir(base).ok()).flatten().flatten();
    folders.map(|entry| entry.path()).find_map(|folder| {
        let holder = read(&folder.join(NAME)).filter(Holder::is_alive)?;
        let has_session = || {
            let rules = Journal::of(&folder).read().ok().flatten();
            rules.is_some_and(|rules| Some(rules.session.as_bytes()) == session)
        };
        let is_match = pids.contains(&holder.pid) || has_session();
        holder.file.parent().filter(|_| is_match).map(Path::to_owned)
    })
}

/// The lock of a project, held as long as any process has its descriptors open: the guardian and the
/// engine both do.
#[derive(Debug)]
pub struct Lock {
    /// `None` if descriptors are short; the guardian has it too.
    file: Option<File>,
    /// Identifies the locked file.
    id: FileId,
    path: PathBuf,
    record: Holder,
    names: Vec<UnixListener>,
}

/// Why a lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process holds it.
    #[error("already running (pid {}, since {})", .0.pid, .0.started)]
    Busy(Box<Holder>),
    /// The file cannot be used.
    #[error("cannot lock {}: {}", .path.display(), io_error_text(.error))]
    Io { path: PathBuf, error: io::Error },
}

impl Lock {
    /// Takes the lock of a project for this process; fails immediately if it is held.
    pub fn take(folders: &ProjectDirs, started: &str) -> Result<Self, LockError> {
        let path = folders.state.join(NAME);
        let failed = |error: io::Error| LockError::Io { path: path.clone(), error };
        let busy = |holder| Err(LockError::Busy(Box::new(holder)));
        let file = folders.file.as_path();
        let foreign = other_user(file).and_then(|user| ProjectNames::of(file, user).holder());
        if let Some(peer) = foreign {
            return busy(holder_of(folders, peer));
        }
        let mut names = Vec::new();
        for name in ProjectNames::of(file, user()).iter() {
            match claim(name) {
                Ok(listener) => names.push(listener),
                Err(ClaimError::HeldBy(peer)) => return busy(holder_of(folders, peer)),
                // Without these names only the file can be locked.
                Err(ClaimError::Unavailable) => {}
            }
        }
        let mut lock = open_locked(&path).map_err(failed)?;
        let Some(lock_file) = &mut lock else {
            let unknown = Peer { pid: 0, user: user() };
            return busy(holder_of(folders, unknown));
        };
        // A record of our own path is stale, because the file was not locked.
        if let Some(holder) = recorded_elsewhere(folders) {
            return busy(holder);
        }
        let record = Holder {
            pid: std::process::id(),
            started: started.to_owned(),
            file: file.to_owned(),
            user: None,
            ticks: proc::stat(std::process::id()).map_or(0, |stat| stat.start),
            socket: folders.socket(),
            file_id: FileId::of(file),
            folder_id: FileIdentity::of(file).map(|identity| identity.folder),
        };
        write(lock_file, &record).map_err(failed)?;
        let Some(file) = lock else { return busy(record) };
        let id = id_of(&file).map_err(failed)?;
        Ok(Self { file: Some(file), id, path, record, names })
    }

    /// Returns the listeners that belong to the lock, once: the control socket is served on them too.
    pub fn listeners(&mut self) -> Vec<UnixListener> {
        let listeners = std::mem::take(&mut self.names);
        for listener in &listeners {
            // Listen again, so that the kernel reports this process to clients.
            _ = rustix::net::listen(listener, 128);
        }
        listeners
    }

    /// Creates the file again if it was removed or replaced, and updates the record.
    ///
    /// # Errors
    /// If the file cannot be written; the lock is held nevertheless.
    pub fn renew(&mut self, follower: &FileFollower) -> io::Result<()> {
        let is_there = FileId::of(&self.path) == Some(self.id);
        let is_same = self.record.file_id == follower.id || follower.id.is_none();
        if is_there && is_same {
            return Ok(());
        }
        self.record.file_id = follower.id;
        if !is_there {
            if let Some(folder) = self.path.parent() {
                fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
            }
            let file = open_locked(&self.path)?.ok_or(io::ErrorKind::WouldBlock)?;
            self.id = id_of(&file)?;
            self.file = Some(file);
        }
        self.file.as_mut().map_or(Ok(()), |file| write(file, &self.record))
    }

    /// Closes the file if descriptors are short. The guardian has it open too.
    pub fn release_file(&mut self) {
        self.file = None;
    }
}

/// Opens and locks the file; `None` if another process has locked it. A file that was removed or
/// replaced in between is not a lock.
fn open_locked(path: &Path) -> io::Result<Option<File>> {
    loop {
        let lock = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        match fs::metadata(path) {
            Ok(meta) if FileId::from(&meta) == id_of(&lock)? => return Ok(Some(lock)),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
}

fn id_of(file: &File) -> io::Result<FileId> {
    Ok(FileId::from(&file.metadata()?))
}

fn write(lock: &mut File, record: &Holder) -> io::Result<()> {
    let text = serde_json::to_vec(record)?;
    lock.rewind()?;
    lock.set_len(0)?;
    lock.write_all(&text)
}

/// Returns the process that runs this project: it is up, starting, or stopping.
pub fn alive_holder(folders: &ProjectDirs) -> Option<Holder> {
    let holder = holder_of_names(&folders.file).map(|peer| holder_of(folders, peer));
    holder.or_else(|| recorded(folders))
}

/// Whether a project runs that was started from this file, which may no longer exist.
pub fn is_running(file: &Path) -> bool {
    holder_of_names(file).is_some()
}

/// Returns the process that holds a name of the project, for this user or the other user that may
/// run it.
fn holder_of_names(file: &Path) -> Option<Peer> {
    let mut users = std::iter::once(user()).chain(other_user(file));
    users.find_map(|user| ProjectNames::of(file, user).holder())
}

/// Returns the recorded holder of the project of this file, by its own path or another one.
pub(super) fn recorded(folders: &ProjectDirs) -> Option<Holder> {
    let own = read(&folders.state.join(NAME)).filter(Holder::is_alive);
    own.or_else(|| recorded_elsewhere(folders))
}

/// Returns the recorded holder among projects started by another path.
fn recorded_elsewhere(folders: &ProjectDirs) -> Option<Holder> {
    let states = fs::read_dir(folders.state.parent()?).ok()?.flatten().map(|entry| entry.path());
    let others = states.filter(|state| *state != folders.state);
    let mut records = others.filter_map(|state| read(&state.join(NAME)));
    records.find(|holder| holder.runs(&folders.file) && holder.is_alive())
}

fn read(path: &Path) -> Option<Holder> {
    let mut text = String::new();
    File::open(path).ok()?.take(64 << 10).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

/// Reads the record of the process that holds the name; it is written right after the name is taken.
fn holder_of(folders: &ProjectDirs, peer: Peer) -> Holder {
    let is_foreign = peer.user != user();
    for _ in 0..MAX_ATTEMPTS {
        if let Some(holder) = recorded(folders) {
            return holder;
        }
        if is_foreign {
            break;
        }
        pause(RETRY_DELAY);
    }
    // There is no record; the kernel knows the process. The guardian of an engine is its parent.
    let parent = proc::with_ancestors(peer.pid).nth(1);
    let guardian = parent.filter(|parent| parent.program == guardian::NAME);
    let pid = guardian.map_or(peer.pid, |guardian| guardian.pid);
    let started = proc::started(pid).unwrap_or_else(|| "an unknown time".to_owned());
    Holder {
        pid,
        started,
        file: folders.file.clone(),
        user: is_foreign.then_some(peer.user),
        ..Holder::default()
    }
}

#[cfg(test)]
mod tests;
