//! End report: how a project ended, in a file of its state folder, for a command that started it in
//! the background and asks too late.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::control::wire::ProjectEnd;
use crate::sys::start_ticks;

#[derive(Debug, Serialize, Deserialize)]
struct EndReport {
    /// The outermost process of the project.
    pid: u32,
    end: ProjectEnd,
    /// What could not be ended.
    #[serde(default)]
    left: Vec<LeftBehind>,
}

/// A process that could not be ended with its project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LeftBehind {
    pub(super) pid: u32,
    /// When it was started, in ticks since the start of the system: a number may be given again.
    started: u64,
    pub(super) command: String,
}

impl LeftBehind {
    /// The process with this number, if it is still there.
    pub(super) fn of(pid: u32, command: String) -> Option<Self> {
        Some(Self { pid, started: start_ticks(pid)?, command })
    }

    fn is_alive(&self) -> bool {
        start_ticks(self.pid) == Some(self.started)
    }
}

fn path(state: &Path) -> PathBuf {
    state.join("last-end.json")
}

/// Writes it in one piece. Nothing depends on it but a sentence, so a failure is not told.
pub(super) fn write(state: &Path, pid: u32, end: ProjectEnd, left: Vec<LeftBehind>) {
    let Ok(text) = serde_json::to_vec(&EndReport { pid, end, left }) else { return };
    let new = state.join("last-end.json.new");
    let mut options = fs::File::options();
    options.write(true).create(true).truncate(true).mode(0o600);
    let written = options.open(&new).and_then(|mut file| file.write_all(&text));
    _ = written.and_then(|()| fs::rename(&new, path(state)));
}

/// How the project with this outermost process ended, if it has said so.
pub(super) fn read(state: &Path, pid: u32) -> Option<ProjectEnd> {
    report(state, pid).map(|report| report.end)
}

/// What the project with this outermost process could not end and what is there still.
pub(super) fn left_behind(state: &Path, pid: u32) -> Vec<LeftBehind> {
    let left = report(state, pid).map(|report| report.left);
    left.into_iter().flatten().filter(LeftBehind::is_alive).collect()
}

fn report(state: &Path, pid: u32) -> Option<EndReport> {
    let text = fs::read(path(state)).ok()?;
    let report: EndReport = serde_json::from_slice(&text).ok()?;
    Some(report).filter(|report| report.pid == pid)
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
        write(state.path(), 7, end.clone(), Vec::new());
        assert_eq!(read(state.path(), 7), Some(end));
        assert_eq!(read(state.path(), 8), None);
        forget(state.path());
        assert_eq!(read(state.path(), 7), None);
    }

    #[test]
    fn what_was_left_is_told_as_long_as_it_is_there() {
        let state = tempfile::tempdir().unwrap();
        let end =
            ProjectEnd { reason: "asked to stop".to_owned(), process: None, last_output: None };
        let this = LeftBehind::of(std::process::id(), "this test".to_owned()).unwrap();
        let gone = LeftBehind { started: 1, ..this.clone() };
        write(state.path(), 7, end, vec![this.clone(), gone]);
        assert_eq!(left_behind(state.path(), 7), [this]);
        assert_eq!(left_behind(state.path(), 8), []);
    }
}
