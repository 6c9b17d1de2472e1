//! Stopping a run, and what follows its end.

use std::sync::Arc;
use std::time::Duration;

use super::empty_input;
use super::port::PortPhase;
use super::state::merged;
use super::{AfterExit, Closing, Ending, LastRun, Lifecycle, Outcome, State, StopProgress};
use crate::machine::event::{
    Cause, EndDetails, Event, EventStamp, ProcessCompleted, ProcessFailed, ProcessGaveUp,
    ProcessKilled, ProcessRetrying, ProcessStopping, RunError,
};
use crate::machine::retry::JitterRng;
use crate::machine::{Effect, Moment, Step};
use crate::spec::{Exit, Restart, Signal, Stray};

/// How long a killed tree may take to go before it is called unkillable.
pub(in crate::machine) const KILL_GRACE: Duration = Duration::from_secs(2);

/// What is known when a run is over.
pub(super) struct RunEnd {
    /// When exec had succeeded.
    pub(super) since: Moment,
    /// How the leader ended, if it did.
    pub(super) exit: Option<Exit>,
    pub(super) strays: Vec<Stray>,
    /// What it may have ended of.
    pub(super) note: Option<String>,
    /// What it was ended by and what follows.
    pub(super) closing: Closing,
}

impl Lifecycle {
    /// The one way in which a live run is brought to its end.
    pub(super) fn close(&mut self, now: Moment, closing: Closing, out: &mut Step) {
        match &mut self.state {
            State::Starting { port: PortPhase::Settled, wish, .. } => {
                *wish = Some(merged(wish.take(), closing));
            }
            // Nothing has been started yet.
            State::Starting { .. } => match closing.then {
                AfterExit::Restart(cause) if !self.last_run => self.wait(now, cause, true),
                AfterExit::Stop | AfterExit::ApplyPolicy | AfterExit::Restart(_) => {
                    self.enter(now, State::Ended(Outcome::Stopped));
                }
            },
            State::Running { pid, since, .. } => {
                let (pid, since) = (*pid, *since);
                self.end_checks(out);
                let until = self.begin_closing(now, &closing, out);
                let step = if closing.now { StopProgress::Killed } else { StopProgress::Asked };
                self.enter(now, State::Stopping { pid, since, until, step, closing, exit: None });
            }
            // Another stop joins the one under way; only a kill makes it quicker.
            State::Stopping { until, step, closing: current, .. } => {
                let kill = closing.now && *step == StopProgress::Asked;
                *current = merged(Some(current.clone()), closing);
                if kill {
                    *step = StopProgress::Killed;
                    *until = now + KILL_GRACE;
                    out.effects.push(Effect::Kill { run: self.run_id() });
                }
            }
            State::Idle
            | State::Waiting { .. }
            | State::Queued { .. }
            | State::Backoff { .. }
            | State::Ended(_) => {}
        }
    }

    /// Sends what begins the end of a run, tells it, and says until when it may take.
    fn begin_closing(&mut self, now: Moment, closing: &Closing, out: &mut Step) -> Moment {
        let cause = match &closing.ending {
            Ending::OnPurpose { cause, .. } | Ending::Broken { cause, .. } => cause.clone(),
            Ending::ByItself => Cause::User,
        };
        let signal = match (&self.spec.stop.command, closing.now) {
            (_, true) => Some(Signal::KILL),
            (Some(_), false) => None,
            (None, false) => Some(self.spec.stop.signal),
        };
        let (stamp, of) = (EventStamp::default(), self.subject());
        out.events.push(Event::from(ProcessStopping { stamp, of, signal, cause }));
        if closing.now {
            out.effects.push(Effect::Kill { run: self.run_id() });
            now + KILL_GRACE
        } else {
            out.effects.push(Effect::Stop { run: self.run_id(), spec: Arc::clone(&self.spec) });
            now + self.spec.stop.grace
        }
    }

