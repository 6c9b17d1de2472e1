//! File stamp: what a polled file or folder was when it was looked at last.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

/// What tells that something is not what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FileStamp {
    pub(super) is_link: bool,
    pub(super) is_folder: bool,
    file: (u64, u64),
    /// Of files: size, and when it was written.
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
