//! The `sd_notify` protocol: a socket for each run, and the check which process sent a message.
//!
//! The kernel reports the sender of a datagram. A pid alone proves nothing, so the sender must be
//! alive when it is checked, and belong to the tree of the run.
#![expect(unsafe_code, reason = "recvmsg with credentials: rustix takes a pid of 0 for valid")]

use std::io;
use std::mem::{MaybeUninit, size_of};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixDatagram as StdDatagram;
use std::path::{Path, PathBuf};

use rustix::net::sockopt::set_socket_passcred;
use tokio::io::Interest;
use tokio::net::UnixDatagram;

use super::launch_plan::marker;
use super::proc;
use super::project_dirs::ensure_private;
use super::user;

/// The maximum length of a datagram; the rest of a longer one is cut off.
const MAX_DATAGRAM: usize = 4 << 10;
/// Space for control messages: the sender's credentials, and descriptors, which are closed.
const SPACE: usize = 2 << 10;
/// The name of a socket: a prefix of the project, this infix, the name of the run, this suffix.
const INFIX: &str = "notify-";
const SUFFIX: &str = ".sock";

/// Creates the sockets of one engine.
#[derive(Debug)]
pub struct NotifySockets {
    /// The folders to use, each with a prefix for the names.
    folders: Vec<(PathBuf, String)>,
}

/// The socket of one run; its file is removed on drop.
#[derive(Debug)]
pub struct NotifySocket {
    socket: UnixDatagram,
    /// The value of `NOTIFY_SOCKET`.
    pub path: PathBuf,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datagram {
    pub bytes: Vec<u8>,
    /// The sender; `None` if it has no pid in our namespace.
    pub pid: Option<u32>,
}

impl NotifySockets {
    /// Uses the project's own folder, which only this session may hold; sockets left by a killed session
    /// are removed. If the path is too long for a socket, or there is none, a shared folder is used, in
    /// which the name of the own folder or else `id` distinguishes projects.
    pub fn new(own: Option<&Path>, id: &str) -> Self {
        let project = own.and_then(Path::file_name).and_then(std::ffi::OsStr::to_str);
        let id = project.unwrap_or(id);
        let shared = |base: PathBuf| (base.join(format!("pitcrew-{}", user())), format!("{id}-"));
        let own = own.map(|own| (own.to_owned(), String::new()));
        let shared = [shared(std::env::temp_dir()), shared("/tmp".into())];
        let folders: Vec<_> = own.into_iter().chain(shared).collect();
        for (folder, prefix) in &folders {
            remove_old(folder, prefix);
        }
        Self { folders }
    }

    /// Creates a socket with this name. Must be called in a runtime.
    pub fn bind(&self, name: &str) -> io::Result<NotifySocket> {
        let mut too_long = None;
        for (folder, prefix) in &self.folders {
            ensure_private(folder).map_err(io::Error::other)?;
            let path = folder.join(format!("{prefix}{INFIX}{name}{SUFFIX}"));
            match bind(path) {
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => too_long = Some(error),
                result => return result,
            }
        }
        Err(too_long.unwrap_or_else(|| io::ErrorKind::InvalidInput.into()))
    }
}

/// Removes the sockets of a session that was killed.
fn remove_old(folder: &Path, prefix: &str) {
    let start = format!("{prefix}{INFIX}");
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let is_ours = |name: &str| name.starts_with(&start) && name.ends_with(SUFFIX);
        if name.to_str().is_some_and(is_ours) {
            _ = std::fs::remove_file(entry.path());
        }
    }
}

fn bind(path: PathBuf) -> io::Result<NotifySocket> {
    let socket = StdDatagram::bind(&path)?;
    let configure = || {
        set_socket_passcred(&socket, true)?;
        socket.set_nonblocking(true)?;
        UnixDatagram::from_std(socket)
    };
    let configured = configure().inspect_err(|_| _ = std::fs::remove_file(&path));
    configured.map(|socket| NotifySocket { socket, path })
}

impl Drop for NotifySocket {
    fn drop(&mut self) {
        _ = std::fs::remove_file(&self.path);
    }
}

impl NotifySocket {
    /// Waits for the next datagram. Cancel safe.
    pub async fn receive(&self) -> io::Result<Datagram> {
        self.socket.async_io(Interest::READABLE, || receive(&self.socket)).await
    }
}

