//! Checks of a live run: when the next probe is due, and the effect of answers.

use std::sync::Arc;
use std::time::Duration;

use super::{AfterExit, Closing, Ending, Lifecycle, State};
use crate::machine::event::{
    Cause, EndCause, Event, EventStamp, ProcessReady, ProcessUnhealthy, RunError,
};
use crate::machine::{Effect, Moment, ProbeRequest, RunId, Step};
use crate::spec::{Check, CheckRole, Probe, ProbeResult, ProcessSpec};

mod check_update;

/// Whether a live run is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::machine) enum Level {
    NotYet,
    Ready,
    /// It was ready, and its check misses.
    Unhealthy,
}

/// What is known of the checks of a live run.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::machine) struct Checks {
    pub(in crate::machine) level: Level,
    /// It has to be ready before then.
    pub(in crate::machine) ready_by: Option<Moment>,
    /// What it says about itself.
    pub(in crate::machine) status: Option<String>,
    /// Nothing where there is no such check, or when its leader has ended; idle where the check was
    /// taken out of the file.
    pub(in crate::machine) ready: Option<CheckState>,
    pub(in crate::machine) health: Option<CheckState>,
    /// Its leader has ended: nothing is asked any more.
    pub(in crate::machine) over: bool,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub(in crate::machine) struct CheckState {
    /// When there is something to do; nothing while a probe is under way.
    pub(in crate::machine) due: Option<Moment>,
    /// When the probe that is under way began.
    pub(in crate::machine) flight: Option<Moment>,
    /// Of the latest probe, 0 before the first.
    pub(in crate::machine) number: u32,
    /// Successes in a row.
    pub(in crate::machine) good: u32,
    /// Misses in a row.
    pub(in crate::machine) bad: u32,
    pub(in crate::machine) answer: Option<ProbeResult>,
    /// How many probes have missed while none has succeeded yet.
    pub(in crate::machine) early: u32,
    /// One has succeeded.
    pub(in crate::machine) answered: bool,
}

/// The wait after the first probe that misses; each further one is half as long again.
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// The longest wait before the first success.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// From the beginning of a probe to that of the next, while none has succeeded yet: `missed` have
/// been asked.
fn early_wait(missed: u32, interval: Duration) -> Duration {
    let longest = LONGEST_WAIT.min(interval);
    // 100 ms × 1.5⁶ is more than a second.
    let wait = (1..missed.min(8)).fold(FIRST_WAIT, |wait, _| wait * 3 / 2);
    wait.min(longest)
}

impl CheckState {
    fn from(due: Moment) -> Self {
        Self { due: Some(due), ..Self::default() }
    }

    /// Counts an answer; `false` when it is not the one that is waited for.
    ///
    /// `hurries`: until the first success it is asked again sooner than `interval` says.
    fn took(
        &mut self,
        now: Moment,
        number: u32,
        answer: ProbeResult,
        (interval, hurries): (Duration, bool),
    ) -> bool {
        if self.number != number {
            return false;
        }
        let Some(began) = self.flight.take() else { return false };
        self.answered |= matches!(answer, ProbeResult::Good(_));
        let wait = if hurries && !self.answered {
            self.early = self.early.saturating_add(1);
            early_wait(self.early, interval)
        } else {
            interval
        };
        self.due = Some((began + wait).max(now));
        (self.good, self.bad) = match answer {
            ProbeResult::Good(_) => (self.good.saturating_add(1), 0),
            ProbeResult::Bad(_) => (0, self.bad.saturating_add(1)),
        };
        self.answer = Some(answer);
        true
    }
}

impl Checks {
    /// Of a run that has just been spawned.
    fn begin(now: Moment, spec: &ProcessSpec) -> Self {
        let ready = spec.ready.as_ref().map(|check| match check.probe {
            Probe::Delay(time) if !time.is_zero() => CheckState::from(now + time),
            Probe::Delay(_) | Probe::Log(_) | Probe::Notify => CheckState::default(),
            Probe::Exec(_) | Probe::Http(..) | Probe::Tcp(_) | Probe::Unix(_) | Probe::File(_) => {
                CheckState::from(now + check.initial_delay)
            }
        });
        // No delay is no wait at all: it is ready with its start.
        let at_once = spec.ready.as_ref().is_none_or(|check| check.probe.is_at_once());
        let ready_by = spec.ready.as_ref().and_then(|check| check.timeout).filter(|_| !at_once);
        let mut checks = Self {
            level: if at_once { Level::Ready } else { Level::NotYet },
            ready_by: ready_by.map(|timeout| now + timeout),
            status: None,
            ready,
            health: None,
            over: false,
        };
        if checks.level == Level::Ready {
            checks.begin_health(now, spec);
        }
        checks
    }

