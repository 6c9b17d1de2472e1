//! Checks of a live run: when the next probe is due, and the effect of answers.

use std::sync::Arc;
use std::time::Duration;

use super::{AfterExit, Closing, Ending, Lifecycle, State};
use crate::machine::event::{
    Cause, EndCause, EventStamp, ProcessReady, ProcessUnhealthy, RunError,
};
use crate::machine::step_context::StepContext;
use crate::machine::{Effect, Moment, ProbeRequest, RunId};
use crate::spec::{Check, CheckRole, Probe, ProbeResult, ProcessSpec};

mod check_update;

/// Whether a live run is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::machine) enum Readiness {
    NotYet,
    Ready,
    /// It was ready, and its check misses.
    Unhealthy,
}

/// The checks of a live run.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::machine) struct Checks {
    pub(in crate::machine) level: Readiness,
    /// The run fails if it is not ready by then.
    pub(in crate::machine) ready_by: Option<Moment>,
    /// The status text that the process sent through its `notify` socket.
    pub(in crate::machine) status: Option<String>,
    /// `None` if there is no such check, or the leader has ended; without deadline if the check was
    /// removed from the file.
    pub(in crate::machine) ready: Option<CheckState>,
    pub(in crate::machine) health: Option<CheckState>,
    /// The leader has ended: there are no more probes.
    pub(in crate::machine) over: bool,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub(in crate::machine) struct CheckState {
    /// When there is something to do; `None` while a probe is running.
    pub(in crate::machine) due: Option<Moment>,
    /// When the running probe began.
    pub(in crate::machine) probing_since: Option<Moment>,
    /// Number of the latest probe, 0 before the first.
    pub(in crate::machine) number: u32,
    /// Consecutive successes.
    pub(in crate::machine) good: u32,
    /// Consecutive misses.
    pub(in crate::machine) bad: u32,
    pub(in crate::machine) answer: Option<ProbeResult>,
    /// Number of misses before the first success.
    pub(in crate::machine) early_misses: u32,
    pub(in crate::machine) has_succeeded: bool,
}

/// The wait after the first probe that misses; each further one is half as long again.
const FIRST_EARLY_WAIT: Duration = Duration::from_millis(100);
/// The longest wait before the first success.
const LONGEST_EARLY_WAIT: Duration = Duration::from_secs(1);

/// The time from the begin of a probe to the begin of the next one, after `misses` probes of which
/// none has succeeded.
fn early_wait(misses: u32, interval: Duration) -> Duration {
    // 100 ms × 1.5⁶ is more than a second.
    let wait = (1..misses.min(8)).fold(FIRST_EARLY_WAIT, |wait, _| wait * 3 / 2);
    wait.min(LONGEST_EARLY_WAIT).min(interval)
}

impl CheckState {
    /// Counts an answer; returns `false` if it is not that of the running probe. If `is_early`, the
    /// probes are more frequent than `interval` until the first success.
    fn record_answer(
        &mut self,
        now: Moment,
        number: u32,
        answer: ProbeResult,
        (interval, is_early): (Duration, bool),
    ) -> bool {
        if self.number != number {
            return false;
        }
        let Some(began) = self.probing_since.take() else { return false };
        let is_good = matches!(answer, ProbeResult::Good(_));
        self.has_succeeded |= is_good;
        let wait = if is_early && !self.has_succeeded {
            self.early_misses = self.early_misses.saturating_add(1);
            early_wait(self.early_misses, interval)
        } else {
            interval
        };
        self.due = Some((began + wait).max(now));
        (self.good, self.bad) = if is_good {
            (self.good.saturating_add(1), 0)
        } else {
            (0, self.bad.saturating_add(1))
        };
        self.answer = Some(answer);
        true
    }

    fn answer_text(&self) -> Option<String> {
        self.answer.as_ref().map(|answer| answer.text().to_owned())
    }
}

impl ProcessSpec {
    /// Whether a run is ready as soon as it has started: it has no `ready` check, or a delay of zero.
    pub(super) fn is_ready_at_once(&self) -> bool {
        self.ready.as_ref().is_none_or(|check| check.probe.is_immediate())
    }

    /// Whether readiness is asked for again and again, and is no event that happens once.
    fn is_ready_probed(&self) -> bool {
        self.ready.as_ref().is_some_and(|check| check.probe.kind().is_probed())
    }
}

impl Check {
    /// When a check is due for the first time in a run that began at `since`.
    fn first_due(&self, since: Moment, now: Moment) -> Option<Moment> {
        match self.probe {
            Probe::Delay(time) => Some(since + time),
            Probe::Log(_) | Probe::Notify => None,
            Probe::Exec(_) | Probe::Http(..) | Probe::Tcp(_) | Probe::Unix(_) | Probe::File(_) => {
                Some((since + self.initial_delay).max(now))
            }
        }
    }
}

