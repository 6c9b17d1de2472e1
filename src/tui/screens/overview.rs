//! Converts the pushed state to the data of graph and stats.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::time::Duration;

use indexmap::IndexMap;
use jiff::Timestamp;

use super::graph::{GraphNode, GraphViewEdge};
use super::stats::ProcessUsage;
use crate::control::wire::{DependencyState, ProcessState, ProjectState};
use crate::machine::condition::{ConditionStatus, combined_status};
use crate::machine::{Event, StateName};
use crate::spec::ProcessKind;

/// How long the latest runs took to be ready, by their events.
#[derive(Debug, Clone, Default)]
pub struct ReadyTimes {
    started: HashMap<String, (u32, Timestamp)>,
    took: HashMap<String, Duration>,
}

impl ReadyTimes {
    pub fn push(&mut self, event: &Event) {
        let Some(of) = event.subject() else { return };
        let time = event.stamp().time;
        if matches!(event, Event::ProcessStarted(_)) {
            self.started.insert(of.name.to_string(), (of.run, time));
        }
        // One that comes back from being unhealthy was ready before.
        let started = if matches!(event, Event::ProcessReady(_)) {
            self.started.remove(of.name.as_str()).filter(|(run, _)| *run == of.run)
        } else {
            None
        };
        if let Some((_, start)) = started {
            let took = Duration::try_from(time.duration_since(start)).unwrap_or_default();
            self.took.insert(of.name.to_string(), took);
        }
    }

    /// How long it took, if it has been ready.
    pub fn of(&self, name: &str) -> Option<Duration> {
        self.took.get(name).copied()
    }
}

/// What the graph draws: one node for each process, however many replicas it has, and for each
/// pool that something depends on.
pub fn nodes(overview: &ProjectState, took: &ReadyTimes) -> Vec<GraphNode> {
    let mut groups: IndexMap<&str, Vec<&ProcessState>> = IndexMap::new();
    for member in &overview.processes {
        groups.entry(&member.status.process).or_default().push(member);
    }
    let mut pools: IndexMap<&str, Vec<&ProcessState>> = IndexMap::new();
    let depended = |name: &str| {
        overview.processes.iter().any(|one| one.depends_on.iter().any(|on| on.name == name))
    };
    for pool in overview.pools.iter().filter(|pool| depended(pool.name.as_str())) {
        let jobs = |one: &&ProcessState| {
            one.kind == ProcessKind::Job && one.status.pool.as_deref() == Some(pool.name.as_str())
        };
        pools.insert(pool.name.as_str(), overview.processes.iter().filter(jobs).collect());
    }
    let edges = |members: &[&ProcessState]| {
        let first = members.first().map(|one| one.depends_on.as_slice()).unwrap_or_default();
        let edge = |on: &DependencyState| {
            let all = overview.processes.iter().map(ProcessState::condition_subject);
            let status = combined_status(all, &on.name, on.condition);
            GraphViewEdge {
                name: on.name.clone(),
                condition: on.condition.as_str().to_owned(),
                fulfilled: status == ConditionStatus::Met,
            }
        };
        first.iter().map(edge).collect::<Vec<GraphViewEdge>>()
    };
    let processes = groups
        .iter()
        .map(|(name, members)| GraphNode { on: edges(members), ..node(name, members, took) });
    processes.chain(pools.iter().map(|(name, jobs)| node(name, jobs, took))).collect()
}

fn node(name: &str, members: &[&ProcessState], took: &ReadyTimes) -> GraphNode {
    let worst = members.iter().max_by_key(|one| weight(one.status.state));
    let state = worst.map_or(StateName::Idle, |one| one.status.state);
    let calm = matches!(state, StateName::Ready | StateName::Succeeded);
    let why = match (members.len(), worst) {
        (0, _) | (_, None) => String::new(),
        (1, Some(one)) if calm && one.depends_on.is_empty() => String::new(),
        (1, Some(_)) if calm => String::new(),
        (1, Some(one)) => one.status.why.clone(),
        (all, Some(one)) => {
            let there = |one: &&&ProcessState| {
                matches!(one.status.state, StateName::Ready | StateName::Succeeded)
            };
            let there = members.iter().filter(there).count();
            let why = if calm { String::new() } else { format!("; {}", one.status.why) };
            format!("{there} of {all}{why}")
        }
    };
    GraphNode {
        name: name.to_owned(),
        state,
        checked: members.iter().any(|one| one.status.checked),
        why,
        on: Vec::new(),
        took: members.iter().filter_map(|one| took.of(&one.status.name)).max(),
    }
}

/// The further from being there, the more it says about the whole.
fn weight(state: StateName) -> u8 {
    match state {
        StateName::Ready | StateName::Succeeded => 0,
        StateName::Idle => 1,
        StateName::Stopped => 2,
        StateName::Queued => 3,
        StateName::Waiting => 4,
        StateName::Starting => 5,
        StateName::Stopping => 6,
        StateName::Skipped => 7,
        StateName::Unhealthy => 8,
        StateName::Backoff => 9,
        StateName::Failed => 10,
    }
}

/// What was measured of each process, the latest last.
#[derive(Debug, Clone, Default)]
pub struct UsageHistory {
    /// By number: share of one processor, and bytes.
    all: HashMap<u64, (Vec<f64>, Vec<f64>)>,
    /// When it was measured last.
    last: Option<Duration>,
}

/// Measurements that are kept: ten minutes.
const KEPT: usize = 120;
/// What comes sooner is no new measurement: it is taken every five seconds.
const SOONEST: Duration = Duration::from_millis(4500);

impl UsageHistory {
    /// One more measurement of all, at this time; what is not measured adds nothing.
    pub fn push(&mut self, overview: &ProjectState, now: Duration) {
        self.all.retain(|id, _| overview.processes.iter().any(|one| one.id == *id));
        let is_measured = overview.processes.iter().any(|one| one.status.cpu_percent.is_some());
        let is_soon = self.last.is_some_and(|last| now.saturating_sub(last) < SOONEST);
        if !is_measured || is_soon {
            return;
        }
        self.last = Some(now);
        for one in &overview.processes {
            let status = &one.status;
            let (Some(share), Some(bytes)) = (status.cpu_percent, status.memory_bytes) else {
                continue;
            };
            let (shares, sizes) = self.all.entry(one.id).or_default();
            for (values, value) in [(shares, share), (sizes, bytes as f64)] {
                values.push(value);
                let over = values.len().saturating_sub(KEPT);
                values.drain(..over);
            }
        }
    }

    /// Of one process: share of one processor, and bytes.
    pub fn of(&self, id: u64) -> (&[f64], &[f64]) {
        self.all.get(&id).map_or((&[], &[]), |(shares, sizes)| (shares, sizes))
    }

    pub fn usage(&self, overview: &ProjectState, took: &ReadyTimes) -> Vec<ProcessUsage> {
        let usage = |one: &ProcessState| {
            let (processor, memory) = self.of(one.id);
            let alive = one.status.state.is_alive();
            ProcessUsage {
                name: one.status.name.clone(),
                state: one.status.state,
                checked: one.status.checked,
                // What is down uses nothing now, whatever it did.
                processor: if alive { processor.to_vec() } else { Vec::new() },
                memory: if alive { memory.to_vec() } else { Vec::new() },
                restarts: one.status.restarts,
                took: took.of(&one.status.name),
            }
        };
        overview.processes.iter().map(usage).collect()
    }
}
