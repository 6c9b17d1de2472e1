//! Applies a reloaded spec to a process.

use std::sync::Arc;

use super::{AfterExit, Lifecycle, Outcome, Retention, State};
use crate::machine::event::{Cause, EndCause};
use crate::machine::{Moment, Step};
use crate::spec::{ProcessKind, ProcessSpec};

impl Lifecycle {
    /// Another spec. Limits of the run at hand count from its beginning.
    pub(in crate::machine) fn respec(&mut self, now: Moment, spec: Arc<ProcessSpec>) {
        let old = std::mem::replace(&mut self.spec, spec);
        let State::Running { since, times_out, quiet_out, checks, .. } = &mut self.state else {
            return;
        };
        // It has kept its limits when its leader has ended.
        if checks.over {
            return;
        }
        if old.timeout != self.spec.timeout {
            *times_out = self.spec.timeout.map(|timeout| *since + timeout);
        }
        if old.idle_timeout != self.spec.idle_timeout {
            // It is asked at once since when it has been silent.
            *quiet_out = self.spec.idle_timeout.map(|_| now);
        }
    }

    /// Whether it gets a new run when what it runs is something else now.
    pub(in crate::machine) fn follows_its_file(&self) -> bool {
        match &self.state {
            State::Starting { wish: None, .. } | State::Running { .. } | State::Backoff { .. } => {
                true
            }
            State::Starting { wish: Some(closing), .. } | State::Stopping { closing, .. } => {
                closing.then == AfterExit::ApplyPolicy
            }
            // A job that ran is not run again.
            State::Ended(Outcome::Failed { .. }) => {
                self.spec.kind == ProcessKind::Process && !self.is_stopped()
            }
            State::Idle | State::Waiting { .. } | State::Queued { .. } | State::Ended(_) => false,
        }
    }

    /// It is not in the file any more: nothing follows the run at hand, and then it goes.
    pub(in crate::machine) fn give_notice(&mut self) {
        self.retention = Retention::RemoveOnExit;
        self.disable_restart();
    }

    /// It stays after all.
    pub(in crate::machine) fn take_notice_back(&mut self) {
        self.retention = Retention::Keep;
        self.last_run = false;
    }

    /// It goes now, or as soon as its run has ended.
    pub(in crate::machine) fn depart(&mut self, now: Moment, cause: Cause, out: &mut Step) {
        if self.state == State::Idle {
            self.enter(now, State::Ended(Outcome::Stopped));
        }
        self.stop(now, EndCause::Reload, cause, false, out);
    }
}
