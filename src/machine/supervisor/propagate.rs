//! Propagates a change to dependants and pools until nothing changes any more.

use super::Supervisor;
use crate::machine::event::{Cause, EndCause, EventStamp, ProjectReady};
use crate::machine::graph::DependencyEdge;
use crate::machine::lifecycle::{Lifecycle, Outcome, State};
use crate::machine::{ProcessId, Retention, ShutdownReason};
use crate::spec::{Name, ShutdownOn};

impl Supervisor {
    /// Propagates all changes, and ends the project if nothing is left to run.
    pub(super) fn settle(&mut self) {
        loop {
            if let Some(id) = self.dirty.pop_first() {
                self.propagate(id);
            } else if let Some(pool) = self.granting.pop_first() {
                self.grant_slot(&pool);
            } else if let Some(id) = self.retiring.pop_first() {
                self.retire(id);
                self.release_removed_members();
            } else {
                break;
            }
        }
        if self.is_ready() != self.was_ready {
            self.was_ready = !self.was_ready;
            if self.was_ready && self.is_up() {
                self.cx.emit(ProjectReady { stamp: EventStamp::default() });
            }
        }
        let stays = self.options.keep || self.totals.watched > 0 || self.watching.unchecked > 0;
        let is_done = self.totals.busy == 0 && !(self.is_up() && stays);
        if is_done && self.finish.is_none() {
            self.finish_now();
        }
    }

    /// Propagates the change of one process.
    fn propagate(&mut self, id: ProcessId) {
        let Some(process) = self.members.get(id) else { return };
        let is_new_run = matches!(process.state, State::Starting { .. }) && process.run > 1;
        if let Some(pool) = &process.spec.pool {
            self.granting.insert(pool.clone());
        }
        if let State::Ended(outcome) = &process.state {
            let outcome = outcome.clone();
            self.handle_end(id, &outcome);
            self.retiring.insert(id);
        }
        self.stop_next(id);
        if !self.is_up() {
            return;
        }
        self.follow_pre_restart_runs(id);
        self.reconsider(id, None);
        for dependant in self.graph.dependants(id).to_vec() {
            if is_new_run {
                self.mark_rerun(dependant, id);
            }
            self.reconsider(dependant, Some(id));
        }
    }

    /// Handles the final end of a process for its pool and for the project.
    fn handle_end(&mut self, id: ProcessId, outcome: &Outcome) {
        let Some(process) = self.members.get(id) else { return };
        let has_failed = matches!(outcome, Outcome::Failed { .. });
        let counts = process.retention != Retention::KeepRecent;
        let (name, pool) = (process.name.clone(), process.spec.pool.clone());
        let shuts_down = match process.spec.shutdown_on {
            ShutdownOn::Never => false,
            ShutdownOn::Failure => has_failed,
            ShutdownOn::Exit => has_failed || *outcome == Outcome::Succeeded,
        };
        if let Some(pool) = pool {
            if has_failed {
                self.halt_pool(&pool, &name);
            }
            self.report_drained(&pool);
        }
        let reason = if shuts_down {
            Some(ShutdownReason::ShutdownOn(name))
        } else if has_failed && counts && self.options.fail_fast {
            Some(ShutdownReason::FailFast(name))
        } else {
            None
        };
        if let Some(reason) = reason.filter(|_| self.is_up()) {
            self.shutdown(reason, false);
        }
    }

    /// Marks a dependant with `restart = true` for a new run once all its dependencies hold again.
    fn mark_rerun(&mut self, dependant: ProcessId, on: ProcessId) {
        let is_up = self.members.get(dependant).is_some_and(|process| {
            matches!(process.state, State::Starting { .. } | State::Running { .. })
        });
        let mut edges = self.graph.needs(dependant).iter();
        let edge = edges.find(|edge| edge.restart && edge.is_on(on));
        if let (true, Some(edge)) = (is_up, edge) {
            self.reruns.entry(dependant).or_default().insert(edge.on.clone());
        }
    }

