//! Propagates a change to dependants and pools until nothing changes any more.

use super::Supervisor;
use crate::machine::event::{Cause, EndCause, Event, EventStamp, ProjectReady};
use crate::machine::graph::DependencyEdge;
use crate::machine::lifecycle::{Lifecycle, Outcome, State};
use crate::machine::snapshot::ProjectPhase;
use crate::machine::{Moment, ProcessId, Retention, ShutdownReason};
use crate::spec::{Name, ShutdownOn};

impl Supervisor {
    /// Lets everything follow from what changed, until nothing moves.
    pub(super) fn settle(&mut self, now: Moment) {
        loop {
            if let Some(id) = self.dirty.pop_first() {
                self.propagate(now, id);
            } else if let Some(pool) = self.granting.pop_first() {
                self.grant(now, &pool);
            } else if let Some(id) = self.retiring.pop_first() {
                self.retire(id);
                self.follow_leavers(now);
            } else {
                break;
            }
        }
        if self.is_ready() != self.was_ready {
            self.was_ready = !self.was_ready;
            if self.was_ready && self.phase == ProjectPhase::Up {
                self.out.events.push(Event::from(ProjectReady { stamp: EventStamp::default() }));
            }
        }
        let stays = self.options.keep || self.totals.watched > 0 || self.watching.has_unchecked();
        let done = self.totals.busy == 0 && (self.phase != ProjectPhase::Up || !stays);
        if done && self.finish.is_none() {
            self.finish_now();
        }
    }

    /// What the change of one process means for the others.
    fn propagate(&mut self, now: Moment, id: ProcessId) {
        let Some(one) = self.all.get(id) else { return };
        let is_new_run = matches!(one.state, State::Starting { .. }) && one.run > 1;
        if let Some(pool) = &one.spec.pool {
            self.granting.insert(pool.clone());
        }
        if let State::Ended(outcome) = &one.state {
            let outcome = outcome.clone();
            self.ended(now, id, &outcome);
            self.retiring.insert(id);
        }
        self.stop_next(now, id);
        if self.phase != ProjectPhase::Up {
            return;
        }
        self.follow_errands(now, id);
        self.reconsider(now, id, None);
        for dependant in self.order.dependants(id).to_vec() {
            if is_new_run {
                self.mark_rerun(dependant, id);
            }
            self.reconsider(now, dependant, Some(id));
        }
    }

    /// What the end of a process for good means for its pool and for the project.
    fn ended(&mut self, now: Moment, id: ProcessId, outcome: &Outcome) {
        let Some(one) = self.all.get(id) else { return };
        let failed = matches!(outcome, Outcome::Failed { .. });
        let counts = one.retention != Retention::KeepRecent;
        let (name, pool) = (one.name.clone(), one.spec.pool.clone());
        let by_itself = failed || *outcome == Outcome::Succeeded;
        let shutdown_on = match one.spec.shutdown_on {
            ShutdownOn::Never => false,
            ShutdownOn::Failure => failed,
            ShutdownOn::Exit => by_itself,
        };
        if let Some(pool) = pool {
            if failed {
                self.halt_pool(now, &pool, &name);
            }
            self.tell_drained(&pool);
        }
        if self.phase == ProjectPhase::Up && shutdown_on {
            self.shutdown(now, ShutdownReason::ShutdownOn(name), false);
        } else if self.phase == ProjectPhase::Up && failed && counts && self.options.fail_fast {
            self.shutdown(now, ShutdownReason::FailFast(name), false);
        }
    }

    /// A dependant with `restart = true` gets a new run once everything it needs holds again.
    fn mark_rerun(&mut self, dependant: ProcessId, on: ProcessId) {
        let is_up = self
            .all
            .get(dependant)
            .is_some_and(|one| matches!(one.state, State::Starting { .. } | State::Running { .. }));
        let mut needs = self.order.needs(dependant).iter();
        let need = needs.find(|need| need.restart && need.is_on(on));
        if let (true, Some(need)) = (is_up, need) {
            self.reruns.entry(dependant).or_default().insert(need.on.clone());
        }
    }

