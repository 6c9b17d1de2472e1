//! Log files.

use std::path::PathBuf;

/// The log file for the raw output of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPolicy {
    /// Absolute path of the log file; a replica's number is put before `.log`
    /// (`DIR/worker.log` gives `DIR/worker.1.log`), see [`LogPolicy::path_for`].
    pub file: PathBuf,
    /// The maximum size in bytes; the file is rotated before it exceeds this.
    pub max_size: u64,
    /// The number of rotated files that are kept (`NAME.log.1` is the newest).
    pub keep: u32,
}

impl LogPolicy {
    /// Returns the log file of one replica, or of the process itself.
    pub fn path_for(&self, replica: Option<u32>) -> PathBuf {
        let Some(number) = replica else { return self.file.clone() };
        let mut name = self.file.file_stem().unwrap_or_default().to_os_string();
        name.push(format!(".{number}"));
        if let Some(extension) = self.file.extension() {
            name.push(".");
            name.push(extension);
        }
        self.file.with_file_name(name)
    }
}
