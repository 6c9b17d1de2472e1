//! Dependency graph: start order, stop order, and blocked members.

use std::collections::{HashMap, HashSet};

use super::ProcessId;
use super::condition::{ConditionScope, ConditionStatus};
use super::event::{SkipLink, WaitingOn};
use super::event_text::gave_up;
use super::lifecycle::{Blocker, Lifecycle, Outcome, Retention, State};
use super::members::Members;
use crate::spec::{Condition, Name, ProcessKind, Spec};

/// One entry of `depends_on`, resolved to members.
#[derive(Debug, Clone)]
pub(super) struct DependencyEdge {
    /// The process, job or pool as written.
    pub(super) on: Name,
    /// All replicas, or all members of the pool; in ascending order.
    pub(super) ids: Vec<ProcessId>,
    pub(super) scope: ConditionScope,
    pub(super) condition: Condition,
    /// A new run of the dependency restarts the dependant.
    pub(super) restart: bool,
}

/// The dependencies between members, in both directions. There is no cycle: the file was checked.
#[derive(Debug, Default)]
pub(super) struct DependencyGraph {
    /// Without the members that have no dependencies.
    needs: HashMap<ProcessId, Vec<DependencyEdge>>,
    dependants: HashMap<ProcessId, Vec<ProcessId>>,
}

impl DependencyGraph {
    /// `surplus` replicas leave when they have ended, and count as dependencies until then: otherwise
    /// a process that needs only replica 1 might start just before that is stopped too.
    pub(super) fn new(spec: &Spec, members: &Members, surplus: &[ProcessId]) -> Self {
        // Processes and pools share one namespace.
        let mut ids_by_name: HashMap<&Name, Vec<ProcessId>> = HashMap::new();
        for process in members.iter() {
            if process.retention != Retention::RemoveOnExit || surplus.contains(&process.id) {
                let pool = process.spec.pool.as_ref().filter(|_| !process.added);
                for name in pool.into_iter().chain([&process.spec.name]) {
                    ids_by_name.entry(name).or_default().push(process.id);
                }
            }
        }
        let mut needs_by_name: HashMap<&Name, Vec<DependencyEdge>> = HashMap::new();
        let mut graph = Self::default();
        for process in members.iter().filter(|p| p.retention != Retention::RemoveOnExit) {
            let needs = needs_by_name.entry(&process.spec.name).or_insert_with(|| {
                let edges = process.spec.depends_on.iter().map(|(on, dependency)| {
                    let is_pool = spec.pools.contains_key(on);
                    let scope =
                        if is_pool { ConditionScope::Pool } else { ConditionScope::Process };
                    let (condition, restart) = (dependency.condition, dependency.restart);
                    let mut ids = ids_by_name.get(on).cloned().unwrap_or_default();
                    if is_pool {
                        ids.retain(|id| {
                            members.get(*id).is_some_and(|member| {
                                condition.counts_member(member.spec.kind, member.added)
                            })
                        });
                    }
                    DependencyEdge { on: on.clone(), ids, scope, condition, restart }
                });
                edges.collect()
            });
            if !needs.is_empty() {
                graph.needs.insert(process.id, needs.clone());
            }
        }
        graph.find_dependants();
        graph
    }

    fn find_dependants(&mut self) {
        self.dependants.clear();
        for (dependant, needs) in &self.needs {
            for id in needs.iter().flat_map(|edge| &edge.ids) {
                self.dependants.entry(*id).or_default().push(*dependant);
            }
        }
        for dependants in self.dependants.values_mut() {
            dependants.sort_unstable();
        }
    }

    pub(super) fn needs(&self, id: ProcessId) -> &[DependencyEdge] {
        self.needs.get(&id).map_or(&[], Vec::as_slice)
    }

    pub(super) fn dependants(&self, id: ProcessId) -> &[ProcessId] {
        self.dependants.get(&id).map_or(&[], Vec::as_slice)
    }

    /// Adds a member to a pool: dependants that wait for the end of the pool wait for it too.
    pub(super) fn add_pool_member(&mut self, pool: &Name, id: ProcessId) {
        for (dependant, needs) in &mut self.needs {
            let is_affected = |edge: &&mut DependencyEdge| {
                edge.scope == ConditionScope::Pool
                    && edge.condition.counts_member(ProcessKind::Job, true)
                    && edge.on == *pool
            };
            for edge in needs.iter_mut().filter(is_affected) {
                // A member that a reload has added later has a higher number.
                let index = edge.ids.partition_point(|other| *other < id);
                edge.ids.insert(index, id);
                self.dependants.entry(id).or_default().push(*dependant);
            }
        }
    }