    /// Health is a matter from the moment it is ready, and then for good: one that hangs is not
    /// ready any more, and must not hide by that.
    fn begin_health(&mut self, now: Moment, spec: &ProcessSpec) {
        if let (None, Some(check)) = (&self.health, &spec.health) {
            self.health = Some(CheckState::from(now + check.initial_delay));
        }
    }

    pub(super) fn deadline(&self) -> Option<Moment> {
        let due = |trial: &Option<CheckState>| trial.as_ref().and_then(|trial| trial.due);
        [self.ready_by, due(&self.ready), due(&self.health)].into_iter().flatten().min()
    }

    fn trial(&mut self, which: CheckRole) -> Option<&mut CheckState> {
        match which {
            CheckRole::Ready => self.ready.as_mut(),
            CheckRole::Health => self.health.as_mut(),
        }
    }

    /// From now on nothing is asked and nothing is heard.
    pub(super) fn end(&mut self, run: RunId, out: &mut Step) {
        let flies =
            |trial: &Option<CheckState>| trial.as_ref().is_some_and(|one| one.flight.is_some());
        if flies(&self.ready) || flies(&self.health) {
            out.effects.push(Effect::EndProbes { run });
        }
        (self.ready, self.health, self.ready_by) = (None, None, None);
        self.over = true;
    }
}

impl Lifecycle {
    fn checks_mut(&mut self) -> Option<&mut Checks> {
        match &mut self.state {
            State::Running { checks, .. } => Some(checks),
            State::Idle
            | State::Waiting { .. }
            | State::Queued { .. }
            | State::Starting { .. }
            | State::Stopping { .. }
            | State::Backoff { .. }
            | State::Ended(_) => None,
        }
    }

    pub(super) fn new_checks(&self, now: Moment) -> Checks {
        Checks::begin(now, &self.spec)
    }

    /// Whatever leaves the state of a live run says this first.
    pub(super) fn end_checks(&mut self, out: &mut Step) {
        let run = self.run_id();
        if let Some(checks) = self.checks_mut() {
            checks.end(run, out);
        }
    }

    /// Does what is due for the checks.
    pub(super) fn tick_checks(&mut self, now: Moment, out: &mut Step) {
        let is_due = |due: Option<Moment>| due.is_some_and(|due| due <= now);
        let Some(checks) = self.checks_mut() else { return };
        if is_due(checks.ready_by) {
            return self.too_late(now, out);
        }
        for which in [CheckRole::Ready, CheckRole::Health] {
            let due = self.checks_mut().and_then(|checks| checks.trial(which)?.due);
            if !is_due(due) {
                continue;
            }
            let spec = Arc::clone(&self.spec);
            match spec.check(which).map(|check| &check.probe) {
                Some(Probe::Delay(_)) => self.come_ready(now, out),
                Some(_) => self.probe(now, which, out),
                None => {}
            }
        }
    }

    fn probe(&mut self, now: Moment, which: CheckRole, out: &mut Step) {
        let (run, replica, port) = (self.run_id(), self.replica, self.port());
        let spec = Arc::clone(&self.spec);
        let State::Running { pid, checks, .. } = &mut self.state else { return };
        let (leader, level) = (*pid, checks.level);
        let Some(trial) = checks.trial(which) else { return };
        (trial.due, trial.flight) = (None, Some(now));
        trial.number = trial.number.saturating_add(1);
        let number = trial.number;
        let is_early = which == CheckRole::Ready && level == Level::NotYet && !trial.answered;
        out.effects.push(Effect::Probe(ProbeRequest {
            run,
            leader,
            which,
            number,
            replica,
            port,
            is_early,
            spec,
        }));
    }

    pub(in crate::machine) fn probed(
        &mut self,
        now: Moment,
        which: CheckRole,
        number: u32,
        answer: ProbeResult,
        out: &mut Step,
    ) {
        let spec = Arc::clone(&self.spec);
        let Some(check) = spec.check(which) else { return };
        let Some(checks) = self.checks_mut() else { return };
        let level = checks.level;
        let Some(trial) = checks.trial(which) else { return };
        let before = trial.bad;
        let hurries = which == CheckRole::Ready && level == Level::NotYet;
        if !trial.took(now, number, answer, (check.interval, hurries)) {
            return;
        }
        let (enough, too_many) = (trial.good >= check.successes, trial.bad >= check.failures);
        match (which, level) {
            (CheckRole::Ready, Level::NotYet) if enough => self.come_ready(now, out),
            // One is enough to come back.
            (CheckRole::Ready, Level::Unhealthy) if trial.good > 0 => self.come_ready(now, out),
            (CheckRole::Ready, Level::Ready) if too_many => self.fall_unhealthy(now, check, out),
            (CheckRole::Health, _) if too_many => self.fail_health(now, check, out),
            // Misses are forgotten only after enough successes.
            (CheckRole::Health, _) if trial.bad == 0 && !enough => trial.bad = before,
            (CheckRole::Ready | CheckRole::Health, _) => {}
        }
    }

