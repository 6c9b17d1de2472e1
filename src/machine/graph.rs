//! Dependency graph: which members may start, which stop first, and what blocks them.

use std::collections::{HashMap, HashSet};

use super::ProcessId;
use super::condition::{ConditionScope, ConditionStatus};
use super::event::{SkipLink, WaitingOn};
use super::event_text::gave_up;
use super::lifecycle::{Blocker, Lifecycle, Outcome, Retention, State};
use super::members::Members;
use crate::spec::{Condition, Name, Spec};

/// One entry of `depends_on`, resolved to what can run.
#[derive(Debug, Clone)]
pub(super) struct DependencyEdge {
    /// The process, job or pool as written.
    pub(super) on: Name,
    /// All replicas, or all jobs of the pool; in ascending order.
    pub(super) ids: Vec<ProcessId>,
    /// Conditions of a pool are about its jobs together.
    pub(super) is_pool: bool,
    pub(super) condition: Condition,
    /// A new run of the dependency restarts the dependant.
    pub(super) restart: bool,
}

/// Who needs whom, both ways. The graph has no cycle: the file was checked.
#[derive(Debug, Default)]
pub(super) struct DependencyGraph {
    /// Nothing in here for who needs nothing.
    needs: HashMap<ProcessId, Vec<DependencyEdge>>,
    dependants: HashMap<ProcessId, Vec<ProcessId>>,
}

impl DependencyGraph {
    /// `surplus` go when they have ended, and are needed like the others until then: without them,
    /// something might start that needs the first one, just before that is stopped too.
    pub(super) fn new(spec: &Spec, all: &Members, surplus: &[ProcessId]) -> Self {
        let mut named: HashMap<&Name, Vec<ProcessId>> = HashMap::new();
        let counts = |one: &&Lifecycle| {
            one.retention != Retention::RemoveOnExit || surplus.contains(&one.id)
        };
        for one in all.iter().filter(counts) {
            named.entry(&one.spec.name).or_default().push(one.id);
        }
        let ids_of = |name: &Name| named.get(name).cloned().unwrap_or_default();
        let mut order = Self::default();
        let mut known: HashMap<Name, Vec<DependencyEdge>> = HashMap::new();
        for one in all.iter().filter(|one| one.retention != Retention::RemoveOnExit) {
            let needs = known.entry(one.spec.name.clone()).or_insert_with(|| {
                let needs = one.spec.depends_on.iter().map(|(on, dependency)| {
                    let pool = spec.pools.get(on);
                    let mut ids: Vec<ProcessId> = match pool {
                        Some(pool) => pool.jobs.iter().flat_map(ids_of).collect(),
                        None => ids_of(on),
                    };
                    ids.sort_unstable();
                    DependencyEdge {
                        on: on.clone(),
                        ids,
                        is_pool: pool.is_some(),
                        condition: dependency.condition,
                        restart: dependency.restart,
                    }
                });
                needs.collect()
            });
            if !needs.is_empty() {
                order.needs.insert(one.id, needs.clone());
            }
        }
        order.find_dependants();
        order
    }

