//! One process: its state, one `step` for each kind of input, one `deadline`.
//!
//! Whether dependencies hold and whether a slot is free is decided by the orchestra, which then
//! says [`Lifecycle::cleared`] and [`Lifecycle::granted`]. Every deadline lives in the state it
//! belongs to, so leaving the state drops it and a stale timer cannot exist.

use std::sync::Arc;
use std::time::Duration;

use super::event::{
    By, Cause, Ended, Event, ProcessCompleted, ProcessFailed, ProcessGaveUp, ProcessKilled,
    ProcessQueued, ProcessReady, ProcessRetrying, ProcessSkipped, ProcessStarted, ProcessStopping,
    RunError, Stamp, Subject,
};
use super::event::{Link, ProcessWaiting, WaitingOn};
use super::retry::{Budget, Dice};
use super::{Effect, Moment, ProcessId, RunId, ShutdownReason, Step};
use crate::spec::{Exit, Name, ProcessSpec, Restart, StartError, Stray};

/// How long descendants have after a leader that ended by itself, before they are killed.
pub(super) const STRAY_GRACE: Duration = Duration::from_millis(250);
/// How long a killed tree may take to go before it is called unkillable.
pub(super) const KILL_GRACE: Duration = Duration::from_secs(2);

/// Where a process is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum State {
    /// Nobody has asked for it.
    Idle,
    /// Its dependencies do not hold yet. `again`: they held for the run before, so one that can no
    /// longer get there does not stop this one.
    Waiting { cause: Cause, again: bool },
    /// No slot of its pool is free yet.
    Queued { cause: Cause },
    /// Exec was asked for and not answered; `wish` is what to do once it is.
    Starting { since: Moment, cause: Cause, wish: Option<Closing> },
    /// Up. `quiet_out` is when the next look for silence is due.
    Running {
        pid: u32,
        since: Moment,
        cause: Cause,
        times_out: Option<Moment>,
        quiet_out: Option<Moment>,
    },
    /// The run is on its way out.
    Stopping { pid: u32, since: Moment, until: Moment, step: Reached, closing: Closing },
    /// Waits for the next try.
    Backoff { until: Moment, retry: u32, cause: Cause },
    /// Down for good.
    Ended(Outcome),
}

/// How far the ending of a run has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reached {
    /// Asked to go, or its strays were; the deadline kills.
    Asked,
    /// Everything was killed; the deadline gives it up.
    Killed,
}

/// How a run is being ended and what comes after.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Closing {
    /// Which end event it will get.
    pub(super) ending: Ending,
    /// What follows.
    pub(super) then: Then,
    /// Whether it goes without being asked first.
    pub(super) now: bool,
}

/// Which end event a run will get.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Ending {
    /// Completed: its leader ended by itself.
    ByItself,
    /// Killed: on purpose.
    OnPurpose { by: By, cause: Cause },
    /// Failed: it broke a limit.
    Broken { error: RunError, message: String, cause: Cause },
}

/// What follows a run.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Then {
    /// `stopped`.
    Rest,
    /// A new run, for this reason.
    Again(Cause),
    /// What `restart` and `retry` say.
    Policy,
}

/// How a process got down for good.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Outcome {
    /// On request.
    Stopped,
    /// Its last run ended well.
    Succeeded,
    /// Its last run did not.
    Failed { gave_up: bool },
    /// A dependency cannot get where it should, or its pool was stopped.
    Skipped { chain: Vec<Link> },
}

/// How the latest run ended.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct LastRun {
    pub(super) exit: Option<Exit>,
    pub(super) error: Option<(RunError, String)>,
    pub(super) success: bool,
    pub(super) duration: Duration,
}