impl Checks {
    /// The checks of a run that has just been spawned.
    pub(super) fn new(now: Moment, spec: &ProcessSpec) -> Self {
        let ready = spec
            .ready
            .as_ref()
            .map(|check| CheckState { due: check.first_due(now, now), ..CheckState::default() });
        let timeout = spec.ready.as_ref().and_then(|check| check.timeout);
        let ready_by = timeout.map(|timeout| now + timeout);
        let level = Readiness::NotYet;
        Self { level, ready_by, status: None, ready, health: None, over: false }
    }

    /// Health is checked from the first readiness on, without end: a process that hangs is no longer
    /// ready, and must not escape its health check because of that.
    fn begin_health(&mut self, now: Moment, spec: &ProcessSpec) {
        if let (None, Some(check)) = (&self.health, &spec.health) {
            let due = Some(now + check.initial_delay);
            self.health = Some(CheckState { due, ..CheckState::default() });
        }
    }

    fn both(&self) -> impl Iterator<Item = &CheckState> {
        [&self.ready, &self.health].into_iter().flatten()
    }

    pub(super) fn deadline(&self) -> Option<Moment> {
        self.both().filter_map(|check| check.due).chain(self.ready_by).min()
    }

    fn get_mut(&mut self, which: CheckRole) -> Option<&mut CheckState> {
        match which {
            CheckRole::Ready => self.ready.as_mut(),
            CheckRole::Health => self.health.as_mut(),
        }
    }

    fn cancel_probes(&self, run: RunId, cx: &mut StepContext) {
        if self.both().any(|check| check.probing_since.is_some()) {
            cx.request(Effect::CancelProbes { run });
        }
    }

    /// Ends all checks, and ignores every answer from now on.
    fn end(&mut self, run: RunId, cx: &mut StepContext) {
        self.cancel_probes(run, cx);
        (self.ready, self.health, self.ready_by) = (None, None, None);
        self.over = true;
    }
}

impl Lifecycle {
    fn checks_mut(&mut self) -> Option<&mut Checks> {
        let State::Running { checks, .. } = &mut self.state else { return None };
        Some(checks)
    }

    /// Must be called before the state of a live run is left.
    pub(super) fn end_checks(&mut self, cx: &mut StepContext) {
        let run = self.run_id();
        if let Some(checks) = self.checks_mut() {
            checks.end(run, cx);
        }
    }

    /// Starts due probes, and handles deadlines of the checks.
    pub(super) fn tick_checks(&mut self, cx: &mut StepContext) {
        let Some(checks) = self.checks_mut() else { return };
        if checks.ready_by.is_some_and(|due| due <= cx.now) {
            return self.fail_ready_timeout(cx);
        }
        let spec = Arc::clone(&self.spec);
        for which in [CheckRole::Ready, CheckRole::Health] {
            let due = self.checks_mut().and_then(|checks| checks.get_mut(which)?.due);
            if due.is_none_or(|due| due > cx.now) {
                continue;
            }
            match spec.check(which).map(|check| &check.probe) {
                Some(Probe::Delay(_)) => self.become_ready(cx),
                Some(_) => self.request_probe(which, cx),
                None => {}
            }
        }
    }

