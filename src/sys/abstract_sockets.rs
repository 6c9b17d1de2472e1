//! Abstract sockets: the names that mark a project as running. No process can remove them, no variable
//! moves them, and the kernel frees them when the last process that holds them ends.

use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::path::Path;
use std::time::Duration;

use rustix::net::sockopt::socket_peercred;

use super::deadline::pause;
use super::file_identity::FileIdentity;
use super::project_dirs::{project_id, user};

/// The number of attempts until the holder of a name or lock listens and has written its record.
pub(super) const MAX_ATTEMPTS: u32 = 20;
pub(super) const RETRY_DELAY: Duration = Duration::from_millis(5);

/// The process at the other end of a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Peer {
    pub(super) pid: u32,
    pub(super) user: u32,
}

impl Peer {
    pub(super) fn of(stream: impl AsFd) -> Option<Self> {
        let peer = socket_peercred(stream).ok()?;
        let pid = peer.pid.as_raw_nonzero().get().cast_unsigned();
        Some(Self { pid, user: peer.uid.as_raw() })
    }

    /// Anybody can take a name, so only a holder that is this user, root, or (for root) the owner of the
    /// project counts.
    fn is_trusted(self) -> bool {
        user() == 0 || self.user == user() || self.user == 0
    }
}

/// Why a name cannot be claimed.
pub(super) enum ClaimError {
    HeldBy(Peer),
    Unavailable,
}

pub(super) fn claim(name: &str) -> Result<UnixListener, ClaimError> {
    let address = SocketAddr::from_abstract_name(name).map_err(|_| ClaimError::Unavailable)?;
    for _ in 0..MAX_ATTEMPTS {
        match UnixListener::bind_addr(&address) {
            Ok(listener) => {
                _ = listener.set_nonblocking(true);
                return Ok(listener);
            }
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            Err(_) => return Err(ClaimError::Unavailable),
        }
        match UnixStream::connect_addr(&address).ok().and_then(Peer::of) {
            Some(peer) if peer.is_trusted() => return Err(ClaimError::HeldBy(peer)),
            Some(_) => return Err(ClaimError::Unavailable),
            // The holder will listen in a moment, or has just ended.
            None => pause(RETRY_DELAY),
        }
    }
    Err(ClaimError::Unavailable)
}

/// Connects to the holder of a name, if it is trusted.
pub(super) fn connect(name: &str) -> Option<(UnixStream, Peer)> {
    let address = SocketAddr::from_abstract_name(name).ok()?;
    let stream = UnixStream::connect_addr(&address).ok()?;
    let peer = Peer::of(&stream).filter(|peer| peer.is_trusted())?;
    Some((stream, peer))
}

/// The names of a project that one user runs.
pub(super) struct ProjectNames {
    /// Derived from the inode of the folder and the name of the file; `None` if the folder does not
    /// exist.
    pub(super) by_folder: Option<String>,
    /// Derived from the path of the file.
    pub(super) by_path: String,
}

impl ProjectNames {
    pub(super) fn of(file: &Path, user: u32) -> Self {
        let folder = FileIdentity::of(file).map(|identity| identity.key());
        Self {
            by_folder: folder.map(|key| format!("pitcrew/{user}/place/{key}")),
            by_path: format!("pitcrew/{user}/path/{}", project_id(file)),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.by_folder.iter().chain([&self.by_path]).map(String::as_str)
    }

    /// Returns the process that holds one of the names.
    pub(super) fn holder(&self) -> Option<Peer> {
        self.iter().find_map(connect).map(|(_, peer)| peer)
    }
}

/// Returns the other user that may run the project: root for every user, and for root the owner of
/// the folder.
pub(super) fn other_user(file: &Path) -> Option<u32> {
    let other = match user() {
        0 => file.parent().and_then(|folder| fs::metadata(folder).ok()).map(|meta| meta.uid()),
        _ => Some(0),
    };
    other.filter(|other| *other != user())
}
