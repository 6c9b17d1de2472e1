//! Control socket of a project, and how clients find and connect to it.
//!
//! The address of a unix socket holds 107 bytes, and a path may be longer. So it is reached through
//! the descriptor of its folder, whose path is always short.

use std::fs::{Permissions, set_permissions, symlink_metadata};
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags, open, unlinkat};

use super::abstract_sockets::{Peer, ProjectNames, connect, other_user};
use super::file_identity::FileId;
use super::lock::recorded;
use super::{ProjectDirs, proc, project_dirs, user};

/// A listening socket; its file is removed on drop.
#[derive(Debug)]
pub struct ControlSocket {
    /// For display.
    pub path: PathBuf,
    id: FileId,
}

impl ControlSocket {
    /// Listens in the runtime folder. Only for the holder of the project's lock: an existing socket was
    /// left by a dead process, and is replaced.
    pub fn bind(folders: &ProjectDirs) -> io::Result<(Self, UnixListener)> {
        let folder = open_folder(&folders.runtime)?;
        match unlinkat(&folder, project_dirs::SOCKET, AtFlags::empty()) {
            Ok(()) | Err(rustix::io::Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
        }
        let path = folders.socket();
        let short = through(&folder, &path);
        let listener = UnixListener::bind(&short)?;
        set_permissions(&short, Permissions::from_mode(0o600))?;
        let meta = symlink_metadata(&short)?;
        listener.set_nonblocking(true)?;
        Ok((Self { path, id: FileId::from(&meta) }, listener))
    }

    /// Whether its file still exists. A removed socket cannot be reached any more.
    pub fn is_there(&self) -> bool {
        symlink_metadata(&self.path).is_ok_and(|meta| FileId::from(&meta) == self.id)
    }

    /// Connects to the process that runs the project, wherever its socket is; returns an error of kind
    /// `NotFound` or `ConnectionRefused` if there is none.
    ///
    /// Tries the inode of the folder first, which is right whatever was renamed; then the socket in the
    /// runtime folder, the path, the recorded address, and that of another user.
    pub fn connect(folders: &ProjectDirs) -> io::Result<UnixStream> {
        let file = &folders.file;
        let own = ProjectNames::of(file, user());
        let by_name = |name: &str| connect(name).map(|(stream, _)| stream);
        let by_record = || connect_in(recorded(folders)?.socket.parent()?).ok();
        let of_other_user = || ProjectNames::of(file, other_user(file)?).iter().find_map(by_name);
        let stream = match own.by_folder.as_deref().and_then(by_name) {
            Some(stream) => stream,
            None => connect_in(&folders.runtime).or_else(|error| {
                by_name(&own.by_path).or_else(by_record).or_else(of_other_user).ok_or(error)
            })?,
        };
        if user() != 0 && Peer::of(&stream).is_some_and(|peer| peer.user == 0) {
            let text = "it was started as root (`sudo pitcrew` reaches it)";
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
        }
        stream.set_nonblocking(true)?;
        Ok(stream)
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        if self.is_there() {
            _ = std::fs::remove_file(&self.path);
        }
    }
}

/// An address by which a unix socket can be reached even if its path is too long.
#[derive(Debug)]
pub struct SocketAddress {
    path: PathBuf,
    /// Keeps the short path valid.
    _file: Option<OwnedFd>,
}

impl SocketAddress {
    /// The longest path that fits into an address.
    const MAX_PATH: usize = 107;

    /// Creates the address of the socket with this path. Returns an error of kind `NotFound` if there is
    /// none.
    pub fn of(path: &Path) -> io::Result<Self> {
        if path.as_os_str().len() <= Self::MAX_PATH {
            return Ok(Self { path: path.to_owned(), _file: None });
        }
        let file = open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
        let short = format!("/proc/self/fd/{}", file.as_raw_fd());
        Ok(Self { path: short.into(), _file: Some(file) })
    }

    /// The path to connect to while this value is kept.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn connect_in(folder: &Path) -> io::Result<UnixStream> {
    let path = folder.join(project_dirs::SOCKET);
    UnixStream::connect(through(&open_folder(folder)?, &path))
}

fn open_folder(folder: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::DIRECTORY | OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(open(folder, flags, Mode::empty())?)
}

/// Returns the short path through the descriptor, or the long one if there is no `/proc`.
fn through(folder: &OwnedFd, path: &Path) -> PathBuf {
    let short = PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd()));
    if short.exists() { short.join(project_dirs::SOCKET) } else { path.to_owned() }
}

/// Returns the process that was stopped so that a connection gets no answer: the peer itself, or its
/// parent if the peer has ended.
pub fn suspended_peer(stream: &OwnedFd) -> Option<u32> {
    proc::suspended(Peer::of(stream)?.pid)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileTypeExt;

    use super::*;

    fn folders(base: &Path) -> ProjectDirs {
        ProjectDirs::with(&base.join("procfile.toml"), |name| {
            (name == "XDG_RUNTIME_DIR").then(|| base.as_os_str().to_owned())
        })
        .unwrap()
    }

    #[test]
    fn a_stale_socket_makes_room_and_a_long_path_is_no_matter() {
        let base = tempfile::tempdir().unwrap();
        let deep = base.path().join("x".repeat(200));
        std::fs::create_dir(&deep).unwrap();
        let folders = folders(&deep);
        let refused = ControlSocket::connect(&folders).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::NotFound);
        let (first, listener) = ControlSocket::bind(&folders).unwrap();
        // As after a kill: the file exists, but nothing listens. Not only closed, because a child that
        // another test has just forked can still hold it.
        rustix::net::shutdown(&listener, rustix::net::Shutdown::Both).unwrap();
        drop(listener);
        std::mem::forget(first);
        let refused = ControlSocket::connect(&folders).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        let (socket, listener) = ControlSocket::bind(&folders).unwrap();
        let meta = symlink_metadata(&socket.path).unwrap();
        assert!(meta.file_type().is_socket());
        assert_eq!(meta.permissions().mode() & 0o777, 0o600);
        ControlSocket::connect(&folders).unwrap();
        assert!(socket.is_there());
        std::fs::remove_file(&socket.path).unwrap();
        assert!(!socket.is_there());
        let (again, _listener) = ControlSocket::bind(&folders).unwrap();
        // The old socket does not remove the new one.
        drop((socket, listener));
        assert!(again.is_there());
        let path = again.path.clone();
        drop(again);
        assert!(!path.exists());
    }
}
