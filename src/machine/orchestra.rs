//! All lifecycles together: starts in order, slots, the end of the project.
//!
//! It only routes. What one process does is in `lifecycle`, who may start is in `order`, who has a
//! slot is in `slots`; here is what happens between them after each input, until nothing moves.

use std::collections::BTreeSet;
use std::sync::Arc;

use indexmap::IndexMap;

use super::event::{By, Cause, PoolDrained, ProjectReady, ProjectStopped, ProjectStopping, Stamp};
use super::lifecycle::{Lifecycle, Outcome, State};
use super::order::{Order, Standing};
use super::retry::Dice;
use super::select::{UnknownName, select};
use super::slots::Slots;
use super::snapshot::{Phase, ProcessView, Snapshot};
use super::{Effect, Event, Fact, Finish, Input, Intent, Moment, ProcessId, ShutdownReason, Step};
use crate::spec::{Name, OnFailure, ProcessKind, ShutdownOn, Signal, Spec};

/// The same signal again within this time counts once: terminals and `timeout` send it twice.
const SAME_SIGNAL: std::time::Duration = std::time::Duration::from_millis(300);

/// How a project is run.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Stay when nothing runs any more.
    pub keep: bool,
    /// The first final failure stops everything.
    pub fail_fast: bool,
    /// For the jitter of back-off.
    pub seed: u64,
}

/// All processes of a project, and what happens between them.
#[derive(Debug)]
pub struct Orchestra {
    spec: Spec,
    options: Options,
    all: Vec<Lifecycle>,
    order: Order,
    slots: IndexMap<Name, Slots>,
    dice: Dice,
    phase: Phase,
    /// A third request to end: whatever is left is left to the guardian.
    leaving: bool,
    last_signal: Option<(Signal, Moment)>,
    finish: Option<Finish>,
    /// Deadlines of all lifecycles, soonest first.
    due: BTreeSet<(Moment, ProcessId)>,
    /// Changed, and what depends on them has not been looked at.
    dirty: BTreeSet<ProcessId>,
    /// Alive and to be restarted because a dependency got a new run.
    reruns: BTreeSet<ProcessId>,
    totals: Totals,
    was_ready: bool,
    views: Vec<Option<Arc<ProcessView>>>,
    number: u64,
    out: Step,
}

/// Counts over all lifecycles, kept up by [`Orchestra::with`].
#[derive(Debug, Default)]
struct Totals {
    busy: usize,
    /// Processes (not jobs) that were asked for and not stopped.
    wanted: usize,
    /// Of those, the ready and the succeeded.
    good: usize,
    /// Down for good, and not well.
    unwell: usize,
}

/// What one lifecycle adds to the totals.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Mark {
    alive: bool,
    queued: bool,
    busy: bool,
    wanted: bool,
    good: bool,
    unwell: bool,
    ended: bool,
    run: u32,
}

impl Mark {
    fn of(one: &Lifecycle) -> Self {
        let process = one.spec.kind == ProcessKind::Process;
        let (wanted, good, unwell) = match &one.state {
            State::Idle | State::Ended(Outcome::Stopped) => (false, false, false),
            State::Ended(Outcome::Succeeded) => (true, true, false),
            State::Ended(Outcome::Failed { .. } | Outcome::Skipped { .. }) => (true, false, true),
            State::Waiting { .. }
            | State::Queued { .. }
            | State::Starting { .. }
            | State::Running { .. }
            | State::Stopping { .. }
            | State::Backoff { .. } => (true, one.is_ready(), false),
        };
        Self {
            alive: one.is_alive(),
            queued: matches!(one.state, State::Queued { .. }),
            busy: one.is_busy(),
            wanted: wanted && process,
            good: good && process,
            unwell,
            ended: matches!(one.state, State::Ended(_)),
            run: one.run,
        }
    }
}

fn shift(count: &mut usize, before: bool, after: bool) {
    match (before, after) {
        (false, true) => *count += 1,
        (true, false) => *count = count.saturating_sub(1),
        (true, true) | (false, false) => {}
    }
}

