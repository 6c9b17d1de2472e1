//! Checks before a restart that the new run could start, so that no healthy run is stopped in vain.

use std::sync::Arc;

use super::Engine;
use super::environment::RunLabel;
use super::notice::Notice;
#[cfg(feature = "control")]
use crate::machine::ProcessId;
use crate::machine::{FileChange, Input, ProcessView, WatchState};
use crate::spec::{Condition, Fault, ProcessSpec, Spec, WatchAction, io_error_text};
use crate::sys::Host;

impl<H: Host> Engine<H> {
    /// Returns why a live run could not be replaced by a run of this spec.
    fn restart_problem(&self, view: &ProcessView, spec: &ProcessSpec) -> Option<String> {
        let is_ad_hoc = self.processes.get(&view.id).is_some_and(|entry| entry.ad_hoc.is_some());
        let pid = view.pid.filter(|_| view.state.is_up() && !is_ad_hoc)?;
        if let Err(error) = self.context.host.may_end(pid) {
            let reason = io_error_text(&error);
            return Some(format!("{} cannot be ended: pid {pid}: {reason}", view.name));
        }
        let (replica, port) = (view.replica, view.port);
        let (run, has_terminal) = (view.run.saturating_add(1), spec.tty);
        let label = RunLabel { spec, replica, run, port, role: None, has_terminal };
        let check = self.context.host.preflight(self.launch(label, None));
        check.err().map(|error| format!("{} cannot be restarted: {error}", view.name))
    }

    /// Returns the problem of the first of these processes that runs and cannot be restarted.
    #[cfg(feature = "control")]
    pub(super) fn first_restart_problem(&self, ids: &[ProcessId]) -> Option<String> {
        let snapshot = self.handle.snapshot();
        let mut views = ids.iter().filter_map(|id| snapshot.get(*id));
        views.find_map(|view| self.restart_problem(view, &view.spec))
    }

    /// Whether a file change is ignored, with a notice, because the restart would fail.
    pub(super) fn is_refused(&self, change: &FileChange) -> bool {
        self.refuses_restart(change, |action| *action == WatchAction::Restart)
    }

    /// Checks the restarts that are due, now that the command that runs before them has succeeded and
    /// may have built the program.
    pub(super) fn check_restarts(&mut self) {
        while let Some(change) = self.unchecked_restarts.pop_front() {
            let runs_first = |action: &WatchAction| matches!(action, WatchAction::Run(_));
            let is_refused = self.refuses_restart(&change, runs_first);
            self.handle_input(Input::RestartChecked { change, is_refused });
        }
    }

    fn refuses_restart(
        &self,
        change: &FileChange,
        restarts: impl Fn(&WatchAction) -> bool,
    ) -> bool {
        let snapshot = self.handle.snapshot();
        let is_affected = |view: &&Arc<ProcessView>| {
            let watch = view.spec.watch.as_ref().filter(|_| view.watch == Some(WatchState::On));
            view.process == change.process && watch.is_some_and(|watch| restarts(&watch.action))
        };
        let mut views = snapshot.processes.iter().filter(is_affected);
        let problem = views.find_map(|view| self.restart_problem(view, &view.spec));
        let Some(problem) = &problem else { return false };
        let text = format!("{} changed, but {problem}; it keeps running", change.path);
        self.context.notices.send(Notice::about(&change.process, text));
        true
    }

    /// Returns the runs that a reload would stop although they cannot be started again.
    pub(super) fn reload_problems(&self, new: &mut Spec) -> Vec<Fault> {
        let Some(difference) = self.supervisor.plan_reload(new) else { return Vec::new() };
        let snapshot = self.handle.snapshot();
        let problems = difference.restarted.iter().filter_map(|restarted| {
            let view = snapshot.processes.iter().find(|view| view.name == restarted.name)?;
            let spec = new.processes.get(&view.process)?;
            // A dependency that runs to its end first may build the program.
            let may_be_built = spec
                .depends_on
                .values()
                .any(|need| matches!(need.condition, Condition::Succeeded | Condition::Completed));
            let problem = if may_be_built { None } else { self.restart_problem(view, spec) };
            Some(Fault::about(new.project.file.clone(), problem?))
        });
        problems.collect()
    }
}