    /// Reconsiders whether `id` may start, can never start, or has to run again. `changed` is the
    /// changed dependency; `None` if `id` itself has changed.
    pub(super) fn reconsider(&mut self, id: ProcessId, changed: Option<ProcessId>) {
        if !self.is_up() {
            return;
        }
        let Some(process) = self.members.get(id) else { return };
        match &process.state {
            State::Waiting { again, .. } => self.reconsider_waiting(id, *again, changed),
            State::Queued { again, .. } if changed.is_some() => {
                if !again && self.skip_if_blocked(id, changed) {
                    return;
                }
                if !self.graph.holds(id, &self.members) {
                    self.with(id, |process, cx| process.dependencies_lost(cx));
                }
            }
            State::Ended(Outcome::Skipped { by: Some(by), .. }) => self.unskip(id, *by),
            State::Running { .. } => self.rerun(id, changed),
            State::Idle
            | State::Queued { .. }
            | State::Starting { .. }
            | State::Stopping { .. }
            | State::Backoff { .. }
            | State::Ended(_) => {}
        }
    }

    /// Starts or skips a waiting process, or keeps it waiting.
    fn reconsider_waiting(&mut self, id: ProcessId, again: bool, changed: Option<ProcessId>) {
        // For another run its dependencies held once, so it is not skipped.
        if !again && self.skip_if_blocked(id, changed) {
            return;
        }
        let holds = self.graph.holds(id, &self.members);
        // Another dependency may have changed too without being propagated yet; all count for a
        // start.
        if holds && !again && self.skip_if_blocked(id, None) {
            return;
        }
        let Some(process) = self.members.get(id) else { return };
        if holds {
            if process.unreaped_run.is_none() && !process.is_delayed() {
                self.reruns.remove(&id);
                self.with(id, Lifecycle::dependencies_met);
            }
        } else if changed.is_none() {
            process.emit_waiting(self.graph.missing(id, &self.members), &mut self.cx);
        }
    }

    fn skip_if_blocked(&mut self, id: ProcessId, changed: Option<ProcessId>) -> bool {
        let Some(blocker) = self.graph.blocker(id, changed, &self.members) else { return false };
        let cause = Cause::Dependency { on: blocker.on.clone() };
        self.with(id, |process, cx| process.skip(blocker, cause, cx));
        true
    }

    /// Lets a skipped process wait again if the dependency that blocked it has a new run.
    fn unskip(&mut self, id: ProcessId, by: ProcessId) {
        let Some(by) = self.members.get(by) else { return };
        if !by.has_ended() && self.graph.blocker(id, None, &self.members).is_none() {
            let cause = Cause::Dependency { on: by.name.clone() };
            self.with(id, |process, cx| process.request_start(cause, cx));
        }
    }

    /// Restarts a dependant whose dependency got a new run.
    fn rerun(&mut self, id: ProcessId, changed: Option<ProcessId>) {
        let Some(on) = self.due_rerun(id, changed) else { return };
        let cause = Cause::Dependency { on: on.clone() };
        self.reruns.remove(&id);
        self.with(id, |process, cx| process.restart(EndCause::Restart, cause, cx));
    }

    /// The dependency because of which a dependant is restarted now: a dependency that got a new
    /// run and meets its condition again. `None` while any dependency with `restart = true` is
    /// between two runs or about to be, so two dependencies that restart together restart the
    /// dependant once.
    fn due_rerun(&self, id: ProcessId, changed: Option<ProcessId>) -> Option<&Name> {
        let marks = self.reruns.get(&id)?;
        let is_between_runs = |id: &ProcessId| {
            self.members.get(*id).is_some_and(|process| {
                let is_running = matches!(process.state, State::Running { .. });
                process.is_busy() && (!is_running || self.due_rerun(*id, None).is_some())
            })
        };
        let edges = self.graph.needs(id);
        let mut followed = edges.iter().filter(|edge| edge.restart).flat_map(|edge| &edge.ids);
        if !self.graph.holds(id, &self.members) || followed.any(is_between_runs) {
            return None;
        }
        // A dependency that failed instead does not cause a restart.
        let is_due = |edge: &&DependencyEdge| {
            edge.restart && marks.contains(&edge.on) && edge.is_fulfilled(&self.members)
        };
        let due = || edges.iter().filter(is_due);
        let latest = due().find(|edge| changed.is_some_and(|id| edge.is_on(id)));
        latest.or_else(|| due().next()).map(|edge| &edge.on)
    }
}