/// A buffer for control messages, aligned as their header needs it.
#[repr(C)]
union ControlMessageBuffer {
    _header: libc::cmsghdr,
    bytes: [u8; SPACE],
}

fn receive(socket: &UnixDatagram) -> io::Result<Datagram> {
    let mut bytes = vec![0_u8; MAX_DATAGRAM];
    let mut space = ControlMessageBuffer { bytes: [0; SPACE] };
    let mut part = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
    // SAFETY: all zeroes is a valid `msghdr`: no address, no buffers.
    let mut message: libc::msghdr = unsafe { MaybeUninit::zeroed().assume_init() };
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = (&raw mut space).cast();
    message.msg_controllen = SPACE as _;
    let flags = libc::MSG_DONTWAIT | libc::MSG_CMSG_CLOEXEC;
    // SAFETY: `message` points to `part` and `space` with their lengths; both outlive the call, and
    // `part` points to `bytes`.
    let length = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, flags) };
    let Ok(length) = usize::try_from(length) else { return Err(io::Error::last_os_error()) };
    bytes.truncate(length);
    if message.msg_flags & libc::MSG_TRUNC != 0 {
        // The last line is cut, so it is dropped.
        let end = bytes.iter().rposition(|byte| *byte == b'\n').unwrap_or(0);
        bytes.truncate(end);
    }
    Ok(Datagram { bytes, pid: sender(&message) })
}

/// Returns the pid of the sender. Descriptors that were sent along are closed.
fn sender(message: &libc::msghdr) -> Option<u32> {
    let mut pid = None;
    // SAFETY: recvmsg has filled `message`, and its buffers still exist.
    let mut next = unsafe { libc::CMSG_FIRSTHDR(message) };
    while !next.is_null() {
        // SAFETY: not null, so it points to a whole, aligned header within the buffer.
        let header = unsafe { *next };
        // SAFETY: as above.
        let data = unsafe { libc::CMSG_DATA(next) };
        // SAFETY: only computes a number.
        let header_length = unsafe { libc::CMSG_LEN(0) } as usize;
        let length = (header.cmsg_len as usize).saturating_sub(header_length);
        match (header.cmsg_level, header.cmsg_type) {
            (libc::SOL_SOCKET, libc::SCM_CREDENTIALS) if length >= size_of::<libc::ucred>() => {
                // SAFETY: the kernel wrote a `ucred` there, of which every value is valid.
                // Its first field is the pid.
                let number = i32::from_ne_bytes(unsafe { data.cast::<[u8; 4]>().read() });
                pid = u32::try_from(number).ok().filter(|pid| *pid > 0);
            }
            (libc::SOL_SOCKET, libc::SCM_RIGHTS) => {
                for index in 0..length / size_of::<i32>() {
                    // SAFETY: within the length that the kernel wrote.
                    let entry = unsafe { data.add(index * size_of::<i32>()) };
                    // SAFETY: as above.
                    let fd = i32::from_ne_bytes(unsafe { entry.cast::<[u8; 4]>().read() });
                    // SAFETY: a new descriptor from this call, which nothing else owns.
                    drop(unsafe { OwnedFd::from_raw_fd(fd) });
                }
            }
            _ => {}
        }
        // SAFETY: as for the first one.
        next = unsafe { libc::CMSG_NXTHDR(message, next) };
    }
    pid
}

/// Whether a process is the leader or descends from it, parent by parent.
///
/// The leader must not have been reaped.
pub fn descends(pid: u32, leader: u32) -> bool {
    proc::with_ancestors(pid).any(|process| process.pid == leader)
}

/// Whether a process carries the marker variables of the run with this environment. May take a
/// moment.
pub fn has_marker(pid: u32, env: &[(std::ffi::OsString, std::ffi::OsString)]) -> bool {
    marker(env).is_some_and(|marker| proc::marker(pid) == marker)
}

/// Returns the pid with the command line.
pub fn describe(pid: u32) -> String {
    proc::stat(pid).map_or_else(
        || format!("{pid}, which has already ended"),
        |stat| format!("{pid} ({})", proc::command_line(&stat)),
    )
}
