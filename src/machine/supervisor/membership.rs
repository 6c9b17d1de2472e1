//! Members that are added and removed while the project runs.

use std::sync::Arc;

use super::Supervisor;
use super::totals::TotalsShare;
use crate::machine::lifecycle::{Lifecycle, State};
use crate::machine::slots::Slots;
use crate::machine::snapshot::ProjectPhase;
use crate::machine::{Effect, NewMember, ProcessId, ProcessView, Retention};
use crate::spec::{Name, PoolSpec, ProcessKind};

/// So many of those aside are listed after their end.
pub(in crate::machine) const ASIDE: usize = 20;

impl Supervisor {
    /// Takes these in, to be started by an intent; gives their numbers in the same order.
    ///
    /// `None` once the project is being stopped: nothing starts any more.
    pub fn admit(&mut self, newcomers: Vec<NewMember>) -> Option<Vec<ProcessId>> {
        if self.phase != ProjectPhase::Up || self.finish.is_some() {
            return None;
        }
        let mut ids = Vec::with_capacity(newcomers.len());
        for NewMember { spec, retention, priority, delay } in newcomers {
            let pool = spec.pool.clone();
            let one = self.all.add(spec.name.clone(), None, spec);
            (one.retention, one.priority, one.delay) = (retention, priority, delay);
            one.added = true;
            let id = one.id;
            if let Some(pool) = pool {
                self.order.join(&pool, id);
            }
            ids.push(id);
        }
        self.make_room();
        Some(ids)
    }

    /// Of those aside that have ended, the oldest go when there are too many.
    fn make_room(&mut self) {
        let rests = |one: &&Lifecycle| {
            one.retention == Retention::KeepRecent && matches!(one.state, State::Ended(_))
        };
        let resting: Vec<ProcessId> = self.all.iter().filter(rests).map(|one| one.id).collect();
        for id in resting.iter().take(resting.len().saturating_sub(ASIDE)) {
            self.with(*id, |one, _, _| one.retention = Retention::RemoveOnExit);
            self.retire(*id);
        }
    }

    /// Takes a pool in. One with the same name that is there already stays as it is.
    pub fn add_pool(&mut self, pool: PoolSpec) {
        let name = pool.name.clone();
        self.slots.entry(name).or_insert_with(|| Slots::new(Arc::new(pool)));
    }

    /// A paused pool starts nothing; what runs goes on.
    pub(super) fn pause_pool(&mut self, pool: &Name, paused: bool) {
        if let Some(slots) = self.slots.get_mut(pool) {
            slots.paused = paused;
            self.granting.insert(pool.clone());
        }
    }

    /// A pool that came while the project runs goes again, once nothing of it is left.
    pub(super) fn dismiss_pool(&mut self, pool: &Name) {
        if let Some(slots) = self.slots.get_mut(pool) {
            slots.dismissed = true;
            self.drop_pool_if_idle(&pool.clone());
        }
    }

    fn drop_pool_if_idle(&mut self, pool: &Name) {
        if self.slots.get(pool).is_some_and(|slots| slots.dismissed && slots.busy == 0) {
            self.slots.shift_remove(pool);
            self.granting.remove(pool);
        }
    }

    /// It has ended for good: if it was to stay until then, it goes.
    pub(super) fn retire(&mut self, id: ProcessId) {
        let passing = |retention| retention == Retention::RemoveOnExit;
        if !self.all.get(id).is_some_and(|one| passing(one.retention)) {
            return;
        }
        let Some(one) = self.all.get(id) else { return };
        let view = Arc::new(ProcessView::of(one, &self.order, &self.all));
        self.out.effects.push(Effect::Over { process: id, view });
        if one.spec.kind == ProcessKind::Process && self.phase == ProjectPhase::Up {
            // A replica less to wait for.
            for dependant in self.order.dependants(id).to_vec() {
                self.touch(dependant);
            }
        }
        self.remember_unkillable(id);
        let Some(one) = self.all.remove(id) else { return };
        self.dirty.remove(&id);
        self.reruns.remove(&id);
        self.order.leave(id);
        self.totals.shift(TotalsShare::of(&one), TotalsShare::default());
        if let Some(pool) = &one.spec.pool {
            if let Some(slots) = self.slots.get_mut(pool) {
                slots.remember(&one);
            }
            self.drop_pool_if_idle(pool);
        }
    }
}
