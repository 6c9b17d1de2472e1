//! Log files.

use std::path::PathBuf;

/// Where the raw output of a process goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPolicy {
    /// Absolute path of the log file; a replica's number is put before `.log`
    /// (`DIR/worker.log` gives `DIR/worker.1.log`), see [`LogPolicy::path_for`].
    pub file: PathBuf,
    /// Rotated when it would grow over this many bytes.
    pub max_size: u64,
    /// How many rotated files are kept (`NAME.log.1` is the youngest).
    pub keep: u32,
}

impl LogPolicy {
    /// The log file of one replica, or of the process itself.
    pub fn path_for(&self, replica: Option<u32>) -> PathBuf {
        let Some(number) = replica else { return self.file.clone() };
        let stem = self.file.file_stem().unwrap_or_default().to_os_string();
        let mut name = stem;
        name.push(format!(".{number}"));
        if let Some(extension) = self.file.extension() {
            name.push(".");
            name.push(extension);
        }
        self.file.with_file_name(name)
    }
}