    /// Tells the one end of a run and goes where its closing says.
    pub(super) fn end_run(
        &mut self,
        now: Moment,
        run: RunEnd,
        jitter_rng: &mut JitterRng,
        out: &mut Step,
    ) {
        let RunEnd { since, exit, strays, note, closing } = run;
        let duration = now.since(since);
        let success = closing.ending == Ending::ByItself && self.is_success(exit);
        let (exit_code, signal) = parts(exit);
        let end = EndDetails {
            exit_code,
            signal,
            success,
            duration_ms: duration.as_millis() as u64,
            leaked: !strays.is_empty(),
            strays,
        };
        let by_itself = closing.ending == Ending::ByItself;
        let hint = if by_itself { empty_input::hint(&self.spec, exit, duration) } else { None };
        let (cause, error) = self.tell_end(closing.ending, end, hint, out);
        let unwell = cause.misses();
        if let Some(text) = &note {
            out.effects.push(Effect::Tell { about: self.name.clone(), text: text.clone() });
        }
        let note = note.or_else(|| hint.map(str::to_owned));
        self.last = Some(LastRun { exit, error, unwell, success, duration, note });
        self.port = None;
        match closing.then {
            AfterExit::Stop => self.enter(now, State::Ended(Outcome::Stopped)),
            AfterExit::Restart(_) if self.last_run => {
                self.enter(now, State::Ended(Outcome::Stopped));
            }
            AfterExit::Restart(cause) => self.wait(now, cause, true),
            AfterExit::ApplyPolicy => self.by_policy(now, cause, jitter_rng, out),
        }
    }

    fn is_success(&self, exit: Option<Exit>) -> bool {
        match exit {
            Some(Exit::Code(code)) => self.spec.success_exit_codes.contains(&code),
            Some(Exit::Signal(_)) | None => false,
        }
    }

    /// Tells the end event; gives its cause, and what went wrong where something did.
    fn tell_end(
        &self,
        ending: Ending,
        end: EndDetails,
        hint: Option<&'static str>,
        out: &mut Step,
    ) -> (Cause, Option<(RunError, String)>) {
        let (stamp, of) = (EventStamp::default(), self.subject());
        let (event, cause, error) = match ending {
            Ending::ByItself => {
                let cause = cause_of(exit_of(&end));
                let hint = hint.map(str::to_owned);
                let event = ProcessCompleted { stamp, of, end, hint, cause: cause.clone() };
                (Event::from(event), cause, None)
            }
            Ending::OnPurpose { by, cause } => {
                let event = ProcessKilled { stamp, of, by, end, cause: cause.clone() };
                (Event::from(event), cause, None)
            }
            Ending::Broken { error, message, cause } => {
                let told = Some((error, message.clone()));
                let event = ProcessFailed { stamp, of, error, message, end, cause: cause.clone() };
                (Event::from(event), cause, told)
            }
        };
        out.events.push(event);
        (cause, error)
    }

    /// What `restart` and `retry` say after the run that has just ended.
    fn by_policy(&mut self, now: Moment, cause: Cause, jitter_rng: &mut JitterRng, out: &mut Step) {
        let Some(LastRun { success, duration, .. }) = self.last else { return };
        if duration >= self.spec.retry.reset_after {
            self.budget.reset();
            self.attempt = 1;
        }
        let restart = if self.last_run { Restart::Never } else { self.spec.restart };
        match (restart, success) {
            (Restart::Always, true) => {
                let delay = self.spec.retry.initial;
                self.back_off(now, delay, 0, cause, out);
            }
            (Restart::Never | Restart::OnFailure, true) => {
                self.enter(now, State::Ended(Outcome::Succeeded));
            }
            (Restart::Never, false) => {
                self.enter(now, State::Ended(Outcome::Failed { gave_up: false }));
            }
            (Restart::OnFailure | Restart::Always, false) => {
                self.try_again(now, cause, jitter_rng, out);
            }
        }
    }