impl Orchestra {
    /// A project in which nothing has been started.
    pub fn new(spec: Spec, options: Options) -> Self {
        let mut all = Vec::new();
        for process in spec.processes.values() {
            let replicas: Vec<Option<u32>> = match process.replicas {
                None => vec![None],
                Some(count) => (1..=count).map(Some).collect(),
            };
            for replica in replicas {
                let id = ProcessId(all.len() as u32);
                let name = match replica {
                    None => process.name.clone(),
                    Some(number) => process.name.replica(number),
                };
                all.push(Lifecycle::new(id, name, replica, Arc::clone(process)));
            }
        }
        let slots = spec
            .pools
            .iter()
            .map(|(name, pool)| (name.clone(), Slots::new(Arc::clone(pool))))
            .collect();
        Self {
            order: Order::new(&spec, &all),
            dirty: BTreeSet::new(),
            views: vec![None; all.len()],
            spec,
            options,
            all,
            slots,
            dice: Dice::new(options.seed),
            phase: Phase::Up,
            leaving: false,
            last_signal: None,
            finish: None,
            due: BTreeSet::new(),
            reruns: BTreeSet::new(),
            totals: Totals::default(),
            was_ready: false,
            number: 0,
            out: Step::default(),
        }
    }

    /// What names of the command line mean here.
    pub fn select(&self, names: &[String]) -> Result<Vec<ProcessId>, UnknownName> {
        select(names, &self.spec, &self.all)
    }

    /// Everything that starts with the project.
    pub fn autostart(&self) -> Vec<ProcessId> {
        let pool_starts = |pool: Option<&Name>| {
            pool.and_then(|pool| self.spec.pools.get(pool)).is_none_or(|pool| pool.autostart)
        };
        let starts = |one: &&Lifecycle| one.spec.autostart && pool_starts(one.spec.pool.as_ref());
        self.all.iter().filter(starts).map(|one| one.id).collect()
    }

    /// Number, name and index of everything that can run, in the order of the file.
    pub fn names(&self) -> impl Iterator<Item = (ProcessId, &Name)> {
        self.all.iter().map(|one| (one.id, &one.name))
    }

    /// The process that `id` is, or is a replica of.
    pub fn process_of(&self, id: ProcessId) -> Option<&Name> {
        self.all.get(id.index()).map(|one| &one.spec.name)
    }

    /// What was asked for, as it was checked.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// Starts the project with these; without `dependencies`, with nothing but these.
    pub fn begin(&mut self, now: Moment, chosen: &[ProcessId], dependencies: bool) -> Step {
        if !dependencies {
            self.order.keep_only(chosen);
        }
        self.start(now, chosen, &Cause::Start);
        self.settle(now);
        std::mem::take(&mut self.out)
    }

    /// Takes one input; first does what is due, so that a flood of inputs starves no timer.
    pub fn step(&mut self, now: Moment, input: Input) -> Step {
        self.fire(now);
        match input {
            Input::Fact(fact) => self.fact(now, fact),
            Input::Intent(intent) => self.intent(now, intent),
            Input::Tick => {}
        }
        self.settle(now);
        std::mem::take(&mut self.out)
    }

    /// The next moment at which [`Input::Tick`] has something to do.
    pub fn deadline(&self) -> Option<Moment> {
        self.due.first().map(|(moment, _)| *moment)
    }

    /// How the project ended, once it has.
    pub fn finish(&self) -> Option<&Finish> {
        self.finish.as_ref()
    }

    /// Everything visible now; processes that did not change are shared with the snapshot before.
    pub fn snapshot(&mut self, now: Moment) -> Snapshot {
        self.number += 1;
        let mut processes = Vec::with_capacity(self.all.len());
        for (one, view) in self.all.iter().zip(&mut self.views) {
            let view =
                view.get_or_insert_with(|| Arc::new(ProcessView::of(one, &self.order, &self.all)));
            processes.push(Arc::clone(view));
        }
        Snapshot {
            at: now,
            number: self.number,
            phase: self.phase.clone(),
            leaving: self.leaving,
            ready: self.is_ready(),
            processes,
        }
    }

    fn is_ready(&self) -> bool {
        self.totals.wanted > 0 && self.totals.wanted == self.totals.good
    }

    // ---- inputs -------------------------------------------------------------------------------

    fn fire(&mut self, now: Moment) {
        while let Some((due, id)) = self.due.first().copied() {
            if due > now {
                break;
            }
            self.with(id, |one, dice, out| one.tick(now, dice, out));
            // A tick that leaves its own deadline in the past would spin; it has had its turn.
            if self.due.contains(&(due, id)) {
                self.due.remove(&(due, id));
            }
        }
    }

