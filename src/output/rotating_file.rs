//! Rotating file: opens a log file safely, rotates it, and notices when it is moved or removed.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use memchr::{memchr, memrchr};
use rustix::fs::{Mode, OFlags};

use super::log_file::{LostLines, QueueItem};
use super::wakers::now;
use crate::spec::{LogPolicy, counted};

/// A log file with its rotation policy.
pub(super) struct RotatingFile {
    path: PathBuf,
    pub(super) policy: LogPolicy,
    /// The minimum time between two checks whether the path still refers to the open file.
    check_interval: Duration,
    open: Option<OpenFile>,
    /// When the path was last found to refer to the open file.
    checked: Option<Instant>,
    /// Set after a failed rotation: no further attempt before this time.
    rotate_after: Option<Instant>,
    /// The error of a rotation that failed since it was last taken, unless the one before failed too.
    pub(super) rotation_error: Option<io::Error>,
}

struct OpenFile {
    file: File,
    /// Device and inode.
    id: (u64, u64),
    regular: bool,
    size: u64,
}

/// A failed write and how far it got.
#[derive(Debug)]
pub(super) struct WriteFailure {
    pub(super) error: io::Error,
    /// The index of the item that could not be written.
    pub(super) item: usize,
    /// The number of bytes of that item that were written.
    pub(super) offset: usize,
}

impl RotatingFile {
    pub(super) fn new(path: PathBuf, policy: &LogPolicy, check_interval: Duration) -> Self {
        Self {
            path,
            policy: policy.clone(),
            check_interval,
            open: None,
            checked: None,
            rotate_after: None,
            rotation_error: None,
        }
    }

    /// Writes lines and gap notes. After a failure the file is opened again, so that no state of the old
    /// descriptor remains.
    pub(super) fn write(&mut self, batch: &[QueueItem]) -> Result<(), WriteFailure> {
        let mut failure = WriteFailure { error: io::ErrorKind::Other.into(), item: 0, offset: 0 };
        let result = self.try_write(batch, &mut failure);
        result.map_err(|error| {
            self.open = None;
            WriteFailure { error, ..failure }
        })
    }

    pub(super) fn close(&mut self) {
        self.open = None;
    }

    fn try_write(&mut self, batch: &[QueueItem], done: &mut WriteFailure) -> io::Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        self.make_ready()?;
        for item in batch {
            done.offset = 0;
            match item {
                QueueItem::Chunk(chunk) => self.write_chunk(&chunk.bytes, &mut done.offset)?,
                QueueItem::Gap(lost) => self.write_gap(lost)?,
            }
            done.item += 1;
        }
        Ok(())
    }

    /// Writes whole lines, into as many files as they need.
    fn write_chunk(&mut self, bytes: &[u8], done: &mut usize) -> io::Result<()> {
        while let Some(rest) = bytes.get(*done..).filter(|rest| !rest.is_empty()) {
            let may_rotate = self.may_rotate();
            let Some(open) = &mut self.open else { return Err(io::ErrorKind::NotFound.into()) };
            let room = if may_rotate && open.regular {
                usize::try_from(self.policy.max_size.saturating_sub(open.size))
                    .unwrap_or(usize::MAX)
            } else {
                usize::MAX
            };
            let fits = match rest.get(..room).filter(|near| near.len() < rest.len()) {
                None => rest,
                Some(near) => match memrchr(b'\n', near) {
                    Some(last) => rest.get(..=last).unwrap_or(rest),
                    // A line longer than a whole file gets a file to itself.
                    None if open.size == 0 => {
                        let end = memchr(b'\n', rest).map_or(rest.len(), |newline| newline + 1);
                        rest.get(..end).unwrap_or(rest)
                    }
                    None => {
                        self.rotate()?;
                        continue;
                    }
                },
            };
            open.write(fits, done)?;
        }
        Ok(())
    }

    /// Writes one line that reports a gap; the line is written completely or not at all.
    fn write_gap(&mut self, lost: &LostLines) -> io::Result<()> {
        let Some(open) = &mut self.open else { return Err(io::ErrorKind::NotFound.into()) };
        let is_line_start = !open.regular || open.size == 0 || ends_with_newline(&self.path);
        let line = format!(
            "{}--- pitcrew: {} ({}) lost: {}, {} to {} ---\n",
            if is_line_start { "" } else { "\n" },
            counted(lost.lines, "line"),
            counted(lost.bytes, "byte"),
            lost.error,
            format_seconds(lost.from),
            format_seconds(lost.to),
        );
        let size = open.size;
        open.write(line.as_bytes(), &mut 0).inspect_err(|_| {
            if open.regular && open.size > size {
                // Best effort; nothing else appends to this file.
                _ = open.file.set_len(size);
            }
        })
    }

    /// Opens the file, unless it is open and a periodic check shows that the path still refers to it.
    fn make_ready(&mut self) -> io::Result<()> {
        let time = now();
        if let Some(open) = &mut self.open {
            let interval = self.check_interval;
            let is_recent = self.checked.is_some_and(|at| time.duration_since(at) < interval);
            if is_recent || open.is_named(&self.path) {
                self.checked = if is_recent { self.checked } else { Some(time) };
                return Ok(());
            }
        }
        self.open = None;
        self.open = Some(OpenFile::new(&self.path)?);
        self.checked = Some(time);
        Ok(())
    }

    fn may_rotate(&mut self) -> bool {
        self.rotate_after.is_none_or(|after| now() >= after)
    }

    /// Rotates the files and starts a new one. If the file cannot be renamed, it keeps growing, which is
    /// better than losing lines.
    fn rotate(&mut self) -> io::Result<()> {
        match shift(&self.path, self.policy.keep) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                if self.rotate_after.is_none() {
                    self.rotation_error = Some(error);
                }
                self.rotate_after = Some(now() + self.check_interval.max(Duration::from_millis(1)));
            }
            // Not found: the file was removed, so there is room too.
            _ => {
                self.rotate_after = None;
                self.open = None;
                self.open = Some(OpenFile::new(&self.path)?);
            }
        }
        Ok(())
    }
}

