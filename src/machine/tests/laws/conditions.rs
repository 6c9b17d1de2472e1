//! Law: `wait` on the socket, graph and details of the interface, and the explanation of a process
//! agree with the machine on every condition.

use super::Laws;
use crate::machine::condition::{ConditionStatus, combined_status};
use crate::machine::{Explanation, Moment, ProjectPhase, Snapshot, StateName, Supervisor};

impl Laws {
    pub(super) fn conditions(&mut self, machine: &Supervisor, now: Moment, snapshot: &Snapshot) {
        // While the project ends, no condition is awaited: nothing starts, and `wait` fails.
        if self.ignores_dependencies || snapshot.phase != ProjectPhase::Up {
            return;
        }
        #[cfg(feature = "tui")]
        let nodes = self.changed_graph(machine, snapshot);
        for view in snapshot.processes.iter().filter(|view| !self.leaving.contains(&view.id)) {
            for (on, condition, status) in machine.dependency_statuses(view.id) {
                let subjects = || snapshot.processes.iter().map(|one| one.condition_subject());
                let is_about_leaver = snapshot.processes.iter().any(|one| {
                    self.leaving.contains(&one.id)
                        && one.condition_subject().scope(on.as_str(), condition).is_some()
                });
                // A departing member is no dependency any more, but still in the snapshot.
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
                    use crate::tui::{glyphs, render::details::facts::depends_on};
                    let node = nodes.iter().find(|node| node.name == *view.process.as_str());
                    let mut edges = node.iter().flat_map(|node| &node.dependencies);
                    let edge = edges.find(|edge| edge.name == on.as_str());
                    let is_met = status == ConditionStatus::Met;
                    let shown = edge.map(|edge| edge.is_fulfilled);
                    assert_eq!(shown, Some(is_met), "graph: {}", what());
                    let glyphs = &glyphs::ASCII;
                    let details = depends_on(nodes, view.process.as_str(), glyphs);
                    let sign = if is_met { glyphs.yes } else { glyphs.no };
                    let entry = format!("{on} {} {sign}", condition.as_str());
                    assert!(details.split(", ").any(|text| text == entry), "{details}: {}", what());
                }
                let waits = view.waits_for.iter().find(|waits| waits.name == on);
                if view.state == StateName::Waiting && waits.is_some() {
                    // A dependant that ran before waits although a member can no longer meet the condition.
                    assert_ne!(status, ConditionStatus::Met, "{}", what());
                    let why = Explanation::of(snapshot, view.id, now).unwrap();
                    assert!(!why.because.is_empty(), "it names what it waits for: {}", what());
                }
            }
        }
    }

    /// The nodes of the graph if the status of a dependency has changed: drawing takes longer than all
    /// other laws.
    #[cfg(feature = "tui")]
    fn changed_graph(
        &mut self,
        machine: &Supervisor,
        snapshot: &Snapshot,
    ) -> Option<Vec<crate::tui::render::graph::GraphNode>> {
        use crate::control::wire::ProjectState;
        use crate::tui::{model::usage::ReadyTimes, render::graph::nodes};
        let ids = snapshot.processes.iter().map(|view| view.id);
        let statuses = ids.flat_map(|id| {
            machine.dependency_statuses(id).into_iter().map(move |(on, _, status)| (id, on, status))
        });
        let statuses: Vec<_> = statuses.collect();
        if statuses == self.drawn {
            return None;
        }
        self.drawn = statuses;
        Some(nodes(&ProjectState::before_start("test", snapshot), &ReadyTimes::default()))
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
    assert_eq!(goal.status(snapshot).status, status, "wait: {}", what());
}