    fn request_probe(&mut self, which: CheckRole, cx: &mut StepContext) {
        let (run, replica, port) = (self.run_id(), self.replica, self.port());
        let spec = Arc::clone(&self.spec);
        let State::Running { pid, checks, .. } = &mut self.state else { return };
        let (leader, level) = (*pid, checks.level);
        let Some(check) = checks.get_mut(which) else { return };
        (check.due, check.probing_since) = (None, Some(cx.now));
        check.number = check.number.saturating_add(1);
        let number = check.number;
        let is_early =
            which == CheckRole::Ready && level == Readiness::NotYet && !check.has_succeeded;
        cx.request(Effect::Probe(ProbeRequest {
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
        which: CheckRole,
        number: u32,
        answer: ProbeResult,
        cx: &mut StepContext,
    ) {
        let spec = Arc::clone(&self.spec);
        let Some(check) = spec.check(which) else { return };
        let Some(checks) = self.checks_mut() else { return };
        let level = checks.level;
        let Some(state) = checks.get_mut(which) else { return };
        let misses_before = state.bad;
        let is_early = which == CheckRole::Ready && level == Readiness::NotYet;
        if !state.record_answer(cx.now, number, answer, (check.interval, is_early)) {
            return;
        }
        let (enough, too_many) = (state.good >= check.successes, state.bad >= check.failures);
        match (which, level) {
            (CheckRole::Ready, Readiness::NotYet) if enough => self.become_ready(cx),
            // One success is enough to be ready again.
            (CheckRole::Ready, Readiness::Unhealthy) if state.good > 0 => self.become_ready(cx),
            (CheckRole::Ready, Readiness::Ready) if too_many => self.become_unhealthy(check, cx),
            (CheckRole::Health, _) if too_many => self.fail_health(check, cx),
            // Misses are forgotten only after enough successes.
            (CheckRole::Health, _) if state.bad == 0 && !enough => state.bad = misses_before,
            (CheckRole::Ready | CheckRole::Health, _) => {}
        }
    }

    /// Handles a line of output that matches the `log` check.
    pub(in crate::machine) fn matched(&mut self, line: String, cx: &mut StepContext) {
        let is_log = matches!(self.ready_probe(), Some(Probe::Log(_)));
        let Some(check) = self.checks_mut().and_then(|checks| checks.ready.as_mut()) else {
            return;
        };
        if is_log {
            check.answer = Some(ProbeResult::Good(line));
            self.become_ready(cx);
        }
    }

    /// Handles a message on the `notify` socket.
    pub(in crate::machine) fn notified(
        &mut self,
        ready: bool,
        status: Option<String>,
        cx: &mut StepContext,
    ) {
        let is_notify = matches!(self.ready_probe(), Some(Probe::Notify));
        let Some(checks) = self.checks_mut().filter(|checks| checks.ready.is_some()) else {
            return;
        };
        if is_notify {
            checks.status = status.or(checks.status.take());
            if ready {
                self.become_ready(cx);
            }
        }
    }

    fn ready_probe(&self) -> Option<&Probe> {
        self.spec.ready.as_ref().map(|check| &check.probe)
    }

    /// Becomes ready, for the first time or again.
    pub(super) fn become_ready(&mut self, cx: &mut StepContext) {
        if let State::Running { cause, .. } = &self.state {
            self.become_ready_because(cause.clone(), cx);
        }
    }

    fn become_ready_because(&mut self, cause: Cause, cx: &mut StepContext) {
        let spec = Arc::clone(&self.spec);
        let (of, own_port) = (self.subject(), self.port());
        let State::Running { checks, .. } = &mut self.state else { return };
        if checks.level == Readiness::Ready {
            return;
        }
        checks.level = Readiness::Ready;
        checks.ready_by = None;
        checks.begin_health(cx.now, &spec);
        let answer = checks.ready.as_mut().and_then(|check| {
            if !spec.is_ready_probed() {
                check.due = None;
            }
            check.answer_text()
        });
        let probe = spec.ready.as_ref().map(|check| check.probe.shown(own_port));
        cx.emit(ProcessReady { stamp: EventStamp::default(), of, probe, answer, cause });
        self.mark_transition(cx.now);
    }

    /// Marks the run as no longer ready; it keeps running.
    fn become_unhealthy(&mut self, check: &Check, cx: &mut StepContext) {
        let Some(cause) = self.misses(CheckRole::Ready, check) else { return };
        let Some(checks) = self.checks_mut() else { return };
        checks.level = Readiness::Unhealthy;
        let (stamp, of) = (EventStamp::default(), self.subject());
        cx.emit(ProcessUnhealthy { stamp, of, cause });
        self.mark_transition(cx.now);
    }

    fn fail_health(&mut self, check: &Check, cx: &mut StepContext) {
        let Some(cause) = self.misses(CheckRole::Health, check) else { return };
        let ending = Ending::OnPurpose { by: EndCause::Health, cause };
        self.close(Closing { ending, then: AfterExit::ApplyPolicy, kill: false }, cx);
    }

    fn misses(&mut self, which: CheckRole, check: &Check) -> Option<Cause> {
        let probe = check.probe.shown(self.port());
        let state = self.checks_mut()?.get_mut(which)?;
        let (answer, misses) = (state.answer_text().unwrap_or_default(), state.bad);
        Some(Cause::Unhealthy { check: which, probe, answer, misses })
    }

    fn fail_ready_timeout(&mut self, cx: &mut StepContext) {
        let Some(check) = self.spec.ready.as_ref() else { return };
        let after_ms = check.timeout.unwrap_or_default().as_millis() as u64;
        let probe = check.probe.shown(self.port());
        let Some(checks) = self.checks_mut() else { return };
        let answer = checks.ready.as_ref().and_then(CheckState::answer_text);
        let answer = answer.or_else(|| checks.status.clone());
        let cause = Cause::ReadyTimeout { after_ms, probe, answer };
        self.close_failed(RunError::ReadyTimeout, cause, cx);
    }
}
