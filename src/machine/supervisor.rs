//! Supervisor: coordinates all lifecycles: start order, slots, the end of the project.
//!
//! It only routes. What one process does is in `lifecycle`, who may start is in `order`, who has a
//! slot is in `slots`; what happens between them after each input is in the files of this folder.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use indexmap::IndexMap;

use super::event::Cause;
use super::graph::{DependencyGraph, StopOrder};
use super::lifecycle::{Lifecycle, Watch};
use super::members::Members;
use super::retry::JitterRng;
use super::slots::Slots;
use super::snapshot::{PoolStatus, ProcessView, ProjectPhase, Snapshot};
use super::targets::{Target, UnknownName, select, targets};
use super::{Input, Moment, ProcessId, ProjectExit, Step};
use crate::spec::{Name, ProcessKind, Signal, Spec};

use reload::RemovedMembers;
#[cfg(feature = "control")]
pub(crate) use scale::{ScaleError, ScalePlan};
use totals::StateTotals;
use unkillable::UnkillableRuns;
use watching::WatchTracker;

mod inputs;
pub(super) mod membership;
mod pools;
mod propagate;
mod reload;
#[cfg(feature = "control")]
mod scale;
mod shutdown;
mod totals;
mod unkillable;
mod watching;

/// How a project is run.
#[derive(Debug, Clone, Copy, Default)]
pub struct SupervisorOptions {
    /// Stay when nothing runs any more.
    pub keep: bool,
    /// The first final failure stops everything.
    pub fail_fast: bool,
    /// Changes of files do nothing.
    pub no_watch: bool,
    /// What starts of what the file brings later.
    pub later: AddedProcesses,
    /// For the jitter of back-off.
    pub seed: u64,
}

/// What becomes of processes that come into the file while it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AddedProcesses {
    /// They start, by their `autostart`.
    #[default]
    Start,
    /// Only what was chosen runs.
    LeaveIdle,
}

/// All processes of a project, and what happens between them.
#[derive(Debug)]
pub struct Supervisor {
    spec: Spec,
    options: SupervisorOptions,
    all: Members,
    order: DependencyGraph,
    slots: IndexMap<Name, Slots>,
    jitter_rng: JitterRng,
    phase: ProjectPhase,
    stop_order: StopOrder,
    /// A third request to end: whatever is left is left to the guardian.
    leaving: bool,
    /// The last signal that counted.
    last_signal: Option<(Signal, Moment)>,
    finish: Option<ProjectExit>,
    /// Deadlines of all lifecycles, soonest first.
    due: BTreeSet<(Moment, ProcessId)>,
    /// Changed, and what depends on them has not been looked at.
    dirty: BTreeSet<ProcessId>,
    /// Pools in which somebody may get a slot.
    granting: BTreeSet<Name>,
    /// Ended, and not to stay after that.
    retiring: BTreeSet<ProcessId>,
    unkillable: UnkillableRuns,
    /// Not in the file any more, and still here.
    removed_members: RemovedMembers,
    /// How many came aside without a name of their own.
    #[cfg(feature = "control")]
    asides: u32,
    /// How often the file was read again.
    reloads: u32,
    /// All that was started, where nothing was started that it depends on.
    chosen: Option<Vec<ProcessId>>,
    /// Alive and to be restarted because these dependencies got new runs.
    reruns: BTreeMap<ProcessId, BTreeSet<Name>>,
    watching: WatchTracker,
    totals: StateTotals,
    was_ready: bool,
    /// Jobs do not count for the project to be ready; one that was started with nothing else is.
    only_jobs: bool,
    number: u64,
    out: Step,
}

impl Supervisor {
    /// A project in which nothing has been started.
    pub fn new(spec: Spec, options: SupervisorOptions) -> Self {
        let mut all = Members::default();
        for process in spec.processes.values() {
            all.add_process(process);
        }
        for one in all.iter_mut() {
            one.watch = Watch::of(&one.spec, options.no_watch);
        }
        let slots = spec
            .pools
            .iter()
            .map(|(name, pool)| (name.clone(), Slots::new(Arc::clone(pool))))
            .collect();
        Self {
            order: DependencyGraph::new(&spec, &all, &[]),
            dirty: BTreeSet::new(),
            spec,
            options,
            all,
            slots,
            jitter_rng: JitterRng::new(options.seed),
            phase: ProjectPhase::Up,
            stop_order: StopOrder::default(),
            leaving: false,
            last_signal: None,
            finish: None,
            due: BTreeSet::new(),
            granting: BTreeSet::new(),
            retiring: BTreeSet::new(),
            unkillable: UnkillableRuns::default(),
            removed_members: RemovedMembers::default(),
            #[cfg(feature = "control")]
            asides: 0,
            reloads: 0,
            chosen: None,
            reruns: BTreeMap::new(),
            watching: WatchTracker::default(),
            totals: StateTotals::default(),
            was_ready: false,
            only_jobs: false,
            number: 0,
            out: Step::default(),
        }
    }

