//! Dependencies: who may start, who stops first, and why not.

use std::collections::{HashMap, HashSet};

use super::ProcessId;
use super::event::{Link, WaitingOn};
use super::lifecycle::{Lifecycle, Outcome, State};
use crate::spec::{Condition, Name, Spec};

/// One entry of `depends_on`, resolved to what can run.
#[derive(Debug, Clone)]
pub(super) struct Need {
    /// The process, job or pool as written.
    pub(super) on: Name,
    /// All replicas, or all jobs of the pool.
    pub(super) ids: Vec<ProcessId>,
    /// Conditions of a pool are about its jobs together.
    pub(super) is_pool: bool,
    pub(super) condition: Condition,
    /// A new run of the dependency restarts the dependant.
    pub(super) restart: bool,
}

/// Who needs whom, both ways. The graph has no cycle: the file was checked.
#[derive(Debug, Default)]
pub(super) struct Order {
    needs: Vec<Vec<Need>>,
    dependants: Vec<Vec<ProcessId>>,
}

/// Whether a condition holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// All of them do.
    Holds,
    /// These do not hold yet.
    NotYet(Vec<WaitingOn>),
    /// One cannot any more; the chain goes from it down to the root.
    Never(Name, Vec<Link>),
}

impl Order {
    pub(super) fn new(spec: &Spec, all: &[Lifecycle]) -> Self {
        let mut named: HashMap<&Name, Vec<ProcessId>> = HashMap::new();
        for one in all {
            named.entry(&one.spec.name).or_default().push(one.id);
        }
        let ids_of = |name: &Name| named.get(name).cloned().unwrap_or_default();
        let mut order =
            Self { needs: Vec::with_capacity(all.len()), dependants: vec![Vec::new(); all.len()] };
        let mut known: HashMap<Name, Vec<Need>> = HashMap::new();
        for one in all {
            let needs = known.entry(one.spec.name.clone()).or_insert_with(|| {
                let needs = one.spec.depends_on.iter().map(|(on, dependency)| {
                    let pool = spec.pools.get(on);
                    let ids = match pool {
                        Some(pool) => pool.jobs.iter().flat_map(ids_of).collect(),
                        None => ids_of(on),
                    };
                    Need {
                        on: on.clone(),
                        ids,
                        is_pool: pool.is_some(),
                        condition: dependency.condition,
                        restart: dependency.restart,
                    }
                });
                needs.collect()
            });
            for id in needs.iter().flat_map(|need| &need.ids) {
                if let Some(dependants) = order.dependants.get_mut(id.index()) {
                    dependants.push(one.id);
                }
            }
            order.needs.push(needs.clone());
        }
        order
    }

    pub(super) fn needs(&self, id: ProcessId) -> &[Need] {
        self.needs.get(id.index()).map_or(&[], Vec::as_slice)
    }

    pub(super) fn dependants(&self, id: ProcessId) -> &[ProcessId] {
        self.dependants.get(id.index()).map_or(&[], Vec::as_slice)
    }

    /// Forgets the needs of `id` on anything outside `chosen`.
    pub(super) fn keep_only(&mut self, chosen: &[ProcessId]) {
        for needs in &mut self.needs {
            for need in needs.iter_mut() {
                need.ids.retain(|id| chosen.contains(id));
            }
            needs.retain(|need| !need.ids.is_empty());
        }
    }

    /// `roots` and everything they need, directly or not; every one once, roots first.
    pub(super) fn closure(&self, roots: &[ProcessId]) -> Vec<ProcessId> {
        let mut seen: HashSet<ProcessId> = roots.iter().copied().collect();
        let mut found = roots.to_vec();
        let mut next = 0;
        while let Some(id) = found.get(next).copied() {
            next += 1;
            for need in self.needs(id) {
                for id in &need.ids {
                    if seen.insert(*id) {
                        found.push(*id);
                    }
                }
            }
        }
        found
    }

    /// Whether something alive needs `id`, directly or not.
    pub(super) fn holds_up(&self, id: ProcessId, alive: impl Fn(ProcessId) -> bool) -> bool {
        let mut seen = HashSet::new();
        let mut open = vec![id];
        while let Some(id) = open.pop() {
            for dependant in self.dependants(id) {
                if alive(*dependant) {
                    return true;
                }
                if seen.insert(*dependant) {
                    open.push(*dependant);
                }
            }
        }
        false
    }

    /// How the conditions of `id` stand.
    pub(super) fn standing(&self, id: ProcessId, all: &[Lifecycle]) -> Standing {
        let mut missing = Vec::new();
        for need in self.needs(id) {
            let mut holds = true;
            for one in need.ids.iter().filter_map(|id| all.get(id.index())) {
                match stands(one, need) {
                    Stand::Holds => {}
                    Stand::NotYet => holds = false,
                    Stand::Never => {
                        return Standing::Never(need.on.clone(), chain(one, need));
                    }
                }
            }
            if !holds {
                missing.push(WaitingOn { name: need.on.clone(), condition: need.condition });
            }
        }
        if missing.is_empty() { Standing::Holds } else { Standing::NotYet(missing) }
    }
}

/// How one process stands to one condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stand {
    Holds,
    NotYet,
    Never,
}

fn stands(one: &Lifecycle, need: &Need) -> Stand {
    let succeeded = one.last.as_ref().is_some_and(|last| last.success);
    let holds = match need.condition {
        Condition::Started => one.started,
        // A job of a pool that is done is as good as ready: the pool as a whole is what is meant.
        Condition::Ready => one.is_ready() || need.is_pool && succeeded,
        Condition::Succeeded => succeeded,
        Condition::Completed => match &one.state {
            State::Ended(Outcome::Succeeded | Outcome::Failed { .. }) => true,
            State::Ended(Outcome::Stopped | Outcome::Skipped { .. }) => need.is_pool,
            State::Idle
            | State::Waiting { .. }
            | State::Queued { .. }
            | State::Starting { .. }
            | State::Running { .. }
            | State::Stopping { .. }
            | State::Backoff { .. } => false,
        },
    };
    if holds {
        return Stand::Holds;
    }
    match &one.state {
        State::Ended(Outcome::Succeeded | Outcome::Failed { .. } | Outcome::Skipped { .. }) => {
            Stand::Never
        }
        // One that a user stopped may come back.
        State::Ended(Outcome::Stopped)
        | State::Idle
        | State::Waiting { .. }
        | State::Queued { .. }
        | State::Starting { .. }
        | State::Running { .. }
        | State::Stopping { .. }
        | State::Backoff { .. } => Stand::NotYet,
    }
}

/// From the dependency that cannot get there down to the root of the matter.
fn chain(one: &Lifecycle, need: &Need) -> Vec<Link> {
    let why = match (&one.state, &one.last) {
        (State::Ended(Outcome::Skipped { .. }), _) => "it was skipped".to_owned(),
        (State::Ended(Outcome::Succeeded), Some(last)) => format!(
            "it has already ended ({}), so it is not {} any more; \"succeeded\" may be meant",
            last.describe(),
            need.condition.as_str()
        ),
        (State::Ended(Outcome::Failed { gave_up: true }), Some(last)) => {
            format!("{}; gave up after {} retries", last.describe(), one.retries_used())
        }
        (_, Some(last)) => last.describe(),
        (_, None) => "it cannot get there".to_owned(),
    };
    let mut links = vec![Link { name: one.name.clone(), condition: need.condition, why }];
    if let State::Ended(Outcome::Skipped { chain }) = &one.state {
        links.extend(chain.iter().cloned());
    }
    links
}
