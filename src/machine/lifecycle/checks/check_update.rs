//! Applies changed checks to a live run.

use super::{CheckState, Checks, Level};
use crate::machine::event::Cause;
use crate::machine::lifecycle::{Lifecycle, State};
use crate::machine::{Effect, Moment, RunId, Step};
use crate::spec::{Check, Probe, ProcessSpec};

impl Lifecycle {
    /// Goes by its checks as they are now; `old` is what it went by.
    ///
    /// What was ready stays ready until the new check has missed too often: nobody who depends on it
    /// has to wait for the first answer.
    pub(in crate::machine) fn renew_checks(
        &mut self,
        now: Moment,
        old: &ProcessSpec,
        cause: Cause,
        out: &mut Step,
    ) {
        let (run, new) = (self.run_id(), std::sync::Arc::clone(&self.spec));
        let State::Running { since, checks, .. } = &mut self.state else { return };
        if checks.over || (old.ready == new.ready && old.health == new.health) {
            return;
        }
        checks.call_off(now, run, out);
        let since = *since;
        if old.health != new.health && checks.level != Level::NotYet {
            let change =
                CheckChange { old: old.health.as_ref(), new: new.health.as_ref(), since, now };
            let trial = checks.health.get_or_insert_default();
            change.make(trial);
        }
        if old.ready != new.ready && checks.renew_ready(old, &new, since, now) {
            self.come_ready_by(now, cause, out);
        }
    }
}

impl Checks {
    /// Nobody waits for what is under way any more; it is asked again.
    fn call_off(&mut self, now: Moment, run: RunId, out: &mut Step) {
        let mut flew = false;
        for trial in [&mut self.ready, &mut self.health].into_iter().flatten() {
            if trial.flight.take().is_some() {
                (trial.due, flew) = (Some(now), true);
            }
        }
        if flew {
            out.effects.push(Effect::EndProbes { run });
        }
    }

    /// Whether it is ready because of it.
    fn renew_ready(
        &mut self,
        old: &ProcessSpec,
        new: &ProcessSpec,
        since: Moment,
        now: Moment,
    ) -> bool {
        let at_once = new.ready.as_ref().is_none_or(|check| check.probe.is_at_once());
        let limit = new.ready.as_ref().and_then(|check| check.timeout);
        let limited = self.level == Level::NotYet && !at_once;
        self.ready_by = limit.filter(|_| limited).map(|timeout| since + timeout);
        let change = CheckChange { old: old.ready.as_ref(), new: new.ready.as_ref(), since, now };
        let trial = self.ready.get_or_insert_default();
        change.make(trial);
        // What happened once never goes back.
        if self.level == Level::Ready && !change.is_asked() {
            trial.due = None;
        }
        self.level != Level::Ready && at_once
    }
}

/// One check that is another one now, of a run that began at `since`.
struct CheckChange<'a> {
    old: Option<&'a Check>,
    new: Option<&'a Check>,
    since: Moment,
    now: Moment,
}

impl CheckChange<'_> {
    fn is_asked(&self) -> bool {
        self.new.is_some_and(|check| check.probe.kind().is_asked())
    }

    /// The numbers go on, so that no late answer is taken for a new one.
    fn make(&self, trial: &mut CheckState) {
        let Some(new) = self.new else {
            *trial = CheckState { number: trial.number, ..CheckState::default() };
            return;
        };
        if self.old.is_some_and(|old| old.probe == new.probe) {
            let first = (self.since + new.initial_delay).max(self.now);
            let next = if trial.number == 0 { first } else { self.now + new.interval };
            if new.probe.kind().is_asked() {
                trial.due =
                    trial.due.map(|due| if trial.number == 0 { next } else { due.min(next) });
            }
            return;
        }
        let due = match &new.probe {
            Probe::Delay(time) => Some(self.since + *time),
            Probe::Log(_) | Probe::Notify => None,
            Probe::Exec(_) | Probe::Http(..) | Probe::Tcp(_) | Probe::Unix(_) | Probe::File(_) => {
                Some((self.since + new.initial_delay).max(self.now))
            }
        };
        *trial = CheckState { number: trial.number, due, ..CheckState::default() };
    }
}
