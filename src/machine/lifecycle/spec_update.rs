//! Applies a reloaded spec to a process.

use std::sync::Arc;

use super::{AfterExit, Lifecycle, Outcome, Retention, State};
use crate::machine::event::{Cause, EndCause};
use crate::machine::step_context::StepContext;
use crate::spec::{ProcessKind, ProcessSpec};

impl Lifecycle {
    /// Replaces the spec. Changed limits of the current run count from its begin.
    pub(in crate::machine) fn set_spec(&mut self, spec: Arc<ProcessSpec>, cx: &StepContext) {
        let old = std::mem::replace(&mut self.spec, spec);
        let State::Running { since, timeout_at, idle_check_at, checks, .. } = &mut self.state
        else {
            return;
        };
        // A run whose leader has ended has kept its limits.
        if checks.over {
            return;
        }
        if old.timeout != self.spec.timeout {
            *timeout_at = self.spec.timeout.map(|timeout| *since + timeout);
        }
        if old.idle_timeout != self.spec.idle_timeout {
            // Only the engine knows since when it has been silent.
            *idle_check_at = self.spec.idle_timeout.map(|_| cx.now);
        }
    }

    /// Whether a changed spec that needs a new run restarts it.
    pub(in crate::machine) fn restarts_on_reload(&self) -> bool {
        match &self.state {
            State::Running { .. } | State::Backoff { .. } => true,
            State::Starting { .. } | State::Stopping { .. } => {
                self.closing().is_none_or(|closing| closing.then == AfterExit::ApplyPolicy)
            }
            // A job that has run is not run again.
            State::Ended(Outcome::Failed { .. }) => {
                self.spec.kind == ProcessKind::Process && !self.stopped_by_user
            }
            State::Idle | State::Waiting { .. } | State::Queued { .. } | State::Ended(_) => false,
        }
    }

    /// Marks a process that was removed from the file: it leaves once the current run has ended.
    pub(in crate::machine) fn mark_removed(&mut self) {
        self.retention = Retention::RemoveOnExit;
        self.restart_disabled = true;
    }

    /// Takes [`Lifecycle::mark_removed`] back.
    pub(in crate::machine) fn mark_kept(&mut self) {
        self.retention = Retention::Keep;
        self.restart_disabled = false;
    }

    /// Ends a removed process: now, or as soon as its run has ended.
    pub(in crate::machine) fn leave(&mut self, cause: Cause, cx: &mut StepContext) {
        if self.state == State::Idle {
            self.enter(cx.now, State::Ended(Outcome::Stopped));
        }
        self.stop(EndCause::Reload, cause, false, cx);
    }
}