    fn fact(&mut self, now: Moment, fact: Fact) {
        let run = fact.run();
        let Some(one) = self.all.get_mut(run.process.index()) else { return };
        if one.ghost == Some(run.run) {
            if matches!(fact, Fact::Exited { .. }) && one.ghost_gone(run.run) {
                self.touch(run.process);
            }
            return;
        }
        // The one guard: what is said about an old run changes nothing.
        if one.run != run.run {
            return;
        }
        self.with(run.process, |one, dice, out| match fact {
            Fact::Spawned { pid, .. } => one.spawned(now, pid, out),
            Fact::SpawnFailed { error, .. } => one.spawn_failed(now, &error, dice, out),
            Fact::Lingering { exit, left, .. } => one.lingering(now, exit, left),
            Fact::Quiet { since, .. } => one.quiet(now, since, out),
            Fact::Exited { exit, strays, .. } => one.exited(now, exit, strays, dice, out),
        });
    }

    fn intent(&mut self, now: Moment, intent: Intent) {
        match intent {
            Intent::Shutdown(reason) => return self.shutdown(now, reason),
            Intent::ShutdownNow(reason) => {
                self.shutdown(now, reason.clone());
                return self.kill_everything(now, reason);
            }
            Intent::Signal(ids, signal) => {
                for id in ids {
                    self.signal(id, signal);
                }
                return;
            }
            Intent::Start(_) | Intent::Restart(_) | Intent::Stop(_) | Intent::Kill(_) => {}
        }
        if self.phase != Phase::Up {
            return;
        }
        match intent {
            Intent::Start(ids) => self.start(now, &ids, &Cause::User),
            Intent::Restart(ids) => {
                self.start_dependencies(now, &ids);
                for id in ids {
                    self.resume_pool(id);
                    self.with(id, |one, _, out| one.restart(now, Cause::User, out));
                }
            }
            Intent::Stop(ids) => {
                for id in ids {
                    self.with(id, |one, _, out| one.stop(now, By::Stop, Cause::User, false, out));
                }
            }
            Intent::Kill(ids) => {
                for id in ids {
                    self.with(id, |one, _, out| one.stop(now, By::Kill, Cause::User, true, out));
                }
            }
            Intent::Signal(..) | Intent::Shutdown(_) | Intent::ShutdownNow(_) => {}
        }
    }

    fn signal(&mut self, id: ProcessId, signal: Signal) {
        let Some(one) = self.all.get(id.index()) else { return };
        if matches!(one.state, State::Running { .. } | State::Stopping { .. }) {
            let run = super::RunId { process: id, run: one.run };
            self.out.effects.push(Effect::Signal { run, signal });
        }
    }

    fn start(&mut self, now: Moment, ids: &[ProcessId], cause: &Cause) {
        for id in ids {
            self.resume_pool(*id);
            self.with(*id, |one, _, _| one.want(now, cause.clone()));
        }
        self.start_dependencies(now, ids);
    }

    /// Starts what `ids` need, unless it is under way or has done its work.
    fn start_dependencies(&mut self, now: Moment, ids: &[ProcessId]) {
        for id in self.order.closure(ids).into_iter().skip(ids.len()) {
            let needed = self.all.get(id.index()).is_some_and(|one| match &one.state {
                State::Idle
                | State::Ended(
                    Outcome::Stopped | Outcome::Failed { .. } | Outcome::Skipped { .. },
                ) => true,
                State::Waiting { .. }
                | State::Queued { .. }
                | State::Starting { .. }
                | State::Running { .. }
                | State::Stopping { .. }
                | State::Backoff { .. }
                | State::Ended(Outcome::Succeeded) => false,
            });
            if !needed {
                continue;
            }
            let on = self.order.dependants(id).iter().find_map(|d| self.all.get(d.index()));
            let on = on.map_or_else(|| Name::new(""), |one| one.name.clone());
            self.resume_pool(id);
            self.with(id, |one, _, _| one.want(now, Cause::Dependency { on }));
        }
    }

    fn resume_pool(&mut self, id: ProcessId) {
        let pool = self.all.get(id.index()).and_then(|one| one.spec.pool.as_ref());
        if let Some(slots) = pool.and_then(|pool| self.slots.get_mut(pool)) {
            slots.halted = false;
        }
    }

    // ---- the end ------------------------------------------------------------------------------

