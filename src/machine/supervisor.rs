//! Supervisor: coordinates all lifecycles: start order, slots, the end of the project.
//!
//! The supervisor only routes. `lifecycle` decides what one process does, `graph` which process may
//! start, `slots` which one has a slot; the files of this folder decide what follows for the others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use indexmap::IndexMap;

use super::event::Cause;
use super::graph::{DependencyGraph, StopOrder};
use super::lifecycle::Watch;
use super::members::Members;
use super::slots::Slots;
use super::snapshot::{PoolStatus, ProcessView, ProjectPhase, Snapshot};
use super::step_context::StepContext;
use super::{Input, Moment, ProcessId, ProjectExit, RunId, Step};
use crate::spec::{Name, ProcessKind, Signal, Spec};

#[cfg(feature = "control")]
pub(crate) use scale::{ScaleError, ScalePlan};
use totals::StateTotals;
use unkillable::MemberKey;
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
    /// Do not end the project when nothing runs any more.
    pub keep: bool,
    /// The first final failure stops everything.
    pub fail_fast: bool,
    /// Ignore file changes.
    pub no_watch: bool,
    /// What happens to processes that a reload adds.
    pub later: AddedProcesses,
    /// Seed for the jitter of back-off.
    pub seed: u64,
}

/// What happens to processes that a reload adds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AddedProcesses {
    /// They start if `autostart` says so.
    #[default]
    Start,
    /// Only the processes that were chosen at the start run.
    LeaveIdle,
}

/// The state machine of a whole project.
#[derive(Debug)]
pub struct Supervisor {
    pub(super) spec: Spec,
    options: SupervisorOptions,
    pub(super) members: Members,
    /// The views of the last snapshot, without those of removed members.
    views: BTreeMap<ProcessId, Arc<ProcessView>>,
    graph: DependencyGraph,
    slots: IndexMap<Name, Slots>,
    phase: ProjectPhase,
    stop_order: StopOrder,
    /// A third shutdown request came: the guardian ends the remaining processes.
    leaving: bool,
    /// The last signal that counted.
    last_signal: Option<(Signal, Moment)>,
    finish: Option<ProjectExit>,
    /// Deadlines of all lifecycles, soonest first.
    deadlines: BTreeSet<(Moment, ProcessId)>,
    /// Changed processes whose dependants have not been reconsidered.
    dirty: BTreeSet<ProcessId>,
    /// Pools that may have a free slot for a queued process.
    granting: BTreeSet<Name>,
    /// Ended members to be removed if their retention says so.
    retiring: BTreeSet<ProcessId>,
    /// Unkillable runs of removed members.
    unkillable: BTreeMap<RunId, MemberKey>,
    /// Members that are no longer in the file, each with its dependencies among them.
    removed_members: BTreeMap<ProcessId, Vec<ProcessId>>,
    /// Number of ad-hoc processes without a name.
    #[cfg(feature = "control")]
    unnamed: u32,
    /// Number of reloads.
    reloads: u32,
    /// The started processes, if they were started without their dependencies.
    chosen: Option<Vec<ProcessId>>,
    /// Live dependants to be restarted because these dependencies got new runs.
    reruns: BTreeMap<ProcessId, BTreeSet<Name>>,
    watching: WatchTracker,
    totals: StateTotals,
    was_ready: bool,
    /// Only jobs were started: then the project is ready without any process.
    only_jobs: bool,
    snapshot_number: u64,
    cx: StepContext,
}

impl Supervisor {
    /// Creates a project in which nothing has been started.
    pub fn new(spec: Spec, options: SupervisorOptions) -> Self {
        let mut members = Members::default();
        for process in spec.processes.values() {
            members.add_process(process);
        }
        for process in members.iter_mut() {
            process.watch = Watch::of(&process.spec, options.no_watch);
        }
        let slots = spec.pools.iter().map(|(name, pool)| (name.clone(), Slots::new(pool)));
        Self {
            graph: DependencyGraph::new(&spec, &members, &[]),
            slots: slots.collect(),
            spec,
            options,
            members,
            views: BTreeMap::new(),
            phase: ProjectPhase::Up,
            stop_order: StopOrder::default(),
            leaving: false,
            last_signal: None,
            finish: None,
            deadlines: BTreeSet::new(),
            dirty: BTreeSet::new(),
            granting: BTreeSet::new(),
            retiring: BTreeSet::new(),
            unkillable: BTreeMap::new(),
            removed_members: BTreeMap::new(),
            #[cfg(feature = "control")]
            unnamed: 0,
            reloads: 0,
            chosen: None,
            reruns: BTreeMap::new(),
            watching: WatchTracker::default(),
            totals: StateTotals::default(),
            was_ready: false,
            only_jobs: false,
            snapshot_number: 0,
            cx: StepContext::new(options.seed),
        }
    }

