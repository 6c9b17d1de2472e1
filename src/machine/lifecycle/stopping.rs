//! Stopping a run, and the next state after its end.

use std::sync::Arc;
use std::time::Duration;

use super::empty_input;
use super::port::PortPhase;
use super::{AfterExit, Closing, Ending, LastRun, Lifecycle, Outcome, State, StopProgress};
use crate::machine::event::{
    Cause, EndCause, EndDetails, EventStamp, ProcessCompleted, ProcessFailed, ProcessGaveUp,
    ProcessKilled, ProcessRetrying, ProcessStopping, RunError,
};
use crate::machine::step_context::StepContext;
use crate::machine::{Effect, Moment};
use crate::spec::{Exit, Restart, Signal, Stray};

/// How long a killed tree may take to end before it is reported as unkillable.
pub(in crate::machine) const KILL_GRACE: Duration = Duration::from_secs(2);

impl Lifecycle {
    /// Stops the run or the start; every stop goes through here.
    pub(super) fn close(&mut self, closing: Closing, cx: &mut StepContext) {
        match &mut self.state {
            State::Starting { port: PortPhase::Settled, pending_stop, .. } => match pending_stop {
                Some(pending) => pending.join(closing),
                None => *pending_stop = Some(closing),
            },
            // Nothing has been spawned yet: a restart is still the same start.
            State::Starting { again, .. } => {
                let again = *again;
                self.restart_or_stay_stopped(closing.then, again, cx);
            }
            State::Running { pid, since, .. } => {
                let (pid, since) = (*pid, *since);
                self.end_checks(cx);
                let until = self.begin_closing(&closing, cx);
                let step = if closing.kill { StopProgress::Killed } else { StopProgress::Asked };
                let state = State::Stopping { pid, since, until, step, closing, exit: None };
                self.enter(cx.now, state);
            }
            // Another stop joins the current one; only a kill makes it faster.
            State::Stopping { until, step, closing: current, .. } => {
                let kill = closing.kill && *step == StopProgress::Asked;
                current.join(closing);
                if kill {
                    *step = StopProgress::Killed;
                    *until = cx.now + KILL_GRACE;
                    cx.request(Effect::Kill { run: self.run_id() });
                }
            }
            State::Idle
            | State::Waiting { .. }
            | State::Queued { .. }
            | State::Backoff { .. }
            | State::Ended(_) => {}
        }
    }

    /// Stops the run because it exceeded a limit; the cause is the message too.
    pub(super) fn close_failed(&mut self, error: RunError, cause: Cause, cx: &mut StepContext) {
        let ending = Ending::Broken { error, message: cause.describe(), cause };
        self.close(Closing { ending, then: AfterExit::ApplyPolicy, kill: false }, cx);
    }

    /// Waits for the next run, or ends as stopped.
    pub(super) fn restart_or_stay_stopped(
        &mut self,
        then: AfterExit,
        again: bool,
        cx: &StepContext,
    ) {
        match then {
            AfterExit::Restart(cause) if !self.restart_disabled => self.wait(cause, again, cx),
            AfterExit::Stop | AfterExit::Restart(_) | AfterExit::ApplyPolicy => {
                self.enter(cx.now, State::Ended(Outcome::Stopped));
            }
        }
    }

    /// Requests and reports the end of a run; returns the deadline.
    fn begin_closing(&mut self, closing: &Closing, cx: &mut StepContext) -> Moment {
        let signal = match (&self.spec.stop.command, closing.kill) {
            (_, true) => Some(Signal::KILL),
            (Some(_), false) => None,
            (None, false) => Some(self.spec.stop.signal),
        };
        let cause = closing.ending.cause().cloned().unwrap_or(Cause::User);
        let (stamp, of, run) = (EventStamp::default(), self.subject(), self.run_id());
        cx.emit(ProcessStopping { stamp, of, signal, cause });
        if closing.kill {
            cx.request(Effect::Kill { run });
            cx.now + KILL_GRACE
        } else {
            cx.request(Effect::Stop { run, spec: Arc::clone(&self.spec) });
            cx.now + self.spec.stop.grace
        }
    }

    /// Reports the end of the run that began at `since`, and enters the state that follows. `exit` is
    /// `None` if the leader did not end; `note` is a possible reason of the end.
    pub(super) fn end_run(
        &mut self,
        since: Moment,
        exit: Option<Exit>,
        (strays, note): (Vec<Stray>, Option<String>),
        closing: Closing,
        cx: &mut StepContext,
    ) {
        let duration = cx.now.since(since);
        let by_itself = closing.ending == Ending::ByItself;
        let killed = matches!(closing.ending, Ending::OnPurpose { by: EndCause::Kill, .. });
        let success = by_itself
            && matches!(exit, Some(Exit::Code(code)) if self.spec.success_exit_codes.contains(&code));
        let (exit_code, signal) = code_and_signal(exit);
        let end = EndDetails {
            exit_code,
            signal,
            success,
            duration_ms: duration.as_millis() as u64,
            leaked: !strays.is_empty(),
            strays,
        };
        let hint = if by_itself { empty_input::hint(&self.spec, exit, duration) } else { None };
        let (cause, error) = self.emit_end(closing.ending, end, hint, cx);
        let health_misses = cause.misses();
        if let Some(text) = &note {
            cx.notify(&self.name, text.clone());
        }
        let note = note.or_else(|| hint.map(str::to_owned));
        self.last = Some(LastRun { exit, error, health_misses, success, killed, duration, note });
        self.port = None;
        match closing.then {
            then @ (AfterExit::Stop | AfterExit::Restart(_)) => {
                self.restart_or_stay_stopped(then, true, cx);
            }
            AfterExit::ApplyPolicy => self.apply_restart_policy(duration, success, cause, cx),
        }
    }

