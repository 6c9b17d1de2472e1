//! inotify: the kernel tells what happens in a folder.
//!
//! Folders are watched and never files, so that a file that is replaced is still seen. Reads are not
//! asked for: a search through a big tree would fill the queue and look like a change.

use std::ffi::{OsStr, OsString};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::io::Errno;

/// Bytes read at once: some thousand events.
const BUFFER: usize = 64 << 10;

/// The number the kernel gives a folder.
pub(super) type WatchDescriptor = i32;

/// Events taken before others have their turn.
const TURN: usize = 16 << 10;

#[derive(Debug)]
pub(super) struct Inotify {
    queue: OwnedFd,
    buffer: Vec<MaybeUninit<u8>>,
}

/// Why a folder is not watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WatchError {
    /// There is no such folder.
    Gone,
    /// The kernel takes no more.
    Limit,
    /// It may not be read, or cannot be watched.
    Other,
}

/// What happened to a name in a folder, or to the folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileEventKind {
    Made,
    /// It was moved here, perhaps over something else.
    MovedIn,
    /// There is nothing under that name any more.
    Went,
    Written,
    /// The folder itself is somewhere else.
    Moved,
    /// The folder itself is gone, and not watched any more.
    Gone,
    /// The kernel could not keep up.
    Overflow,
}

#[derive(Debug)]
pub(super) struct FileEvent {
    pub(super) wd: WatchDescriptor,
    pub(super) what: FileEventKind,
    pub(super) name: OsString,
    pub(super) is_folder: bool,
}

impl Inotify {
    pub(super) fn open() -> Result<Self, Errno> {
        let queue = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        Ok(Self { queue, buffer: vec![MaybeUninit::uninit(); BUFFER] })
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.queue.as_fd()
    }

    /// Watches a folder, following links to it; again gives the same number. Without `files` only
    /// what comes and goes in it is told.
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
        // It fails where the folder is gone, which is as good.
        _ = inotify::remove_watch(&self.queue, wd);
    }

    /// What has happened since, or the beginning of it; never waits.
    pub(super) fn read(&mut self) -> Vec<FileEvent> {
        let mut all: Vec<FileEvent> = Vec::new();
        let mut reader = Reader::new(&self.queue, &mut self.buffer);
        while all.len() < TURN || !reader.is_buffer_empty() {
            let event = match reader.next() {
                Ok(event) => event,
                Err(Errno::INTR) => continue,
                Err(_) => break,
            };
            let name = event.file_name().map(|name| OsStr::from_bytes(name.to_bytes()).to_owned());
            let (what, is_folder) =
                (what(event.events()), event.events().contains(ReadFlags::ISDIR));
            all.push(FileEvent { wd: event.wd(), what, name: name.unwrap_or_default(), is_folder });
        }
        all
    }
}

fn what(flags: ReadFlags) -> FileEventKind {
    let has = |flag| flags.contains(flag);
    if has(ReadFlags::QUEUE_OVERFLOW) {
        FileEventKind::Overflow
    } else if has(ReadFlags::IGNORED) {
        FileEventKind::Gone
    } else if has(ReadFlags::MOVE_SELF) {
        FileEventKind::Moved
    } else if has(ReadFlags::CREATE) {
        FileEventKind::Made
    } else if has(ReadFlags::MOVED_TO) {
        FileEventKind::MovedIn
    } else if flags.intersects(ReadFlags::DELETE | ReadFlags::MOVED_FROM) {
        FileEventKind::Went
    } else {
        FileEventKind::Written
    }
}