    /// Returns the members that start with the project.
    pub fn autostart(&self) -> Vec<ProcessId> {
        self.members.ids_where(|process| {
            let pool = process.spec.pool.as_ref().and_then(|pool| self.spec.pools.get(pool));
            process.spec.autostart && pool.is_none_or(|pool| pool.autostart)
        })
    }

    /// Returns number and name of each member, in the order of the file.
    pub fn names(&self) -> impl Iterator<Item = (ProcessId, &Name)> {
        self.members.iter().map(|process| (process.id, &process.name))
    }

    #[expect(clippy::len_without_is_empty, reason = "nothing asks for an empty project")]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Returns the ports in effect.
    pub fn ports(&self) -> impl Iterator<Item = (ProcessId, &Name, u16)> {
        self.members.iter().filter_map(|process| Some((process.id, &process.name, process.port()?)))
    }

    /// Returns the name of the process that `id` is, or is a replica of.
    pub fn process_of(&self, id: ProcessId) -> Option<&Name> {
        self.members.get(id).map(|process| &process.spec.name)
    }

    /// Whether file changes count.
    pub fn watches(&self) -> bool {
        !self.options.no_watch
    }

    /// The checked spec of the project.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    fn is_up(&self) -> bool {
        self.phase == ProjectPhase::Up
    }

    /// Starts the project with the `chosen` members, with or without their dependencies.
    pub fn begin(&mut self, now: Moment, chosen: &[ProcessId], dependencies: bool) -> Step {
        self.cx.now = now;
        if !dependencies {
            self.graph.keep_only(chosen);
            self.chosen = Some(chosen.to_vec());
        }
        let mut kinds =
            chosen.iter().filter_map(|id| self.members.get(*id)).map(|process| process.spec.kind);
        self.only_jobs = !chosen.is_empty() && kinds.all(|kind| kind == ProcessKind::Job);
        self.start(chosen, &Cause::Start);
        self.settle();
        self.take_step()
    }

    /// Handles one input, after everything that is due, so that a flood of inputs delays no timer.
    pub fn step(&mut self, now: Moment, input: Input) -> Step {
        self.catch_up(now);
        if self.finish.is_none() {
            match input {
                Input::Fact(fact) => self.handle_fact(fact),
                Input::Intent(intent) => self.handle_intent(intent),
                Input::Changed(change) => self.handle_file_change(change),
                Input::RestartChecked { change, is_refused } => {
                    self.restart_checked(&change, is_refused);
                }
                Input::Tick => {}
            }
            self.settle();
        }
        self.take_step()
    }

    fn take_step(&mut self) -> Step {
        std::mem::take(&mut self.cx.step)
    }

    fn catch_up(&mut self, now: Moment) {
        self.cx.now = now;
        // One timer can make another one due: a stop without grace does.
        while self.deadline().is_some_and(|due| due <= now) {
            self.run_due_timers();
            self.settle();
        }
    }

    /// Returns the next moment at which [`Input::Tick`] has something to do.
    pub fn deadline(&self) -> Option<Moment> {
        self.deadlines.first().map(|(moment, _)| *moment)
    }

    /// Returns how the project ended, once it has.
    pub fn finish(&self) -> Option<&ProjectExit> {
        self.finish.as_ref()
    }

    #[cfg(test)]
    pub(super) fn specs(&self) -> impl Iterator<Item = (ProcessId, Arc<crate::spec::ProcessSpec>)> {
        self.members.iter().map(|process| (process.id, Arc::clone(&process.spec)))
    }

    #[cfg(test)]
    pub(super) fn dependency_statuses(
        &self,
        id: ProcessId,
    ) -> Vec<(Name, crate::spec::Condition, super::condition::ConditionStatus)> {
        self.graph.statuses(id, &self.members)
    }

    #[cfg(test)]
    pub(super) fn is_leaving(&self) -> bool {
        self.leaving
    }

    /// Returns the current state; the views of unchanged processes are shared with the last snapshot.
    pub fn snapshot(&mut self, now: Moment) -> Snapshot {
        self.snapshot_number += 1;
        for id in std::mem::take(&mut self.members.changed) {
            if let Some(process) = self.members.get(id) {
                let view = ProcessView::of(process, &self.graph, &self.members);
                self.views.insert(id, Arc::new(view));
            }
        }
        Snapshot {
            at: now,
            number: self.snapshot_number,
            phase: self.phase.clone(),
            leaving: self.leaving,
            ready: self.is_ready(),
            processes: self.views.values().cloned().collect(),
            pools: self.slots.values().map(PoolStatus::of).collect(),
        }
    }

    fn is_ready(&self) -> bool {
        let is_started = self.totals.wanted > 0 || self.only_jobs;
        is_started && self.totals.wanted == self.totals.good
    }
}
