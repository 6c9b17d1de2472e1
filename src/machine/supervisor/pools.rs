//! Pools: assigns slots, applies the failure policy, and detects when a pool has drained.

use super::Supervisor;
use crate::machine::event::{Cause, EndCause, Event, EventStamp, PoolDrained};
use crate::machine::lifecycle::{Blocker, Outcome, State};
use crate::machine::slots::Slots;
use crate::machine::snapshot::ProjectPhase;
use crate::machine::{Moment, ProcessId};
use crate::spec::{Name, OnFailure};

impl Supervisor {
    /// Gives the first in the queue of a pool a slot, if one is free. What follows from that comes
    /// before the next one: its start may be what keeps the next one from starting.
    pub(super) fn grant(&mut self, now: Moment, pool: &Name) {
        if self.phase != ProjectPhase::Up {
            return;
        }
        if let Some(next) = self.slots.get_mut(pool).and_then(Slots::grant) {
            self.with(next, |one, _, out| one.slot_acquired(now, out));
            self.granting.insert(pool.clone());
        }
    }

    /// A pool that was stopped goes on when one of its members is started by hand.
    pub(super) fn resume_pool(&mut self, id: ProcessId) {
        let pool = self.all.get(id).and_then(|one| one.spec.pool.as_ref());
        if let Some(slots) = pool.and_then(|pool| self.slots.get_mut(pool)) {
            slots.halted = false;
        }
    }

    fn members(&self, pool: &Name) -> Vec<ProcessId> {
        let of = self.all.iter().filter(|one| one.spec.pool.as_ref() == Some(pool));
        of.map(|one| one.id).collect()
    }

    /// `on_failure = "stop"`: queued members are skipped, running ones stopped.
    pub(super) fn halt_pool(&mut self, now: Moment, pool: &Name, failed: &Name) {
        let Some(slots) = self.slots.get_mut(pool) else { return };
        if slots.spec.on_failure != OnFailure::Stop
            || slots.halted
            || self.phase != ProjectPhase::Up
        {
            return;
        }
        slots.halted = true;
        for id in self.members(pool) {
            let cause = Cause::Pool { pool: pool.clone(), failed: failed.clone() };
            let why = Blocker { by: None, on: failed.clone(), chain: Vec::new() };
            self.with(id, |one, _, out| {
                let before = one.moves;
                if one.is_alive() {
                    one.stop(now, EndCause::Stop, cause, false, out);
                } else {
                    one.skip(now, why, cause, out);
                }
                if (one.is_alive() || one.moves != before) && !one.is_stopped() {
                    one.halted_by = Some(failed.clone());
                }
            });
        }
    }

    pub(super) fn tell_drained(&mut self, pool: &Name) {
        let Some(slots) = self.slots.get_mut(pool) else { return };
        if slots.busy > 0 || std::mem::replace(&mut slots.told_drained, true) {
            return;
        }
        let (mut succeeded, mut failed) = std::mem::take(&mut slots.gone);
        for one in self.all.iter().filter(|one| one.spec.pool.as_ref() == Some(pool)) {
            match &one.state {
                State::Ended(Outcome::Succeeded) => succeeded += 1,
                State::Ended(_) => failed += 1,
                State::Idle
                | State::Waiting { .. }
                | State::Queued { .. }
                | State::Starting { .. }
                | State::Running { .. }
                | State::Stopping { .. }
                | State::Backoff { .. } => {}
            }
        }
        let (stamp, pool) = (EventStamp::default(), pool.clone());
        self.out.events.push(Event::from(PoolDrained { stamp, pool, succeeded, failed }));
    }
}