    /// A line of its output matches.
    pub(in crate::machine) fn matched(&mut self, now: Moment, line: String, out: &mut Step) {
        let is_log = matches!(self.ready_probe(), Some(Probe::Log(_)));
        let Some(trial) = self.checks_mut().and_then(|checks| checks.ready.as_mut()) else {
            return;
        };
        if is_log {
            trial.answer = Some(ProbeResult::Good(line));
            self.come_ready(now, out);
        }
    }

    /// It said something about itself.
    pub(in crate::machine) fn notified(
        &mut self,
        now: Moment,
        ready: bool,
        status: Option<String>,
        out: &mut Step,
    ) {
        let is_notify = matches!(self.ready_probe(), Some(Probe::Notify));
        let Some(checks) = self.checks_mut().filter(|checks| checks.ready.is_some()) else {
            return;
        };
        if is_notify {
            checks.status = status.or(checks.status.take());
            if ready {
                self.come_ready(now, out);
            }
        }
    }

    fn ready_probe(&self) -> Option<&Probe> {
        self.spec.ready.as_ref().map(|check| &check.probe)
    }

    /// It is ready now, for the first time or again.
    fn come_ready(&mut self, now: Moment, out: &mut Step) {
        let State::Running { cause, .. } = &self.state else { return };
        self.come_ready_by(now, cause.clone(), out);
    }

    fn come_ready_by(&mut self, now: Moment, cause: Cause, out: &mut Step) {
        let spec = Arc::clone(&self.spec);
        let (of, own) = (self.subject(), self.port());
        let State::Running { checks, .. } = &mut self.state else { return };
        if checks.level == Level::Ready {
            return;
        }
        checks.level = Level::Ready;
        checks.ready_by = None;
        checks.begin_health(now, &spec);
        let trial = checks.ready.as_mut();
        let answer = trial.and_then(|trial| {
            if !spec.ready.as_ref().is_some_and(|check| check.probe.kind().is_asked()) {
                trial.due = None;
            }
            trial.answer.as_ref().map(|answer| answer.text().to_owned())
        });
        let probe = spec.ready.as_ref().map(|check| check.probe.shown(own));
        let stamp = EventStamp::default();
        out.events.push(Event::from(ProcessReady { stamp, of, probe, answer, cause }));
        self.entered = now;
        self.moves += 1;
    }

    /// It goes on running, but is not ready any more.
    fn fall_unhealthy(&mut self, now: Moment, check: &Check, out: &mut Step) {
        let Some(cause) = self.misses(CheckRole::Ready, check) else { return };
        let Some(checks) = self.checks_mut() else { return };
        checks.level = Level::Unhealthy;
        let (stamp, of) = (EventStamp::default(), self.subject());
        out.events.push(Event::from(ProcessUnhealthy { stamp, of, cause }));
        self.entered = now;
        self.moves += 1;
    }

    fn fail_health(&mut self, now: Moment, check: &Check, out: &mut Step) {
        let Some(cause) = self.misses(CheckRole::Health, check) else { return };
        let ending = Ending::OnPurpose { by: EndCause::Health, cause };
        self.close(now, Closing { ending, then: AfterExit::ApplyPolicy, now: false }, out);
    }

    fn misses(&mut self, which: CheckRole, check: &Check) -> Option<Cause> {
        let probe = check.probe.shown(self.port());
        let trial = self.checks_mut()?.trial(which)?;
        let answer = trial.answer.as_ref().map(|answer| answer.text().to_owned());
        let (answer, misses) = (answer.unwrap_or_default(), trial.bad);
        Some(Cause::Unhealthy { check: which, probe, answer, misses })
    }

    /// It was not ready in time.
    fn too_late(&mut self, now: Moment, out: &mut Step) {
        let Some(check) = self.spec.ready.as_ref() else { return };
        let limit = check.timeout.unwrap_or_default();
        let probe = check.probe.shown(self.port());
        let Some(checks) = self.checks_mut() else { return };
        let status = checks.status.clone();
        let answer = checks.ready.as_ref().and_then(|trial| trial.answer.as_ref());
        let answer = answer.map(|answer| answer.text().to_owned()).or(status);
        let cause = Cause::ReadyTimeout { after_ms: limit.as_millis() as u64, probe, answer };
        let message = cause.describe();
        let ending = Ending::Broken { error: RunError::ReadyTimeout, message, cause };
        self.close(now, Closing { ending, then: AfterExit::ApplyPolicy, now: false }, out);
    }
}
