//! Applies changed checks to a live run.

use std::sync::Arc;

use super::{CheckState, Checks, Readiness};
use crate::machine::event::Cause;
use crate::machine::lifecycle::{Lifecycle, State};
use crate::machine::step_context::StepContext;
use crate::machine::{Moment, RunId};
use crate::spec::{Check, ProcessSpec};

impl Lifecycle {
    /// Applies the checks of the current spec in place of those of `old`.
    ///
    /// A ready process stays ready until the new check has missed too often, so its dependants do not
    /// have to wait for the first answer.
    pub(in crate::machine) fn update_checks(
        &mut self,
        old: &ProcessSpec,
        cause: Cause,
        cx: &mut StepContext,
    ) {
        let (run, new) = (self.run_id(), Arc::clone(&self.spec));
        let State::Running { since, checks, .. } = &mut self.state else { return };
        if checks.over || (old.ready == new.ready && old.health == new.health) {
            return;
        }
        checks.repeat_running_probes(run, cx);
        let (since, now) = (*since, cx.now);
        if old.health != new.health && checks.level != Readiness::NotYet {
            let check = checks.health.get_or_insert_default();
            check.update(old.health.as_ref(), new.health.as_ref(), since, now);
        }
        if old.ready != new.ready && checks.update_ready(old, &new, since, now) {
            self.become_ready_because(cause, cx);
        }
    }
}

impl Checks {
    /// Cancels the running probes and makes them due again.
    fn repeat_running_probes(&mut self, run: RunId, cx: &mut StepContext) {
        self.cancel_probes(run, cx);
        for check in [&mut self.ready, &mut self.health].into_iter().flatten() {
            if check.probing_since.take().is_some() {
                check.due = Some(cx.now);
            }
        }
    }

    /// Returns whether the run becomes ready because of the change.
    fn update_ready(
        &mut self,
        old: &ProcessSpec,
        new: &ProcessSpec,
        since: Moment,
        now: Moment,
    ) -> bool {
        let is_limited = self.level == Readiness::NotYet && !new.is_ready_at_once();
        let limit = new.ready.as_ref().and_then(|check| check.timeout);
        self.ready_by = limit.filter(|_| is_limited).map(|timeout| since + timeout);
        let check = self.ready.get_or_insert_default();
        check.update(old.ready.as_ref(), new.ready.as_ref(), since, now);
        // An event that has happened once, such as a matching line, stays.
        if self.level == Readiness::Ready && !new.is_ready_probed() {
            check.due = None;
        }
        self.level != Readiness::Ready && new.is_ready_at_once()
    }
}

impl CheckState {
    /// Applies a changed check to a run that began at `since`. The numbers continue, so a late answer is
    /// never taken for a new one.
    fn update(&mut self, old: Option<&Check>, new: Option<&Check>, since: Moment, now: Moment) {
        if let (Some(old), Some(new)) = (old, new)
            && old.probe == new.probe
        {
            if new.probe.kind().is_probed() {
                self.due = self.due.map(|due| match self.number {
                    0 => (since + new.initial_delay).max(now),
                    _ => due.min(now + new.interval),
                });
            }
            return;
        }
        let due = new.and_then(|new| new.first_due(since, now));
        *self = Self { number: self.number, due, ..Self::default() };
    }
}
