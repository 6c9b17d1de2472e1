//! Pools: assigns slots, applies the failure policy, and detects when a pool has drained.

use super::Supervisor;
use crate::machine::ProcessId;
use crate::machine::event::{Cause, EndCause, EventStamp, PoolDrained};
use crate::machine::lifecycle::{Blocker, Lifecycle};
use crate::machine::slots::{EndCounts, Slots};
use crate::spec::{Name, OnFailure};

impl Supervisor {
    /// Gives a free slot to the first process in the queue of a pool. The consequences come before
    /// the next grant: the start of one process may prevent that of the next one.
    pub(super) fn grant_slot(&mut self, pool: &Name) {
        if !self.is_up() {
            return;
        }
        if let Some(next) = self.slots.get_mut(pool).and_then(Slots::grant) {
            self.with(next, Lifecycle::slot_acquired);
            self.granting.insert(pool.clone());
        }
    }

    /// A pool that a failure has stopped continues when one of its members is started manually.
    pub(super) fn unhalt_pool(&mut self, id: ProcessId) {
        let pool = self.members.get(id).and_then(|process| process.spec.pool.as_ref());
        if let Some(slots) = pool.and_then(|pool| self.slots.get_mut(pool)) {
            slots.halted = false;
        }
    }

    /// Applies `on_failure = "stop"`: skips queued members and stops running ones.
    pub(super) fn halt_pool(&mut self, pool: &Name, failed: &Name) {
        let is_up = self.is_up();
        let Some(slots) = self.slots.get_mut(pool) else { return };
        if slots.spec.on_failure != OnFailure::Stop || slots.halted || !is_up {
            return;
        }
        slots.halted = true;
        for id in self.members.ids_where(|process| process.is_in_pool(pool)) {
            let cause = Cause::Pool { pool: pool.clone(), failed: failed.clone() };
            let blocker = Blocker { by: None, on: failed.clone(), chain: Vec::new() };
            self.with(id, |process, cx| {
                let before = process.transitions;
                if process.is_alive() {
                    process.stop(EndCause::Stop, cause, false, cx);
                } else {
                    process.skip(blocker, cause, cx);
                }
                let is_affected = process.is_alive() || process.transitions != before;
                if is_affected && !process.stopped_by_user {
                    process.halted_by = Some(failed.clone());
                }
            });
        }
    }

    pub(super) fn report_drained(&mut self, pool: &Name) {
        let Some(slots) = self.slots.get_mut(pool) else { return };
        if slots.busy > 0 || std::mem::replace(&mut slots.drain_reported, true) {
            return;
        }
        let mut counts = std::mem::take(&mut slots.removed_members);
        for process in self.members.iter().filter(|process| process.is_in_pool(pool)) {
            counts.count(process);
        }
        let (stamp, pool) = (EventStamp::default(), pool.clone());
        let EndCounts { succeeded, failed, stopped, skipped } = counts;
        self.cx.emit(PoolDrained { stamp, pool, succeeded, failed, stopped, skipped });
    }
}
