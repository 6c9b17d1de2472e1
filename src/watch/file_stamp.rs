//! File stamp: the state of a polled file or folder, by which a change is recognised.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FileStamp {
    pub(super) is_link: bool,
    pub(super) is_folder: bool,
    /// Device and inode.
    file: (u64, u64),
    /// The size and the modification time of a file.
    content: Option<(u64, i64, i64)>,
}

impl FileStamp {
    pub(super) fn of(meta: &Metadata, is_link: bool) -> Self {
        let content = (meta.size(), meta.mtime(), meta.mtime_nsec());
        Self {
            is_link,
            is_folder: meta.is_dir(),
            file: (meta.dev(), meta.ino()),
            content: (!meta.is_dir()).then_some(content),
        }
    }
}
