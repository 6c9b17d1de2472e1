//! inotify: receives file events from the kernel.
//!
//! Only folders are watched, never files, so that a replaced file is still seen. Read events are
//! not requested: a search through a big tree would fill the queue and look like a change.

use std::ffi::{OsStr, OsString};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::io::Errno;

/// Size of the read buffer in bytes; holds some thousand events.
const BUFFER_SIZE: usize = 64 << 10;

/// The kernel's id of a watched folder.
pub(super) type WatchDescriptor = i32;

/// The number of events read in one turn, so that other work is not starved.
const EVENTS_PER_READ: usize = 16 << 10;

#[derive(Debug)]
pub(super) struct Inotify {
    queue: OwnedFd,
    buffer: Vec<MaybeUninit<u8>>,
}

/// Why a folder cannot be watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WatchError {
    /// The folder does not exist.
    Gone,
    /// The kernel's limit of watches is reached.
    Limit,
    /// The folder is not readable or cannot be watched.
    Other,
}

/// A change of an entry of a folder, or of the folder itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InotifyEventKind {
    /// The entry was created.
    Created,
    /// The entry was moved here, perhaps replacing another one.
    MovedIn,
    /// The entry was deleted or moved away.
    Removed,
    /// The file was written to.
    Modified,
    /// The watched folder itself was moved.
    Moved,
    /// The watched folder was deleted; the kernel has dropped the watch.
    Gone,
    /// The event queue overflowed, so events were lost.
    Overflow,
}

#[derive(Debug)]
pub(super) struct InotifyEvent {
    pub(super) wd: WatchDescriptor,
    pub(super) kind: InotifyEventKind,
    pub(super) name: OsString,
    pub(super) is_folder: bool,
}

impl Inotify {
    pub(super) fn open() -> Result<Self, Errno> {
        let queue = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        Ok(Self { queue, buffer: vec![MaybeUninit::uninit(); BUFFER_SIZE] })
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.queue.as_fd()
    }

    /// Watches a folder; symlinks to it are followed. A folder that is watched already gives the same
    /// descriptor. Without `files`, only entries that appear or disappear are reported.
    pub(super) fn watch(&self, folder: &Path, files: bool) -> Result<WatchDescriptor, WatchError> {
        let mut flags = WatchFlags::CREATE
            | WatchFlags::DELETE
            | WatchFlags::MOVED_FROM
            | WatchFlags::MOVED_TO
            | WatchFlags::MOVE_SELF
            | WatchFlags::ONLYDIR
            | WatchFlags::MASK_ADD;
        if files {
            flags |= WatchFlags::MODIFY | WatchFlags::CLOSE_WRITE;
        }
        match inotify::add_watch(&self.queue, folder, flags) {
            Ok(wd) => Ok(wd),
            Err(Errno::NOSPC | Errno::NOMEM) => Err(WatchError::Limit),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Err(WatchError::Gone),
            Err(_) => Err(WatchError::Other),
        }
    }

    pub(super) fn unwatch(&self, wd: WatchDescriptor) {
        // Fails if the folder no longer exists, and then the watch is gone too.
        _ = inotify::remove_watch(&self.queue, wd);
    }

    /// Reads up to [`EVENTS_PER_READ`] pending events; never blocks.
    pub(super) fn read(&mut self) -> Vec<InotifyEvent> {
        let mut events: Vec<InotifyEvent> = Vec::new();
        let mut reader = Reader::new(&self.queue, &mut self.buffer);
        while events.len() < EVENTS_PER_READ || !reader.is_buffer_empty() {
            let event = match reader.next() {
                Ok(event) => event,
                Err(Errno::INTR) => continue,
                Err(_) => break,
            };
            let name = event.file_name().map(|name| OsStr::from_bytes(name.to_bytes()).to_owned());
            events.push(InotifyEvent {
                wd: event.wd(),
                kind: kind(event.events()),
                name: name.unwrap_or_default(),
                is_folder: event.events().contains(ReadFlags::ISDIR),
            });
        }
        events
    }
}

fn kind(flags: ReadFlags) -> InotifyEventKind {
    let has = |flag| flags.contains(flag);
    if has(ReadFlags::QUEUE_OVERFLOW) {
        InotifyEventKind::Overflow
    } else if has(ReadFlags::IGNORED) {
        InotifyEventKind::Gone
    } else if has(ReadFlags::MOVE_SELF) {
        InotifyEventKind::Moved
    } else if has(ReadFlags::CREATE) {
        InotifyEventKind::Created
    } else if has(ReadFlags::MOVED_TO) {
        InotifyEventKind::MovedIn
    } else if flags.intersects(ReadFlags::DELETE | ReadFlags::MOVED_FROM) {
        InotifyEventKind::Removed
    } else {
        InotifyEventKind::Modified
    }
}
