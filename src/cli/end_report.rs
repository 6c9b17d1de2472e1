//! End report: a file in the state folder that says how a project has ended, for the command that
//! has started it in the background.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::control::wire::ProjectEnd;
use crate::spec::Stray;
use crate::sys::start_ticks;

#[derive(Debug, Serialize, Deserialize)]
struct EndReport {
    /// The guardian, the outermost process of the project.
    pid: u32,
    end: ProjectEnd,
    #[serde(default)]
    left: Vec<RemainingProcess>,
}

/// A process that could not be ended with its project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RemainingProcess {
    #[serde(flatten)]
    pub(super) stray: Stray,
    /// Its start time in ticks since the boot: pids are reused.
    started: u64,
}

impl RemainingProcess {
    /// `None` if there is no process with this pid.
    pub(super) fn of(stray: Stray) -> Option<Self> {
        Some(Self { started: start_ticks(stray.pid)?, stray })
    }

    fn is_alive(&self) -> bool {
        start_ticks(self.stray.pid) == Some(self.started)
    }
}

fn path(state_dir: &Path) -> PathBuf {
    state_dir.join("last-end.json")
}

/// Writes the report atomically. A failure is ignored, because only a message depends on it.
pub(super) fn write(state_dir: &Path, pid: u32, end: ProjectEnd, left: Vec<RemainingProcess>) {
    let Ok(text) = serde_json::to_vec(&EndReport { pid, end, left }) else { return };
    let new = state_dir.join("last-end.json.new");
    let mut options = fs::File::options();
    options.write(true).create(true).truncate(true).mode(0o600);
    let written = options.open(&new).and_then(|mut file| file.write_all(&text));
    _ = written.and_then(|()| fs::rename(&new, path(state_dir)));
}

/// How the project with this guardian has ended, if there is a report.
pub(super) fn read(state_dir: &Path, pid: u32) -> Option<ProjectEnd> {
    report(state_dir, pid).map(|report| report.end)
}

/// The processes that the project with this guardian could not end, and that still exist.
pub(super) fn remaining_processes(state_dir: &Path, pid: u32) -> Vec<RemainingProcess> {
    let left = report(state_dir, pid).map(|report| report.left);
    left.into_iter().flatten().filter(RemainingProcess::is_alive).collect()
}

fn report(state_dir: &Path, pid: u32) -> Option<EndReport> {
    let text = fs::read(path(state_dir)).ok()?;
    let report: EndReport = serde_json::from_slice(&text).ok()?;
    Some(report).filter(|report| report.pid == pid)
}

/// Removes the report of an earlier project before a start, because pids are reused.
pub(super) fn remove(state_dir: &Path) {
    _ = fs::remove_file(path(state_dir));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_applies_only_to_its_own_start() {
        let state = tempfile::tempdir().unwrap();
        let end =
            ProjectEnd { reason: "asked to stop".to_owned(), process: None, last_output: None };
        write(state.path(), 7, end.clone(), Vec::new());
        assert_eq!(read(state.path(), 7), Some(end));
        assert_eq!(read(state.path(), 8), None);
        remove(state.path());
        assert_eq!(read(state.path(), 7), None);
    }

    #[test]
    fn remaining_processes_are_reported_while_they_exist() {
        let state = tempfile::tempdir().unwrap();
        let end =
            ProjectEnd { reason: "asked to stop".to_owned(), process: None, last_output: None };
        let stray = Stray { pid: std::process::id(), command: "this test".to_owned() };
        let this = RemainingProcess::of(stray).unwrap();
        let gone = RemainingProcess { started: 1, ..this.clone() };
        write(state.path(), 7, end, vec![this.clone(), gone]);
        assert_eq!(remaining_processes(state.path(), 7), [this]);
        assert_eq!(remaining_processes(state.path(), 8), []);
    }
}
