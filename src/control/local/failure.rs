//! Collects the last lines of a failed process and the reason of a shutdown.

use std::sync::Arc;

use super::LocalControl;
use crate::control::wire::{LastOutput, ProjectEnd};
use crate::machine::{ProcessView, ProjectPhase, ShutdownReason, Snapshot, StateName};
use crate::output::last_lines;
use crate::spec::Name;

/// Longer lines are cut, in bytes.
const MAX_LINE: usize = 2000;

impl LocalControl {
    /// Returns the last output of the failed process: this one, or the one because of which this one was
    /// skipped or stopped. `None` if it has not failed or printed nothing.
    pub(in crate::control) fn last_output(
        &self,
        view: &ProcessView,
        now: &Snapshot,
    ) -> Option<LastOutput> {
        let root = root_cause(view, now)?;
        if !root.state.is_bad() {
            return None;
        }
        let lines = last_lines(self.engine.store(), &root.name, root.run);
        let lines: Vec<String> = lines.iter().map(|line| line_text(line)).collect();
        let (name, run) = (root.name.to_string(), root.run);
        (!lines.is_empty()).then_some(LastOutput { name, run, lines })
    }

    /// Returns why the project is shutting down, or `None` while it is up.
    pub fn project_end(&self, now: &Snapshot) -> Option<ProjectEnd> {
        let (ProjectPhase::Stopping(reason) | ProjectPhase::Killing(reason)) = &now.phase else {
            return None;
        };
        let name = match reason {
            ShutdownReason::ShutdownOn(name) | ShutdownReason::FailFast(name) => Some(name),
            ShutdownReason::Signal(_)
            | ShutdownReason::Asked
            | ShutdownReason::Done
            | ShutdownReason::GuardianGone => None,
        };
        let view = name.and_then(|name| now.processes.iter().find(|view| view.name == *name));
        let why = view
            .map_or_else(String::new, |view| format!(" ({})", view.why(self.engine.clock().now())));
        Some(ProjectEnd {
            reason: format!("{reason}{why}"),
            process: name.map(Name::to_string),
            last_output: view.and_then(|view| self.last_output(view, now)),
        })
    }
}

/// Returns the process whose failure explains the state of this one.
fn root_cause<'a>(view: &'a ProcessView, now: &'a Snapshot) -> Option<&'a ProcessView> {
    let cause = view.chain.last().map(|link| &link.name).or(view.halted_by.as_ref());
    match (view.state, cause) {
        (StateName::Skipped | StateName::Stopped, Some(name)) => {
            let is_cause = |view: &&Arc<ProcessView>| view.name == *name || view.process == *name;
            now.processes.iter().find(is_cause).map(AsRef::as_ref)
        }
        _ => Some(view),
    }
}

fn line_text(line: &[u8]) -> String {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let cut = line.get(..MAX_LINE).unwrap_or(line);
    let mut text = String::from_utf8_lossy(cut).into_owned();
    if cut.len() < line.len() {
        text.push('…');
    }
    text
}