    /// Keeps the dependencies that a departing member had in the graph `before`, until it has ended.
    /// A new run of a dependency does not restart it.
    pub(super) fn inherit(&mut self, id: ProcessId, before: &Self) {
        let mut needs = before.needs(id).to_vec();
        for edge in &mut needs {
            edge.restart = false;
            for needed in &edge.ids {
                self.dependants.entry(*needed).or_default().push(id);
            }
        }
        if !needs.is_empty() {
            self.needs.insert(id, needs);
        }
    }

    /// Removes a member.
    pub(super) fn remove(&mut self, id: ProcessId) {
        for needed in self.needs.remove(&id).iter().flatten().flat_map(|edge| &edge.ids) {
            if let Some(dependants) = self.dependants.get_mut(needed) {
                dependants.retain(|dependant| *dependant != id);
            }
        }
        for dependant in self.dependants.remove(&id).unwrap_or_default() {
            for edge in self.needs.get_mut(&dependant).into_iter().flatten() {
                edge.ids.retain(|needed| *needed != id);
            }
        }
    }

    /// Removes all dependencies on members outside `chosen`.
    pub(super) fn keep_only(&mut self, chosen: &[ProcessId]) {
        let chosen: HashSet<&ProcessId> = chosen.iter().collect();
        for needs in self.needs.values_mut() {
            for edge in needs.iter_mut() {
                edge.ids.retain(|id| chosen.contains(id));
            }
            needs.retain(|edge| !edge.ids.is_empty());
        }
        self.find_dependants();
    }

    /// The conditions that do not hold yet. For those that can never hold see
    /// [`DependencyGraph::blocker`].
    pub(super) fn missing(&self, id: ProcessId, members: &Members) -> Vec<WaitingOn> {
        let missing = self.needs(id).iter().filter(|edge| edge.is_missing(members));
        missing.map(|edge| WaitingOn { name: edge.on.clone(), condition: edge.condition }).collect()
    }

    /// Whether `id` waits for no condition that may still hold later.
    pub(super) fn holds(&self, id: ProcessId, members: &Members) -> bool {
        !self.needs(id).iter().any(|edge| edge.is_missing(members))
    }

    /// Why `id` can never run. Only `changed` is considered if it is known which dependency changed.
    pub(super) fn blocker(
        &self,
        id: ProcessId,
        changed: Option<ProcessId>,
        members: &Members,
    ) -> Option<Blocker> {
        let blocker = |edge: &DependencyEdge, id: ProcessId| {
            let process = members.get(id)?;
            (edge.status(process) == ConditionStatus::Unreachable).then(|| Blocker {
                by: Some(id),
                on: edge.on.clone(),
                chain: skip_chain(process, edge.condition),
            })
        };
        self.needs(id).iter().find_map(|edge| match changed {
            Some(id) if edge.is_on(id) => blocker(edge, id),
            Some(_) => None,
            None => edge.ids.iter().find_map(|id| blocker(edge, *id)),
        })
    }
}

#[cfg(test)]
impl DependencyGraph {
    /// The status of each dependency of `id`, computed as for a start.
    pub(super) fn statuses(
        &self,
        id: ProcessId,
        members: &Members,
    ) -> Vec<(Name, Condition, ConditionStatus)> {
        let status_of = |edge: &DependencyEdge| {
            let processes = edge.ids.iter().filter_map(|id| members.get(*id));
            let status = processes.map(|process| edge.status(process)).max();
            (edge.on.clone(), edge.condition, status.unwrap_or(ConditionStatus::Met))
        };
        self.needs(id).iter().map(status_of).collect()
    }
}

impl DependencyEdge {
    /// The status of the condition for one process of the dependency.
    fn status(&self, process: &Lifecycle) -> ConditionStatus {
        self.condition.status(process.progress(), self.scope)
    }

    /// Whether the dependency includes this process.
    pub(super) fn is_on(&self, id: ProcessId) -> bool {
        self.ids.binary_search(&id).is_ok()
    }

    /// Whether the condition does not hold yet. Searches from the end: a queue runs its jobs from the
    /// beginning, so of ten thousand the last one is usually missing.
    fn is_missing(&self, members: &Members) -> bool {
        let mut processes = self.ids.iter().rev().filter_map(|id| members.get(*id));
        processes.any(|process| self.status(process) == ConditionStatus::Pending)
    }

