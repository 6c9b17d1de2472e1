//! Laws that hold after every step of every world.

use std::collections::{HashMap, HashSet};

use crate::machine::event::{Cause, RunError};
use crate::machine::{
    Effect, Event, Fact, FileChange, Input, Intent, Moment, ProcessId, ProcessView, ProjectPhase,
    RunId, StateName, Step, Supervisor,
};
use crate::spec::{Condition, Name, ProcessKind, Spec, WatchAction};

mod checks;
mod conditions;
pub(super) mod graph;
mod ports;

use checks::CheckLaws;
use graph::{is_legal, needed_by, needs_it, those};

/// What was observed so far, without knowledge of the machine's internals.
#[derive(Debug)]
pub(super) struct Laws {
    pub(super) spec: Spec,
    /// State and run of each before the step.
    states: HashMap<ProcessId, (StateName, u32)>,
    /// Asked for and not ended, with whether exec succeeded.
    open: HashMap<RunId, bool>,
    /// Given up as unkillable, and still there.
    ghosts: HashSet<RunId>,
    asked_to_stop: HashSet<RunId>,
    ended: HashSet<RunId>,
    /// Whether the latest run got as far as exec, and whether it ended well.
    has_started: HashSet<ProcessId>,
    has_succeeded: HashSet<ProcessId>,
    checks: CheckLaws,
    over: HashSet<ProcessId>,
    /// Stopped by the user; nothing since then could start it.
    down: HashSet<ProcessId>,
    /// Stopped by the user before a dependant was started, which starts them only if its condition
    /// on them does not hold yet.
    perhaps_down: HashSet<ProcessId>,
    /// When runs were requested.
    asked: HashMap<RunId, Moment>,
    /// The ports with which runs were spawned.
    ports: HashMap<RunId, u16>,
    /// Processes whose files are not watched any more.
    suspended: HashSet<Name>,
    /// Without dependencies, there is nothing to hold starts against.
    pub(super) ignores_dependencies: bool,
    /// Removed from the file: no process waits for them.
    pub(super) leaving: Vec<ProcessId>,
    /// `--no-watch`.
    pub(super) ignores_files: bool,
    /// The statuses of all dependencies when the graph was last drawn.
    #[cfg(feature = "tui")]
    drawn: Vec<(ProcessId, Name, crate::machine::condition::ConditionStatus)>,
}

impl Laws {
    pub(super) fn new(spec: &Spec) -> Self {
        Self {
            spec: spec.clone(),
            states: HashMap::new(),
            open: HashMap::new(),
            ghosts: HashSet::new(),
            asked_to_stop: HashSet::new(),
            ended: HashSet::new(),
            has_started: HashSet::new(),
            has_succeeded: HashSet::new(),
            checks: CheckLaws::default(),
            over: HashSet::new(),
            down: HashSet::new(),
            perhaps_down: HashSet::new(),
            asked: HashMap::new(),
            ports: HashMap::new(),
            suspended: HashSet::new(),
            ignores_dependencies: false,
            leaving: Vec::new(),
            ignores_files: false,
            #[cfg(feature = "tui")]
            drawn: Vec::new(),
        }
    }

    pub(super) fn hold(
        &mut self,
        machine: &mut Supervisor,
        now: Moment,
        step: &Step,
        input: Option<&Input>,
    ) {
        machine.check();
        let snapshot = machine.snapshot(now);
        machine.check();
        self.conditions(machine, now, &snapshot);
        let views: Vec<&ProcessView> = snapshot.processes.iter().map(AsRef::as_ref).collect();
        self.wishes(machine, input);
        self.files(machine, &views, step, input, &snapshot.phase);
        self.transitions(&views);
        self.events(step);
        if let Some(Input::Fact(Fact::Exited { run, .. })) = input {
            self.ghosts.remove(run);
        }
        for effect in &step.effects {
            if let Effect::Spawn { run, .. } = effect {
                self.asked.insert(*run, now);
            }
        }
        self.ports(&views, now, step, input);
        self.effects(step, &views, &snapshot.phase);
        self.checks.hold(machine, now, (step, input), &views);
        if matches!(input, Some(Input::Tick)) {
            let deadline = machine.deadline();
            assert!(deadline.is_none_or(|due| due > now), "{deadline:?} is not after {now:?}");
        }
        for view in &views {
            assert!(!view.why(now).is_empty(), "why is always there");
            if view.why_names_state() {
                let (why, word) = (view.why(now), view.state.word(view.checked));
                assert!(why.starts_with(word), "{why} begins with {word}");
            }
            let is_down = matches!(
                view.state,
                StateName::Idle
                    | StateName::Stopping
                    | StateName::Stopped
                    | StateName::Succeeded
                    | StateName::Failed
                    | StateName::Skipped
            );
            // A run that is being spawned is stopped as soon as it exists.
            let is_going = is_down || view.state == StateName::Starting && view.pid.is_none();
            assert!(
                !self.down.contains(&view.id) || is_going,
                "{} is stopped: {view:?}",
                view.name
            );
        }
        if machine.finish().is_some() && !machine.is_leaving() {
            assert!(self.open.is_empty(), "ended with live runs: {:?}", self.open);
        }
    }

