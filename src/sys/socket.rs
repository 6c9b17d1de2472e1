//! The control socket in a project's runtime folder.
//!
//! The address of a unix socket holds 107 bytes, and a path may be longer. So it is reached through
//! the descriptor of its folder, whose path is short wherever the folder is.

use std::fs::Permissions;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags, open, unlinkat};

use super::Folders;

const NAME: &str = "control.sock";

/// A socket that is listened on; its file goes with it.
#[derive(Debug)]
pub struct ControlSocket {
    folder: OwnedFd,
    /// Where it is, for people.
    pub path: PathBuf,
}

impl ControlSocket {
    /// Listens in the runtime folder. Only for who holds the project's lock: whatever is there
    /// already was left behind by somebody who is dead, and goes.
    pub fn bind(folders: &Folders) -> io::Result<(Self, UnixListener)> {
        let folder = enter(&folders.runtime)?;
        match unlinkat(&folder, NAME, AtFlags::empty()) {
            Ok(()) | Err(rustix::io::Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
        }
        let short = through(&folder);
        let listener = UnixListener::bind(&short)?;
        std::fs::set_permissions(&short, Permissions::from_mode(0o600))?;
        listener.set_nonblocking(true)?;
        Ok((Self { folder, path: folders.runtime.join(NAME) }, listener))
    }

    /// Connects to whoever listens there; an error of the kinds `NotFound` and `ConnectionRefused`
    /// when nobody does.
    pub fn connect(folders: &Folders) -> io::Result<UnixStream> {
        let stream = UnixStream::connect(through(&enter(&folders.runtime)?))?;
        stream.set_nonblocking(true)?;
        Ok(stream)
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        _ = unlinkat(&self.folder, NAME, AtFlags::empty());
    }
}

/// An address by which a unix socket can be reached whatever the length of its path.
#[derive(Debug)]
pub struct SocketAddress {
    path: PathBuf,
    /// Keeps a short path valid.
    _file: Option<OwnedFd>,
}

impl SocketAddress {
    /// The longest path that fits into an address.
    const LONGEST: usize = 107;

    /// That of the socket with this path. An error of the kind `NotFound` when there is none.
    pub fn of(path: &Path) -> io::Result<Self> {
        if path.as_os_str().len() <= Self::LONGEST {
            return Ok(Self { path: path.to_owned(), _file: None });
        }
        let file = open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
        let short = format!("/proc/self/fd/{}", file.as_fd().as_raw_fd());
        Ok(Self { path: short.into(), _file: Some(file) })
    }

    /// What to connect to while this is kept.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn enter(folder: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::DIRECTORY | OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(open(folder, flags, Mode::empty())?)
}

fn through(folder: &OwnedFd) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}/{NAME}", folder.as_fd().as_raw_fd()))
}

/// The user this process acts as.
pub fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileTypeExt;

    use super::*;

    fn folders(base: &Path) -> Folders {
        Folders::with(Path::new("/p/procfile.toml"), |name| {
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
        // As after a kill: nobody listens, the file is there.
        drop(listener);
        std::mem::forget(first);
        let refused = ControlSocket::connect(&folders).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        let (socket, listener) = ControlSocket::bind(&folders).unwrap();
        let meta = std::fs::symlink_metadata(&socket.path).unwrap();
        assert!(meta.file_type().is_socket());
        assert_eq!(meta.permissions().mode() & 0o777, 0o600);
        ControlSocket::connect(&folders).unwrap();
        let path = socket.path.clone();
        drop((socket, listener));
        assert!(!path.exists());
    }
}
