//! How a project ended, in a file of its state folder: for whoever started it in the background and
//! comes too late to ask.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::control::wire::ProjectEnd;

#[derive(Debug, Serialize, Deserialize)]
struct EndReport {
    /// The outermost process of the project.
    pid: u32,
    end: ProjectEnd,
}

fn path(state: &Path) -> PathBuf {
    state.join("last-end.json")
}

/// Writes it in one piece. Nothing depends on it but a sentence, so a failure is not told.
pub(super) fn write(state: &Path, pid: u32, end: ProjectEnd) {
    let Ok(text) = serde_json::to_vec(&EndReport { pid, end }) else { return };
    let new = state.join("last-end.json.new");
    let mut options = fs::File::options();
    options.write(true).create(true).truncate(true).mode(0o600);
    let written = options.open(&new).and_then(|mut file| file.write_all(&text));
    _ = written.and_then(|()| fs::rename(&new, path(state)));
}

/// How the project with this outermost process ended, if it has said so.
pub(super) fn read(state: &Path, pid: u32) -> Option<ProjectEnd> {
    let text = fs::read(path(state)).ok()?;
    let report: EndReport = serde_json::from_slice(&text).ok()?;
    (report.pid == pid).then_some(report.end)
}

/// Forgets the end before this start: numbers of processes come again.
pub(super) fn forget(state: &Path) {
    _ = fs::remove_file(path(state));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_for_the_start_it_belongs_to() {
        let state = tempfile::tempdir().unwrap();
        let end =
            ProjectEnd { reason: "asked to stop".to_owned(), process: None, last_output: None };
        write(state.path(), 7, end.clone());
        assert_eq!(read(state.path(), 7), Some(end));
        assert_eq!(read(state.path(), 8), None);
        forget(state.path());
        assert_eq!(read(state.path(), 7), None);
    }
}
