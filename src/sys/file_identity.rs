//! Identity of a project: the path of its file, and device and inode of its folder.
//!
//! The path finds a project whose file or folder was removed. Device and inode find one whose folder
//! was renamed, mounted elsewhere, or is reached by another path.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, open};

use super::project_dirs::stable_hash;
use crate::spec::io_error_text;

/// A file or folder, independent of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct FileId {
    pub(super) device: u64,
    pub(super) inode: u64,
}

impl FileId {
    pub(super) fn of(path: &Path) -> Option<Self> {
        fs::metadata(path).ok().as_ref().map(Self::from)
    }
}

impl From<&fs::Metadata> for FileId {
    fn from(meta: &fs::Metadata) -> Self {
        Self { device: meta.dev(), inode: meta.ino() }
    }
}

/// The folder of a project file, and the name of the file in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FileIdentity {
    pub(super) folder: FileId,
    name: OsString,
}

impl FileIdentity {
    /// `None` if the folder does not exist.
    pub(super) fn of(file: &Path) -> Option<Self> {
        let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty());
        let folder = FileId::of(parent.unwrap_or(Path::new(".")))?;
        Some(Self { folder, name: file.file_name()?.to_owned() })
    }

    /// Returns a short text that is unique to this folder and name.
    pub(super) fn key(&self) -> String {
        let FileId { device, inode } = self.folder;
        format!("{device:x}-{inode:x}-{:016x}", stable_hash(self.name.as_bytes()))
    }
}

/// Tracks the file of a running project. Keeps its folder open, so that no other folder can get the
/// same inode.
#[derive(Debug)]
pub struct FileFollower {
    file: PathBuf,
    folder: Option<OpenFolder>,
    /// The identity of the file when it last existed.
    pub(super) id: Option<FileId>,
}

#[derive(Debug)]
struct OpenFolder {
    /// `None` if it cannot be opened, or descriptors are short.
    fd: Option<OwnedFd>,
    id: FileId,
}

impl FileFollower {
    /// Starts to track this (canonical) file.
    pub fn new(file: &Path) -> Self {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let open_folder = |folder| {
            let fd = open(folder, flags, Mode::empty()).ok();
            Some(OpenFolder { fd, id: FileId::of(folder)? })
        };
        let folder = file.parent().and_then(open_folder);
        Self { file: file.to_owned(), folder, id: FileId::of(file) }
    }

    /// Closes the folder if descriptors are short; its current path is unknown then.
    pub fn release(&mut self) {
        if let Some(folder) = &mut self.folder {
            folder.fd = None;
        }
    }

    /// Checks the file; returns a sentence about it if it was moved or removed.
    pub fn check(&mut self) -> Option<String> {
        let file = self.file.display();
        let folder = self.file.parent().unwrap_or(Path::new("/"));
        let is_moved = |open: &&OpenFolder| FileId::of(folder) != Some(open.id);
        let Some(moved) = self.folder.as_ref().filter(is_moved) else {
            return match fs::metadata(&self.file) {
                Ok(meta) => {
                    self.id = Some(FileId::from(&meta));
                    None
                }
                // There never was a file: the project came from standard input.
                Err(_) if self.id.is_none() => None,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    Some(format!("{file} is gone"))
                }
                Err(error) => Some(format!("{file} cannot be read: {}", io_error_text(&error))),
            };
        };
        match moved.fd.as_ref().and_then(path_of) {
            Some(now) => Some(format!("{file} is gone: its folder is now {}", now.display())),
            None if self.file.exists() => {
                Some(format!("{} is another folder than at the start", folder.display()))
            }
            None => Some(format!("{file} is gone: its folder was removed")),
        }
    }
}

/// Returns the current path of an open folder; `None` if it was removed.
fn path_of(fd: &OwnedFd) -> Option<PathBuf> {
    let path = fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd())).ok()?;
    path.exists().then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_the_folder_and_the_name_by_whatever_path() {
        let base = tempfile::tempdir().unwrap();
        let (one, other) = (base.path().join("one"), base.path().join("other"));
        fs::create_dir(&one).unwrap();
        let place = FileIdentity::of(&one.join("a.toml")).unwrap();
        assert_ne!(FileIdentity::of(&one.join("b.toml")).unwrap().key(), place.key());
        std::os::unix::fs::symlink(&one, &other).unwrap();
        assert_eq!(FileIdentity::of(&other.join("a.toml")).unwrap().key(), place.key());
        fs::remove_file(&other).unwrap();
        fs::rename(&one, &other).unwrap();
        assert_eq!(FileIdentity::of(&other.join("a.toml")).unwrap().key(), place.key());
        assert!(FileIdentity::of(&one.join("a.toml")).is_none());
        fs::create_dir(&one).unwrap();
        assert_ne!(FileIdentity::of(&one.join("a.toml")).unwrap().key(), place.key(), "a copy");
    }

    #[test]
    fn the_fate_of_the_file_is_reported() {
        let base = tempfile::tempdir().unwrap();
        let base = base.path().canonicalize().unwrap();
        let (one, other) = (base.join("one"), base.join("other"));
        fs::create_dir(&one).unwrap();
        let file = one.join("procfile.toml");
        fs::write(&file, "").unwrap();
        let mut follower = FileFollower::new(&file);
        assert_eq!(follower.check(), None);
        let first = follower.id;
        // As an editor saves it.
        fs::write(one.join("new"), "").unwrap();
        fs::rename(one.join("new"), &file).unwrap();
        assert_eq!(follower.check(), None);
        assert_ne!(follower.id, first);
        fs::remove_file(&file).unwrap();
        assert_eq!(follower.check().unwrap(), format!("{} is gone", file.display()));
        fs::write(&file, "").unwrap();
        assert_eq!(follower.check(), None);
        fs::rename(&one, &other).unwrap();
        let message = follower.check().unwrap();
        assert!(
            message.ends_with(&format!("is gone: its folder is now {}", other.display())),
            "{message}"
        );
        fs::remove_dir_all(&other).unwrap();
        assert!(follower.check().unwrap().ends_with("its folder was removed"));
        fs::create_dir(&one).unwrap();
        fs::write(&file, "").unwrap();
        assert!(follower.check().unwrap().ends_with("is another folder than at the start"));
    }
}
