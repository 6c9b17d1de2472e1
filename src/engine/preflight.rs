//! Checks before a restart whether the new run could start, so that a healthy run is not ended in
//! vain.

use std::io;
use std::sync::Arc;

use super::Engine;
use super::environment::RunLabel;
use super::notice::Notice;
#[cfg(feature = "control")]
use crate::machine::ProcessId;
use crate::machine::{FileChange, Input, ProcessView, StateName};
use crate::spec::{Condition, Fault, ProcessSpec, Spec, WatchAction};
use crate::sys::Host;

/// What the system says about an error, without its number.
pub(super) fn os_error_text(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

impl<H: Host> Engine<H> {
    /// Why a run could not be followed by one of this spec.
    fn foresee_start(&self, view: &ProcessView, spec: &ProcessSpec) -> Option<String> {
        let is_up =
            matches!(view.state, StateName::Starting | StateName::Ready | StateName::Unhealthy);
        let pid = view.pid.filter(|_| is_up && !self.guests.contains_key(&view.id))?;
        if let Err(error) = self.host.may_end(pid) {
            let reason = os_error_text(&error);
            return Some(format!("{} cannot be ended: pid {pid}: {reason}", view.name));
        }
        let whose = RunLabel {
            spec,
            replica: view.replica,
            run: view.run.saturating_add(1),
            port: view.port,
            role: None,
        };
        let found = self.host.preflight(self.launch(spec, whose, None));
        found.err().map(|error| format!("{} cannot be started anew: {error}", view.name))
    }

    /// Of those that run, which cannot be restarted, in sentences.
    #[cfg(feature = "control")]
    pub(super) fn refused_restarts(&self, ids: &[ProcessId]) -> Vec<String> {
        let snapshot = self.handle.snapshot();
        let views = ids.iter().filter_map(|id| snapshot.get(*id));
        views.filter_map(|view| self.foresee_start(view, &view.spec)).collect()
    }

    /// Whether a change of files is to be passed over, which is told.
    pub(super) fn is_refused(&self, change: &FileChange) -> bool {
        self.refuses_restart(change, |action| *action == WatchAction::Restart)
    }

    /// Answers which of the restarts that are due could be carried out, now that what runs first has succeeded
    /// and may have made the program.
    pub(super) fn check_restarts(&mut self) {
        while let Some(change) = self.unchecked_restarts.pop_front() {
            let runs_first = |action: &WatchAction| matches!(action, WatchAction::Run(_));
            let is_refused = self.refuses_restart(&change, runs_first);
            self.take(Input::RestartChecked { change, is_refused });
        }
    }

    /// Whether a change would end a healthy run for one that cannot start, which is told.
    fn refuses_restart(
        &self,
        change: &FileChange,
        restarts: impl Fn(&WatchAction) -> bool,
    ) -> bool {
        let snapshot = self.handle.snapshot();
        let is_meant = |view: &&Arc<ProcessView>| {
            let watch = view.spec.watch.as_ref().filter(|_| view.watched);
            view.process == change.process && watch.is_some_and(|watch| restarts(&watch.action))
        };
        let mut views = snapshot.processes.iter().filter(is_meant);
        let refused = views.find_map(|view| self.foresee_start(view, &view.spec));
        let Some(text) = &refused else { return false };
        let text = format!("{} changed, but {text}; its run goes on", change.path);
        self.notices.tell(Notice::about(&change.process, text));
        true
    }

    /// What stands in the way of a reload: runs that it would end for others that cannot start.
    pub(super) fn refused_by(&self, new: &mut Spec) -> Vec<Fault> {
        let Some(difference) = self.supervisor.foresee(new) else { return Vec::new() };
        let snapshot = self.handle.snapshot();
        let refused = difference.restarted.iter().filter_map(|restarted| {
            let view = snapshot.processes.iter().find(|view| view.name == restarted.name)?;
            let spec = new.processes.get(&view.process)?;
            // What it needs first may be what makes its program.
            let is_made = spec
                .depends_on
                .values()
                .any(|need| matches!(need.condition, Condition::Succeeded | Condition::Completed));
            let text = if is_made { None } else { self.foresee_start(view, spec) };
            Some(Fault::about(new.project.file.clone(), text?))
        });
        refused.collect()
    }
}
