//! A run is not ended for another one that cannot be started, as far as that can be seen before.

use std::sync::Arc;

use super::Engine;
use super::environment::RunLabel;
#[cfg(feature = "control")]
use crate::machine::ProcessId;
use crate::machine::{FileChange, ProcessView, StateName};
use crate::session::Notice;
use crate::spec::{Condition, Fault, ProcessSpec, Spec, WatchAction};
use crate::sys::Host;

impl<H: Host> Engine<H> {
    /// Why a run could not be followed by one of this spec.
    fn foresee_start(&self, view: &ProcessView, spec: &ProcessSpec) -> Option<String> {
        let is_up =
            matches!(view.state, StateName::Starting | StateName::Ready | StateName::Unhealthy);
        let pid = view.pid.filter(|_| is_up && !self.guests.contains_key(&view.id))?;
        if let Err(error) = self.host.may_end(pid) {
            return Some(format!("{} cannot be ended: pid {pid}: {error}", view.name));
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
        let snapshot = self.session.snapshot();
        let views = ids.iter().filter_map(|id| snapshot.get(*id));
        views.filter_map(|view| self.foresee_start(view, &view.spec)).collect()
    }

    /// Whether a change of files is to be passed over, which is told.
    pub(super) fn is_refused(&self, change: &FileChange) -> bool {
        let snapshot = self.session.snapshot();
        let restarts = |view: &&Arc<ProcessView>| {
            view.process == change.process
                && view.watched
                && view
                    .spec
                    .watch
                    .as_ref()
                    .is_some_and(|watch| watch.action == WatchAction::Restart)
        };
        let mut views = snapshot.processes.iter().filter(restarts);
        let refused = views.find_map(|view| self.foresee_start(view, &view.spec));
        let Some(text) = &refused else { return false };
        let text = format!("{} changed, but {text}; its run goes on", change.path);
        self.notices.tell(Notice::about(&change.process, text));
        true
    }

    /// What stands in the way of a reload: runs that it would end for others that cannot start.
    pub(super) fn refused_by(&self, new: &mut Spec) -> Vec<Fault> {
        let Some(difference) = self.supervisor.foresee(new) else { return Vec::new() };
        let snapshot = self.session.snapshot();
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