    /// These may be in the file again, as if they were new.
    pub(super) fn forget_stops(&mut self, ids: &[ProcessId]) {
        self.down.retain(|id| !ids.contains(id));
    }

    fn wishes(&mut self, machine: &Supervisor, input: Option<&Input>) {
        let Some(Input::Intent(intent)) = input else { return };
        match intent {
            Intent::Stop(ids) | Intent::Kill(ids) => self.down.extend(ids),
            Intent::Start(ids) | Intent::Restart(ids) => {
                for id in ids {
                    let process = machine.process_of(*id).unwrap();
                    self.suspended.remove(process);
                }
                for id in needed_by(machine, &self.spec, ids) {
                    if self.down.remove(&id) {
                        self.perhaps_down.insert(id);
                    }
                }
                self.perhaps_down.retain(|id| !ids.contains(id));
            }
            // A cancelled job may have started already, and then continues.
            Intent::CancelUnstarted(_)
            | Intent::PausePool(_)
            | Intent::ResumePool(_)
            | Intent::RemovePool(_)
            | Intent::Signal(..)
            | Intent::Shutdown(_)
            | Intent::ShutdownNow(_) => {}
        }
    }

    /// A change acts on those it is for, and on no other.
    fn files(
        &mut self,
        machine: &Supervisor,
        views: &[&ProcessView],
        step: &Step,
        input: Option<&Input>,
        phase: &ProjectPhase,
    ) {
        if let (Some(Input::Changed(change)), ProjectPhase::Up, None) =
            (input, phase, machine.finish())
        {
            let watch = self.spec.processes.get(&change.process).and_then(|p| p.watch.as_ref());
            let restarts = watch.is_some_and(|watch| watch.action == WatchAction::Restart);
            let restarts =
                restarts && !self.ignores_files && !self.suspended.contains(&change.process);
            for view in views.iter().filter(|view| view.process == change.process && restarts) {
                self.file(view, change);
            }
        }
        for event in &step.events {
            match event {
                Event::ConfigReloaded(e) => {
                    let new = |view: &&&ProcessView| {
                        e.added.contains(&view.process) || !self.states.contains_key(&view.id)
                    };
                    let ids: Vec<ProcessId> = views.iter().filter(new).map(|v| v.id).collect();
                    self.allow_idle(machine, &ids);
                }
                Event::WatchSuspended(e) => assert!(self.suspended.insert(e.process.clone())),
                Event::FileChanged(e) => {
                    assert_eq!(*phase, ProjectPhase::Up);
                    assert!(!self.suspended.contains(&e.process), "{} is suspended", e.process);
                    let WatchAction::Run(first) = &e.action else { continue };
                    let ids = machine.select(&[first.to_string()]).unwrap();
                    self.down.retain(|id| !ids.contains(id));
                    self.allow_idle(machine, &ids);
                }
                _ => {}
            }
        }
    }

    /// The dependencies of these may be started although no intent named them.
    fn allow_idle(&mut self, machine: &Supervisor, ids: &[ProcessId]) {
        for id in needed_by(machine, &self.spec, ids) {
            if self.states.get(&id).is_none_or(|(state, _)| *state == StateName::Idle) {
                self.down.remove(&id);
            }
        }
    }