    fn shutdown(&mut self, now: Moment, reason: ShutdownReason) {
        if let ShutdownReason::Signal(signal) = reason {
            let last = self.last_signal.replace((signal, now));
            if last.is_some_and(|(same, at)| same == signal && now.since(at) < SAME_SIGNAL) {
                return;
            }
        }
        match &self.phase {
            Phase::Up => {
                self.phase = Phase::Stopping(reason.clone());
                let cause = Cause::from(reason);
                let stamp = Stamp::default();
                self.out.events.push(Event::from(ProjectStopping { stamp, cause: cause.clone() }));
                for id in self.ids() {
                    let alive = self.all.get(id.index()).is_some_and(Lifecycle::is_alive);
                    if !alive {
                        let cause = cause.clone();
                        self.with(id, |one, _, out| {
                            one.stop(now, By::Shutdown, cause, false, out);
                        });
                    }
                }
                self.stop_in_order(now, None);
            }
            Phase::Stopping(first) => {
                let first = first.clone();
                self.kill_everything(now, first);
            }
            Phase::Killing(_) if self.finish.is_none() => {
                self.leaving = true;
                self.finish_now();
            }
            Phase::Killing(_) => {}
        }
    }

    fn kill_everything(&mut self, now: Moment, reason: ShutdownReason) {
        self.phase = Phase::Killing(reason.clone());
        for id in self.ids() {
            let cause = Cause::from(reason.clone());
            self.with(id, |one, _, out| one.stop(now, By::Shutdown, cause, true, out));
        }
    }

    /// Stops whatever nothing alive needs any more; after `ended`, only what that one needed.
    fn stop_in_order(&mut self, now: Moment, ended: Option<ProcessId>) {
        let Phase::Stopping(reason) = &self.phase else { return };
        let cause = Cause::from(reason.clone());
        let candidates = match ended {
            None => self.ids(),
            Some(id) => self.order.closure(&[id]).into_iter().skip(1).collect(),
        };
        for id in candidates {
            let alive = |id: ProcessId| self.all.get(id.index()).is_some_and(Lifecycle::is_alive);
            if alive(id) && !self.order.holds_up(id, alive) {
                let cause = cause.clone();
                self.with(id, |one, _, out| one.stop(now, By::Shutdown, cause, false, out));
            }
        }
    }

    fn ids(&self) -> Vec<ProcessId> {
        self.all.iter().map(|one| one.id).collect()
    }

    fn finish_now(&mut self) {
        let reason = match &self.phase {
            Phase::Up => ShutdownReason::Done,
            Phase::Stopping(reason) | Phase::Killing(reason) => reason.clone(),
        };
        let code = |name: &Name| {
            let of = self.all.iter().filter(|one| one.name == *name);
            of.filter_map(|one| one.last.as_ref()).map(super::lifecycle::LastRun::shell_code).last()
        };
        let finish = match &reason {
            ShutdownReason::Signal(signal) => Finish::Signal(*signal),
            ShutdownReason::Asked => Finish::Asked,
            ShutdownReason::ShutdownOn(name) | ShutdownReason::FailFast(name) => {
                Finish::Code(code(name).unwrap_or(1))
            }
            ShutdownReason::Done => Finish::Quiet { well: self.totals.unwell == 0 },
            ShutdownReason::GuardianGone => Finish::Quiet { well: false },
        };
        self.out.events.push(Event::from(ProjectStopped { stamp: Stamp::default() }));
        self.finish = Some(finish);
    }

    // ---- what follows from what ---------------------------------------------------------------

    /// Changes one lifecycle and keeps everything that is derived from it right.
    fn with(&mut self, id: ProcessId, change: impl FnOnce(&mut Lifecycle, &mut Dice, &mut Step)) {
        let Some(one) = self.all.get_mut(id.index()) else { return };
        let (before, deadline) = (Mark::of(one), one.deadline());
        let state = one.state.clone();
        change(one, &mut self.dice, &mut self.out);
        let (after, next) = (Mark::of(one), one.deadline());
        if deadline != next {
            if let Some(moment) = deadline {
                self.due.remove(&(moment, id));
            }
        }
        if let Some(moment) = next {
            self.due.insert((moment, id));
        }
        if one.state != state || before.run != after.run {
            self.touch(id);
        } else if let Some(view) = self.views.get_mut(id.index()) {
            *view = None;
        }
        self.count(id, before, after);
    }

    fn touch(&mut self, id: ProcessId) {
        self.dirty.insert(id);
        for changed in std::iter::once(&id).chain(self.order.dependants(id)) {
            if let Some(view) = self.views.get_mut(changed.index()) {
                *view = None;
            }
        }
    }

