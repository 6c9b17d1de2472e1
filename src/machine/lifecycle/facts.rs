//! Handles facts about a run, and due deadlines.

use std::time::Duration;

use super::stopping::{KILL_GRACE, RunEnd};
use super::{AfterExit, Closing, Ending, LastRun, Level, Lifecycle, Outcome, State, StopProgress};
use crate::machine::event::{
    Cause, EndDetails, Event, EventStamp, ProcessFailed, ProcessReady, ProcessStarted, RunError,
};
use crate::machine::retry::JitterRng;
use crate::machine::{Effect, Moment, Step};
use crate::spec::{Exit, StartError, Stray};

/// How long descendants have after a leader that ended by itself, before they are killed.
pub(in crate::machine) const STRAY_GRACE: Duration = Duration::from_millis(250);

impl Lifecycle {
    pub(in crate::machine) fn spawned(&mut self, now: Moment, pid: u32, out: &mut Step) {
        let State::Starting { cause, wish, .. } = &mut self.state else { return };
        let (cause, wish) = (cause.clone(), wish.take());
        self.started = true;
        let (stamp, of) = (EventStamp::default(), self.subject());
        out.events.push(Event::from(ProcessStarted {
            stamp,
            of: of.clone(),
            pid,
            cause: cause.clone(),
        }));
        let checks = self.new_checks(now);
        if wish.is_none() && checks.level == Level::Ready {
            let probe = self.spec.ready.as_ref().map(|check| check.probe.shown(None));
            let (answer, cause) = (None, cause.clone());
            out.events.push(Event::from(ProcessReady { stamp, of, probe, answer, cause }));
        }
        let times_out = self.spec.timeout.map(|timeout| now + timeout);
        let quiet_out = self.spec.idle_timeout.map(|timeout| now + timeout);
        self.enter(now, State::Running { pid, since: now, cause, times_out, quiet_out, checks });
        if let Some(closing) = wish {
            self.close(now, closing, out);
        }
    }

    pub(in crate::machine) fn spawn_failed(
        &mut self,
        now: Moment,
        error: &StartError,
        jitter_rng: &mut JitterRng,
        out: &mut Step,
    ) {
        let State::Starting { cause, wish, .. } = &mut self.state else { return };
        let (cause, wish) = (cause.clone(), wish.take());
        let kind = RunError::from(error.kind);
        self.last = Some(LastRun {
            exit: None,
            error: Some((kind, error.message.clone())),
            unwell: None,
            success: false,
            duration: Duration::ZERO,
            note: None,
        });
        self.port = None;
        out.events.push(Event::from(ProcessFailed {
            stamp: EventStamp::default(),
            of: self.subject(),
            error: kind,
            message: error.message.clone(),
            end: EndDetails::default(),
            cause: cause.clone(),
        }));
        match wish.map(|closing| closing.then) {
            Some(AfterExit::Stop) => self.enter(now, State::Ended(Outcome::Stopped)),
            Some(AfterExit::Restart(_)) if self.last_run => {
                self.enter(now, State::Ended(Outcome::Stopped));
            }
            Some(AfterExit::Restart(cause)) => self.wait(now, cause, true),
            Some(AfterExit::ApplyPolicy) | None if error.kind.is_transient() && !self.last_run => {
                self.try_again(now, cause, jitter_rng, out);
            }
            Some(AfterExit::ApplyPolicy) | None => {
                self.enter(now, State::Ended(Outcome::Failed { gave_up: false }));
            }
        }
    }