impl LastRun {
    /// The code that pitcrew passes on for it.
    pub(super) fn shell_code(&self) -> i32 {
        match (&self.error, self.exit) {
            (Some((RunError::ProgramNotFound, _)), _) => 127,
            (Some((RunError::NotExecutable, _)), _) => 126,
            (Some((RunError::Timeout | RunError::IdleTimeout, _)), _) => 124,
            (_, Some(exit)) => exit.shell_code(),
            (_, None) => 1,
        }
    }

    /// Such as `exit 1 after 8.1s`.
    pub(super) fn describe(&self) -> String {
        match (&self.error, self.exit) {
            (Some((_, message)), _) => message.clone(),
            (None, Some(exit)) => format!("{exit} after {}", short(self.duration)),
            (None, None) => "it ended".to_owned(),
        }
    }
}

/// A duration for people: `350ms`, `8.1s`, `2m 5s`, `3h 12m`.
pub(crate) fn short(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 => format!("{}ms", duration.as_millis()),
        1..60 => format!("{:.1}s", duration.as_secs_f64()),
        60..3600 => format!("{}m {}s", seconds / 60, seconds % 60),
        _ => format!("{}h {}m", seconds / 3600, seconds % 3600 / 60),
    }
}

/// One process.
#[derive(Debug)]
pub(super) struct Lifecycle {
    pub(super) id: ProcessId,
    /// `worker.1`; the name of its process is in `spec`.
    pub(super) name: Name,
    pub(super) replica: Option<u32>,
    pub(super) spec: Arc<ProcessSpec>,
    pub(super) state: State,
    /// When the state was entered.
    pub(super) entered: Moment,
    /// Number of the latest run, 0 before the first.
    pub(super) run: u32,
    /// The latest run got as far as exec; goes with the next run.
    pub(super) started: bool,
    /// How the latest run ended; nothing before that, and again from the next run on.
    pub(super) last: Option<LastRun>,
    /// What of its tree is still there while it ends.
    pub(super) left: Vec<Stray>,
    /// A run that was given up as unkillable and is not gone: no other may start before it is.
    pub(super) ghost: Option<u32>,
    /// How many retries are left.
    budget: Budget,
}

impl Lifecycle {
    pub(super) fn new(
        id: ProcessId,
        name: Name,
        replica: Option<u32>,
        spec: Arc<ProcessSpec>,
    ) -> Self {
        Self {
            id,
            name,
            replica,
            spec,
            state: State::Idle,
            entered: Moment::default(),
            run: 0,
            started: false,
            last: None,
            left: Vec::new(),
            ghost: None,
            budget: Budget::default(),
        }
    }

    pub(super) fn attempt(&self) -> u32 {
        self.budget.attempt()
    }

    pub(super) fn retries_used(&self) -> u32 {
        self.budget.used()
    }

    /// The next moment at which [`Lifecycle::tick`] has something to do.
    pub(super) fn deadline(&self) -> Option<Moment> {
        match &self.state {
            State::Running { times_out, quiet_out, .. } => {
                [*times_out, *quiet_out].into_iter().flatten().min()
            }
            State::Stopping { until, .. } => Some(*until),
            State::Backoff { until, .. } => Some(*until),
            State::Idle
            | State::Waiting { .. }
            | State::Queued { .. }
            | State::Starting { .. }
            | State::Ended(_) => None,
        }
    }

    /// Whether there is, or may be, something of it in the process table.
    pub(super) fn is_alive(&self) -> bool {
        match self.state {
            State::Starting { .. } | State::Running { .. } | State::Stopping { .. } => true,
            State::Idle
            | State::Waiting { .. }
            | State::Queued { .. }
            | State::Backoff { .. }
            | State::Ended(_) => false,
        }
    }

    /// Whether the project is not done while it is like this.
    pub(super) fn is_busy(&self) -> bool {
        match self.state {
            State::Waiting { .. } | State::Queued { .. } | State::Backoff { .. } => true,
            State::Idle | State::Ended(_) => false,
            State::Starting { .. } | State::Running { .. } | State::Stopping { .. } => true,
        }
    }