    fn file(&self, view: &ProcessView, change: &FileChange) {
        let before = self.states.get(&view.id).copied().unwrap_or((StateName::Idle, 0));
        let after = (view.state, view.run);
        let run = RunId { process: view.id, run: before.1 };
        let seen = self.asked.get(&run).is_some_and(|asked| change.last < *asked);
        match before.0 {
            StateName::Succeeded | StateName::Failed if self.down.contains(&view.id) => {
                assert_eq!(before, after, "{} was stopped by hand", view.name);
            }
            StateName::Succeeded | StateName::Failed if self.perhaps_down.contains(&view.id) => {}
            StateName::Ready
            | StateName::Unhealthy
            | StateName::Backoff
            | StateName::Succeeded
            | StateName::Failed => {
                assert_eq!(before == after, seen, "{} after {change:?}: {after:?}", view.name);
            }
            // It has started and is not ready yet.
            StateName::Starting if self.open.get(&run) == Some(&true) => {
                assert_eq!(before == after, seen, "{} after {change:?}: {after:?}", view.name);
            }
            StateName::Starting | StateName::Stopping => {
                assert_eq!(before, after, "{} is one run at a time", view.name);
            }
            _ => assert_eq!(before, after, "{} is left alone", view.name),
        }
    }

    fn transitions(&mut self, views: &[&ProcessView]) {
        for view in views {
            let before = self.states.entry(view.id).or_insert((StateName::Idle, 0));
            let after = (view.state, view.run);
            let new_run = before.1 != after.1;
            assert!(
                before.0 == after.0 || is_legal(before.0, after.0),
                "{} went from {:?} to {:?}",
                view.name,
                before.0,
                after.0
            );
            assert!(after.1 == before.1 || after.1 == before.1 + 1, "runs are numbered one by one");
            let is_refused = view.error == Some(RunError::PortBusy);
            assert!(
                !new_run || after.0 == StateName::Starting || is_refused,
                "a new run begins with starting"
            );
            *before = after;
        }
    }

    fn events(&mut self, step: &Step) {
        for event in &step.events {
            let Some(of) = event.subject() else { continue };
            let process = of.id.expect("events of the machine are numbered");
            let run = RunId { process, run: of.run };
            let is_open = self.open.contains_key(&run);
            match event {
                // Its port was taken: nothing was spawned.
                Event::ProcessFailed(e) if e.error == RunError::PortBusy => {
                    assert!(!is_open && self.ended.insert(run), "{run} ends once: {event:?}");
                }
                Event::ProcessStarted(_) => {
                    let started = self.open.insert(run, true);
                    assert_eq!(started, Some(false), "{run} started once, after its spawn");
                    self.has_started.insert(process);
                }
                Event::ProcessReady(_) | Event::ProcessUnhealthy(_) | Event::ProcessStopping(_) => {
                    assert_eq!(self.open.get(&run), Some(&true), "{run} is up: {event:?}");
                }
                Event::ProcessCompleted(_) | Event::ProcessKilled(_) | Event::ProcessFailed(_) => {
                    assert!(is_open && self.ended.insert(run), "{run} ends once: {event:?}");
                    let started = self.open.remove(&run);
                    if let Event::ProcessCompleted(e) = event {
                        assert_eq!(started, Some(true));
                        if e.end.success {
                            self.has_succeeded.insert(process);
                        }
                    }
                    if let Event::ProcessFailed(e) = event
                        && e.error.as_str() == "unkillable"
                    {
                        self.ghosts.insert(run);
                    }
                }
                _ => assert!(!is_open, "{run} is not over: {event:?}"),
            }
        }
    }

    fn effects(&mut self, step: &Step, views: &[&ProcessView], phase: &ProjectPhase) {
        for effect in &step.effects {
            match effect {
                Effect::Spawn { run, .. } => {
                    // A timer that was due at the same moment may have fired first.
                    let stops =
                        step.events.iter().any(|event| matches!(event, Event::ProjectStopping(_)));
                    assert!(
                        *phase == ProjectPhase::Up || stops,
                        "{run} starts while the project is being stopped"
                    );
                    self.spawn(*run, views);
                }
                Effect::Stop { run, .. } => {
                    assert_eq!(self.open.get(run), Some(&true), "{run} is asked while it is up");
                    assert!(self.asked_to_stop.insert(*run), "{run} is asked once");
                    if *phase == ProjectPhase::Up && !self.ignores_dependencies {
                        self.followed(*run, step, views);
                    }
                    let by_shutdown = step.events.iter().any(|event| match event {
                        Event::ProcessStopping(e) => {
                            e.of.id == Some(run.process)
                                && matches!(e.cause, Cause::Shutdown { .. })
                        }
                        _ => false,
                    });
                    if matches!(phase, ProjectPhase::Stopping(_)) && by_shutdown {
                        self.stopped_in_order(*run, views);
                    }
                }
                Effect::MemberRemoved { process, view } => {
                    let ended = [
                        // A surplus replica that was never started.
                        StateName::Idle,
                        StateName::Stopped,
                        StateName::Succeeded,
                        StateName::Failed,
                        StateName::Skipped,
                    ];
                    assert!(ended.contains(&view.state), "{process:?} has ended: {view:?}");
                    assert!(views.iter().all(|view| view.id != *process), "{process:?} is gone");
                    assert!(self.over.insert(*process), "{process:?} is over once");
                }
                Effect::Notice { text, .. } => assert!(!text.is_empty()),
                Effect::UpdateSpec { run, .. } => {
                    assert!(self.open.contains_key(run), "{run} is there");
                }
                // Their laws are in `checks`.
                Effect::CheckRestart { .. } | Effect::Probe(_) | Effect::CancelProbes { .. } => {}
                Effect::CheckPort { run, .. } => {
                    let is_open = self.open.keys().any(|open| open.process == run.process);
                    assert!(!is_open, "{run} waits for the run before");
                }
                Effect::Kill { run }
                | Effect::Signal { run, .. }
                | Effect::QueryLastOutput { run } => {
                    assert_eq!(self.open.get(run), Some(&true), "{run} is up: {effect:?}");
                }
            }
        }
    }