    /// The leader has ended (or everything was killed) and something of the tree is left, or of what
    /// it printed.
    pub(in crate::machine) fn lingering(
        &mut self,
        now: Moment,
        exit: Option<Exit>,
        left: Vec<Stray>,
        out: &mut Step,
    ) {
        if exit.is_some() {
            self.end_checks(out);
        }
        match &mut self.state {
            // Only its outputs are still read: it has kept its limits.
            State::Running { times_out, quiet_out, .. } if exit.is_some() && left.is_empty() => {
                (*times_out, *quiet_out) = (None, None);
            }
            State::Running { pid, since, .. } if exit.is_some() => {
                let (pid, since) = (*pid, *since);
                let (until, step) = (now + STRAY_GRACE, StopProgress::Asked);
                let closing = Closing::by_itself();
                self.enter(now, State::Stopping { pid, since, until, step, closing, exit });
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

    /// Nothing was printed since `since`.
    pub(in crate::machine) fn quiet(&mut self, now: Moment, since: Moment, out: &mut Step) {
        let Some(limit) = self.spec.idle_timeout else { return };
        let State::Running { quiet_out, .. } = &mut self.state else { return };
        let due = since + limit;
        if due > now {
            *quiet_out = Some(due);
            return;
        }
        let cause = Cause::IdleTimeout { after_ms: limit.as_millis() as u64 };
        let message = cause.describe();
        let ending = Ending::Broken { error: RunError::IdleTimeout, message, cause };
        self.close(now, Closing { ending, then: AfterExit::ApplyPolicy, now: false }, out);
    }

    pub(in crate::machine) fn exited(
        &mut self,
        now: Moment,
        exit: Exit,
        (strays, note): (Vec<Stray>, Option<String>),
        jitter_rng: &mut JitterRng,
        out: &mut Step,
    ) {
        let (since, closing) = match &self.state {
            State::Running { since, .. } => (*since, Closing::by_itself()),
            State::Stopping { since, closing, .. } => (*since, closing.clone()),
            // An exit is told only after a start, and once.
            State::Idle
            | State::Waiting { .. }
            | State::Queued { .. }
            | State::Starting { .. }
            | State::Backoff { .. }
            | State::Ended(_) => return,
        };
        self.end_checks(out);
        self.left.clear();
        let run = RunEnd { since, exit: Some(exit), strays, note, closing };
        self.end_run(now, run, jitter_rng, out);
    }

    /// Does what is due at `now`.
    pub(in crate::machine) fn tick(
        &mut self,
        now: Moment,
        jitter_rng: &mut JitterRng,
        out: &mut Step,
    ) {
        match &mut self.state {
            State::Running { times_out: Some(due), .. } if *due <= now => {
                let limit = self.spec.timeout.unwrap_or_default();
                let cause = Cause::Timeout { after_ms: limit.as_millis() as u64 };
                let message = cause.describe();
                let ending = Ending::Broken { error: RunError::Timeout, message, cause };
                self.close(now, Closing { ending, then: AfterExit::ApplyPolicy, now: false }, out);
            }
            State::Running { quiet_out, .. } if quiet_out.is_some_and(|due| due <= now) => {
                *quiet_out = None;
                out.effects.push(Effect::AskQuiet { run: self.run_id() });
            }
            State::Running { .. } => self.tick_checks(now, out),
            State::Stopping { until, step, .. } if *until <= now => match step {
                StopProgress::Asked => {
                    *step = StopProgress::Killed;
                    *until = now + KILL_GRACE;
                    out.effects.push(Effect::Kill { run: self.run_id() });
                }
                StopProgress::Killed => self.give_up_on(now, jitter_rng, out),
            },
            State::Backoff { until, retry, cause } if *until <= now => {
                let retries = self.spec.retry.attempts;
                let cause = match *retry {
                    0 => cause.clone(),
                    retry => Cause::Retry { retry, retries },
                };
                self.wait(now, cause, true);
            }
            State::Starting { port, .. } if port.deadline().is_some_and(|due| due <= now) => {
                self.look_at_port(out);
            }
            State::Waiting { until, .. } if until.is_some_and(|until| until <= now) => {
                *until = None;
                self.moves += 1;
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

    /// The run that was given up is gone after all.
    pub(in crate::machine) fn unreaped_run_gone(&mut self) {
        self.unreaped_run = None;
        self.left.clear();
    }
}
