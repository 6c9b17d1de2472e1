//! Laws about probes and readiness, verified with an independent count.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::machine::{
    Effect, Event, Fact, Input, Moment, ProcessId, ProcessView, RunId, StateName, Step, Supervisor,
};
use crate::spec::{CheckRole, Probe, ProbeResult, ProcessSpec};

/// What was seen of one live run.
#[derive(Debug)]
struct Seen {
    began: Moment,
    level: StateName,
    /// Of each check: the probe under way, the latest number, successes and misses in a row.
    checks: HashMap<CheckRole, Row>,
}

#[derive(Debug, Default)]
struct Row {
    flight: Option<u32>,
    number: u32,
    good: u32,
    bad: u32,
}

#[derive(Debug, Default)]
pub(super) struct CheckLaws {
    live: HashMap<RunId, Seen>,
    /// Asked to go, or gone.
    over: HashSet<RunId>,
    /// Of every process that ever existed; entries of removed processes stay.
    specs: HashMap<ProcessId, Arc<ProcessSpec>>,
}

impl CheckLaws {
    pub(super) fn hold(
        &mut self,
        machine: &Supervisor,
        now: Moment,
        (step, input): (&Step, Option<&Input>),
        views: &[&ProcessView],
    ) {
        self.renew(machine);
        self.starts(now, step);
        // Due timers fire before the input, so the run of an answer may be gone.
        if let Some(Input::Fact(fact)) = input {
            self.leader_gone(fact);
            self.heard(fact);
        }
        self.levels(now, step);
        self.effects(step);
        for (run, seen) in &self.live {
            let flies = seen.checks.values().any(|row| row.flight.is_some());
            assert!(!flies || !self.over.contains(run), "{run} is over, and still asked");
            let view = views.iter().find(|view| view.id == run.process);
            if let Some(view) = view.filter(|view| view.run == run.run && is_up(view)) {
                assert_eq!(view.state, seen.level, "{run}: {seen:?}");
            }
        }
        self.live.retain(|run, _| !self.over.contains(run));
    }

    /// What another probe has answered does not count for this one.
    fn renew(&mut self, machine: &Supervisor) {
        for (id, spec) in machine.specs() {
            let Some(old) = self.specs.insert(id, Arc::clone(&spec)) else { continue };
            for (_, seen) in self.live.iter_mut().filter(|(run, _)| run.process == id) {
                for which in [CheckRole::Ready, CheckRole::Health] {
                    let probe = |spec: &ProcessSpec| spec.check(which).map(|c| c.probe.clone());
                    if probe(&old) != probe(&spec) {
                        let row = seen.checks.entry(which).or_default();
                        (row.good, row.bad) = (0, 0);
                    }
                }
            }
        }
    }

    fn starts(&mut self, now: Moment, step: &Step) {
        for event in &step.events {
            if let Event::ProcessStarted(e) = event {
                let run = RunId { process: e.of.id.unwrap(), run: e.of.run };
                let check = self.specs.get(&run.process).and_then(|spec| spec.ready.as_ref());
                let has_check = check.is_some_and(|check| !check.probe.is_immediate());
                let level = if has_check { StateName::Starting } else { StateName::Ready };
                self.live.insert(run, Seen { began: now, level, checks: HashMap::new() });
            }
        }
    }

    fn leader_gone(&mut self, fact: &Fact) {
        if let Fact::Exited { run, .. } | Fact::Lingering { run, exit: Some(_), .. } = fact
            // The random worlds also report facts about runs that have not begun.
            && self.live.contains_key(run)
        {
            self.over.insert(*run);
        }
    }

    /// Counts an answer that was waited for.
    fn heard(&mut self, fact: &Fact) {
        let Fact::Probed { run, which, number, answer } = fact else { return };
        let check = self.specs.get(&run.process).and_then(|spec| spec.check(*which));
        let Some(check) = check.filter(|_| !self.over.contains(run)) else { return };
        let Some(seen) = self.live.get_mut(run) else { return };
        let Some(row) = seen.checks.get_mut(which) else { return };
        if row.flight != Some(*number) {
            return;
        }
        row.flight = None;
        match answer {
            ProbeResult::Good(_) => {
                row.good += 1;
                row.bad = if *which == CheckRole::Ready || row.good >= check.successes {
                    0
                } else {
                    row.bad
                };
            }
            ProbeResult::Bad(_) => (row.good, row.bad) = (0, row.bad + 1),
        }
    }

