//! Why one process is where it is, down to the root of the matter.

use std::collections::HashSet;

use super::Orchestra;
use crate::machine::lifecycle::{Lifecycle, Outcome, State};
use crate::machine::{Moment, ProcessId, ProcessView, StateName};
use crate::spec::{Condition, Name};

/// One link of the answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reason {
    /// Whom it is about.
    pub(crate) name: Name,
    /// How many links lie between it and what was asked about.
    pub(crate) depth: u32,
    /// What it is to reach for the link before, where that depends on it.
    pub(crate) condition: Option<Condition>,
    pub(crate) state: StateName,
    /// One sentence.
    pub(crate) why: String,
}

impl Orchestra {
    /// This process first, then what keeps it, each followed by what keeps that.
    pub(crate) fn why(&self, id: ProcessId, now: Moment) -> Vec<Reason> {
        let (mut reasons, mut seen) = (Vec::new(), HashSet::new());
        self.explain(id, None, 0, now, &mut seen, &mut reasons);
        reasons
    }

    fn explain(
        &self,
        id: ProcessId,
        condition: Option<Condition>,
        depth: u32,
        now: Moment,
        seen: &mut HashSet<ProcessId>,
        reasons: &mut Vec<Reason>,
    ) {
        let Some(one) = self.all.get(id).filter(|_| seen.insert(id)) else { return };
        let view = ProcessView::of(one, &self.order, &self.all);
        let (name, state, why) = (one.name.clone(), view.state, view.why(now));
        reasons.push(Reason { name, depth, condition, state, why });
        match &one.state {
            State::Waiting { .. } | State::Ended(Outcome::Skipped { .. }) => {
                for (needed, condition) in self.order.unmet(id, &self.all) {
                    self.explain(needed, Some(condition), depth + 1, now, seen, reasons);
                }
            }
            State::Queued { .. } => {
                for holder in self.holders(one) {
                    self.explain(holder, None, depth + 1, now, seen, reasons);
                }
            }
            State::Idle
            | State::Starting { .. }
            | State::Running { .. }
            | State::Stopping { .. }
            | State::Backoff { .. }
            | State::Ended(_) => {}
        }
    }

    /// Who has the slots of its pool.
    fn holders(&self, of: &Lifecycle) -> Vec<ProcessId> {
        let same = |one: &&Lifecycle| one.spec.pool == of.spec.pool && one.is_alive();
        self.all.iter().filter(same).map(|one| one.id).collect()
    }
}