    /// Whether the condition holds for all processes of the dependency.
    pub(super) fn is_fulfilled(&self, members: &Members) -> bool {
        let mut processes = self.ids.iter().filter_map(|id| members.get(*id));
        processes.all(|process| self.status(process) == ConditionStatus::Met)
    }

    /// Whether the start of the dependant starts this process of the dependency too.
    pub(super) fn starts(&self, process: &Lifecycle) -> bool {
        match &process.state {
            // It was started when it was added, and runs once.
            _ if process.retention == Retention::RemoveOnExit => false,
            State::Idle => true,
            // `started` stays true after the run, but the dependant needs a live run.
            State::Ended(Outcome::Stopped | Outcome::Failed { .. } | Outcome::Skipped { .. }) => {
                self.condition == Condition::Started || self.status(process) != ConditionStatus::Met
            }
            State::Ended(Outcome::Succeeded) => self.status(process) != ConditionStatus::Met,
            State::Starting { .. } | State::Stopping { .. } => process.will_stay_stopped(),
            State::Waiting { .. }
            | State::Queued { .. }
            | State::Running { .. }
            | State::Backoff { .. } => false,
        }
    }
}

/// The order of stops at the end of the project: a process is stopped when no live process needs it
/// any more, directly or through a process that has ended. The counts are taken once and only decrease.
#[derive(Debug, Default)]
pub(super) struct StopOrder {
    /// For each process, the number of its dependants in `holds`.
    holders: HashMap<ProcessId, usize>,
    /// Processes that are alive, or needed by such, and so hold their dependencies.
    holds: HashSet<ProcessId>,
}

impl StopOrder {
    pub(super) fn new(graph: &DependencyGraph, members: &Members) -> Self {
        let mut open = members.ids_where(Lifecycle::is_alive);
        let mut order = Self { holders: HashMap::new(), holds: open.iter().copied().collect() };
        while let Some(id) = open.pop() {
            for needed in graph.needs(id).iter().flat_map(|edge| &edge.ids) {
                *order.holders.entry(*needed).or_default() += 1;
                if order.holds.insert(*needed) {
                    open.push(*needed);
                }
            }
        }
        order
    }

    /// Whether no live process needs it.
    pub(super) fn is_free(&self, id: ProcessId) -> bool {
        self.holders.get(&id).is_none_or(|holders| *holders == 0)
    }

    /// Records that `id` has ended; returns the live processes that are free because of that.
    pub(super) fn release(
        &mut self,
        id: ProcessId,
        graph: &DependencyGraph,
        members: &Members,
    ) -> Vec<ProcessId> {
        let (mut free, mut open) = (Vec::new(), vec![id]);
        while let Some(id) = open.pop() {
            // A process that ended while dependants are alive still holds its dependencies.
            if !self.is_free(id) || !self.holds.remove(&id) {
                continue;
            }
            for needed in graph.needs(id).iter().flat_map(|edge| &edge.ids) {
                let Some(holders) = self.holders.get_mut(needed) else { continue };
                *holders = holders.saturating_sub(1);
                if *holders == 0 {
                    let is_alive = members.get(*needed).is_some_and(Lifecycle::is_alive);
                    if is_alive { &mut free } else { &mut open }.push(*needed);
                }
            }
        }
        free
    }
}

/// The chain from a dependency that cannot meet its condition down to the root cause.
fn skip_chain(process: &Lifecycle, condition: Condition) -> Vec<SkipLink> {
    let why = match (&process.state, &process.last) {
        (State::Ended(Outcome::Skipped { .. }), _) => "it was skipped".to_owned(),
        (State::Ended(Outcome::Succeeded), Some(last)) => format!(
            "it has already ended ({}), so it is no longer {}; did you mean \"succeeded\"?",
            last.describe(),
            condition.as_str()
        ),
        (State::Ended(Outcome::Failed { gave_up: true }), Some(last)) => {
            format!("{}; {}", last.describe(), gave_up(process.retry_budget.used))
        }
        (_, Some(last)) => last.describe(),
        (_, None) => "it cannot reach that state".to_owned(),
    };
    let mut links = vec![SkipLink { name: process.name.clone(), condition, why }];
    if let State::Ended(Outcome::Skipped { chain, .. }) = &process.state {
        links.extend(chain.iter().cloned());
    }
    links
}