    fn count(&mut self, id: ProcessId, before: Mark, after: Mark) {
        shift(&mut self.totals.busy, before.busy, after.busy);
        shift(&mut self.totals.wanted, before.wanted, after.wanted);
        shift(&mut self.totals.good, before.good, after.good);
        shift(&mut self.totals.unwell, before.unwell, after.unwell);
        let pool = self.all.get(id.index()).and_then(|one| one.spec.pool.clone());
        let Some(slots) = pool.and_then(|pool| self.slots.get_mut(&pool)) else { return };
        shift(&mut slots.busy, before.busy, after.busy);
        slots.told_drained &= slots.busy == 0;
        if !before.queued && after.queued {
            slots.join(id);
        }
        let held = before.alive || before.queued;
        if held && !after.alive && !after.queued {
            slots.leave(id);
        }
    }

    /// Lets everything follow from what changed, until nothing moves.
    fn settle(&mut self, now: Moment) {
        while let Some(id) = self.dirty.pop_first() {
            self.spread(now, id);
        }
        if self.is_ready() != self.was_ready {
            self.was_ready = !self.was_ready;
            if self.was_ready && self.phase == Phase::Up {
                self.out.events.push(Event::from(ProjectReady { stamp: Stamp::default() }));
            }
        }
        let done = self.totals.busy == 0 && (self.phase != Phase::Up || !self.options.keep);
        if done && self.finish.is_none() {
            self.finish_now();
        }
    }

    /// What the change of one process means for the others.
    fn spread(&mut self, now: Moment, id: ProcessId) {
        let Some(one) = self.all.get(id.index()) else { return };
        let ended = match &one.state {
            State::Ended(outcome) => Some(outcome.clone()),
            State::Idle
            | State::Waiting { .. }
            | State::Queued { .. }
            | State::Starting { .. }
            | State::Running { .. }
            | State::Stopping { .. }
            | State::Backoff { .. } => None,
        };
        let is_new_run = matches!(one.state, State::Starting { .. }) && one.run > 1;
        let is_waiting = one.is_waiting();
        if let Some(outcome) = ended {
            self.ended(now, id, &outcome);
        }
        if !self.all.get(id.index()).is_some_and(Lifecycle::is_alive) {
            self.stop_in_order(now, Some(id));
        }
        if self.phase == Phase::Up {
            if is_waiting || self.reruns.contains(&id) {
                self.reconsider(now, id, true);
            }
            for dependant in self.order.dependants(id).to_vec() {
                if is_new_run {
                    self.mark_rerun(dependant, id);
                }
                self.reconsider(now, dependant, false);
            }
        }
        self.grant(now, id);
    }

    /// A dependant with `restart = true` gets a new run once everything it needs holds again.
    fn mark_rerun(&mut self, dependant: ProcessId, on: ProcessId) {
        let wishes =
            self.order.needs(dependant).iter().any(|need| need.restart && need.ids.contains(&on));
        let running = self
            .all
            .get(dependant.index())
            .is_some_and(|one| matches!(one.state, State::Starting { .. } | State::Running { .. }));
        if wishes && running {
            self.reruns.insert(dependant);
        }
    }

    /// Looks again whether `id` may start, can never, or has to run again.
    fn reconsider(&mut self, now: Moment, id: ProcessId, tell: bool) {
        let Some(one) = self.all.get(id.index()) else { return };
        match &one.state {
            State::Waiting { again, .. } => {
                let again = *again;
                if one.ghost.is_some() {
                    return;
                }
                match self.order.standing(id, &self.all) {
                    Standing::Holds => self.clear(now, id),
                    Standing::NotYet(on) => {
                        if tell {
                            one.tell_waiting(on, &mut self.out);
                        }
                    }
                    // It ran before: what it needed was there, and it is left alone now.
                    Standing::Never(..) if again => self.clear(now, id),
                    Standing::Never(on, chain) => {
                        let cause = Cause::Dependency { on: on.clone() };
                        self.with(id, |one, _, out| one.skip(now, on, chain, cause, out));
                    }
                }
            }
            State::Ended(Outcome::Skipped { chain }) if !chain.is_empty() => {
                match self.order.standing(id, &self.all) {
                    Standing::Holds | Standing::NotYet(_) => {
                        let on = chain.first().map(|link| link.name.clone());
                        let on = on.unwrap_or_else(|| Name::new(""));
                        self.with(id, |one, _, _| one.want(now, Cause::Dependency { on }));
                    }
                    Standing::Never(..) => {}
                }
            }
            State::Running { .. } if self.reruns.contains(&id) => {
                if self.order.standing(id, &self.all) == Standing::Holds {
                    self.reruns.remove(&id);
                    let on = self.order.needs(id).iter().find(|need| need.restart);
                    let on = on.map_or_else(|| Name::new(""), |need| need.on.clone());
                    let cause = Cause::Dependency { on };
                    self.with(id, |one, _, out| one.restart(now, cause, out));
                }
            }
            State::Idle
            | State::Queued { .. }
            | State::Starting { .. }
            | State::Running { .. }
            | State::Stopping { .. }
            | State::Backoff { .. }
            | State::Ended(_) => {}
        }
    }

