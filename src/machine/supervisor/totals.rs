//! Counts of processes by state, updated with each change.

use super::Supervisor;
use crate::machine::lifecycle::{Lifecycle, Outcome, State};
use crate::machine::step_context::StepContext;
use crate::machine::{ProcessId, Retention};
use crate::spec::ProcessKind;

/// Counts over all lifecycles, or the share of one lifecycle.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct StateTotals {
    alive: usize,
    queued: usize,
    pub(super) busy: usize,
    /// Processes (not jobs) that were started and not stopped.
    pub(super) wanted: usize,
    /// The wanted ones that are ready or have succeeded.
    pub(super) good: usize,
    /// Failed and skipped ones.
    pub(super) unwell: usize,
    /// Ended ones that a file change would start.
    pub(super) watched: usize,
}

impl StateTotals {
    pub(super) fn of(process: &Lifecycle) -> Self {
        let counts = process.retention == Retention::Keep;
        let counts = counts && process.spec.kind == ProcessKind::Process;
        let is_unwell =
            matches!(process.state, State::Ended(Outcome::Failed { .. } | Outcome::Skipped { .. }));
        let is_wanted = counts && process.state_name().is_requested();
        Self {
            alive: process.is_alive().into(),
            queued: matches!(process.state, State::Queued { .. }).into(),
            busy: process.is_busy().into(),
            wanted: is_wanted.into(),
            good: (is_wanted && process.state_name().is_settled()).into(),
            unwell: (is_unwell && process.retention != Retention::KeepRecent).into(),
            watched: process.starts_on_file_change().into(),
        }
    }

    pub(super) fn replace(&mut self, before: Self, after: Self) {
        replace(&mut self.alive, before.alive, after.alive);
        replace(&mut self.queued, before.queued, after.queued);
        replace(&mut self.busy, before.busy, after.busy);
        replace(&mut self.wanted, before.wanted, after.wanted);
        replace(&mut self.good, before.good, after.good);
        replace(&mut self.unwell, before.unwell, after.unwell);
        replace(&mut self.watched, before.watched, after.watched);
    }
}

fn replace(count: &mut usize, before: usize, after: usize) {
    *count = (*count + after).saturating_sub(before);
}

impl Supervisor {
    /// Changes one lifecycle and updates everything that is derived from it.
    pub(super) fn with(
        &mut self,
        id: ProcessId,
        change: impl FnOnce(&mut Lifecycle, &mut StepContext),
    ) {
        let Some(process) = self.members.get_mut(id) else { return };
        let (before, deadline) = (StateTotals::of(process), process.deadline());
        let transitions = process.transitions;
        change(process, &mut self.cx);
        let (after, next_deadline) = (StateTotals::of(process), process.deadline());
        if deadline != next_deadline {
            if let Some(moment) = deadline {
                self.deadlines.remove(&(moment, id));
            }
            if let Some(moment) = next_deadline {
                self.deadlines.insert((moment, id));
            }
        }
        if process.transitions == transitions {
            self.members.changed.insert(id);
        } else {
            self.touch(id);
        }
        self.count(id, before, after);
    }

    /// Marks a process as changed, so its dependants are reconsidered.
    pub(super) fn touch(&mut self, id: ProcessId) {
        self.dirty.insert(id);
        self.members.changed.insert(id);
        self.members.changed.extend(self.graph.dependants(id));
    }

    /// Removes a process from its pool, with its slot, and from all counts.
    pub(super) fn leave_pool(&mut self, id: ProcessId) {
        if let Some(totals) = self.members.get(id).map(StateTotals::of) {
            self.count(id, totals, StateTotals::default());
        }
    }

    /// Counts a process again, in its new pool.
    pub(super) fn join_pool(&mut self, id: ProcessId) {
        let Some(process) = self.members.get(id) else { return };
        let (totals, pool) = (StateTotals::of(process), process.spec.pool.clone());
        self.count(id, StateTotals::default(), totals);
        let slots = pool.and_then(|pool| self.slots.get_mut(&pool));
        if let Some(slots) = slots.filter(|_| totals.alive > 0) {
            slots.force_hold(id);
        }
    }

    fn count(&mut self, id: ProcessId, before: StateTotals, after: StateTotals) {
        if before == after {
            return;
        }
        self.totals.replace(before, after);
        let Some(process) = self.members.get(id) else { return };
        let pool = process.spec.pool.as_ref();
        let Some(slots) = pool.and_then(|pool| self.slots.get_mut(pool)) else { return };
        replace(&mut slots.busy, before.busy, after.busy);
        slots.drain_reported &= slots.busy == 0;
        if before.queued < after.queued {
            slots.enqueue(id, process.priority);
        }
        if before.alive + before.queued > 0 && after.alive + after.queued == 0 {
            slots.remove(id);
        }
    }
}

#[cfg(test)]
impl Supervisor {
    /// Compares everything that is updated incrementally with the same computed from scratch.
    pub(in crate::machine) fn check(&self) {
        use crate::machine::ProcessView;
        use std::collections::BTreeSet;
        use std::sync::Arc;

        let mut totals = StateTotals::default();
        let mut deadlines = BTreeSet::new();
        for process in self.members.iter() {
            let (name, spec) = (process.name.clone(), Arc::clone(&process.spec));
            let idle = Lifecycle::new(process.id, name, None, spec);
            totals.replace(StateTotals::of(&idle), StateTotals::of(process));
            deadlines.extend(process.deadline().map(|moment| (moment, process.id)));
        }
        assert_eq!(totals, self.totals, "totals");
        assert_eq!(deadlines, self.deadlines, "deadlines");
        let settled = self.dirty.is_empty() && self.granting.is_empty() && self.retiring.is_empty();
        assert!(settled, "something was not reconsidered");
        for (pool, slots) in &self.slots {
            let members = || self.members.iter().filter(|process| process.is_in_pool(pool));
            let alive = members().filter(|process| process.is_alive()).count();
            let queued =
                members().filter(|process| matches!(process.state, State::Queued { .. })).count();
            assert_eq!(slots.counts(), (alive, queued), "slots of {pool}");
            let busy = members().filter(|process| process.is_busy()).count();
            assert_eq!(slots.busy, busy, "busy in {pool}");
            let concurrency = slots.spec.concurrency as usize;
            assert!(slots.crowded || alive <= concurrency, "{pool} is full");
            let is_idle = self.is_up() && !slots.paused && queued > 0 && alive < concurrency;
            assert!(!is_idle, "a slot of {pool} idles");
        }
        for process in self.members.iter() {
            let kept = self.views.get(&process.id);
            if let Some(view) = kept.filter(|view| !self.members.changed.contains(&view.id)) {
                let fresh = ProcessView::of(process, &self.graph, &self.members);
                assert_eq!(**view, fresh, "the kept view of {}", process.name);
            }
        }
    }
}