    pub(super) fn is_ready(&self) -> bool {
        matches!(self.state, State::Running { .. })
    }

    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.state, State::Waiting { .. })
    }

    pub(super) fn subject(&self) -> Subject {
        Subject {
            name: self.name.clone(),
            process: self.spec.name.clone(),
            run: self.run,
            attempt: self.attempt(),
        }
    }

    fn run_id(&self) -> RunId {
        RunId { process: self.id, run: self.run }
    }

    fn enter(&mut self, now: Moment, state: State) {
        self.state = state;
        self.entered = now;
    }

    // ---- wishes -------------------------------------------------------------------------------

    /// It shall run, once its dependencies hold and its pool has a slot.
    pub(super) fn want(&mut self, now: Moment, cause: Cause) {
        match &mut self.state {
            State::Idle | State::Ended(_) => {
                self.budget.give_back();
                self.wait(now, cause, false);
            }
            State::Backoff { .. } => {
                self.budget.give_back();
                self.wait(now, cause, true);
            }
            State::Stopping { closing: Closing { then, .. }, .. }
            | State::Starting { wish: Some(Closing { then, .. }), .. } => match then {
                Then::Rest | Then::Policy => *then = Then::Again(cause),
                Then::Again(_) => {}
            },
            State::Waiting { .. }
            | State::Queued { .. }
            | State::Starting { wish: None, .. }
            | State::Running { .. } => {}
        }
    }

    /// A new run, whatever the state; by hand, so the budget is given back.
    pub(super) fn restart(&mut self, now: Moment, cause: Cause, out: &mut Step) {
        match self.state {
            State::Idle | State::Ended(_) | State::Backoff { .. } => self.want(now, cause),
            State::Waiting { .. } | State::Queued { .. } => {}
            State::Starting { .. } | State::Running { .. } | State::Stopping { .. } => {
                self.budget.give_back();
                let ending = Ending::OnPurpose { by: By::Restart, cause: cause.clone() };
                self.close(now, Closing { ending, then: Then::Again(cause), now: false }, out);
            }
        }
    }

    /// It shall end: asked first, or at once when `kill`.
    pub(super) fn stop(&mut self, now: Moment, by: By, cause: Cause, kill: bool, out: &mut Step) {
        match self.state {
            State::Idle | State::Ended(_) => {}
            State::Waiting { .. } | State::Queued { .. } | State::Backoff { .. } => {
                self.enter(now, State::Ended(Outcome::Stopped));
            }
            State::Starting { .. } | State::Running { .. } | State::Stopping { .. } => {
                let ending = Ending::OnPurpose { by, cause };
                self.close(now, Closing { ending, then: Then::Rest, now: kill }, out);
            }
        }
    }

    /// It cannot run any more; only something that waits can be skipped.
    pub(super) fn skip(
        &mut self,
        now: Moment,
        on: Name,
        chain: Vec<Link>,
        cause: Cause,
        out: &mut Step,
    ) {
        match self.state {
            State::Waiting { .. } | State::Queued { .. } | State::Backoff { .. } => {
                out.events.push(Event::from(ProcessSkipped {
                    stamp: Stamp::default(),
                    of: self.subject(),
                    on,
                    chain: chain.clone(),
                    cause,
                }));
                self.enter(now, State::Ended(Outcome::Skipped { chain }));
            }
            State::Idle
            | State::Starting { .. }
            | State::Running { .. }
            | State::Stopping { .. }
            | State::Ended(_) => {}
        }
    }

    /// Tells what it waits for.
    pub(super) fn tell_waiting(&self, on: Vec<WaitingOn>, out: &mut Step) {
        if let State::Waiting { cause, .. } = &self.state {
            let (stamp, of, cause) = (Stamp::default(), self.subject(), cause.clone());
            out.events.push(Event::from(ProcessWaiting { stamp, of, on, cause }));
        }
    }

    fn wait(&mut self, now: Moment, cause: Cause, again: bool) {
        self.enter(now, State::Waiting { cause, again });
    }

    /// Its dependencies hold: it queues for its pool, or starts.
    pub(super) fn cleared(&mut self, now: Moment, out: &mut Step) {
        let State::Waiting { cause, .. } = &self.state else { return };
        let cause = cause.clone();
        if let Some(pool) = self.spec.pool.clone() {
            let (stamp, of) = (Stamp::default(), self.subject());
            out.events.push(Event::from(ProcessQueued { stamp, of, pool, cause: cause.clone() }));
            self.enter(now, State::Queued { cause });
        } else {
            self.spawn(now, cause, out);
        }
    }

    /// A slot of its pool is its own now.
    pub(super) fn granted(&mut self, now: Moment, out: &mut Step) {
        if let State::Queued { cause } = &self.state {
            let cause = cause.clone();
            self.spawn(now, cause, out);
        }
    }

    fn spawn(&mut self, now: Moment, cause: Cause, out: &mut Step) {
        self.run = self.run.saturating_add(1);
        self.started = false;
        self.last = None;
        self.left.clear();
        out.effects.push(Effect::Spawn {
            run: self.run_id(),
            name: self.name.clone(),
            replica: self.replica,
            spec: Arc::clone(&self.spec),
        });
        self.enter(now, State::Starting { since: now, cause, wish: None });
    }

    /// The one way in which a live run is brought to its end.
    fn close(&mut self, now: Moment, closing: Closing, out: &mut Step) {
        match &mut self.state {
            State::Starting { wish, .. } => *wish = Some(merged(wish.take(), closing)),
            State::Running { pid, since, .. } => {
                let (pid, since) = (*pid, *since);
                let until = self.begin_closing(now, &closing, out);
                let step = if closing.now { Reached::Killed } else { Reached::Asked };
                self.enter(now, State::Stopping { pid, since, until, step, closing });
            }
            // Another stop joins the one under way; only a kill makes it quicker.
            State::Stopping { until, step, closing: current, .. } => {
                let kill = closing.now && *step == Reached::Asked;
                *current = merged(Some(current.clone()), closing);
                if kill {
                    *step = Reached::Killed;
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
            (_, true) => Some(crate::spec::Signal::KILL),
            (Some(_), false) => None,
            (None, false) => Some(self.spec.stop.signal),
        };
        let (stamp, of) = (Stamp::default(), self.subject());
        out.events.push(Event::from(ProcessStopping { stamp, of, signal, cause }));
        if closing.now {
            out.effects.push(Effect::Kill { run: self.run_id() });
            now + KILL_GRACE
        } else {
            out.effects.push(Effect::Stop { run: self.run_id(), spec: Arc::clone(&self.spec) });
            now + self.spec.stop.grace
        }
    }

    // ---- facts --------------------------------------------------------------------------------

    pub(super) fn spawned(&mut self, now: Moment, pid: u32, out: &mut Step) {
        let State::Starting { cause, wish, .. } = &mut self.state else { return };
        let (cause, wish) = (cause.clone(), wish.take());
        self.started = true;
        let (stamp, of) = (Stamp::default(), self.subject());
        out.events.push(Event::from(ProcessStarted {
            stamp,
            of: of.clone(),
            pid,
            cause: cause.clone(),
        }));
        if wish.is_none() {
            out.events.push(Event::from(ProcessReady { stamp, of, cause: cause.clone() }));
        }
        let times_out = self.spec.timeout.map(|timeout| now + timeout);
        let quiet_out = self.spec.idle_timeout.map(|timeout| now + timeout);
        self.enter(now, State::Running { pid, since: now, cause, times_out, quiet_out });
        if let Some(closing) = wish {
            self.close(now, closing, out);
        }
    }

    pub(super) fn spawn_failed(
        &mut self,
        now: Moment,
        error: &StartError,
        dice: &mut Dice,
        out: &mut Step,
    ) {
        let State::Starting { cause, wish, .. } = &mut self.state else { return };
        let (cause, wish) = (cause.clone(), wish.take());
        let kind = RunError::from(error.kind);
        self.last = Some(LastRun {
            exit: None,
            error: Some((kind, error.message.clone())),
            success: false,
            duration: Duration::ZERO,
        });
        out.events.push(Event::from(ProcessFailed {
            stamp: Stamp::default(),
            of: self.subject(),
            error: kind,
            message: error.message.clone(),
            end: Ended::default(),
            cause: cause.clone(),
        }));
        match wish.map(|closing| closing.then) {
            Some(Then::Rest) => self.enter(now, State::Ended(Outcome::Stopped)),
            Some(Then::Again(cause)) => self.wait(now, cause, false),
            Some(Then::Policy) | None if error.kind.is_transient() => {
                self.try_again(now, cause, dice, out);
            }
            Some(Then::Policy) | None => {
                self.enter(now, State::Ended(Outcome::Failed { gave_up: false }));
            }
        }
    }

    /// The leader has ended (or everything was killed) and something of the tree is left.
    pub(super) fn lingering(&mut self, now: Moment, exit: Option<Exit>, left: Vec<Stray>) {
        self.left = left;
        if let (State::Running { pid, since, .. }, Some(_)) = (&self.state, exit) {
            let (pid, since) = (*pid, *since);
            let until = now + STRAY_GRACE;
            let closing = Closing { ending: Ending::ByItself, then: Then::Policy, now: false };
            self.enter(now, State::Stopping { pid, since, until, step: Reached::Asked, closing });
        }
    }

    /// Nothing was printed since `since`.
    pub(super) fn quiet(&mut self, now: Moment, since: Moment, out: &mut Step) {
        let Some(limit) = self.spec.idle_timeout else { return };
        let State::Running { quiet_out, .. } = &mut self.state else { return };
        let due = since + limit;
        if due > now {
            *quiet_out = Some(due);
            return;
        }
        let cause = Cause::IdleTimeout { after_ms: limit.as_millis() as u64 };
        let message = format!("it printed nothing for {}", short(limit));
        let ending = Ending::Broken { error: RunError::IdleTimeout, message, cause };
        self.close(now, Closing { ending, then: Then::Policy, now: false }, out);
    }

    pub(super) fn exited(
        &mut self,
        now: Moment,
        exit: Exit,
        strays: Vec<Stray>,
        dice: &mut Dice,
        out: &mut Step,
    ) {
        let (since, closing) = match &self.state {
            State::Running { since, .. } => {
                (*since, Closing { ending: Ending::ByItself, then: Then::Policy, now: false })
            }
            State::Stopping { since, closing, .. } => (*since, closing.clone()),
            // An exit is told only after a start, and once.
            State::Idle
            | State::Waiting { .. }
            | State::Queued { .. }
            | State::Starting { .. }
            | State::Backoff { .. }
            | State::Ended(_) => return,
        };
        self.left.clear();
        self.end_run(now, since, Some(exit), strays, closing, dice, out);
    }

    /// Tells the one end of a run and goes where its closing says.
    #[expect(clippy::too_many_arguments, reason = "the facts of an end, used in one place")]
    fn end_run(
        &mut self,
        now: Moment,
        since: Moment,
        exit: Option<Exit>,
        strays: Vec<Stray>,
        closing: Closing,
        dice: &mut Dice,
        out: &mut Step,
    ) {
        let duration = now.since(since);
        let success = match (&closing.ending, exit) {
            (Ending::ByItself, Some(Exit::Code(code))) => {
                self.spec.success_exit_codes.contains(&code)
            }
            (Ending::ByItself | Ending::OnPurpose { .. } | Ending::Broken { .. }, _) => false,
        };
        let end = Ended {
            exit_code: match exit {
                Some(Exit::Code(code)) => Some(code),
                Some(Exit::Signal(_)) | None => None,
            },
            signal: match exit {
                Some(Exit::Signal(signal)) => Some(signal),
                Some(Exit::Code(_)) | None => None,
            },
            success,
            duration_ms: duration.as_millis() as u64,
            leaked: !strays.is_empty(),
            strays,
        };
        let (stamp, of) = (Stamp::default(), self.subject());
        let (event, cause, error) = match closing.ending {
            Ending::ByItself => {
                let cause = match exit {
                    Some(Exit::Signal(signal)) => Cause::Signal { signal },
                    Some(Exit::Code(exit_code)) => Cause::Exit { exit_code },
                    None => Cause::Start,
                };
                let event = ProcessCompleted { stamp, of, end, cause: cause.clone() };
                (Event::from(event), cause, None)
            }
            Ending::OnPurpose { by, cause } => {
                let event = ProcessKilled { stamp, of, by, end, cause: cause.clone() };
                (Event::from(event), cause, None)
            }
            Ending::Broken { error, message, cause } => {
                let told = Some((error, message.clone()));
                let cause2 = cause.clone();
                let event = ProcessFailed { stamp, of, error, message, end, cause };
                (Event::from(event), cause2, told)
            }
        };
        out.events.push(event);
        self.last = Some(LastRun { exit, error, success, duration });
        match closing.then {
            Then::Rest => self.enter(now, State::Ended(Outcome::Stopped)),
            Then::Again(cause) => self.wait(now, cause, true),
            Then::Policy => self.by_policy(now, duration, success, cause, dice, out),
        }
    }

    fn by_policy(
        &mut self,
        now: Moment,
        duration: Duration,
        success: bool,
        cause: Cause,
        dice: &mut Dice,
        out: &mut Step,
    ) {
        if duration >= self.spec.retry.reset_after {
            self.budget.give_back();
        }
        match (self.spec.restart, success) {
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
            (Restart::OnFailure | Restart::Always, false) => self.try_again(now, cause, dice, out),
        }
    }

    /// One more try, or the end when there is none left.
    fn try_again(&mut self, now: Moment, cause: Cause, dice: &mut Dice, out: &mut Step) {
        let of = self.subject();
        if let Some(grant) = self.budget.take(&self.spec.retry, dice) {
            self.back_off_as(of, now, grant.delay, grant.retry, cause, out);
            return;
        }
        let retries = self.budget.used();
        let (exit_code, signal) = match self.last.as_ref().and_then(|last| last.exit) {
            Some(Exit::Code(code)) => (Some(code), None),
            Some(Exit::Signal(signal)) => (None, Some(signal)),
            None => (None, None),
        };
        let error = self.last.as_ref().and_then(|last| last.error.as_ref()).map(|(kind, _)| *kind);
        out.events.push(Event::from(ProcessGaveUp {
            stamp: Stamp::default(),
            of,
            retries,
            exit_code,
            signal,
            error,
            cause: Cause::RetriesExhausted { retries },
        }));
        self.enter(now, State::Ended(Outcome::Failed { gave_up: true }));
    }

    fn back_off(&mut self, now: Moment, delay: Duration, retry: u32, cause: Cause, out: &mut Step) {
        let of = self.subject();
        self.back_off_as(of, now, delay, retry, cause, out);
    }

    fn back_off_as(
        &mut self,
        of: Subject,
        now: Moment,
        delay: Duration,
        retry: u32,
        cause: Cause,
        out: &mut Step,
    ) {
        out.events.push(Event::from(ProcessRetrying {
            stamp: Stamp::default(),
            of,
            delay_ms: delay.as_millis() as u64,
            retry,
            retries: self.spec.retry.attempts,
            cause: cause.clone(),
        }));
        self.enter(now, State::Backoff { until: now + delay, retry, cause });
    }

    // ---- time ---------------------------------------------------------------------------------

    /// Does what is due at `now`.
    pub(super) fn tick(&mut self, now: Moment, dice: &mut Dice, out: &mut Step) {
        match &mut self.state {
            State::Running { times_out: Some(due), .. } if *due <= now => {
                let limit = self.spec.timeout.unwrap_or_default();
                let cause = Cause::Timeout { after_ms: limit.as_millis() as u64 };
                let message = format!("it ran longer than {}", short(limit));
                let ending = Ending::Broken { error: RunError::Timeout, message, cause };
                self.close(now, Closing { ending, then: Then::Policy, now: false }, out);
            }
            State::Running { quiet_out, .. } if quiet_out.is_some_and(|due| due <= now) => {
                *quiet_out = None;
                out.effects.push(Effect::AskQuiet { run: self.run_id() });
            }
            State::Stopping { until, step, .. } if *until <= now => match step {
                Reached::Asked => {
                    *step = Reached::Killed;
                    *until = now + KILL_GRACE;
                    out.effects.push(Effect::Kill { run: self.run_id() });
                }
                Reached::Killed => self.give_up_on(now, dice, out),
            },
            State::Backoff { until, retry, cause } if *until <= now => {
                let retries = self.spec.retry.attempts;
                let cause = match *retry {
                    0 => cause.clone(),
                    retry => Cause::Retry { retry, retries },
                };
                self.wait(now, cause, true);
            }
            State::Idle
            | State::Waiting { .. }
            | State::Queued { .. }
            | State::Starting { .. }
            | State::Running { .. }
            | State::Stopping { .. }
            | State::Backoff { .. }
            | State::Ended(_) => {}
        }
    }

    /// The kernel cannot end it or we may not: it is named and blocks nothing but this process.
    fn give_up_on(&mut self, now: Moment, dice: &mut Dice, out: &mut Step) {
        let State::Stopping { since, pid, closing, .. } = &self.state else { return };
        let names: Vec<String> =
            self.left.iter().map(|s| format!("{} ({})", s.pid, s.command)).collect();
        let who = if names.is_empty() { format!("{pid}") } else { names.join(", ") };
        let message = format!("cannot be ended: {who}");
        let cause = match &closing.ending {
            Ending::OnPurpose { cause, .. } | Ending::Broken { cause, .. } => cause.clone(),
            Ending::ByItself => Cause::Start,
        };
        let then = match &closing.then {
            Then::Again(cause) => Then::Again(cause.clone()),
            Then::Rest | Then::Policy => Then::Rest,
        };
        let ending = Ending::Broken { error: RunError::Unkillable, message, cause };
        let (since, strays) = (*since, self.left.clone());
        self.ghost = Some(self.run);
        self.end_run(now, since, None, strays, Closing { ending, then, now: true }, dice, out);
        if matches!(self.state, State::Ended(_)) {
            self.enter(now, State::Ended(Outcome::Failed { gave_up: false }));
        }
    }

    /// The run that was given up is gone after all.
    pub(super) fn ghost_gone(&mut self, run: u32) -> bool {
        let gone = self.ghost == Some(run);
        if gone {
            self.ghost = None;
            self.left.clear();
        }
        gone
    }
}

/// What becomes of a closing under way when another comes.
///
/// The first reason stays the reason: the run ends because of it. What follows is decided by the
/// last wish, and "now" is never taken back.
fn merged(current: Option<Closing>, next: Closing) -> Closing {
    let Some(current) = current else { return next };
    let ending = match (&current.ending, &next.ending) {
        (
            Ending::OnPurpose { by: By::Stop | By::Restart, .. },
            Ending::OnPurpose { by: By::Kill, .. },
        ) => next.ending,
        _ => current.ending,
    };
    Closing { ending, then: next.then, now: current.now || next.now }
}

impl From<ShutdownReason> for Cause {
    fn from(reason: ShutdownReason) -> Self {
        Self::Shutdown { reason }
    }
}
