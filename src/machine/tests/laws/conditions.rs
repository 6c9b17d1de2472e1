//! Law: `wait` on the socket, the graph of the interface and the explanation of a process agree
//! with the machine on every condition.

use super::Laws;
use crate::machine::condition::{ConditionStatus, combined_status};
use crate::machine::{Explanation, Moment, ProjectPhase, Snapshot, StateName, Supervisor};

/// The graph of every so many snapshots is drawn: it takes longer than all the other laws.
#[cfg(feature = "tui")]
const DRAWN: u64 = 8;

impl Laws {
    pub(super) fn conditions(&self, machine: &Supervisor, now: Moment, snapshot: &Snapshot) {
        // While the project ends nothing starts, so nobody asks for a condition any more.
        if self.ignores_dependencies || snapshot.phase != ProjectPhase::Up {
            return;
        }
        #[cfg(feature = "tui")]
        let nodes = snapshot.number.is_multiple_of(DRAWN).then(|| {
            use crate::control::wire::ProjectState;
            use crate::tui::model::usage::ReadyTimes;
            use crate::tui::render::graph::nodes;
            nodes(&ProjectState::before_start("test", snapshot), &ReadyTimes::default())
        });
        for view in snapshot.processes.iter().filter(|view| !self.leaving.contains(&view.id)) {
            for (on, condition, status) in machine.dependency_statuses(view.id) {
                let subjects = || snapshot.processes.iter().map(|one| one.condition_subject());
                let is_about_leaver = snapshot.processes.iter().any(|one| {
                    self.leaving.contains(&one.id)
                        && one.condition_subject().scope(on.as_str(), condition).is_some()
                });
                // It is waited for no more, and still seen.
                if is_about_leaver {
                    continue;
                }
                let what = || format!("{} on {on} {condition:?}: {snapshot:#?}", view.name);
                assert_eq!(
                    combined_status(subjects(), on.as_str(), condition),
                    status,
                    "{}",
                    what()
                );
                #[cfg(feature = "control")]
                waits_alike(machine, snapshot, (on.as_str(), condition, status), &what);
                #[cfg(feature = "tui")]
                if let Some(nodes) = &nodes {
                    let node = nodes.iter().find(|node| node.name == *view.process.as_str());
                    let mut edges = node.iter().flat_map(|node| &node.dependencies);
                    let edge = edges.find(|edge| edge.name == on.as_str());
                    let is_met = status == ConditionStatus::Met;
                    assert_eq!(
                        edge.map(|edge| edge.is_fulfilled),
                        Some(is_met),
                        "graph: {}",
                        what()
                    );
                }
                let waits = view.waits_for.iter().find(|waits| waits.name == on);
                if view.state == StateName::Waiting && waits.is_some() {
                    // One that ran before is left waiting beside a part that cannot get there.
                    assert_ne!(status, ConditionStatus::Met, "{}", what());
                    let why = Explanation::of(snapshot, view.id, now).unwrap();
                    assert!(!why.because.is_empty(), "it says whom it waits for: {}", what());
                }
            }
        }
    }
}

#[cfg(feature = "control")]
fn waits_alike(
    machine: &Supervisor,
    snapshot: &Snapshot,
    (on, condition, status): (&str, crate::spec::Condition, ConditionStatus),
    what: &dyn Fn() -> String,
) {
    use crate::control::waiting::WaitGoal;
    let Ok(targets) = machine.targets(&[on.to_owned()]) else { return };
    let goal = WaitGoal { targets, condition: Some(condition) };
    let waited = goal.status(snapshot);
    let is_bare_pool = waited
        .members
        .iter()
        .all(|member| member.view.condition_subject().scope(on, condition).is_none());
    // Of a pool without jobs those are meant that take its slots.
    if is_bare_pool {
        return;
    }
    assert_eq!(waited.status, status, "wait: {}", what());
}