    fn find_dependants(&mut self) {
        self.dependants.clear();
        for (dependant, needs) in &self.needs {
            for id in needs.iter().flat_map(|need| &need.ids) {
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

    /// One more job of a pool: who waits for the pool to be done waits for it too.
    pub(super) fn join(&mut self, pool: &Name, id: ProcessId) {
        for (dependant, needs) in &mut self.needs {
            let of_pool =
                |need: &&mut DependencyEdge| need.is_pool && need.condition.counts_added_jobs();
            for need in needs.iter_mut().filter(of_pool).filter(|need| need.on == *pool) {
                // A job that the file brought later has a higher number.
                let place = need.ids.partition_point(|other| *other < id);
                need.ids.insert(place, id);
                self.dependants.entry(id).or_default().push(*dependant);
            }
        }
    }

    /// One that is no part of this order any more still needs what it needed, until it is down. What
    /// becomes of that does not restart it.
    pub(super) fn inherit(&mut self, id: ProcessId, before: &Self) {
        let mut needs = before.needs(id).to_vec();
        for need in &mut needs {
            need.restart = false;
            for needed in &need.ids {
                self.dependants.entry(*needed).or_default().push(id);
            }
        }
        if !needs.is_empty() {
            self.needs.insert(id, needs);
        }
    }

    /// Forgets one that is gone.
    pub(super) fn leave(&mut self, id: ProcessId) {
        for needed in self.needs.remove(&id).iter().flatten().flat_map(|need| &need.ids) {
            if let Some(dependants) = self.dependants.get_mut(needed) {
                dependants.retain(|dependant| *dependant != id);
            }
        }
        for dependant in self.dependants.remove(&id).unwrap_or_default() {
            for need in self.needs.get_mut(&dependant).into_iter().flatten() {
                need.ids.retain(|needed| *needed != id);
            }
        }
    }

    /// Forgets every need of anything outside `chosen`.
    pub(super) fn keep_only(&mut self, chosen: &[ProcessId]) {
        let chosen: HashSet<&ProcessId> = chosen.iter().collect();
        for needs in self.needs.values_mut() {
            for need in needs.iter_mut() {
                need.ids.retain(|id| chosen.contains(id));
            }
            needs.retain(|need| !need.ids.is_empty());
        }
        self.find_dependants();
    }

    /// What `id` waits for. What can never be reached is not in here, see [`DependencyGraph::hindrance`].
    pub(super) fn missing(&self, id: ProcessId, all: &Members) -> Vec<WaitingOn> {
        let missing = self.needs(id).iter().filter(|need| need.is_missing(all));
        missing.map(|need| WaitingOn { name: need.on.clone(), condition: need.condition }).collect()
    }

    /// Whether nothing keeps `id` from starting that may still change.
    pub(super) fn holds(&self, id: ProcessId, all: &Members) -> bool {
        !self.needs(id).iter().any(|need| need.is_missing(all))
    }

    /// Why `id` can never run; looks at one dependency only when it is known which one changed.
    pub(super) fn hindrance(
        &self,
        id: ProcessId,
        changed: Option<ProcessId>,
        all: &Members,
    ) -> Option<Blocker> {
        let never = |need: &DependencyEdge, id: &ProcessId| {
            let one =
                all.get(*id).filter(|one| need.status(one) == ConditionStatus::Unreachable)?;
            Some(Blocker { by: Some(*id), on: need.on.clone(), chain: chain(one, need) })
        };
        self.needs(id).iter().find_map(|need| match &changed {
            Some(id) if need.is_on(*id) => never(need, id),
            Some(_) => None,
            None => need.ids.iter().find_map(|id| never(need, id)),
        })
    }
}

#[cfg(test)]
impl DependencyGraph {
    /// How each dependency of `id` stands by what decides about its start.
    pub(super) fn statuses(
        &self,
        id: ProcessId,
        all: &Members,
    ) -> Vec<(Name, Condition, ConditionStatus)> {
        let of = |need: &DependencyEdge| {
            let ones = need.ids.iter().filter_map(|id| all.get(*id));
            let status = ones.map(|one| need.status(one)).max().unwrap_or(ConditionStatus::Met);
            (need.on.clone(), need.condition, status)
        };
        self.needs(id).iter().map(of).collect()
    }
}

impl DependencyEdge {
    /// How this process, which is part of it, stands to its condition.
    fn status(&self, one: &Lifecycle) -> ConditionStatus {
        let scope = if self.is_pool { ConditionScope::Pool } else { ConditionScope::Process };
        self.condition.status(one.progress(), scope)
    }

    /// Whether this process is part of it.
    pub(super) fn is_on(&self, id: ProcessId) -> bool {
        self.ids.binary_search(&id).is_ok()
    }

    /// Whether something does not hold yet. Looks from the end: a queue works off its jobs from
    /// the start, so of ten thousand the last one is the one that is still missing.
    fn is_missing(&self, all: &Members) -> bool {
        let mut ones = self.ids.iter().rev().filter_map(|id| all.get(*id));
        ones.any(|one| self.status(one) == ConditionStatus::Pending)
    }

    /// Whether all of it is as it should be.
    pub(super) fn is_fulfilled(&self, all: &Members) -> bool {
        let mut ones = self.ids.iter().filter_map(|id| all.get(*id));
        ones.all(|one| self.status(one) == ConditionStatus::Met)
    }

    /// Whether the start of a dependant starts this dependency too.
    pub(super) fn calls_for(&self, one: &Lifecycle) -> bool {
        match &one.state {
            // It was started when it came, and comes once.
            _ if one.retention == Retention::RemoveOnExit => false,
            State::Idle => true,
            // `started` outlives the run it is about, but to depend on it means to have it.
            State::Ended(Outcome::Stopped | Outcome::Failed { .. } | Outcome::Skipped { .. }) => {
                self.condition == Condition::Started || self.status(one) != ConditionStatus::Met
            }
            State::Ended(Outcome::Succeeded) => self.status(one) != ConditionStatus::Met,
            State::Starting { .. } | State::Stopping { .. } => one.is_going_to_rest(),
            State::Waiting { .. }
            | State::Queued { .. }
            | State::Running { .. }
            | State::Backoff { .. } => false,
        }
    }
}

/// Who is stopped when, at the end of the project: whatever nothing alive needs any more, directly
/// or through something that has ended. Counted once at the start, then only down.
#[derive(Debug, Default)]
pub(super) struct StopOrder {
    /// How many dependants of each are alive or held up themselves.
    holders: HashMap<ProcessId, usize>,
    /// Alive or held up, and so holding what they need.
    holds: HashSet<ProcessId>,
}

impl StopOrder {
    pub(super) fn new(order: &DependencyGraph, all: &Members) -> Self {
        let mut open: Vec<ProcessId> =
            all.iter().filter(|one| one.is_alive()).map(|one| one.id).collect();
        let mut new = Self { holders: HashMap::new(), holds: open.iter().copied().collect() };
        while let Some(id) = open.pop() {
            for needed in order.needs(id).iter().flat_map(|need| &need.ids) {
                *new.holders.entry(*needed).or_default() += 1;
                if new.holds.insert(*needed) {
                    open.push(*needed);
                }
            }
        }
        new
    }

    /// Whether nothing alive needs it.
    pub(super) fn is_free(&self, id: ProcessId) -> bool {
        self.holders.get(&id).is_none_or(|holders| *holders == 0)
    }

    /// Takes note that `id` has ended; gives what is alive and free now.
    pub(super) fn release(
        &mut self,
        id: ProcessId,
        order: &DependencyGraph,
        all: &Members,
    ) -> Vec<ProcessId> {
        let alive = |id: ProcessId| all.get(id).is_some_and(Lifecycle::is_alive);
        let (mut free, mut open) = (Vec::new(), vec![id]);
        while let Some(id) = open.pop() {
            // One that ended while something needs it goes on holding what it needs itself.
            if !self.is_free(id) || !self.holds.remove(&id) {
                continue;
            }
            for needed in order.needs(id).iter().flat_map(|need| &need.ids) {
                if let Some(holders) = self.holders.get_mut(needed) {
                    *holders = holders.saturating_sub(1);
                    if *holders == 0 && alive(*needed) {
                        free.push(*needed);
                    } else if *holders == 0 {
                        open.push(*needed);
                    }
                }
            }
        }
        free
    }
}

/// From the dependency that cannot get there down to the root of the matter.
fn chain(one: &Lifecycle, need: &DependencyEdge) -> Vec<SkipLink> {
    let why = match (&one.state, &one.last) {
        (State::Ended(Outcome::Skipped { .. }), _) => "it was skipped".to_owned(),
        (State::Ended(Outcome::Succeeded), Some(last)) => format!(
            "it has already ended ({}), so it is not {} any more; \"succeeded\" may be meant",
            last.describe(),
            need.condition.as_str()
        ),
        (State::Ended(Outcome::Failed { gave_up: true }), Some(last)) => {
            format!("{}; {}", last.describe(), gave_up(one.retries_used()))
        }
        (_, Some(last)) => last.describe(),
        (_, None) => "it cannot get there".to_owned(),
    };
    let mut links = vec![SkipLink { name: one.name.clone(), condition: need.condition, why }];
    if let State::Ended(Outcome::Skipped { chain, .. }) = &one.state {
        links.extend(chain.iter().cloned());
    }
    links
}
