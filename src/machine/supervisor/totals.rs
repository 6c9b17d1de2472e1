//! Counts of processes by state, updated with each change.

use super::Supervisor;
use crate::machine::lifecycle::{Lifecycle, Outcome, State};
use crate::machine::retry::JitterRng;
use crate::machine::{ProcessId, Retention, Step};
use crate::spec::ProcessKind;

/// Counts over all lifecycles, kept up by [`Supervisor::with`].
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct StateTotals {
    /// Under way in any sense.
    pub(super) busy: usize,
    /// Processes (not jobs) that were asked for and not stopped.
    pub(super) wanted: usize,
    /// Of those, the ready and the succeeded.
    pub(super) good: usize,
    /// Down for good, and not well.
    pub(super) unwell: usize,
    /// At rest until their files change.
    pub(super) watched: usize,
}

/// What one lifecycle adds to the totals.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "one for each count, independent of each other")]
pub(super) struct TotalsShare {
    alive: bool,
    queued: bool,
    busy: bool,
    wanted: bool,
    good: bool,
    unwell: bool,
    watched: bool,
}

impl TotalsShare {
    pub(super) fn of(one: &Lifecycle) -> Self {
        let lasts = one.retention == Retention::Keep;
        let process = lasts && one.spec.kind == ProcessKind::Process;
        let (wanted, unwell) = match &one.state {
            State::Idle | State::Ended(Outcome::Stopped) => (false, false),
            State::Ended(Outcome::Failed { .. } | Outcome::Skipped { .. }) => (true, true),
            State::Ended(Outcome::Succeeded)
            | State::Waiting { .. }
            | State::Queued { .. }
            | State::Starting { .. }
            | State::Running { .. }
            | State::Stopping { .. }
            | State::Backoff { .. } => (true, false),
        };
        Self {
            alive: one.is_alive(),
            queued: matches!(one.state, State::Queued { .. }),
            busy: one.is_busy(),
            wanted: wanted && process,
            good: wanted && process && one.progress().is_settled(),
            unwell: unwell && one.retention != Retention::KeepRecent,
            watched: one.rests_watched(),
        }
    }
}

fn shift(count: &mut usize, before: bool, after: bool) {
    match (before, after) {
        (false, true) => *count += 1,
        (true, false) => *count = count.saturating_sub(1),
        (true, true) | (false, false) => {}
    }
}

impl StateTotals {
    pub(super) fn shift(&mut self, before: TotalsShare, after: TotalsShare) {
        shift(&mut self.busy, before.busy, after.busy);
        shift(&mut self.wanted, before.wanted, after.wanted);
        shift(&mut self.good, before.good, after.good);
        shift(&mut self.unwell, before.unwell, after.unwell);
        shift(&mut self.watched, before.watched, after.watched);
    }
}

impl Supervisor {
    /// Changes one lifecycle and keeps everything that is derived from it right.
    pub(super) fn with(
        &mut self,
        id: ProcessId,
        change: impl FnOnce(&mut Lifecycle, &mut JitterRng, &mut Step),
    ) {
        let Some(one) = self.all.get_mut(id) else { return };
        let (before, deadline, moves) = (TotalsShare::of(one), one.deadline(), one.moves);
        change(one, &mut self.jitter_rng, &mut self.out);
        let (after, next, has_moved) = (TotalsShare::of(one), one.deadline(), one.moves != moves);
        if deadline != next {
            if let Some(moment) = deadline {
                self.due.remove(&(moment, id));
            }
            if let Some(moment) = next {
                self.due.insert((moment, id));
            }
        }
        if has_moved {
            self.touch(id);
        } else {
            one.view = None;
        }
        self.count(id, before, after);
    }

    /// It entered a state, so those that depend on it are looked at again.
    pub(super) fn touch(&mut self, id: ProcessId) {
        self.dirty.insert(id);
        for changed in std::iter::once(&id).chain(self.order.dependants(id)) {
            if let Some(one) = self.all.get_mut(*changed) {
                one.view = None;
            }
        }
    }

    /// Takes it out of its pool, its slot with it, and out of all counts.
    pub(super) fn leave_pool(&mut self, id: ProcessId) {
        if let Some(mark) = self.all.get(id).map(TotalsShare::of) {
            self.count(id, mark, TotalsShare::default());
        }
    }

    /// Counts it again, in the pool it has now.
    pub(super) fn join_pool(&mut self, id: ProcessId) {
        let Some(one) = self.all.get(id) else { return };
        let (mark, pool) = (TotalsShare::of(one), one.spec.pool.clone());
        self.count(id, TotalsShare::default(), mark);
        if let Some(slots) = pool.and_then(|pool| self.slots.get_mut(&pool)).filter(|_| mark.alive)
        {
            slots.hold(id);
        }
    }

    fn count(&mut self, id: ProcessId, before: TotalsShare, after: TotalsShare) {
        if before == after {
            return;
        }
        self.totals.shift(before, after);
        let Some(one) = self.all.get(id) else { return };
        let (pool, priority) = (one.spec.pool.as_ref(), one.priority);
        let Some(slots) = pool.and_then(|pool| self.slots.get_mut(pool)) else { return };
        shift(&mut slots.busy, before.busy, after.busy);
        slots.told_drained &= slots.busy == 0;
        if !before.queued && after.queued {
            slots.join(id, priority);
        }
        let held = before.alive || before.queued;
        if held && !after.alive && !after.queued {
            slots.leave(id);
        }
    }
}

#[cfg(test)]
impl Supervisor {
    /// Holds everything that is kept up by hand against the same computed from nothing.
    pub(in crate::machine) fn check(&self) {
        use crate::machine::{ProcessView, ProjectPhase};
        use std::collections::BTreeSet;
        use std::sync::Arc;

        let mut totals = StateTotals::default();
        let mut due = BTreeSet::new();
        for one in self.all.iter() {
            let idle = Lifecycle::new(one.id, one.name.clone(), None, Arc::clone(&one.spec));
            totals.shift(TotalsShare::of(&idle), TotalsShare::of(one));
            due.extend(one.deadline().map(|moment| (moment, one.id)));
        }
        assert_eq!(totals, self.totals, "totals");
        assert_eq!(due, self.due, "deadlines");
        let settled = self.dirty.is_empty() && self.granting.is_empty() && self.retiring.is_empty();
        assert!(settled, "something was left to look at");
        for (pool, slots) in &self.slots {
            let members = || self.all.iter().filter(|one| one.spec.pool.as_ref() == Some(pool));
            let alive = members().filter(|one| one.is_alive()).count();
            let queued = members().filter(|one| matches!(one.state, State::Queued { .. })).count();
            assert_eq!(slots.counts(), (alive, queued), "slots of {pool}");
            assert_eq!(slots.busy, members().filter(|one| one.is_busy()).count(), "busy in {pool}");
            assert!(
                slots.is_crowded() || alive <= slots.spec.concurrency as usize,
                "{pool} is full"
            );
            let is_up = self.phase == ProjectPhase::Up;
            let idles =
                is_up && !slots.paused && queued > 0 && alive < slots.spec.concurrency as usize;
            assert!(!idles, "a slot of {pool} idles");
        }
        for one in self.all.iter() {
            if let Some(view) = &one.view {
                let fresh = ProcessView::of(one, &self.order, &self.all);
                assert_eq!(**view, fresh, "the kept view of {}", one.name);
            }
        }
    }
}
