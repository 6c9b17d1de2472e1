//! Reads env files, including pipes.

use std::collections::BTreeMap;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::MAX_FILE_SIZE;
use crate::spec::io_error_text;

/// How env files that are pipes or devices are treated: reading one consumes its content, and may
/// block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EnvPipes {
    Read,
    /// They are not opened; their content is unknown.
    Skip,
}

/// The content of an env file.
#[derive(Debug)]
pub(crate) enum EnvContent {
    /// There is no such file.
    Missing,
    /// A regular file.
    File(Vec<u8>),
    /// The content of a pipe or a device.
    Pipe(Vec<u8>),
    /// A pipe or a device that was not opened.
    Skipped,
}

/// The silence of a pipe after which a message is printed.
const SILENCE: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// The content of inherited pipes, by device and inode. It can be read only once in the life of this
/// process, and a reload needs it again.
static INHERITED: Mutex<BTreeMap<Inode, Vec<u8>>> = Mutex::new(BTreeMap::new());

/// A device and a number on it.
type Inode = (u64, u64);

/// Reads an env file. Calls `waiting` with its path if a pipe has been silent for a second; blocks
/// until the end of the pipe.
pub(crate) fn read(
    path: &Path,
    pipes: EnvPipes,
    waiting: &dyn Fn(&Path),
) -> Result<EnvContent, String> {
    // A command that only inspects may have other descriptors than the engine.
    if pipes == EnvPipes::Skip && is_descriptor(path) {
        return Ok(EnvContent::Skipped);
    }
    let metadata = match path.metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(EnvContent::Missing),
        metadata => metadata.map_err(|error| io_error_text(&error))?,
    };
    if metadata.is_dir() {
        return Err("it is a folder".to_owned());
    }
    if metadata.file_type().is_socket() {
        return Err("it is a socket".to_owned());
    }
    if pipes == EnvPipes::Skip && !metadata.is_file() {
        return Ok(EnvContent::Skipped);
    }
    let key = (metadata.dev(), metadata.ino());
    let is_inherited = !metadata.is_file() && is_descriptor(path);
    let mut inherited = INHERITED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(bytes) = inherited.get(&key).filter(|_| is_inherited) {
        return Ok(EnvContent::Pipe(bytes.clone()));
    }
    if !is_inherited {
        // Release the lock: another thread may read a different pipe meanwhile.
        drop(inherited);
        return content(path, &metadata, waiting);
    }
    let content = content(path, &metadata, waiting)?;
    if let EnvContent::Pipe(bytes) = &content {
        inherited.insert(key, bytes.clone());
    }
    Ok(content)
}

/// Whether a path is a descriptor that this process was started with.
pub(crate) fn is_descriptor(path: &Path) -> bool {
    ["/dev/fd", "/proc/self/fd"].iter().any(|folder| path.starts_with(folder))
        || path == Path::new("/dev/stdin")
}

fn content(
    path: &Path,
    metadata: &Metadata,
    waiting: &dyn Fn(&Path),
) -> Result<EnvContent, String> {
    let message = |error: io::Error| match error.raw_os_error() {
        Some(code) if code == libc::ENXIO => "it cannot be opened".to_owned(),
        _ => io_error_text(&error),
    };
    // Without this flag opening a FIFO waits for a writer, without a message.
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
    let file = options.open(path).map_err(message)?;
    let mut bytes = Vec::new();
    if metadata.is_file() {
        file.take(MAX_FILE_SIZE + 1).read_to_end(&mut bytes).map_err(message)?;
    } else {
        drain(&file, &mut bytes, &|| waiting(path)).map_err(message)?;
    }
    if bytes.len() as u64 > MAX_FILE_SIZE {
        return Err("it is larger than 1 MiB".to_owned());
    }
    Ok(if metadata.is_file() { EnvContent::File(bytes) } else { EnvContent::Pipe(bytes) })
}

/// Reads to the end of a pipe, or to more than is allowed.
fn drain(mut file: &File, bytes: &mut Vec<u8>, waiting: &dyn Fn()) -> io::Result<()> {
    let mut chunk = [0; 16 << 10];
    let mut timeout = Some(&SILENCE);
    while bytes.len() as u64 <= MAX_FILE_SIZE {
        let mut fds = [PollFd::new(file, PollFlags::IN)];
        match poll(&mut fds, timeout) {
            Ok(0) => {
                waiting();
                timeout = None;
                continue;
            }
            Ok(_) => {}
            Err(Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        }
        match file.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(length) => bytes.extend_from_slice(chunk.get(..length).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