    fn clear(&mut self, now: Moment, id: ProcessId) {
        self.reruns.remove(&id);
        self.with(id, |one, _, out| one.cleared(now, out));
    }

    /// Gives free slots of the pool of `id` to those who queue for them.
    fn grant(&mut self, now: Moment, id: ProcessId) {
        let Some(pool) = self.all.get(id.index()).and_then(|one| one.spec.pool.clone()) else {
            return;
        };
        while self.phase == Phase::Up {
            let Some(next) = self.slots.get_mut(&pool).and_then(Slots::grant) else { break };
            self.with(next, |one, _, out| one.granted(now, out));
        }
    }

    /// What the end of a process for good means for its pool and for the project.
    fn ended(&mut self, now: Moment, id: ProcessId, outcome: &Outcome) {
        let Some(one) = self.all.get(id.index()) else { return };
        let failed = matches!(outcome, Outcome::Failed { .. });
        let (name, pool) = (one.name.clone(), one.spec.pool.clone());
        let by_itself = failed || *outcome == Outcome::Succeeded;
        let shutdown_on = match one.spec.shutdown_on {
            ShutdownOn::Never => false,
            ShutdownOn::Failure => failed,
            ShutdownOn::Exit => by_itself,
        };
        if let Some(pool) = pool {
            if failed {
                self.halt_pool(now, &pool, &name);
            }
            self.tell_drained(&pool);
        }
        if self.phase == Phase::Up && shutdown_on {
            self.shutdown(now, ShutdownReason::ShutdownOn(name));
        } else if self.phase == Phase::Up && failed && self.options.fail_fast {
            self.shutdown(now, ShutdownReason::FailFast(name));
        }
    }

    fn members(&self, pool: &Name) -> Vec<ProcessId> {
        let of = self.all.iter().filter(|one| one.spec.pool.as_ref() == Some(pool));
        of.map(|one| one.id).collect()
    }

    /// `on_failure = "stop"`: queued members are skipped, running ones stopped.
    fn halt_pool(&mut self, now: Moment, pool: &Name, failed: &Name) {
        let Some(slots) = self.slots.get_mut(pool) else { return };
        if slots.spec.on_failure != OnFailure::Stop || slots.halted || self.phase != Phase::Up {
            return;
        }
        slots.halted = true;
        for id in self.members(pool) {
            let cause = Cause::Pool { pool: pool.clone(), failed: failed.clone() };
            let on = failed.clone();
            self.with(id, |one, _, out| {
                one.skip(now, on, Vec::new(), cause.clone(), out);
                one.stop(now, By::Stop, cause, false, out);
            });
        }
    }

    fn tell_drained(&mut self, pool: &Name) {
        let Some(slots) = self.slots.get_mut(pool) else { return };
        if slots.busy > 0 || std::mem::replace(&mut slots.told_drained, true) {
            return;
        }
        let (mut succeeded, mut failed) = (0, 0);
        for one in self.all.iter().filter(|one| one.spec.pool.as_ref() == Some(pool)) {
            match &one.state {
                State::Ended(Outcome::Succeeded) => succeeded += 1,
                State::Ended(_) => failed += 1,
                State::Idle
                | State::Waiting { .. }
                | State::Queued { .. }
                | State::Starting { .. }
                | State::Running { .. }
                | State::Stopping { .. }
                | State::Backoff { .. } => {}
            }
        }
        let (stamp, pool) = (Stamp::default(), pool.clone());
        self.out.events.push(Event::from(PoolDrained { stamp, pool, succeeded, failed }));
    }
}