    /// One more try, or the end when there is none left.
    pub(super) fn try_again(
        &mut self,
        now: Moment,
        cause: Cause,
        jitter_rng: &mut JitterRng,
        out: &mut Step,
    ) {
        if let Some(grant) = self.budget.take(&self.spec.retry, jitter_rng) {
            self.back_off(now, grant.delay, grant.retry, cause, out);
            return;
        }
        let retries = self.budget.used();
        let last = self.last.as_ref();
        let (exit_code, signal) = parts(last.and_then(|last| last.exit));
        let error = last.and_then(|last| last.error.as_ref()).map(|(kind, _)| *kind);
        let message = last.map(LastRun::describe).unwrap_or_default();
        out.events.push(Event::from(ProcessGaveUp {
            stamp: EventStamp::default(),
            of: self.subject(),
            retries,
            exit_code,
            signal,
            error,
            message,
            cause: Cause::RetriesExhausted { retries },
        }));
        self.enter(now, State::Ended(Outcome::Failed { gave_up: true }));
    }

    fn back_off(&mut self, now: Moment, delay: Duration, retry: u32, cause: Cause, out: &mut Step) {
        out.events.push(Event::from(ProcessRetrying {
            stamp: EventStamp::default(),
            of: self.subject(),
            delay_ms: delay.as_millis() as u64,
            retry,
            retries: self.spec.retry.attempts,
            cause: cause.clone(),
        }));
        self.enter(now, State::Backoff { until: now + delay, retry, cause });
    }

    /// The kernel cannot end it or we may not: it is named and blocks nothing but this process.
    pub(super) fn give_up_on(&mut self, now: Moment, jitter_rng: &mut JitterRng, out: &mut Step) {
        let State::Stopping { since, pid, closing, exit, .. } = &self.state else { return };
        let (since, exit) = (*since, *exit);
        let names: Vec<String> =
            self.left.iter().map(|s| format!("{} ({})", s.pid, s.command)).collect();
        let who = if names.is_empty() { format!("pid {pid}") } else { names.join(", ") };
        let reason = self.signal_error.as_ref();
        let reason = reason.map_or_else(String::new, |reason| format!(": {reason}"));
        let message = format!("cannot be ended: {who}{reason}");
        let cause = match &closing.ending {
            Ending::OnPurpose { cause, .. } | Ending::Broken { cause, .. } => cause.clone(),
            Ending::ByItself => cause_of(exit),
        };
        let then = match &closing.then {
            AfterExit::Restart(cause) => AfterExit::Restart(cause.clone()),
            AfterExit::Stop | AfterExit::ApplyPolicy => AfterExit::Stop,
        };
        let ending = Ending::Broken { error: RunError::Unkillable, message, cause };
        let closing = Closing { ending, then, now: true };
        self.unreaped_run = Some(self.run);
        let strays = self.left.clone();
        self.end_run(now, RunEnd { since, exit, strays, note: None, closing }, jitter_rng, out);
        if matches!(self.state, State::Ended(_)) {
            self.enter(now, State::Ended(Outcome::Failed { gave_up: false }));
        }
    }
}

/// How a run ended that ended by itself, in the words of causes.
fn cause_of(exit: Option<Exit>) -> Cause {
    match exit {
        Some(Exit::Signal(signal)) => Cause::Signal { signal },
        Some(Exit::Code(exit_code)) => Cause::Exit { exit_code },
        // Cannot be: that a leader ended by itself is known by how it ended.
        None => Cause::Start,
    }
}

/// How the leader ended, from what an event carries.
fn exit_of(end: &EndDetails) -> Option<Exit> {
    end.exit_code.map(Exit::Code).or(end.signal.map(Exit::Signal))
}

/// Code and signal, as events carry them.
fn parts(exit: Option<Exit>) -> (Option<i32>, Option<Signal>) {
    match exit {
        Some(Exit::Code(code)) => (Some(code), None),
        Some(Exit::Signal(signal)) => (None, Some(signal)),
        None => (None, None),
    }
}
