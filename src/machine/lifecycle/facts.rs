//! Handles facts about a run, and due deadlines.

use std::time::Duration;

use super::stopping::KILL_GRACE;
use super::{AfterExit, Checks, Closing, LastRun, Lifecycle, Outcome, State, StopProgress};
use crate::machine::event::{
    Cause, EndDetails, EventStamp, ProcessFailed, ProcessStarted, RunError,
};
use crate::machine::step_context::StepContext;
use crate::machine::{Effect, Moment, TerminalStatus};
use crate::spec::{Exit, StartError, Stray};

/// How long descendants have after a leader that ended by itself, before they are killed.
pub(in crate::machine) const STRAY_GRACE: Duration = Duration::from_millis(250);

impl Lifecycle {
    pub(in crate::machine) fn spawned(&mut self, pid: u32, cx: &mut StepContext) {
        let State::Starting { cause, pending_stop, .. } = &mut self.state else { return };
        let (cause, pending_stop) = (cause.clone(), pending_stop.take());
        self.started = true;
        self.waiting_for_input = None;
        self.terminal = TerminalStatus::default();
        let (stamp, of) = (EventStamp::default(), self.subject());
        cx.emit(ProcessStarted { stamp, of, pid, cause: cause.clone() });
        let since = cx.now;
        let timeout_at = self.spec.timeout.map(|timeout| since + timeout);
        let idle_check_at = self.spec.idle_timeout.map(|timeout| since + timeout);
        let checks = Checks::new(since, &self.spec);
        let state = State::Running { pid, since, cause, timeout_at, idle_check_at, checks };
        self.enter(since, state);
        match pending_stop {
            Some(closing) => self.close(closing, cx),
            None if self.spec.is_ready_at_once() => self.become_ready(cx),
            None => {}
        }
    }

    pub(in crate::machine) fn spawn_failed(&mut self, error: &StartError, cx: &mut StepContext) {
        let State::Starting { cause, pending_stop, .. } = &mut self.state else { return };
        let (cause, pending_stop) = (cause.clone(), pending_stop.take());
        let (kind, message) = (RunError::from(error.kind), error.message.clone());
        self.last = Some(LastRun { error: Some((kind, message.clone())), ..LastRun::default() });
        self.port = None;
        cx.emit(ProcessFailed {
            stamp: EventStamp::default(),
            of: self.subject(),
            error: kind,
            message,
            end: EndDetails::default(),
            cause: cause.clone(),
        });
        match pending_stop.map(|closing| closing.then) {
            Some(then @ (AfterExit::Stop | AfterExit::Restart(_))) => {
                self.restart_or_stay_stopped(then, true, cx);
            }
            Some(AfterExit::ApplyPolicy) | None
                if error.kind.is_transient() && !self.restart_disabled =>
            {
                self.retry(cause, cx);
            }
            Some(AfterExit::ApplyPolicy) | None => {
                self.enter(cx.now, State::Ended(Outcome::Failed { gave_up: false }));
            }
        }
    }

    /// Handles a run whose leader has ended, or that was killed completely, while processes of its
    /// tree (`left`) still exist or its outputs are still being read.
    pub(in crate::machine) fn lingering(
        &mut self,
        exit: Option<Exit>,
        left: Vec<Stray>,
        cx: &mut StepContext,
    ) {
        if exit.is_some() {
            self.waiting_for_input = None;
            self.end_checks(cx);
        }
        match &mut self.state {
            // Only its outputs are still being read: it has kept its limits.
            State::Running { timeout_at, idle_check_at, .. }
                if exit.is_some() && left.is_empty() =>
            {
                (*timeout_at, *idle_check_at) = (None, None);
            }
            State::Running { pid, since, .. } if exit.is_some() => {
                let (pid, since) = (*pid, *since);
                let (until, step) = (cx.now + STRAY_GRACE, StopProgress::Asked);
                let closing = Closing::by_itself();
                self.enter(cx.now, State::Stopping { pid, since, until, step, closing, exit });
            }
            State::Stopping { exit: known, .. } => *known = known.or(exit),
            State::Running { .. } => {}
            State::Idle
            | State::Waiting { .. }
            | State::Queued { .. }
            | State::Starting { .. }
            | State::Backoff { .. }
            | State::Ended(_) => return,
        }
        self.left = left;
    }

    /// Stops the run if its last output, at `since`, is too long ago.
    pub(in crate::machine) fn check_idle_timeout(&mut self, since: Moment, cx: &mut StepContext) {
        let Some(limit) = self.spec.idle_timeout else { return };
        let State::Running { idle_check_at, .. } = &mut self.state else { return };
        let due = since + limit;
        if due > cx.now {
            *idle_check_at = Some(due);
        } else {
            let cause = Cause::IdleTimeout { after_ms: limit.as_millis() as u64 };
            self.close_failed(RunError::IdleTimeout, cause, cx);
        }
    }

    pub(in crate::machine) fn exited(
        &mut self,
        exit: Exit,
        strays_and_note: (Vec<Stray>, Option<String>),
        cx: &mut StepContext,
    ) {
        // An exit is reported only after a start, and once.
        let Some(since) = self.alive_since() else { return };
        let closing = self.closing().cloned().unwrap_or_else(Closing::by_itself);
        self.end_checks(cx);
        self.left.clear();
        self.waiting_for_input = None;
        // The bell goes on ringing for those who have not looked.
        (self.terminal.title, self.terminal.alternate_screen) = (None, false);
        self.end_run(since, Some(exit), strays_and_note, closing, cx);
    }

    /// Handles the deadline of the state if it has passed.
    pub(in crate::machine) fn tick(&mut self, cx: &mut StepContext) {
        let now = cx.now;
        match &mut self.state {
            State::Running { timeout_at: Some(due), .. } if *due <= now => {
                let limit = self.spec.timeout.unwrap_or_default();
                let cause = Cause::Timeout { after_ms: limit.as_millis() as u64 };
                self.close_failed(RunError::Timeout, cause, cx);
            }
            State::Running { idle_check_at, .. } if idle_check_at.is_some_and(|due| due <= now) => {
                *idle_check_at = None;
                cx.request(Effect::QueryLastOutput { run: self.run_id() });
            }
            State::Running { .. } => self.tick_checks(cx),
            State::Stopping { until, step, .. } if *until <= now => match step {
                StopProgress::Asked => {
                    *step = StopProgress::Killed;
                    *until = now + KILL_GRACE;
                    cx.request(Effect::Kill { run: self.run_id() });
                }
                StopProgress::Killed => self.give_up_on(cx),
            },
            State::Backoff { until, retry, cause } if *until <= now => {
                let retries = self.spec.retry.attempts;
                let cause = match *retry {
                    0 => cause.clone(),
                    retry => Cause::Retry { retry, retries },
                };
                self.wait(cause, true, cx);
            }
            State::Starting { port, .. } if port.deadline().is_some_and(|due| due <= now) => {
                self.check_port(cx);
            }
            State::Waiting { until, .. } if until.is_some_and(|until| until <= now) => {
                *until = None;
                self.transitions += 1;
            }
            State::Idle
            | State::Waiting { .. }
            | State::Queued { .. }
            | State::Starting { .. }
            | State::Stopping { .. }
            | State::Backoff { .. }
            | State::Ended(_) => {}
        }
    }

    /// Handles the end of a run that was given up as unkillable.
    pub(in crate::machine) fn unreaped_run_gone(&mut self) {
        self.unreaped_run = None;
        self.left.clear();
    }
}
