//! Applies changed checks to a live run.

use std::sync::Arc;

use super::{CheckState, Checks, Readiness};
use crate::machine::event::Cause;
use crate::machine::lifecycle::{Lifecycle, State};
use crate::machine::step_context::StepContext;
use crate::machine::{Effect, Moment, RunId};
use crate::spec::{Check, Probe, ProcessSpec};

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
            let (old, new) = (old.health.as_ref(), new.health.as_ref());
            CheckChange { old, new, since, now }.apply(checks.health.get_or_insert_default());
        }
        if old.ready != new.ready && checks.update_ready(old, &new, since, now) {
            self.become_ready_because(cause, cx);
        }
    }
}

impl Checks {
    /// Cancels the running probes and makes them due again.
    fn repeat_running_probes(&mut self, run: RunId, cx: &mut StepContext) {
        if self.both().any(CheckState::is_probing) {
            cx.request(Effect::CancelProbes { run });
        }
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
        let change = CheckChange { old: old.ready.as_ref(), new: new.ready.as_ref(), since, now };
        let check = self.ready.get_or_insert_default();
        change.apply(check);
        // An event that has happened once, such as a matching line, stays.
        if self.level == Readiness::Ready && !change.is_asked() {
            check.due = None;
        }
        self.level != Readiness::Ready && new.is_ready_at_once()
    }
}

/// A changed check of a run that began at `since`.
struct CheckChange<'a> {
    old: Option<&'a Check>,
    new: Option<&'a Check>,
    since: Moment,
    now: Moment,
}

impl CheckChange<'_> {
    fn is_asked(&self) -> bool {
        self.new.is_some_and(|check| check.probe.kind().is_probed())
    }

    /// The numbers continue, so a late answer is never taken for a new one.
    fn apply(&self, check: &mut CheckState) {
        let Some(new) = self.new else {
            *check = CheckState { number: check.number, ..CheckState::default() };
            return;
        };
        let first = (self.since + new.initial_delay).max(self.now);
        if self.old.is_some_and(|old| old.probe == new.probe) {
            if self.is_asked() {
                check.due = check.due.map(|due| match check.number {
                    0 => first,
                    _ => due.min(self.now + new.interval),
                });
            }
            return;
        }
        let due = match &new.probe {
            Probe::Delay(time) => Some(self.since + *time),
            Probe::Log(_) | Probe::Notify => None,
            Probe::Exec(_) | Probe::Http(..) | Probe::Tcp(_) | Probe::Unix(_) | Probe::File(_) => {
                Some(first)
            }
        };
        *check = CheckState { number: check.number, due, ..CheckState::default() };
    }
}