impl OpenFile {
    fn new(path: &Path) -> io::Result<Self> {
        let file = open(path)?;
        let meta = file.metadata()?;
        let kind = meta.file_type();
        if !(kind.is_file() || kind.is_char_device() || kind.is_fifo()) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "Not a regular file"));
        }
        let flags = rustix::fs::fcntl_getfl(&file)?;
        rustix::fs::fcntl_setfl(&file, flags - OFlags::NONBLOCK)?;
        let regular = kind.is_file();
        // An existing file may be readable by others; the output of a program is private to the user.
        if regular && meta.uid() == own_user() && meta.mode() & 0o077 != 0 {
            rustix::fs::fchmod(&file, Mode::RUSR | Mode::WUSR)?;
        }
        Ok(Self { file, id: (meta.dev(), meta.ino()), regular, size: meta.size() })
    }

    /// Whether the path still refers to this file; also updates its size.
    fn is_named(&mut self, path: &Path) -> bool {
        let Ok(meta) = fs::metadata(path) else { return false };
        self.size = meta.size();
        (meta.dev(), meta.ino()) == self.id
    }

    fn write(&mut self, bytes: &[u8], done: &mut usize) -> io::Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.file.write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => {
                    *done += count;
                    self.size += count as u64;
                    rest = rest.get(count..).unwrap_or_default();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Opens a file for appending; missing folders are created.
///
/// A symbolic link is followed only if it belongs to this user or root, so that no other user can
/// redirect the output. Opening never blocks, not even on a FIFO without a reader.
fn open(path: &Path) -> io::Result<File> {
    let result = open_with(path, OFlags::NOFOLLOW).or_else(|error| {
        if error.kind() != io::ErrorKind::NotFound {
            return Err(error);
        }
        let folder = path.parent().unwrap_or(path);
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        open_with(path, OFlags::NOFOLLOW)
    });
    result.or_else(|error| match fs::symlink_metadata(path) {
        Ok(link) if link.is_symlink() && is_trusted(link.uid()) => open_with(path, OFlags::empty()),
        _ => Err(error),
    })
}

fn open_with(path: &Path, flags: OFlags) -> io::Result<File> {
    let flags = flags
        | OFlags::WRONLY
        | OFlags::APPEND
        | OFlags::CREATE
        | OFlags::CLOEXEC
        | OFlags::NOCTTY
        | OFlags::NONBLOCK;
    Ok(rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR)?.into())
}

fn own_user() -> u32 {
    rustix::process::geteuid().as_raw()
}

fn is_trusted(uid: u32) -> bool {
    uid == 0 || uid == own_user()
}

/// Renames `.1` to `.2` and so on, up to the first free number or the last file that is kept, which is
/// replaced. Then `.1` is free for the current file.
fn shift(path: &Path, keep: u32) -> io::Result<()> {
    if keep == 0 {
        return fs::remove_file(path);
    }
    let numbered = |number: u32| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{number}"));
        PathBuf::from(name)
    };
    let mut free = 1;
    while free < keep && fs::symlink_metadata(numbered(free)).is_ok() {
        free += 1;
    }
    for number in (1..free).rev() {
        fs::rename(numbered(number), numbered(number + 1))?;
    }
    fs::rename(path, numbered(1))
}

/// Whether the last byte of the file is a newline; `false` if it cannot be read.
fn ends_with_newline(path: &Path) -> bool {
    let last = || -> io::Result<u8> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::End(-1))?;
        let mut last = [0];
        file.read_exact(&mut last)?;
        Ok(last[0])
    };
    last().is_ok_and(|last| last == b'\n')
}

/// Formats a time in UTC, with seconds.
fn format_seconds(at: Timestamp) -> impl std::fmt::Display {
    at.strftime("%Y-%m-%dT%H:%M:%SZ")
}