    /// Looks again whether `id` may start, can never, or has to run again; `changed` is the
    /// dependency because of which, nothing when it is `id` itself.
    pub(super) fn reconsider(&mut self, now: Moment, id: ProcessId, changed: Option<ProcessId>) {
        if self.phase != ProjectPhase::Up {
            return;
        }
        let Some(one) = self.all.get(id) else { return };
        match &one.state {
            State::Waiting { again, .. } => {
                let again = *again;
                self.reconsider_waiting(now, id, again, changed);
            }
            State::Queued { again, .. } if changed.is_some() => {
                let again = *again;
                if !again && self.skip_if_hindered(now, id, changed) {
                    return;
                }
                if !self.order.holds(id, &self.all) {
                    self.with(id, |one, _, _| one.uncleared(now));
                }
            }
            State::Ended(Outcome::Skipped { by: Some(by), .. }) => self.unskip(now, id, *by),
            State::Running { .. } => self.rerun(now, id, changed),
            State::Idle
            | State::Queued { .. }
            | State::Starting { .. }
            | State::Stopping { .. }
            | State::Backoff { .. }
            | State::Ended(_) => {}
        }
    }

    /// It starts, is skipped, or goes on waiting.
    fn reconsider_waiting(
        &mut self,
        now: Moment,
        id: ProcessId,
        again: bool,
        changed: Option<ProcessId>,
    ) {
        // It ran before: what it needed was there, and it is left alone now.
        if !again && self.skip_if_hindered(now, id, changed) {
            return;
        }
        let holds = self.order.holds(id, &self.all);
        // Another one may have changed too, and is looked at later: all of them count for a start.
        if holds && !again && self.skip_if_hindered(now, id, None) {
            return;
        }
        let Some(one) = self.all.get(id) else { return };
        if holds {
            if one.unreaped_run.is_none() && !one.is_delayed() {
                self.reruns.remove(&id);
                self.with(id, |one, _, out| one.dependencies_met(now, out));
            }
        } else if changed.is_none() {
            one.tell_waiting(self.order.missing(id, &self.all), &mut self.out);
        }
    }

    fn skip_if_hindered(&mut self, now: Moment, id: ProcessId, changed: Option<ProcessId>) -> bool {
        let Some(why) = self.order.hindrance(id, changed, &self.all) else { return false };
        let cause = Cause::Dependency { on: why.on.clone() };
        self.with(id, |one, _, out| one.skip(now, why, cause, out));
        true
    }

    /// It waits again when what it was skipped for gets a new run.
    fn unskip(&mut self, now: Moment, id: ProcessId, by: ProcessId) {
        let Some(by) = self.all.get(by) else { return };
        if matches!(by.state, State::Ended(_))
            || self.order.hindrance(id, None, &self.all).is_some()
        {
            return;
        }
        let cause = Cause::Dependency { on: by.name.clone() };
        self.with(id, |one, _, _| one.request_start(now, cause));
    }

    /// Restarts a dependant whose dependency got a new run.
    fn rerun(&mut self, now: Moment, id: ProcessId, changed: Option<ProcessId>) {
        let Some(on) = self.due_rerun(id, changed) else { return };
        let cause = Cause::Dependency { on: on.clone() };
        self.reruns.remove(&id);
        self.with(id, |one, _, out| one.restart(now, EndCause::Restart, cause, out));
    }

    /// Because of which dependency a dependant is restarted now: one that got a new run and is there
    /// again. None of those that it follows is between two runs, or about to be, so that two that
    /// restart together restart it once.
    fn due_rerun(&self, id: ProcessId, changed: Option<ProcessId>) -> Option<&Name> {
        let marks = self.reruns.get(&id)?;
        let is_between = |id: &ProcessId| {
            let one = self.all.get(*id);
            let is_running = one.is_some_and(Lifecycle::is_running);
            let is_early = one.is_some_and(Lifecycle::is_busy) && !is_running;
            is_early || is_running && self.due_rerun(*id, None).is_some()
        };
        let needs = self.order.needs(id);
        let mut followed = needs.iter().filter(|need| need.restart).flat_map(|need| &need.ids);
        if !self.order.holds(id, &self.all) || followed.any(is_between) {
            return None;
        }
        // One that failed instead is no reason.
        let is_due = |need: &&DependencyEdge| {
            need.restart && marks.contains(&need.on) && need.is_fulfilled(&self.all)
        };
        let is_last = |need: &DependencyEdge| changed.is_some_and(|id| need.is_on(id));
        let mut due = needs.iter().filter(is_due);
        let first = due.next()?;
        Some(&due.find(|need| is_last(need)).filter(|_| !is_last(first)).unwrap_or(first).on)
    }
}