    /// Emits the end event; returns its cause and, if the run failed, the error.
    fn emit_end(
        &self,
        ending: Ending,
        end: EndDetails,
        hint: Option<&'static str>,
        cx: &mut StepContext,
    ) -> (Cause, Option<(RunError, String)>) {
        let (stamp, of) = (EventStamp::default(), self.subject());
        match ending {
            Ending::ByItself => {
                let (cause, hint) = (exit_cause(end.exit()), hint.map(str::to_owned));
                cx.emit(ProcessCompleted { stamp, of, end, hint, cause: cause.clone() });
                (cause, None)
            }
            Ending::OnPurpose { by, cause } => {
                cx.emit(ProcessKilled { stamp, of, by, end, cause: cause.clone() });
                (cause, None)
            }
            Ending::Broken { error, message, cause } => {
                let last_error = Some((error, message.clone()));
                cx.emit(ProcessFailed { stamp, of, error, message, end, cause: cause.clone() });
                (cause, last_error)
            }
        }
    }

    /// Applies `restart` and `retry` after a run.
    fn apply_restart_policy(
        &mut self,
        duration: Duration,
        success: bool,
        cause: Cause,
        cx: &mut StepContext,
    ) {
        if duration >= self.spec.retry.reset_after {
            self.retry_budget.reset();
            self.attempt = 1;
        }
        let restart = if self.restart_disabled { Restart::Never } else { self.spec.restart };
        match (restart, success) {
            (Restart::Always, true) => self.back_off(self.spec.retry.initial, 0, cause, cx),
            (Restart::Never | Restart::OnFailure, true) => {
                self.enter(cx.now, State::Ended(Outcome::Succeeded));
            }
            (Restart::Never, false) => {
                self.enter(cx.now, State::Ended(Outcome::Failed { gave_up: false }));
            }
            (Restart::OnFailure | Restart::Always, false) => self.retry(cause, cx),
        }
    }

    /// Schedules another try, or gives up if none is left.
    pub(super) fn retry(&mut self, cause: Cause, cx: &mut StepContext) {
        if let Some(grant) = self.retry_budget.take(&self.spec.retry, &mut cx.jitter_rng) {
            self.back_off(grant.delay, grant.retry, cause, cx);
            return;
        }
        let retries = self.retry_budget.used;
        let last = self.last.as_ref();
        let (exit_code, signal) = code_and_signal(last.and_then(|last| last.exit));
        cx.emit(ProcessGaveUp {
            stamp: EventStamp::default(),
            of: self.subject(),
            retries,
            exit_code,
            signal,
            error: last.and_then(|last| last.error.as_ref()).map(|(kind, _)| *kind),
            message: last.map(LastRun::describe).unwrap_or_default(),
            cause: Cause::RetriesExhausted { retries },
        });
        self.enter(cx.now, State::Ended(Outcome::Failed { gave_up: true }));
    }

    fn back_off(&mut self, delay: Duration, retry: u32, cause: Cause, cx: &mut StepContext) {
        cx.emit(ProcessRetrying {
            stamp: EventStamp::default(),
            of: self.subject(),
            delay_ms: delay.as_millis() as u64,
            retry,
            retries: self.spec.retry.attempts,
            cause: cause.clone(),
        });
        self.enter(cx.now, State::Backoff { until: cx.now + delay, retry, cause });
    }

    /// Reports a run that the kernel cannot end or that we may not signal. It blocks only this
    /// process.
    pub(super) fn give_up_on(&mut self, cx: &mut StepContext) {
        let State::Stopping { since, pid, closing, exit, .. } = &self.state else { return };
        let (since, exit) = (*since, *exit);
        let names: Vec<String> = self.left.iter().map(Stray::to_string).collect();
        let names = if names.is_empty() { format!("pid {pid}") } else { names.join(", ") };
        let reason = self.signal_error.as_ref();
        let reason = reason.map_or_else(String::new, |reason| format!(": {reason}"));
        let message = format!("cannot be ended: {names}{reason}");
        let cause = closing.ending.cause().cloned().unwrap_or_else(|| exit_cause(exit));
        let then = match &closing.then {
            AfterExit::Restart(cause) => AfterExit::Restart(cause.clone()),
            AfterExit::Stop | AfterExit::ApplyPolicy => AfterExit::Stop,
        };
        let ending = Ending::Broken { error: RunError::Unkillable, message, cause };
        self.unreaped_run = Some(self.run);
        let closing = Closing { ending, then, kill: true };
        self.end_run(since, exit, (self.left.clone(), None), closing, cx);
        if self.has_ended() {
            self.enter(cx.now, State::Ended(Outcome::Failed { gave_up: false }));
        }
    }
}

/// The cause of a run's end if its leader ended by itself.
fn exit_cause(exit: Option<Exit>) -> Cause {
    match exit {
        Some(Exit::Signal(signal)) => Cause::Signal { signal },
        Some(Exit::Code(exit_code)) => Cause::Exit { exit_code },
        // Impossible: a leader that ended by itself has an exit.
        None => Cause::Start,
    }
}

/// Exit code and signal, as events carry them.
pub(in crate::machine) fn code_and_signal(exit: Option<Exit>) -> (Option<i32>, Option<Signal>) {
    match exit {
        Some(Exit::Code(code)) => (Some(code), None),
        Some(Exit::Signal(signal)) => (None, Some(signal)),
        None => (None, None),
    }
}