    /// What names of the command line mean here.
    pub fn select(&self, names: &[String]) -> Result<Vec<ProcessId>, UnknownName> {
        select(names, &self.spec, &self.all)
    }

    /// What names of the command line stand for here, also after members have come or gone.
    pub fn targets(&self, names: &[String]) -> Result<Vec<Target>, UnknownName> {
        targets(names, &self.spec, &self.all)
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

    #[expect(clippy::len_without_is_empty, reason = "nobody asks whether there is nothing")]
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// The port in effect of everything that has one.
    pub fn ports(&self) -> impl Iterator<Item = (ProcessId, &Name, u16)> {
        self.all.iter().filter_map(|one| Some((one.id, &one.name, one.port()?)))
    }

    /// The process that `id` is, or is a replica of.
    pub fn process_of(&self, id: ProcessId) -> Option<&Name> {
        self.all.get(id).map(|one| &one.spec.name)
    }

    /// Whether changes of files matter.
    pub fn watches(&self) -> bool {
        !self.options.no_watch
    }

    /// What was asked for, as it was checked.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// Starts the project with these; without `dependencies`, with nothing but these.
    pub fn begin(&mut self, now: Moment, chosen: &[ProcessId], dependencies: bool) -> Step {
        if !dependencies {
            self.order.keep_only(chosen);
            self.chosen = Some(chosen.to_vec());
        }
        let is_job =
            |id: &ProcessId| self.all.get(*id).is_some_and(|one| one.spec.kind == ProcessKind::Job);
        self.only_jobs = !chosen.is_empty() && chosen.iter().all(is_job);
        self.start(now, chosen, &Cause::Start);
        self.settle(now);
        std::mem::take(&mut self.out)
    }

    /// Takes one input; first does what is due, so that a flood of inputs starves no timer.
    pub fn step(&mut self, now: Moment, input: Input) -> Step {
        self.catch_up(now);
        if self.finish.is_none() {
            match input {
                Input::Fact(fact) => self.fact(now, fact),
                Input::Intent(intent) => self.intent(now, intent),
                Input::Changed(change) => self.changed(now, change),
                Input::RestartChecked { change, is_refused } => {
                    self.restart_checked(now, &change, is_refused);
                }
                Input::Tick => {}
            }
            self.settle(now);
        }
        std::mem::take(&mut self.out)
    }

    fn catch_up(&mut self, now: Moment) {
        // What follows from one timer may be due at once: a stop without grace is.
        while self.deadline().is_some_and(|due| due <= now) {
            self.run_due_timers(now);
            self.settle(now);
        }
    }

    /// The next moment at which [`Input::Tick`] has something to do.
    pub fn deadline(&self) -> Option<Moment> {
        self.due.first().map(|(moment, _)| *moment)
    }

    /// How the project ended, once it has.
    pub fn finish(&self) -> Option<&ProjectExit> {
        self.finish.as_ref()
    }

    #[cfg(test)]
    pub(super) fn specs(&self) -> impl Iterator<Item = (ProcessId, Arc<crate::spec::ProcessSpec>)> {
        self.all.iter().map(|one| (one.id, Arc::clone(&one.spec)))
    }

    #[cfg(test)]
    pub(super) fn dependency_statuses(
        &self,
        id: ProcessId,
    ) -> Vec<(Name, crate::spec::Condition, super::condition::ConditionStatus)> {
        self.order.statuses(id, &self.all)
    }

    #[cfg(test)]
    pub(super) fn removed_members(&self) -> Vec<ProcessId> {
        self.going()
    }

    #[cfg(test)]
    pub(super) fn is_leaving(&self) -> bool {
        self.leaving
    }

    /// Everything visible now; processes that did not change are shared with the snapshot before.
    pub fn snapshot(&mut self, now: Moment) -> Snapshot {
        self.number += 1;
        let mut stale = Vec::new();
        for one in self.all.iter().filter(|one| one.view.is_none()) {
            stale.push(Arc::new(ProcessView::of(one, &self.order, &self.all)));
        }
        for view in stale {
            if let Some(one) = self.all.get_mut(view.id) {
                one.view = Some(view);
            }
        }
        let processes = self.all.iter().filter_map(|one| one.view.clone()).collect();
        Snapshot {
            at: now,
            number: self.number,
            phase: self.phase.clone(),
            leaving: self.leaving,
            ready: self.is_ready(),
            processes,
            pools: self.slots.values().map(PoolStatus::of).collect(),
        }
    }

    fn is_ready(&self) -> bool {
        let any = self.totals.wanted > 0 || self.only_jobs;
        any && self.totals.wanted == self.totals.good
    }
}
