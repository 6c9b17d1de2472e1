//! Abstract sockets: the names that mark a project as running. Nobody can remove them, no variable
//! moves them, and the kernel frees them when the last process that holds them ends.

use std::fs;
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::path::Path;
use std::time::Duration;

use rustix::net::sockopt::socket_peercred;

use super::deadline::pause;
use super::file_identity::FileIdentity;

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
    pub(super) fn of(stream: &UnixStream) -> Option<Self> {
        let peer = socket_peercred(stream).ok()?;
        let pid = peer.pid.as_raw_nonzero().get().cast_unsigned();
        Some(Self { pid, user: peer.uid.as_raw() })
    }

    /// Anybody can take a name, so only a holder that is this user, root, or (for root) the owner of the
    /// project counts.
    fn is_trusted(self) -> bool {
        let own = own_user();
        own == 0 || self.user == own || self.user == 0
    }
}

/// Why a name cannot be claimed.
pub(super) enum ClaimError {
    By(Peer),
    Impossible,
}

pub(super) fn claim(name: &str) -> Result<UnixListener, ClaimError> {
    let address = SocketAddr::from_abstract_name(name).map_err(|_| ClaimError::Impossible)?;
    for _ in 0..MAX_ATTEMPTS {
        match UnixListener::bind_addr(&address) {
            Ok(listener) => {
                _ = listener.set_nonblocking(true);
                return Ok(listener);
            }
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            Err(_) => return Err(ClaimError::Impossible),
        }
        match UnixStream::connect_addr(&address).ok().as_ref().and_then(Peer::of) {
            Some(peer) if peer.is_trusted() => return Err(ClaimError::By(peer)),
            Some(_) => return Err(ClaimError::Impossible),
            // The holder will listen in a moment, or has just ended.
            None => pause(RETRY_DELAY),
        }
    }
    Err(ClaimError::Impossible)
}

/// Connects to the holder of a name of the project; `by` selects which of the two names.
pub(super) fn connect(file: &Path, user: u32, by: ProjectName) -> Option<UnixStream> {
    let names = names_of(file, user);
    let name = match by {
        ProjectName::Place => names.iter().find(|name| name.contains(PLACE)),
        ProjectName::Path => names.iter().find(|name| name.contains(PATH)),
    };
    dial(name?).map(|(stream, _)| stream)
}

/// What the name of a project is derived from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ProjectName {
    /// The inode of its folder, and the name of its file.
    Place,
    /// The path of its file.
    Path,
}

const PLACE: &str = "/place/";
const PATH: &str = "/path/";

fn dial(name: &str) -> Option<(UnixStream, Peer)> {
    let address = SocketAddr::from_abstract_name(name).ok()?;
    let stream = UnixStream::connect_addr(&address).ok()?;
    let peer = Peer::of(&stream).filter(|peer| peer.is_trusted())?;
    Some((stream, peer))
}

pub(super) fn peer_of(name: &str) -> Option<Peer> {
    dial(name).map(|(_, peer)| peer)
}

/// The names of a project that this user runs.
pub(super) fn names_of(file: &Path, user: u32) -> Vec<String> {
    let place = FileIdentity::of(file).map(|place| format!("pitcrew/{user}{PLACE}{}", place.key()));
    let path = format!("pitcrew/{user}{PATH}{}", super::project_dirs::id(file));
    place.into_iter().chain([path]).collect()
}

pub(super) fn own_user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Returns the other user that may run the project: root for everybody, and for root the owner of
/// the folder.
pub(super) fn others(file: &Path) -> Option<u32> {
    let other = match own_user() {
        0 => file.parent().and_then(|folder| fs::metadata(folder).ok()).map(|meta| meta.uid()),
        _ => Some(0),
    };
    other.filter(|user| *user != own_user())
}
