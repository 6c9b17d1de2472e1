//! Collects the last lines of a failed process and the reason of the project's end.

use std::sync::Arc;

use super::LocalControl;
use crate::control::wire::{LastOutput, ProjectEnd};
use crate::machine::{ProcessView, ProjectPhase, ShutdownReason, Snapshot, StateName};
use crate::output::last_lines;
use crate::spec::Name;

/// A longer line is cut: it is read by people.
const LONGEST: usize = 2000;

impl LocalControl {
    /// What the process that failed has printed last: this one, or the one because of which this one
    /// was skipped. Nothing where none has failed or it printed nothing.
    pub(in crate::control) fn last_output(
        &self,
        view: &ProcessView,
        now: &Snapshot,
    ) -> Option<LastOutput> {
        let root = root_of(view, now)?;
        let is_bad =
            matches!(root.state, StateName::Failed | StateName::Backoff | StateName::Unhealthy);
        if !is_bad {
            return None;
        }
        let lines = last_lines(self.engine.store(), &root.name, root.run);
        let lines: Vec<String> = lines.iter().map(|line| text(line)).collect();
        let (name, run) = (root.name.to_string(), root.run);
        (!lines.is_empty()).then_some(LastOutput { name, run, lines })
    }

    /// Why the project ends; nothing while it is up.
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
        let view = name.and_then(|name| by_name(now, name));
        let why = view
            .map_or_else(String::new, |view| format!(" ({})", view.why(self.engine.clock().now())));
        Some(ProjectEnd {
            reason: format!("{reason}{why}"),
            process: name.map(Name::to_string),
            last_output: view.and_then(|view| self.last_output(view, now)),
        })
    }
}

fn by_name<'a>(now: &'a Snapshot, name: &Name) -> Option<&'a Arc<ProcessView>> {
    now.processes.iter().find(|view| view.name == *name)
}

/// The process whose failure this one is about.
fn root_of<'a>(view: &'a ProcessView, now: &'a Snapshot) -> Option<&'a ProcessView> {
    let named = view.chain.last().map(|link| &link.name).or(view.halted_by.as_ref());
    match (view.state, named) {
        (StateName::Skipped | StateName::Stopped, Some(name)) => {
            let is_meant = |one: &&Arc<ProcessView>| one.name == *name || one.process == *name;
            now.processes.iter().find(is_meant).map(AsRef::as_ref)
        }
        _ => Some(view),
    }
}

fn text(line: &[u8]) -> String {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let cut = line.get(..LONGEST).unwrap_or(line);
    let mut text = String::from_utf8_lossy(cut).into_owned();
    if cut.len() < line.len() {
        text.push('…');
    }
    text
}