    fn spawn(&mut self, run: RunId, views: &[&ProcessView]) {
        let process = run.process;
        assert!(!self.down.contains(&process), "{run} was stopped by hand");
        let older = self.open.keys().chain(&self.ghosts).find(|open| open.process == process);
        assert_eq!(older, None, "{run} waits for the run before");
        if run.run == 1 && !self.ignores_dependencies {
            self.conditions_hold(run, views);
        }
        self.perhaps_down.remove(&process);
        self.open.insert(run, false);
        self.has_started.remove(&process);
        self.has_succeeded.remove(&process);
    }

    fn conditions_hold(&self, run: RunId, views: &[&ProcessView]) {
        let view = views.iter().find(|view| view.id == run.process).unwrap();
        let Some(spec) = self.spec.processes.get(&view.process) else { return };
        for (on, dependency) in &spec.depends_on {
            self.condition_holds(run, on, dependency.condition, views);
        }
    }

    fn condition_holds(&self, run: RunId, on: &Name, condition: Condition, views: &[&ProcessView]) {
        let is_pool = self.spec.pools.contains_key(on);
        for view in those(&self.spec, views, on).filter(|v| !self.leaving.contains(&v.id)) {
            let succeeded = self.has_succeeded.contains(&view.id);
            let holds = match condition {
                Condition::Started => self.has_started.contains(&view.id),
                Condition::Ready => view.state == StateName::Ready || is_pool && succeeded,
                Condition::Succeeded => succeeded || is_pool && view.kind == ProcessKind::Process,
                Condition::Completed => match view.state {
                    StateName::Succeeded | StateName::Failed => true,
                    StateName::Stopped | StateName::Skipped => is_pool,
                    _ => false,
                },
            };
            assert!(holds, "{run} starts or follows, but {} is {:?}", view.name, view.state);
        }
    }

    /// A process that restarts because of a dependency waits until that holds again.
    fn followed(&self, run: RunId, step: &Step, views: &[&ProcessView]) {
        let stops = step.events.iter().find_map(|event| match event {
            Event::ProcessStopping(e) if e.of.id == Some(run.process) => Some(e),
            _ => None,
        });
        let Some(Cause::Dependency { on }) = stops.map(|e| &e.cause) else { return };
        let me = views.iter().find(|view| view.id == run.process);
        let spec = me.and_then(|view| self.spec.processes.get(&view.process));
        let Some(dependency) = spec.and_then(|spec| spec.depends_on.get(on)) else { return };
        self.condition_holds(run, on, dependency.condition, views);
    }

    /// Nothing that needs this one, however indirectly, is alive.
    fn stopped_in_order(&self, run: RunId, views: &[&ProcessView]) {
        if self.ignores_dependencies {
            return;
        }
        let me = &views.iter().find(|view| view.id == run.process).unwrap().process;
        // The dependencies of a leaving process are those of an older file, which is not known here.
        let stays = |view: &&&ProcessView| !self.leaving.contains(&view.id);
        for view in views.iter().filter(stays).filter(|view| view.id != run.process) {
            let alive = self.open.keys().any(|open| open.process == view.id);
            assert!(
                !alive || !needs_it(&self.spec, &view.process, me),
                "{run} is stopped before {}",
                view.name
            );
        }
    }
}
