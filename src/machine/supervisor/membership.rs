//! Members and pools that are added and removed while the project runs.

use std::sync::Arc;

use super::Supervisor;
use super::totals::StateTotals;
use crate::machine::slots::Slots;
use crate::machine::{Effect, NewMember, ProcessId, ProcessView, Retention};
use crate::spec::{Name, PoolSpec, ProcessKind};

/// How many ad-hoc processes are still listed after their end.
pub(in crate::machine) const RECENT: usize = 20;

impl Supervisor {
    /// Adds members, to be started by an intent; returns their numbers in the same order.
    ///
    /// `None` once the project is being stopped, because nothing starts any more.
    pub fn admit(&mut self, new_members: Vec<NewMember>) -> Option<Vec<ProcessId>> {
        if !self.is_up() || self.finish.is_some() {
            return None;
        }
        let mut ids = Vec::with_capacity(new_members.len());
        for NewMember { spec, retention, priority, delay } in new_members {
            let pool = spec.pool.clone();
            let process = self.members.add(spec.name.clone(), None, spec);
            (process.retention, process.priority, process.delay) = (retention, priority, delay);
            process.added = true;
            ids.push(process.id);
            if let Some(pool) = pool {
                self.graph.add_pool_member(&pool, process.id);
            }
        }
        self.remove_oldest_recent();
        Some(ids)
    }

    /// Removes the oldest ended ad-hoc processes if there are more than [`RECENT`].
    fn remove_oldest_recent(&mut self) {
        let ended = self
            .members
            .ids_where(|process| process.retention == Retention::KeepRecent && process.has_ended());
        for id in ended.iter().take(ended.len().saturating_sub(RECENT)) {
            self.with(*id, |process, _| process.retention = Retention::RemoveOnExit);
            self.retire(*id);
        }
    }

    /// Adds a pool. An existing pool of the same name stays unchanged.
    pub fn add_pool(&mut self, pool: PoolSpec) {
        let name = pool.name.clone();
        self.slots.entry(name).or_insert_with(|| Slots::new(&Arc::new(pool)));
    }

    /// A paused pool starts nothing; running members continue.
    pub(super) fn pause_pool(&mut self, pool: &Name, paused: bool) {
        if let Some(slots) = self.slots.get_mut(pool) {
            slots.paused = paused;
            self.granting.insert(pool.clone());
        }
    }

    /// Removes a pool as soon as it has no busy member.
    pub(super) fn remove_pool(&mut self, pool: &Name) {
        if let Some(slots) = self.slots.get_mut(pool) {
            slots.removed = true;
            self.drop_pool_if_idle(pool);
        }
    }

    fn drop_pool_if_idle(&mut self, pool: &Name) {
        if self.slots.get(pool).is_some_and(|slots| slots.removed && slots.busy == 0) {
            self.slots.shift_remove(pool);
            self.granting.remove(pool);
        }
    }

    /// Removes a member that has finally ended if its retention says so.
    pub(super) fn retire(&mut self, id: ProcessId) {
        let Some(process) = self.members.get(id) else { return };
        if process.retention != Retention::RemoveOnExit {
            return;
        }
        let view = Arc::new(ProcessView::of(process, &self.graph, &self.members));
        self.cx.request(Effect::MemberRemoved { process: id, view });
        if process.spec.kind == ProcessKind::Process && self.is_up() {
            // There is one replica less to wait for.
            for dependant in self.graph.dependants(id).to_vec() {
                self.touch(dependant);
            }
        }
        self.remember_unkillable(id);
        let Some(process) = self.members.remove(id) else { return };
        self.views.remove(&id);
        self.dirty.remove(&id);
        self.reruns.remove(&id);
        self.graph.remove(id);
        self.totals.replace(StateTotals::of(&process), StateTotals::default());
        if let Some(pool) = &process.spec.pool {
            if let Some(slots) = self.slots.get_mut(pool) {
                slots.count_removed(&process);
            }
            self.drop_pool_if_idle(pool);
        }
    }
}