    /// Every change of the level has an event, and its reason in the counts.
    fn levels(&mut self, now: Moment, step: &Step) {
        for event in &step.events {
            let Some(subject) = event.subject() else { continue };
            let run = RunId { process: subject.id.unwrap(), run: subject.run };
            let Some(seen) = self.live.get_mut(&run) else { continue };
            let spec = self.specs.get(&run.process);
            let check = spec.and_then(|spec| spec.ready.as_ref());
            let row = seen.checks.get(&CheckRole::Ready);
            match event {
                Event::ProcessReady(_) => {
                    if let Some(check) = check {
                        let twice = seen.level == StateName::Ready && !check.probe.is_immediate();
                        assert!(!twice, "{run} is ready twice");
                        let needed =
                            if seen.level == StateName::Starting { check.successes } else { 1 };
                        match &check.probe {
                            Probe::Delay(time) => assert!(now >= seen.began + *time, "{run}"),
                            Probe::Log(_) | Probe::Notify => {}
                            _ => {
                                assert!(
                                    row.is_some_and(|row| row.good >= needed),
                                    "{run}: {row:?}"
                                );
                            }
                        }
                    }
                    seen.level = StateName::Ready;
                }
                Event::ProcessUnhealthy(_) => {
                    assert_eq!(seen.level, StateName::Ready, "{run} was ready before");
                    let failures = check.map_or(0, |check| check.failures);
                    assert!(row.is_some_and(|row| row.bad >= failures), "{run}: {row:?}");
                    seen.level = StateName::Unhealthy;
                }
                Event::ProcessKilled(e) if e.by == crate::machine::event::EndCause::Health => {
                    let failures = spec.and_then(|spec| spec.health.as_ref()).map(|c| c.failures);
                    let row = seen.checks.get(&CheckRole::Health);
                    assert!(row.is_some_and(|row| Some(row.bad) >= failures), "{run}: {row:?}");
                    self.over.insert(run);
                }
                Event::ProcessStopping(_)
                | Event::ProcessCompleted(_)
                | Event::ProcessKilled(_)
                | Event::ProcessFailed(_) => {
                    self.over.insert(run);
                }
                _ => {}
            }
        }
    }

    fn effects(&mut self, step: &Step) {
        for effect in &step.effects {
            match effect {
                Effect::Probe(crate::machine::ProbeRequest { run, which, number, .. }) => {
                    let spec = self.specs.get(&run.process);
                    let check = spec.and_then(|spec| spec.check(*which));
                    assert!(
                        check.is_some_and(|check| check.probe.kind().is_probed()),
                        "{run} has no {which}"
                    );
                    let seen = self.live.get_mut(run).expect("only live runs are probed");
                    let was_ready = seen.level != StateName::Starting;
                    assert!(
                        *which == CheckRole::Ready || was_ready,
                        "{run}: health before it is ready"
                    );
                    let row = seen.checks.entry(*which).or_default();
                    assert_eq!(row.flight, None, "{run}: two probes of {which} at once");
                    assert_eq!(*number, row.number + 1, "probes are numbered one by one");
                    (row.flight, row.number) = (Some(*number), *number);
                }
                Effect::CancelProbes { run } => {
                    let seen = self.live.get_mut(run).expect("probes of a live run");
                    let rows = || seen.checks.values();
                    assert!(rows().any(|row| row.flight.is_some()), "{run}: nothing is under way");
                    let reloads = |event: &Event| matches!(event, Event::ConfigReloaded(_));
                    if !step.events.iter().any(reloads) {
                        self.over.insert(*run);
                    }
                    for row in seen.checks.values_mut() {
                        row.flight = None;
                    }
                }
                _ => {}
            }
        }
    }
}

fn is_up(view: &ProcessView) -> bool {
    let up = [StateName::Starting, StateName::Ready, StateName::Unhealthy];
    view.pid.is_some() && up.contains(&view.state)
}
